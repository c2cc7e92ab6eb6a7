// SPDX-License-Identifier: Apache-2.0
// Small things about text that every part needs: bounded copies, numbers, hex.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Copies `from` into `to`, cut to `size` - 1 characters and terminated.
void ota_ws_text_copy(char *to, size_t size, const char *from);

// Writes `value` in decimal, terminated; `to` has at least 11 bytes. Returns where the zero is.
char *ota_ws_text_number(char *to, uint32_t value);

// Writes an IPv6 address as RFC 5952 wants it, an IPv4 one (::ffff:a.b.c.d) with dots.
#define OTA_WS_TEXT_ADDRESS_SIZE 41
void ota_ws_text_address(char to[OTA_WS_TEXT_ADDRESS_SIZE], const uint8_t address[16]);

// One string of a list that lies in memory one behind the other, each with its zero. Half the size of an array of
// pointers; who makes the list keeps it in the order of its enum.
const char *ota_ws_text_at(const char *list, unsigned index);

// Writes 2 * length lower-case hex digits and a zero.
void ota_ws_text_hex(char *to, const uint8_t *bytes, size_t length);

// Reads exactly 2 * length hex digits. False when there are others.
bool ota_ws_text_unhex(const char *text, uint8_t *bytes, size_t length);

// Takes the same time wherever the difference is.
bool ota_ws_bytes_equal(const uint8_t *a, const uint8_t *b, size_t length);

// Overwrites a secret that is no longer needed; no compiler leaves it out.
void ota_ws_wipe(void *bytes, size_t length);
