// SPDX-License-Identifier: Apache-2.0
#include "fleet_run.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "locate.h"

#define ORDERS_EVERY_MS 500
#define LOOK_EVERY_MS 10000   // at a device on trial, at most; a short soak is looked at four times
#define LOOK_AT_LEAST_MS 1000 // between two looks
#define MORE_JOBS 16          // that only look or confirm, beside those that update
#define DISCOVER_EVERY_MS 30000
#define DISCOVER_MS 1000

fleet_now_t fleet_time(void) {
    time_t seconds = time(NULL);
    struct tm local;
    localtime_r(&seconds, &local);
    return (fleet_now_t){seconds, (uint32_t)(local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec)};
}

exit_code_t fleet_exit_code(const fleet_rollout_t *rollout, int64_t time_s) {
    if (rollout->phase == FLEET_STOPPED || rollout->phase == FLEET_ABORTED) {
        return EXIT_CODE_STOPPED;
    }
    if (fleet_waits_for_approval(rollout, time_s)) {
        return EXIT_CODE_APPROVAL;
    }
    for (uint32_t i = 0; i < rollout->count; i++) {
        switch (rollout->devices[i].state) {
        case FLEET_REFUSED:
        case FLEET_SUPERSEDED:
            return EXIT_CODE_DEVICE_REFUSED;
        case FLEET_UNREACHABLE:
            return EXIT_CODE_UNREACHABLE;
        case FLEET_ROLLED_BACK:
        case FLEET_EXPIRED:
            return EXIT_CODE_OLD_IMAGE;
        default:
            break;
        }
    }
    return EXIT_CODE_OK;
}

// ---- passwords ----

static const char *find_password(const fleet_plan_t *plan, const fleet_entry_t *entry, const char *id) {
    for (size_t i = 0; i < plan->device_password_count; i++) {
        const char *whose = plan->device_passwords[i].whose;
        if (strcasecmp(whose, entry->host) == 0 || (id[0] != '\0' && strcasecmp(whose, id) == 0)) {
            return plan->device_passwords[i].path;
        }
    }
    for (size_t i = 0; i < plan->label_password_count; i++) {
        if (fleet_entry_has(entry, plan->label_passwords[i].whose)) {
            return plan->label_passwords[i].path;
        }
    }
    return plan->password[0] != '\0' ? plan->password : NULL;
}

bool fleet_password(credentials_t *credentials, const fleet_plan_t *plan, const char *file, const fleet_entry_t *entry,
                    const char *id, problem_t *problem) {
    const char *own = find_password(plan, entry, id);
    const char *path = own != NULL ? own : file;
    bool good = path != NULL ? credentials_load_private(credentials, path, problem)
                             : credentials_load(credentials, NULL, problem);
    credentials->is_silent = true;
    return good;
}

bool fleet_passwords_are_sound(const fleet_plan_t *plan, const char *file, const fleet_list_t *list,
                               problem_t *problem) {
    bool good = true;
    for (uint32_t i = 0; good && i < list->count; i++) {
        credentials_t credentials;
        good = fleet_password(&credentials, plan, file, &list->entries[i], "", problem);
        credentials_wipe(&credentials);
    }
    return good;
}

// ---- what the plan chooses ----

bool fleet_chooses(const fleet_plan_t *plan, const device_state_t *state) {
    return (plan->project[0] == '\0' || strcmp(plan->project, state->project) == 0) &&
           (plan->chip[0] == '\0' || strcasecmp(plan->chip, state->chip) == 0);
}

bool fleet_image_open(firmware_t *firmware, const char *path, problem_t *problem) {
    static const uint8_t none[OTA_WS_SHA256_SIZE];
    bool is_open = firmware_open(firmware, path);
    *problem = firmware->fault;
    if (is_open && problem->code == EXIT_CODE_OK &&
        (firmware->is_encrypted ||
         memcmp(firmware->inspection.image.description.elf_sha256, none, OTA_WS_SHA256_SIZE) == 0)) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "image_not_recognised",
                    "A rollout must recognise its image on a device. This file is encrypted, or its build has left out "
                    "the digest of the ELF file.");
    }
    if (is_open && problem->code != EXIT_CODE_OK) {
        firmware_close(firmware);
    }
    return problem->code == EXIT_CODE_OK;
}

// ---- events ----

static void advance(fleet_run_t *run);

static void on_soon(lws_sorted_usec_list_t *soon) {
    advance(lws_container_of(soon, fleet_run_t, soon));
}

static void give_up(fleet_run_t *run) {
    run->pending_count = 0;
    loop_stop(run->loop);
}

