// SPDX-License-Identifier: Apache-2.0
// The decisions of a rollout, one rule after the other, and random plans with random fates of devices.
#include "testing.h"

#include "rollout.h"

#define DEVICES 20

typedef struct {
    fleet_rules_t rules;
    fleet_device_t devices[DEVICES];
    fleet_rollout_t rollout;
    fleet_now_t now;
} fixture_t;

static void begin(fixture_t *fixture, uint32_t count) {
    fixture->now = (fleet_now_t){1000, 0};
    fleet_init(&fixture->rollout, &fixture->rules, fixture->devices, count);
}

// One wave of all, no pause between attempts, no rule.
static int set_up(void **state) {
    static fixture_t fixture;
    memset(&fixture, 0, sizeof fixture);
    fixture.rules = (fleet_rules_t){.waves = {{.percent = 100}},
                                    .wave_count = 1,
                                    .failures = 1u << FLEET_REFUSED | 1u << FLEET_ROLLED_BACK,
                                    .at_once = DEVICES,
                                    .attempts = 1,
                                    .look_s = 1,
                                    .again_s = 1,
                                    .lost_s = 3600};
    *state = &fixture;
    return 0;
}

static bool happen(fixture_t *fixture, fleet_event_kind_t kind, uint32_t device, uint32_t value, const char *name) {
    fleet_event_t event = {.kind = kind, .device = device, .value = value, .time_s = fixture->now.time_s};
    snprintf(event.name, sizeof event.name, "%s", name);
    return fleet_apply(&fixture->rollout, &event);
}

// Applies all decisions; how many of `kind` there were.
static uint32_t decide(fixture_t *fixture, fleet_event_kind_t kind) {
    fleet_event_t decision;
    uint32_t count = 0;
    while (fleet_decide(&fixture->rollout, fixture->now, &decision)) {
        assert_true(fleet_apply(&fixture->rollout, &decision));
        count += decision.kind == kind;
    }
    return count;
}

static void finish(fixture_t *fixture, uint32_t device) {
    assert_true(happen(fixture, FLEET_TRIAL, device, UINT32_MAX, ""));
    decide(fixture, FLEET_CONFIRM);
    assert_true(happen(fixture, FLEET_DONE, device, 0, ""));
}

// ---- waves ----

static void percent_counts_all_waves_so_far(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0] = (fleet_wave_t){.count = 1};
    fixture->rules.waves[1] = (fleet_wave_t){.percent = 30};
    fixture->rules.waves[2] = (fleet_wave_t){.percent = 100};
    fixture->rules.wave_count = 3;
    begin(fixture, 11);
    static const uint32_t waves[] = {0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2}; // 30 % of 11 are 4 devices
    for (uint32_t i = 0; i < 11; i++) {
        assert_int_equal(fixture->devices[i].wave, waves[i]);
    }
}

static void a_wave_begins_after_the_one_before(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0] = (fleet_wave_t){.count = 1};
    fixture->rules.waves[1] = (fleet_wave_t){.percent = 100};
    fixture->rules.wave_count = 2;
    begin(fixture, 3);
    assert_int_equal(decide(fixture, FLEET_LEASE), 1);
    assert_true(happen(fixture, FLEET_TRIAL, 0, UINT32_MAX, ""));
    decide(fixture, FLEET_CONFIRM);
    assert_int_equal(fixture->devices[1].state, FLEET_QUEUED);
    assert_true(happen(fixture, FLEET_DONE, 0, 0, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 2);
}

static void a_wave_without_a_well_device_stops(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0] = (fleet_wave_t){.count = 1};
    fixture->rules.waves[1] = (fleet_wave_t){.percent = 100};
    fixture->rules.wave_count = 2;
    begin(fixture, 3);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_REFUSAL, 0, 0, "wrong_chip");
    assert_int_equal(decide(fixture, FLEET_LEASE), 0);
    assert_int_equal(fixture->rollout.phase, FLEET_STOPPED);
    assert_string_equal(fixture->rollout.reason, "wave_failed");
    assert_true(happen(fixture, FLEET_RESUME, FLEET_ALL, 0, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 2); // an operator knows better
}

