// SPDX-License-Identifier: Apache-2.0
// The command `push`: one image to one device, up to the truth about what runs then.
#pragma once

#include "device_job.h"
#include "firmware.h"
#include "meter.h"
#include "packed.h"
#include "window.h"

typedef enum { PUSH_COMPRESS_AUTO, PUSH_COMPRESS_ALWAYS, PUSH_COMPRESS_NEVER } push_compress_t;

typedef struct {
    push_compress_t compress;
    bool no_seal;
    bool delta;       // send a patch wherever one is possible
    bool no_delta;    // never
    bool no_cache;    // take no image from there, and leave none there
    const char *base; // file with the image that the device runs; NULL: none
    bool no_check;
    bool allow_downgrade;
    bool no_restart;
    bool force;
    bool confirm;
} push_options_t;

// How far a push is.
typedef enum { PUSH_CHECKED, PUSH_SENDING, PUSH_VERIFYING, PUSH_READY, PUSH_RESTARTING } push_stage_t;

typedef struct {
    const push_options_t *options;
    firmware_t *firmware;
    window_t window;
    packed_t packed;
    bool is_packed; // what is being sent, or about to be
    bool is_sealed; // what is being sent
    uint32_t begin; // count of the last `begin`
    bool is_patch;  // likewise: packed is a patch against `base`
    base_t base;
    char base_digits[DEVICE_TEXT_SIZE]; // as the device names it
    bool no_patch;                      // the device takes no patch now, or the last one did not fit
    bool declined;                      // the device takes nothing packed now
    bool end_said;                      // after the last packed byte
    uint32_t early;                     // bytes that follow `begin` at once
    bool early_due;                     // and have not been sent
    meter_t progress;
    device_state_t before; // of before the update
    device_slot_t updated; // what the device should run in the end
    bool begun;            // `before` is known
    bool announced;        // the device has taken an update: what is sent has been said
    bool from_start;       // what was kept was damaged: it was asked for from 0 once
    uint32_t resumed_at;   // offset of the last `ready`
    problem_t problem;     // why the update is being cancelled
    bool was_restarted;    // an earlier push of this file has restarted the device into it: going back is an outcome
    bool all_received;     // by the device
    // NULL: nobody asks. False at PUSH_CHECKED and PUSH_READY: it has ended the job; at PUSH_RESTARTING: not yet,
    // push_restart() follows.
    bool (*reached)(device_job_t *job, push_stage_t stage);
} push_t;

extern const command_t push_command; // its task is a push_t

void push_init(push_t *push, const push_options_t *options, firmware_t *firmware);
void push_free(push_t *push);

// Restarts the device, whose restart was held back at PUSH_RESTARTING. Nothing happens where none is held back.
void push_restart(device_job_t *job);
