// SPDX-License-Identifier: Apache-2.0
// The machine: ARRIVING <-> PAUSED, ARRIVING -> TALKING -> LEAVING; TALKING -> RETURNING -> TALKING; whatever ->
// LEAVING.
#include "visit.h"

#include <string.h>

#include "complaint.h"

#define RETRY_MIN_S 1
#define RETRY_MAX_S 8
#define RETURN_EVERY_MS 500 // between two looks whether the device is back
#define GOODBYE_MS 1000     // at most, for the close frame and its answer
#define AGAIN_MS 1000       // until a device that is busy with its own work is asked again
#define BUSY_MAX_MS 30000   // so long, in all

// ---- endings -------------------------------------------------------------------------------------------------------

void visit_finish(visit_t *visit, const outcome_t *outcome) {
    if (visit->phase == VISIT_LEAVING) {
        return;
    }
    visit->outcome = *outcome;
    visit->phase = VISIT_LEAVING;
    visit->deadline_ms = loop_now_ms() + GOODBYE_MS;
    client_close(&visit->client);
    if (client_has_left(&visit->client)) {
        loop_stop(visit->loop);
    }
}

void visit_finish_running(visit_t *visit) {
    outcome_t outcome;
    outcome_running(&outcome, &visit->state);
    visit_finish(visit, &outcome);
}

void visit_finish_problem(visit_t *visit, const problem_t *problem) {
    outcome_t outcome;
    outcome_from_problem(&outcome, problem, visit->state_known ? &visit->state : NULL);
    visit_finish(visit, &outcome);
}

void visit_finish_failed(visit_t *visit, const device_message_t *message) {
    problem_t problem;
    complaint_read(&problem, EXIT_CODE_DEVICE_REFUSED, message);
    visit_finish_problem(visit, &problem);
}

// The new image starts on trial, also when no client waits for it.
static void warn_of_trial(const visit_t *visit, const device_slot_t *starting, problem_t *problem) {
    if (starting != NULL && starting->version[0] != '\0') {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted",
                    "Interrupted. %s may be on trial now: unless somebody confirms it, the device goes back to %s.",
                    starting->version, visit->before.running.version);
    } else {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted.");
    }
}

void visit_finish_restarting(visit_t *visit, const device_slot_t *starting, bool interrupted) {
    outcome_t outcome;
    problem_t problem;
    outcome_running(&outcome, visit->phase == VISIT_RETURNING ? &visit->before : &visit->state);
    if (interrupted) {
        visit->before = outcome.state;
        warn_of_trial(visit, starting, &problem);
        outcome_from_problem(&outcome, &problem, &visit->before);
    }
    outcome.kind = OUTCOME_RESTARTING;
    if (starting != NULL) {
        outcome.updated = *starting;
    }
    visit_finish(visit, &outcome);
}

// ---- coming and coming back ----------------------------------------------------------------------------------------

static void connect_now(visit_t *visit) {
    visit->phase = visit->phase == VISIT_RETURNING ? VISIT_RETURNING : VISIT_ARRIVING;
    visit->connecting = true;
    visit->answer_ms = 0;
    visit->again_ms = 0;
    client_connect(&visit->client);
}

// Twice as long each time; or as long as the device asks for.
static uint32_t pause_before(const visit_t *visit, const problem_t *problem) {
    uint32_t pause_s = RETRY_MIN_S;
    for (uint32_t i = 1; i < visit->attempts && pause_s < RETRY_MAX_S; i++) {
        pause_s *= 2;
    }
    return problem->wait_s > pause_s ? problem->wait_s : pause_s;
}

void visit_retry(visit_t *visit, const problem_t *problem) {
    if (visit->attempts >= visit->patience.retries) {
        visit_finish_problem(visit, problem);
        return;
    }
    client_close(&visit->client);
    visit->attempts++;
    uint32_t pause_s = pause_before(visit, problem);
    output_note(visit->output, visit->name, "%s Trying again in %u s (%u of %u).", problem->text, pause_s,
                visit->attempts, visit->patience.retries);
    visit->phase = VISIT_PAUSED;
    visit->next_ms = loop_now_ms() + (uint64_t)pause_s * 1000;
}

void visit_expect_answer(visit_t *visit, uint32_t timeout_ms) {
    visit->answer_ms = loop_now_ms() + timeout_ms;
}

void visit_answered(visit_t *visit) {
    visit->answer_ms = 0;
}

bool visit_ask_again(visit_t *visit) {
    uint64_t now_ms = loop_now_ms();
    visit->busy_ms = visit->busy_ms == 0 ? now_ms : visit->busy_ms;
    visit->again_ms = now_ms + AGAIN_MS;
    visit->answer_ms = 0;
    return now_ms - visit->busy_ms < BUSY_MAX_MS;
}

void visit_await_restart(visit_t *visit, const device_slot_t *starting) {
    client_close(&visit->client);
    memset(&visit->starting, 0, sizeof visit->starting);
    if (starting != NULL) {
        visit->starting = *starting;
    }
    visit->before = visit->state;
    visit->phase = VISIT_RETURNING;
    visit->connecting = false;
    visit->unrestarted = false;
    visit->next_ms = loop_now_ms() + RETURN_EVERY_MS;
    visit->deadline_ms = loop_now_ms() + (uint64_t)visit->patience.wait_s * 1000;
}

static void look_again_later(visit_t *visit) {
    client_close(&visit->client);
    visit->connecting = false;
    visit->next_ms = loop_now_ms() + RETURN_EVERY_MS;
}

