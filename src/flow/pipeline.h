// SPDX-License-Identifier: Apache-2.0
// The way of the bytes of one update, each stage calling the next; runs in the writer:
//   [inflate] -> file: digest -> [decrypt] -> image: check, before the first erase -> slot
// Keeps a record of what is in flash, so that the same file can go on where it ended (docs/design.md, "Resume").
#pragma once

#include "flow/file.h"

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports);

// Who sends the next file, and when; for the history. Before begin.
void ota_ws_pipeline_from(ota_ws_pipeline_t *pipeline, const uint8_t peer[OTA_WS_PEER_SIZE], uint32_t when_s);

// A file begins; ota_ws_pipeline_end() follows. With a plain image, what is already in flash of the same file is taken
// over: `position` says how much. OTA_WS_NO_MEMORY, OTA_WS_COMPRESSION_DECLINED.
const ota_ws_failure_t *ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_upload_request_t *request);

// How many bytes are worth a write now, and how many it should have at most: what is written already must not fill the
// ring while flash is erased.
void ota_ws_pipeline_chunk_limits(const ota_ws_pipeline_t *pipeline, uint32_t *least, uint32_t *most);

// The next bytes as they came; those at `ahead` are looked at only. Nothing is erased before the image's head has
// passed.
const ota_ws_failure_t *ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const ota_ws_ring_view_t *data);

// The next bytes of the file, an ota_ws_sink_t; `context` is the pipeline. For a feature that makes them of a patch: at
// OTA_WS_PATCH_BEGINS it sets `unpacked` to what takes the patch.
ota_ws_status_t ota_ws_pipeline_take(void *context, const uint8_t *bytes, size_t length);

// Nothing waits to be written: flash may be prepared for what comes, and read back. `worked`: it was, by one step.
const ota_ws_failure_t *ota_ws_pipeline_prepare(ota_ws_pipeline_t *pipeline, bool *worked);

// All bytes of the file are there. Never of a compressed one, which may have more to come that adds none: its client
// says `end`.
bool ota_ws_pipeline_complete(const ota_ws_pipeline_t *pipeline);

// Three lines stand next to each other: what came is what was promised; flash holds it; the platform verifies and
// selects it.
const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline);

// The file is over, well or not; gives back what `begin` took. When it had not failed and is not finished, the record
// says where it can go on.
void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline);
