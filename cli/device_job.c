// SPDX-License-Identifier: Apache-2.0
// The machine: ARRIVING <-> PAUSED, ARRIVING -> TALKING -> LEAVING; TALKING -> RETURNING -> TALKING; whatever ->
// LEAVING.
#include "device_job.h"

#include <string.h>

#include "error_message.h"

#define RETRY_MIN_S 1
#define RETRY_MAX_S 8
#define RETURN_EVERY_MS 500 // between two looks whether the device is back
#define GOODBYE_MS 1000     // at most, for the close frame and its answer
#define AGAIN_MS 1000       // until a device that is busy with its own work is asked again
#define BUSY_MAX_MS 30000   // so long, in all

// ---- endings ----

static void end(device_job_t *job) {
    if (!job->has_ended) {
        job->has_ended = true;
        job->ended(job->ended_context, job);
    }
}

void device_job_finish(device_job_t *job, const outcome_t *outcome) {
    if (job->phase == JOB_LEAVING) {
        return;
    }
    job->outcome = *outcome;
    job->phase = JOB_LEAVING;
    job->deadline_ms = loop_now_ms() + GOODBYE_MS;
    client_close(&job->client);
    if (client_has_left(&job->client)) {
        end(job);
    }
}

void device_job_finish_running(device_job_t *job) {
    outcome_t outcome;
    outcome_running(&outcome, &job->state);
    device_job_finish(job, &outcome);
}

void device_job_finish_problem(device_job_t *job, const problem_t *problem) {
    outcome_t outcome;
    outcome_from_problem(&outcome, problem, job->state_known ? &job->state : NULL);
    device_job_finish(job, &outcome);
}

void device_job_finish_failed(device_job_t *job, const device_message_t *message) {
    problem_t problem;
    error_message_read(&problem, EXIT_CODE_DEVICE_REFUSED, message);
    device_job_finish_problem(job, &problem);
}

// The new image starts on trial, also when no client waits for it.
static void warn_of_trial(const device_job_t *job, const device_slot_t *starting, problem_t *problem) {
    if (starting != NULL && starting->version[0] != '\0') {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted",
                    "Interrupted. %s may be on trial now: unless somebody confirms it, the device goes back to %s.",
                    starting->version, job->before.running.version);
    } else {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted.");
    }
}

void device_job_finish_restarting(device_job_t *job, const device_slot_t *starting, bool interrupted) {
    outcome_t outcome;
    problem_t problem;
    outcome_running(&outcome, job->phase == JOB_RETURNING ? &job->before : &job->state);
    if (interrupted) {
        job->before = outcome.state;
        warn_of_trial(job, starting, &problem);
        outcome_from_problem(&outcome, &problem, &job->before);
    }
    outcome.kind = OUTCOME_RESTARTING;
    if (starting != NULL) {
        outcome.updated = *starting;
    }
    device_job_finish(job, &outcome);
}

// ---- coming and coming back ----

static void connect_now(device_job_t *job) {
    job->phase = job->phase == JOB_RETURNING ? JOB_RETURNING : JOB_ARRIVING;
    job->connecting = true;
    job->answer_ms = 0;
    job->again_ms = 0;
    client_connect(&job->client);
}

// Twice as long each time; or as long as the device asks for.
static uint32_t pause_before(const device_job_t *job, const problem_t *problem) {
    uint32_t pause_s = RETRY_MIN_S;
    for (uint32_t i = 1; i < job->attempts && pause_s < RETRY_MAX_S; i++) {
        pause_s *= 2;
    }
    return problem->wait_s > pause_s ? problem->wait_s : pause_s;
}

void device_job_retry(device_job_t *job, const problem_t *problem) {
    if (job->attempts >= job->patience.retries) {
        device_job_finish_problem(job, problem);
        return;
    }
    client_close(&job->client);
    job->attempts++;
    uint32_t pause_s = pause_before(job, problem);
    output_note(job->output, job->name, "%s Trying again in %u s (%u of %u).", problem->text, pause_s, job->attempts,
                job->patience.retries);
    job->phase = JOB_PAUSED;
    job->next_ms = loop_now_ms() + (uint64_t)pause_s * 1000;
}

