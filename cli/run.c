// SPDX-License-Identifier: Apache-2.0
#include "run.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "crash.h"
#include "encrypt.h"
#include "fleet.h"
#include "help.h"
#include "info.h"
#include "inspect.h"
#include "keygen.h"
#include "locate.h"
#include "mqtt.h"
#include "verdict.h"

// What all devices of one command share.
typedef struct {
    const arguments_t *arguments;
    output_t output;
    loop_t loop;
    credentials_t credentials;
    firmware_t firmware;  // push, inspect
    device_job_t job;     // of the current device; lives as long as the loop
    push_t push;          // to it
    info_t info;          // info: of it
    device_crash_t crash; // crash: of it
} run_t;

static void print_problem(output_t *output, const char *host, outcome_kind_t kind, const problem_t *problem) {
    outcome_t outcome;
    outcome_from_problem(&outcome, problem, NULL);
    outcome.kind = kind;
    output_result(output, host, &outcome);
}

static bool open_network(run_t *run, problem_t *problem) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    const arguments_t *arguments = run->arguments;
    bool needed = arguments->host_count > 0 || arguments->for_host != NULL;
    return !needed || (credentials_load(&run->credentials, arguments->password_file, problem) &&
                       loop_open(&run->loop, &callbacks, &arguments->tls, problem));
}

static void close_network(run_t *run) {
    loop_close(&run->loop);
    credentials_wipe(&run->credentials);
}

// ---- devices ----

static void device_job_device(run_t *run, const char *host, const command_t *command, void *task) {
    address_t address;
    problem_t problem;
    address_parse(&address, host, &problem); // arguments_parse() has seen that it is one
    if (locate_is_needed(host, &address) && !locate(&address, host, &problem)) {
        outcome_from_problem(&run->job.outcome, &problem, NULL);
        return;
    }
    credentials_next_device(&run->credentials);
    device_job_init(&run->job, &run->loop, &run->output, &run->credentials, host, &address);
    device_job_run(&run->job, command, task, &run->arguments->patience);
}

static const command_t *command_of(command_name_t name) {
    static const command_t *const commands[] = {
        [COMMAND_INFO] = &info_command,       [COMMAND_PUSH] = &push_command,
        [COMMAND_CONFIRM] = &confirm_command, [COMMAND_ROLLBACK] = &rollback_command,
        [COMMAND_RESTART] = &restart_command, [COMMAND_CANCEL] = &cancel_command,
        [COMMAND_CRASH] = &crash_command,     [COMMAND_PREPARE] = &prepare_command,
    };
    return commands[name];
}

// What the ELF file has to do with it may be the problem.
static void tell_crash(run_t *run, const char *host) {
    const arguments_t *arguments = run->arguments;
    problem_t problem;
    if (crash_print(&run->output, host, &run->crash, arguments->elf, arguments->addr2line, &problem) != EXIT_CODE_OK) {
        outcome_from_problem(&run->job.outcome, &problem, NULL);
        run->job.outcome.kind = OUTCOME_REFUSED;
        output_result(&run->output, host, &run->job.outcome);
    }
}

static void tell_outcome(run_t *run, const char *host) {
    const outcome_t *outcome = &run->job.outcome;
    bool is_ok = outcome->code == EXIT_CODE_OK;
    bool info = run->arguments->command == COMMAND_INFO && is_ok;
    if (info) {
        info_print(&run->output, host, &outcome->state, &run->info);
    }
    if (run->arguments->command == COMMAND_CRASH && is_ok) {
        tell_crash(run, host);
    } else if (!info || run->output.json) {
        output_result(&run->output, host, outcome);
    }
}

static void *task_of(run_t *run) {
    switch (run->arguments->command) {
    case COMMAND_PUSH:
        push_init(&run->push, &run->arguments->push, &run->firmware);
        return &run->push;
    case COMMAND_INFO:
        return &run->info;
    case COMMAND_CRASH:
        return &run->crash;
    case COMMAND_RESTART:
        return (void *)run->arguments->into;
    case COMMAND_PREPARE:
        return (void *)&run->arguments->prepare;
    default:
        return NULL;
    }
}

