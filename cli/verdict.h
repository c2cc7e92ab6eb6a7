// SPDX-License-Identifier: Apache-2.0
// The verdict of `inspect` in words: which devices would take a file, or why none, or the one that was asked, would
// not.
#pragma once

#include "device_state.h"
#include "firmware.h"
#include "problem.h"

#define VERDICT_SIZE 200

// For whom the verdict is.
typedef struct {
    const char *host;            // the device that was asked; NULL: none was
    const device_state_t *state; // and what it has said of itself
    int chip_id;                 // the chip that was named; -1: none was
    const char *key;             // file of the private key that was named; NULL: none was
} verdict_for_t;

// The file is accepted: by whom. "ESP32-C3 of revision 0.3 or later; needs 867072 bytes".
void verdict_accepted(const firmware_t *firmware, const verdict_for_t *by, char text[VERDICT_SIZE]);

// The file is refused, and no device was asked: sentences that speak of "this device" speak of what was named instead.
void verdict_without_device(const firmware_t *firmware, const verdict_for_t *by, problem_t *problem);
