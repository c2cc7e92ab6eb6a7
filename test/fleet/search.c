// SPDX-License-Identifier: Apache-2.0
// Searches all that can happen to a rollout of 3 devices in 2 waves: depth first, every event in every state that is
// new. The world has what the rollout cannot see: what each device really runs, and the job that talks to it. The
// process may be killed once: at any moment, also between a decision that was written down and its execution. In each
// new state all invariants must hold; from every 16th, when luck and an operator help, the rollout must come to its
// end. Prints the counts. Exit 1: an invariant does not hold; the way there is printed.
//   fleet_search [ORDERS [sites]]   at most so many of pause, resume, abort and retry (0)
// With `sites` it is the rollout of `fleet serve`: gateways have the jobs and confirm the devices. The controller's
// death takes no job away, and the next controller sends again what was decided. A gateway's death gives its job, of
// the same attempt, to another gateway.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rollout.h"

#define DEVICES 3
#define TABLE_SIZE (UINT64_C(1) << 25)
#define DEPTH_MAX 4096
#define WIND_UP_EVERY 16

// What a device really is.
typedef enum { OLD, READY, TRIAL, CONFIRMED, CRASHED, EXPIRED, THIRD } truth_t; // CRASHED, EXPIRED: the old image again

// What the job of a device is about to see.
// HOLDING: the device is on trial, and its gateway keeps it until it is confirmed.
typedef enum { NO_JOB, LOOKING, CHECKED, SENDING, VERIFYING, HAS_IMAGE, RESTARTED, CONFIRMING, HOLDING } job_t;

typedef struct {
    fleet_rollout_t rollout;
    fleet_device_t devices[DEVICES];
    truth_t truth[DEVICES];
    job_t job[DEVICES];
    bool cancels[DEVICES];     // the job was told to
    uint32_t sent_in[DEVICES]; // attempt in which the image was sent as a whole
    bool orphaned[DEVICES];    // its gateway died after the restart
    int64_t now_s;
    bool killed, dead; // once; the process is not there
    uint8_t orders;
    bool was_over; // stopped or aborted, since the last resume
    const char *violation;
} world_t;

static world_t world;
static unsigned orders_max; // pause, resume, abort, retry, in all

static bool has_sites;

static fleet_rules_t rules = {
    .waves = {{.count = 1, .soak_s = 1}, {.percent = 100, .soak_s = 1}},
    .wave_count = 2,
    .approve = 2,
    .failed_count = 2,
    .failures = 1u << FLEET_REFUSED | 1u << FLEET_ROLLED_BACK | 1u << FLEET_UNREACHABLE | 1u << FLEET_EXPIRED,
    .at_once = 2,
    .attempts = 2,
    .pauses_s = {1},
    .pause_count = 1,
    .asleep_s = 2,
    .look_s = 1,
    .takeover_s = 1,
    .again_s = 1,
    .lost_s = 2,
};

static void violate(const char *what) {
    world.violation = world.violation == NULL ? what : world.violation;
}

// ---- the process ----

static void apply(fleet_event_kind_t kind, unsigned device, uint32_t value, const char *name) {
    fleet_event_t event = {.kind = kind, .device = device, .value = value, .time_s = world.now_s};
    snprintf(event.name, sizeof event.name, "%s", name);
    fleet_apply(&world.rollout, &event);
}

static void carry_out(const fleet_event_t *decision) {
    unsigned i = decision->device;
    switch (decision->kind) {
    case FLEET_LEASE:
        if (world.job[i] != NO_JOB) {
            violate("one device has two jobs");
        }
        if (world.was_over) {
            violate("a device has begun after the stop");
        }
        if (world.rollout.paused) {
            violate("a device has begun in a pause");
        }
        if (world.devices[i].wave > 0 && (world.rollout.approved & 2) == 0) {
            violate("a wave has begun without its approval");
        }
        world.job[i] = LOOKING;
        break;
    case FLEET_CONFIRM:
        if (world.job[i] != NO_JOB) {
            violate("one device has two jobs");
        }
        world.job[i] = CONFIRMING;
        break;
    case FLEET_CANCEL:
        world.cancels[i] = true;
        break;
    case FLEET_STOP:
        world.was_over = true;
        break;
    default:
        break;
    }
}

