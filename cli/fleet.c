// SPDX-License-Identifier: Apache-2.0
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fleet_hub.h"
#include "fleet_report.h"
#include "fleet_run.h"
#include "fleet_serve.h"
#include "fleet_survey.h"
#include "fleet_view.h"
#include "gateway.h"
#include "recognise.h"
#include "text.h"

// All that a verb works on.
typedef struct {
    const arguments_t *arguments;
    output_t *output;
    fleet_plan_t plan;
    fleet_journal_t journal;
    fleet_hub_t hub;       // in its place with --nats
    char image_sha256[65]; // as the journal has it
    fleet_list_t list;
    fleet_device_t *devices;
    fleet_rollout_t rollout;
    firmware_t firmware;
    bool has_plan, has_journal, has_hub, has_firmware;
    int64_t *began_s, *ended_s; // report
    problem_t problem;
} fleet_t;

static bool trouble(fleet_t *fleet, exit_code_t code, const char *name, const char *sentence) {
    problem_set(&fleet->problem, code, name, "%s", sentence);
    return false;
}

// ---- what a rollout is made of ----

static const char *plan_path(const fleet_t *fleet) {
    return fleet->arguments->operands[0];
}

static bool load_plan(fleet_t *fleet) {
    fleet->has_plan = fleet_plan_load(&fleet->plan, plan_path(fleet), &fleet->problem);
    return fleet->has_plan;
}

static bool load_image(fleet_t *fleet) {
    fleet->has_firmware = fleet_image_open(&fleet->firmware, fleet->plan.image, &fleet->problem);
    return fleet->has_firmware;
}

