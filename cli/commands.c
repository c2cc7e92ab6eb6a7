// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <string.h>

#define ANSWER_MS 30000 // a device writes its boot record before it answers

enum { ARRIVED, ASKED };

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static void ask(visit_t *visit, const char *type) {
    visit->step = ASKED;
    visit->asked = type;
    client_say_type(&visit->client, type);
    visit_expect_answer(visit, ANSWER_MS);
}

static void ask_again(visit_t *visit) {
    ask(visit, visit->asked);
}

static bool ends_with_failed(visit_t *visit, const device_message_t *message) {
    char name[33];
    if (!device_message_is(message, "failed")) {
        return false;
    }
    device_message_string(message, "name", name, sizeof name);
    if (!same(name, "device_busy") || !visit_ask_again(visit)) {
        visit_finish_failed(visit, message);
    }
    return true;
}

// ---- info ----------------------------------------------------------------------------------------------------------

const command_t look_command = {.arrived = visit_finish_running};

static void arrive_for_info(visit_t *visit) {
    history_t *history = visit->task;
    history->count = 0;
    ask(visit, "history");
}

// One message for each update, or a single one without.
static void hear_history(visit_t *visit, const device_message_t *message) {
    history_t *history = visit->task;
    uint32_t updates;
    if (ends_with_failed(visit, message) || !device_message_is(message, "history")) {
        return;
    }
    device_message_number(message, "updates", &updates);
    bool has_one = device_update_read(&history->updates[history->count], message);
    history->count += has_one;
    if (!has_one || history->count == updates || history->count == HISTORY_MAX) {
        visit_finish_running(visit);
    }
}

const command_t info_command = {.arrived = arrive_for_info, .heard = hear_history, .again = ask_again};

// ---- confirm -------------------------------------------------------------------------------------------------------

static bool is_confirmed(const visit_t *visit) {
    return visit->step == ASKED && same(visit->state.running.image, "valid");
}

// What the user wants to keep is gone: the device has gone back.
static void finish_given_up(visit_t *visit) {
    outcome_t outcome;
    outcome_running(&outcome, &visit->state);
    outcome.kind = OUTCOME_ROLLED_BACK;
    outcome.code = EXIT_CODE_OLD_IMAGE;
    visit_finish(visit, &outcome);
}

// Confirmed already, by an earlier command or by one whose answer was lost: that is what was wanted.
static void arrive_to_confirm(visit_t *visit) {
    bool is_valid = same(visit->state.running.image, "valid");
    if (is_valid && outcome_is_given_up(&visit->state)) {
        finish_given_up(visit);
    } else if (is_valid) {
        visit_finish_running(visit);
    } else {
        ask(visit, "confirm");
    }
}

static void hear_confirm(visit_t *visit, const device_message_t *message) {
    if (!ends_with_failed(visit, message) && is_confirmed(visit)) {
        visit_finish_running(visit);
    }
}

const command_t confirm_command = {.arrived = arrive_to_confirm, .heard = hear_confirm, .again = ask_again};

// ---- restart, rollback ---------------------------------------------------------------------------------------------

static void await_restart(visit_t *visit) {
    bool is_new = same(visit->asked, "restart") && same(visit->state.update, "ready");
    const device_slot_t *starting = is_new ? &visit->state.other : NULL;
    if (visit->patience.wait_s == 0) {
        visit_finish_restarting(visit, starting, false);
        return;
    }
    output_note(visit->output, visit->name, "restarting ...");
    visit_await_restart(visit, starting);
}

static void hear_restarting(visit_t *visit, const device_message_t *message) {
    if (!ends_with_failed(visit, message) && device_message_is(message, "restarting")) {
        await_restart(visit);
    }
}

// Once asked, a connection that breaks is most likely the restart itself.
static void lose_before_restart(visit_t *visit, const problem_t *problem) {
    if (visit->step == ASKED) {
        await_restart(visit);
    } else {
        visit_retry(visit, problem);
    }
}

static void arrive_to_restart(visit_t *visit) {
    ask(visit, "restart");
}

static void return_from_restart(visit_t *visit) {
    outcome_t outcome;
    bool ready = same(visit->before.update, "ready");
    outcome_after_restart(&outcome, &visit->before, ready ? &visit->before.other : NULL, &visit->state);
    visit_finish(visit, &outcome);
}

const command_t restart_command = {.arrived = arrive_to_restart,
                                   .heard = hear_restarting,
                                   .returned = return_from_restart,
                                   .lost = lose_before_restart,
                                   .again = ask_again};

static void arrive_to_roll_back(visit_t *visit) {
    ask(visit, "rollback");
}

static void return_from_rollback(visit_t *visit) {
    outcome_t outcome;
    outcome_after_restart(&outcome, &visit->before, &visit->before.other, &visit->state);
    if (outcome.code == EXIT_CODE_OK) {
        outcome.kind = OUTCOME_ROLLED_BACK;
    }
    visit_finish(visit, &outcome);
}

const command_t rollback_command = {.arrived = arrive_to_roll_back,
                                    .heard = hear_restarting,
                                    .returned = return_from_rollback,
                                    .lost = lose_before_restart,
                                    .again = ask_again};

// ---- cancel --------------------------------------------------------------------------------------------------------

static void arrive_to_cancel(visit_t *visit) {
    if (visit->step == ASKED && same(visit->state.update, "idle")) { // the answer was lost with the connection
        visit_finish_running(visit);
    } else {
        ask(visit, "cancel");
    }
}

static void hear_cancelled(visit_t *visit, const device_message_t *message) {
    char name[33];
    device_message_string(message, "name", name, sizeof name);
    if (device_message_is(message, "failed") && same(name, "cancelled")) {
        visit_finish_running(visit);
    } else {
        ends_with_failed(visit, message);
    }
}

const command_t cancel_command = {.arrived = arrive_to_cancel, .heard = hear_cancelled, .again = ask_again};
