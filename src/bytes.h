// SPDX-License-Identifier: Apache-2.0
// Little-endian integers in byte arrays, at any alignment.
#pragma once

#include <stdint.h>

static inline uint16_t ota_ws_read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t ota_ws_read_u32(const uint8_t *bytes) {
    return (uint32_t)ota_ws_read_u16(bytes) | (uint32_t)ota_ws_read_u16(bytes + 2) << 16;
}