static bool init_rollout(fleet_t *fleet) {
    fleet->devices = calloc((size_t)fleet->list.count + 1, sizeof *fleet->devices);
    if (fleet->devices == NULL) {
        return trouble(fleet, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet_init(&fleet->rollout, &fleet->plan.rules, fleet->devices, fleet->list.count);
    return true;
}

// The plan as it was when the rollout began takes the place of the one that was read.
static bool read_journal(fleet_t *fleet, bool must_agree) {
    char *text;
    bool read = fleet->has_hub ? fleet_hub_read(&fleet->hub, &text, fleet->image_sha256, &fleet->list.entries,
                                                &fleet->list.count, &fleet->problem)
                               : fleet_journal_read(&fleet->journal, &text, fleet->image_sha256, &fleet->list.entries,
                                                    &fleet->list.count, &fleet->problem);
    bool agrees = read && strcmp(text, fleet->plan.text) == 0;
    if (read && must_agree && !agrees) {
        read = trouble(
            fleet, EXIT_CODE_FILE_REFUSED, "plan_changed",
            "The plan was changed after its rollout had begun. Put it back, or give the new one another name in "
            "\"rollout\".");
    }
    if (read && !agrees) {
        fleet_plan_free(&fleet->plan);
        read = fleet_plan_parse(&fleet->plan, text, plan_path(fleet), &fleet->problem);
        fleet->has_plan = read;
    }
    free(text);
    return read;
}

static void note_times(void *context, const fleet_event_t *event) {
    fleet_t *fleet = context;
    if (event->device < fleet->rollout.count) {
        bool is_first = event->kind == FLEET_LEASE && fleet->began_s[event->device] == 0;
        fleet->began_s[event->device] = is_first ? event->time_s : fleet->began_s[event->device];
        fleet->ended_s[event->device] = event->time_s;
    }
}

static bool replay(fleet_t *fleet) {
    fleet->began_s = calloc((size_t)fleet->list.count + 1, sizeof *fleet->began_s);
    fleet->ended_s = calloc((size_t)fleet->list.count + 1, sizeof *fleet->ended_s);
    if (fleet->began_s == NULL || fleet->ended_s == NULL) {
        return trouble(fleet, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet->plan.rules.confirmed_elsewhere = fleet->has_hub;
    return init_rollout(fleet) &&
           (fleet->has_hub
                ? fleet_hub_replay(&fleet->hub, &fleet->rollout, note_times, fleet, &fleet->problem)
                : fleet_journal_replay(&fleet->journal, &fleet->rollout, note_times, fleet, &fleet->problem));
}

static bool open_journal(fleet_t *fleet) {
    fleet->has_journal = fleet_journal_open(&fleet->journal, fleet->plan.journal, &fleet->problem);
    return fleet->has_journal;
}

static bool open_hub(fleet_t *fleet) {
    fleet->has_hub = fleet_hub_open(&fleet->hub, &fleet->arguments->nats, fleet->plan.rollout, &fleet->problem);
    return fleet->has_hub;
}

// A rollout that has begun, for those who look at it or give orders.
static bool load_rollout(fleet_t *fleet) {
    return load_plan(fleet) && (fleet->arguments->nats.url != NULL ? open_hub(fleet) : open_journal(fleet)) &&
           read_journal(fleet, false) && replay(fleet);
}

static bool is_run(fleet_t *fleet) {
    return fleet->has_hub ? fleet_hub_is_led(&fleet->hub) : fleet_journal_is_run(&fleet->journal);
}

static void close_all(fleet_t *fleet) {
    if (fleet->has_journal) {
        fleet_journal_close(&fleet->journal);
    }
    if (fleet->has_hub) {
        fleet_hub_close(&fleet->hub);
    }
    if (fleet->has_firmware) {
        firmware_close(&fleet->firmware);
    }
    if (fleet->has_plan) {
        fleet_plan_free(&fleet->plan);
    }
    fleet_list_free(&fleet->list);
    free(fleet->devices);
    free(fleet->began_s);
    free(fleet->ended_s);
    fleet->devices = NULL;
    fleet->began_s = fleet->ended_s = NULL;
    fleet->has_journal = fleet->has_hub = fleet->has_firmware = fleet->has_plan = false;
}

static void init_view(fleet_t *fleet, fleet_view_t *view) {
    *view = (fleet_view_t){.plan = &fleet->plan,
                           .entries = fleet->list.entries,
                           .rollout = &fleet->rollout,
                           .json = fleet->arguments->json,
                           .quiet = fleet->arguments->quiet,
                           .terminal = isatty(STDOUT_FILENO) == 1};
}

// ---- list, plan: what the devices say ----

typedef struct {
    fleet_t *fleet;
    exit_code_t code;    // of the first device that would not take the image
    bool *leave_out;     // of the devices: not chosen
    outcome_t **answers; // that came before those of devices that stand before them in the list
    uint32_t next;       // device to be printed
    bool is_plan;
} seen_t;

static bool survey(fleet_t *fleet, fleet_seen_t *seen, void *context) {
    const fleet_survey_t settings = {&fleet->plan, fleet->arguments->password_file, &fleet->list, seen, context};
    return fleet_survey(&settings, &fleet->arguments->tls, &fleet->problem);
}

// What would become of a device, as a sentence and as a word.
static const char *judge(const seen_t *seen, const outcome_t *outcome, problem_t *problem) {
    fleet_t *fleet = seen->fleet;
    const device_state_t *state = &outcome->state;
    if (outcome->code != EXIT_CODE_OK) {
        *problem = outcome->problem;
        return outcome->code == EXIT_CODE_UNREACHABLE ? "no_answer" : "refuses";
    }
    if (!fleet_chooses(&fleet->plan, state)) {
        return "not_chosen";
    }
    if (recognise_running(&fleet->firmware, state)) {
        return strcmp(state->image, "trial") == 0 ? "on_trial" : "already";
    }
    return firmware_fits(&fleet->firmware, state, fleet->plan.allow_downgrade, problem) ? "update" : "refuses";
}

static const char *words_of(const char *verdict) {
    static const struct {
        const char *verdict, *words;
    } known[] = {{"update", "would be updated"},
                 {"already", "runs the image already"},
                 {"on_trial", "has the image on trial"},
                 {"not_chosen", "is not chosen: another project or chip"},
                 {"refuses", "would refuse"},
                 {"no_answer", "does not answer"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].verdict, verdict) == 0) {
            return known[i].words;
        }
    }
    return verdict;
}

static void print_json_seen(const seen_t *seen, uint32_t i, const outcome_t *outcome, const char *verdict,
                            const problem_t *problem) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    const fleet_entry_t *entry = &seen->fleet->list.entries[i];
    output_object(&object, json, seen->is_plan ? "planned" : "listed", entry->host);
    output_string(&object, "labels", entry->labels);
    if (outcome->state.version[0] != '\0') {
        output_string(&object, "id", outcome->state.id);
        ota_ws_reply_string(&object, "chip", outcome->state.chip);
        ota_ws_reply_string(&object, "project", outcome->state.project);
        ota_ws_reply_string(&object, "version", outcome->state.version);
        ota_ws_reply_string(&object, "image", outcome->state.image);
    }
    if (seen->is_plan) {
        ota_ws_reply_number(&object, "wave", seen->fleet->devices[i].wave + 1);
        ota_ws_reply_string(&object, "verdict", verdict);
    }
    if (problem->code != EXIT_CODE_OK) {
        ota_ws_reply_string(&object, "error", problem->name);
        ota_ws_reply_string(&object, "text", problem->text);
    }
    output_print(&object);
}

static void print_seen(const seen_t *seen, uint32_t i, const outcome_t *outcome, const char *verdict,
                       const problem_t *problem) {
    const fleet_entry_t *entry = &seen->fleet->list.entries[i];
    const device_state_t *state = &outcome->state;
    bool has_text = problem->code != EXIT_CODE_OK;
    if (seen->is_plan) {
        printf("wave %-2u  %-24s %-10s %s%s%s\n", seen->fleet->devices[i].wave + 1, entry->host, state->version,
               words_of(verdict), has_text ? ": " : "", has_text ? problem->text : "");
    } else if (outcome->code != EXIT_CODE_OK) {
        printf("%-24s %-12s %s\n", entry->host, "-", problem->text);
    } else {
        printf("%-24s %-12s %s, %s %s, %s%s%s\n", entry->host, state->id, state->chip, state->project, state->version,
               outcome_image_words(state->image), entry->labels[0] != '\0' ? "; " : "", entry->labels);
    }
}

static void tell_seen(seen_t *seen, uint32_t device, const outcome_t *outcome) {
    problem_t problem = {0};
    const char *verdict = seen->is_plan ? judge(seen, outcome, &problem) : "";
    if (!seen->is_plan) {
        problem = outcome->problem;
    }
    if (problem.code != EXIT_CODE_OK && seen->code == EXIT_CODE_OK) {
        seen->code = problem.code == EXIT_CODE_FILE_REFUSED ? EXIT_CODE_DEVICE_REFUSED : problem.code;
    }
    if (seen->fleet->arguments->json) {
        print_json_seen(seen, device, outcome, verdict, &problem);
    } else {
        print_seen(seen, device, outcome, verdict, &problem);
    }
    fflush(stdout);
}

// Told in the order of the list.
static void on_seen(void *context, uint32_t device, const outcome_t *outcome) {
    seen_t *seen = context;
    seen->answers[device] = malloc(sizeof *outcome);
    if (seen->answers[device] != NULL) {
        *seen->answers[device] = *outcome;
    }
    while (seen->next < seen->fleet->list.count && seen->answers[seen->next] != NULL) {
        tell_seen(seen, seen->next, seen->answers[seen->next]);
        free(seen->answers[seen->next++]);
    }
}

static exit_code_t tell_all(fleet_t *fleet, bool is_plan) {
    seen_t seen = {.fleet = fleet, .is_plan = is_plan, .answers = calloc(fleet->list.count, sizeof(outcome_t *))};
    bool good = seen.answers != NULL && survey(fleet, on_seen, &seen);
    for (uint32_t i = seen.next; seen.answers != NULL && i < fleet->list.count; i++) {
        free(seen.answers[i]); // it was interrupted
    }
    free(seen.answers);
    return good ? seen.code : fleet->problem.code;
}

static exit_code_t list_devices(fleet_t *fleet) {
    bool good =
        load_plan(fleet) && fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) && init_rollout(fleet);
    return good ? tell_all(fleet, false) : fleet->problem.code;
}

