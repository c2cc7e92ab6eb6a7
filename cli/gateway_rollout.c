// SPDX-License-Identifier: Apache-2.0
// A rollout at a gateway is one of fleet_run.h without a journal. It has one slot for each job; a slot that is free
// looks like a device whose update was cancelled. Waves, approvals and the stop rule are the controller's; here each
// device begins at once, has one attempt, and is confirmed as the plan says.
#include "gateway.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define PERCENT_EVERY_MS 1000

// ---- events of the rollout ----

static bool is_reported(fleet_event_kind_t kind) {
    return (kind >= FLEET_IDENTIFIED && kind <= FLEET_LET_GO) || kind == FLEET_GIVE_UP;
}

static void free_slot(site_rollout_t *rollout, uint32_t slot) {
    rollout->held[slot] = NULL;
    rollout->devices[slot].state = FLEET_CANCELLED;
    rollout->devices[slot].id[0] = '\0';
}

static void note_version(const site_rollout_t *rollout, held_t *held) {
    const fleet_job_t *job = rollout->run.targets[held->slot].job;
    if (job != NULL && job->job.state_known) {
        ota_ws_text_copy(held->version, sizeof held->version, job->job.state.version);
    }
}

// At the end of a job, before its last event.
static void on_seen(void *context, uint32_t slot, const outcome_t *outcome) {
    const site_rollout_t *rollout = context;
    held_t *held = slot < GATEWAY_SLOTS ? rollout->held[slot] : NULL;
    if (held != NULL && outcome->state.version[0] != '\0') {
        ota_ws_text_copy(held->version, sizeof held->version, outcome->state.version);
    }
}

// Reports an event to the controller, changed where this gateway has decided already: a refusal of its own is reported
// as a refusal. A trial is reported as endless, so that the controller does not judge its length a second time.
static void on_happened(void *context, const fleet_event_t *event) {
    site_rollout_t *rollout = context;
    held_t *held = event->device < GATEWAY_SLOTS ? rollout->held[event->device] : NULL;
    if (held == NULL || !is_reported(event->kind)) {
        return;
    }
    fleet_device_t *device = &rollout->devices[event->device];
    fleet_event_t report = *event;
    note_version(rollout, held);
    bool restarted = device->restarted;
    if (event->kind == FLEET_TIMED_OUT && !fleet_has_ended(device->state)) {
        device->state = FLEET_CANCELLED; // tried again in another attempt, not in this one
        report.value = 1;
        restarted = false;
    }
    bool is_final = fleet_has_ended(device->state);
    bool is_own = event->kind == FLEET_IDENTIFIED || event->kind == FLEET_TRIAL;
    if (is_own && device->state == FLEET_REFUSED) {
        report.kind = FLEET_REFUSAL;
        memcpy(report.name, device->reason, sizeof report.name);
    } else if (event->kind == FLEET_TRIAL) {
        report.value = UINT32_MAX;
    } else if (event->kind == FLEET_LOST && !is_final) {
        return; // it is asked again
    }
    if (is_final) {
        free_slot(rollout, event->device);
    }
    gateway_happened(held, &report, restarted, is_final);
}

// ---- a new rollout ----

// Files of passwords lie in the folder in which the gateway runs. A plan is a message: it may not name any other file.
static bool is_inside(const char *path) {
    return path[0] != '/' && strstr(path, "..") == NULL;
}

static bool passwords_are_inside(const fleet_plan_t *plan) {
    bool inside = is_inside(plan->password);
    for (size_t i = 0; i < plan->label_password_count; i++) {
        inside &= is_inside(plan->label_passwords[i].path);
    }
    for (size_t i = 0; i < plan->device_password_count; i++) {
        inside &= is_inside(plan->device_passwords[i].path);
    }
    return inside;
}

static void adapt_rules(const gateway_t *gateway, fleet_rules_t *rules) {
    uint32_t takeover_s = 2 * gateway->arguments->lease_s + 5;
    rules->approve = rules->failed_percent = rules->failed_count = rules->asleep_s = 0;
    rules->attempts = 1;
    rules->has_window = false;
    rules->takeover_s = rules->takeover_s > takeover_s ? rules->takeover_s : takeover_s;
}

