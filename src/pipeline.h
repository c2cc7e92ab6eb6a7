// SPDX-License-Identifier: Apache-2.0
// The way of the bytes of one update, each stage calling the next; runs in the writer:
//   [inflate] -> file: digest -> [decrypt] -> image: check, before the first erase -> slot
// Keeps a record of what is in flash, so that the same file can go on where it ended (docs/design.md, "Resume").
#pragma once

#include "encrypted.h"
#include "history.h"
#include "image.h"
#include "policy.h"
#include "ports.h"
#include "ring.h"
#include "slot.h"

typedef struct {
    const ota_ws_flash_t *flash;
    const ota_ws_platform_t *platform;
    const ota_ws_hash_t *hash;
    const ota_ws_policy_t *policy;
    const ota_ws_filter_t *inflate; // raw deflate; NULL: compressed uploads are declined
    const ota_ws_filter_t *decrypt; // ESP Encrypted Image; NULL: plain images are expected
    uint8_t *scratch;               // free while a file begins and when all of it has come: the end of the ring will do
    size_t scratch_size;            // a sector or more
} ota_ws_pipeline_ports_t;

// Public so that it can be static; all members belong to the core.
typedef struct {
    ota_ws_pipeline_ports_t ports;
    uint32_t position;    // bytes of the file so far
    bool finished;        // `finish` has succeeded
    bool inflating;       // the filter was started
    bool decrypting;      // likewise
    bool recorded;        // the record is of this file
    bool resumed;         // it goes on behind what an earlier try has brought
    bool requires_signed; // by the device; since the head was decided upon
    bool distrust;        // what lies in the slot may have been cut off half-way, anywhere
    ota_ws_promise_t promise;
    ota_ws_failure_t failure; // the first one sticks
    uint8_t peer[OTA_WS_PEER_SIZE];
    uint32_t when_s;
    ota_ws_encrypted_t header; // when decrypting
    ota_ws_slot_t slot;
    ota_ws_image_t image;
    ota_ws_sha256_t file;  // digest of the file
    ota_ws_sha256_t plain; // digest of what was decrypted, only when decrypting
} ota_ws_pipeline_t;

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports);

// Who sends the next file, and when; for the history. Before begin.
void ota_ws_pipeline_from(ota_ws_pipeline_t *pipeline, const uint8_t peer[OTA_WS_PEER_SIZE], uint32_t when_s);

// How many bytes of the slot such a file needs: it goes there without the header of an encrypted image.
uint32_t ota_ws_pipeline_image_size(const ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise);

// A file begins; ota_ws_pipeline_end() follows. With a plain image, what is already in flash of the same file is taken
// over: `position` says how much. OTA_WS_NO_MEMORY, OTA_WS_COMPRESSION_DECLINED.
const ota_ws_failure_t *ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise);

// How many bytes are worth a write now, and how many it should have at most: what is written already must not fill the
// ring while flash is erased.
void ota_ws_pipeline_appetite(const ota_ws_pipeline_t *pipeline, uint32_t *least, uint32_t *most);

// The next bytes as they came; those at `ahead` are looked at only. Nothing is erased before the image's head has
// passed.
const ota_ws_failure_t *ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const ota_ws_ring_view_t *data);

// Nothing waits to be written: flash may be prepared for what comes, and read back. `worked`: it was, by one step.
const ota_ws_failure_t *ota_ws_pipeline_prepare(ota_ws_pipeline_t *pipeline, bool *worked);

// Is the digest of all that has come the one that `begin` has promised?
bool ota_ws_pipeline_is_promised(const ota_ws_pipeline_t *pipeline);

// All bytes of the file are there. Never of a compressed one, which may have more to come that adds none: its client
// says `end`.
bool ota_ws_pipeline_complete(const ota_ws_pipeline_t *pipeline);

// Three lines stand next to each other: what came is what was promised; flash holds it; the platform verifies and
// selects it.
const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline);

// The file is over, well or not; gives back what `begin` took. When it had not failed and is not finished, the record
// says where it can go on.
void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline);

// ---- for resume.c and seal.c

// The first failure sticks; returns it.
ota_ws_status_t ota_ws_pipeline_fail(ota_ws_pipeline_t *pipeline, ota_ws_status_t status);

// The image's own faults, seen as far as the bytes have come.
ota_ws_status_t ota_ws_pipeline_examine(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length);

// Is this image one for this device? Its head has been examined.
ota_ws_status_t ota_ws_pipeline_decide(ota_ws_pipeline_t *pipeline);

// Nothing has come yet. `drop` gives back what it took.
void ota_ws_pipeline_start_file(ota_ws_pipeline_t *pipeline);
void ota_ws_pipeline_drop_file(ota_ws_pipeline_t *pipeline);
