// SPDX-License-Identifier: Apache-2.0
#include "image/chip.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

// The same chips in the same order.
static const uint8_t ids[] = {0x00, 0x02, 0x05, 0x09, 0x0C, 0x0D, 0x10, 0x12, 0x14, 0x17, 0x19, 0x1C, 0x1F, 0x20};
static const char names[] = "ESP32\0ESP32-S2\0ESP32-C3\0ESP32-S3\0ESP32-C2\0ESP32-C6\0ESP32-H2\0ESP32-P4\0ESP32-C61\0"
                            "ESP32-C5\0ESP32-H21\0ESP32-H4\0ESP32-E22\0ESP32-S31";

const char *ota_ws_chip_name(uint32_t chip_id) {
    for (unsigned i = 0; i < sizeof ids; i++) {
        if (ids[i] == chip_id) {
            return ota_ws_text_at(names, i);
        }
    }
    return NULL;
}

// Compares without regard to case and hyphens.
static bool same_name(const char *a, const char *b) {
    for (;; a++, b++) {
        a += strspn(a, "-");
        b += strspn(b, "-");
        if (ota_ws_text_lower(*a) != ota_ws_text_lower(*b)) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
    }
}

int ota_ws_chip_id(const char *name) {
    for (unsigned i = 0; i < sizeof ids; i++) {
        if (same_name(ota_ws_text_at(names, i), name)) {
            return ids[i];
        }
    }
    return -1;
}
