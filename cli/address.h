// SPDX-License-Identifier: Apache-2.0
// Where a device is, as people write it: "192.168.1.7", "name", "name:port", "[fe80::1%eth0]:8070", "http://name", or
// the page's own address "https://name/ota".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "problem.h"

#define ADDRESS_NAME_SIZE 254 // a DNS name, terminated
#define ADDRESS_PATH_SIZE 128
#define ADDRESS_HOST_SIZE (ADDRESS_NAME_SIZE + 8)

typedef struct {
    bool tls;
    uint16_t port;
    char name[ADDRESS_NAME_SIZE];        // to connect to: a name, or an IP address in its shortest form
    char path[ADDRESS_PATH_SIZE];        // of the page
    char second_path[ADDRESS_PATH_SIZE]; // where the page may be instead, when it is not at `path`; or ""
    char host_header[ADDRESS_HOST_SIZE]; // with brackets, and the port where it is not the scheme's own
    char via[64];                        // IP address to connect to instead of asking for `name`; or ""
    char where[ADDRESS_HOST_SIZE];       // for people: with brackets and port
} address_t;

// False when `text` is no address of a device; `problem` says why.
bool address_parse(address_t *address, const char *text, problem_t *problem);

// The value of a Host header for `host` (a name or an IP address in brackets) at the port of `address`.
void address_host_header(const address_t *address, const char *host, char text[ADDRESS_HOST_SIZE]);
