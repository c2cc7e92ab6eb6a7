// SPDX-License-Identifier: Apache-2.0
// Finds devices on the networks of this machine by multicast DNS over IPv4: no daemon is needed on this machine.
//
// Each query goes out twice. From a port of its own (a one-shot query, RFC 6762, section 6.7): the answers come back to
// that port, from any responder; but one that announces many devices cuts such an answer at 512 bytes, as Avahi does.
// And from port 5353, which programs share: those answers go to everybody, are whole, and leave out what the query says
// that it knows. Where that port cannot be had, the first way alone must do.
#pragma once

#include <netinet/in.h>

#include "mdns_message.h"
#include "problem.h"

#define DISCOVER_MAX 512 // devices

typedef struct {
    mdns_name_t instance, host; // `host` has no length until it is known
    char name[MDNS_LABEL_SIZE];
    char id[13]; // "" when the device does not say
    char path[128];
    char project[33], version[33]; // "" unless the device says details
    bool tls, has_text;
    uint16_t port;          // 0 until it is known
    struct in_addr address; // from where it was answered, or what the record of its host says
    bool has_address_record;
    bool is_gone;
} discovered_t;

typedef struct {
    discovered_t devices[DISCOVER_MAX];
    size_t count;
    mdns_name_t service, wanted_host;
    bool is_host_found; // `wanted_host` has an address
    struct in_addr host_address;
    int own_socket, shared_socket; // -1: none
    struct in_addr from;           // of the answer that is read
} discover_t;

// All that is known of it is there.
bool discover_is_complete(const discovered_t *device);

// Looks for `wait_ms`, or until `is_enough` (NULL: never). `host`: a name that ends with ".local", looked for as well,
// or NULL. False: `problem` says why nothing could be sent.
bool discover_run(discover_t *discover, uint32_t wait_ms, const char *host, bool (*is_enough)(const discover_t *),
                  problem_t *problem);

// The device with that id, or that name ("lamp.local" for the device "lamp", or on the host "lamp.local"); NULL: none.
const discovered_t *discover_find(const discover_t *discover, const char *name);
