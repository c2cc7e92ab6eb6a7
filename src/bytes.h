// SPDX-License-Identifier: Apache-2.0
// Little-endian integers in byte arrays, at any alignment.
#pragma once

#include <stdint.h>

uint16_t ota_ws_read_u16(const uint8_t *bytes);
uint32_t ota_ws_read_u32(const uint8_t *bytes);
