// SPDX-License-Identifier: Apache-2.0
#include "bytes.h"

uint16_t ota_ws_read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t ota_ws_read_u32(const uint8_t *bytes) {
    return (uint32_t)ota_ws_read_u16(bytes) | (uint32_t)ota_ws_read_u16(bytes + 2) << 16;
}
