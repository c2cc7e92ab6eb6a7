// SPDX-License-Identifier: Apache-2.0
// Three parts: questions about a rollout, fleet_apply() with one function for each event, and fleet_decide() with one
// question for each decision, the most urgent first. The stop rule is asked before anything else, so that nothing
// begins after the event that has crossed it.
#include "rollout.h"

#include <string.h>

#define NEVER INT64_MAX

// ---- questions ----

bool fleet_event_restarts(const fleet_event_t *event) {
    return event->kind == FLEET_PROGRESS && event->value == FLEET_RESTARTING;
}

bool fleet_has_ended(fleet_state_t state) {
    return state >= FLEET_CONFIRMED;
}

bool fleet_is_busy(fleet_state_t state) {
    return state >= FLEET_LEASED && state <= FLEET_RESTARTING;
}

bool fleet_has_failed(fleet_state_t state) {
    return state >= FLEET_REFUSED;
}

static bool is_well(fleet_state_t state) {
    return state == FLEET_CONFIRMED || state == FLEET_ALREADY;
}

uint32_t fleet_count(const fleet_rollout_t *rollout, fleet_state_t state) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        count += rollout->devices[i].state == state;
    }
    return count;
}

static uint32_t count_where(const fleet_rollout_t *rollout, bool (*is_counted)(fleet_state_t)) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        count += is_counted(rollout->devices[i].state);
    }
    return count;
}

static uint32_t count_failures(const fleet_rollout_t *rollout) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        fleet_state_t state = rollout->devices[i].state;
        count += fleet_has_ended(state) && (rollout->rules->failures >> state & 1) != 0;
    }
    return count;
}

static uint32_t beyond(uint32_t count, uint32_t base) {
    return count > base ? count - base : 0;
}

// The rule that has been crossed; NULL: none.
static const char *crossed_rule(const fleet_rollout_t *rollout) {
    const fleet_rules_t *rules = rollout->rules;
    uint32_t failed = beyond(count_failures(rollout), rollout->failed_base);
    uint32_t ended = beyond(count_where(rollout, fleet_has_ended), rollout->ended_base);
    if (rules->failed_count > 0 && failed >= rules->failed_count) {
        return "failed_count";
    }
    bool enough = ended > 0 && ended >= rules->min_done;
    bool crossed = (uint64_t)failed * 100 >= (uint64_t)rules->failed_percent * ended;
    return rules->failed_percent > 0 && failed > 0 && enough && crossed ? "failed_percent" : NULL;
}

typedef struct {
    uint32_t devices, well, ended, asleep;
} wave_count_t;

static wave_count_t count_wave(const fleet_rollout_t *rollout) {
    wave_count_t count = {0};
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (device->wave == rollout->wave) {
            count.devices++;
            count.well += is_well(device->state);
            count.ended += fleet_has_ended(device->state);
            count.asleep += device->state == FLEET_WAITING;
        }
    }
    return count;
}

// Of its devices all have ended or are asleep, and one at least is well. A wave of sleepers has proved nothing.
static bool wave_is_over(const fleet_rollout_t *rollout, int64_t time_s) {
    wave_count_t count = count_wave(rollout);
    if (count.devices == 0) {
        return true;
    }
    bool soaks_after = rollout->rules->confirm != FLEET_CONFIRM_SOAK;
    int64_t soak_s = soaks_after ? rollout->rules->waves[rollout->wave].soak_s : 0;
    bool is_proved = count.well > 0 || (rollout->forgiven >> rollout->wave & 1) != 0;
    return count.ended + count.asleep == count.devices && is_proved && time_s >= rollout->ended_s + soak_s;
}

static bool is_last_wave(const fleet_rollout_t *rollout) {
    return rollout->wave + 1 >= rollout->rules->wave_count;
}

static bool next_is_approved(const fleet_rollout_t *rollout) {
    return (rollout->rules->approve >> (rollout->wave + 1) & ~(rollout->approved >> (rollout->wave + 1)) & 1) == 0;
}

// The first wave may wait for approval too.
static bool first_is_approved(const fleet_rollout_t *rollout) {
    return (rollout->rules->approve & ~rollout->approved & 1) == 0;
}

