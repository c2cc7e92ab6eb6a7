// SPDX-License-Identifier: Apache-2.0
#include "discover.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "text.h"

#define SERVICE "_ota-ws._tcp.local"
#define RECEIVE_MAX 9000 // the largest message of multicast DNS
#define HOPS 255

// When queries go out, in ms; then once a second.
static const uint32_t moments_ms[] = {0, 250, 600, 1000};

// ---- what is known ----

bool discover_is_complete(const discovered_t *device) {
    return device->has_text && device->port != 0;
}

static discovered_t *find_instance(discover_t *discover, const mdns_name_t *instance) {
    for (size_t i = 0; i < discover->count; i++) {
        if (mdns_name_equals(&discover->devices[i].instance, instance)) {
            return &discover->devices[i];
        }
    }
    return NULL;
}

static void take_pointer(discover_t *discover, const mdns_record_t *record) {
    discovered_t *device = find_instance(discover, &record->target);
    if (!mdns_name_equals(&record->name, &discover->service)) {
        return;
    }
    if (device == NULL && record->ttl > 0 && discover->count < DISCOVER_MAX) {
        device = &discover->devices[discover->count++];
        *device = (discovered_t){.instance = record->target};
        mdns_name_label(&record->target, device->name);
    }
    if (device != NULL) {
        device->is_gone = record->ttl == 0;
    }
}

// It goes into a request.
static bool is_path(const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '#' || *c == '?') {
            return false;
        }
    }
    return text[0] == '/';
}

static void take_text(discovered_t *device, const mdns_record_t *record) {
    char tls[2] = "";
    device->has_text = true;
    mdns_text_value(record, "id", device->id, sizeof device->id);
    if (!mdns_text_value(record, "path", device->path, sizeof device->path) || !is_path(device->path)) {
        device->path[0] = '\0';
    }
    mdns_text_value(record, "project", device->project, sizeof device->project);
    mdns_text_value(record, "version", device->version, sizeof device->version);
    device->tls = mdns_text_value(record, "tls", tls, sizeof tls) && tls[0] == '1';
}

static void take_address(discover_t *discover, const mdns_record_t *record) {
    struct in_addr address;
    memcpy(&address, record->address, sizeof address);
    if (mdns_name_equals(&record->name, &discover->wanted_host)) {
        discover->is_host_found = true;
        discover->host_address = address;
    }
    for (size_t i = 0; i < discover->count; i++) {
        discovered_t *device = &discover->devices[i];
        if (mdns_name_equals(&device->host, &record->name) && !device->has_address_record) {
            device->address = address;
            device->has_address_record = true;
        }
    }
}

static void take_record(void *context, const mdns_record_t *record) {
    discover_t *discover = context;
    if (record->type == MDNS_PTR) {
        take_pointer(discover, record);
        return;
    }
    if (record->type == MDNS_A) {
        take_address(discover, record);
        return;
    }
    discovered_t *device = find_instance(discover, &record->name);
    if (device != NULL && record->type == MDNS_TXT) {
        take_text(device, record);
    } else if (device != NULL && record->type == MDNS_SRV) {
        device->port = record->port;
        device->host = record->target;
        device->address = device->has_address_record ? device->address : discover->from;
    }
}

// ---- sockets ----

