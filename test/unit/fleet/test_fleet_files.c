// SPDX-License-Identifier: Apache-2.0
// The plan's members one by one, lists of devices, and the journal: written, replayed, of another version.
#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "fleet_journal.h"
#include "fleet_list.h"
#include "fleet_plan.h"

#define SMALLEST "\"rollout\":\"lamp\",\"image\":\"a.bin\",\"select\":{\"devices\":\"l.txt\"}"
#define WAVES ",\"waves\":[{\"percent\":100}]"

static char folder[] = "/tmp/ota-ws-fleet-XXXXXX";

static const char *in_folder(const char *name) {
    static char paths[4][FLEET_PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, FLEET_PATH_SIZE, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state) {
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

// ---- the plan ----

static void the_plan_of_the_document_is_understood(void **state) {
    (void)state;
    fleet_plan_t plan;
    problem_t problem;
    const char *text =
        "{\"rollout\":\"lamp-2.4.0\",\"image\":\"lamp.bin\","
        "\"select\":{\"devices\":\"/etc/lamps\",\"project\":\"lamp\",\"chip\":\"ESP32-C3\",\"label\":[\"beta\"]},"
        "\"waves\":[{\"count\":1,\"soak_s\":600},{\"percent\":10,\"soak_s\":3600},{\"percent\":100}],"
        "\"stop\":{\"failed_percent\":5,\"min_done\":10,\"failed_count\":3,\"on\":[\"rolled_back\",\"refused\"]},"
        "\"limits\":{\"per_gateway\":8},\"retry\":{\"attempts\":3,\"backoff_s\":[60,600,3600]},"
        "\"window\":{\"from\":\"02:00\",\"to\":\"05:30\"},\"asleep\":{\"wait_s\":604800},\"approve\":[2],"
        "\"confirm\":\"soak\"}";
    assert_true(fleet_plan_parse(&plan, text, "plans/lamp.json", &problem));
    assert_string_equal(plan.image, "plans/lamp.bin");
    assert_string_equal(plan.devices, "/etc/lamps");
    assert_string_equal(plan.journal, "plans/lamp-2.4.0.journal");
    assert_string_equal(plan.labels[0], "beta");
    assert_int_equal(plan.rules.wave_count, 3);
    assert_int_equal(plan.rules.waves[1].percent, 10);
    assert_int_equal(plan.rules.waves[1].soak_s, 3600);
    assert_int_equal(plan.rules.approve, 2);
    assert_int_equal(plan.rules.failures, 1u << FLEET_ROLLED_BACK | 1u << FLEET_REFUSED);
    assert_int_equal(plan.rules.window_to_s, 5 * 3600 + 30 * 60);
    assert_int_equal(plan.rules.pause_count, 3);
    assert_int_equal(plan.rules.asleep_s, 604800);
    fleet_plan_free(&plan);
}

static void what_is_left_out_has_a_default(void **state) {
    (void)state;
    fleet_plan_t plan;
    problem_t problem;
    assert_true(fleet_plan_parse(&plan, "{" SMALLEST WAVES "}", "p.json", &problem));
    assert_int_equal(plan.rules.failed_count, 1);
    assert_int_equal(plan.rules.at_once, 8);
    assert_int_equal(plan.rules.attempts, 3);
    assert_int_equal(plan.rules.confirm, FLEET_CONFIRM_SOAK);
    assert_string_equal(plan.journal, "lamp.journal");
    fleet_plan_free(&plan);
}

static void each_bad_plan_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *text, *name, *part;
    } plans[] = {
        {"", "plan_not_json", "line"},
        {"[]", "plan_bad_value", "must be an object"},
        {"{" SMALLEST "}", "plan_missing_member", "\"waves\""},
        {"{" SMALLEST WAVES ",\"rollout\":\"x\"}", "plan_not_json", "duplicate"},
        {"{" SMALLEST WAVES ",\"extra\":1}", "plan_unknown_member", "\"extra\""},
        {"{" SMALLEST ",\"waves\":[]}", "plan_bad_value", "\"waves\""},
        {"{" SMALLEST ",\"waves\":[{}]}", "plan_bad_value", "either"},
        {"{" SMALLEST ",\"waves\":[{\"count\":1,\"percent\":1}]}", "plan_bad_value", "either"},
        {"{" SMALLEST ",\"waves\":[{\"percent\":0}]}", "plan_bad_value", "\"waves[1].percent\""},
        {"{" SMALLEST ",\"waves\":[{\"percent\":1.5}]}", "plan_bad_value", "whole number"},
        {"{" SMALLEST ",\"waves\":[{\"percent\":4294967396}]}", "plan_bad_value", "whole number"}, // 2^32 + 100
        {"{" SMALLEST ",\"waves\":[{\"percent\":50},{\"percent\":20},{\"percent\":100}]}", "plan_bad_value",
         "less percent"},
        {"{" SMALLEST ",\"waves\":[{\"percent\":99}]}", "plan_bad_value", "100 percent"},
        {"{" SMALLEST WAVES ",\"stop\":{}}", "plan_bad_value", "failed_count"},
        {"{" SMALLEST WAVES ",\"stop\":{\"failed_count\":0}}", "plan_bad_value", "from 1"},
        {"{" SMALLEST WAVES ",\"stop\":{\"failed_count\":1,\"on\":[\"confirmed\"]}}", "plan_bad_value", "\"stop.on\""},
        {"{" SMALLEST WAVES ",\"limits\":{\"per_gateway\":257}}", "plan_bad_value", "1 to 256"},
        {"{" SMALLEST WAVES ",\"retry\":{\"backoff_s\":60}}", "plan_bad_value", "list"},
        {"{" SMALLEST WAVES ",\"window\":{\"from\":\"2:00\",\"to\":\"05:00\"}}", "plan_bad_value", "02:00"},
        {"{" SMALLEST WAVES ",\"window\":{\"from\":\"02:00\"}}", "plan_missing_member", "\"window.to\""},
        {"{" SMALLEST WAVES ",\"window\":{\"from\":\"02:00\",\"to\":\"02:00\"}}", "plan_bad_value", "different"},
        {"{" SMALLEST WAVES ",\"approve\":[2]}", "plan_bad_value", "not in"},
        {"{" SMALLEST WAVES ",\"approve\":[0]}", "plan_bad_value", "from 1"},
        {"{" SMALLEST WAVES ",\"confirm\":\"later\"}", "plan_bad_value", "soak"},
        {"{" SMALLEST WAVES ",\"passwords\":{\"label\":[]}}", "plan_bad_value", "object"},
        {"{" SMALLEST WAVES ",\"passwords\":{\"word\":\"x\"}}", "plan_unknown_member", "\"passwords.word\""},
        {"{\"rollout\":\"../x\",\"image\":\"a\",\"select\":{\"discover\":true}" WAVES "}", "plan_bad_value", "name of"},
        {"{\"rollout\":\"x\",\"image\":\"a\",\"select\":{}" WAVES "}", "plan_no_devices", "no devices"},
        {"{\"rollout\":\"x\",\"image\":\"a\",\"select\":{\"discover\":1}" WAVES "}", "plan_bad_value", "true or false"},
        {"{\"rollout\":\"x\",\"image\":\"a\",\"select\":{\"devices\":\"l\",\"chip\":\"ESP9\"}" WAVES "}",
         "plan_bad_value", "chip"},
    };
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        fleet_plan_t plan;
        problem_t problem = {0};
        assert_false(fleet_plan_parse(&plan, plans[i].text, "p.json", &problem));
        assert_string_equal(problem.name, plans[i].name);
        if (strstr(problem.text, plans[i].part) == NULL) {
            fail_msg("%s: %s", plans[i].text, problem.text);
        }
    }
}

