// SPDX-License-Identifier: Apache-2.0
// The truth at the end: from what a device says before and after its restart to one line and an exit code.
#include "testing.h"

#include "outcome.h"

#define OLD "1111111111111111"
#define NEW "2222222222222222"

static void set_slot(device_slot_t *slot, const char *name, const char *version, const char *elf, const char *image) {
    snprintf(slot->slot, sizeof slot->slot, "%s", name);
    snprintf(slot->version, sizeof slot->version, "%s", version);
    snprintf(slot->elf_sha256, sizeof slot->elf_sha256, "%s", elf);
    snprintf(slot->image, sizeof slot->image, "%s", image);
}

// A device that runs 1.0.0 from ota_0; what lies in ota_1 is up to the test.
static device_state_t old_runs(const char *image, const char *other_image) {
    device_state_t state = {0};
    set_slot(&state.running, "ota_0", "1.0.0", OLD, image);
    set_slot(&state.other, "ota_1", "2.0.0", NEW, other_image);
    return state;
}

static device_state_t new_runs(const char *image) {
    device_state_t state = {0};
    set_slot(&state.running, "ota_1", "2.0.0", NEW, image);
    set_slot(&state.other, "ota_0", "1.0.0", OLD, "valid");
    return state;
}

typedef struct {
    device_state_t before, after;
    bool expected; // the new image in ota_1 is
    const char *line;
    outcome_kind_t kind;
    exit_code_t code;
} case_t;

static void check(const case_t *c) {
    device_slot_t expected = {0};
    outcome_t outcome;
    char line[OUTCOME_TEXT_SIZE];
    set_slot(&expected, "ota_1", "2.0.0", NEW, "");
    outcome_after_restart(&outcome, &c->before, c->expected ? &expected : NULL, &c->after);
    outcome_describe(&outcome, line);
    assert_string_equal(line, c->line);
    assert_int_equal(outcome.kind, c->kind);
    assert_int_equal(outcome.code, c->code);
}