static void the_next_wave_waits_for_its_approval(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0] = (fleet_wave_t){.count = 1};
    fixture->rules.waves[1] = (fleet_wave_t){.percent = 100};
    fixture->rules.wave_count = 2;
    fixture->rules.approve = 2;
    begin(fixture, 3);
    decide(fixture, FLEET_LEASE);
    finish(fixture, 0);
    assert_int_equal(decide(fixture, FLEET_NEXT_WAVE), 0);
    assert_true(fleet_waits_for_approval(&fixture->rollout, fixture->now.time_s));
    assert_false(happen(fixture, FLEET_APPROVE, FLEET_ALL, 0, "")); // wave 1 needs none
    assert_true(happen(fixture, FLEET_APPROVE, FLEET_ALL, 1, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 2);
}

static void sleepers_do_not_hold_a_wave(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0] = (fleet_wave_t){.count = 2};
    fixture->rules.waves[1] = (fleet_wave_t){.percent = 100};
    fixture->rules.wave_count = 2;
    fixture->rules.asleep_s = 100;
    begin(fixture, 3);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_SILENT, 0, 0, "no_answer");
    assert_int_equal(decide(fixture, FLEET_NEXT_WAVE), 0); // a sleeper alone proves nothing
    finish(fixture, 1);
    assert_int_equal(decide(fixture, FLEET_NEXT_WAVE), 1);
    fixture->now.time_s += 100;
    assert_int_equal(decide(fixture, FLEET_GIVE_UP), 1);
    assert_int_equal(fixture->devices[0].state, FLEET_UNREACHABLE);
}

// ---- soak ----

static void a_device_is_confirmed_after_its_soak(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0].soak_s = 600;
    begin(fixture, 1);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_TRIAL, 0, UINT32_MAX, "");
    fixture->now.time_s += 599;
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 0);
    fixture->now.time_s += 1;
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 1);
    assert_int_equal(fixture->devices[0].state, FLEET_ON_TRIAL); // the order is no proof
    happen(fixture, FLEET_DONE, 0, 0, "");
    assert_int_equal(fixture->devices[0].state, FLEET_CONFIRMED);
    assert_int_equal(decide(fixture, FLEET_FINISH), 1);
}

static void a_trial_shorter_than_the_soak_is_refused(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0].soak_s = 600;
    fixture->rules.takeover_s = 30;
    begin(fixture, 2);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_TRIAL, 0, 629, "");
    assert_int_equal(fixture->devices[0].state, FLEET_REFUSED);
    assert_string_equal(fixture->devices[0].reason, "trial_too_short");
    happen(fixture, FLEET_TRIAL, 1, 630, "");
    assert_int_equal(fixture->devices[1].state, FLEET_ON_TRIAL);
}

static void a_device_that_is_not_confirmed_is_asked_again(void **state) {
    fixture_t *fixture = *state;
    begin(fixture, 1);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_TRIAL, 0, UINT32_MAX, "");
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 1);
    assert_true(happen(fixture, FLEET_SILENT, 0, 0, "no_answer"));
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 0);
    fixture->now.time_s += 1;
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 1);
}

// ---- the stop rule ----

static void the_third_failure_stops_and_nothing_begins(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.failed_count = 3;
    fixture->rules.at_once = 4;
    begin(fixture, DEVICES);
    decide(fixture, FLEET_LEASE);
    for (uint32_t i = 0; i < 2; i++) {
        happen(fixture, FLEET_BACK, i, 0, "panic");
        assert_int_equal(decide(fixture, FLEET_LEASE), 1);
    }
    happen(fixture, FLEET_PROGRESS, 3, FLEET_SENDING, "");
    happen(fixture, FLEET_BACK, 2, 0, "panic");
    fleet_event_t decision;
    assert_true(fleet_decide(&fixture->rollout, fixture->now, &decision));
    assert_int_equal(decision.kind, FLEET_STOP); // before anything else
    assert_int_equal(decide(fixture, FLEET_LEASE), 0);
    assert_int_equal(fixture->rollout.phase, FLEET_STOPPED);
    assert_true(fixture->devices[3].cancelling);
    happen(fixture, FLEET_LET_GO, 3, 0, "");
    assert_int_equal(fixture->devices[3].state, FLEET_CANCELLED);
}

static void percents_count_from_min_done_on(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.failed_percent = 20;
    fixture->rules.min_done = 5;
    begin(fixture, DEVICES);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_REFUSAL, 0, 0, "too_large"); // 100 % of 1
    for (uint32_t i = 1; i < 4; i++) {
        finish(fixture, i);
        decide(fixture, FLEET_STOP);
        assert_int_equal(fixture->rollout.phase, FLEET_RUNNING);
    }
    finish(fixture, 4); // 20 % of 5
    decide(fixture, FLEET_STOP);
    assert_int_equal(fixture->rollout.phase, FLEET_STOPPED);
    assert_string_equal(fixture->rollout.reason, "failed_percent");
}