static int open_socket(uint16_t port) {
    int one = 1, hops = HOPS;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int handle = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (handle < 0) {
        return -1;
    }
    setsockopt(handle, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
    if (port != 0) {
        setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        setsockopt(handle, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    }
    if (bind(handle, (struct sockaddr *)&address, sizeof address) != 0) {
        close(handle);
        return -1;
    }
    return handle;
}

static void close_sockets(discover_t *discover) {
    int handles[] = {discover->own_socket, discover->shared_socket};
    for (size_t i = 0; i < 2; i++) {
        if (handles[i] >= 0) {
            close(handles[i]);
        }
    }
}

// Calls `job` for each network that multicast DNS can be spoken on.
static void each_network(discover_t *discover, void (*job)(discover_t *, struct ip_mreqn *, void *), void *context) {
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0) {
        return;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next) {
        bool is_usable = (at->ifa_flags & IFF_UP) != 0 && (at->ifa_flags & IFF_MULTICAST) != 0 &&
                         (at->ifa_flags & IFF_LOOPBACK) == 0;
        if (is_usable && at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET) {
            struct ip_mreqn network = {.imr_address =
                                           ((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr,
                                       .imr_ifindex = (int)if_nametoindex(at->ifa_name)};
            inet_pton(AF_INET, MDNS_GROUP, &network.imr_multiaddr);
            job(discover, &network, context);
        }
    }
    freeifaddrs(interfaces);
}

static void join(discover_t *discover, struct ip_mreqn *network, void *context) {
    size_t *count = context;
    *count += 1;
    if (discover->shared_socket >= 0) {
        setsockopt(discover->shared_socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, network, sizeof *network);
    }
}

static bool open_sockets(discover_t *discover, problem_t *problem) {
    size_t networks = 0;
    discover->own_socket = open_socket(0);
    discover->shared_socket = open_socket(MDNS_PORT);
    each_network(discover, join, &networks);
    if (discover->own_socket >= 0 && networks > 0) {
        return true;
    }
    problem_set(problem, EXIT_CODE_TROUBLE, "no_network", "No query can be sent: %s.",
                networks == 0 ? "this machine has no network with IPv4 and multicast" : strerror(errno));
    close_sockets(discover);
    return false;
}

// ---- queries ----

typedef struct {
    const mdns_message_t *message;
    int handle;
} sending_t;

static void send_on(discover_t *discover, struct ip_mreqn *network, void *context) {
    (void)discover;
    const sending_t *sending = context;
    struct sockaddr_in group = {
        .sin_family = AF_INET, .sin_port = htons(MDNS_PORT), .sin_addr = network->imr_multiaddr};
    setsockopt(sending->handle, IPPROTO_IP, IP_MULTICAST_IF, network, sizeof *network);
    // What cannot be sent now is asked again at the next moment.
    (void)!sendto(sending->handle, sending->message->bytes, sending->message->length, 0, (struct sockaddr *)&group,
                  sizeof group);
}

static void send_query(discover_t *discover, int handle, const mdns_message_t *message) {
    sending_t sending = {message, handle};
    if (handle >= 0) {
        each_network(discover, send_on, &sending);
    }
}

static bool is_incomplete(const discovered_t *device) {
    return !device->is_gone && !discover_is_complete(device);
}

static void ask_for_services(discover_t *discover, mdns_message_t *message) {
    mdns_query(message, 0);
    mdns_query_ask(message, &discover->service, MDNS_PTR);
    if (discover->wanted_host.length > 0 && !discover->is_host_found) {
        mdns_query_ask(message, &discover->wanted_host, MDNS_A);
    }
}

// Responders answer a question of the one-shot kind with 512 bytes at most: one question a query.
static void ask_own(discover_t *discover) {
    mdns_message_t message;
    ask_for_services(discover, &message);
    send_query(discover, discover->own_socket, &message);
    for (size_t i = 0; i < discover->count; i++) {
        if (is_incomplete(&discover->devices[i])) {
            mdns_query(&message, (uint16_t)i);
            mdns_query_ask(&message, &discover->devices[i].instance, MDNS_ANY);
            send_query(discover, discover->own_socket, &message);
        }
    }
}

static void ask_shared(discover_t *discover) {
    mdns_message_t message;
    ask_for_services(discover, &message);
    for (size_t i = 0; i < discover->count; i++) {
        if (is_incomplete(&discover->devices[i]) &&
            !mdns_query_ask(&message, &discover->devices[i].instance, MDNS_ANY)) {
            break; // the others at the next moment
        }
    }
    for (size_t i = 0; i < discover->count; i++) {
        if (discover_is_complete(&discover->devices[i]) &&
            !mdns_query_know(&message, &discover->service, &discover->devices[i].instance)) {
            break;
        }
    }
    send_query(discover, discover->shared_socket, &message);
}

// ---- the search ----

static void receive(discover_t *discover, int handle) {
    static uint8_t bytes[RECEIVE_MAX];
    struct sockaddr_in from;
    socklen_t size = sizeof from;
    ssize_t length;
    while ((length = recvfrom(handle, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size)) >= 0) {
        discover->from = from.sin_addr;
        mdns_read(bytes, (size_t)length, take_record, discover);
        size = sizeof from;
    }
}

static uint64_t moment_of(size_t number) {
    size_t count = sizeof moments_ms / sizeof moments_ms[0];
    return number < count ? moments_ms[number] : moments_ms[count - 1] + 1000 * (number - count + 1);
}

static void search(discover_t *discover, uint32_t wait_ms, bool (*is_enough)(const discover_t *)) {
    uint64_t start_ms = loop_now_ms(), now_ms;
    size_t asked = 0;
    while ((now_ms = loop_now_ms() - start_ms) < wait_ms && (is_enough == NULL || !is_enough(discover))) {
        if (now_ms >= moment_of(asked)) {
            asked++;
            ask_own(discover);
            ask_shared(discover);
        }
        uint64_t next_ms = moment_of(asked) < wait_ms ? moment_of(asked) : wait_ms;
        struct pollfd sockets[] = {{.fd = discover->own_socket, .events = POLLIN},
                                   {.fd = discover->shared_socket, .events = POLLIN}}; // -1 is left out
        if (poll(sockets, 2, next_ms > now_ms ? (int)(next_ms - now_ms) : 0) > 0) {
            receive(discover, discover->own_socket);
            if (discover->shared_socket >= 0) {
                receive(discover, discover->shared_socket);
            }
        }
    }
}

static void forget_the_gone(discover_t *discover) {
    size_t kept = 0;
    for (size_t i = 0; i < discover->count; i++) {
        if (!discover->devices[i].is_gone && discover_is_complete(&discover->devices[i])) {
            discover->devices[kept++] = discover->devices[i];
        }
    }
    discover->count = kept;
}

bool discover_run(discover_t *discover, uint32_t wait_ms, const char *host, bool (*is_enough)(const discover_t *),
                  problem_t *problem) {
    memset(discover, 0, sizeof *discover);
    mdns_name_parse(&discover->service, SERVICE);
    if (host != NULL && !mdns_name_parse(&discover->wanted_host, host)) {
        discover->wanted_host.length = 0;
    }
    if (!open_sockets(discover, problem)) {
        return false;
    }
    search(discover, wait_ms, is_enough);
    close_sockets(discover);
    forget_the_gone(discover);
    return true;
}

const discovered_t *discover_find(const discover_t *discover, const char *name) {
    mdns_name_t host;
    bool is_name = mdns_name_parse(&host, name);
    size_t stem = strcspn(name, ".");
    for (size_t i = 0; i < discover->count; i++) {
        const discovered_t *device = &discover->devices[i];
        bool is_named = strlen(device->name) == stem && strncasecmp(device->name, name, stem) == 0 && name[stem] == '.';
        bool is_host = is_name && mdns_name_equals(&device->host, &host);
        if (discover_is_complete(device) && !device->is_gone &&
            (is_named || is_host || (device->id[0] != '\0' && strcasecmp(device->id, name) == 0))) {
            return device;
        }
    }
    return NULL;
}
