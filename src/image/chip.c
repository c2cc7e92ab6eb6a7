// SPDX-License-Identifier: Apache-2.0
#include "image/chip.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    uint8_t id;
    char name[10];
} chip_t;

static const chip_t chips[] = {
    {0x00, "ESP32"},     {0x02, "ESP32-S2"}, {0x05, "ESP32-C3"},  {0x09, "ESP32-S3"},  {0x0C, "ESP32-C2"},
    {0x0D, "ESP32-C6"},  {0x10, "ESP32-H2"}, {0x12, "ESP32-P4"},  {0x14, "ESP32-C61"}, {0x17, "ESP32-C5"},
    {0x19, "ESP32-H21"}, {0x1C, "ESP32-H4"}, {0x1F, "ESP32-E22"}, {0x20, "ESP32-S31"},
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