static void only_named_ends_count_as_failed(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.failed_count = 1;
    begin(fixture, 3);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_OTHER, 0, 0, "other_image");
    decide(fixture, FLEET_STOP);
    assert_int_equal(fixture->rollout.phase, FLEET_RUNNING);
}

static void after_a_resume_old_failures_do_not_count(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.failed_count = 1;
    fixture->rules.at_once = 2;
    begin(fixture, 4);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_PROGRESS, 1, FLEET_SENDING, "");
    happen(fixture, FLEET_BACK, 0, 0, "panic");
    decide(fixture, FLEET_STOP);
    happen(fixture, FLEET_LET_GO, 1, 0, "");
    assert_true(happen(fixture, FLEET_RESUME, FLEET_ALL, 0, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 2); // the cancelled one too
    assert_int_equal(fixture->devices[1].state, FLEET_LEASED);
    happen(fixture, FLEET_BACK, 1, 0, "panic");
    assert_int_equal(decide(fixture, FLEET_STOP), 1);
}

// ---- attempts ----

static void an_attempt_that_fails_is_repeated_later(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.attempts = 3;
    fixture->rules.pauses_s[0] = 60;
    fixture->rules.pauses_s[1] = 600;
    fixture->rules.pause_count = 2;
    begin(fixture, 1);
    static const int64_t pauses[] = {60, 600};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(decide(fixture, FLEET_LEASE), 1);
        happen(fixture, FLEET_LOST, 0, 1, "connection_lost");
        fixture->now.time_s += pauses[i] - 1;
        assert_int_equal(decide(fixture, FLEET_LEASE), 0);
        fixture->now.time_s += 1;
    }
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_LOST, 0, 1, "connection_lost");
    assert_int_equal(fixture->devices[0].state, FLEET_UNREACHABLE);
    assert_int_equal(fixture->devices[0].attempt, 3);
}

static void a_silent_device_costs_no_attempt(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.asleep_s = 10;
    begin(fixture, 1);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(decide(fixture, FLEET_LEASE), 1);
        happen(fixture, FLEET_SILENT, 0, 0, "no_answer");
        assert_int_equal(fixture->devices[0].state, FLEET_WAITING);
        fixture->now.time_s += 1;
    }
    assert_int_equal(fixture->devices[0].failed, 0);
    decide(fixture, FLEET_LEASE);
    finish(fixture, 0);
    assert_int_equal(fixture->devices[0].state, FLEET_CONFIRMED);
}

static void retry_queues_failed_devices_alone(void **state) {
    fixture_t *fixture = *state;
    begin(fixture, 2);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_REFUSAL, 0, 0, "no_slot");
    finish(fixture, 1);
    decide(fixture, FLEET_FINISH);
    assert_int_equal(fixture->rollout.phase, FLEET_FINISHED);
    assert_false(happen(fixture, FLEET_RETRY, 1, 0, ""));
    assert_true(happen(fixture, FLEET_RETRY, FLEET_ALL, 0, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 1);
    assert_int_equal(fixture->devices[1].state, FLEET_CONFIRMED);
}

// ---- the window, the limit, a pause ----

static void devices_begin_inside_the_window(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.has_window = true;
    fixture->rules.window_from_s = 23 * 3600;
    fixture->rules.window_to_s = 5 * 3600;
    begin(fixture, 3);
    fixture->rules.at_once = 1;
    static const struct {
        uint32_t day_s;
        bool is_open;
    } times[] = {{12 * 3600, false}, {23 * 3600 - 1, false}, {5 * 3600, false}, {5 * 3600 - 1, true}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        fixture->now.day_s = times[i].day_s;
        assert_int_equal(decide(fixture, FLEET_LEASE), times[i].is_open);
    }
}

static void a_pause_lets_trials_go_on(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.at_once = 1;
    begin(fixture, 2);
    decide(fixture, FLEET_LEASE);
    assert_true(happen(fixture, FLEET_PAUSE, FLEET_ALL, 0, ""));
    assert_false(happen(fixture, FLEET_PAUSE, FLEET_ALL, 0, ""));
    happen(fixture, FLEET_TRIAL, 0, UINT32_MAX, "");
    assert_int_equal(decide(fixture, FLEET_CONFIRM), 1);
    happen(fixture, FLEET_DONE, 0, 0, "");
    assert_int_equal(decide(fixture, FLEET_LEASE), 0);
    assert_true(happen(fixture, FLEET_RESUME, FLEET_ALL, 0, ""));
    assert_int_equal(decide(fixture, FLEET_LEASE), 1);
}