static void take_effect(fleet_run_t *run, const fleet_event_t *event) {
    bool counts = fleet_apply(&run->rollout, event);
    if (counts && run->happened != NULL) {
        run->happened(run->view, event);
    }
    if (fleet_event_restarts(event) && !(counts && run->releases_elsewhere)) {
        fleet_run_release(run, event->device);
    }
}

static bool write_down(fleet_run_t *run, const fleet_event_t *events, uint32_t count) {
    return run->journal == NULL || fleet_journal_append(run->journal, events, count, &run->problem);
}

// What has happened goes into the journal together, then into the rollout one after the other.
static bool flush(fleet_run_t *run) {
    if (run->pending_count > 0 && !write_down(run, run->pending, run->pending_count)) {
        give_up(run);
        return false;
    }
    for (uint32_t i = 0; i < run->pending_count; i++) {
        take_effect(run, &run->pending[i]);
    }
    run->pending_count = 0;
    return true;
}

static void on_event(void *context, uint32_t device, fleet_event_kind_t kind, uint32_t value, const char *name) {
    fleet_run_t *run = context;
    if (run->problem.code != EXIT_CODE_OK || (run->pending_count == FLEET_PENDING_MAX && !flush(run))) {
        return;
    }
    fleet_event_t *event = &run->pending[run->pending_count++];
    *event = (fleet_event_t){.kind = kind, .device = device, .value = value, .time_s = fleet_time().time_s};
    snprintf(event->name, sizeof event->name, "%s", name);
    lws_sul_schedule(run->loop->lws, 0, &run->soon, on_soon, 1);
}

static const char *on_conflict(void *context, uint32_t device, const char *id) {
    const fleet_run_t *run = context;
    const char *own = run->devices[device].id;
    if (own[0] != '\0') {
        return strcmp(own, id) == 0 ? NULL : "id_changed";
    }
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        if (strcmp(run->devices[i].id, id) == 0) {
            return "duplicate_device";
        }
    }
    return NULL;
}

// Where a device does not answer, its address may have changed: it is looked for again.
static void on_seen(void *context, uint32_t device, const outcome_t *outcome) {
    fleet_run_t *run = context;
    run->targets[device].is_located &= outcome->code != EXIT_CODE_UNREACHABLE;
    if (run->seen != NULL) {
        run->seen(run->view, device, outcome);
    }
}

static void on_ended(void *context, uint32_t device) {
    fleet_run_t *run = context;
    run->targets[device].job = NULL;
    run->busy_jobs--;
}

// ---- jobs ----

static void look_around(fleet_run_t *run) {
    problem_t ignored;
    memset(run->discover, 0, sizeof *run->discover);
    discover_run(run->discover, DISCOVER_MS, NULL, NULL, &ignored);
    run->discovered_ms = loop_now_ms();
}

// Where is it? A device that did not answer is looked for again: its address may have changed.
static bool locate_target(fleet_run_t *run, uint32_t device) {
    fleet_target_t *target = &run->targets[device];
    const char *host = run->entries[device].host;
    if (!target->needs_network || target->is_located) {
        return true;
    }
    run->discover = run->discover != NULL ? run->discover : calloc(1, sizeof *run->discover);
    if (run->discover == NULL) {
        return false;
    }
    if (run->discovered_ms == 0 || loop_now_ms() - run->discovered_ms >= DISCOVER_EVERY_MS) {
        look_around(run);
    }
    target->is_located = locate_among(run->discover, &target->address, host);
    return target->is_located;
}

static fleet_job_t *free_job(fleet_run_t *run) {
    fleet_job_t *job = run->jobs;
    while (job != NULL && job->used) {
        job = job->next;
    }
    if (job == NULL) {
        job = calloc(1, sizeof *job);
        if (job != NULL) {
            job->next = run->jobs;
            run->jobs = job;
        }
    }
    return job;
}

static void report_problem(fleet_run_t *run, uint32_t device, fleet_job_kind_t kind, fleet_event_kind_t event,
                           const problem_t *problem) {
    outcome_t outcome;
    outcome_from_problem(&outcome, problem, NULL);
    on_seen(run, device, &outcome);
    if (kind != FLEET_JOB_LOOK) {
        on_event(run, device, event, 0, problem->name);
    }
}

