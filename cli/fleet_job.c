// SPDX-License-Identifier: Apache-2.0
#include "fleet_job.h"

#include <string.h>

#include "recognise.h"

#define RECONNECTIONS 2 // within one attempt
#define RESTART_S 60

static fleet_job_t *fleet_job_of(const device_job_t *job) {
    return job->ended_context;
}

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static bool is_one_of(const char *name, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (same(names[i], name)) {
            return true;
        }
    }
    return false;
}

static void report(fleet_job_t *job, fleet_event_kind_t kind, uint32_t value, const char *name) {
    job->events.event(job->events.context, job->device, kind, value, name);
}

// ---- what a device runs ----

// It does not run the new image: has it gone back from it, or did somebody else update it?
static void report_old(fleet_job_t *job, const device_state_t *state) {
    const char *outcome = state->last.outcome;
    if (same(outcome, "expired") && recognise_given_up(job->firmware, state)) {
        report(job, FLEET_TIMED_OUT, 0, "expired");
    } else if (recognise_given_up(job->firmware, state)) {
        report(job, FLEET_BACK, 0, state->last.reset[0] != '\0' ? state->last.reset : outcome);
    } else if (recognise_other(job->firmware, state)) {
        report(job, FLEET_BACK, 0, "not_taken");
    } else {
        report(job, FLEET_OTHER, 0, "other_image");
    }
}

// Of a device that answers, after its restart or during its trial.
static void report_state(fleet_job_t *job, const device_state_t *state) {
    bool runs = recognise_running(job->firmware, state);
    if (!runs) {
        report_old(job, state);
    } else if (!same(state->running.image, "trial")) {
        report(job, FLEET_DONE, 0, "");
    } else if (job->kind == FLEET_JOB_PUSH) {
        report(job, FLEET_TRIAL, state->has_trial_left_s ? state->trial_left_s : UINT32_MAX, "");
    } else if (job->kind == FLEET_JOB_CONFIRM) {
        report(job, FLEET_LOST, 0, "not_confirmed");
    }
}

// ---- the end of a job ----

// Failures that another attempt may overcome.
static bool may_pass(const problem_t *problem) {
    static const char *const names[] = {
        "busy",         "device_busy",       "restart_pending", "on_trial",
        "no_memory",    "stalled",           "link_lost",       "connection_lost",
        "cancelled",    "too_many_sessions", "silent",          "bad_ticket",
        "try_later",    "login_busy",        "digest_mismatch", "refused_by_application",
        "not_restarted"};
    return problem->code == EXIT_CODE_UNREACHABLE || is_one_of(problem->name, names, sizeof names / sizeof names[0]);
}

static void report_problem(fleet_job_t *job, const problem_t *problem) {
    static const char *const no_answer[] = {"no_connection", "no_answer", "unknown_name", "not_found"};
    bool unreachable = problem->code == EXIT_CODE_UNREACHABLE;
    bool is_silent = !job->job.state_known && is_one_of(problem->name, no_answer, 4);
    if (job->cancelled && !job->restarting) {
        report(job, FLEET_LET_GO, 0, "");
    } else if (job->kind == FLEET_JOB_LOOK) {
        return; // the next look may say more
    } else if (is_silent) {
        report(job, FLEET_SILENT, 0, problem->name);
    } else if (job->kind == FLEET_JOB_CONFIRM || may_pass(problem)) {
        report(job, FLEET_LOST, unreachable, problem->name);
    } else {
        report(job, FLEET_REFUSAL, 0, problem->name);
    }
}

// Is it the device that was chosen? Asked once in a job, as soon as it has said its id.
static const char *identify(fleet_job_t *job, const device_state_t *state) {
    bool is_new = state->id[0] != '\0' && !job->identified;
    const char *conflict = is_new ? job->events.conflict(job->events.context, job->device, state->id) : NULL;
    job->identified |= is_new;
    if (is_new && conflict == NULL) {
        report(job, FLEET_IDENTIFIED, 0, state->id);
    }
    return conflict;
}

static void report_outcome(fleet_job_t *job, const outcome_t *outcome) {
    const char *conflict = identify(job, &outcome->state);
    if (conflict != NULL) {
        report(job, FLEET_REFUSAL, 0, conflict);
        return;
    }
    switch (outcome->kind) {
    case OUTCOME_RUNNING:
    case OUTCOME_UNCHANGED:
    case OUTCOME_ROLLED_BACK:
        report_state(job, &outcome->state);
        break;
    default:
        if (same(outcome->problem.name, "not_taken")) {
            report_old(job, &outcome->state);
        } else {
            report_problem(job, &outcome->problem);
        }
    }
}