static void an_abort_is_final(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.at_once = 1;
    begin(fixture, 2);
    decide(fixture, FLEET_LEASE);
    assert_true(happen(fixture, FLEET_ABORT, FLEET_ALL, 0, ""));
    assert_int_equal(fixture->devices[1].state, FLEET_CANCELLED);
    assert_int_equal(decide(fixture, FLEET_CANCEL), 1);
    happen(fixture, FLEET_LET_GO, 0, 0, "");
    assert_true(fleet_is_at_rest(&fixture->rollout));
    assert_false(happen(fixture, FLEET_RESUME, FLEET_ALL, 0, ""));
    assert_false(happen(fixture, FLEET_RETRY, FLEET_ALL, 0, ""));
}

// ---- identity, a process that dies ----

static void a_device_that_becomes_another_is_refused(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.attempts = 2;
    begin(fixture, 2);
    decide(fixture, FLEET_LEASE);
    assert_true(happen(fixture, FLEET_IDENTIFIED, 0, 0, "24ec4a000001"));
    happen(fixture, FLEET_LOST, 0, 1, "connection_lost");
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_IDENTIFIED, 0, 0, "24ec4a000002");
    assert_int_equal(fixture->devices[0].state, FLEET_REFUSED);
    assert_string_equal(fixture->devices[0].reason, "id_changed");
    happen(fixture, FLEET_IDENTIFIED, 1, 0, "24ec4a000001");
    assert_string_equal(fixture->devices[1].reason, "duplicate_device");
}

static void after_a_crash_devices_are_asked_again(void **state) {
    fixture_t *fixture = *state;
    fixture->rules.waves[0].soak_s = 60;
    begin(fixture, 3);
    decide(fixture, FLEET_LEASE);
    happen(fixture, FLEET_PROGRESS, 0, FLEET_SENDING, "");
    happen(fixture, FLEET_TRIAL, 1, UINT32_MAX, "");
    happen(fixture, FLEET_TRIAL, 2, UINT32_MAX, "");
    assert_true(happen(fixture, FLEET_RECOVER, FLEET_ALL, 0, ""));
    assert_int_equal(fixture->devices[0].state, FLEET_QUEUED);
    assert_int_equal(fixture->devices[1].state, FLEET_ON_TRIAL);
    assert_int_equal(decide(fixture, FLEET_LEASE), 1);
    happen(fixture, FLEET_TIMED_OUT, 1, 0, "expired"); // nobody was there: not the image's fault
    assert_int_equal(fixture->devices[1].state, FLEET_QUEUED);
    assert_int_equal(fixture->devices[1].failed, 0);
    happen(fixture, FLEET_BACK, 2, 0, "panic");
    assert_int_equal(fixture->devices[2].state, FLEET_ROLLED_BACK);
}

static void events_out_of_place_change_nothing(void **state) {
    fixture_t *fixture = *state;
    begin(fixture, 1);
    fixture_t before = *fixture;
    for (fleet_event_kind_t kind = FLEET_IDENTIFIED; kind <= FLEET_LET_GO; kind++) {
        assert_false(happen(fixture, kind, 0, FLEET_SENDING, "x"));
    }
    assert_false(happen(fixture, FLEET_LEASE, 1, 0, ""));
    assert_false(happen(fixture, FLEET_EVENTS, 0, 0, ""));
    assert_memory_equal(fixture->devices, before.devices, sizeof before.devices);
}

// ---- random plans, random fates ----

static uint32_t seed;

static uint32_t roll(uint32_t sides) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static void draw_plan(fixture_t *fixture) {
    fleet_rules_t *rules = &fixture->rules;
    rules->wave_count = 1 + roll(4);
    for (uint32_t i = 0; i + 1 < rules->wave_count; i++) {
        rules->waves[i] = roll(2) == 0 ? (fleet_wave_t){.count = 1 + roll(4), .soak_s = roll(3)}
                                       : (fleet_wave_t){.percent = 1 + roll(90), .soak_s = roll(3)};
    }
    rules->waves[rules->wave_count - 1] = (fleet_wave_t){.percent = 100, .soak_s = roll(3)};
    rules->approve = roll(4) == 0 ? 1u << roll(rules->wave_count) : 0;
    rules->failed_count = roll(3) == 0 ? 1 + roll(5) : 0;
    rules->failed_percent = roll(3) == 0 ? 1 + roll(50) : 0;
    rules->min_done = roll(5);
    rules->failures = 1u << FLEET_REFUSED | 1u << FLEET_ROLLED_BACK | 1u << FLEET_UNREACHABLE;
    rules->at_once = 1 + roll(8);
    rules->attempts = 1 + roll(3);
    rules->pauses_s[0] = roll(3);
    rules->pause_count = roll(2);
    rules->asleep_s = roll(2) * 5;
    rules->confirm = (fleet_confirm_t)roll(2);
    rules->lost_s = 20;
}