static bool next_decision(fleet_event_t *decision) {
    return !world.dead && fleet_decide(&world.rollout, (fleet_now_t){world.now_s, 0}, decision);
}

static void decide_all(void) {
    fleet_event_t decision;
    for (unsigned i = 0; next_decision(&decision); i++) {
        if (!fleet_apply(&world.rollout, &decision)) {
            violate("a decision can be applied");
        }
        carry_out(&decision);
        if (i > 64) {
            violate("decisions come to an end");
            return;
        }
    }
}

static void kill_process(void) {
    world.killed = true;
    world.dead = true;
    if (has_sites) {
        return;
    }
    memset(world.job, 0, sizeof world.job);
    memset(world.cancels, 0, sizeof world.cancels);
}

// ---- what may happen; false: not now ----

static void job_ends(unsigned i) {
    world.job[i] = NO_JOB;
    world.orphaned[i] = false;
    world.cancels[i] = false;
}

static void see_old(unsigned i) {
    bool was_alone = world.orphaned[i];
    job_ends(i);
    apply(world.truth[i] == CRASHED ? FLEET_BACK : FLEET_TIMED_OUT, i, was_alone, "panic");
}

// A device that is looked at for the first time, or after a restart.
static bool see(unsigned i) {
    bool ours = world.devices[i].restarted;
    switch (world.truth[i]) {
    case CONFIRMED:
        job_ends(i);
        apply(FLEET_DONE, i, 0, "");
        return true;
    case TRIAL:
        if (has_sites) {
            world.job[i] = HOLDING;
        } else {
            job_ends(i);
        }
        apply(FLEET_TRIAL, i, UINT32_MAX, "");
        return true;
    case THIRD:
        job_ends(i);
        apply(FLEET_OTHER, i, 0, "");
        return true;
    case CRASHED:
    case EXPIRED:
        if (!ours) {
            return false;
        }
        see_old(i);
        return true;
    default:
        return false;
    }
}

static bool looks(unsigned i) {
    if (world.job[i] != LOOKING) {
        return false;
    }
    apply(FLEET_IDENTIFIED, i, 0, (const char *[]){"a", "b", "c"}[i]);
    if (see(i)) {
        return true;
    }
    world.job[i] = world.truth[i] == READY ? HAS_IMAGE : CHECKED;
    apply(FLEET_PROGRESS, i, world.truth[i] == READY ? FLEET_READY : FLEET_CHECKING, "");
    return true;
}

static bool is_silent(unsigned i) {
    bool may = world.job[i] == LOOKING || world.job[i] == CONFIRMING;
    if (may) {
        job_ends(i);
        apply(FLEET_SILENT, i, 0, "no_answer");
    }
    return may;
}

static bool goes_on(unsigned i) {
    if (world.cancels[i] && world.job[i] < RESTARTED) {
        return false;
    }
    switch (world.job[i]) {
    case CHECKED:
        world.truth[i] = OLD;
        world.job[i] = SENDING;
        apply(FLEET_PROGRESS, i, FLEET_SENDING, "");
        return true;
    case SENDING:
        world.job[i] = VERIFYING;
        apply(FLEET_PROGRESS, i, FLEET_VERIFYING, "");
        return true;
    case VERIFYING:
        if (world.sent_in[i] == world.devices[i].attempt) {
            violate("an attempt sends the image once");
        }
        world.sent_in[i] = world.devices[i].attempt;
        world.truth[i] = READY;
        world.job[i] = HAS_IMAGE;
        apply(FLEET_PROGRESS, i, FLEET_READY, "");
        return true;
    case HAS_IMAGE:
        world.truth[i] = TRIAL;
        world.job[i] = RESTARTED;
        apply(FLEET_PROGRESS, i, FLEET_RESTARTING, "");
        return true;
    case RESTARTED:
        return see(i);
    case CONFIRMING:
    case HOLDING:
        if (world.truth[i] != TRIAL) {
            return see(i);
        }
        world.truth[i] = CONFIRMED;
        return true;
    default:
        return false;
    }
}

static bool is_refused(unsigned i) {
    bool may = world.job[i] == CHECKED || world.job[i] == VERIFYING;
    if (may) {
        job_ends(i);
        apply(FLEET_REFUSAL, i, 0, "wrong_chip");
    }
    return may;
}

