// SPDX-License-Identifier: Apache-2.0
#include "login/host_name.h"

#include <string.h>

#define NAME_MAX_LENGTH 253 // RFC 1035
#define LABEL_MAX_LENGTH 63
#define GROUPS 8 // of an IPv6 address

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

// Reads decimal digits without a leading zero, up to `limit`. NULL: there are none, or the number is too large.
static const char *read_decimal(const char *at, uint32_t limit, uint32_t *value) {
    const char *start = at;
    *value = 0;
    for (; is_digit(*at); at++) {
        *value = *value * 10 + (uint32_t)(*at - '0');
        if (*value > limit) {
            return NULL;
        }
    }
    return at == start || (start[0] == '0' && at - start > 1) ? NULL : at;
}

// ---- addresses -----------------------------------------------------------------------------------------------------

// Four numbers with dots between them. Returns what follows, or NULL.
static const char *read_dotted(const char *at, uint8_t bytes[4]) {
    for (int i = 0; i < 4; i++) {
        uint32_t value;
        if (i > 0 && *at++ != '.') {
            return NULL;
        }
        at = read_decimal(at, 255, &value);
        if (at == NULL) {
            return NULL;
        }
        bytes[i] = (uint8_t)value;
    }
    return at;
}

static int hex_digit(char c) {
    char small = lower(c);
    return is_digit(c) ? c - '0' : small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

// One to four hex digits.
static const char *read_group(const char *at, uint8_t bytes[2]) {
    uint32_t value = 0;
    int digits = 0;
    for (; digits < 4 && hex_digit(*at) >= 0; at++, digits++) {
        value = value << 4 | (uint32_t)hex_digit(*at);
    }
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
    return digits > 0 && hex_digit(*at) < 0 ? at : NULL;
}

typedef struct {
    uint8_t bytes[2 * GROUPS];
    int count; // groups that have been read
    int gap;   // so many stand before "::"; -1: there is none
} groups_t;

// One group, or the four numbers of an IPv4 address in the place of the last two groups.
static const char *read_part(const char *at, groups_t *groups) {
    size_t digits = strspn(at, "0123456789");
    if (digits > 0 && at[digits] == '.') {
        bool fits = groups->count <= GROUPS - 2;
        at = fits ? read_dotted(at, groups->bytes + 2 * groups->count) : NULL;
        groups->count += 2;
        return at != NULL && (*at == ']' || *at == '%') ? at : NULL;
    }
    if (groups->count == GROUPS) {
        return NULL;
    }
    return read_group(at, groups->bytes + 2 * groups->count++);
}

// Zeros go where "::" stands. Without it all groups must be there.
static bool close_gap(groups_t *groups, uint8_t address[16]) {
    if (groups->gap < 0) {
        memcpy(address, groups->bytes, 16);
        return groups->count == GROUPS;
    }
    size_t before = 2 * (size_t)groups->gap;
    size_t behind = 2 * (size_t)groups->count - before;
    memset(address, 0, 16);
    memcpy(address, groups->bytes, before);
    memcpy(address + 16 - behind, groups->bytes + before, behind);
    return groups->count < GROUPS;
}

static const char *read_ipv6(const char *at, uint8_t address[16]) {
    groups_t groups = {.gap = -1};
    bool first = true;
    while (*at != ']' && *at != '%') {
        if (at[0] == ':' && at[1] == ':' && groups.gap < 0) {
            groups.gap = groups.count;
            at += 2;
            if (*at == ']' || *at == '%') {
                break;
            }
        } else if (!first && *at++ != ':') {
            return NULL;
        }
        at = read_part(at, &groups);
        if (at == NULL) {
            return NULL;
        }
        first = false;
    }
    return close_gap(&groups, address) ? at : NULL;
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
    at = read_ipv6(at, host->address);
    at = at == NULL ? NULL : skip_zone(at);
    host->is_address = true;
    return at != NULL && *at == ']' ? at + 1 : NULL;
}

static bool ends_authority(const char *at) {
    return *at == '\0' || *at == ':';
}

static const char *read_ipv4(const char *at, ota_ws_host_name_t *host) {
    memset(host->address, 0, 10);
    host->address[10] = 0xFF;
    host->address[11] = 0xFF;
    at = read_dotted(at, host->address + 12);
    host->is_address = at != NULL && ends_authority(at);
    return host->is_address ? at : NULL;
}

// ---- names ---------------------------------------------------------------------------------------------------------

// A number to those who read addresses: digits, or 0x and hex digits.
static bool is_number(const char *label, size_t length) {
    bool hex = length >= 2 && label[0] == '0' && lower(label[1]) == 'x';
    for (size_t i = hex ? 2 : 0; i < length; i++) {
        if (hex ? hex_digit(label[i]) < 0 : !is_digit(label[i])) {
            return false;
        }
    }
    return true;
}

static const char *read_name(const char *at, ota_ws_host_name_t *host) {
    const char *label = at;
    size_t length = 0;
    host->name = at;
    for (;;) {
        for (length = 0; is_word(label[length]); length++) {
        }
        if (length == 0 || length > LABEL_MAX_LENGTH) {
            return NULL;
        }
        at = label + length;
        if (*at != '.' || ends_authority(at + 1)) {
            break;
        }
        label = at + 1;
    }
    host->name_length = (size_t)(at - host->name);
    return is_number(label, length) || host->name_length > NAME_MAX_LENGTH ? NULL : at + (*at == '.');
}

// ---- the whole -----------------------------------------------------------------------------------------------------

static bool read_port(const char *at, ota_ws_host_name_t *host) {
    uint32_t port;
    if (*at == '\0') {
        return true;
    }
    at = *at == ':' ? read_decimal(at + 1, UINT16_MAX, &port) : NULL;
    if (at == NULL || port == 0) {
        return false;
    }
    host->port = (uint16_t)port;
    return *at == '\0';
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
    if (a->is_address || b->is_address) {
        return a->is_address && b->is_address && memcmp(a->address, b->address, sizeof a->address) == 0;
    }
    if (a->name_length != b->name_length) {
        return false;
    }
    for (size_t i = 0; i < a->name_length; i++) {
        if (lower(a->name[i]) != lower(b->name[i])) {
            return false;
        }
    }
    return true;
}
