// SPDX-License-Identifier: Apache-2.0
// Little-endian integers into byte arrays; the reverse is bytes.h of the core.
#pragma once

#include <stdint.h>

static inline void write_u16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void write_u32(uint8_t *bytes, uint32_t value) {
    write_u16(bytes, (uint16_t)value);
    write_u16(bytes + 2, (uint16_t)(value >> 16));
}
