// SPDX-License-Identifier: Apache-2.0
// The dashboard without its socket: who may log in and when, what a status has, and what changes from one to the next.
#include "testing.h"

#include <jansson.h>

#include "dashboard_login.h"
#include "fleet_status.h"

// ---- the login ----

static void open_login(dashboard_login_t *login, char code[OTA_WS_PAIRING_CODE_SIZE]) {
    problem_t problem;
    assert_true(dashboard_login_open(login, NULL, code, &problem));
}

static void a_code_is_taken_as_people_type_it(void **state) {
    (void)state;
    dashboard_login_t login;
    problem_t problem;
    char code[OTA_WS_PAIRING_CODE_SIZE], typed[OTA_WS_PAIRING_CODE_SIZE];
    open_login(&login, code);
    for (size_t i = 0; i <= strlen(code); i++) {
        typed[i] = code[i] == '-' ? ' ' : (char)(code[i] >= 'A' && code[i] <= 'Z' ? code[i] - 'A' + 'a' : code[i]);
    }
    assert_true(dashboard_login_try(&login, code, 0, &problem));
    assert_true(dashboard_login_try(&login, typed, 0, &problem));
    assert_false(dashboard_login_try(&login, "", 0, &problem));
}

static void two_processes_have_two_codes_and_two_tokens(void **state) {
    (void)state;
    dashboard_login_t one, other;
    char code[2][OTA_WS_PAIRING_CODE_SIZE];
    open_login(&one, code[0]);
    open_login(&other, code[1]);
    assert_string_not_equal(code[0], code[1]);
    assert_true(dashboard_login_knows(&one, one.token));
    assert_false(dashboard_login_knows(&one, other.token));
    assert_false(dashboard_login_knows(&one, ""));
}

static void wrong_codes_wait_1_2_4_and_8_seconds(void **state) {
    (void)state;
    static const uint32_t waits_s[] = {1, 2, 4, 8, 8, 8};
    dashboard_login_t login;
    problem_t problem;
    char code[OTA_WS_PAIRING_CODE_SIZE];
    uint64_t now_ms = 1000;
    open_login(&login, code);
    for (size_t i = 0; i < sizeof waits_s / sizeof waits_s[0]; i++) {
        assert_false(dashboard_login_try(&login, "not the code", now_ms, &problem));
        assert_string_equal(problem.name, "wrong_code");
        assert_int_equal(problem.wait_s, waits_s[i]);
        assert_false(
            dashboard_login_try(&login, code, now_ms + waits_s[i] * 1000 - 1, &problem)); // not even the right one
        assert_string_equal(problem.name, "login_waits");
        assert_int_equal(problem.wait_s, 1);
        now_ms += waits_s[i] * 1000;
    }
    assert_true(dashboard_login_try(&login, code, now_ms, &problem));
    assert_false(dashboard_login_try(&login, "not the code", now_ms, &problem));
    assert_int_equal(problem.wait_s, 1);
}

// ---- the status ----

#define DEVICES 4

typedef struct {
    fleet_plan_t plan;
    fleet_entry_t entries[DEVICES];
    fleet_device_t devices[DEVICES];
    fleet_rollout_t rollout;
    fleet_status_t *status;
    char change[64];
} world_t;

static void begin(world_t *world) {
    memset(world, 0, sizeof *world);
    snprintf(world->plan.rollout, sizeof world->plan.rollout, "lamp");
    world->plan.rules = (fleet_rules_t){.waves = {{.count = 1}, {.percent = 100}},
                                        .wave_count = 2,
                                        .at_once = 8,
                                        .attempts = 1,
                                        .approve = 2,
                                        .failures = UINT32_MAX,
                                        .confirm = FLEET_CONFIRM_NOW};
    for (uint32_t i = 0; i < DEVICES; i++) {
        snprintf(world->entries[i].host, sizeof world->entries[i].host, "10.0.0.%u", i + 1);
    }
    fleet_init(&world->rollout, &world->plan.rules, world->devices, DEVICES);
    const fleet_shown_t shown = {&world->plan, world->entries, &world->rollout, "demo", "2.0.0"};
    world->status = fleet_status_open(&shown, 100);
    assert_non_null(world->status);
}

// NULL: nothing is new. To be freed.
static json_t *look(world_t *world, int64_t now_s) {
    char *text;
    fleet_status_news_t news = fleet_status_write(world->status, world->change, now_s, &text);
    assert_int_not_equal(news, FLEET_STATUS_NO_MEMORY);
    json_t *json = text == NULL ? NULL : json_loads(text, 0, NULL);
    assert_true((news == FLEET_STATUS_CHANGED) == (json != NULL));
    free(text);
    if (json != NULL) {
        snprintf(world->change, sizeof world->change, "%s", json_string_value(json_object_get(json, "change")));
    }
    return json;
}

static const char *text_of(const json_t *json, const char *name) {
    const char *value = json_string_value(json_object_get(json, name));
    return value == NULL ? "" : value;
}

