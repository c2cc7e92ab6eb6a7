// SPDX-License-Identifier: Apache-2.0
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dashboard.h"
#include "fleet_load.h"
#include "fleet_look.h"
#include "fleet_order.h"
#include "fleet_report.h"
#include "fleet_run.h"
#include "fleet_serve.h"
#include "fleet_view.h"
#include "gateway.h"
#include "text.h"

static void init_view(fleet_t *fleet, fleet_view_t *view) {
    *view = (fleet_view_t){.plan = &fleet->plan,
                           .entries = fleet->list.entries,
                           .rollout = &fleet->rollout,
                           .json = fleet->arguments->json,
                           .quiet = fleet->arguments->quiet,
                           .terminal = isatty(STDOUT_FILENO) == 1};
}

static fleet_orders_t orders_of(fleet_t *fleet) {
    return (fleet_orders_t){.plan = &fleet->plan,
                            .entries = fleet->list.entries,
                            .rollout = &fleet->rollout,
                            .journal = fleet->has_journal ? &fleet->journal : NULL,
                            .hub = fleet->has_hub ? &fleet->hub : NULL};
}

static exit_code_t label_devices(fleet_t *fleet) {
    char **operands = fleet->arguments->operands;
    char label[FLEET_LABEL_SIZE + 2];
    size_t length = strlen(operands[1]);
    bool remove = length > 1 && operands[1][length - 1] == '-';
    snprintf(label, sizeof label, "%.*s", (int)(length - remove), operands[1]);
    bool good = fleet_list_label(operands[0], label, !remove, operands + 2, fleet->arguments->operand_count - 2,
                                 &fleet->problem);
    return good ? EXIT_CODE_OK : fleet->problem.code;
}

// ---- run ----

static bool begin_rollout(fleet_t *fleet, const char *sha256) {
    if (!fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) || !fleet_look_choose(fleet)) {
        return false;
    }
    fleet->has_journal = fleet_journal_create(&fleet->journal, &fleet->plan, sha256, fleet->list.entries,
                                              fleet->list.count, &fleet->problem);
    return fleet->has_journal;
}

static bool go_on_with_rollout(fleet_t *fleet, const char *sha256) {
    if (!fleet_load_journal(fleet) || !fleet_load_begun(fleet, true)) {
        return false;
    }
    return strcmp(sha256, fleet->image_sha256) == 0 ||
           fleet_load_fail(fleet, EXIT_CODE_FILE_REFUSED, "image_changed",
                           "The image is not the one with which this rollout has "
                           "begun. Put it back, or give the plan another name in "
                           "\"rollout\".");
}

// All password files are checked before the first device is contacted.
static bool check_passwords(fleet_t *fleet) {
    return fleet_passwords_are_sound(&fleet->plan, fleet->arguments->password_file, &fleet->list, &fleet->problem);
}

static bool prepare_run(fleet_t *fleet) {
    char sha256[2 * OTA_WS_SHA256_SIZE + 1];
    if (!fleet_load_plan(fleet) || !fleet_load_image(fleet)) {
        return false;
    }
    ota_ws_text_hex(sha256, fleet->firmware.sha256, OTA_WS_SHA256_SIZE);
    bool has_begun = access(fleet->plan.journal, F_OK) == 0;
    return (has_begun ? go_on_with_rollout(fleet, sha256) : begin_rollout(fleet, sha256)) && check_passwords(fleet) &&
           fleet_journal_lock(&fleet->journal, &fleet->problem) && fleet_load_replay(fleet);
}

// What looks at the rollout while it runs.
typedef struct {
    fleet_t *fleet;
    fleet_view_t view;
    dashboard_t *dashboard; // NULL: none
} watch_t;

static void on_happened(void *context, const fleet_event_t *event) {
    watch_t *watch = context;
    fleet_view_event(&watch->view, event);
}

static void note_version(watch_t *watch, uint32_t device, const device_state_t *state) {
    fleet_status_t *status = dashboard_status(watch->dashboard);
    if (status != NULL) {
        fleet_status_version(status, device, state->version);
    }
}

static void on_seen(void *context, uint32_t device, const outcome_t *outcome) {
    note_version(context, device, &outcome->state);
}

static void note_progress(watch_t *watch, fleet_run_t *run, uint32_t device) {
    fleet_status_t *status = dashboard_status(watch->dashboard);
    const fleet_job_t *job = run->targets[device].job;
    bool is_sending = run->devices[device].state == FLEET_SENDING;
    watch->view.written += is_sending ? run->targets[device].written : 0;
    if (status != NULL) {
        fleet_status_percent(status, device,
                             is_sending && job != NULL ? meter_percent(&job->push.progress) : FLEET_STATUS_NO_PERCENT);
    }
    if (job != NULL && job->job.state_known) {
        note_version(watch, device, &job->job.state);
    }
}

