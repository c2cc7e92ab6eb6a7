// SPDX-License-Identifier: Apache-2.0
#include "fleet_serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_list.h"
#include "fleet_run.h"
#include "loop.h"
#include "serve.h"

#define POLL_MS 20
#define CANCEL_EVERY_MS 2000
#define STANDBY_MS 500 // between two looks at the lease of another one

volatile sig_atomic_t serve_is_interrupted;

static void on_signal(int signal) {
    (void)signal;
    serve_is_interrupted = 1;
}

// ---- what was decided ----

static bool carry_out(serve_t *serve, const fleet_event_t *event) {
    switch (event->kind) {
    case FLEET_LEASE:
        return serve_publish_job(serve, event->device);
    case FLEET_CANCEL:
        serve_cancel_job(serve, event->device);
        return true;
    case FLEET_IDENTIFIED: // it may be a device that another entry of the list has too
        if (fleet_has_ended(serve->devices[event->device].state)) {
            serve_cancel_job(serve, event->device);
        }
        return true;
    default:
        return true;
    }
}

// It is said again until the gateway has answered: it may be cut off just now.
static void repeat_cancels(serve_t *serve, uint64_t now_ms) {
    if (now_ms < serve->cancel_ms) {
        return;
    }
    serve->cancel_ms = now_ms + CANCEL_EVERY_MS;
    for (uint32_t i = 0; i < serve->count; i++) {
        if (serve->devices[i].cancelling) {
            serve_cancel_job(serve, i);
        }
    }
}

// ---- the order of things ----

static bool write_down(serve_t *serve) {
    bool written = false;
    while (!written && serve_leads(serve)) {
        written = fleet_hub_append(&serve->hub, serve->batch, serve->batch_count, &serve->problem);
        if (!written && strcmp(serve->problem.name, "nats_conflict") == 0) {
            serve->lead.state = LEASE_LOST;
        }
    }
    return written;
}

// False: it leads no more.
static bool advance(serve_t *serve) {
    fleet_event_t decision;
    fleet_now_t now = fleet_time();
    serve->batch_count = 0;
    serve_take_incoming(serve);
    while (serve->batch_count < BATCH_MAX && fleet_decide(&serve->rollout, now, &decision)) {
        serve_take_effect(serve, &decision);
    }
    if (serve->batch_count == 0) {
        return serve_leads(serve);
    }
    bool good = write_down(serve);
    for (uint32_t i = 0; good && i < serve->batch_count; i++) {
        good = carry_out(serve, &serve->batch[i]);
    }
    return good;
}

static bool is_held(const serve_t *serve) {
    fleet_phase_t phase = serve->rollout.phase;
    return dashboard_holds(serve->dashboard, phase == FLEET_FINISHED || phase == FLEET_ABORTED);
}

static bool is_over(const serve_t *serve) {
    const fleet_rollout_t *rollout = &serve->rollout;
    bool under_way = fleet_count(rollout, FLEET_ON_TRIAL) > 0;
    for (fleet_state_t state = FLEET_LEASED; state <= FLEET_RESTARTING; state++) {
        under_way |= fleet_count(rollout, state) > 0;
    }
    bool waits = !rollout->paused && fleet_waits_for_approval(rollout, fleet_time().time_s);
    return serve->incoming_count == 0 && serve->orders.is_at_end &&
           (fleet_is_at_rest(rollout) || (waits && !under_way)) && !is_held(serve);
}

// ---- taking the lead ----

static bool begin_rollout(serve_t *serve) {
    fleet_list_t list = {0};
    bool begun = fleet_list_select(&list, &serve->plan, &serve->problem) && serve_devices_have_sites(serve, &list) &&
                 fleet_hub_create(&serve->hub, &serve->plan, serve->sha256, list.entries, list.count, &serve->problem);
    serve->entries = list.entries;
    serve->count = list.count;
    return begun;
}

static bool go_on(serve_t *serve, const char *text, const char *sha256) {
    if (strcmp(text, serve->plan.text) != 0) {
        return serve_fail(
            serve, EXIT_CODE_FILE_REFUSED, "plan_changed",
            "The plan was changed after its rollout had begun. Put it back, or give the new one another name in "
            "\"rollout\".");
    }
    return strcmp(sha256, serve->sha256) == 0 ||
           serve_fail(serve, EXIT_CODE_FILE_REFUSED, "image_changed",
                      "The image is not the one with which this rollout has begun. "
                      "Put it back, or give the plan another name in \"rollout\".");
}

static bool read_rollout(serve_t *serve) {
    char *text, sha256[65];
    bool found = fleet_hub_read(&serve->hub, &text, sha256, &serve->entries, &serve->count, &serve->problem);
    bool good = found ? go_on(serve, text, sha256) : false;
    free(text);
    if (!found && strcmp(serve->problem.name, "journal_none") == 0) {
        serve->problem.code = EXIT_CODE_OK;
        good = begin_rollout(serve);
    }
    return good;
}