static void print_intention(const fleet_t *fleet) {
    const ota_ws_image_description_t *description = &fleet->firmware.inspection.image.description;
    if (!fleet->arguments->json) {
        printf("%s: %s %s to %u devices in %u waves\n", fleet->plan.rollout, description->project, description->version,
               fleet->list.count, fleet->plan.rules.wave_count);
    }
}

static exit_code_t plan_rollout(fleet_t *fleet) {
    bool good = load_plan(fleet) && load_image(fleet) &&
                fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) && init_rollout(fleet);
    if (!good) {
        return fleet->problem.code;
    }
    print_intention(fleet);
    return tell_all(fleet, true);
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

static void on_chosen(void *context, uint32_t device, const outcome_t *outcome) {
    seen_t *seen = context;
    seen->leave_out[device] = outcome->code == EXIT_CODE_OK && !fleet_chooses(&seen->fleet->plan, &outcome->state);
}

// Devices of another project or chip do not belong to the rollout. A device that does not answer now stays in it.
static bool choose_by_state(fleet_t *fleet) {
    if (fleet->plan.project[0] == '\0' && fleet->plan.chip[0] == '\0') {
        return true;
    }
    seen_t seen = {.fleet = fleet, .leave_out = calloc(fleet->list.count, sizeof(bool))};
    bool good = seen.leave_out != NULL && survey(fleet, on_chosen, &seen);
    uint32_t kept = 0;
    for (uint32_t i = 0; good && i < fleet->list.count; i++) {
        if (!seen.leave_out[i]) {
            fleet->list.entries[kept++] = fleet->list.entries[i];
        }
    }
    free(seen.leave_out);
    fleet->list.count = good ? kept : fleet->list.count;
    return good && (kept > 0 || trouble(fleet, EXIT_CODE_FILE_REFUSED, "plan_no_devices",
                                        "The plan's \"select\" chooses no device."));
}