static void read_plan(site_rollout_t *rollout, const fleet_job_message_t *job) {
    problem_t problem;
    rollout->has_plan = fleet_plan_parse(&rollout->plan, job->plan, "plan", &problem);
    if (!rollout->has_plan) {
        ota_ws_text_copy(rollout->reason, sizeof rollout->reason, problem.name);
    } else if (!passwords_are_inside(&rollout->plan)) {
        ota_ws_text_copy(rollout->reason, sizeof rollout->reason, "password_path");
    }
}

// The jobs of the rollout that had this place before stay: libwebsockets may still know them (device_job.h).
static void begin(site_rollout_t *rollout, gateway_t *gateway, const fleet_job_message_t *job) {
    fleet_job_t *jobs = rollout->run.jobs;
    memset(rollout, 0, sizeof *rollout);
    rollout->gateway = gateway;
    rollout->is_used = true;
    rollout->run.jobs = jobs;
    ota_ws_text_copy(rollout->name, sizeof rollout->name, job->rollout);
    read_plan(rollout, job);
    image_fetch_begin(&rollout->image, &gateway->link, job->image, job->size);
    if (rollout->has_plan) {
        gateway->limit = rollout->plan.rules.at_once;
        adapt_rules(gateway, &rollout->plan.rules);
    }
}

static void end(site_rollout_t *rollout) {
    image_fetch_close(&rollout->image);
    if (rollout->has_plan) {
        fleet_plan_free(&rollout->plan);
    }
    free(rollout->run.targets);
    free(rollout->run.discover);
    rollout->run.targets = NULL;
    rollout->run.discover = NULL;
    rollout->is_used = rollout->is_open = rollout->has_plan = false;
}

static bool is_same(const site_rollout_t *rollout, const fleet_job_message_t *job) {
    return rollout->is_used && strcmp(rollout->name, job->rollout) == 0 &&
           strcmp(rollout->image.sha256, job->image) == 0 && rollout->has_plan &&
           strcmp(rollout->plan.text, job->plan) == 0 &&
           !(rollout->image.state == IMAGE_FAILED && rollout->count == 0); // then it is fetched again
}

static bool is_idle(const site_rollout_t *rollout) {
    return !rollout->is_used || (rollout->count == 0 && fleet_run_is_idle(&rollout->run));
}

site_rollout_t *gateway_rollout_of(gateway_t *gateway, const fleet_job_message_t *job) {
    site_rollout_t **idle = NULL;
    for (size_t i = 0; i < GATEWAY_ROLLOUTS; i++) {
        site_rollout_t **place = &gateway->rollouts[i];
        if (*place != NULL && is_same(*place, job)) {
            return *place;
        }
        if (idle == NULL && (*place == NULL || is_idle(*place))) {
            idle = place;
        }
    }
    if (idle == NULL) {
        return NULL;
    }
    *idle = *idle != NULL ? *idle : calloc(1, sizeof **idle);
    if (*idle != NULL) {
        if ((*idle)->is_used) {
            end(*idle);
        }
        begin(*idle, gateway, job);
    }
    return *idle;
}

// ---- life ----

static void open_run(site_rollout_t *rollout) {
    gateway_t *gateway = rollout->gateway;
    fleet_run_t *run = &rollout->run;
    run->plan = &rollout->plan;
    run->entries = rollout->entries;
    run->devices = rollout->devices;
    run->firmware = &rollout->image.firmware;
    run->loop = &gateway->loop;
    run->password_file = gateway->arguments->password_file;
    run->happened = on_happened;
    run->seen = on_seen;
    run->view = rollout;
    run->releases_elsewhere = true;
    fleet_init(&run->rollout, &rollout->plan.rules, rollout->devices, GATEWAY_SLOTS);
    run->rollout.wave = rollout->plan.rules.wave_count - 1;
    run->rollout.phase = FLEET_FINISHED;
    for (uint32_t i = 0; i < GATEWAY_SLOTS; i++) {
        rollout->devices[i].state = FLEET_CANCELLED;
    }
    rollout->is_open = fleet_run_open(run);
}

