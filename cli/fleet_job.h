// SPDX-License-Identifier: Apache-2.0
// One job of a rollout at one device: look at it and push what is missing, confirm it, or only look. Built on the jobs
// of the other commands; what comes of it is reported as events of the rollout (rollout.h).
#pragma once

#include "commands.h"
#include "fleet_plan.h"
#include "push.h"
#include "rollout.h"

typedef enum { FLEET_JOB_PUSH, FLEET_JOB_CONFIRM, FLEET_JOB_LOOK } fleet_job_kind_t;

// What the job reports to; all of it stays the caller's.
typedef struct {
    void *context;
    void (*event)(void *context, uint32_t device, fleet_event_kind_t kind, uint32_t value, const char *name);
    // Why the device with this id may not be touched ("id_changed" ...); NULL: it may.
    const char *(*conflict)(void *context, uint32_t device, const char *id);
    void (*seen)(void *context, uint32_t device, const outcome_t *outcome); // at its end, before the last event
    void (*ended)(void *context, uint32_t device); // after the last event; the job may be used again later
} fleet_job_events_t;

typedef struct fleet_job {
    struct fleet_job *next; // of a list of its owner
    bool used;
    device_job_t job;
    push_t push;
    push_options_t options;
    output_t output; // says nothing
    credentials_t credentials;
    fleet_job_kind_t kind;
    fleet_job_events_t events;
    const fleet_plan_t *plan;
    firmware_t *firmware;
    uint32_t device;
    bool may_restart; // the process that had it before has died: it may be restarting
    bool restarting;  // too late to cancel
    bool released;    // it may restart the device
    bool cancelled;
    bool identified;     // its id was compared
    fleet_state_t stage; // what was reported last
} fleet_job_t;

typedef struct {
    const fleet_plan_t *plan;
    firmware_t *firmware; // opened, without a fault
    loop_t *loop;
    fleet_job_events_t events;
} fleet_job_settings_t;

// Prepares a job that is not used. `name` and `address` as for device_job_init(); `device` of the rollout is `state`.
void fleet_job_init(fleet_job_t *job, const fleet_job_settings_t *settings, const char *name, const address_t *address,
                    uint32_t device, const fleet_device_t *state);

// Begins; the password lies in `credentials` now.
void fleet_job_begin(fleet_job_t *job, fleet_job_kind_t kind);

// Takes the update back, unless the restart was reported already.
void fleet_job_cancel(fleet_job_t *job);

// The device is restarted only after this: the event of FLEET_RESTARTING is written down where it outlives the process.
// Else the next process would not know that the image was tried, and would send one again that was rolled back.
void fleet_job_release(fleet_job_t *job);

// Ends a job that waits for fleet_job_release(), and leaves the device as it is. False: it does not wait.
bool fleet_job_drop(fleet_job_t *job);