static void init_view(serve_t *serve) {
    serve->view = (fleet_view_t){.plan = &serve->plan,
                                 .entries = serve->entries,
                                 .rollout = &serve->rollout,
                                 .json = serve->arguments->json,
                                 .quiet = serve->arguments->quiet,
                                 .terminal = isatty(STDOUT_FILENO) == 1,
                                 .began_s = fleet_time().time_s};
    for (uint32_t i = 0; i < serve->count; i++) {
        serve->view.done_then += fleet_has_ended(serve->devices[i].state);
    }
}

static void show_on_dashboard(serve_t *serve) {
    const ota_ws_image_description_t *image = &serve->firmware.inspection.image.description;
    const fleet_shown_t shown = {&serve->plan, serve->entries, &serve->rollout, image->project, image->version};
    const fleet_orders_t orders = {
        .plan = &serve->plan, .entries = serve->entries, .rollout = &serve->rollout, .hub = &serve->hub};
    dashboard_show(serve->dashboard, &shown, &orders);
}

// What an earlier controller has decided, and perhaps not sent. A job that is there already is not stored again, and a
// gateway does no attempt twice.
static bool send_again(serve_t *serve) {
    bool good = true;
    for (uint32_t i = 0; good && i < serve->count; i++) {
        good = serve->devices[i].state != FLEET_LEASED || serve_publish_job(serve, i);
    }
    return good;
}

