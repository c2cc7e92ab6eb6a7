// SPDX-License-Identifier: Apache-2.0
// One device, from the first connection to the outcome: connects, keeps what the device says of itself, comes back
// after a lost connection and after a restart. What is done there is the command's (commands.h, push.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "client.h"
#include "credentials.h"
#include "loop.h"
#include "outcome.h"
#include "output.h"

struct visit;

// What a command does at each event. NULL where the visit's own answer is right.
typedef struct {
    void (*arrived)(struct visit *visit); // logged in, `state` is known; again after a lost connection
    void (*heard)(struct visit *visit, const device_message_t *message); // later messages; `state` is up to date
    void (*returned)(struct visit *visit);                               // answers again after visit_await_restart()
    size_t (*fill)(struct visit *visit, unsigned char *frame);           // as client_events_t
    void (*lost)(struct visit *visit, const problem_t *problem); // the connection; the visit tries again by itself
    void (*interrupted)(struct visit *visit);                    // by Ctrl-C; the visit ends by itself
    void (*again)(struct visit *visit);                          // after visit_ask_again(): the time has come
} command_t;

typedef struct {
    uint32_t retries; // reconnections, in all
    uint32_t wait_s;  // for a restart; 0: not at all
} visit_patience_t;

typedef enum {
    VISIT_ARRIVING, // no session yet, or none again
    VISIT_PAUSED,   // until next_ms
    VISIT_TALKING,
    VISIT_RETURNING, // the device restarts
    VISIT_LEAVING,   // the outcome is known; goodbyes leave
} visit_phase_t;

typedef struct visit {
    loop_t *loop;
    output_t *output;
    const command_t *command;
    void *task; // the command's own
    visit_patience_t patience;
    const char *name; // of the device, as the user wrote it
    address_t address;
    client_t client;
    visit_phase_t phase;
    int step;              // of the command; 0 at first
    bool connecting;       // VISIT_RETURNING: a session is being opened
    bool unrestarted;      // VISIT_RETURNING: at the last look it ran as before
    bool state_known;      // `state` holds something
    device_state_t state;  // the last heard
    device_state_t before; // VISIT_RETURNING: of before the restart
    uint32_t attempts;     // reconnections so far
    uint64_t next_ms, deadline_ms;
    uint64_t answer_ms;     // until when an answer must have come; 0: none is expected
    uint64_t again_ms;      // when `again` is due; 0: never
    uint64_t busy_ms;       // since when the device has been busy with its own work; 0: it is not
    const char *asked;      // the commands of commands.c: the message that was sent last
    device_slot_t starting; // VISIT_RETURNING: the new image that should run then; its version is "" for none
    bool interrupted;
    outcome_t outcome;
} visit_t;

// Prepares a visit; `name` is what the user calls the device. All pointers stay the caller's.
void visit_init(visit_t *visit, loop_t *loop, output_t *output, credentials_t *credentials, const char *name,
                const address_t *address);

// Runs the loop until `outcome` is known.
void visit_run(visit_t *visit, const command_t *command, void *task, const visit_patience_t *patience);

// ---- for commands --------------------------------------------------------------------------------------------------

// The end.
void visit_finish(visit_t *visit, const outcome_t *outcome);
void visit_finish_running(visit_t *visit);
void visit_finish_problem(visit_t *visit, const problem_t *problem);

// The device has refused, in `message` (a `failed`).
void visit_finish_failed(visit_t *visit, const device_message_t *message);

// Connects again after a pause, or ends with `problem` when that was tried often enough.
void visit_retry(visit_t *visit, const problem_t *problem);

// Gives the device so long until visit_answered(); if that is too long, the connection counts as lost.
void visit_expect_answer(visit_t *visit, uint32_t timeout_ms);
void visit_answered(visit_t *visit);

// The device is busy with its own work (`device_busy`): `again` follows in a second. False when that has gone on for
// too long.
bool visit_ask_again(visit_t *visit);

// The device restarts: `returned` follows, or the visit ends because it did not come back. `starting` is the image that
// should run then, or NULL when that is no new one.
void visit_await_restart(visit_t *visit, const device_slot_t *starting);

// The device restarts, and is not waited for: `kind` and `starting` as above; `interrupted` by the user.
void visit_finish_restarting(visit_t *visit, const device_slot_t *starting, bool interrupted);
