// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

// ---- addresses ----

static bool write_address(const struct sockaddr_storage *from, ota_ws_address_t *address,
                          char text[ADDRESS_TEXT_SIZE]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    memset(address, 0, sizeof *address);
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        memcpy(address->bytes, mapped, sizeof mapped);
        memcpy(address->bytes + sizeof mapped, &in->sin_addr, 4);
        return inet_ntop(AF_INET, &in->sin_addr, text, ADDRESS_TEXT_SIZE) != NULL;
    }
    if (from->ss_family != AF_INET6) {
        return false;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    memcpy(address->bytes, &in6->sin6_addr, sizeof address->bytes);
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        return inet_ntop(AF_INET, address->bytes + sizeof mapped, text, ADDRESS_TEXT_SIZE) != NULL;
    }
    return inet_ntop(AF_INET6, &in6->sin6_addr, text, ADDRESS_TEXT_SIZE) != NULL;
}

bool connection_peer(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]) {
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    return getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&from, &length) == 0 &&
           write_address(&from, address, text);
}

bool connection_own_address(struct lws *wsi, ota_ws_address_t *address, char text[ADDRESS_TEXT_SIZE]) {
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    memset(address, 0, sizeof *address);
    return getsockname(lws_get_socket_fd(wsi), (struct sockaddr *)&own, &length) == 0 &&
           write_address(&own, address, text);
}
