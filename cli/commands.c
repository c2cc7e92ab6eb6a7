// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <string.h>

#define ANSWER_MS 30000 // a device writes its boot record before it answers

enum { ARRIVED, ASKED };

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

// Asks for log lines or the core dump. They may hold secrets, so the device seals the answer where it can and where
// there is no TLS.
static void ask_for_remains(device_job_t *job, const char *type) {
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, type);
    if (same(type, "crash")) {
        ota_ws_reply_true(&message, "stack");
    }
    if (device_job_seals(job)) {
        ota_ws_reply_true(&message, "sealed");
    }
    client_say(&job->client, &message);
}

static void ask_to_prepare(device_job_t *job) {
    const prepare_options_t *options = job->task;
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, "prepare");
    if (!options->off) {
        ota_ws_reply_true(&message, "on");
    }
    client_say(&job->client, &message);
}

static void ask(device_job_t *job, const char *type) {
    job->step = ASKED;
    job->asked = type;
    if (same(type, "restart")) {
        device_job_say_restart(job, job->task);
    } else if (same(type, "logs") || same(type, "crash")) {
        ask_for_remains(job, type);
    } else if (same(type, "prepare")) {
        ask_to_prepare(job);
    } else {
        client_say_type(&job->client, type);
    }
    device_job_expect_answer(job, ANSWER_MS);
}

static void ask_again(device_job_t *job) {
    ask(job, job->asked);
}

static bool ends_with_failed(device_job_t *job, const device_message_t *message) {
    char name[33];
    if (!device_message_is(message, "failed")) {
        return false;
    }
    device_message_string(message, "name", name, sizeof name);
    if (!same(name, "device_busy") || !device_job_ask_again(job)) {
        device_job_finish_failed(job, message);
    }
    return true;
}

// ---- info ----

const command_t look_command = {.arrived = device_job_finish_running};

static void arrive_for_info(device_job_t *job) {
    info_t *info = job->task;
    memset(info, 0, sizeof *info);
    ask(job, "history");
}

// One message for each update, or a single one without.
static void on_history(device_job_t *job, const device_message_t *message) {
    history_t *history = &((info_t *)job->task)->history;
    uint32_t updates;
    device_message_number(message, "updates", &updates);
    bool has_one = device_update_read(&history->updates[history->count], message);
    history->count += has_one;
    if (has_one && history->count < updates && history->count < HISTORY_MAX) {
        return;
    }
    if (job->state.logs) {
        ask(job, "logs");
    } else {
        device_job_finish_running(job);
    }
}

static void on_info(device_job_t *job, const device_message_t *message) {
    if (ends_with_failed(job, message)) {
        return;
    }
    if (device_message_is(message, "history")) {
        on_history(job, message);
    } else if (device_message_is(message, "logs") && !device_logs_read(&((info_t *)job->task)->logs, message)) {
        device_job_finish_running(job);
    }
}

const command_t info_command = {.arrived = arrive_for_info, .on_message = on_info, .again = ask_again};

// ---- crash ----

static void arrive_for_crash(device_job_t *job) {
    memset(job->task, 0, sizeof(device_crash_t));
    ask(job, "crash");
}

static void on_crash(device_job_t *job, const device_message_t *message) {
    device_crash_t *crash = job->task;
    problem_t problem;
    if (ends_with_failed(job, message) || !device_message_is(message, "crash") || device_crash_read(crash, message)) {
        return;
    }
    if (crash->pc[0] != '\0') {
        device_job_finish_running(job);
        return;
    }
    problem_set(
        &problem, EXIT_CODE_DEVICE_REFUSED, "no_core_dump",
        "The device has no core dump. Its firmware writes one with 'Core dump to flash' in menuconfig, a partition "
        "for it, and OTA_WS_LOG_RING.");
    device_job_finish_problem(job, &problem);
}

const command_t crash_command = {.arrived = arrive_for_crash, .on_message = on_crash, .again = arrive_for_crash};

// ---- confirm ----

static bool is_confirmed(const device_job_t *job) {
    return job->step == ASKED && same(job->state.running.image, "valid");
}

// What the user wants to keep is gone: the device has gone back.
static void finish_given_up(device_job_t *job) {
    outcome_t outcome;
    outcome_running(&outcome, &job->state);
    outcome.kind = OUTCOME_ROLLED_BACK;
    outcome.code = EXIT_CODE_OLD_IMAGE;
    device_job_finish(job, &outcome);
}

// Confirmed already, by an earlier command or by one whose answer was lost: that is what was wanted.
static void arrive_to_confirm(device_job_t *job) {
    bool is_valid = same(job->state.running.image, "valid");
    if (is_valid && outcome_is_given_up(&job->state)) {
        finish_given_up(job);
    } else if (is_valid) {
        device_job_finish_running(job);
    } else {
        ask(job, "confirm");
    }
}

static void on_confirm(device_job_t *job, const device_message_t *message) {
    if (!ends_with_failed(job, message) && is_confirmed(job)) {
        device_job_finish_running(job);
    }
}

const command_t confirm_command = {.arrived = arrive_to_confirm, .on_message = on_confirm, .again = ask_again};

// ---- restart, rollback ----

