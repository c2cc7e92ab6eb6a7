// SPDX-License-Identifier: Apache-2.0
// Each reader takes where its part of the text begins and returns where that part ends, or NULL when the text is not of
// its form.
#include "login/host_name.h"

#include <string.h>

#include "text.h"

#define NAME_MAX_LENGTH 253 // RFC 1035
#define LABEL_MAX_LENGTH 63

static bool is_word(char c) {
    unsigned small = (uint8_t)c | 0x20U; // of a letter: the lower-case one
    return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// Decimal digits without a leading zero, up to `limit`.
static const char *read_decimal(const char *at, uint32_t limit, uint32_t *value) {
    const char *start = at;
    *value = 0;
    for (unsigned digit; (digit = (uint8_t)*at - (unsigned)'0') < 10 && *value <= limit; at++) {
        *value = *value * 10 + digit;
    }
    return at == start || *value > limit || (*start == '0' && at > start + 1) ? NULL : at;
}

// ---- addresses

// Four numbers with dots between them.
static const char *read_dotted(const char *at, uint8_t bytes[4]) {
    for (int i = 0; i < 4; i++) {
        uint32_t value;
        at = i > 0 && *at++ != '.' ? NULL : read_decimal(at, 255, &value);
        if (at == NULL) {
            return NULL;
        }
        bytes[i] = (uint8_t)value;
    }
    return at;
}

static bool ends_ipv6(const char *at) {
    return *at == ']' || *at == '%';
}

// The bytes of an IPv6 address as far as they were read.
typedef struct {
    uint8_t *bytes; // 16
    size_t count;
    size_t gap; // so many stand before "::"; NO_GAP: there is none
} ipv6_t;

#define NO_GAP 17

// One group, or in the place of the last two groups the four numbers of an IPv4 address. A fifth digit is left: it is
// not the colon that must follow.
static const char *read_group(const char *at, ipv6_t *ipv6) {
    const char *start = at;
    uint8_t *to = ipv6->bytes + ipv6->count;
    uint32_t value = 0;
    for (unsigned digit; at < start + 4 && (digit = ota_ws_text_digit(*at)) < 16; at++) {
        value = value << 4 | digit;
    }
    ipv6->count += *at == '.' ? 4 : 2;
    if (at == start || ipv6->count > 16) {
        return NULL;
    }
    if (*at == '.') {
        at = read_dotted(start, to);
        return at != NULL && ends_ipv6(at) ? at : NULL;
    }
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return at;
}

// "::" stands for one zero group or more. Without it all groups must be there.
static bool fill_gap(const ipv6_t *ipv6) {
    if (ipv6->gap == NO_GAP) {
        return ipv6->count == 16;
    }
    uint8_t *gap = ipv6->bytes + ipv6->gap;
    size_t missing = 16 - ipv6->count;
    memmove(gap + missing, gap, ipv6->count - ipv6->gap);
    memset(gap, 0, missing);
    return missing > 0;
}

static const char *read_ipv6(const char *at, uint8_t address[16]) {
    ipv6_t ipv6 = {.bytes = address, .gap = NO_GAP};
    bool behind_group = false;
    while (at != NULL && !ends_ipv6(at)) {
        if (at[0] == ':' && at[1] == ':' && ipv6.gap == NO_GAP) {
            ipv6.gap = ipv6.count;
            at += 2;
            behind_group = false;
        } else {
            at = behind_group && *at++ != ':' ? NULL : read_group(at, &ipv6);
            behind_group = true;
        }
    }
    return at != NULL && fill_gap(&ipv6) ? at : NULL;
}

// "%25eth0", and "%eth0" as many programs write it. The zone is the client's own name for its network.
static const char *skip_zone(const char *at) {
    if (*at != '%') {
        return at;
    }
    at += at[1] == '2' && at[2] == '5' ? 3 : 1;
    const char *start = at;
    while (is_word(*at) || *at == '.' || *at == '~') {
        at++;
    }
    return at > start ? at : NULL;
}

static const char *read_in_brackets(const char *at, ota_ws_host_name_t *host) {
    host->is_address = true;
    at = read_ipv6(at, host->address);
    at = at != NULL ? skip_zone(at) : NULL;
    return at != NULL && *at == ']' ? at + 1 : NULL;
}

static bool ends_authority(const char *at) {
    return *at == '\0' || *at == ':';
}

static const char *read_ipv4(const char *at, ota_ws_host_name_t *host) {
    at = read_dotted(at, host->address + 12);
    memset(host->address + 10, 0xFF, 2);
    host->is_address = at != NULL && ends_authority(at);
    return host->is_address ? at : NULL;
}

// ---- names

// Do some programs read this label as a number? It has digits only, or 0x and hex digits.
static bool is_number(const char *label, const char *end) {
    unsigned base = 10;
    if (label[0] == '0' && ota_ws_text_lower(label[1]) == 'x') {
        base = 16;
        label += 2;
    }
    while (label < end && ota_ws_text_digit(*label) < base) {
        label++;
    }
    return label == end;
}

static const char *read_name(const char *at, ota_ws_host_name_t *host) {
    const char *label = at;
    host->name = at;
    for (;; at++) {
        if (is_word(*at)) {
            continue;
        }
        if (at == label || at - label > LABEL_MAX_LENGTH) {
            return NULL;
        }
        if (*at != '.' || ends_authority(at + 1)) {
            break;
        }
        label = at + 1;
    }
    host->name_length = (size_t)(at - host->name);
    return is_number(label, at) || host->name_length > NAME_MAX_LENGTH ? NULL : at + (*at == '.');
}

// ---- the whole

static bool read_port(const char *at, ota_ws_host_name_t *host) {
    uint32_t port = 1;
    if (*at == ':') {
        at = read_decimal(at + 1, UINT16_MAX, &port);
        host->port = (uint16_t)port;
    }
    return at != NULL && *at == '\0' && port != 0;
}

bool ota_ws_host_name_read(const char *text, ota_ws_host_name_t *host) {
    const char *at;
    memset(host, 0, sizeof *host);
    if (text[0] == '[') {
        at = read_in_brackets(text + 1, host);
    } else {
        at = read_ipv4(text, host);
        at = at != NULL ? at : read_name(text, host);
    }
    return at != NULL && read_port(at, host);
}

bool ota_ws_host_name_same(const ota_ws_host_name_t *a, const ota_ws_host_name_t *b) {
    if (a->is_address != b->is_address || a->name_length != b->name_length) {
        return false;
    }
    for (size_t i = 0; i < a->name_length; i++) { // 0 times for addresses
        if (ota_ws_text_lower(a->name[i]) != ota_ws_text_lower(b->name[i])) {
            return false;
        }
    }
    return !a->is_address || memcmp(a->address, b->address, sizeof a->address) == 0;
}