// For people who look at it; nothing depends on it.
static void tell_percent(const site_rollout_t *rollout, held_t *held, uint64_t now_ms) {
    char subject[96];
    const fleet_job_t *job = rollout->run.targets[held->slot].job;
    if (job == NULL || rollout->devices[held->slot].state != FLEET_SENDING || now_ms < held->percent_ms) {
        return;
    }
    fleet_percent_message_t message = {
        .device = held->job.device, .attempt = held->job.attempt, .percent = meter_percent(&job->push.progress)};
    memcpy(message.rollout, held->job.rollout, sizeof message.rollout);
    snprintf(subject, sizeof subject, "otaws.%s.percent", rollout->gateway->site);
    char *text = fleet_percent_write(&message);
    if (text != NULL) {
        nats_link_publish(&rollout->gateway->link, subject, text);
    }
    free(text);
    held->percent_ms = now_ms + PERCENT_EVERY_MS;
}

void gateway_rollout_tick(site_rollout_t *rollout, uint64_t now_ms) {
    if (rollout->is_open) {
        fleet_run_tick(&rollout->run, now_ms);
        for (uint32_t i = 0; i < GATEWAY_SLOTS; i++) {
            if (rollout->held[i] != NULL) {
                tell_percent(rollout, rollout->held[i], now_ms);
            }
        }
    } else if (rollout->image.state == IMAGE_FETCHING) {
        image_fetch_tick(&rollout->image, now_ms);
    } else if (rollout->image.state == IMAGE_READY && rollout->reason[0] == '\0') {
        open_run(rollout);
    } else if (rollout->reason[0] == '\0') {
        ota_ws_text_copy(rollout->reason, sizeof rollout->reason, rollout->image.reason);
    }
}

void gateway_rollout_close(site_rollout_t *rollout) {
    if (rollout->is_used) {
        end(rollout);
    }
    fleet_run_free(&rollout->run);
    free(rollout);
}

// ---- slots ----

// A trial goes on from where the gateway before has seen it begin.
static void go_on(site_rollout_t *rollout, const held_t *held) {
    const fleet_event_t lease = {.kind = FLEET_LEASE, .device = held->slot, .time_s = held->last.event.time_s};
    fleet_event_t trial = held->last.event;
    trial.device = held->slot;
    trial.value = UINT32_MAX;
    fleet_apply(&rollout->run.rollout, &lease);
    fleet_apply(&rollout->run.rollout, &trial);
}

static void begin_device(site_rollout_t *rollout, const held_t *held) {
    fleet_device_t *device = &rollout->devices[held->slot];
    const fleet_event_t order = {.kind = FLEET_RETRY, .device = held->slot, .time_s = fleet_time().time_s};
    memset(device, 0, sizeof *device);
    device->state = FLEET_CANCELLED;
    device->wave = held->job.wave < rollout->plan.rules.wave_count ? held->job.wave : 0;
    memcpy(device->id, held->job.id, sizeof device->id);
    fleet_apply(&rollout->run.rollout, &order);
    device->restarted = held->job.restarted || (held->has_last && held->last.restarted);
    device->touched = device->restarted;
    device->interrupted = held->has_last || held->deliveries > 1;
    if (held->has_last && held->last.event.kind == FLEET_TRIAL) {
        go_on(rollout, held);
    }
}

bool gateway_rollout_place(site_rollout_t *rollout, held_t *held) {
    uint32_t slot = 0;
    while (slot < GATEWAY_SLOTS && (rollout->held[slot] != NULL || rollout->run.targets[slot].job != NULL)) {
        slot++;
    }
    if (slot == GATEWAY_SLOTS) {
        return false;
    }
    rollout->held[slot] = held;
    rollout->entries[slot] = held->job.entry;
    held->slot = slot;
    fleet_run_move(&rollout->run, slot);
    begin_device(rollout, held);
    return true;
}