bool fleet_waits_for_approval(const fleet_rollout_t *rollout, int64_t time_s) {
    if (rollout->phase != FLEET_RUNNING) {
        return false;
    }
    return !first_is_approved(rollout) ||
           (!is_last_wave(rollout) && !next_is_approved(rollout) && wave_is_over(rollout, time_s));
}

bool fleet_is_at_rest(const fleet_rollout_t *rollout) {
    uint32_t under_way = count_where(rollout, fleet_is_busy) + fleet_count(rollout, FLEET_ON_TRIAL);
    return rollout->phase != FLEET_RUNNING && under_way == 0;
}

// ---- events ----

typedef bool apply_t(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event);

static void copy_name(char *to, const char *from, size_t size) {
    size_t length = 0;
    while (length + 1 < size && from[length] != '\0') {
        to[length] = from[length];
        length++;
    }
    to[length] = '\0';
}

static void set_reason(fleet_device_t *device, const char *name) {
    copy_name(device->reason, name, sizeof device->reason);
}

static bool end(fleet_rollout_t *rollout, fleet_device_t *device, fleet_state_t state, const fleet_event_t *event) {
    device->state = state;
    device->confirming = false;
    device->cancelling = false;
    set_reason(device, event->name);
    rollout->ended_s = event->time_s;
    return true;
}

// After an abort nothing is tried again.
static bool queue(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event, uint32_t pause_s) {
    if (rollout->phase == FLEET_ABORTED) {
        return end(rollout, device, FLEET_CANCELLED, event);
    }
    device->state = FLEET_QUEUED;
    device->due_s = event->time_s + pause_s;
    device->confirming = false;
    device->cancelling = false;
    return true;
}

static bool is_under_way(const fleet_device_t *device) {
    return fleet_is_busy(device->state) || device->state == FLEET_ON_TRIAL;
}

static bool apply_lease(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)rollout;
    (void)event;
    if (device->state != FLEET_QUEUED && device->state != FLEET_WAITING) {
        return false;
    }
    device->state = FLEET_LEASED;
    device->attempt++;
    return true;
}

static bool apply_confirm(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)rollout;
    (void)event;
    bool may = device->state == FLEET_ON_TRIAL && !device->confirming;
    device->confirming |= may;
    return may;
}

static bool apply_cancel(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)rollout;
    (void)event;
    bool may = fleet_is_busy(device->state) && !device->cancelling;
    device->cancelling |= may;
    return may;
}

static bool apply_give_up(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    bool may = device->state == FLEET_WAITING || device->state == FLEET_ON_TRIAL;
    return may && end(rollout, device, FLEET_UNREACHABLE, event);
}

static bool apply_next_wave(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    if (event->value != rollout->wave + 1 || is_last_wave(rollout)) {
        return false;
    }
    rollout->wave++;
    return true;
}

static bool apply_stop(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    if (rollout->phase != FLEET_RUNNING) {
        return false;
    }
    rollout->phase = FLEET_STOPPED;
    copy_name(rollout->reason, event->name, sizeof rollout->reason);
    return true;
}

static bool apply_finish(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    (void)event;
    bool may = rollout->phase == FLEET_RUNNING;
    rollout->phase = may ? FLEET_FINISHED : rollout->phase;
    return may;
}

// Two entries of the list that are one device would be driven by two jobs; a device that has become another one is not
// the one that was chosen.
static bool apply_identified(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    fleet_event_t refusal = *event;
    if (!is_under_way(device) || event->name[0] == '\0') {
        return false;
    }
    if (device->id[0] != '\0') {
        copy_name(refusal.name, "id_changed", sizeof refusal.name);
        return strcmp(device->id, event->name) != 0 && end(rollout, device, FLEET_REFUSED, &refusal);
    }
    for (uint32_t i = 0; i < rollout->count; i++) {
        if (strcmp(rollout->devices[i].id, event->name) == 0) {
            copy_name(refusal.name, "duplicate_device", sizeof refusal.name);
            return end(rollout, device, FLEET_REFUSED, &refusal);
        }
    }
    copy_name(device->id, event->name, sizeof device->id);
    return true;
}

static bool apply_progress(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)rollout;
    bool is_state = event->value >= FLEET_CHECKING && event->value <= FLEET_RESTARTING;
    if (!is_state || !fleet_is_busy(device->state) || (fleet_state_t)event->value == device->state) {
        return false;
    }
    device->state = (fleet_state_t)event->value;
    device->asleep_s = 0;
    device->touched |= device->state >= FLEET_SENDING;
    device->restarted |= device->state == FLEET_RESTARTING;
    device->cancelling &= device->state < FLEET_RESTARTING; // too late
    return true;
}

