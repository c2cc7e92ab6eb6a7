// SPDX-License-Identifier: Apache-2.0
#include "bytes.h"

#define CRC_POLYNOMIAL 0xEDB88320u

uint16_t ota_ws_read_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

uint32_t ota_ws_read_u32(const uint8_t *bytes) {
    return (uint32_t)ota_ws_read_u16(bytes) | (uint32_t)ota_ws_read_u16(bytes + 2) << 16;
}

uint32_t ota_ws_crc32(const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
        }
    }
    return ~crc;
}
