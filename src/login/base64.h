// SPDX-License-Identifier: Apache-2.0
// Base 64 (RFC 4648): with padding as SCRAM wants it, and the URL alphabet without padding for tickets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Length of the text for `length` bytes, with padding, without the terminating zero.
#define OTA_WS_BASE64_LENGTH(length) (((length) + 2) / 3 * 4)

// Writes the text, terminated. ota_ws_base64() returns where the zero is.
char *ota_ws_base64(char *text, const uint8_t *bytes, size_t length);
void ota_ws_base64url(char *text, const uint8_t *bytes, size_t length);

// Reads padded text of exactly `length` bytes from the first `text_length` characters. False when it is anything else.
bool ota_ws_unbase64(const char *text, size_t text_length, uint8_t *bytes, size_t length);
