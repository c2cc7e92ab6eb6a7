// SPDX-License-Identifier: Apache-2.0
// A network link in user space: listens on loopback and passes each connection on, with a rate, a round trip, a TCP
// window towards the device and a loss. The window is the device's as lwIP has it: bytes that the device's program has
// not read yet count, which the kernel is asked for (sock_diag). Reports one line of JSON for each connection: when the
// device's messages reached the client, and how many bytes went each way. Knows no WebSocket but that texts are plain.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MSS 1440
#define QUEUE_SIZE 4096
#define CONNECTION_MAX 64
#define LOOK_NS 100000 // between two looks at what the device has not read
#define RETRANSMISSION_NS 200000000

typedef struct {
    int64_t due_ns;
    uint16_t length;
    uint8_t bytes[MSS];
} segment_t;

// One direction: segments on their way.
typedef struct {
    segment_t *segments; // a ring of QUEUE_SIZE
    unsigned first, count;
    int64_t free_ns; // the wire is free from then on
    int64_t last_ns; // no segment overtakes another
    uint64_t entered, left;
    bool ended; // nothing more will enter
} pipe_t;

// What the client may send: the device has read so much by then.
typedef struct {
    int64_t when_ns;
    uint64_t read;
} credit_t;

typedef struct {
    int client, device; // sockets; -1: this entry is free
    pipe_t up, down;
    uint64_t read_seen, read_known; // of `up`: by the device; by the client
    credit_t credits[QUEUE_SIZE];
    unsigned credit_first, credit_count;
    int64_t looked_ns;
    bool was_told;                       // the client has said nothing since the device's last message
    int64_t asked_ns;                    // when the client said `begin`: its first bytes after what came before `ready`
    int64_t begin_ns, first_ns, last_ns; // begin sent; first progress received; last message received
    int64_t silence_ns, done_ns;         // the longest; done received
    uint64_t begin_up, done_up, done_down; // bytes
    uint64_t asked_up;                     // bytes
    struct sockaddr_in device_own, device_peer;
} connection_t;

typedef struct {
    int port, to;
    double rate; // bytes a second; 0: no limit
    int64_t half_trip_ns;
    uint64_t window; // 0: no limit
    double loss;
    int listener, diag;
    connection_t connections[CONNECTION_MAX];
} link_t;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

// ---- what the device has not read ----

typedef struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
} question_t;

// Bytes in the receive queue of the device's end; -1: the kernel does not say.
static int64_t ask_unread(const link_t *link, const connection_t *at) {
    question_t question = {
        .header = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u},
    };
    question.request.id.idiag_sport = at->device_peer.sin_port;
    question.request.id.idiag_dport = at->device_own.sin_port;
    question.request.id.idiag_src[0] = at->device_peer.sin_addr.s_addr;
    question.request.id.idiag_dst[0] = at->device_own.sin_addr.s_addr;
    question.request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
    question.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    uint8_t answer[8192];
    struct nlmsghdr header;
    struct inet_diag_msg message;
    if (send(link->diag, &question, sizeof question, 0) < 0) {
        return -1;
    }
    ssize_t length = recv(link->diag, answer, sizeof answer, 0);
    if (length < (ssize_t)(NLMSG_HDRLEN + sizeof message)) {
        return -1;
    }
    memcpy(&header, answer, sizeof header);
    memcpy(&message, answer + NLMSG_HDRLEN, sizeof message);
    return header.nlmsg_type == SOCK_DIAG_BY_FAMILY ? (int64_t)message.idiag_rqueue : -1;
}

static void note_read(const link_t *link, connection_t *at, uint64_t read, int64_t now) {
    if (read <= at->read_seen || at->credit_count == QUEUE_SIZE) {
        return;
    }
    at->read_seen = read;
    unsigned slot = (at->credit_first + at->credit_count++) % QUEUE_SIZE;
    at->credits[slot] = (credit_t){now + link->half_trip_ns, read};
}

static void look_at_device(const link_t *link, connection_t *at, int64_t now) {
    if (link->window == 0 || at->read_seen == at->up.left || now - at->looked_ns < LOOK_NS) {
        return;
    }
    at->looked_ns = now;
    int64_t unread = ask_unread(link, at);
    note_read(link, at, unread < 0 ? at->up.left : at->up.left - (uint64_t)unread, now);
}

static void learn_reads(connection_t *at, int64_t now) {
    while (at->credit_count > 0 && at->credits[at->credit_first].when_ns <= now) {
        at->read_known = at->credits[at->credit_first].read;
        at->credit_first = (at->credit_first + 1) % QUEUE_SIZE;
        at->credit_count--;
    }
}

// ---- segments ----

static uint64_t window_left(const link_t *link, const connection_t *at) {
    uint64_t flying = at->up.entered - at->read_known;
    return link->window == 0 ? MSS : flying < link->window ? link->window - flying : 0;
}

