// SPDX-License-Identifier: Apache-2.0
// The command line: what is understood, what is refused, and that the help lists all of it.
#include "testing.h"

#include <unistd.h>

#include "arguments.h"
#include "help.h"

#define MAX_ARGUMENTS 16

// Splits `line` at spaces and parses it.
static bool parse(const char *line, arguments_t *arguments, problem_t *problem) {
    static char copy[512];
    static char *argv[MAX_ARGUMENTS];
    int argc = 0;
    snprintf(copy, sizeof copy, "ota-ws %s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    memset(problem, 0, sizeof *problem);
    return arguments_parse(arguments, argc, argv, problem);
}

static arguments_t understand(const char *line) {
    arguments_t arguments;
    problem_t problem;
    if (!parse(line, &arguments, &problem)) {
        fail_msg("'%s': %s", line, problem.text);
    }
    return arguments;
}

static void reject(const char *line, const char *part) {
    arguments_t arguments;
    problem_t problem;
    assert_false(parse(line, &arguments, &problem));
    assert_int_equal(problem.code, EXIT_CODE_USAGE);
    if (strstr(problem.text, part) == NULL) {
        fail_msg("'%s' gave '%s'", line, problem.text);
    }
}

static void commands_take_files_and_devices(void **state) {
    (void)state;
    assert_int_equal(understand("info bench").command, COMMAND_INFO);
    assert_int_equal(understand("confirm bench").command, COMMAND_CONFIRM);
    assert_int_equal(understand("rollback bench").command, COMMAND_ROLLBACK);
    assert_int_equal(understand("restart bench").command, COMMAND_RESTART);
    assert_int_equal(understand("cancel bench").command, COMMAND_CANCEL);

    arguments_t push = understand("push a.bin one two three");
    assert_int_equal(push.command, COMMAND_PUSH);
    assert_string_equal(push.file, "a.bin");
    assert_int_equal(push.host_count, 3);
    assert_string_equal(push.hosts[2], "three");

    arguments_t inspect = understand("inspect a.bin");
    assert_string_equal(inspect.file, "a.bin");
    assert_int_equal(inspect.host_count, 0);
    assert_int_equal(inspect.for_chip, -1);
    arguments_t several = understand("inspect a.bin b.bin c.bin --json");
    assert_int_equal(several.file_count, 3);
    assert_string_equal(several.files[2], "c.bin");
}

static void defaults_are_five_retries_a_minute_and_every_check(void **state) {
    (void)state;
    arguments_t push = understand("push a.bin bench");
    assert_int_equal(push.patience.retries, 5);
    assert_int_equal(push.patience.wait_s, 60);
    assert_false(push.push.no_check || push.push.allow_downgrade || push.push.no_restart || push.push.confirm);
    assert_false(push.json || push.quiet || push.keep_going || push.tls.insecure);
}

static void options_may_stand_anywhere(void **state) {
    (void)state;
    arguments_t push = understand("--json push --allow-downgrade a.bin --retry 9 bench --wait=5 --confirm --ca c.pem");
    assert_true(push.json && push.push.allow_downgrade && push.push.confirm);
    assert_int_equal(push.patience.retries, 9);
    assert_int_equal(push.patience.wait_s, 5);
    assert_string_equal(push.tls.ca_file, "c.pem");
    assert_int_equal(understand("push a.bin bench --wait").patience.wait_s, 60);
    assert_int_equal(understand("push a.bin bench --wait=0").patience.wait_s, 0);
    assert_int_equal(understand("inspect a.bin --chip esp32-c3").for_chip, 5);
    assert_int_equal(understand("inspect a.bin --chip ESP32S3").for_chip, 9);
    assert_string_equal(understand("inspect a.bin --for bench").for_host, "bench");
    assert_true(understand("push -q --no-check --no-restart --keep-going --insecure a.bin bench").push.no_restart);
    assert_string_equal(understand("info bench --password-file pw").password_file, "pw");
    assert_string_equal(understand("push -- --a.bin bench").file, "--a.bin");
    assert_string_equal(understand("inspect a.bin --key k.pem").key, "k.pem");
    assert_true(understand("keygen --ecies k.pem").ecies);
    assert_string_equal(understand("keygen k.pem").file, "k.pem");
    const arguments_t encrypt = understand("encrypt a.bin --output b.bin k.pem");
    assert_int_equal(encrypt.command, COMMAND_ENCRYPT);
    assert_string_equal(encrypt.file, "a.bin");
    assert_string_equal(encrypt.key, "k.pem");
    assert_string_equal(encrypt.output, "b.bin");
}

static void discover_takes_no_address_and_its_own_wait(void **state) {
    (void)state;
    assert_int_equal(understand("discover").command, COMMAND_DISCOVER);
    assert_int_equal(understand("discover").search_s, 2);
    assert_int_equal(understand("discover --wait=5").search_s, 5);
    assert_int_equal(understand("discover --wait 5").search_s, 5);
    reject("discover bench", "one argument too many");
    reject("discover --wait bench", "not a number");
    reject("discover --wait 5 bench", "one argument too many");
    reject("list", "Did you mean 'discover'?");
}

static void help_and_version_come_before_anything_else(void **state) {
    (void)state;
    assert_int_equal(understand("--help").command, COMMAND_HELP);
    assert_null(understand("-h").topic);
    assert_int_equal(understand("help").command, COMMAND_HELP);
    assert_string_equal(understand("help push").topic, "push");
    assert_string_equal(understand("push --help").topic, "push");
    assert_int_equal(understand("push --help").command, COMMAND_HELP);
    assert_int_equal(understand("--version").command, COMMAND_VERSION);
}

static void what_makes_no_sense_is_refused_with_a_sentence(void **state) {
    (void)state;
    reject("", "command is missing");
    reject("upload a.bin bench", "no command 'upload'");
    reject("push", "needs a file");
    reject("push a.bin", "needs the address");
    reject("info", "needs the address");
    reject("inspect", "needs a file");
    reject("keygen", "needs a file");
    reject("keygen k.pem l.pem", "one argument too many");
    reject("encrypt a.bin", "needs a file with the device's public key");
    reject("encrypt a.bin k.pem bench", "one argument too many");
    reject("help push info", "one argument too many");
    reject("info bench --bad", "no option '--bad'");
    reject("info bench -x", "no option '-x'");
    reject("info bench --retry", "needs a value");
    reject("info bench --retry=x", "not a number");
    reject("info bench --retry=-1", "not a number");
    reject("info bench --retry=86401", "not a number");
    reject("info bench --retry=99999999999999999999", "not a number");
    reject("push a.bin bench --wait=", "not a number");
    reject("inspect a.bin --chip esp99", "no chip");
    reject("inspect a.bin --chip esp32 --for bench", "do not go together");
    reject("push a.bin bench --no-restart --confirm", "do not go together");
    reject("push a.bin bench --confirm --wait=0", "--wait=0 does not");
    reject("info ftp://bench", "is no address");
    reject("inspect a.bin --for a@b", "is no address");
    reject("push a.bin bench bench:0", "is no address");
}

static void misspelt_words_are_recognised(void **state) {
    (void)state;
    reject("psuh a.bin bench", "no command 'psuh'. Did you mean 'push'?");
    reject("upload a.bin bench", "Did you mean 'push'?");
    reject("Reboot bench", "Did you mean 'restart'?");
    reject("version", "Did you mean '--version'?");
    reject("frobnicate bench", "no command 'frobnicate'.");
    reject("push a.bin bench --comfirm", "Did you mean '--confirm'?");
    reject("push a.bin bench --allow-downgrad=1", "no option '--allow-downgrad'. Did you mean '--allow-downgrade'?");
    reject("info bench --passwordfile x", "Did you mean '--password-file'?");
    reject("info bench --confirm", "it belongs to 'push'");
    reject("info bench --json=1", "The option '--json' takes no value.");
    reject("info bench -jx", "There is no option '-x' here.");
    reject("info bench --wait", "it belongs to 'push', 'rollback', 'restart'");
}

static void a_file_in_the_place_of_the_device_is_recognised(void **state) {
    (void)state;
    char path[] = "/tmp/test_cli_arguments.XXXXXX", line[128];
    close(mkstemp(path));
    snprintf(line, sizeof line, "push lamp.local %s", path);
    reject(line, "the file comes first. Did you mean 'ota-ws push /tmp/");
    snprintf(line, sizeof line, "push %s lamp.local", path);
    assert_string_equal(understand(line).file, path);
    snprintf(line, sizeof line, "push gone.bin %s", path + 5); // a device may be called as a file
    assert_string_equal(understand(line).file, "gone.bin");
    unlink(path);
}

static void a_usage_error_knows_its_command(void **state) {
    (void)state;
    arguments_t arguments;
    problem_t problem;
    assert_false(parse("push a.bin", &arguments, &problem));
    assert_string_equal(arguments.topic, "push");
    assert_false(parse("psuh a.bin", &arguments, &problem));
    assert_null(arguments.topic);
    assert_false(parse("push a.bin bench --frce", &arguments, &problem));
    assert_string_equal(arguments.topic, "push");
    assert_false(parse("help --frce", &arguments, &problem));
    assert_null(arguments.topic);
}

static void compression_is_chosen_by_word(void **state) {
    (void)state;
    assert_int_equal(understand("push a.bin bench").push.compress, PUSH_COMPRESS_AUTO);
    assert_int_equal(understand("push a.bin bench --compress auto").push.compress, PUSH_COMPRESS_AUTO);
    assert_int_equal(understand("push a.bin bench --compress always").push.compress, PUSH_COMPRESS_ALWAYS);
    assert_int_equal(understand("push a.bin bench --compress never").push.compress, PUSH_COMPRESS_NEVER);
    reject("push a.bin bench --compress gzip", "auto, always or never");
}

static void fleet_has_verbs_with_operands_of_their_own(void **state) {
    (void)state;
    arguments_t arguments = understand("fleet approve p.json 2");
    assert_int_equal(arguments.verb, FLEET_VERB_APPROVE);
    assert_string_equal(arguments.operands[0], "p.json");
    assert_int_equal(arguments.operand_count, 2);
    assert_int_equal(understand("fleet label l.txt beta one two").operand_count, 4);
    assert_true(understand("fleet status --watch p.json").watch);
    assert_string_equal(understand("fleet report p.json --format junit").format, "junit");
    reject("fleet", "needs a verb");
    reject("fleet runn p.json", "Did you mean 'run'?");
    reject("fleet run", "needs the file of a plan");
    reject("fleet label l.txt beta", "LIST LABEL HOST");
    reject("fleet run p.json q.json", "one argument too many");
    reject("fleet report p.json --format xml", "csv or junit");
    reject("fleet run p.json --password sesame", "no option");
    reject("fleet run p.json --retry 3", "--retry means nothing");
}

static void a_broker_is_a_url_without_a_password(void **state) {
    (void)state;
    arguments_t arguments = understand("mqtt p.json --broker mqtt://ha@broker.lan");
    assert_string_equal(arguments.file, "p.json");
    assert_string_equal(arguments.broker.name, "broker.lan");
    assert_string_equal(arguments.broker.where, "broker.lan:1883");
    assert_string_equal(arguments.broker.user, "ha");
    assert_false(arguments.broker.tls);
    assert_int_equal(understand("mqtt p.json --broker mqtts://broker.lan").broker.port, 8883);
    assert_int_equal(understand("mqtt p.json --broker mqtt://broker.lan:80").broker.port, 80);
    assert_int_equal(understand("mqtt p.json --broker mqtts://broker.lan:443").broker.port, 443);
    arguments = understand("mqtt p.json --broker mqtt://a@b@[fd77::1]:1884");
    assert_string_equal(arguments.broker.user, "a@b");
    assert_string_equal(arguments.broker.name, "fd77::1");
    assert_string_equal(arguments.broker.where, "[fd77::1]:1884");
    assert_string_equal(understand("mqtt p.json --broker mqtts://b --cafile c.pem").broker_ca_file, "c.pem");
    reject("mqtt p.json", "needs the broker");
    reject("mqtt --broker mqtt://b", "needs a file");
    reject("mqtt p.json --broker b", "expected is mqtt://");
    reject("mqtt p.json --broker mqtt://", "expected is mqtt://");
    reject("mqtt p.json --broker mqtt://@b", "1 to 127 characters");
    reject("mqtt p.json --broker mqtt://b:0", "expected is mqtt://");
    reject("mqtt p.json --broker mqtt://ha:secret@b", "never an argument");
    reject("mqtt p.json --broker mqtt://b --cafile c.pem", "is for TLS");
    reject("mqtt p.json --broker mqtt://b --broker-password-file pw", "needs a user");
}

static void an_option_of_another_command_is_refused(void **state) {
    (void)state;
    reject("info bench --confirm", "--confirm means nothing to 'info'");
    reject("info bench --wait", "--wait means nothing");
    reject("confirm bench --wait", "--wait means nothing");
    reject("push a.bin bench --chip esp32", "--chip means nothing");
    reject("inspect a.bin --no-restart", "--no-restart means nothing");
    reject("help --insecure", "--insecure means nothing");
    reject("push a.bin bench --key k.pem", "--key means nothing");
    reject("encrypt a.bin k.pem --ecies", "--ecies means nothing");
    reject("keygen k.pem --output a.bin", "--output means nothing");
}

static void a_password_can_not_be_an_argument(void **state) {
    (void)state;
    reject("info bench --password sesame", "no option");
    reject("info bench -p sesame", "no option");
}

// ---- help ----

// What `topic`'s page prints.
static const char *page(const char *topic) {
    static char text[8192];
    FILE *before = stdout;
    memset(text, 0, sizeof text);
    stdout = fmemopen(text, sizeof text - 1, "w");
    assert_true(help_print(topic));
    fclose(stdout);
    stdout = before;
    return text;
}

static void every_page_fits_80_columns(void **state) {
    (void)state;
    static const char *const topics[] = {NULL,      "info",   "push",    "confirm", "rollback", "restart", "cancel",
                                         "inspect", "keygen", "encrypt", "fleet",   "mqtt",     "help"};
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        const char *text = page(topics[i]);
        assert_true(text[0] != '\0');
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
            assert_true(strcspn(line, "\n") <= 80);
        }
    }
    assert_false(help_print("nothing"));
}