static void give_up_return(visit_t *visit) {
    problem_t problem;
    if (visit->unrestarted) {
        problem_set(&problem, EXIT_CODE_OLD_IMAGE, "not_restarted", "The device has not restarted within %u s.",
                    visit->patience.wait_s);
    } else {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "not_back", "The device has not come back within %u s.",
                    visit->patience.wait_s);
    }
    visit_finish_problem(visit, &problem);
}

// ---- what the client tells -----------------------------------------------------------------------------------------

static void on_state(visit_t *visit) {
    if (visit->phase == VISIT_RETURNING) {
        if (strcmp(visit->state.boot, visit->before.boot) == 0) {
            visit->unrestarted = true;
            look_again_later(visit);
            return;
        }
        visit->phase = VISIT_TALKING;
        visit->command->returned(visit);
    } else if (visit->phase == VISIT_ARRIVING) {
        visit->phase = VISIT_TALKING;
        visit->command->arrived(visit);
    }
}

static void on_heard(void *context, const device_message_t *message) {
    visit_t *visit = context;
    bool is_state = device_message_is(message, "state");
    if (is_state && !device_state_read(&visit->state, message)) {
        problem_t problem;
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        visit_finish_problem(visit, &problem);
        return;
    }
    visit->state_known |= is_state;
    if (is_state && visit->phase != VISIT_TALKING) {
        on_state(visit);
    } else if (visit->phase == VISIT_TALKING && visit->command->heard != NULL) {
        visit->command->heard(visit, message);
    }
}

static size_t on_fill(void *context, unsigned char *frame) {
    visit_t *visit = context;
    bool may = visit->phase == VISIT_TALKING && visit->command->fill != NULL;
    return may ? visit->command->fill(visit, frame) : 0;
}

static void on_lost(visit_t *visit, const problem_t *problem) {
    if (visit->command->lost != NULL) {
        visit->command->lost(visit, problem);
    } else {
        visit_retry(visit, problem);
    }
}

static bool can_be_overcome(const problem_t *problem) {
    return problem->wait_s > 0 || strcmp(problem->name, "bad_ticket") == 0 || strcmp(problem->name, "silent") == 0;
}

static void on_ended(void *context, const problem_t *problem) {
    visit_t *visit = context;
    bool unreachable = problem->code == EXIT_CODE_UNREACHABLE;
    if (visit->phase == VISIT_RETURNING) {
        if (unreachable || can_be_overcome(problem)) {
            visit->unrestarted = false;
            look_again_later(visit);
        } else {
            visit_finish_problem(visit, problem);
        }
    } else if (visit->phase == VISIT_TALKING && unreachable) {
        on_lost(visit, problem);
    } else if (can_be_overcome(problem) || (unreachable && visit->state_known)) {
        visit_retry(visit, problem);
    } else {
        visit_finish_problem(visit, problem);
    }
}

static void on_left(void *context) {
    visit_t *visit = context;
    if (visit->phase == VISIT_LEAVING) {
        loop_stop(visit->loop);
    }
}

// ---- what the loop tells -------------------------------------------------------------------------------------------

static void tick_returning(visit_t *visit, uint64_t now_ms) {
    if (now_ms >= visit->deadline_ms) {
        give_up_return(visit);
    } else if (!visit->connecting && now_ms >= visit->next_ms) {
        connect_now(visit);
    }
}

static void tick_talking(visit_t *visit, uint64_t now_ms) {
    if (visit->again_ms != 0 && now_ms >= visit->again_ms) {
        visit->again_ms = 0;
        visit->command->again(visit);
        return;
    }
    if (visit->answer_ms == 0 || now_ms < visit->answer_ms) {
        return;
    }
    problem_t problem;
    problem_set(&problem, EXIT_CODE_UNREACHABLE, "no_answer", "The device does not answer.");
    visit->answer_ms = 0;
    on_lost(visit, &problem);
}

static void on_tick(void *context, uint64_t now_ms) {
    visit_t *visit = context;
    client_tick(&visit->client, now_ms);
    if (visit->phase == VISIT_PAUSED && now_ms >= visit->next_ms) {
        connect_now(visit);
    } else if (visit->phase == VISIT_TALKING) {
        tick_talking(visit, now_ms);
    } else if (visit->phase == VISIT_RETURNING) {
        tick_returning(visit, now_ms);
    } else if (visit->phase == VISIT_LEAVING && now_ms >= visit->deadline_ms) {
        loop_stop(visit->loop);
    }
}

static void on_interrupted(void *context) {
    visit_t *visit = context;
    bool again = visit->interrupted;
    visit->interrupted = true;
    if (!again && visit->phase == VISIT_TALKING && visit->command->interrupted != NULL) {
        visit->command->interrupted(visit);
        return;
    }
    if (visit->phase == VISIT_RETURNING) {
        visit_finish_restarting(visit, &visit->starting, true);
        return;
    }
    problem_t problem;
    problem_set(&problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted.");
    visit_finish_problem(visit, &problem);
}

// ---- life ----------------------------------------------------------------------------------------------------------

void visit_init(visit_t *visit, loop_t *loop, output_t *output, credentials_t *credentials, const char *name,
                const address_t *address) {
    memset(visit, 0, sizeof *visit);
    visit->loop = loop;
    visit->output = output;
    visit->name = name;
    visit->address = *address;
    const client_events_t events = {visit, on_heard, on_fill, on_ended, on_left};
    client_init(&visit->client, loop, &visit->address, credentials, &events);
}

void visit_run(visit_t *visit, const command_t *command, void *task, const visit_patience_t *patience) {
    visit->command = command;
    visit->task = task;
    visit->patience = *patience;
    visit->phase = VISIT_ARRIVING;
    const loop_events_t events = {visit, on_tick, on_interrupted};
    client_connect(&visit->client);
    loop_run(visit->loop, &events);
}