static void on_ticked(fleet_run_t *run, uint64_t now_ms) {
    watch_t *watch = run->view;
    watch->view.written = 0;
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        note_progress(watch, run, i);
    }
    if (dashboard_was_ordered(watch->dashboard)) {
        fleet_run_look_for_orders(run);
    }
    fleet_view_draw(&watch->view, now_ms, fleet_time().time_s);
}

static bool on_held(void *context, bool is_final) {
    const watch_t *watch = context;
    return dashboard_holds(watch->dashboard, is_final);
}

static void show_on_dashboard(watch_t *watch, fleet_run_t *run) {
    fleet_t *fleet = watch->fleet;
    const ota_ws_image_description_t *image = &fleet->firmware.inspection.image.description;
    const fleet_shown_t shown = {&fleet->plan, fleet->list.entries, &run->rollout, image->project, image->version};
    fleet_orders_t orders = orders_of(fleet);
    orders.rollout = &run->rollout;
    dashboard_show(watch->dashboard, &shown, &orders);
}

static exit_code_t run_on_loop(watch_t *watch, fleet_run_t *run, loop_t *loop) {
    fleet_t *fleet = watch->fleet;
    fleet_view_t *view = &watch->view;
    run->plan = &fleet->plan;
    run->entries = fleet->list.entries;
    run->devices = fleet->devices;
    run->rollout = fleet->rollout;
    run->journal = &fleet->journal;
    run->firmware = &fleet->firmware;
    run->loop = loop;
    run->password_file = fleet->arguments->password_file;
    run->happened = on_happened;
    run->seen = on_seen;
    run->ticked = on_ticked;
    run->holds = on_held;
    run->view = watch;
    init_view(fleet, view);
    view->rollout = &run->rollout;
    view->began_s = fleet_time().time_s;
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        view->done_then += fleet_has_ended(run->devices[i].state);
    }
    show_on_dashboard(watch, run);
    exit_code_t code = fleet_run(run);
    fleet->problem = run->problem;
    view->written = 0;
    fleet_view_summary(view, fleet_time().time_s, code);
    return code;
}

// True where none was asked for, too.
static bool open_dashboard(watch_t *watch, loop_t *loop) {
    const arguments_t *arguments = watch->fleet->arguments;
    const dashboard_settings_t settings = {arguments->dashboard_port, arguments->dashboard_password_file, true};
    if (!arguments->has_dashboard || arguments->dashboard_port == 0) {
        return true;
    }
    watch->dashboard = dashboard_open(&settings, loop, &watch->fleet->problem);
    return watch->dashboard != NULL;
}

static exit_code_t run_rollout(fleet_t *fleet) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    if (!prepare_run(fleet)) {
        return fleet->problem.code;
    }
    fleet_run_t *run = calloc(1, sizeof *run);
    loop_t *loop = calloc(1, sizeof *loop);
    watch_t watch = {.fleet = fleet};
    exit_code_t code = EXIT_CODE_TROUBLE;
    if (run == NULL || loop == NULL) {
        fleet_load_fail(fleet, code, "no_memory", "There is not enough memory.");
    } else if (loop_open(loop, &callbacks, &fleet->arguments->tls, &fleet->problem)) {
        code = open_dashboard(&watch, loop) ? run_on_loop(&watch, run, loop) : fleet->problem.code;
        loop_close(loop);
        fleet_run_free(run);
        dashboard_close(watch.dashboard);
    }
    free(run);
    free(loop);
    return code;
}

// ---- status, report ----

static exit_code_t show_status(fleet_t *fleet) {
    fleet_view_t view;
    unsigned lines = 0;
    for (;;) {
        if (!fleet_load_rollout(fleet)) {
            return fleet->problem.code;
        }
        init_view(fleet, &view);
        view.lines = lines;
        bool runs = fleet_load_is_run(fleet);
        int64_t now_s = fleet_time().time_s;
        exit_code_t code = fleet_exit_code(&fleet->rollout, now_s);
        bool watches = fleet->arguments->watch && runs;
        if (view.terminal && fleet->arguments->watch) {
            fleet_view_draw(&view, 0, now_s);
        } else {
            fleet_view_summary(&view, now_s, code);
        }
        if (!runs && fleet->rollout.phase == FLEET_RUNNING && !fleet->arguments->json) {
            printf("Nobody runs it now: 'ota-ws fleet %s %s' goes on.\n", fleet->has_hub ? "serve" : "run",
                   fleet_load_plan_path(fleet));
        }
        if (!watches) {
            return code;
        }
        fflush(stdout);
        lines = view.lines;
        fleet_load_close(fleet);
        sleep(1);
    }
}

