// SPDX-License-Identifier: Apache-2.0
// Where a device is, as people write it: "192.168.1.7", "name", "name:port", "[fe80::1]:8070", "http://name", or the
// page's own address "https://name/ota".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "problem.h"

#define ADDRESS_NAME_SIZE 254 // a DNS name, terminated
#define ADDRESS_PATH_SIZE 128

typedef struct {
    bool tls;
    uint16_t port;
    char name[ADDRESS_NAME_SIZE];            // to connect to: without brackets
    char path[ADDRESS_PATH_SIZE];            // of the page
    char host_header[ADDRESS_NAME_SIZE + 8]; // with brackets, and the port where it is not the scheme's own
} address_t;

// False when `text` is no address of a device; `problem` says why.
bool address_parse(address_t *address, const char *text, problem_t *problem);