// On trial: when is it to be confirmed?
static int64_t confirm_due(const fleet_rollout_t *rollout, const fleet_device_t *device) {
    if (rollout->rules->confirmed_elsewhere) {
        return NEVER;
    }
    switch (rollout->rules->confirm) {
    case FLEET_CONFIRM_SOAK:
        return device->since_s + rollout->rules->waves[device->wave].soak_s;
    case FLEET_CONFIRM_NOW:
        return device->since_s;
    default:
        return NEVER;
    }
}

static bool apply_trial(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    const fleet_rules_t *rules = rollout->rules;
    uint64_t needed_s = (uint64_t)rules->waves[device->wave].soak_s + rules->takeover_s;
    if (!fleet_is_busy(device->state)) {
        return false;
    }
    if (rules->confirm == FLEET_CONFIRM_SOAK && event->value < needed_s && !device->interrupted) {
        fleet_event_t refusal = *event;
        copy_name(refusal.name, "trial_too_short", sizeof refusal.name);
        return end(rollout, device, FLEET_REFUSED, &refusal);
    }
    device->state = FLEET_ON_TRIAL;
    device->since_s = event->time_s;
    device->due_s = confirm_due(rollout, device);
    device->asleep_s = 0;
    device->touched = true;
    device->restarted = true;
    device->cancelling = false;
    return true;
}

static bool apply_done(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    return is_under_way(device) && end(rollout, device, device->touched ? FLEET_CONFIRMED : FLEET_ALREADY, event);
}

static bool apply_refusal(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    return is_under_way(device) && end(rollout, device, FLEET_REFUSED, event);
}

static uint32_t pause_after(const fleet_rules_t *rules, uint32_t failed) {
    uint32_t last = rules->pause_count;
    return last == 0 ? 0 : rules->pauses_s[failed <= last ? failed - 1 : last - 1];
}

// A device on trial that cannot be reached is confirmed later, or found to have gone back.
static bool ask_later(const fleet_rules_t *rules, fleet_device_t *device, const fleet_event_t *event) {
    device->confirming = false;
    device->due_s = event->time_s + rules->again_s;
    return true;
}

static bool try_again(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    device->failed++;
    if (device->failed >= rollout->rules->attempts) {
        bool by_link = event->kind == FLEET_SILENT || event->value != 0;
        return end(rollout, device, by_link ? FLEET_UNREACHABLE : FLEET_REFUSED, event);
    }
    set_reason(device, event->name);
    return queue(rollout, device, event, pause_after(rollout->rules, device->failed));
}

static bool apply_lost(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    if (device->state == FLEET_ON_TRIAL && rollout->rules->confirmed_elsewhere) {
        return try_again(rollout, device, event); // nobody has the device any more
    }
    if (device->state == FLEET_ON_TRIAL) {
        return device->confirming && ask_later(rollout->rules, device, event);
    }
    if (device->cancelling) {
        device->by_stop = rollout->phase == FLEET_STOPPED;
        return end(rollout, device, FLEET_CANCELLED, event);
    }
    return fleet_is_busy(device->state) && try_again(rollout, device, event);
}

// No answer at all costs no attempt while a sleeping device is waited for.
static bool apply_silent(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    bool is_waited_for = rollout->rules->asleep_s > 0 && rollout->phase != FLEET_ABORTED;
    if (device->state != FLEET_LEASED || device->cancelling || !is_waited_for) {
        return apply_lost(rollout, device, event);
    }
    device->state = FLEET_WAITING;
    device->asleep_s = device->asleep_s == 0 ? event->time_s : device->asleep_s;
    device->due_s = event->time_s + rollout->rules->look_s;
    set_reason(device, event->name);
    return true;
}

static bool apply_back(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    return is_under_way(device) && end(rollout, device, FLEET_ROLLED_BACK, event);
}

// Where its process died, nobody could confirm in time: that says nothing about the image.
static bool apply_timed_out(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    if (!is_under_way(device) || (!device->interrupted && event->value == 0)) {
        return is_under_way(device) && end(rollout, device, FLEET_EXPIRED, event);
    }
    device->interrupted = false;
    device->restarted = false;
    return queue(rollout, device, event, 0);
}