static void on_ended(void *context, device_job_t *device) {
    fleet_job_t *job = context;
    job->events.seen(job->events.context, job->device, &device->outcome);
    report_outcome(job, &device->outcome);
    credentials_wipe(&job->credentials);
    push_free(&job->push);
    job->used = false;
    job->events.ended(job->events.context, job->device);
}

// ---- on the way ----

static bool end_with(fleet_job_t *job, const problem_t *problem) {
    device_job_finish_problem(&job->job, problem);
    return false;
}

// Before anything is done to it: is it the device that was chosen? push.c has seen already that the image fits.
static bool check_identity(fleet_job_t *job) {
    problem_t problem;
    const device_state_t *state = &job->job.state;
    const char *conflict = identify(job, state);
    if (conflict != NULL) {
        problem_set(&problem, EXIT_CODE_DEVICE_REFUSED, conflict, "This is not the device that was chosen.");
        return end_with(job, &problem);
    }
    return true;
}

static bool on_reached(device_job_t *device, push_stage_t stage) {
    static const fleet_state_t states[] = {FLEET_CHECKING, FLEET_SENDING, FLEET_VERIFYING, FLEET_READY,
                                           FLEET_RESTARTING};
    fleet_job_t *job = fleet_job_of(device);
    bool is_first = job->stage == FLEET_LEASED;
    if (is_first && !check_identity(job)) {
        return false;
    }
    if (job->stage != states[stage]) {
        job->stage = states[stage];
        report(job, FLEET_PROGRESS, job->stage, "");
    }
    job->restarting |= stage == PUSH_RESTARTING;
    return stage != PUSH_RESTARTING || job->released;
}

// ---- commands ----

// Another image may be on trial: then nothing is confirmed.
static void arrive_to_confirm(device_job_t *device) {
    if (recognise_running(fleet_job_of(device)->firmware, &device->state)) {
        confirm_command.arrived(device);
    } else {
        device_job_finish_running(device);
    }
}

static const command_t *command_of(const fleet_job_t *job, command_t *confirm) {
    switch (job->kind) {
    case FLEET_JOB_PUSH:
        return &push_command;
    case FLEET_JOB_CONFIRM:
        return confirm;
    default:
        return &look_command;
    }
}

void fleet_job_init(fleet_job_t *job, const fleet_job_settings_t *settings, const char *name, const address_t *address,
                    uint32_t device, const fleet_device_t *state) {
    job->used = true;
    job->plan = settings->plan;
    job->firmware = settings->firmware;
    job->events = settings->events;
    job->device = device;
    job->cancelled = job->restarting = job->released = job->identified = false;
    job->stage = FLEET_LEASED;
    output_init(&job->output, false, true, true);
    memset(&job->credentials, 0, sizeof job->credentials);
    memset(&job->options, 0, sizeof job->options);
    job->options.allow_downgrade = settings->plan->allow_downgrade;
    device_job_init(&job->job, settings->loop, &job->output, &job->credentials, name, address);
    push_init(&job->push, &job->options, settings->firmware);
    job->push.reached = on_reached;
    job->push.was_restarted = state->restarted;
    job->may_restart = state->interrupted;
    job->job.ended = on_ended;
    job->job.ended_context = job;
}

void fleet_job_begin(fleet_job_t *job, fleet_job_kind_t kind) {
    static command_t confirm;
    confirm = confirm_command;
    confirm.arrived = arrive_to_confirm;
    bool is_push = kind == FLEET_JOB_PUSH;
    const device_job_patience_t patience = {is_push ? RECONNECTIONS : 0, RESTART_S,
                                            is_push && job->may_restart ? RESTART_S : 0};
    job->kind = kind;
    device_job_begin(&job->job, command_of(job, &confirm), &job->push, &patience);
}

void fleet_job_cancel(fleet_job_t *job) {
    if (!job->restarting && !job->cancelled) {
        job->cancelled = true;
        device_job_interrupt(&job->job);
    }
}

void fleet_job_release(fleet_job_t *job) {
    job->released = true;
    if (job->kind == FLEET_JOB_PUSH) {
        push_restart(&job->job);
    }
}

bool fleet_job_drop(fleet_job_t *job) {
    problem_t problem;
    bool waits = job->restarting && !job->released;
    if (waits) {
        problem_set(&problem, EXIT_CODE_TROUBLE, "lease_lost", "Another process has the device now.");
        device_job_finish_problem(&job->job, &problem);
    }
    return waits;
}