static void await_restart(device_job_t *job) {
    bool is_new = same(job->asked, "restart") && same(job->state.update, "ready");
    const device_slot_t *starting = is_new ? &job->state.other : NULL;
    if (job->patience.wait_s == 0) {
        device_job_finish_restarting(job, starting, false);
        return;
    }
    output_note(job->output, job->name, "restarting ...");
    device_job_await_restart(job, starting);
}

static void on_restarting(device_job_t *job, const device_message_t *message) {
    if (!ends_with_failed(job, message) && device_message_is(message, "restarting")) {
        await_restart(job);
    }
}

// Once asked, a connection that breaks is most likely the restart itself.
static void lose_before_restart(device_job_t *job, const problem_t *problem) {
    if (job->step == ASKED) {
        await_restart(job);
    } else {
        device_job_retry(job, problem);
    }
}

static void arrive_to_restart(device_job_t *job) {
    ask(job, "restart");
}

static void return_from_restart(device_job_t *job) {
    outcome_t outcome;
    bool ready = same(job->before.update, "ready");
    outcome_after_restart(&outcome, &job->before, ready ? &job->before.other : NULL, &job->state);
    device_job_finish(job, &outcome);
}

const command_t restart_command = {.arrived = arrive_to_restart,
                                   .on_message = on_restarting,
                                   .returned = return_from_restart,
                                   .lost = lose_before_restart,
                                   .again = ask_again};

static void arrive_to_roll_back(device_job_t *job) {
    ask(job, "rollback");
}

static void return_from_rollback(device_job_t *job) {
    outcome_t outcome;
    outcome_after_restart(&outcome, &job->before, &job->before.other, &job->state);
    if (outcome.code == EXIT_CODE_OK) {
        outcome.kind = OUTCOME_ROLLED_BACK;
    }
    device_job_finish(job, &outcome);
}

const command_t rollback_command = {.arrived = arrive_to_roll_back,
                                    .on_message = on_restarting,
                                    .returned = return_from_rollback,
                                    .lost = lose_before_restart,
                                    .again = ask_again};

// ---- prepare ----

// Nobody has agreed yet: what would be lost.
static void finish_warned(device_job_t *job) {
    const device_slot_t *other = &job->state.other;
    problem_t problem;
    if (job->state.can_roll_back && other->version[0] != '\0') {
        problem_set(&problem, EXIT_CODE_USAGE, "needs_yes",
                    "The device would erase %s, now and after each update that is confirmed: there is %s, and no way "
                    "back to it would be left. --yes switches it on.",
                    other->slot, other->version);
    } else {
        problem_set(&problem, EXIT_CODE_USAGE, "needs_yes",
                    "The device would erase %s after each update that is confirmed: no way back to the version before "
                    "it would be left. --yes switches it on.",
                    other->slot);
    }
    device_job_finish_problem(job, &problem);
}

// Also where it is so already, and where the answer was lost with the connection.
static void finish_prepared(device_job_t *job) {
    const prepare_options_t *options = job->task;
    output_note(job->output, job->name,
                options->off ? "the other slot stays as it is from now on"
                             : "the slot of the next update is kept blank from now on");
    device_job_finish_running(job);
}

static bool is_as_wanted(const device_job_t *job) {
    const prepare_options_t *options = job->task;
    return same(job->state.prepare, options->off ? "off" : "on");
}

static void arrive_to_prepare(device_job_t *job) {
    const prepare_options_t *options = job->task;
    problem_t problem;
    if (!same(job->state.update, "idle")) { // then a device does not say if it can
        problem_set(&problem, EXIT_CODE_DEVICE_REFUSED, "busy",
                    "An update is under way on this device, or is ready: end it first.");
        device_job_finish_problem(job, &problem);
    } else if (job->state.prepare[0] == '\0') {
        problem_set(&problem, EXIT_CODE_DEVICE_REFUSED, "no_prepared_slot",
                    "The device prepares no slot: its firmware was built without OTA_WS_PREPARE_SLOT, or it has one "
                    "slot and a recovery application.");
        device_job_finish_problem(job, &problem);
    } else if (is_as_wanted(job)) {
        finish_prepared(job);
    } else if (!options->yes && !options->off) {
        finish_warned(job);
    } else {
        ask(job, "prepare");
    }
}

static void on_prepare(device_job_t *job, const device_message_t *message) {
    if (!ends_with_failed(job, message) && job->step == ASKED && is_as_wanted(job)) {
        finish_prepared(job);
    }
}

const command_t prepare_command = {.arrived = arrive_to_prepare, .on_message = on_prepare, .again = ask_again};

// ---- cancel ----

static void arrive_to_cancel(device_job_t *job) {
    if (job->step == ASKED && same(job->state.update, "idle")) { // the answer was lost with the connection
        device_job_finish_running(job);
    } else {
        ask(job, "cancel");
    }
}

static void on_cancelled(device_job_t *job, const device_message_t *message) {
    char name[33];
    device_message_string(message, "name", name, sizeof name);
    if (device_message_is(message, "failed") && same(name, "cancelled")) {
        device_job_finish_running(job);
    } else {
        ends_with_failed(job, message);
    }
}

const command_t cancel_command = {.arrived = arrive_to_cancel, .on_message = on_cancelled, .again = ask_again};
