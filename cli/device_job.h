// SPDX-License-Identifier: Apache-2.0
// One device, from the first connection to the outcome: connects, keeps what the device says of itself, comes back
// after a lost connection and after a restart. What is done there is the command's (commands.h, push.h). Any number of
// jobs may run on one loop: the owner of the loop passes the ticks on (a fleet), or one job has it (device_job_run()).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "client.h"
#include "credentials.h"
#include "loop.h"
#include "outcome.h"
#include "output.h"

struct job;

// What a command does at each event. NULL where the job's own answer is right.
typedef struct {
    void (*arrived)(struct job *job); // logged in, `state` is known; again after a lost connection
    void (*on_message)(struct job *job, const device_message_t *message); // later messages; `state` is up to date
    void (*returned)(struct job *job);                       // answers again after device_job_await_restart()
    size_t (*fill)(struct job *job, unsigned char *frame);   // as client_events_t
    void (*lost)(struct job *job, const problem_t *problem); // the connection; the job tries again by itself
    void (*interrupted)(struct job *job);                    // by Ctrl-C; the job ends by itself
    void (*again)(struct job *job);                          // after device_job_ask_again(): the time has come
} command_t;

typedef struct {
    uint32_t retries; // reconnections, in all
    uint32_t wait_s;  // for a restart; 0: not at all
    uint32_t seek_s;  // for the first connection to a device that may be restarting; 0: one try
} device_job_patience_t;

typedef enum {
    JOB_ARRIVING, // no session yet, or none again
    JOB_PAUSED,   // until next_ms
    JOB_TALKING,
    JOB_RETURNING, // the device restarts
    JOB_LEAVING,   // the outcome is known; goodbyes leave
} device_job_phase_t;

typedef struct job {
    loop_t *loop;
    output_t *output;
    const command_t *command;
    void *task; // the command's own
    device_job_patience_t patience;
    const char *name; // of the device, as the user wrote it
    address_t address;
    client_t client;
    device_job_phase_t phase;
    int step;              // of the command; 0 at first
    bool connecting;       // JOB_RETURNING: a session is being opened
    bool unrestarted;      // JOB_RETURNING: at the last look it ran as before
    bool state_known;      // `state` holds something
    device_state_t state;  // the last one received
    device_state_t before; // JOB_RETURNING: of before the restart
    uint32_t attempts;     // reconnections so far
    uint64_t next_ms, deadline_ms;
    uint64_t seek_ms;       // until when the first connection is tried again
    uint64_t answer_ms;     // until when an answer must have come; 0: none is expected
    uint64_t again_ms;      // when `again` is due; 0: never
    uint64_t busy_ms;       // since when the device has been busy with its own work; 0: it is not
    const char *asked;      // the commands of commands.c: the message that was sent last
    device_slot_t starting; // JOB_RETURNING: the new image that should run then; its version is "" for none
    bool interrupted;
    outcome_t outcome;
    void (*ended)(void *context, struct job *job); // `outcome` is known, and the goodbyes have left
    void *ended_context;
    bool has_ended;
} device_job_t;

// Prepares a job; `name` is what the user calls the device. All pointers stay the caller's.
void device_job_init(device_job_t *job, loop_t *loop, output_t *output, credentials_t *credentials, const char *name,
                     const address_t *address);

// Begins; `ended` follows from the loop, once. Until then device_job_tick() is called about ten times a second. The job
// stays where it is until the loop is closed, or is used again after `ended`.
void device_job_begin(device_job_t *job, const command_t *command, void *task, const device_job_patience_t *patience);
void device_job_tick(device_job_t *job, uint64_t now_ms);

// The user wants an end. What can still be taken back is taken back; a second time the job just ends.
void device_job_interrupt(device_job_t *job);

// The three in one: runs the loop until `outcome` is known.
void device_job_run(device_job_t *job, const command_t *command, void *task, const device_job_patience_t *patience);

// ---- for commands ----

// The end.
void device_job_finish(device_job_t *job, const outcome_t *outcome);
void device_job_finish_running(device_job_t *job);
void device_job_finish_problem(device_job_t *job, const problem_t *problem);

// The device has refused, in `message` (a `failed`).
void device_job_finish_failed(device_job_t *job, const device_message_t *message);

// Connects again after a pause, or ends with `problem` when that was tried often enough.
void device_job_retry(device_job_t *job, const problem_t *problem);

// Gives the device so long until device_job_answered(); if that is too long, the connection counts as lost.
void device_job_expect_answer(device_job_t *job, uint32_t timeout_ms);
void device_job_answered(device_job_t *job);

// The device is busy with its own work (`device_busy`): `again` follows in a second. False when that has gone on for
// too long.
bool device_job_ask_again(device_job_t *job);

// May this session seal? The device can, and others may listen.
bool device_job_seals(const device_job_t *job);

// Says `restart`. `into`: "recovery", "application", or NULL for whatever the device would run.
void device_job_say_restart(device_job_t *job, const char *into);

// The device restarts: `returned` follows, or the job ends because it did not come back. `starting` is the image that
// should run then, or NULL when that is no new one.
void device_job_await_restart(device_job_t *job, const device_slot_t *starting);

// The device restarts, and is not waited for: `kind` and `starting` as above; `interrupted` by the user.
void device_job_finish_restarting(device_job_t *job, const device_slot_t *starting, bool interrupted);
