// SPDX-License-Identifier: Apache-2.0
#include "address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "literal.h"

#define DEFAULT_PATH "/ota"

// The text with its parts marked: nothing is terminated.
typedef struct {
    const char *at;
    size_t length;
} part_t;

static bool refuse(problem_t *problem, const char *text, const char *why) {
    problem_set(problem, EXIT_CODE_USAGE, "bad_address", "'%.80s' is no address of a device: %s.", text, why);
    return false;
}

static bool copy_part(char *to, size_t size, part_t part) {
    if (part.length >= size) {
        return false;
    }
    memcpy(to, part.at, part.length);
    to[part.length] = '\0';
    return true;
}

// Takes "http://" or "https://" off. NULL for another scheme.
static const char *take_scheme(const char *text, bool *tls) {
    *tls = strncasecmp(text, "https://", 8) == 0;
    if (*tls) {
        return text + 8;
    }
    if (strncasecmp(text, "http://", 7) == 0) {
        return text + 7;
    }
    return strstr(text, "://") == NULL ? text : NULL;
}

// A path and nothing behind it. What people paste may hold a code ("#code=..."), which does not belong here.
static const char *fault_of_path(const char *path) {
    if (strchr(path, '#') != NULL) {
        return "it goes on after '#'; a code or password is never an argument (see --password-file)";
    }
    for (const char *c = path; *c != '\0'; c++) {
        if (*c <= ' ' || *c == '?' || *c == 0x7f) {
            return "its path has a character that does not belong there";
        }
    }
    return NULL;
}

static bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".-_:%", c) != NULL;
}

static bool is_name(part_t name) {
    for (size_t i = 0; i < name.length; i++) {
        if (name.at[i] == '\0' || !is_name_character(name.at[i])) {
            return false;
        }
    }
    return name.length > 0;
}

static bool read_port(part_t text, uint16_t *port) {
    uint32_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || value > UINT16_MAX) {
            return false;
        }
        value = value * 10 + (uint32_t)(text.at[i] - '0');
    }
    *port = (uint16_t)value;
    return value > 0 && value <= UINT16_MAX;
}

static size_t count(part_t part, char c) {
    size_t found = 0;
    for (size_t i = 0; i < part.length; i++) {
        found += part.at[i] == c;
    }
    return found;
}

// Splits "name", "name:port", "[ipv6]", "[ipv6]:port" or a bare IPv6 address. `port` has no length when there is none.
static bool split_authority(part_t authority, part_t *name, part_t *port) {
    *name = authority;
    *port = (part_t){authority.at + authority.length, 0};
    if (authority.length > 0 && authority.at[0] == '[') {
        const char *end = memchr(authority.at, ']', authority.length);
        if (end == NULL) {
            return false;
        }
        *name = (part_t){authority.at + 1, (size_t)(end - authority.at) - 1};
        port->at = end + 1;
        port->length = authority.length - name->length - 2;
    } else if (count(authority, ':') == 1) {
        const char *colon = memchr(authority.at, ':', authority.length);
        name->length = (size_t)(colon - authority.at);
        port->at = colon;
        port->length = authority.length - name->length;
    }
    if (port->length == 0) {
        return true;
    }
    bool begins = *port->at == ':';
    port->at++;
    port->length--;
    return begins && port->length > 0;
}

void address_host_header(const address_t *address, const char *host, char text[ADDRESS_HOST_SIZE]) {
    bool default_port = address->port == (address->tls ? 443 : 80);
    snprintf(text, ADDRESS_HOST_SIZE, default_port ? "%.*s" : "%.*s:%u", ADDRESS_NAME_SIZE, host, address->port);
}