static void begin_job(fleet_run_t *run, uint32_t device, fleet_job_kind_t kind) {
    problem_t problem;
    const fleet_job_events_t events = {run, on_event, on_conflict, on_seen, on_ended};
    const fleet_job_settings_t settings = {run->plan, run->firmware, run->loop, events};
    fleet_target_t *target = &run->targets[device];
    if (!locate_target(run, device)) {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "not_found", "No device of that name or id has answered.");
        report_problem(run, device, kind, FLEET_SILENT, &problem);
        return;
    }
    fleet_job_t *job = free_job(run);
    if (job == NULL) {
        problem_set(&problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
        report_problem(run, device, kind, FLEET_LOST, &problem);
        return;
    }
    fleet_job_init(job, &settings, run->entries[device].host, &target->address, device, &run->devices[device]);
    if (!fleet_password(&job->credentials, run->plan, run->password_file, &run->entries[device],
                        run->devices[device].id, &problem)) {
        job->used = false;
        report_problem(run, device, kind, FLEET_REFUSAL, &problem);
        return;
    }
    target->job = job;
    target->written = 0;
    run->busy_jobs++;
    fleet_job_begin(job, kind);
}

static bool has_space(const fleet_run_t *run) {
    return run->busy_jobs < run->plan->rules.at_once + MORE_JOBS;
}

bool fleet_run_look(fleet_run_t *run, uint32_t device) {
    bool may = run->targets[device].job == NULL && has_space(run);
    if (may) {
        begin_job(run, device, FLEET_JOB_LOOK);
    }
    return may;
}

// Jobs that wait for another one of the same device, or for space.
static void begin_waiting(fleet_run_t *run, uint64_t now_ms) {
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        fleet_target_t *target = &run->targets[i];
        bool on_trial = run->devices[i].state == FLEET_ON_TRIAL;
        if (target->job != NULL || !has_space(run)) {
            continue;
        }
        if (target->wants_confirm) {
            target->wants_confirm = false;
            begin_job(run, i, FLEET_JOB_CONFIRM);
        } else if (on_trial && now_ms >= target->look_ms) {
            uint64_t every_ms = (uint64_t)run->plan->rules.waves[run->devices[i].wave].soak_s * 250;
            every_ms = every_ms > LOOK_EVERY_MS ? LOOK_EVERY_MS : every_ms;
            bool is_first = target->look_ms == 0;
            target->look_ms = now_ms + (every_ms < LOOK_AT_LEAST_MS ? LOOK_AT_LEAST_MS : every_ms);
            if (!is_first) {
                begin_job(run, i, FLEET_JOB_LOOK);
            }
        } else if (!on_trial) {
            target->look_ms = 0;
        }
    }
}

static void carry_out(fleet_run_t *run, const fleet_event_t *decision) {
    fleet_target_t *target = decision->device < run->rollout.count ? &run->targets[decision->device] : NULL;
    switch (decision->kind) {
    case FLEET_LEASE:
        target->wants_confirm = false;
        if (target->job == NULL) {
            begin_job(run, decision->device, FLEET_JOB_PUSH);
        } else {
            on_event(run, decision->device, FLEET_LOST, 0, "device_busy"); // a look is still under way
        }
        break;
    case FLEET_CONFIRM:
        target->wants_confirm = true;
        break;
    case FLEET_CANCEL:
        if (target->job != NULL) {
            fleet_job_cancel(target->job);
        }
        break;
    default:
        break;
    }
}

// ---- the order of things ----

static bool take_orders(fleet_run_t *run) {
    fleet_event_t order;
    while (run->journal != NULL && fleet_journal_next_order(run->journal, &order, &run->problem)) {
        if (!fleet_journal_take_order(run->journal, &order, &run->problem)) {
            return false;
        }
        take_effect(run, &order);
    }
    return run->problem.code == EXIT_CODE_OK;
}

static bool is_held(const fleet_run_t *run) {
    bool is_final = run->rollout.phase == FLEET_FINISHED || run->rollout.phase == FLEET_ABORTED;
    return run->holds != NULL && run->holds(run->view, is_final);
}

static bool is_over(const fleet_run_t *run, int64_t time_s) {
    const fleet_rollout_t *rollout = &run->rollout;
    if (run->journal == NULL || run->busy_jobs > 0 || run->pending_count > 0) {
        return false;
    }
    bool under_way = fleet_count(rollout, FLEET_ON_TRIAL) > 0;
    for (fleet_state_t state = FLEET_LEASED; state <= FLEET_RESTARTING; state++) {
        under_way |= fleet_count(rollout, state) > 0;
    }
    bool waits = !rollout->paused && fleet_waits_for_approval(rollout, time_s);
    return (fleet_is_at_rest(rollout) || (waits && !under_way)) && !is_held(run);
}