static void after_an_update_the_line_says_what_runs(void **state) {
    (void)state;
    const device_state_t before = old_runs("valid", "none");
    const case_t cases[] = {
        {before, new_runs("trial"), true, "running 2.0.0 from ota_1, on trial", OUTCOME_RUNNING, EXIT_CODE_OK},
        {before, new_runs("valid"), true, "running 2.0.0 from ota_1, confirmed", OUTCOME_RUNNING, EXIT_CODE_OK},
        {before, new_runs("unwatched"), true, "running 2.0.0 from ota_1, without a trial", OUTCOME_RUNNING,
         EXIT_CODE_OK},
        {before, old_runs("valid", "aborted"), true, "rolled back: running 1.0.0 from ota_0", OUTCOME_ROLLED_BACK,
         EXIT_CODE_OLD_IMAGE},
        {before, old_runs("valid", "rolled_back"), true, "rolled back: running 1.0.0 from ota_0", OUTCOME_ROLLED_BACK,
         EXIT_CODE_OLD_IMAGE},
        {before, old_runs("valid", "none"), true, "still 1.0.0: The device has restarted, but not into the new image.",
         OUTCOME_STILL, EXIT_CODE_OLD_IMAGE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(&cases[i]);
    }
}

static void the_right_slot_with_another_image_is_not_the_new_image(void **state) {
    (void)state;
    device_state_t after = new_runs("trial");
    set_slot(&after.running, "ota_1", "2.0.0", "3333333333333333", "trial");
    const case_t c = {old_runs("valid", "none"),
                      after,
                      true,
                      "still 2.0.0: The device has restarted, but not into the new image.",
                      OUTCOME_STILL,
                      EXIT_CODE_OLD_IMAGE};
    check(&c);
}

static void a_device_that_tells_no_digest_is_believed_by_its_slot(void **state) {
    (void)state;
    device_state_t after = new_runs("trial");
    after.running.elf_sha256[0] = '\0';
    const case_t c = {old_runs("valid", "none"), after, true, "running 2.0.0 from ota_1, on trial", OUTCOME_RUNNING, 0};
    check(&c);
}

static void a_restart_on_trial_that_ends_in_the_other_slot_was_a_rollback(void **state) {
    (void)state;
    const case_t cases[] = {
        {new_runs("trial"), old_runs("valid", "aborted"), false, "rolled back: running 1.0.0 from ota_0",
         OUTCOME_ROLLED_BACK, EXIT_CODE_OLD_IMAGE},
        {new_runs("valid"), new_runs("valid"), false, "running 2.0.0 from ota_1, confirmed", OUTCOME_RUNNING, 0},
        {old_runs("valid", "aborted"), old_runs("valid", "aborted"), false, "running 1.0.0 from ota_0, confirmed",
         OUTCOME_RUNNING, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check(&cases[i]);
    }
}

static void a_restart_that_ends_in_another_slot_without_a_trial_was_no_rollback(void **state) {
    (void)state;
    const case_t c = {
        new_runs("valid"), old_runs("valid", "none"), false, "running 1.0.0 from ota_0, confirmed", OUTCOME_RUNNING, 0};
    check(&c);
}

static void what_was_given_up_in_a_third_slot_was_not_this_update(void **state) {
    (void)state;
    case_t c = {old_runs("valid", "none"),
                old_runs("valid", "aborted"),
                true,
                "still 1.0.0: The device has restarted, but not into the new image.",
                OUTCOME_STILL,
                EXIT_CODE_OLD_IMAGE};
    strcpy(c.after.other.slot, "ota_2");
    check(&c);
}

static void the_devices_own_record_says_why_it_went_back(void **state) {
    (void)state;
    static const struct {
        const char *outcome, *reset, *line;
    } cases[] = {
        {"rolled_back", "", "rolled back: running 1.0.0 from ota_0"},
        {"expired", "", "rolled back: running 1.0.0 from ota_0; nobody confirmed 2.0.0 in time"},
        {"aborted", "panic", "rolled back: running 1.0.0 from ota_0; 2.0.0 restarted (panic) before it was confirmed"},
        {"lost", "", "rolled back: running 1.0.0 from ota_0; 2.0.0 did not start, or restarted too early"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        case_t c = {old_runs("valid", "none"), old_runs("valid", "none"), true, cases[i].line,
                    OUTCOME_ROLLED_BACK,       EXIT_CODE_OLD_IMAGE};
        snprintf(c.after.last.outcome, sizeof c.after.last.outcome, "%s", cases[i].outcome);
        snprintf(c.after.last.reset, sizeof c.after.last.reset, "%s", cases[i].reset);
        strcpy(c.after.last.to, "2.0.0");
        check(&c);
    }
}

static void problems_are_told_with_what_runs_as_far_as_it_is_known(void **state) {
    (void)state;
    const device_state_t known = old_runs("valid", "none");
    struct {
        exit_code_t code;
        const device_state_t *state;
        const char *line;
    } cases[] = {
        {EXIT_CODE_DEVICE_REFUSED, &known, "still 1.0.0: No."}, {EXIT_CODE_FILE_REFUSED, &known, "still 1.0.0: No."},
        {EXIT_CODE_INTERRUPTED, &known, "still 1.0.0: No."},    {EXIT_CODE_UNREACHABLE, &known, "unreachable: No."},
        {EXIT_CODE_UNREACHABLE, NULL, "unreachable: No."},      {EXIT_CODE_LOGIN, NULL, "failed: No."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        problem_t problem;
        outcome_t outcome;
        char line[OUTCOME_TEXT_SIZE];
        problem_set(&problem, cases[i].code, "no", "No.");
        outcome_from_problem(&outcome, &problem, cases[i].state);
        outcome_describe(&outcome, line);
        assert_string_equal(line, cases[i].line);
        assert_int_equal(outcome.code, cases[i].code);
    }
}

static void what_was_not_restarted_into_is_not_called_running(void **state) {
    (void)state;
    outcome_t outcome;
    char line[OUTCOME_TEXT_SIZE];
    const device_state_t before = old_runs("valid", "none");
    outcome_running(&outcome, &before);
    set_slot(&outcome.updated, "ota_1", "2.0.0", NEW, "");
    outcome.kind = OUTCOME_READY;
    outcome_describe(&outcome, line);
    assert_string_equal(line, "still 1.0.0; 2.0.0 is ready in ota_1 and runs after a restart");
    outcome.kind = OUTCOME_RESTARTING;
    outcome_describe(&outcome, line);
    assert_string_equal(line, "restarting, not waited for");
}

static void every_kind_has_a_name_and_a_line(void **state) {
    (void)state;
    for (int kind = OUTCOME_RUNNING; kind <= OUTCOME_ACCEPTED; kind++) {
        outcome_t outcome = {.kind = (outcome_kind_t)kind};
        char line[OUTCOME_TEXT_SIZE] = "";
        outcome_describe(&outcome, line);
        assert_string_not_equal(line, "");
        assert_string_not_equal(outcome_name(outcome.kind), "");
    }
    assert_string_equal(outcome_image_words("something new"), "something new");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_an_update_the_line_says_what_runs),
        cmocka_unit_test(the_right_slot_with_another_image_is_not_the_new_image),
        cmocka_unit_test(a_device_that_tells_no_digest_is_believed_by_its_slot),
        cmocka_unit_test(a_restart_on_trial_that_ends_in_the_other_slot_was_a_rollback),
        cmocka_unit_test(a_restart_that_ends_in_another_slot_without_a_trial_was_no_rollback),
        cmocka_unit_test(what_was_given_up_in_a_third_slot_was_not_this_update),
        cmocka_unit_test(the_devices_own_record_says_why_it_went_back),
        cmocka_unit_test(problems_are_told_with_what_runs_as_far_as_it_is_known),
        cmocka_unit_test(what_was_not_restarted_into_is_not_called_running),
        cmocka_unit_test(every_kind_has_a_name_and_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