static bool take_lead(serve_t *serve) {
    bool good =
        read_rollout(serve) && fleet_hub_put_image(&serve->hub, &serve->firmware, serve->sha256, &serve->problem);
    serve->devices = good ? calloc(serve->count, sizeof *serve->devices) : NULL;
    if (serve->devices == NULL) {
        return good && serve_fail(serve, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet_init(&serve->rollout, &serve->plan.rules, serve->devices, serve->count);
    if (!fleet_hub_replay(&serve->hub, &serve->rollout, NULL, NULL, &serve->problem)) {
        return false;
    }
    init_view(serve);
    show_on_dashboard(serve);
    snprintf(serve->orders_filter, sizeof serve->orders_filter, "otaws.order.%s", serve->plan.rollout);
    jetstream_read(&serve->events, &serve->hub.link, "OTAWS_EVENTS", NULL, serve->hub.events + 1, serve_on_event,
                   serve);
    jetstream_read(&serve->orders, &serve->hub.link, "OTAWS_ORDERS", serve->orders_filter, serve->hub.orders + 1,
                   serve_on_order, serve);
    return send_again(serve);
}

static void leave_lead(serve_t *serve) {
    dashboard_show(serve->dashboard, NULL, NULL);
    jetstream_reader_close(&serve->events);
    jetstream_reader_close(&serve->orders);
    lease_release(&serve->lead);
    free(serve->entries);
    free(serve->devices);
    serve->entries = NULL;
    serve->devices = NULL;
    serve->incoming_count = 0;
    serve->count = 0;
}

// ---- life ----

static void say(const serve_t *serve, const char *sentence) {
    if (!serve->arguments->json && !serve->arguments->quiet) {
        printf("%s: %s\n", serve->plan.rollout, sentence);
        fflush(stdout);
    }
}

// True: this one leads. False: it was interrupted, or the server is gone for good.
static bool wait_for_lead(serve_t *serve) {
    char key[80];
    snprintf(key, sizeof key, "lead.%s", serve->plan.rollout);
    lease_take(&serve->lead, &serve->hub.link, "otaws_rollouts", key, serve->name, serve->arguments->lease_s);
    uint64_t again_ms = loop_now_ms() + STANDBY_MS;
    while (serve->lead.state != LEASE_HELD && !serve_is_interrupted && !nats_link_is_closed(&serve->hub.link)) {
        nats_link_poll(&serve->hub.link, POLL_MS);
        dashboard_poll(serve->dashboard);
        lease_tick(&serve->lead, loop_now_ms());
        if (serve->lead.state == LEASE_TAKEN && !serve->is_waiting) {
            say(serve, "another process leads; this one takes over when that one ends.");
            serve->is_waiting = true;
        }
        if (serve->lead.state == LEASE_TAKEN && loop_now_ms() >= again_ms) {
            lease_take(&serve->lead, &serve->hub.link, "otaws_rollouts", key, serve->name, serve->arguments->lease_s);
            again_ms = loop_now_ms() + STANDBY_MS;
        }
    }
    return serve->lead.state == LEASE_HELD;
}

// True: the rollout has ended, or waits for an operator.
static bool lead(serve_t *serve) {
    bool over = false;
    say(serve, "this process leads.");
    while (!over && advance(serve)) {
        uint64_t now_ms = loop_now_ms();
        repeat_cancels(serve, now_ms);
        fleet_view_draw(&serve->view, now_ms, fleet_time().time_s);
        over = is_over(serve);
        if (!over) {
            nats_link_poll(&serve->hub.link, POLL_MS);
            jetstream_reader_tick(&serve->events, now_ms);
            jetstream_reader_tick(&serve->orders, now_ms);
        }
    }
    return over;
}

// A problem of the server passes; one of the plan does not.
static bool may_pass(const problem_t *problem) {
    return problem->code == EXIT_CODE_OK || strcmp(problem->name, "nats_no_answer") == 0 ||
           strcmp(problem->name, "nats_conflict") == 0 || strcmp(problem->name, "nats_no_jetstream") == 0;
}

static exit_code_t summarise(serve_t *serve) {
    exit_code_t code = fleet_exit_code(&serve->rollout, fleet_time().time_s);
    fleet_view_summary(&serve->view, fleet_time().time_s, code);
    serve->problem.code = EXIT_CODE_OK;
    return code;
}

static exit_code_t serve_rollout(serve_t *serve) {
    exit_code_t code = EXIT_CODE_OK;
    bool over = false;
    while (!over && wait_for_lead(serve)) {
        serve->is_waiting = false;
        serve->problem.code = EXIT_CODE_OK;
        bool taken = take_lead(serve);
        over = taken && lead(serve);
        code = over ? summarise(serve) : EXIT_CODE_OK;
        leave_lead(serve);
        if (!over && !may_pass(&serve->problem)) {
            return serve->problem.code;
        }
    }
    if (!over && serve_is_interrupted) {
        serve_fail(
            serve, EXIT_CODE_INTERRUPTED, "interrupted",
            "Interrupted. The rollout is neither paused nor aborted: the gateways go on with what they have, and the "
            "same command leads again.");
    } else if (!over) {
        serve_fail(serve, EXIT_CODE_UNREACHABLE, "nats_closed",
                   "The NATS server has closed the connection, and does not let us in again.");
    }
    return over ? code : serve->problem.code;
}

static void watch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

// Two may run on one machine: the second one does without, unless it was told a port.
static bool open_dashboard(serve_t *serve) {
    const arguments_t *arguments = serve->arguments;
    const dashboard_settings_t settings = {arguments->dashboard_port, arguments->dashboard_password_file,
                                           arguments->has_dashboard};
    if (arguments->dashboard_port == 0) {
        return true;
    }
    serve->dashboard = dashboard_open(&settings, NULL, &serve->problem);
    if (serve->dashboard == NULL && !arguments->has_dashboard && strcmp(serve->problem.name, "dashboard_port") == 0) {
        fprintf(stderr, "%s\nThere is no dashboard; the rollout goes on without one.\n", serve->problem.text);
        serve->problem.code = EXIT_CODE_OK;
        return true;
    }
    return serve->dashboard != NULL;
}

static exit_code_t run(serve_t *serve) {
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(serve->name, sizeof serve->name, "%s-%d-%llx", host, (int)getpid(), (unsigned long long)loop_now_ms());
    if (!serve_load(serve) ||
        !fleet_hub_open(&serve->hub, &serve->arguments->nats, serve->plan.rollout, &serve->problem)) {
        return serve->problem.code;
    }
    if (!open_dashboard(serve)) {
        fleet_hub_close(&serve->hub);
        return serve->problem.code;
    }
    serve_adapt_rules(serve);
    watch_signals();
    nats_link_subscribe(&serve->hub.link, "otaws.*.percent", serve_on_percent, serve);
    exit_code_t code = fleet_hub_set_up(&serve->hub, &serve->plan, serve->arguments->lease_s, &serve->problem)
                           ? serve_rollout(serve)
                           : serve->problem.code;
    dashboard_close(serve->dashboard);
    fleet_hub_close(&serve->hub);
    return code;
}

exit_code_t fleet_serve_command(const arguments_t *arguments, output_t *output) {
    serve_t *serve = calloc(1, sizeof *serve);
    if (serve == NULL) {
        return EXIT_CODE_TROUBLE;
    }
    serve->arguments = arguments;
    serve->output = output;
    exit_code_t code = run(serve);
    if (serve->problem.code != EXIT_CODE_OK) {
        outcome_t outcome;
        outcome_from_problem(&outcome, &serve->problem, NULL);
        outcome.kind = code == EXIT_CODE_FILE_REFUSED ? OUTCOME_REFUSED : OUTCOME_FAILED;
        output_result(output, NULL, &outcome);
    }
    if (serve->has_firmware) {
        firmware_close(&serve->firmware);
    }
    if (serve->has_plan) {
        fleet_plan_free(&serve->plan);
    }
    free(serve->incoming);
    free(serve);
    return code;
}