static void advance(fleet_run_t *run) {
    fleet_event_t decision;
    fleet_now_t now = fleet_time();
    if (run->problem.code != EXIT_CODE_OK || run->interrupted || !flush(run)) {
        return;
    }
    while (fleet_decide(&run->rollout, now, &decision)) {
        if (!write_down(run, &decision, 1)) {
            give_up(run);
            return;
        }
        take_effect(run, &decision);
        carry_out(run, &decision);
        if (!flush(run)) {
            return;
        }
    }
    begin_waiting(run, loop_now_ms());
    if (is_over(run, now.time_s)) {
        loop_stop(run->loop);
    }
}

static void tick_jobs(fleet_run_t *run, uint64_t now_ms) {
    for (fleet_job_t *job = run->jobs; job != NULL; job = job->next) {
        if (job->used) {
            device_job_tick(&job->job, now_ms);
            run->targets[job->device].written = job->push.progress.done;
        }
    }
}

void fleet_run_tick(fleet_run_t *run, uint64_t now_ms) {
    tick_jobs(run, now_ms);
    if (now_ms >= run->orders_ms) {
        run->orders_ms = now_ms + ORDERS_EVERY_MS;
        if (!take_orders(run)) {
            give_up(run);
        }
    }
    advance(run);
    if (run->ticked != NULL) {
        run->ticked(run, now_ms);
    }
}

void fleet_run_look_for_orders(fleet_run_t *run) {
    run->orders_ms = 0;
}

static void on_tick(void *context, uint64_t now_ms) {
    fleet_run_tick(context, now_ms);
}

// Nothing has to be taken back: the same command goes on from here, whatever the devices do meanwhile.
static void on_interrupted(void *context) {
    fleet_run_t *run = context;
    run->interrupted = true;
    problem_set(&run->problem, EXIT_CODE_INTERRUPTED, "interrupted",
                "Interrupted. The rollout is neither paused nor aborted: the same command goes on.");
    loop_stop(run->loop);
}

bool fleet_run_move(fleet_run_t *run, uint32_t device) {
    problem_t ignored;
    fleet_target_t *target = &run->targets[device];
    const char *host = run->entries[device].host;
    memset(target, 0, sizeof *target);
    bool is_address = address_parse(&target->address, host, &ignored);
    target->needs_network = locate_is_needed(host, &target->address);
    return is_address;
}

bool fleet_run_open(fleet_run_t *run) {
    run->problem.code = EXIT_CODE_OK;
    run->targets = calloc(run->rollout.count, sizeof *run->targets);
    if (run->targets == NULL) {
        problem_set(&run->problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    return run->targets != NULL;
}

bool fleet_run_is_idle(const fleet_run_t *run) {
    return run->busy_jobs == 0 && run->pending_count == 0;
}

void fleet_run_release(fleet_run_t *run, uint32_t device) {
    if (run->targets[device].job != NULL) {
        fleet_job_release(run->targets[device].job);
    }
}

void fleet_run_drop(fleet_run_t *run, uint32_t device) {
    fleet_job_t *job = run->targets[device].job;
    if (job == NULL || !fleet_job_drop(job)) {
        fleet_run_cancel(run, device);
    }
}

void fleet_run_cancel(fleet_run_t *run, uint32_t device) {
    const fleet_event_t cancel = {.kind = FLEET_CANCEL, .device = device, .time_s = fleet_time().time_s};
    const fleet_device_t *state = &run->devices[device];
    if (fleet_is_busy(state->state) && state->state < FLEET_RESTARTING && !state->cancelling) {
        take_effect(run, &cancel);
        carry_out(run, &cancel);
    }
}

exit_code_t fleet_run(fleet_run_t *run) {
    const loop_events_t events = {run, on_tick, on_interrupted};
    fleet_event_t recover = {.kind = FLEET_RECOVER, .device = FLEET_ALL, .time_s = fleet_time().time_s};
    if (!fleet_run_open(run) || !write_down(run, &recover, 1)) {
        return run->problem.code;
    }
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        fleet_run_move(run, i); // fleet_list_load() has seen that it is an address
    }
    take_effect(run, &recover);
    loop_run(run->loop, &events);
    lws_sul_schedule(run->loop->lws, 0, &run->soon, on_soon, LWS_SET_TIMER_USEC_CANCEL);
    return run->problem.code != EXIT_CODE_OK ? run->problem.code : fleet_exit_code(&run->rollout, fleet_time().time_s);
}

void fleet_run_free(fleet_run_t *run) {
    while (run->jobs != NULL) {
        fleet_job_t *next = run->jobs->next;
        push_free(&run->jobs->push);
        credentials_wipe(&run->jobs->credentials);
        free(run->jobs);
        run->jobs = next;
    }
    free(run->targets);
    free(run->discover);
}
