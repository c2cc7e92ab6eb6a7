// SPDX-License-Identifier: Apache-2.0
// IP addresses in the place of a name: "192.168.1.7", "127.1", "FD77:0:0::1", "fe80::1%eth0". Each comes out in its
// shortest form, as a device writes its own address. Asks the operating system, but nothing on the network.
#pragma once

#include <netdb.h>
#include <stdbool.h>

#define LITERAL_SIZE 64 // an IPv6 address with the name of an interface, terminated

typedef struct {
    char address[LITERAL_SIZE]; // to connect to: with its zone, "fe80::1%eth0"
    char host[LITERAL_SIZE];    // for a Host header: without a zone, in brackets where these belong
} literal_t;

typedef enum { LITERAL_YES, LITERAL_NO, LITERAL_BAD_IPV6, LITERAL_NO_ZONE, LITERAL_UNKNOWN_ZONE } literal_kind_t;

// What `name` is. LITERAL_NO: a name for DNS. LITERAL_NO_ZONE: a link-local address, and on which network is not said.
// LITERAL_UNKNOWN_ZONE: this machine has no such interface. `literal` is set after LITERAL_YES only.
literal_kind_t literal_read(const char *name, literal_t *literal);

// The same of a socket's address. False when it is neither IPv4 nor IPv6.
bool literal_of(const struct sockaddr *address, socklen_t length, literal_t *literal);
