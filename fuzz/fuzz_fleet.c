// SPDX-License-Identifier: Apache-2.0
// The decisions of a rollout. The first ten bytes are the plan, each three bytes after them something that happens: to
// a device, or by an operator. What is decided is applied at once. What must hold:
//   - an event that makes no sense changes nothing, and a decision always makes sense;
//   - decisions come to an end;
//   - no more devices are under way than the plan allows, and none begins in a pause, after a stop or unapproved;
//   - a device is confirmed only by its own word;
//   - the same events, applied again, give the same rollout.
#include <stdlib.h>
#include <string.h>

#include "rollout.h"

#define DEVICES 8
#define PLAN_SIZE 10
#define EVENT_SIZE 3
#define EVENTS_MAX 4096
#define DECISIONS_MAX 64 // in one go

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    fleet_rules_t rules;
    fleet_rollout_t rollout;
    fleet_device_t devices[DEVICES];
    fleet_event_t applied[EVENTS_MAX];
    size_t count;
    int64_t time_s;
} world;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void read_plan(const uint8_t *plan) {
    fleet_rules_t *rules = &world.rules;
    memset(rules, 0, sizeof *rules);
    rules->wave_count = 1 + plan[0] % 4;
    for (uint32_t i = 0; i < rules->wave_count; i++) {
        rules->waves[i] =
            (fleet_wave_t){.count = plan[1] >> i & 1 ? 1 + i : 0, .percent = 25 * (i + 1), .soak_s = plan[2] % 5};
    }
    rules->waves[rules->wave_count - 1] = (fleet_wave_t){.percent = 100, .soak_s = plan[2] % 5};
    rules->approve = plan[3] & ((1u << rules->wave_count) - 1);
    rules->failed_percent = plan[4] % 101;
    rules->min_done = plan[5] % 4;
    rules->failed_count = plan[6] % 4;
    rules->failures = 1u << FLEET_REFUSED | 1u << FLEET_ROLLED_BACK | 1u << FLEET_UNREACHABLE | 1u << FLEET_EXPIRED;
    rules->at_once = 1 + plan[7] % DEVICES;
    rules->attempts = 1 + plan[8] % 3;
    rules->asleep_s = plan[8] & 0x80 ? 10 : 0;
    rules->confirm = (fleet_confirm_t)(plan[9] % 3);
    rules->confirmed_elsewhere = (plan[9] & 0x80) != 0;
    rules->lost_s = 20;
}

static fleet_now_t now(void) {
    return (fleet_now_t){world.time_s, (uint32_t)(world.time_s % 86400)};
}

static void begin(void) {
    memset(world.devices, 0, sizeof world.devices);
    memset(&world.rollout, 0, sizeof world.rollout);
    fleet_init(&world.rollout, &world.rules, world.devices, DEVICES);
}

// True: it has counted.
static bool apply(const fleet_event_t *event) {
    fleet_device_t before[DEVICES];
    fleet_rollout_t rollout = world.rollout;
    memcpy(before, world.devices, sizeof before);
    bool counts = fleet_apply(&world.rollout, event);
    if (!counts) {
        require(memcmp(before, world.devices, sizeof before) == 0);
        require(memcmp(&rollout, &world.rollout, sizeof rollout) == 0);
    }
    for (size_t i = 0; i < DEVICES; i++) {
        bool is_new = world.devices[i].state == FLEET_CONFIRMED && before[i].state != FLEET_CONFIRMED;
        require(!is_new || (event->kind == FLEET_DONE && event->device == i));
    }
    if (counts && world.count < EVENTS_MAX) {
        world.applied[world.count++] = *event;
    }
    return counts;
}

static void check_limits(void) {
    uint32_t busy = 0;
    for (size_t i = 0; i < DEVICES; i++) {
        busy += fleet_is_busy(world.devices[i].state);
        require(world.devices[i].failed <= world.rules.attempts);
    }
    require(busy <= world.rules.at_once);
}

static void decide(void) {
    fleet_event_t decision;
    size_t decisions = 0;
    while (fleet_decide(&world.rollout, now(), &decision)) {
        uint32_t wave = decision.kind == FLEET_NEXT_WAVE ? decision.value : world.rollout.wave;
        bool is_approved = (world.rules.approve & ~world.rollout.approved & 1u << wave) == 0;
        bool begins = decision.kind == FLEET_LEASE || decision.kind == FLEET_NEXT_WAVE;
        require(!begins || (world.rollout.phase == FLEET_RUNNING && !world.rollout.paused && is_approved));
        require(apply(&decision));
        require(++decisions < DECISIONS_MAX);
    }
}

// The first byte says what happens, and with its highest bits how much time passes then.
static void happen(const uint8_t *bytes) {
    static const uint32_t first = FLEET_IDENTIFIED;
    fleet_event_t event = {.kind = (fleet_event_kind_t)(first + bytes[0] % (FLEET_EVENTS - first)),
                           .time_s = world.time_s};
    bool is_of_all = event.kind >= FLEET_PAUSE && (event.kind != FLEET_RETRY || bytes[1] == 0xff);
    event.device = is_of_all ? FLEET_ALL : bytes[1] % DEVICES;
    event.value = event.kind == FLEET_TRIAL && bytes[2] == 0xff ? UINT32_MAX : bytes[2];
    event.name[0] = (char)('a' + bytes[2] % 3);
    apply(&event);
    world.time_s += bytes[0] >> 6;
}

static void check_replay(void) {
    static fleet_device_t devices[DEVICES];
    fleet_rollout_t rollout = world.rollout;
    size_t count = world.count;
    memcpy(devices, world.devices, sizeof devices);
    begin();
    for (size_t i = 0; i < count; i++) {
        require(fleet_apply(&world.rollout, &world.applied[i]));
    }
    require(memcmp(devices, world.devices, sizeof devices) == 0);
    require(memcmp(&rollout, &world.rollout, sizeof rollout) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < PLAN_SIZE) {
        return 0;
    }
    world.count = 0;
    world.time_s = 1000;
    read_plan(data);
    begin();
    decide();
    for (size_t at = PLAN_SIZE; at + EVENT_SIZE <= size && world.count + DECISIONS_MAX < EVENTS_MAX; at += EVENT_SIZE) {
        happen(data + at);
        decide();
        check_limits();
    }
    check_replay();
    return 0;
}