// After a device that took the image and does not run it, the next would fare no better.
static bool should_stop(const run_t *run, exit_code_t code) {
    bool taken = run->push.updated.slot[0] != '\0' && code != EXIT_CODE_OK;
    return code == EXIT_CODE_INTERRUPTED || (taken && !run->arguments->keep_going);
}

static exit_code_t do_devices(run_t *run) {
    exit_code_t first = EXIT_CODE_OK;
    bool stopped = false;
    for (size_t i = 0; i < run->arguments->host_count; i++) {
        const char *host = run->arguments->hosts[i];
        if (stopped) {
            outcome_t outcome = {.kind = OUTCOME_NOT_TRIED, .code = first};
            output_result(&run->output, host, &outcome);
            continue;
        }
        device_job_device(run, host, command_of(run->arguments->command), task_of(run));
        tell_outcome(run, host);
        exit_code_t code = run->job.outcome.code;
        stopped = should_stop(run, code);
        push_free(&run->push);
        first = first == EXIT_CODE_OK ? code : first;
    }
    return first;
}

// ---- files ----

static exit_code_t push_file(run_t *run) {
    if (!firmware_open(&run->firmware, run->arguments->file)) {
        print_problem(&run->output, NULL, OUTCOME_REFUSED, &run->firmware.fault);
        return run->firmware.fault.code;
    }
    exit_code_t code = run->firmware.fault.code;
    if (code != EXIT_CODE_OK && !run->arguments->push.no_check) {
        print_problem(&run->output, NULL, OUTCOME_REFUSED, &run->firmware.fault);
    } else {
        code = do_devices(run);
    }
    firmware_close(&run->firmware);
    return code;
}

// Asks the device of --for once, for all files.
static bool look_at_device(run_t *run) {
    if (!run->job.state_known) {
        device_job_device(run, run->arguments->for_host, &look_command, NULL);
    }
    return run->job.outcome.code == EXIT_CODE_OK;
}

// Would the file be taken by what --for or --chip name? By any device, without them.
static void judge(run_t *run, outcome_t *outcome) {
    problem_t problem = run->firmware.fault;
    const arguments_t *arguments = run->arguments;
    bool fits = problem.code == EXIT_CODE_OK;
    if (arguments->for_chip >= 0) {
        fits = firmware_fits_chip(&run->firmware, (uint16_t)arguments->for_chip, &problem);
    } else if (fits && arguments->for_host != NULL) {
        if (!look_at_device(run)) {
            *outcome = run->job.outcome;
            return;
        }
        fits = firmware_fits(&run->firmware, &run->job.state, false, &problem);
    }
    const verdict_for_t by = {arguments->for_host, &run->job.state, arguments->for_chip, arguments->key};
    if (!fits && arguments->for_host == NULL) {
        verdict_without_device(&run->firmware, &by, &problem);
    }
    outcome_from_problem(outcome, &problem, NULL);
    outcome->kind = fits ? OUTCOME_ACCEPTED : OUTCOME_REFUSED;
    outcome->code = fits ? EXIT_CODE_OK : problem.code;
    if (fits) {
        verdict_accepted(&run->firmware, &by, outcome->by);
    }
}

// With --key: false when the file is encrypted and the key cannot be had.
static bool look_inside(run_t *run) {
    const char *path = run->arguments->key;
    image_key_t key;
    if (path == NULL || !run->firmware.is_encrypted || run->firmware.fault.code != EXIT_CODE_OK) {
        return true;
    }
    const char *wrong = image_key_load(&key, path);
    wrong = wrong == NULL && !key.is_private ? "holds a public key; decrypting needs the private one" : wrong;
    if (wrong == NULL) {
        firmware_look_inside(&run->firmware, &key);
    } else {
        problem_t problem;
        problem_set(&problem, EXIT_CODE_FILE_REFUSED, "no_key", "%.160s %s.", path, wrong);
        print_problem(&run->output, NULL, OUTCOME_FAILED, &problem);
    }
    image_key_free(&key);
    return wrong == NULL;
}

