// SPDX-License-Identifier: Apache-2.0
#include "chip.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    uint16_t id;
    const char *name;
} chip_t;

static const chip_t chips[] = {
    {0x0000, "ESP32"},     {0x0002, "ESP32-S2"}, {0x0005, "ESP32-C3"},  {0x0009, "ESP32-S3"},  {0x000C, "ESP32-C2"},
    {0x000D, "ESP32-C6"},  {0x0010, "ESP32-H2"}, {0x0012, "ESP32-P4"},  {0x0014, "ESP32-C61"}, {0x0017, "ESP32-C5"},
    {0x0019, "ESP32-H21"}, {0x001C, "ESP32-H4"}, {0x0020, "ESP32-S31"},
};

const char *ota_ws_chip_name(uint16_t chip_id) {
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (chips[i].id == chip_id) {
            return chips[i].name;
        }
    }
    return NULL;
}

static char lower(char c) {
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

// Compares without regard to case and hyphens.
static bool same_name(const char *a, const char *b) {
    for (;;) {
        while (*a == '-') {
            a++;
        }
        while (*b == '-') {
            b++;
        }
        if (lower(*a) != lower(*b)) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        a++;
        b++;
    }
}

int ota_ws_chip_id(const char *name) {
    for (size_t i = 0; i < sizeof chips / sizeof chips[0]; i++) {
        if (same_name(chips[i].name, name)) {
            return chips[i].id;
        }
    }
    return -1;
}