// The option stands in the list of options, behind two spaces or "-j, ".
static bool lists(const char *text, const char *option) {
    char entry[40];
    int length = snprintf(entry, sizeof entry, " %.*s", (int)strcspn(option, " "), option);
    for (const char *found = strstr(text, entry); found != NULL; found = strstr(found + 1, entry)) {
        if (strchr(" [\n", found[length]) != NULL) {
            return true;
        }
    }
    return false;
}

static void the_help_knows_the_options_that_the_commands_know(void **state) {
    (void)state;
    static const char *const commands[] = {
        "discover",       "info bench",          "push a.bin bench", "confirm bench",
        "rollback bench", "restart bench",       "cancel bench",     "inspect a.bin",
        "keygen k.pem",   "encrypt a.bin k.pem", "fleet run p.json", "mqtt p.json --broker mqtts://ha@b"};
    static const char *const options[] = {"--json",
                                          "--quiet",
                                          "--password-file pw",
                                          "--ca c.pem",
                                          "--insecure",
                                          "--retry 1",
                                          "--wait",
                                          "--no-check",
                                          "--confirm",
                                          "--no-restart",
                                          "--keep-going",
                                          "--allow-downgrade",
                                          "--force",
                                          "--for bench",
                                          "--chip esp32",
                                          "--key k.pem",
                                          "--ecies",
                                          "--output b.bin",
                                          "--compress never",
                                          "--watch",
                                          "--format junit",
                                          "--broker mqtts://ha@c",
                                          "--broker-password-file pw",
                                          "--cafile c.pem"};
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        char topic[16], line[128];
        snprintf(topic, sizeof topic, "%.*s", (int)strcspn(commands[i], " "), commands[i]);
        for (size_t j = 0; j < COUNT_OF(options); j++) {
            arguments_t arguments;
            problem_t problem;
            snprintf(line, sizeof line, "%s %s", commands[i], options[j]);
            bool known = parse(line, &arguments, &problem);
            bool listed = lists(page(topic), options[j]);
            if (known != listed) {
                fail_msg("%s %s: known %d, listed %d", topic, options[j], known, listed);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_take_files_and_devices),
        cmocka_unit_test(defaults_are_five_retries_a_minute_and_every_check),
        cmocka_unit_test(options_may_stand_anywhere),
        cmocka_unit_test(discover_takes_no_address_and_its_own_wait),
        cmocka_unit_test(help_and_version_come_before_anything_else),
        cmocka_unit_test(what_makes_no_sense_is_refused_with_a_sentence),
        cmocka_unit_test(misspelt_words_are_recognised),
        cmocka_unit_test(a_file_in_the_place_of_the_device_is_recognised),
        cmocka_unit_test(a_usage_error_knows_its_command),
        cmocka_unit_test(compression_is_chosen_by_word),
        cmocka_unit_test(fleet_has_verbs_with_operands_of_their_own),
        cmocka_unit_test(a_broker_is_a_url_without_a_password),
        cmocka_unit_test(an_option_of_another_command_is_refused),
        cmocka_unit_test(a_password_can_not_be_an_argument),
        cmocka_unit_test(every_page_fits_80_columns),
        cmocka_unit_test(the_help_knows_the_options_that_the_commands_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
