// SPDX-License-Identifier: Apache-2.0
// The way of the bytes of one update: digest -> image check (before the first erase) -> slot. Each stage calls the
// next. Runs in the writer.
#pragma once

#include "image.h"
#include "policy.h"
#include "ports.h"
#include "slot.h"

typedef struct {
    const ota_ws_flash_t *flash;
    const ota_ws_platform_t *platform;
    const ota_ws_hash_t *hash;
    const ota_ws_policy_t *policy;
    uint8_t *scratch;
    size_t scratch_size;
} ota_ws_pipeline_ports_t;

// Public so that it can be static; all members belong to the core.
typedef struct {
    ota_ws_pipeline_ports_t ports;
    ota_ws_promise_t promise;
    bool running;           // a digest was started and not finished
    uint16_t held;          // bytes of the head that wait for the decision
    ota_ws_sha256_t digest; // of the file
    ota_ws_image_t image;
    ota_ws_slot_t slot;
    uint8_t head[OTA_WS_IMAGE_HEAD_SIZE];
} ota_ws_pipeline_t;

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports);

// A file begins. Ends an earlier one.
void ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise);

// The next bytes of the file. `failure` says what is wrong, with status OTA_WS_OK when nothing is. Nothing is erased
// before the head has passed.
void ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length, ota_ws_failure_t *failure);

// The file is complete. Three lines stand next to each other: what came is what was promised; flash holds it; the
// platform verifies and selects it.
void ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline, ota_ws_failure_t *failure);

// The file is given up.
void ota_ws_pipeline_abort(ota_ws_pipeline_t *pipeline);