static bool is_lost(unsigned i) {
    bool gateways_died = has_sites && world.job[i] == LOOKING; // one after the other, all that had the job
    bool may = gateways_died || (world.job[i] >= CHECKED && world.job[i] != HOLDING);
    if (may) {
        job_ends(i);
        apply(FLEET_LOST, i, 1, "connection_lost");
    }
    return may;
}

static bool is_let_go(unsigned i) {
    bool is_early = world.job[i] < RESTARTED && !(has_sites && world.devices[i].restarted);
    bool may = world.cancels[i] && world.job[i] != NO_JOB && is_early;
    if (may) {
        world.truth[i] = world.job[i] >= SENDING ? OLD : world.truth[i];
        job_ends(i);
        apply(FLEET_LET_GO, i, 0, "");
    }
    return may;
}

// The process sees, without a job, what became of a device on trial.
static bool is_watched(unsigned i) {
    return !has_sites && !world.dead && world.devices[i].state == FLEET_ON_TRIAL && world.job[i] == NO_JOB &&
           world.truth[i] != TRIAL && see(i);
}

static bool crashes(unsigned i) {
    bool may = world.truth[i] == TRIAL;
    world.truth[i] = may ? CRASHED : world.truth[i];
    return may;
}

static bool expires(unsigned i) {
    bool may = world.truth[i] == TRIAL;
    world.truth[i] = may ? EXPIRED : world.truth[i];
    return may;
}

// Another gateway gets the job, and looks first.
static bool gateway_dies(unsigned i) {
    bool may = has_sites && world.job[i] > LOOKING;
    if (may) {
        world.orphaned[i] |= world.job[i] >= RESTARTED;
        world.job[i] = LOOKING;
    }
    return may;
}

// Somebody else updates it.
static bool is_taken(unsigned i) {
    bool may = world.truth[i] == READY && world.job[i] == NO_JOB;
    world.truth[i] = may ? THIRD : world.truth[i];
    return may;
}

static bool time_passes(unsigned i) {
    (void)i;
    world.now_s++;
    return true;
}

static bool is_killed(unsigned i) {
    (void)i;
    if (world.killed) {
        return false;
    }
    kill_process();
    return true;
}

// What was decided, and perhaps not sent.
static void send_again(void) {
    for (unsigned i = 0; i < DEVICES; i++) {
        if (world.devices[i].state == FLEET_LEASED && world.job[i] == NO_JOB) {
            world.job[i] = LOOKING;
        }
        world.cancels[i] |= world.devices[i].cancelling && world.job[i] != NO_JOB;
    }
}

static bool comes_back(unsigned i) {
    (void)i;
    if (!world.dead) {
        return false;
    }
    world.dead = false;
    if (has_sites) {
        send_again();
    } else {
        apply(FLEET_RECOVER, FLEET_ALL, 0, "");
    }
    return true;
}

static bool order(fleet_event_kind_t kind) {
    if (world.dead || world.orders == orders_max) {
        return false;
    }
    fleet_event_t event = {.kind = kind, .device = FLEET_ALL, .time_s = world.now_s};
    if (!fleet_apply(&world.rollout, &event)) {
        return false;
    }
    world.orders++;
    world.was_over = world.rollout.phase != FLEET_RUNNING && (world.was_over || kind == FLEET_ABORT);
    return true;
}

static bool is_paused(unsigned i) {
    (void)i;
    return order(FLEET_PAUSE);
}

static bool is_resumed(unsigned i) {
    (void)i;
    return order(FLEET_RESUME);
}

static bool is_aborted(unsigned i) {
    (void)i;
    return order(FLEET_ABORT);
}

static bool is_retried(unsigned i) {
    (void)i;
    return order(FLEET_RETRY);
}

static bool is_approved(unsigned i) {
    (void)i;
    fleet_event_t event = {.kind = FLEET_APPROVE, .device = FLEET_ALL, .value = 1};
    return !world.dead && fleet_apply(&world.rollout, &event);
}

