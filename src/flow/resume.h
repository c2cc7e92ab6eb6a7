// SPDX-License-Identifier: Apache-2.0
// The record of how far a file has come, kept while it is written, and going on from it (docs/design.md, "Resume"). A
// part of the pipeline.
#pragma once

#include "flow/file.h"

// A file begins: what flash holds of it since an earlier try is taken over, `position` says how much.
void ota_ws_resume_begin(ota_ws_pipeline_t *pipeline);

// Before the first erase: from now on the slot is not what it was.
void ota_ws_resume_open(ota_ws_pipeline_t *pipeline);

// All before `position` lies in flash.
void ota_ws_resume_note(ota_ws_pipeline_t *pipeline);

// The head goes to flash: what is on record of the blocks before stays good, but the first sector does not.
void ota_ws_resume_seal(ota_ws_pipeline_t *pipeline);

// The file stops half-way: everything that came goes to flash, as far as whole program units go, and the record says
// so.
void ota_ws_resume_pause(ota_ws_pipeline_t *pipeline);

// The file has ended; what is left to say is that the slot is not to be trusted, if so.
void ota_ws_resume_close(ota_ws_pipeline_t *pipeline);
