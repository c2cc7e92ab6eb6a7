// SPDX-License-Identifier: Apache-2.0
// What a device has said of itself: the message `state` (docs/protocol.md, section 5) as fixed fields.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "device_message.h"
#include "image/policy.h"
#include "ports.h"
#include "session/message.h"

#define DEVICE_TEXT_SIZE 64 // longest value of a member, terminated

// The members of a message as src/schema.def lists them. By its kind a member is a text ("": absent), a number with
// `has_`, or true.
#define DEVICE_TEXT_FIELD(name) char name[DEVICE_TEXT_SIZE];
#define DEVICE_NUMBER_FIELD(name)                                                                                      \
    uint32_t name;                                                                                                     \
    bool has_##name;
#define DEVICE_TRUE_FIELD(name) bool name;

// DEVICE_AS(kind, USE)(name) is DEVICE_TEXT_USE(name), DEVICE_NUMBER_USE(name) or DEVICE_TRUE_USE(name).
#define DEVICE_AS(kind, use) DEVICE_AS_(DEVICE_KIND_##kind, use)
#define DEVICE_AS_(kind, use) DEVICE_PASTE(kind, use)
#define DEVICE_PASTE(kind, use) DEVICE_##kind##_##use
#define DEVICE_KIND_TEXT TEXT
#define DEVICE_KIND_TEXT_OR_NONE TEXT
#define DEVICE_KIND_POINTER TEXT
#define DEVICE_KIND_POINTER_OR_NONE TEXT
#define DEVICE_KIND_DIGITS4 TEXT
#define DEVICE_KIND_DIGITS8 TEXT
#define DEVICE_KIND_ADDRESS TEXT
#define DEVICE_KIND_IMAGE TEXT
#define DEVICE_KIND_UPDATE TEXT
#define DEVICE_KIND_OUTCOME TEXT
#define DEVICE_KIND_RESET TEXT
#define DEVICE_KIND_NUMBER NUMBER
#define DEVICE_KIND_NUMBER_OR_NONE NUMBER
#define DEVICE_KIND_TRUE TRUE

// One update of the past: the message `history`.
typedef struct {
#define HISTORY(name, kind, source, field) DEVICE_AS(kind, FIELD)(name)
#include "schema.def"
} device_update_t;

// The firmware in one slot.
typedef struct {
    char slot[DEVICE_TEXT_SIZE];
    char project[DEVICE_TEXT_SIZE];
    char version[DEVICE_TEXT_SIZE];
    char elf_sha256[DEVICE_TEXT_SIZE]; // the first 16 hex digits
    char image[DEVICE_TEXT_SIZE];      // what the boot record says of it: "valid", "trial" ...
} device_slot_t;

// The message `state`, and some of its members once more in groups.
typedef struct {
#define STATE(name, kind, source, field) DEVICE_AS(kind, FIELD)(name)
#include "schema.def"
    device_slot_t running;
    device_slot_t other;  // its version is "" when it holds nothing valid
    device_update_t last; // the newest update: outcome, from, to, reset
} device_state_t;

// False when the message lacks what every device must say.
bool device_state_read(device_state_t *state, const device_message_t *message);

// The device as policy.h wants to see it.
void device_state_identity(const device_state_t *state, ota_ws_identity_t *identity);

// Takes a `history` with an update. False when it has none.
bool device_update_read(device_update_t *update, const device_message_t *message);

// Appends the members that the device has sent.
void device_state_write(ota_ws_reply_t *object, const device_state_t *state);
void device_update_write(ota_ws_reply_t *object, const device_update_t *update);