// For an example: an interface of this machine that has IPv6.
static const char *example_interface(char name[IF_NAMESIZE]) {
    struct ifaddrs *interfaces = NULL;
    snprintf(name, IF_NAMESIZE, "eth0");
    if (getifaddrs(&interfaces) != 0) {
        return name;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL; at = at->ifa_next) {
        bool is_usable = (at->ifa_flags & IFF_LOOPBACK) == 0 && (at->ifa_flags & IFF_RUNNING) != 0;
        if (is_usable && at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET6) {
            snprintf(name, IF_NAMESIZE, "%s", at->ifa_name);
            break;
        }
    }
    freeifaddrs(interfaces);
    return name;
}

static bool refuse_zoneless(problem_t *problem, const char *text, const char *name) {
    char interface[IF_NAMESIZE], why[200];
    snprintf(why, sizeof why,
             "a link-local address needs the network interface behind it, as in [%.60s%%%s] (one of 'ip link')", name,
             example_interface(interface));
    return refuse(problem, text, why);
}

// An IP address gets its shortest form; the names of a certificate and of a Host header are taken from it.
static bool take_name(address_t *address, const char *text, problem_t *problem) {
    literal_t literal;
    switch (literal_read(address->name, &literal)) {
    case LITERAL_YES:
        snprintf(address->name, sizeof address->name, "%s", literal.address);
        address_host_header(address, literal.host, address->host_header);
        snprintf(address->where, sizeof address->where, "%s:%u", literal.host, address->port);
        return true;
    case LITERAL_NO_ZONE:
        return refuse_zoneless(problem, text, address->name);
    case LITERAL_UNKNOWN_ZONE:
        return refuse(problem, text, "this machine has no network interface of the name behind '%' (see 'ip link')");
    case LITERAL_BAD_IPV6:
        return refuse(problem, text, "it has ':' or '%' as an IPv6 address has, but is none");
    default:
        address_host_header(address, address->name, address->host_header);
        snprintf(address->where, sizeof address->where, "%.*s:%u", ADDRESS_NAME_SIZE, address->name, address->port);
        return true;
    }
}

// Without a path the page is at /ota. A path that ends with '/' is that of a folder around the page, or the page's own.
static bool take_path(address_t *address, const char *path) {
    size_t length = strlen(path);
    bool is_folder = length > 0 && path[length - 1] == '/';
    const char *name = length == 0 ? DEFAULT_PATH : is_folder ? &DEFAULT_PATH[1] : "";
    if (is_folder) {
        snprintf(address->second_path, sizeof address->second_path, "%s", path);
    }
    return snprintf(address->path, sizeof address->path, "%s%s", path, name) < (int)sizeof address->path;
}

// In the address of a page the '%' before a zone may be written "%25" (RFC 6874).
static void take_zone_of_url(address_t *address, bool is_url) {
    char *zone = strchr(address->name, '%');
    if (is_url && zone != NULL && zone[1] == '2' && zone[2] == '5' && zone[3] != '\0') {
        memmove(zone + 1, zone + 3, strlen(zone + 3) + 1);
    }
}

bool address_parse(address_t *address, const char *text, problem_t *problem) {
    memset(address, 0, sizeof *address);
    const char *rest = take_scheme(text, &address->tls);
    if (rest == NULL) {
        return refuse(problem, text, "its scheme is neither http nor https");
    }
    const char *path = rest + strcspn(rest, "/#?");
    const char *fault = fault_of_path(path);
    if (fault != NULL) {
        return refuse(problem, text, fault);
    }
    part_t name, port;
    if (!split_authority((part_t){rest, (size_t)(path - rest)}, &name, &port) || !is_name(name)) {
        return refuse(problem, text, "expected is NAME, NAME:PORT or http(s)://NAME[:PORT][/PATH]");
    }
    address->port = address->tls ? 443 : 80;
    if (port.length > 0 && !read_port(port, &address->port)) {
        return refuse(problem, text, "its port is not a number from 1 to 65535");
    }
    if (!copy_part(address->name, sizeof address->name, name) || !take_path(address, path)) {
        return refuse(problem, text, "it is too long");
    }
    take_zone_of_url(address, rest != text);
    return take_name(address, text, problem);
}