// A lost segment comes after a round trip when three more follow it, else when its sender's timer ends.
static int64_t delay_of_loss(const link_t *link, const pipe_t *pipe) {
    if (link->loss <= 0 || drand48() >= link->loss) {
        return 0;
    }
    bool is_noticed = link->window == 0 || link->window > 4 * MSS || pipe->count >= 4;
    return is_noticed ? 2 * link->half_trip_ns : RETRANSMISSION_NS + 2 * link->half_trip_ns;
}

static int64_t wire_ns(const link_t *link, ssize_t length) {
    return link->rate > 0 ? (int64_t)((double)length / link->rate * 1e9) : 0;
}

// Takes at most `most` bytes from `from`. False: nothing came.
static bool enter(const link_t *link, pipe_t *pipe, int from, size_t most, int64_t now) {
    if (pipe->count == QUEUE_SIZE || pipe->ended || most == 0) {
        return false;
    }
    segment_t *segment = &pipe->segments[(pipe->first + pipe->count) % QUEUE_SIZE];
    ssize_t length = recv(from, segment->bytes, most < MSS ? most : MSS, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (length <= 0) {
        pipe->ended = true;
        return false;
    }
    int64_t start = now > pipe->free_ns ? now : pipe->free_ns;
    int64_t on_wire = wire_ns(link, length);
    pipe->free_ns = start + on_wire;
    int64_t trip = link->half_trip_ns > on_wire ? link->half_trip_ns - on_wire : 0; // the round trip is a segment's
    int64_t due = pipe->free_ns + trip + delay_of_loss(link, pipe);
    pipe->last_ns = due > pipe->last_ns ? due : pipe->last_ns;
    segment->due_ns = pipe->last_ns;
    segment->length = (uint16_t)length;
    pipe->entered += (uint64_t)length;
    pipe->count++;
    return true;
}

static bool contains(const segment_t *segment, const char *text) {
    return memmem(segment->bytes, segment->length, text, strlen(text)) != NULL;
}

// A message of the device's has reached the client.
static void on_text(connection_t *at, const segment_t *segment, int64_t now) {
    if (contains(segment, "\"type\":\"ready\"") && at->begin_ns == 0) {
        at->begin_ns = at->asked_ns;
        at->begin_up = at->asked_up;
        at->last_ns = at->asked_ns;
    }
    at->was_told = true;
    if (at->begin_ns == 0 || at->done_ns != 0) {
        return;
    }
    at->silence_ns = now - at->last_ns > at->silence_ns ? now - at->last_ns : at->silence_ns;
    at->last_ns = now;
    if (at->first_ns == 0 && contains(segment, "\"type\":\"progress\"")) {
        at->first_ns = now;
    }
    if (contains(segment, "\"type\":\"done\"")) {
        at->done_ns = now;
        at->done_up = at->up.entered;
        at->done_down = at->down.left;
    }
}

// Delivers what is due. False: the receiver has gone.
static bool deliver(connection_t *at, pipe_t *pipe, int to, int64_t now) {
    while (pipe->count > 0 && pipe->segments[pipe->first].due_ns <= now) {
        segment_t *segment = &pipe->segments[pipe->first];
        ssize_t length = send(to, segment->bytes, segment->length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (length < 0) {
            return false;
        }
        pipe->left += (uint64_t)length;
        if (length < segment->length) {
            memmove(segment->bytes, segment->bytes + length, segment->length - (size_t)length);
            segment->length = (uint16_t)(segment->length - length);
            return true;
        }
        if (pipe == &at->down) {
            on_text(at, segment, now);
        }
        pipe->first = (pipe->first + 1) % QUEUE_SIZE;
        pipe->count--;
    }
    return true;
}

// ---- connections ----

static void print_ms(const char *name, int64_t ns) {
    printf(",\"%s\":%.3f", name, (double)ns / 1e6);
}

static void report(const connection_t *at) {
    if (at->done_ns == 0) {
        return;
    }
    printf("{\"type\":\"update\"");
    print_ms("time_ms", at->done_ns - at->begin_ns);
    print_ms("first_ms", at->first_ns == 0 ? 0 : at->first_ns - at->begin_ns);
    print_ms("silence_ms", at->silence_ns);
    printf(",\"up\":%llu,\"down\":%llu}\n", (unsigned long long)(at->done_up - at->begin_up),
           (unsigned long long)at->done_down);
    fflush(stdout);
}

static void close_connection(connection_t *at) {
    report(at);
    close(at->client);
    close(at->device);
    free(at->up.segments);
    free(at->down.segments);
    at->client = -1;
}

static void note_asked(connection_t *at, uint64_t entered, int64_t now) {
    if (at->was_told) {
        at->was_told = false;
        at->asked_ns = now;
        at->asked_up = entered;
    }
}

static bool serve(link_t *link, connection_t *at, int64_t now) {
    look_at_device(link, at, now);
    learn_reads(at, now);
    uint64_t entered = at->up.entered;
    while (enter(link, &at->up, at->client, window_left(link, at), now)) {
        note_asked(at, entered, now);
    }
    while (enter(link, &at->down, at->device, MSS, now)) {
    }
    bool goes_on = deliver(at, &at->up, at->device, now) && deliver(at, &at->down, at->client, now);
    bool is_over = (at->up.ended && at->up.count == 0) || (at->down.ended && at->down.count == 0);
    return goes_on && !is_over;
}

static int connect_to(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void send_without_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void accept_one(link_t *link) {
    int client = accept4(link->listener, NULL, NULL, SOCK_CLOEXEC);
    int device = client >= 0 ? connect_to(link->to) : -1;
    connection_t *at = link->connections;
    while (at < link->connections + CONNECTION_MAX && at->client >= 0) {
        at++;
    }
    if (device < 0 || at == link->connections + CONNECTION_MAX) {
        close(client);
        close(device);
        return;
    }
    socklen_t length = sizeof at->device_own;
    memset(at, 0, sizeof *at);
    at->client = client;
    at->device = device;
    at->was_told = true;
    at->up.segments = calloc(QUEUE_SIZE, sizeof(segment_t));
    at->down.segments = calloc(QUEUE_SIZE, sizeof(segment_t));
    getsockname(device, (struct sockaddr *)&at->device_own, &length);
    getpeername(device, (struct sockaddr *)&at->device_peer, &length);
    send_without_delay(client);
    send_without_delay(device);
}

// ---- the loop ----

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// When something is to be done even if no socket says so.
static int64_t next_due(const link_t *link, const connection_t *at, int64_t now) {
    int64_t due = INT64_MAX;
    due = at->up.count > 0 ? earlier(due, at->up.segments[at->up.first].due_ns) : due;
    due = at->down.count > 0 ? earlier(due, at->down.segments[at->down.first].due_ns) : due;
    due = at->credit_count > 0 ? earlier(due, at->credits[at->credit_first].when_ns) : due;
    return link->window > 0 && at->read_seen < at->up.left ? earlier(due, now + LOOK_NS) : due;
}

static void wait_for_events(link_t *link, struct pollfd *polls) {
    int64_t now = now_ns();
    int64_t due = INT64_MAX;
    polls[0] = (struct pollfd){link->listener, POLLIN, 0};
    for (unsigned i = 0; i < CONNECTION_MAX; i++) {
        const connection_t *at = &link->connections[i];
        bool is_open = at->client >= 0;
        bool takes_up = is_open && window_left(link, at) > 0 && !at->up.ended && at->up.count < QUEUE_SIZE;
        bool takes_down = is_open && !at->down.ended && at->down.count < QUEUE_SIZE;
        polls[1 + 2 * i] = (struct pollfd){takes_up ? at->client : -1, POLLIN, 0};
        polls[2 + 2 * i] = (struct pollfd){takes_down ? at->device : -1, POLLIN, 0};
        due = is_open ? earlier(due, next_due(link, at, now)) : due;
    }
    int64_t wait_ns = due == INT64_MAX ? 100000000 : due > now ? due - now : 0;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    ppoll(polls, 1 + 2 * CONNECTION_MAX, &wait, NULL);
}

static void run(link_t *link) {
    struct pollfd polls[1 + 2 * CONNECTION_MAX];
    for (;;) {
        wait_for_events(link, polls);
        if ((polls[0].revents & POLLIN) != 0) {
            accept_one(link);
        }
        for (connection_t *at = link->connections; at < link->connections + CONNECTION_MAX; at++) {
            if (at->client >= 0 && !serve(link, at, now_ns())) {
                close_connection(at);
            }
        }
    }
}

static void listen_on(link_t *link) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)link->port)};
    socklen_t length = sizeof own;
    int on = 1;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(link->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(link->listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(link->listener, 16) != 0) {
        die("link: listen");
    }
    getsockname(link->listener, (struct sockaddr *)&own, &length);
    printf("{\"type\":\"listening\",\"port\":%d}\n", ntohs(own.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv) {
    static link_t link;
    static const char usage[] = "usage: link --to PORT [--port PORT] [--rate BYTES_PER_S] [--rtt MS] [--window BYTES] "
                                "[--loss PERCENT]\n";
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},
        {"port", required_argument, NULL, 'p'},
        {"rate", required_argument, NULL, 'r'},
        {"rtt", required_argument, NULL, 'd'},
        {"window", required_argument, NULL, 'w'},
        {"loss", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        double value = optarg != NULL ? atof(optarg) : 0;
        switch (option) {
        case 't':
            link.to = (int)value;
            break;
        case 'p':
            link.port = (int)value;
            break;
        case 'r':
            link.rate = value;
            break;
        case 'd':
            link.half_trip_ns = (int64_t)(value * 500000);
            break;
        case 'w':
            link.window = (uint64_t)value;
            break;
        case 'l':
            link.loss = value / 100;
            break;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (link.to == 0) {
        fputs(usage, stderr);
        return 2;
    }
    srand48(1);
    for (unsigned i = 0; i < CONNECTION_MAX; i++) {
        link.connections[i].client = -1;
    }
    link.diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    listen_on(&link);
    run(&link);
}