// ---- the list ----

static void a_list_has_addresses_labels_and_comments(void **state) {
    (void)state;
    fleet_list_t list;
    problem_t problem;
    write_file(in_folder("l.txt"), "# lamps\nlamp.local beta  kitchen # the old one\n\n192.168.1.7\n");
    assert_true(fleet_list_load(&list, in_folder("l.txt"), &problem));
    assert_int_equal(list.count, 2);
    assert_string_equal(list.entries[0].labels, "beta kitchen");
    assert_true(fleet_entry_has(&list.entries[0], "kitchen"));
    assert_false(fleet_entry_has(&list.entries[0], "kit"));
    assert_false(fleet_entry_has(&list.entries[1], "beta"));
    fleet_list_free(&list);
}

static void a_bad_line_is_named(void **state) {
    (void)state;
    static const char *const texts[] = {"one\none\n", "one\nhttp://\n", "one\ntwo be/ta\n", "one\ntwo beta-\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        fleet_list_t list;
        problem_t problem;
        write_file(in_folder("l.txt"), texts[i]);
        assert_false(fleet_list_load(&list, in_folder("l.txt"), &problem));
        assert_string_equal(problem.name, "list_bad_line");
        assert_non_null(strstr(problem.text, "Line 2"));
    }
}

// ---- the journal ----

