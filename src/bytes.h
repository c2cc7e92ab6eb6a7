// SPDX-License-Identifier: Apache-2.0
// Byte arrays: little-endian integers at any alignment, and a checksum.
#pragma once

#include <stddef.h>
#include <stdint.h>

uint16_t ota_ws_read_u16(const uint8_t *bytes);
uint32_t ota_ws_read_u32(const uint8_t *bytes);

// CRC-32 (IEEE 802.3), as zlib's crc32().
uint32_t ota_ws_crc32(const void *bytes, size_t length);