static bool begin_rollout(fleet_t *fleet, const char *sha256) {
    if (!fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) || !choose_by_state(fleet)) {
        return false;
    }
    fleet->has_journal = fleet_journal_create(&fleet->journal, &fleet->plan, sha256, fleet->list.entries,
                                              fleet->list.count, &fleet->problem);
    return fleet->has_journal;
}

static bool go_on_with_rollout(fleet_t *fleet, const char *sha256) {
    if (!open_journal(fleet) || !read_journal(fleet, true)) {
        return false;
    }
    return strcmp(sha256, fleet->image_sha256) == 0 || trouble(fleet, EXIT_CODE_FILE_REFUSED, "image_changed",
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
    if (!load_plan(fleet) || !load_image(fleet)) {
        return false;
    }
    ota_ws_text_hex(sha256, fleet->firmware.sha256, OTA_WS_SHA256_SIZE);
    bool has_begun = access(fleet->plan.journal, F_OK) == 0;
    return (has_begun ? go_on_with_rollout(fleet, sha256) : begin_rollout(fleet, sha256)) && check_passwords(fleet) &&
           fleet_journal_lock(&fleet->journal, &fleet->problem) && replay(fleet);
}

static void on_ticked(fleet_run_t *run, uint64_t now_ms) {
    fleet_view_t *view = run->view;
    view->written = 0;
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        view->written += run->devices[i].state == FLEET_SENDING ? run->targets[i].written : 0;
    }
    fleet_view_draw(view, now_ms, fleet_time().time_s);
}

static exit_code_t run_on_loop(fleet_t *fleet, fleet_run_t *run, loop_t *loop, fleet_view_t *view) {
    run->plan = &fleet->plan;
    run->entries = fleet->list.entries;
    run->devices = fleet->devices;
    run->rollout = fleet->rollout;
    run->journal = &fleet->journal;
    run->firmware = &fleet->firmware;
    run->loop = loop;
    run->password_file = fleet->arguments->password_file;
    run->happened = fleet_view_event;
    run->ticked = on_ticked;
    run->view = view;
    init_view(fleet, view);
    view->rollout = &run->rollout;
    view->began_s = fleet_time().time_s;
    for (uint32_t i = 0; i < run->rollout.count; i++) {
        view->done_then += fleet_has_ended(run->devices[i].state);
    }
    exit_code_t code = fleet_run(run);
    fleet->problem = run->problem;
    view->written = 0;
    fleet_view_summary(view, fleet_time().time_s, code);
    return code;
}

static exit_code_t run_rollout(fleet_t *fleet) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    if (!prepare_run(fleet)) {
        return fleet->problem.code;
    }
    fleet_run_t *run = calloc(1, sizeof *run);
    loop_t *loop = calloc(1, sizeof *loop);
    fleet_view_t view;
    exit_code_t code = EXIT_CODE_TROUBLE;
    if (run == NULL || loop == NULL) {
        trouble(fleet, code, "no_memory", "There is not enough memory.");
    } else if (loop_open(loop, &callbacks, &fleet->arguments->tls, &fleet->problem)) {
        code = run_on_loop(fleet, run, loop, &view);
        loop_close(loop);
        fleet_run_free(run);
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
        if (!load_rollout(fleet)) {
            return fleet->problem.code;
        }
        init_view(fleet, &view);
        view.lines = lines;
        bool runs = is_run(fleet);
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
                   plan_path(fleet));
        }
        if (!watches) {
            return code;
        }
        fflush(stdout);
        lines = view.lines;
        close_all(fleet);
        sleep(1);
    }
}