void device_job_expect_answer(device_job_t *job, uint32_t timeout_ms) {
    job->answer_ms = loop_now_ms() + timeout_ms;
}

void device_job_answered(device_job_t *job) {
    job->answer_ms = 0;
}

bool device_job_ask_again(device_job_t *job) {
    uint64_t now_ms = loop_now_ms();
    job->busy_ms = job->busy_ms == 0 ? now_ms : job->busy_ms;
    job->again_ms = now_ms + AGAIN_MS;
    job->answer_ms = 0;
    return now_ms - job->busy_ms < BUSY_MAX_MS;
}

bool device_job_seals(const device_job_t *job) {
    return job->state.seals && !job->client.address->tls;
}

void device_job_say_restart(device_job_t *job, const char *into) {
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, "restart");
    if (into != NULL) {
        ota_ws_reply_string(&message, "into", into);
    }
    client_say(&job->client, &message);
}

void device_job_await_restart(device_job_t *job, const device_slot_t *starting) {
    client_close(&job->client);
    memset(&job->starting, 0, sizeof job->starting);
    if (starting != NULL) {
        job->starting = *starting;
    }
    job->before = job->state;
    job->phase = JOB_RETURNING;
    job->connecting = false;
    job->unrestarted = false;
    job->next_ms = loop_now_ms() + RETURN_EVERY_MS;
    job->deadline_ms = loop_now_ms() + (uint64_t)job->patience.wait_s * 1000;
}

static void look_again_later(device_job_t *job) {
    client_close(&job->client);
    job->connecting = false;
    job->next_ms = loop_now_ms() + RETURN_EVERY_MS;
}

static void give_up_return(device_job_t *job) {
    problem_t problem;
    if (job->unrestarted) {
        problem_set(&problem, EXIT_CODE_OLD_IMAGE, "not_restarted", "The device has not restarted within %u s.",
                    job->patience.wait_s);
    } else {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "not_back", "The device has not come back within %u s.",
                    job->patience.wait_s);
    }
    device_job_finish_problem(job, &problem);
}

// ---- events of the client ----

static void on_state(device_job_t *job) {
    if (job->phase == JOB_RETURNING) {
        if (strcmp(job->state.boot, job->before.boot) == 0) {
            job->unrestarted = true;
            look_again_later(job);
            return;
        }
        job->phase = JOB_TALKING;
        job->command->returned(job);
    } else if (job->phase == JOB_ARRIVING) {
        job->phase = JOB_TALKING;
        job->command->arrived(job);
    }
}

static void on_message(void *context, const device_message_t *message) {
    device_job_t *job = context;
    bool is_state = device_message_is(message, "state");
    if (is_state && !device_state_read(&job->state, message)) {
        problem_t problem;
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        device_job_finish_problem(job, &problem);
        return;
    }
    job->state_known |= is_state;
    if (is_state && job->phase != JOB_TALKING) {
        on_state(job);
    } else if (job->phase == JOB_TALKING && job->command->on_message != NULL) {
        job->command->on_message(job, message);
    }
}

static size_t on_fill(void *context, unsigned char *frame) {
    device_job_t *job = context;
    bool may = job->phase == JOB_TALKING && job->command->fill != NULL;
    return may ? job->command->fill(job, frame) : 0;
}

static void on_lost(device_job_t *job, const problem_t *problem) {
    if (job->command->lost != NULL) {
        job->command->lost(job, problem);
    } else {
        device_job_retry(job, problem);
    }
}

static void seek_later(device_job_t *job) {
    look_again_later(job);
    job->phase = JOB_PAUSED;
}

static bool can_be_overcome(const problem_t *problem) {
    return problem->wait_s > 0 || strcmp(problem->name, "bad_ticket") == 0 || strcmp(problem->name, "silent") == 0;
}

