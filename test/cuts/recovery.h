// SPDX-License-Identifier: Apache-2.0
// After a cut: power on, all invariants, the end of a trial if one runs, then a whole update, which must succeed.
#pragma once

#include "device_life.h"

typedef enum {
    RECOVERY_CONFIRM,
    RECOVERY_RESTART,
    RECOVERY_EXPIRE,
    RECOVERY_GO_BACK,
    RECOVERY_CHOICES
} recovery_choice_t;

typedef struct {
    const char *violation; // NULL: none
    int running;           // image, after the first power on
    bool is_confirmed;     // it is the one that was confirmed before the cut
    bool on_trial;
    char outcome[24]; // last_outcome, after the first power on
    bool was_resumed;
    bool is_unproved; // a new image runs without its trial, and nothing can tell that nobody has confirmed it
    unsigned boots;   // that the first power on took
} recovery_t;

// Power on and all invariants: NULL, or the one that does not hold.
const char *recovery_start(life_t *life, ota_ws_reset_t reset);

// `life` has been switched off, or has died. Ends early, without violation, when the power goes again.
void recovery_run(life_t *life, recovery_choice_t choice, recovery_t *result);