static bool apply_other(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    return is_under_way(device) && end(rollout, device, FLEET_SUPERSEDED, event);
}

static bool apply_let_go(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    if (!device->cancelling) {
        return false;
    }
    device->by_stop = rollout->phase == FLEET_STOPPED;
    return end(rollout, device, FLEET_CANCELLED, event);
}

static bool apply_pause(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    (void)event;
    bool may = rollout->phase == FLEET_RUNNING && !rollout->paused;
    rollout->paused |= may;
    return may;
}

// What is known to the operator counts no more for the stop rule.
static void forgive(fleet_rollout_t *rollout) {
    rollout->failed_base = count_failures(rollout);
    rollout->ended_base = count_where(rollout, fleet_has_ended);
}

static bool apply_resume(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    bool was_stopped = rollout->phase == FLEET_STOPPED;
    if (!was_stopped && !(rollout->phase == FLEET_RUNNING && rollout->paused)) {
        return false;
    }
    for (uint32_t i = 0; i < rollout->count && was_stopped; i++) {
        fleet_device_t *each = &rollout->devices[i];
        if (each->state == FLEET_CANCELLED && each->by_stop) {
            each->by_stop = false;
            each->failed = 0;
            rollout->phase = FLEET_RUNNING;
            queue(rollout, each, event, 0);
        }
    }
    if (was_stopped) {
        forgive(rollout);
        rollout->forgiven |= UINT32_C(1) << rollout->wave;
    }
    rollout->phase = FLEET_RUNNING;
    rollout->paused = false;
    rollout->reason[0] = '\0';
    return true;
}

static bool apply_abort(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    if (rollout->phase != FLEET_RUNNING && rollout->phase != FLEET_STOPPED) {
        return false;
    }
    rollout->phase = FLEET_ABORTED;
    for (uint32_t i = 0; i < rollout->count; i++) {
        fleet_device_t *each = &rollout->devices[i];
        if (each->state == FLEET_QUEUED || each->state == FLEET_WAITING) {
            end(rollout, each, FLEET_CANCELLED, event);
        }
    }
    return true;
}

static bool apply_approve(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    bool may = event->value < rollout->rules->wave_count && (rollout->rules->approve >> event->value & 1) != 0 &&
               (rollout->approved >> event->value & 1) == 0;
    rollout->approved |= may ? UINT32_C(1) << event->value : 0;
    return may;
}

static bool retry_one(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    if (!fleet_has_failed(device->state)) {
        return false;
    }
    queue(rollout, device, event, 0);
    device->failed = 0;
    device->touched = false;
    device->restarted = false;
    device->interrupted = false;
    device->by_stop = false;
    device->asleep_s = 0;
    device->reason[0] = '\0';
    return true;
}

static bool apply_retry(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    bool changed = false;
    if (rollout->phase == FLEET_ABORTED) {
        return false;
    }
    for (uint32_t i = 0; i < rollout->count; i++) {
        fleet_device_t *each = &rollout->devices[i];
        changed |= (device == NULL || device == each) && retry_one(rollout, each, event);
    }
    if (changed && rollout->phase == FLEET_FINISHED) {
        rollout->phase = FLEET_RUNNING;
    }
    if (changed) {
        forgive(rollout);
    }
    return changed;
}

// A job that is lost costs no attempt: the device is asked how far it is. Where it was to be cancelled, what was sent
// is not restarted into by anybody.
static void recover_one(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    bool was_cancelling = device->cancelling;
    device->interrupted |= is_under_way(device);
    device->confirming = false;
    if (fleet_is_busy(device->state) && was_cancelling) {
        device->by_stop = rollout->phase == FLEET_STOPPED;
        end(rollout, device, FLEET_CANCELLED, event);
    } else if (fleet_is_busy(device->state)) {
        queue(rollout, device, event, 0);
    }
}

static bool apply_recover(fleet_rollout_t *rollout, fleet_device_t *device, const fleet_event_t *event) {
    (void)device;
    for (uint32_t i = 0; i < rollout->count; i++) {
        recover_one(rollout, &rollout->devices[i], event);
    }
    return true;
}

