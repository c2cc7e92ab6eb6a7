// SPDX-License-Identifier: Apache-2.0
// The one strict reader for the value of Host, and for Origin behind its scheme: a name or an IP address, and a port
// (RFC 3986, section 3.2; RFC 6874 for zones). A text that is not exactly of this form is refused, never guessed at.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    bool is_address;
    uint8_t address[16]; // of an address: IPv6, or IPv4 as ::ffff:a.b.c.d; a zone is left out
    const char *name;    // of a name: where it stands in the text, without a last dot
    size_t name_length;
    uint16_t port; // 0: none is named
} ota_ws_host_name_t;

// Reads "name", "a.b.c.d" or "[address]", each with ":port" or without. Names have letters, digits, '-' and '_' between
// their dots; the last part of a name is no number, because "127.1" and "0x7f000001" are addresses to some programs and
// names to others. False: the text is none of these, and `host` is not to be used. It points into `text`.
bool ota_ws_host_name_read(const char *text, ota_ws_host_name_t *host);

// Is this the same name (in any case of its letters), or the same address? Ports do not count.
bool ota_ws_host_name_same(const ota_ws_host_name_t *a, const ota_ws_host_name_t *b);
