// SPDX-License-Identifier: Apache-2.0
#include "literal.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

bool literal_of(const struct sockaddr *address, socklen_t length, literal_t *literal) {
    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) ||
        getnameinfo(address, length, literal->address, sizeof literal->address, NULL, 0, NI_NUMERICHOST) != 0) {
        return false;
    }
    bool is_ipv6 = address->sa_family == AF_INET6;
    int digits = (int)strcspn(literal->address, "%");
    snprintf(literal->host, sizeof literal->host, is_ipv6 ? "[%.*s]" : "%.*s", digits, literal->address);
    return true;
}

// A link-local address exists once on each network that this machine is on.
static bool lacks_zone(const struct sockaddr *address) {
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&ipv6->sin6_addr) && ipv6->sin6_scope_id == 0;
}

literal_kind_t literal_read(const char *name, literal_t *literal) {
    struct addrinfo wanted = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
    const char *zone = strchr(name, '%');
    if (zone != NULL && if_nametoindex(zone + 1) == 0) {
        return LITERAL_UNKNOWN_ZONE;
    }
    if (getaddrinfo(name, NULL, &wanted, &found) != 0) {
        return strchr(name, ':') != NULL || zone != NULL ? LITERAL_BAD_IPV6 : LITERAL_NO;
    }
    literal_kind_t kind = lacks_zone(found->ai_addr)                               ? LITERAL_NO_ZONE
                          : literal_of(found->ai_addr, found->ai_addrlen, literal) ? LITERAL_YES
                                                                                   : LITERAL_BAD_IPV6;
    freeaddrinfo(found);
    return kind;
}