static const struct {
    const char *name;
    bool (*happen)(unsigned device);
    unsigned devices; // 1: of no device
} events[] = {
    {"looks", looks, DEVICES},
    {"is silent", is_silent, DEVICES},
    {"goes on", goes_on, DEVICES},
    {"is refused", is_refused, DEVICES},
    {"is lost", is_lost, DEVICES},
    {"is let go", is_let_go, DEVICES},
    {"is watched", is_watched, DEVICES},
    {"crashes", crashes, DEVICES},
    {"expires", expires, DEVICES},
    {"loses its gateway", gateway_dies, DEVICES},
    {"is taken", is_taken, DEVICES},
    {"a second passes", time_passes, 1},
    {"is killed", is_killed, 1},
    {"comes back", comes_back, 1},
    {"pause", is_paused, 1},
    {"resume", is_resumed, 1},
    {"abort", is_aborted, 1},
    {"retry", is_retried, 1},
    {"approve", is_approved, 1},
};
#define EVENTS (sizeof events / sizeof events[0])

// ---- invariants ----

static const char *check(void) {
    uint32_t busy = 0;
    for (unsigned i = 0; i < DEVICES; i++) {
        fleet_state_t state = world.devices[i].state;
        bool has_job = world.job[i] != NO_JOB;
        busy += has_job && world.job[i] != CONFIRMING && world.job[i] != HOLDING;
        if ((state == FLEET_CONFIRMED || state == FLEET_ALREADY) && world.truth[i] != CONFIRMED) {
            violate("a device counts as done only when it runs the new image, confirmed");
        }
        if (has_job && !fleet_is_busy(state) && state != FLEET_ON_TRIAL) {
            violate("a job belongs to a device that is under way");
        }
        if (fleet_is_busy(state) && !has_job && !world.dead) {
            violate("a device that is under way has a job");
        }
    }
    if (busy > rules.at_once) {
        violate("no more devices at once than the limit");
    }
    return world.violation;
}

// ---- states that are known ----

static uint64_t *table;
static uint64_t states, steps, wind_ups, deepest;

