// SPDX-License-Identifier: Apache-2.0
// Sockets for test/size.sh, whose C library has none: what esp/ uses of them, with lwIP's sizes. Nothing links this.
#pragma once

#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

#define AF_INET6 10
#define IPPROTO_TCP 6
#define TCP_NODELAY 1
#define SOL_SOCKET 0xfff
#define SO_SNDTIMEO 0x1005
#define SO_RCVTIMEO 0x1006
#define MSG_DONTWAIT 8
#define SHUT_RDWR 2

typedef uint32_t socklen_t;
typedef uint8_t sa_family_t;
struct sockaddr {
    uint8_t length;
    sa_family_t sa_family;
    char data[14];
};
struct in_addr {
    uint32_t s_addr;
};
struct in6_addr {
    uint32_t words[4];
};
struct sockaddr_in {
    uint8_t length;
    sa_family_t sin_family;
    uint16_t sin_port;
    struct in_addr sin_addr;
    char unused[8];
};
struct sockaddr_in6 {
    uint8_t length;
    sa_family_t sin6_family;
    uint16_t sin6_port;
    uint32_t flow;
    struct in6_addr sin6_addr;
    uint32_t scope;
};
struct sockaddr_storage {
    uint8_t length;
    sa_family_t ss_family;
    char first[2];
    uint32_t rest[6];
};
ssize_t recv(int socket, void *bytes, size_t length, int flags);
int setsockopt(int socket, int level, int option, const void *value, socklen_t size);
int getsockname(int socket, struct sockaddr *address, socklen_t *size);
int getpeername(int socket, struct sockaddr *address, socklen_t *size);
int shutdown(int socket, int how);
uint16_t ntohs(uint16_t number); // lwIP's is a function too