static json_t *device_of(const json_t *json, size_t i) {
    return json_array_get(json_object_get(json, "list"), i);
}

static void the_first_status_has_all_and_the_next_what_is_new(void **state) {
    (void)state;
    world_t world;
    begin(&world);
    json_t *json = look(&world, 100);
    assert_int_equal(json_array_size(json_object_get(json, "list")), DEVICES);
    assert_true(json_is_true(json_object_get(json, "all")));
    assert_string_equal(text_of(json, "phase"), "running");
    assert_int_equal(json_array_size(json_object_get(json, "waves")), 2);
    json_decref(json);
    assert_null(look(&world, 101));

    world.devices[2].state = FLEET_REFUSED;
    snprintf(world.devices[2].reason, sizeof world.devices[2].reason, "wrong_chip");
    json = look(&world, 102);
    assert_int_equal(json_array_size(json_object_get(json, "list")), 1);
    assert_int_equal(json_integer_value(json_object_get(device_of(json, 0), "n")), 2);
    assert_string_equal(text_of(device_of(json, 0), "reason"), "wrong_chip");
    const json_t *failure = json_array_get(json_object_get(json, "failures"), 0);
    assert_string_equal(text_of(failure, "reason"), "wrong_chip");
    assert_int_equal(json_integer_value(json_object_get(failure, "devices")), 1);
    json_decref(json);
    assert_null(look(&world, 103));
    fleet_status_close(world.status);
}

static void percent_and_version_are_changes_too(void **state) {
    (void)state;
    world_t world;
    begin(&world);
    json_decref(look(&world, 100));
    world.devices[1].state = FLEET_SENDING;
    fleet_status_version(world.status, 1, "1.0.0");
    fleet_status_percent(world.status, 1, 40);
    json_t *json = look(&world, 101);
    assert_string_equal(text_of(device_of(json, 0), "version"), "1.0.0");
    assert_int_equal(json_integer_value(json_object_get(device_of(json, 0), "percent")), 40);
    json_decref(json);
    fleet_status_version(world.status, 1, "1.0.0");
    fleet_status_percent(world.status, 1, 40);
    assert_null(look(&world, 102));
    fleet_status_percent(world.status, 1, FLEET_STATUS_NO_PERCENT);
    json = look(&world, 103);
    assert_null(json_object_get(device_of(json, 0), "percent"));
    json_decref(json);
    fleet_status_close(world.status);
}

static void a_confirmed_device_runs_the_image_by_its_word(void **state) {
    (void)state;
    world_t world;
    begin(&world);
    fleet_status_version(world.status, 0, "1.0.0");
    world.devices[0].state = FLEET_CONFIRMED;
    json_t *json = look(&world, 100);
    assert_string_equal(text_of(device_of(json, 0), "version"), "2.0.0");
    assert_string_equal(text_of(json, "phase"), "approval");
    assert_int_equal(json_integer_value(json_object_get(json, "approve")), 2);
    json_decref(json);
    fleet_status_close(world.status);
}

static void the_pace_says_how_long_it_will_take(void **state) {
    (void)state;
    world_t world;
    begin(&world);
    world.plan.rules.approve = 0;
    json_decref(look(&world, 100));
    world.devices[0].state = FLEET_CONFIRMED;
    json_t *json = look(&world, 110);
    assert_int_equal(json_integer_value(json_object_get(json, "left_s")), 30); // one in 10 s, three are left
    json_decref(json);
    assert_null(look(&world, 115)); // time alone is nothing new
    world.devices[1].state = FLEET_SENDING;
    json = look(&world, 120);
    assert_int_equal(json_integer_value(json_object_get(json, "left_s")), 20);
    json_decref(json);
    fleet_status_close(world.status);
}

// Of a process that has run before, or of nobody.
static void a_foreign_change_gets_all_devices(void **state) {
    (void)state;
    static const char *const changes[] = {"", "0123456789abcdef.7", "nonsense", "."};
    world_t world;
    begin(&world);
    json_decref(look(&world, 100));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        snprintf(world.change, sizeof world.change, "%s", changes[i]);
        json_t *json = look(&world, 101);
        assert_int_equal(json_array_size(json_object_get(json, "list")), DEVICES);
        json_decref(json);
    }
    strcat(world.change, "99"); // of the future
    json_t *json = look(&world, 102);
    assert_int_equal(json_array_size(json_object_get(json, "list")), DEVICES);
    json_decref(json);
    fleet_status_close(world.status);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_taken_as_people_type_it),
        cmocka_unit_test(two_processes_have_two_codes_and_two_tokens),
        cmocka_unit_test(wrong_codes_wait_1_2_4_and_8_seconds),
        cmocka_unit_test(the_first_status_has_all_and_the_next_what_is_new),
        cmocka_unit_test(percent_and_version_are_changes_too),
        cmocka_unit_test(a_confirmed_device_runs_the_image_by_its_word),
        cmocka_unit_test(the_pace_says_how_long_it_will_take),
        cmocka_unit_test(a_foreign_change_gets_all_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
