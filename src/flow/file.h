// SPDX-License-Identifier: Apache-2.0
// One file on its way to the slot: its state, and the steps that pipeline.c (bytes pass), commit.c (a file ends) and
// features share. All of it runs in the writer. The members belong to these files.
#pragma once

#include "flow/ring.h"
#include "flow/slot.h"
#include "image/encrypted.h"
#include "image/image.h"
#include "image/policy.h"
#include "ports.h"
#include "record/history.h"

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

// A patch on its way: the record that is being read, and the bytes of the file that do not fill a page of flash yet
// (features/delta.c).
typedef struct {
    uint8_t page[OTA_WS_PAGE_SIZE];
    uint32_t filled;
    uint32_t base_size;
    uint32_t position;   // in the base
    uint32_t numbers[3]; // move, added, fresh; then what is left of the bytes
    uint8_t known;       // numbers that were read completely
    uint8_t bits;        // of the next number so far
} ota_ws_delta_t;

// Public so that it can be static; all members belong to the core.
typedef struct ota_ws_pipeline {
    ota_ws_pipeline_ports_t ports;
    uint32_t position;      // bytes of the file so far
    bool finished;          // `finish` has succeeded
    bool inflating;         // the filter was started
    bool decrypting;        // likewise
    bool recorded;          // the record is of this file
    bool resumed;           // it goes on behind what an earlier try has brought
    bool requires_signed;   // by the device; since the head was decided upon
    ota_ws_sink_t unpacked; // takes what was inflated: the file, or a patch
    ota_ws_upload_request_t request;
    ota_ws_failure_t failure; // the first one sticks
    uint8_t peer[OTA_WS_PEER_SIZE];
    uint32_t when_s;
    ota_ws_delta_t delta;      // when a patch comes
    ota_ws_encrypted_t header; // when decrypting
    ota_ws_slot_t slot;
    ota_ws_image_t image;
    ota_ws_sha256_t file;  // digest of the file
    ota_ws_sha256_t plain; // digest of what was decrypted, only when decrypting
} ota_ws_pipeline_t;

// The first failure stays. Returns it.
ota_ws_status_t ota_ws_file_fail(ota_ws_pipeline_t *pipeline, ota_ws_status_t status);

// How many bytes of the slot such a file needs: it goes there without the header of an encrypted image.
uint32_t ota_ws_file_image_size(const ota_ws_pipeline_t *pipeline, const ota_ws_upload_request_t *request);

// Resets the state before the first byte. `drop` gives back the hashes that `start` has taken.
void ota_ws_file_start(ota_ws_pipeline_t *pipeline);
void ota_ws_file_drop(ota_ws_pipeline_t *pipeline);

// Checks the next bytes of the image: the faults that the image shows by itself.
ota_ws_status_t ota_ws_file_check(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length);

// Decides by the image's head, which was checked, whether this device may take the image; asks the application.
ota_ws_status_t ota_ws_file_decide(ota_ws_pipeline_t *pipeline);

// All bytes of the file have come.
bool ota_ws_file_has_all(const ota_ws_pipeline_t *pipeline);

// Does the digest of all bytes so far equal the digest in `begin`?
bool ota_ws_file_is_requested(const ota_ws_pipeline_t *pipeline);

// Which failure to report for `status`: OTA_WS_DIGEST_MISMATCH where the bytes may have been changed on their way.
ota_ws_status_t ota_ws_file_blame(const ota_ws_pipeline_t *pipeline, ota_ws_status_t status);