static const struct {
    const char *name;
    apply_t *apply;
    bool has_device;
} events[FLEET_EVENTS] = {
    [FLEET_LEASE] = {"lease", apply_lease, true},
    [FLEET_CONFIRM] = {"confirm", apply_confirm, true},
    [FLEET_CANCEL] = {"cancel", apply_cancel, true},
    [FLEET_GIVE_UP] = {"give_up", apply_give_up, true},
    [FLEET_NEXT_WAVE] = {"next_wave", apply_next_wave, false},
    [FLEET_STOP] = {"stop", apply_stop, false},
    [FLEET_FINISH] = {"finish", apply_finish, false},
    [FLEET_IDENTIFIED] = {"identified", apply_identified, true},
    [FLEET_PROGRESS] = {"progress", apply_progress, true},
    [FLEET_TRIAL] = {"trial", apply_trial, true},
    [FLEET_DONE] = {"done", apply_done, true},
    [FLEET_REFUSAL] = {"refusal", apply_refusal, true},
    [FLEET_SILENT] = {"silent", apply_silent, true},
    [FLEET_LOST] = {"lost", apply_lost, true},
    [FLEET_BACK] = {"back", apply_back, true},
    [FLEET_TIMED_OUT] = {"timed_out", apply_timed_out, true},
    [FLEET_OTHER] = {"other", apply_other, true},
    [FLEET_LET_GO] = {"let_go", apply_let_go, true},
    [FLEET_PAUSE] = {"pause", apply_pause, false},
    [FLEET_RESUME] = {"resume", apply_resume, false},
    [FLEET_ABORT] = {"abort", apply_abort, false},
    [FLEET_APPROVE] = {"approve", apply_approve, false},
    [FLEET_RETRY] = {"retry", apply_retry, false},
    [FLEET_RECOVER] = {"recover", apply_recover, false},
};

bool fleet_apply(fleet_rollout_t *rollout, const fleet_event_t *event) {
    bool names_device = event->device < rollout->count;
    if ((unsigned)event->kind >= FLEET_EVENTS || (events[event->kind].has_device && !names_device)) {
        return false;
    }
    return events[event->kind].apply(rollout, names_device ? &rollout->devices[event->device] : NULL, event);
}

// ---- decisions ----

typedef struct {
    const fleet_rollout_t *rollout;
    fleet_now_t now;
    fleet_event_t *decision;
} question_t;

static bool decide(const question_t *question, fleet_event_kind_t kind, uint32_t device, const char *name) {
    memset(question->decision, 0, sizeof *question->decision);
    question->decision->kind = kind;
    question->decision->device = device;
    question->decision->time_s = question->now.time_s;
    copy_name(question->decision->name, name, sizeof question->decision->name);
    return true;
}

// A wave without one well device proves that the next one would fare no better.
static bool wave_has_failed(const fleet_rollout_t *rollout) {
    wave_count_t count = count_wave(rollout);
    bool is_forgiven = (rollout->forgiven >> rollout->wave & 1) != 0;
    return count.devices > 0 && count.ended == count.devices && count.well == 0 && !is_last_wave(rollout) &&
           !is_forgiven;
}

static bool decide_stop(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    const char *rule = rollout->phase == FLEET_RUNNING ? crossed_rule(rollout) : NULL;
    if (rule == NULL && rollout->phase == FLEET_RUNNING && wave_has_failed(rollout)) {
        rule = "wave_failed";
    }
    return rule != NULL && decide(question, FLEET_STOP, FLEET_ALL, rule);
}

// An image that was stopped is not restarted into where that can be helped.
static bool decide_cancel(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    bool is_over = rollout->phase == FLEET_STOPPED || rollout->phase == FLEET_ABORTED;
    for (uint32_t i = 0; is_over && i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (fleet_is_busy(device->state) && device->state < FLEET_RESTARTING && !device->cancelling) {
            return decide(question, FLEET_CANCEL, i, "");
        }
    }
    return false;
}

// Also while the rollout is paused or stopped: a device on trial would go back.
static bool decide_trials(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    for (uint32_t i = 0; i < rollout->count && !rollout->rules->confirmed_elsewhere; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (device->state != FLEET_ON_TRIAL || device->confirming) {
            continue;
        }
        int64_t soak_s = rollout->rules->waves[device->wave].soak_s;
        if (question->now.time_s >= device->since_s + soak_s + rollout->rules->lost_s) {
            return decide(question, FLEET_GIVE_UP, i, "not_confirmed");
        }
        if (question->now.time_s >= device->due_s) {
            return decide(question, FLEET_CONFIRM, i, "");
        }
    }
    return false;
}

