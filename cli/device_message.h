// SPDX-License-Identifier: Apache-2.0
// A message from a device: a flat JSON object, docs/protocol.md, section 2. Whatever a device sends, what comes out is
// safe to show on a terminal: printable UTF-8, other bytes replaced by '?'.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_MESSAGE_SIZE 1024 // longest text
#define DEVICE_MESSAGE_MEMBERS 64

typedef struct {
    uint16_t offset, length; // in the text, without quotes
} device_message_span_t;

typedef struct {
    const char *text; // the caller's; outlives the message
    size_t count;
    struct {
        device_message_span_t name, value;
        bool is_string;
    } members[DEVICE_MESSAGE_MEMBERS];
} device_message_t;

// False when `text` is not one flat JSON object of strings, whole numbers, true and false.
bool device_message_read(device_message_t *message, const char *text, size_t length);

// The member's value, its escapes resolved, cut to `size` - 1 bytes. False and "" when it is absent or no string.
bool device_message_string(const device_message_t *message, const char *name, char *to, size_t size);

// Likewise, of lines: line ends stay.
bool device_message_lines(const device_message_t *message, const char *name, char *to, size_t size);

// False and 0 when it is absent or no number from 0 to 4294967295.
bool device_message_number(const device_message_t *message, const char *name, uint32_t *value);

// The member is there and true.
bool device_message_true(const device_message_t *message, const char *name);

// The member `type` is `type`.
bool device_message_is(const device_message_t *message, const char *type);