// What happens to a device that is under way.
static void draw_event(fixture_t *fixture, uint32_t device) {
    fleet_state_t state = fixture->devices[device].state;
    static const fleet_event_kind_t bad[] = {FLEET_REFUSAL, FLEET_LOST, FLEET_SILENT, FLEET_BACK, FLEET_TIMED_OUT};
    if (fixture->devices[device].cancelling && roll(2) == 0) {
        happen(fixture, FLEET_LET_GO, device, 0, "");
    } else if (roll(12) == 0) {
        happen(fixture, bad[roll(COUNT_OF(bad))], device, 0, "x");
    } else if (state == FLEET_RESTARTING) {
        happen(fixture, FLEET_TRIAL, device, UINT32_MAX, "");
    } else if (fleet_is_busy(state)) {
        happen(fixture, FLEET_PROGRESS, device, state + 1, "");
    } else if (fixture->devices[device].confirming) {
        happen(fixture, FLEET_DONE, device, 0, "");
    }
}

static void hold_invariants(const fixture_t *fixture, uint32_t leases, bool was_over) {
    const fleet_rollout_t *rollout = &fixture->rollout;
    uint32_t busy = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        busy += fleet_is_busy(device->state);
        assert_true(device->wave <= rollout->wave || device->attempt == 0);
        assert_true(device->failed <= fixture->rules.attempts);
    }
    assert_true(busy <= fixture->rules.at_once);
    assert_true(leases == 0 || !was_over);
}

// Half of the rollouts lose their process on the way; its successor has the same events.
static void play(fixture_t *fixture, uint32_t count) {
    begin(fixture, count);
    for (uint32_t turn = 0; turn < 4000 && !fleet_is_at_rest(&fixture->rollout); turn++) {
        bool was_over = fixture->rollout.phase != FLEET_RUNNING;
        hold_invariants(fixture, decide(fixture, FLEET_LEASE), was_over);
        draw_event(fixture, roll(count));
        fixture->now.time_s += roll(3) == 0;
        if (fleet_waits_for_approval(&fixture->rollout, fixture->now.time_s)) {
            happen(fixture, FLEET_APPROVE, FLEET_ALL, (uint32_t)__builtin_ctz(fixture->rules.approve), "");
        }
        if (roll(200) == 0) {
            happen(fixture, FLEET_RECOVER, FLEET_ALL, 0, "");
        }
    }
    assert_true(fleet_is_at_rest(&fixture->rollout));
}

static void random_rollouts_come_to_an_end(void **state) {
    fixture_t *fixture = *state;
    for (uint32_t i = 0; i < 3000; i++) {
        set_up(state);
        seed = i;
        draw_plan(fixture);
        play(fixture, 1 + roll(DEVICES));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(percent_counts_all_waves_so_far),
        TEST(a_wave_begins_after_the_one_before),
        TEST(a_wave_without_a_well_device_stops),
        TEST(the_next_wave_waits_for_its_approval),
        TEST(sleepers_do_not_hold_a_wave),
        TEST(a_device_is_confirmed_after_its_soak),
        TEST(a_trial_shorter_than_the_soak_is_refused),
        TEST(a_device_that_is_not_confirmed_is_asked_again),
        TEST(the_third_failure_stops_and_nothing_begins),
        TEST(percents_count_from_min_done_on),
        TEST(only_named_ends_count_as_failed),
        TEST(after_a_resume_old_failures_do_not_count),
        TEST(an_attempt_that_fails_is_repeated_later),
        TEST(a_silent_device_costs_no_attempt),
        TEST(retry_queues_failed_devices_alone),
        TEST(devices_begin_inside_the_window),
        TEST(a_pause_lets_trials_go_on),
        TEST(an_abort_is_final),
        TEST(a_device_that_becomes_another_is_refused),
        TEST(after_a_crash_devices_are_asked_again),
        TEST(events_out_of_place_change_nothing),
        TEST(random_rollouts_come_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