static bool decide_sleepers(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (device->state == FLEET_WAITING && question->now.time_s >= device->asleep_s + rollout->rules->asleep_s) {
            return decide(question, FLEET_GIVE_UP, i, "asleep");
        }
    }
    return false;
}

static bool decide_wave(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    if (rollout->phase != FLEET_RUNNING || rollout->paused) {
        return false;
    }
    if (count_where(rollout, fleet_has_ended) == rollout->count) {
        return decide(question, FLEET_FINISH, FLEET_ALL, "");
    }
    if (is_last_wave(rollout) || !next_is_approved(rollout) || !first_is_approved(rollout) ||
        !wave_is_over(rollout, question->now.time_s)) {
        return false;
    }
    decide(question, FLEET_NEXT_WAVE, FLEET_ALL, "");
    question->decision->value = rollout->wave + 1;
    return true;
}

static bool window_is_open(const fleet_rules_t *rules, uint32_t day_s) {
    if (!rules->has_window || rules->window_from_s == rules->window_to_s) {
        return true;
    }
    bool after = day_s >= rules->window_from_s, before = day_s < rules->window_to_s;
    return rules->window_from_s < rules->window_to_s ? after && before : after || before;
}

static bool may_begin(const question_t *question) {
    const fleet_rollout_t *rollout = question->rollout;
    return rollout->phase == FLEET_RUNNING && !rollout->paused && first_is_approved(rollout) &&
           window_is_open(rollout->rules, question->now.day_s) &&
           count_where(rollout, fleet_is_busy) < rollout->rules->at_once;
}

// Those who have answered before come first: looking for sleepers takes time.
static bool decide_lease(const question_t *question) {
    static const fleet_state_t order[] = {FLEET_QUEUED, FLEET_WAITING};
    const fleet_rollout_t *rollout = question->rollout;
    for (unsigned turn = 0; turn < 2 && may_begin(question); turn++) {
        for (uint32_t i = 0; i < rollout->count; i++) {
            const fleet_device_t *device = &rollout->devices[i];
            if (device->state == order[turn] && device->wave <= rollout->wave &&
                question->now.time_s >= device->due_s) {
                return decide(question, FLEET_LEASE, i, "");
            }
        }
    }
    return false;
}

bool fleet_decide(const fleet_rollout_t *rollout, fleet_now_t now, fleet_event_t *decision) {
    const question_t question = {rollout, now, decision};
    return decide_stop(&question) || decide_cancel(&question) || decide_trials(&question) ||
           decide_sleepers(&question) || decide_wave(&question) || decide_lease(&question);
}

// ---- life ----

// Index of the device after the last one of the wave.
static uint32_t end_of_wave(const fleet_wave_t *wave, uint32_t before, uint32_t count) {
    uint64_t end = wave->count > 0 ? (uint64_t)before + wave->count : ((uint64_t)count * wave->percent + 99) / 100;
    end = end > before ? end : before;
    return end < count ? (uint32_t)end : count;
}

void fleet_init(fleet_rollout_t *rollout, const fleet_rules_t *rules, fleet_device_t *devices, uint32_t count) {
    memset(rollout, 0, sizeof *rollout);
    memset(devices, 0, count * sizeof *devices);
    rollout->rules = rules;
    rollout->devices = devices;
    rollout->count = count;
    uint32_t next = 0;
    for (uint32_t wave = 0; wave < rules->wave_count; wave++) {
        for (uint32_t last = end_of_wave(&rules->waves[wave], next, count); next < last; next++) {
            devices[next].wave = wave;
        }
    }
}

const char *fleet_state_name(fleet_state_t state) {
    static const char *const names[FLEET_STATES] = {
        "queued",      "waiting",     "leased",   "checking",   "sending",   "verifying",
        "ready",       "restarting",  "on_trial", "confirmed",  "already",   "refused",
        "unreachable", "rolled_back", "expired",  "superseded", "cancelled",
    };
    return (unsigned)state < FLEET_STATES ? names[state] : "";
}

const char *fleet_event_name(fleet_event_kind_t kind) {
    return (unsigned)kind < FLEET_EVENTS ? events[kind].name : "";
}
