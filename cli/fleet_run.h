// SPDX-License-Identifier: Apache-2.0
// Runs a rollout: one process, one event loop, one job for each device that is under way. The order of things is the
// same for everything that happens: into the journal, then into the rollout (rollout.h), then what is decided into the
// journal, then it is done. So a process that is killed at any moment goes on where it was.
#pragma once

#include "discover.h"
#include "fleet_job.h"
#include "fleet_journal.h"
#include "fleet_list.h"
#include "fleet_plan.h"
#include "rollout.h"

#define FLEET_PENDING_MAX 256

// A device, as this process sees it.
typedef struct {
    address_t address;
    bool needs_network, is_located; // by multicast DNS
    fleet_job_t *job;               // NULL: none
    bool wants_confirm;             // as soon as there is space for another job
    uint64_t look_ms;               // on trial: when it is looked at next
    uint32_t written;               // bytes
} fleet_target_t;

typedef struct fleet_run {
    const fleet_plan_t *plan;
    fleet_entry_t *entries;
    fleet_target_t *targets;
    fleet_device_t *devices;
    fleet_rollout_t rollout;
    fleet_journal_t *journal; // NULL: nothing is written down, and the run goes on until it is interrupted
    firmware_t *firmware;
    loop_t *loop;
    const char *password_file; // of the command line; NULL: the plan's
    discover_t *discover;      // NULL: no device needs it
    uint64_t discovered_ms;
    fleet_job_t *jobs; // all that were ever needed, until the loop is closed
    uint32_t busy_jobs;
    fleet_event_t pending[FLEET_PENDING_MAX]; // not in the journal yet
    uint32_t pending_count;
    uint64_t orders_ms; // when orders are looked for next
    lws_sorted_usec_list_t soon;
    problem_t problem; // the journal cannot be written: nothing more is done
    bool interrupted;
    bool releases_elsewhere; // a restart waits for fleet_run_release(), not for the journal alone
    void (*happened)(void *view, const fleet_event_t *event);            // after each event that counts
    void (*seen)(void *view, uint32_t device, const outcome_t *outcome); // at the end of each job; NULL: nobody asks
    void (*ticked)(struct fleet_run *run, uint64_t now_ms);
    // Must it go on although nothing can be done without an operator, or (`is_final`) at all? NULL: no.
    bool (*holds)(void *view, bool is_final);
    void *view;
} fleet_run_t;

// Runs until nothing more can be done without an operator. All pointers and `rollout` were set, the events of the
// journal applied. The exit code; with EXIT_CODE_TROUBLE `problem` says why.
exit_code_t fleet_run(fleet_run_t *run);

// Looks for orders at once, at the next tick.
void fleet_run_look_for_orders(fleet_run_t *run);

// The same in parts, for a loop of the caller's that several runs share, all without a journal: open, then a tick about
// ten times a second. False: `problem`.
bool fleet_run_open(fleet_run_t *run);
void fleet_run_tick(fleet_run_t *run, uint64_t now_ms);
bool fleet_run_is_idle(const fleet_run_t *run); // no job is under way

// The device's entry has changed, and it has no job: where is it now? False: the entry is no address.
bool fleet_run_move(fleet_run_t *run, uint32_t device);

// Takes back what has been begun at the device, unless it restarts already.
void fleet_run_cancel(fleet_run_t *run, uint32_t device);

// The event that the device is about to be restarted is stored: now it is restarted. Only with `releases_elsewhere`.
void fleet_run_release(fleet_run_t *run, uint32_t device);

// The device is somebody else's now: what has been begun is taken back, or left as it is where only the restart is
// missing.
void fleet_run_drop(fleet_run_t *run, uint32_t device);

void fleet_run_free(fleet_run_t *run); // after the loop was closed

// Looks what a device runs that has no job now: `seen` follows. False: not now, there is no space for another job.
bool fleet_run_look(fleet_run_t *run, uint32_t device);

// Opens the image of a rollout. It must be recognisable on a device: by its digest, for no version says which build an
// image is. False: `problem`, and nothing has to be closed.
bool fleet_image_open(firmware_t *firmware, const char *path, problem_t *problem);

// The exit code for the state of a rollout.
exit_code_t fleet_exit_code(const fleet_rollout_t *rollout, int64_t time_s);

fleet_now_t fleet_time(void);

// Does the plan choose a device of that project and chip?
bool fleet_chooses(const fleet_plan_t *plan, const device_state_t *state);

// Can the password of each device be had? A file that others may read is nobody's fault but ours: false, and `problem`.
bool fleet_passwords_are_sound(const fleet_plan_t *plan, const char *file, const fleet_list_t *list,
                               problem_t *problem);

// The password of a device: its own, its label's, the fleet's, that of the environment. False: `problem`. None at all
// is no failure.
bool fleet_password(credentials_t *credentials, const fleet_plan_t *plan, const char *file, const fleet_entry_t *entry,
                    const char *id, problem_t *problem);