static exit_code_t print_report(fleet_t *fleet) {
    const char *format = fleet->arguments->format;
    if (!load_rollout(fleet)) {
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

// Orders that nobody has taken yet count before this one.
static bool makes_sense(fleet_t *fleet, const fleet_event_t *order) {
    char phase[96];
    if (fleet_apply(&fleet->rollout, order)) {
        return true;
    }
    fleet_view_phase(&fleet->rollout, fleet_time().time_s, phase, sizeof phase);
    problem_set(&fleet->problem, EXIT_CODE_USAGE, "order_refused", "'%s' makes no sense now: the rollout %s is %s.",
                fleet_event_name(order->kind), fleet->plan.rollout, phase);
    return false;
}

static exit_code_t give_order(fleet_t *fleet, fleet_event_t *order) {
    order->time_s = fleet_time().time_s;
    if (!makes_sense(fleet, order) ||
        !(fleet->has_hub ? fleet_hub_order(&fleet->hub, order, &fleet->problem)
                         : fleet_journal_order(&fleet->journal, order, &fleet->problem))) {
        return fleet->problem.code;
    }
    if (!fleet->arguments->quiet && !fleet->arguments->json) {
        const char *later = fleet->has_hub ? "; nobody leads it now, it counts from the next 'ota-ws fleet serve' on"
                                           : "; nobody runs it now, it counts from the next 'ota-ws fleet run' on";
        printf("%s: %s%s\n", fleet->plan.rollout, fleet_event_name(order->kind), is_run(fleet) ? "" : later);
    }
    return EXIT_CODE_OK;
}

static exit_code_t order_all(fleet_t *fleet, fleet_event_kind_t kind) {
    fleet_event_t order = {.kind = kind, .device = FLEET_ALL};
    return load_rollout(fleet) ? give_order(fleet, &order) : fleet->problem.code;
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
    fleet_event_t order = {.kind = FLEET_APPROVE, .device = FLEET_ALL};
    if (!load_rollout(fleet)) {
        return fleet->problem.code;
    }
    uint32_t waiting = fleet->plan.rules.approve & ~fleet->rollout.approved;
    order.value = waiting == 0 ? 0 : (uint32_t)__builtin_ctz(waiting);
    if (arguments->operand_count > 1) {
        unsigned long wave = strtoul(arguments->operands[1], NULL, 10);
        order.value = wave >= 1 && wave <= FLEET_WAVES_MAX ? (uint32_t)wave - 1 : FLEET_WAVES_MAX;
    }
    return give_order(fleet, &order);
}

static bool find_device(const fleet_t *fleet, const char *name, uint32_t *device) {
    for (*device = 0; *device < fleet->list.count; (*device)++) {
        if (strcasecmp(fleet->list.entries[*device].host, name) == 0 ||
            strcasecmp(fleet->devices[*device].id, name) == 0) {
            return true;
        }
    }
    return false;
}

static exit_code_t retry_devices(fleet_t *fleet) {
    const arguments_t *arguments = fleet->arguments;
    exit_code_t code = EXIT_CODE_OK;
    if (arguments->operand_count == 1) {
        return order_all(fleet, FLEET_RETRY);
    }
    if (!load_rollout(fleet)) {
        return fleet->problem.code;
    }
    for (size_t i = 1; i < arguments->operand_count && code == EXIT_CODE_OK; i++) {
        fleet_event_t order = {.kind = FLEET_RETRY};
        if (!find_device(fleet, arguments->operands[i], &order.device)) {
            problem_set(&fleet->problem, EXIT_CODE_USAGE, "not_in_rollout", "'%.160s' is no device of this rollout.",
                        arguments->operands[i]);
            return fleet->problem.code;
        }
        code = give_order(fleet, &order);
    }
    return code;
}

// ---- the verbs ----

exit_code_t fleet_command(const arguments_t *arguments, output_t *output) {
    static exit_code_t (*const verbs[])(fleet_t *) = {
        [FLEET_VERB_LIST] = list_devices,     [FLEET_VERB_LABEL] = label_devices, [FLEET_VERB_PLAN] = plan_rollout,
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
    close_all(fleet);
    free(fleet);
    return code;
}