static uint64_t mix(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

// Times count from now, and no further than they matter.
static uint64_t ahead(int64_t time_s) {
    int64_t left = time_s - world.now_s;
    return (uint64_t)(left < -4 ? -4 : left > 4 ? 4 : left) + 4;
}

static uint64_t hash_of_device(uint64_t hash, unsigned i) {
    const fleet_device_t *device = &world.devices[i];
    bool waits = device->state == FLEET_QUEUED || device->state == FLEET_WAITING || device->state == FLEET_ON_TRIAL;
    uint64_t flags = device->touched | device->restarted << 1 | device->interrupted << 2 | device->confirming << 3 |
                     device->cancelling << 4 | device->by_stop << 5 | (device->id[0] != '\0') << 6 |
                     world.cancels[i] << 7 | world.orphaned[i] << 8;
    bool has_sent = world.sent_in[i] == device->attempt && device->attempt > 0;
    hash = mix(hash, device->state | device->failed << 8 | flags << 16 | (uint64_t)world.truth[i] << 32 |
                         (uint64_t)world.job[i] << 40 | (uint64_t)has_sent << 48);
    uint64_t due = waits && device->due_s > world.now_s ? ahead(device->due_s) : 0;
    uint64_t since = device->state == FLEET_ON_TRIAL ? ahead(device->since_s) : 0;
    uint64_t asleep = device->asleep_s != 0 && !fleet_has_ended(device->state) ? ahead(device->asleep_s) : 0;
    return mix(hash, due | since << 8 | asleep << 16);
}

static uint64_t hash_of_world(void) {
    const fleet_rollout_t *rollout = &world.rollout;
    uint64_t hash = mix(1, rollout->phase | rollout->paused << 4 | rollout->wave << 8 | rollout->approved << 12 |
                               rollout->forgiven << 16 | world.killed << 20 | world.dead << 21 | world.was_over << 22 |
                               (uint64_t)world.orders << 24 | (uint64_t)rollout->ended_base << 32 |
                               (uint64_t)rollout->failed_base << 40);
    for (unsigned i = 0; i < DEVICES; i++) {
        hash = hash_of_device(hash, i);
    }
    return hash == 0 ? 1 : hash;
}

static bool is_new(void) {
    uint64_t hash = hash_of_world();
    uint64_t at = hash % TABLE_SIZE;
    while (table[at] != 0 && table[at] != hash) {
        at = (at + 1) % TABLE_SIZE;
    }
    if (table[at] == hash) {
        return false;
    }
    table[at] = hash;
    states++;
    return true;
}

// ---- the end that must be possible ----

static bool resume(void) {
    fleet_event_t event = {.kind = FLEET_RESUME, .device = FLEET_ALL, .time_s = world.now_s};
    bool may = !world.dead && fleet_apply(&world.rollout, &event);
    world.was_over &= !may;
    return may;
}

// From here on all goes well.
static bool one_lucky_step(void) {
    for (unsigned i = 0; i < DEVICES; i++) {
        if (is_watched(i) || is_let_go(i) || looks(i) || goes_on(i)) {
            return true;
        }
    }
    return comes_back(0) || is_approved(0) || resume();
}

static const char *wind_up(void) {
    world_t copy = world;
    wind_ups++;
    for (unsigned i = 0; i < 300 && world.violation == NULL; i++) {
        bool is_over = world.rollout.phase == FLEET_FINISHED || world.rollout.phase == FLEET_ABORTED;
        if (!world.dead && is_over && fleet_is_at_rest(&world.rollout)) {
            break;
        }
        if (!one_lucky_step()) {
            time_passes(0);
        }
        decide_all();
        check();
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        if (!fleet_has_ended(world.devices[i].state)) {
            violate("every device comes to an end");
        }
    }
    const char *violation = world.violation;
    world = copy;
    world.rollout.devices = world.devices;
    return violation;
}

// ---- the search ----

static const char *way[DEPTH_MAX];
static unsigned way_device[DEPTH_MAX];

static bool fail(unsigned depth, const char *violation) {
    printf("VIOLATION: not '%s'\n", violation);
    for (unsigned i = 0; i < depth; i++) {
        printf("  %s %u\n", way[i], way_device[i]);
    }
    for (unsigned i = 0; i < DEVICES; i++) {
        printf("  device %u: %s, really %d, job %d\n", i, fleet_state_name(world.devices[i].state), world.truth[i],
               world.job[i]);
    }
    return false;
}

static bool search(unsigned depth);

// The decisions that follow at once, and a kill after each that was written down.
static bool follow(unsigned depth) {
    fleet_event_t decision;
    if (!world.killed && next_decision(&decision)) {
        world_t copy = world;
        fleet_apply(&world.rollout, &decision);
        kill_process();
        way[depth] = "killed after a decision, of device";
        way_device[depth] = decision.device;
        if (is_new() && !search(depth + 1)) {
            return false;
        }
        world = copy;
        fleet_apply(&world.rollout, &decision);
        carry_out(&decision);
        return follow(depth);
    }
    decide_all();
    const char *violation = check();
    if (violation == NULL && is_new()) {
        violation = states % WIND_UP_EVERY == 0 ? wind_up() : NULL;
        return violation == NULL ? search(depth) : fail(depth, violation);
    }
    return violation == NULL || fail(depth, violation);
}

static bool search(unsigned depth) {
    deepest = depth > deepest ? depth : deepest;
    if (depth + 2 >= DEPTH_MAX) {
        return fail(depth, "the search comes to an end");
    }
    world_t *from = malloc(sizeof *from);
    *from = world;
    bool is_sound = true;
    for (unsigned event = 0; event < EVENTS && is_sound; event++) {
        for (unsigned device = 0; device < events[event].devices && is_sound; device++) {
            world = *from;
            way[depth] = events[event].name;
            way_device[depth] = device;
            if (events[event].happen(device)) {
                steps++;
                is_sound = follow(depth + 1);
            }
        }
    }
    free(from);
    return is_sound;
}

int main(int argc, char **argv) {
    orders_max = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
    has_sites = argc > 2 && strcmp(argv[2], "sites") == 0;
    rules.confirmed_elsewhere = has_sites;
    table = calloc(TABLE_SIZE, sizeof *table);
    if (table == NULL) {
        fprintf(stderr, "fleet_search: not enough memory\n");
        return 1;
    }
    fleet_init(&world.rollout, &rules, world.devices, DEVICES);
    world.now_s = 100;
    if (!follow(0)) {
        return 1;
    }
    printf(
        "%u devices, 2 waves, %zu events, %u orders of an operator, one kill%s: %llu states, %llu events in them, none "
        "against an invariant; %llu rollouts afterwards, of which each came to its end.\n",
        DEVICES, EVENTS, orders_max, has_sites ? ", gateways that die" : "", (unsigned long long)states,
        (unsigned long long)steps, (unsigned long long)wind_ups);
    free(table);
    return 0;
}