static exit_code_t print_report(fleet_t *fleet) {
    const char *format = fleet->arguments->format;
    if (!fleet_load_rollout(fleet)) {
        return fleet->problem.code;
    }
    const fleet_report_t report = {&fleet->plan, fleet->list.entries, &fleet->rollout, fleet->began_s, fleet->ended_s};
    if (format != NULL && strcmp(format, "junit") == 0) {
        fleet_report_junit(&report);
    } else {
        fleet_report_csv(&report);
    }
    return EXIT_CODE_OK;
}

// ---- orders ----

static exit_code_t give_order(fleet_t *fleet, fleet_event_t *order) {
    const fleet_orders_t orders = orders_of(fleet);
    if (!fleet_order_give(&orders, order, &fleet->problem)) {
        return fleet->problem.code;
    }
    if (!fleet->arguments->quiet && !fleet->arguments->json) {
        const char *later = fleet->has_hub ? "; nobody leads it now, it counts from the next 'ota-ws fleet serve' on"
                                           : "; nobody runs it now, it counts from the next 'ota-ws fleet run' on";
        printf("%s: %s%s\n", fleet->plan.rollout, fleet_event_name(order->kind), fleet_load_is_run(fleet) ? "" : later);
    }
    return EXIT_CODE_OK;
}

static exit_code_t order_all(fleet_t *fleet, fleet_event_kind_t kind) {
    fleet_event_t order = {.kind = kind, .device = FLEET_ALL};
    return fleet_load_rollout(fleet) ? give_order(fleet, &order) : fleet->problem.code;
}

static exit_code_t pause_rollout(fleet_t *fleet) {
    return order_all(fleet, FLEET_PAUSE);
}

static exit_code_t resume_rollout(fleet_t *fleet) {
    return order_all(fleet, FLEET_RESUME);
}

static exit_code_t abort_rollout(fleet_t *fleet) {
    return order_all(fleet, FLEET_ABORT);
}

// The wave that is named, or the first one that still waits.
static exit_code_t approve_wave(fleet_t *fleet) {
    const arguments_t *arguments = fleet->arguments;
    unsigned long wave = 0;
    if (!fleet_load_rollout(fleet)) {
        return fleet->problem.code;
    }
    if (arguments->operand_count > 1) {
        wave = strtoul(arguments->operands[1], NULL, 10);
        wave = wave == 0 ? FLEET_WAVES_MAX + 1 : wave; // none: it is refused
    }
    const fleet_orders_t orders = orders_of(fleet);
    fleet_event_t order = fleet_order_approve(&orders, wave);
    return give_order(fleet, &order);
}

static exit_code_t retry_devices(fleet_t *fleet) {
    const arguments_t *arguments = fleet->arguments;
    exit_code_t code = EXIT_CODE_OK;
    if (arguments->operand_count == 1) {
        return order_all(fleet, FLEET_RETRY);
    }
    if (!fleet_load_rollout(fleet)) {
        return fleet->problem.code;
    }
    const fleet_orders_t orders = orders_of(fleet);
    for (size_t i = 1; i < arguments->operand_count && code == EXIT_CODE_OK; i++) {
        fleet_event_t order;
        code = fleet_order_retry(&orders, arguments->operands[i], &order, &fleet->problem) ? give_order(fleet, &order)
                                                                                           : fleet->problem.code;
    }
    return code;
}

// ---- the verbs ----

exit_code_t fleet_command(const arguments_t *arguments, output_t *output) {
    static exit_code_t (*const verbs[])(fleet_t *) = {
        [FLEET_VERB_LIST] = fleet_look_list,  [FLEET_VERB_LABEL] = label_devices, [FLEET_VERB_PLAN] = fleet_look_plan,
        [FLEET_VERB_RUN] = run_rollout,       [FLEET_VERB_STATUS] = show_status,  [FLEET_VERB_PAUSE] = pause_rollout,
        [FLEET_VERB_RESUME] = resume_rollout, [FLEET_VERB_ABORT] = abort_rollout, [FLEET_VERB_APPROVE] = approve_wave,
        [FLEET_VERB_RETRY] = retry_devices,   [FLEET_VERB_REPORT] = print_report,
    };
    if (arguments->verb == FLEET_VERB_SERVE) {
        return fleet_serve_command(arguments, output);
    }
    if (arguments->verb == FLEET_VERB_GATEWAY) {
        return gateway_command(arguments, output);
    }
    fleet_t *fleet = calloc(1, sizeof *fleet);
    if (fleet == NULL) {
        return EXIT_CODE_TROUBLE;
    }
    fleet->arguments = arguments;
    fleet->output = output;
    exit_code_t code = verbs[arguments->verb](fleet);
    if (fleet->problem.code != EXIT_CODE_OK) {
        outcome_t outcome;
        outcome_from_problem(&outcome, &fleet->problem, NULL);
        outcome.kind = code == EXIT_CODE_FILE_REFUSED ? OUTCOME_REFUSED : OUTCOME_FAILED;
        output_result(output, NULL, &outcome);
    }
    fleet_load_close(fleet);
    free(fleet);
    return code;
}
