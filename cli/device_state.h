// SPDX-License-Identifier: Apache-2.0
// What a device has said of itself: the message `state` (docs/protocol.md, section 5) as fixed fields.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "device_message.h"
#include "image/policy.h"
#include "ports.h"

// The firmware in one slot.
typedef struct {
    char slot[17];
    char project[33];
    char version[33];
    char elf_sha256[17]; // the first 16 hex digits
    char image[16];      // what the boot record says of it: "valid", "trial" ...
} device_slot_t;

// One update of the past.
typedef struct {
    char outcome[16]; // "confirmed", "aborted" ...; "" when there was none
    char from[33], to[33];
    char reset[16]; // why the device restarted; "" when that does not matter
    char slot[17];  // } of a history only
    char peer[46];  // } "" when it is not known
    bool has_when;  // }
    uint32_t when;  // } seconds since 1970
} device_update_t;

typedef struct {
    char device[64];
    char id[13]; // "" when it has none
    char boot[9];
    char chip[16];
    uint32_t chip_id, revision, secure_version;
    bool has_efuse_revision;
    uint32_t efuse_revision;
    uint32_t mmu_page_size; // 0: images of any
    char built[40], idf[33];
    device_slot_t running;
    device_slot_t other; // its version is "" when nothing valid lies there
    uint32_t slot_size;
    bool has_trial_left;
    uint32_t trial_left_s;
    bool can_roll_back;
    bool check_project;
    char signed_by[17]; // the first bytes of the key's SHA-256; "" when the running image is not signed
    bool requires_signed;
    bool encrypted; // takes encrypted images only
    bool deflate;   // takes packed files
    uint32_t early; // bytes that may follow `begin` at once
    char update[16];
    bool yours;
    uint32_t size, received, written;
    char peer[46];            // of the update: client that sends it; "" when it is not known
    char sha256[17];          // of its file: the first 16 hex digits; "" when the device does not tell
    uint32_t kept, kept_size; // an unfinished upload: bytes that the device has, size of the file; 0: none
    char kept_sha256[17];     // of that file
    char kept_project[33], kept_version[33];
    device_update_t last; // update
} device_state_t;

// False when the message lacks what every device must say.
bool device_state_read(device_state_t *state, const device_message_t *message);

// The device as policy.h wants to see it.
void device_state_identity(const device_state_t *state, ota_ws_identity_t *identity);

// Takes a `history` with an update. False when it has none.
bool device_update_read(device_update_t *update, const device_message_t *message);