static exit_code_t inspect_file(run_t *run, const char *path) {
    outcome_t outcome;
    if (!firmware_open(&run->firmware, path)) {
        print_problem(&run->output, NULL, OUTCOME_REFUSED, &run->firmware.fault);
        return run->firmware.fault.code;
    }
    if (!look_inside(run)) {
        firmware_close(&run->firmware);
        return EXIT_CODE_FILE_REFUSED;
    }
    inspect_print(&run->output, &run->firmware);
    judge(run, &outcome);
    inspect_print_verdict(&run->output, run->arguments->for_host, &outcome);
    firmware_close(&run->firmware);
    return outcome.code;
}

static exit_code_t inspect_files(run_t *run) {
    exit_code_t first = EXIT_CODE_OK;
    for (size_t i = 0; i < run->arguments->file_count && first != EXIT_CODE_INTERRUPTED; i++) {
        if (i > 0 && !run->output.json) {
            putchar('\n');
        }
        exit_code_t code = inspect_file(run, run->arguments->files[i]);
        first = first == EXIT_CODE_OK ? code : first;
    }
    return first;
}

static exit_code_t encrypt(run_t *run) {
    const arguments_t *arguments = run->arguments;
    problem_t problem = {0};
    if (!firmware_open(&run->firmware, arguments->file)) {
        problem = run->firmware.fault;
    } else {
        encrypt_file(&run->output, &run->firmware, arguments->key, arguments->output, &problem);
        firmware_close(&run->firmware);
    }
    if (problem.code != EXIT_CODE_OK) {
        print_problem(&run->output, NULL, problem.code == EXIT_CODE_TROUBLE ? OUTCOME_FAILED : OUTCOME_REFUSED,
                      &problem);
    }
    return problem.code;
}

static exit_code_t make_key(run_t *run) {
    problem_t problem;
    if (keygen_make(&run->output, run->arguments->file, run->arguments->ecies, &problem)) {
        return EXIT_CODE_OK;
    }
    print_problem(&run->output, NULL, OUTCOME_FAILED, &problem);
    return problem.code;
}

// ---- the program ----

static exit_code_t do_command(run_t *run) {
    switch (run->arguments->command) {
    case COMMAND_PUSH:
        return push_file(run);
    case COMMAND_INSPECT:
        return inspect_files(run);
    case COMMAND_KEYGEN:
        return make_key(run);
    case COMMAND_ENCRYPT:
        return encrypt(run);
    case COMMAND_FLEET:
        return fleet_command(run->arguments, &run->output);
    case COMMAND_MQTT:
        return mqtt_command(run->arguments, &run->output);
    case COMMAND_DISCOVER:
        return locate_all(&run->output, run->arguments->search_s);
    default:
        return do_devices(run);
    }
}

static int print_help(const arguments_t *arguments) {
    if (help_print(arguments->topic)) {
        return EXIT_CODE_OK;
    }
    problem_t problem;
    arguments_refuse_command(&problem, arguments->topic);
    fprintf(stderr, "ota-ws: %s\nnext: 'ota-ws help' shows what there is\n", problem.text);
    return EXIT_CODE_USAGE;
}

static exit_code_t do_with_network(run_t *run) {
    problem_t problem;
    if (!open_network(run, &problem)) {
        print_problem(&run->output, NULL, OUTCOME_FAILED, &problem);
        return problem.code;
    }
    exit_code_t code = do_command(run);
    close_network(run);
    return !output_finish(&run->output) && code == EXIT_CODE_OK ? EXIT_CODE_TROUBLE : code;
}

int run(const arguments_t *arguments) {
    if (arguments->command == COMMAND_HELP) {
        return print_help(arguments);
    }
    if (arguments->command == COMMAND_VERSION) {
        help_print_version();
        return EXIT_CODE_OK;
    }
    run_t *state = calloc(1, sizeof *state); // too large for a stack
    if (state == NULL) {
        fprintf(stderr, "ota-ws: not enough memory\n");
        return EXIT_CODE_TROUBLE;
    }
    state->arguments = arguments;
    output_init(&state->output, arguments->json, arguments->quiet, arguments->host_count > 1);
    exit_code_t code = do_with_network(state);
    free(state);
    return code;
}