static void on_ended(void *context, const problem_t *problem) {
    device_job_t *job = context;
    bool unreachable = problem->code == EXIT_CODE_UNREACHABLE;
    if (job->phase == JOB_RETURNING) {
        if (unreachable || can_be_overcome(problem)) {
            job->unrestarted = false;
            look_again_later(job);
        } else {
            device_job_finish_problem(job, problem);
        }
    } else if (job->phase == JOB_TALKING && unreachable) {
        on_lost(job, problem);
    } else if (unreachable && !job->state_known && loop_now_ms() < job->seek_ms) {
        seek_later(job);
    } else if (can_be_overcome(problem) || (unreachable && job->state_known)) {
        device_job_retry(job, problem);
    } else {
        device_job_finish_problem(job, problem);
    }
}

static void on_left(void *context) {
    device_job_t *job = context;
    if (job->phase == JOB_LEAVING) {
        end(job);
    }
}

// ---- events of the loop ----

static void tick_returning(device_job_t *job, uint64_t now_ms) {
    if (now_ms >= job->deadline_ms) {
        give_up_return(job);
    } else if (!job->connecting && now_ms >= job->next_ms) {
        connect_now(job);
    }
}

static void tick_talking(device_job_t *job, uint64_t now_ms) {
    if (job->again_ms != 0 && now_ms >= job->again_ms) {
        job->again_ms = 0;
        job->command->again(job);
        return;
    }
    if (job->answer_ms == 0 || now_ms < job->answer_ms) {
        return;
    }
    problem_t problem;
    problem_set(&problem, EXIT_CODE_UNREACHABLE, "no_answer", "The device does not answer.");
    job->answer_ms = 0;
    on_lost(job, &problem);
}

void device_job_tick(device_job_t *job, uint64_t now_ms) {
    client_tick(&job->client, now_ms);
    if (job->phase == JOB_PAUSED && now_ms >= job->next_ms) {
        connect_now(job);
    } else if (job->phase == JOB_TALKING) {
        tick_talking(job, now_ms);
    } else if (job->phase == JOB_RETURNING) {
        tick_returning(job, now_ms);
    } else if (job->phase == JOB_LEAVING && now_ms >= job->deadline_ms) {
        end(job);
    }
}

void device_job_interrupt(device_job_t *job) {
    bool again = job->interrupted;
    job->interrupted = true;
    if (!again && job->phase == JOB_TALKING && job->command->interrupted != NULL) {
        job->command->interrupted(job);
        return;
    }
    if (job->phase == JOB_RETURNING) {
        device_job_finish_restarting(job, &job->starting, true);
        return;
    }
    problem_t problem;
    problem_set(&problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted.");
    device_job_finish_problem(job, &problem);
}

// ---- life ----

void device_job_init(device_job_t *job, loop_t *loop, output_t *output, credentials_t *credentials, const char *name,
                     const address_t *address) {
    memset(job, 0, sizeof *job);
    job->loop = loop;
    job->output = output;
    job->name = name;
    job->address = *address;
    const client_events_t events = {job, on_message, on_fill, on_ended, on_left};
    client_init(&job->client, loop, &job->address, credentials, &events);
}

void device_job_begin(device_job_t *job, const command_t *command, void *task, const device_job_patience_t *patience) {
    job->command = command;
    job->task = task;
    job->patience = *patience;
    job->phase = JOB_ARRIVING;
    job->seek_ms = loop_now_ms() + (uint64_t)patience->seek_s * 1000;
    client_connect(&job->client);
}

static void on_tick(void *context, uint64_t now_ms) {
    device_job_tick(context, now_ms);
}

static void on_interrupted(void *context) {
    device_job_interrupt(context);
}

static void stop_loop(void *context, device_job_t *job) {
    (void)job;
    loop_stop(context);
}

void device_job_run(device_job_t *job, const command_t *command, void *task, const device_job_patience_t *patience) {
    const loop_events_t events = {job, on_tick, on_interrupted};
    job->ended = stop_loop;
    job->ended_context = job->loop;
    device_job_begin(job, command, task, patience);
    loop_run(job->loop, &events);
}