static void begin(fleet_journal_t *journal, fleet_plan_t *plan) {
    problem_t problem;
    const fleet_entry_t entries[] = {{"lamp.local", "beta"}, {"192.168.1.7", ""}};
    unlink(in_folder("lamp.journal"));
    assert_true(fleet_plan_parse(plan, "{" SMALLEST WAVES "}", in_folder("p.json"), &problem));
    assert_true(fleet_journal_create(journal, plan, "ab", entries, 2, &problem));
}

static void a_journal_gives_back_what_it_got(void **state) {
    (void)state;
    fleet_journal_t journal;
    fleet_plan_t plan;
    problem_t problem;
    fleet_rollout_t rollout;
    fleet_device_t devices[2];
    fleet_entry_t *entries;
    uint32_t count;
    char *text, digest[65];
    struct stat status;
    begin(&journal, &plan);
    assert_int_equal(stat(plan.journal, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    const fleet_event_t events[] = {{.kind = FLEET_LEASE, .device = 1, .time_s = 5},
                                    {.kind = FLEET_REFUSAL, .device = 1, .time_s = 6, .name = "wrong_chip"}};
    assert_true(fleet_journal_append(&journal, events, 2, &problem));
    fleet_journal_close(&journal);
    assert_true(fleet_journal_open(&journal, plan.journal, &problem));
    assert_true(fleet_journal_read(&journal, &text, digest, &entries, &count, &problem));
    assert_string_equal(text, plan.text);
    assert_string_equal(digest, "ab");
    assert_int_equal(count, 2);
    assert_string_equal(entries[0].labels, "beta");
    fleet_init(&rollout, &plan.rules, devices, 2);
    assert_true(fleet_journal_replay(&journal, &rollout, NULL, NULL, &problem));
    assert_int_equal(devices[1].state, FLEET_REFUSED);
    assert_string_equal(devices[1].reason, "wrong_chip");
    free(text);
    free(entries);
    fleet_journal_close(&journal);
    fleet_plan_free(&plan);
}

static void orders_are_taken_once_and_in_order(void **state) {
    (void)state;
    fleet_journal_t journal, other;
    fleet_plan_t plan;
    problem_t problem;
    fleet_event_t order;
    begin(&journal, &plan);
    assert_true(fleet_journal_open(&other, plan.journal, &problem));
    const fleet_event_t pause = {.kind = FLEET_PAUSE, .device = FLEET_ALL}, resume = {.kind = FLEET_RESUME};
    assert_true(fleet_journal_order(&other, &pause, &problem));
    assert_true(fleet_journal_order(&other, &resume, &problem));
    assert_true(fleet_journal_next_order(&journal, &order, &problem));
    assert_int_equal(order.kind, FLEET_PAUSE);
    assert_int_equal(order.device, FLEET_ALL);
    assert_true(fleet_journal_take_order(&journal, &order, &problem));
    assert_true(fleet_journal_next_order(&journal, &order, &problem));
    assert_int_equal(order.kind, FLEET_RESUME);
    assert_true(fleet_journal_take_order(&journal, &order, &problem));
    assert_false(fleet_journal_next_order(&journal, &order, &problem));
    assert_int_equal(problem.code, EXIT_CODE_OK);
    fleet_journal_close(&other);
    fleet_journal_close(&journal);
    fleet_plan_free(&plan);
}

static void two_processes_cannot_run_one_rollout(void **state) {
    (void)state;
    fleet_journal_t journal, other;
    fleet_plan_t plan;
    problem_t problem;
    begin(&journal, &plan);
    assert_false(fleet_journal_is_run(&journal));
    assert_true(fleet_journal_lock(&journal, &problem));
    assert_true(fleet_journal_open(&other, plan.journal, &problem));
    assert_true(fleet_journal_is_run(&other));
    assert_false(fleet_journal_lock(&other, &problem));
    assert_string_equal(problem.name, "already_run");
    fleet_journal_close(&journal);
    fleet_journal_close(&other);
    fleet_plan_free(&plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_of_the_document_is_understood),
        cmocka_unit_test(what_is_left_out_has_a_default),
        cmocka_unit_test(each_bad_plan_is_refused_by_name),
        cmocka_unit_test(a_list_has_addresses_labels_and_comments),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(a_journal_gives_back_what_it_got),
        cmocka_unit_test(orders_are_taken_once_and_in_order),
        cmocka_unit_test(two_processes_cannot_run_one_rollout),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
