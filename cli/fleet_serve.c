// SPDX-License-Identifier: Apache-2.0
#include "fleet_serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_hub.h"
#include "fleet_list.h"
#include "fleet_message.h"
#include "fleet_run.h"
#include "fleet_view.h"
#include "loop.h"
#include "text.h"

#define POLL_MS 20
#define CANCEL_EVERY_MS 2000
#define STANDBY_MS 500 // between two looks at the lease of another one
#define BATCH_MAX 1024 // events that are written down together

// Came in, and not looked at yet.
typedef struct {
    fleet_event_message_t message;
    bool is_order;
    uint64_t sequence;
} incoming_t;

typedef struct {
    const arguments_t *arguments;
    output_t *output;
    fleet_plan_t plan;
    bool has_plan, has_firmware;
    firmware_t firmware;
    char sha256[2 * OTA_WS_SHA256_SIZE + 1];
    fleet_hub_t hub;
    char name[80];
    lease_t lead;
    bool is_waiting;        // it was said that another one leads
    fleet_entry_t *entries; // from here on: of the time in which this one leads
    fleet_device_t *devices;
    fleet_rollout_t rollout;
    uint32_t count;
    fleet_view_t view;
    jetstream_reader_t events, orders;
    char orders_filter[96];
    incoming_t *incoming;
    size_t incoming_count, incoming_space;
    fleet_event_t batch[BATCH_MAX];
    uint32_t batch_count;
    uint64_t cancel_ms;
    problem_t problem;
} serve_t;

static volatile sig_atomic_t is_interrupted;

static void on_signal(int signal) {
    (void)signal;
    is_interrupted = 1;
}

static bool trouble(serve_t *serve, exit_code_t code, const char *name, const char *sentence) {
    problem_set(&serve->problem, code, name, "%s", sentence);
    return false;
}

// ---- the plan ----

static const char *site_of(const serve_t *serve, const fleet_entry_t *entry) {
    const char *site = NULL;
    for (size_t i = 0; i < serve->plan.site_count; i++) {
        if (fleet_entry_has(entry, serve->plan.sites[i])) {
            if (site != NULL) {
                return NULL;
            }
            site = serve->plan.sites[i];
        }
    }
    return site;
}

static bool devices_have_sites(serve_t *serve, const fleet_list_t *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (site_of(serve, &list->entries[i]) == NULL) {
            problem_set(&serve->problem, EXIT_CODE_FILE_REFUSED, "plan_no_site",
                        "The device '%.160s' needs one label that is a site of the plan.", list->entries[i].host);
            return false;
        }
    }
    return true;
}

// A site is a JetStream domain, and a part of subjects next to those of the hub.
static bool is_site(const char *name) {
    static const char *const taken[] = {"img", "order", "journal"};
    bool is_free = strchr(name, '.') == NULL;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        is_free &= strcmp(name, taken[i]) != 0;
    }
    return is_free;
}

// The controller cannot ask a device: it may be at the other end of the world.
static bool plan_is_for_sites(serve_t *serve) {
    const fleet_plan_t *plan = &serve->plan;
    if (plan->site_count == 0) {
        return trouble(serve, EXIT_CODE_FILE_REFUSED, "plan_missing_member",
                       "\"sites\" is missing: 'fleet serve' needs the names of the sites.");
    }
    for (size_t i = 0; i < plan->site_count; i++) {
        if (!is_site(plan->sites[i])) {
            return trouble(serve, EXIT_CODE_FILE_REFUSED, "plan_bad_value",
                           "\"sites\" takes names without dots, and not \"img\", \"order\" or \"journal\".");
        }
    }
    return (!plan->discover && plan->project[0] == '\0' && plan->chip[0] == '\0') ||
           trouble(serve, EXIT_CODE_FILE_REFUSED, "plan_bad_value",
                   "\"select\" with \"discover\", \"project\" or \"chip\" asks the devices, which 'fleet serve' cannot "
                   "do. Use \"label\".");
}

static bool load(serve_t *serve) {
    serve->has_plan = fleet_plan_load(&serve->plan, serve->arguments->operands[0], &serve->problem);
    if (!serve->has_plan || !plan_is_for_sites(serve)) {
        return false;
    }
    serve->has_firmware = fleet_image_open(&serve->firmware, serve->plan.image, &serve->problem);
    ota_ws_text_hex(serve->sha256, serve->firmware.sha256, OTA_WS_SHA256_SIZE);
    return serve->has_firmware;
}

static void adapt_rules(serve_t *serve) {
    fleet_rules_t *rules = &serve->plan.rules;
    rules->at_once = serve->plan.at_once > 0 ? serve->plan.at_once : rules->at_once * (uint32_t)serve->plan.site_count;
    rules->confirmed_elsewhere = true;
    rules->takeover_s = 0; // the gateways see to it
}

// ---- what comes in ----

static incoming_t *add_incoming(serve_t *serve) {
    if (serve->incoming_count == serve->incoming_space) {
        size_t space = serve->incoming_space == 0 ? 256 : 2 * serve->incoming_space;
        incoming_t *more = realloc(serve->incoming, space * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        serve->incoming = more;
        serve->incoming_space = space;
    }
    return &serve->incoming[serve->incoming_count++];
}

// The server refuses a filter with a wildcard for the site where a source is on the same server. So this stream is read
// as a whole: "otaws.SITE.ev.ROLLOUT.DEVICE".
static bool is_of_rollout(const serve_t *serve, const char *subject) {
    size_t length = strlen(serve->plan.rollout);
    const char *site = strchr(subject, '.');
    const char *kind = site == NULL ? NULL : strchr(site + 1, '.');
    return kind != NULL && strncmp(kind, ".ev.", 4) == 0 && strncmp(kind + 4, serve->plan.rollout, length) == 0 &&
           kind[4 + length] == '.' && strchr(kind + 5 + length, '.') == NULL;
}

static void on_event(void *context, const nats_message_t *message) {
    incoming_t incoming = {.sequence = message->sequence};
    bool is_event =
        is_of_rollout(context, message->subject) && fleet_event_read(&incoming.message, message->data, message->length);
    incoming_t *place = is_event ? add_incoming(context) : NULL;
    if (place != NULL) {
        *place = incoming;
    }
}

static void on_order(void *context, const nats_message_t *message) {
    incoming_t incoming = {.is_order = true, .sequence = message->sequence};
    json_t *json = json_loadb(message->data, message->length, 0, NULL);
    bool is_order = fleet_event_unpack(&incoming.message.event, json) && incoming.message.event.kind >= FLEET_PAUSE &&
                    incoming.message.event.kind <= FLEET_RETRY;
    json_decref(json);
    incoming_t *place = is_order ? add_incoming(context) : NULL;
    if (place != NULL) {
        *place = incoming;
    }
}

// ---- what is sent ----

static void cancel_job(serve_t *serve, uint32_t device) {
    char subject[80], text[192];
    const fleet_device_t *state = &serve->devices[device];
    snprintf(subject, sizeof subject, "otaws.%s.cancel", site_of(serve, &serve->entries[device]));
    snprintf(text, sizeof text, "{\"rollout\":\"%s\",\"device\":%u,\"attempt\":%u}", serve->plan.rollout, device,
             state->attempt);
    nats_link_publish(&serve->hub.link, subject, text);
}

static bool leads(serve_t *serve) {
    lease_tick(&serve->lead, loop_now_ms());
    return serve->lead.state == LEASE_HELD && !is_interrupted && !nats_link_is_closed(&serve->hub.link);
}

// Until it is stored: a job that was decided is not lost.
static bool publish_job(serve_t *serve, uint32_t device) {
    char subject[JETSTREAM_SUBJECT_SIZE], id[128];
    const fleet_device_t *state = &serve->devices[device];
    fleet_job_message_t job = {.device = device,
                               .attempt = state->attempt,
                               .wave = state->wave,
                               .entry = serve->entries[device],
                               .restarted = state->restarted,
                               .size = serve->firmware.size,
                               .plan = serve->plan.text};
    memcpy(job.rollout, serve->plan.rollout, sizeof job.rollout);
    memcpy(job.image, serve->sha256, sizeof job.image);
    memcpy(job.id, state->id, sizeof job.id);
    snprintf(subject, sizeof subject, "otaws.%s.job.%s.%u", site_of(serve, &serve->entries[device]),
             serve->plan.rollout, device);
    snprintf(id, sizeof id, "%s/%u/%u", serve->plan.rollout, device, state->attempt);
    char *text = fleet_job_write(&job);
    const nats_request_t request = {
        .subject = subject, .data = text, .length = text == NULL ? 0 : strlen(text), .message_id = id};
    bool stored = false;
    while (!stored && leads(serve)) {
        stored = jetstream_store(&serve->hub.link, &request, &serve->problem) != 0;
    }
    free(text);
    return stored;
}

static bool carry_out(serve_t *serve, const fleet_event_t *event) {
    switch (event->kind) {
    case FLEET_LEASE:
        return publish_job(serve, event->device);
    case FLEET_CANCEL:
        cancel_job(serve, event->device);
        return true;
    case FLEET_IDENTIFIED: // it may be a device that another entry of the list has too
        if (fleet_has_ended(serve->devices[event->device].state)) {
            cancel_job(serve, event->device);
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
            cancel_job(serve, i);
        }
    }
}

// ---- the order of things ----

static void take_effect(serve_t *serve, const fleet_event_t *event) {
    if (fleet_apply(&serve->rollout, event)) {
        serve->batch[serve->batch_count++] = *event;
        fleet_view_event(&serve->view, event);
    }
}

// An event of an earlier attempt says nothing about this one.
static bool counts(const serve_t *serve, const incoming_t *incoming) {
    const fleet_event_t *event = &incoming->message.event;
    return incoming->is_order ||
           (event->device < serve->count && incoming->message.attempt == serve->devices[event->device].attempt);
}

static void take_incoming(serve_t *serve) {
    size_t taken = 0;
    while (taken < serve->incoming_count && serve->batch_count < BATCH_MAX / 2) {
        incoming_t *incoming = &serve->incoming[taken++];
        incoming->message.event.time_s = fleet_time().time_s; // clocks of the sites may differ
        if (counts(serve, incoming)) {
            take_effect(serve, &incoming->message.event);
        }
        uint64_t *seen = incoming->is_order ? &serve->hub.orders : &serve->hub.events;
        *seen = incoming->sequence;
    }
    if (taken == 0) { // there may be no memory yet
        return;
    }
    serve->incoming_count -= taken;
    memmove(serve->incoming, serve->incoming + taken, serve->incoming_count * sizeof *serve->incoming);
}

static bool write_down(serve_t *serve) {
    bool written = false;
    while (!written && leads(serve)) {
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
    take_incoming(serve);
    while (serve->batch_count < BATCH_MAX && fleet_decide(&serve->rollout, now, &decision)) {
        take_effect(serve, &decision);
    }
    if (serve->batch_count == 0) {
        return leads(serve);
    }
    bool good = write_down(serve);
    for (uint32_t i = 0; good && i < serve->batch_count; i++) {
        good = carry_out(serve, &serve->batch[i]);
    }
    return good;
}

static bool is_over(const serve_t *serve) {
    const fleet_rollout_t *rollout = &serve->rollout;
    bool under_way = fleet_count(rollout, FLEET_ON_TRIAL) > 0;
    for (fleet_state_t state = FLEET_LEASED; state <= FLEET_RESTARTING; state++) {
        under_way |= fleet_count(rollout, state) > 0;
    }
    bool waits = !rollout->paused && fleet_waits_for_approval(rollout, fleet_time().time_s);
    return serve->incoming_count == 0 && serve->orders.is_at_end &&
           (fleet_is_at_rest(rollout) || (waits && !under_way));
}

// ---- taking the lead ----

static bool begin_rollout(serve_t *serve) {
    fleet_list_t list = {0};
    bool begun = fleet_list_select(&list, &serve->plan, &serve->problem) && devices_have_sites(serve, &list) &&
                 fleet_hub_create(&serve->hub, &serve->plan, serve->sha256, list.entries, list.count, &serve->problem);
    serve->entries = list.entries;
    serve->count = list.count;
    return begun;
}

static bool go_on(serve_t *serve, const char *text, const char *sha256) {
    if (strcmp(text, serve->plan.text) != 0) {
        return trouble(
            serve, EXIT_CODE_FILE_REFUSED, "plan_changed",
            "The plan was changed after its rollout had begun. Put it back, or give the new one another name in "
            "\"rollout\".");
    }
    return strcmp(sha256, serve->sha256) == 0 || trouble(serve, EXIT_CODE_FILE_REFUSED, "image_changed",
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

// What an earlier controller has decided, and perhaps not sent. A job that is there already is not stored again, and a
// gateway does no attempt twice.
static bool send_again(serve_t *serve) {
    bool good = true;
    for (uint32_t i = 0; good && i < serve->count; i++) {
        good = serve->devices[i].state != FLEET_LEASED || publish_job(serve, i);
    }
    return good;
}

static bool take_lead(serve_t *serve) {
    bool good =
        read_rollout(serve) && fleet_hub_put_image(&serve->hub, &serve->firmware, serve->sha256, &serve->problem);
    serve->devices = good ? calloc(serve->count, sizeof *serve->devices) : NULL;
    if (serve->devices == NULL) {
        return good && trouble(serve, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet_init(&serve->rollout, &serve->plan.rules, serve->devices, serve->count);
    if (!fleet_hub_replay(&serve->hub, &serve->rollout, NULL, NULL, &serve->problem)) {
        return false;
    }
    init_view(serve);
    snprintf(serve->orders_filter, sizeof serve->orders_filter, "otaws.order.%s", serve->plan.rollout);
    jetstream_read(&serve->events, &serve->hub.link, "OTAWS_EVENTS", NULL, serve->hub.events + 1, on_event, serve);
    jetstream_read(&serve->orders, &serve->hub.link, "OTAWS_ORDERS", serve->orders_filter, serve->hub.orders + 1,
                   on_order, serve);
    return send_again(serve);
}

static void leave_lead(serve_t *serve) {
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
    while (serve->lead.state != LEASE_HELD && !is_interrupted && !nats_link_is_closed(&serve->hub.link)) {
        nats_link_poll(&serve->hub.link, POLL_MS);
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
    if (!over && is_interrupted) {
        trouble(
            serve, EXIT_CODE_INTERRUPTED, "interrupted",
            "Interrupted. The rollout is neither paused nor aborted: the gateways go on with what they have, and the "
            "same command leads again.");
    } else if (!over) {
        trouble(serve, EXIT_CODE_UNREACHABLE, "nats_closed",
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

static exit_code_t run(serve_t *serve) {
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    snprintf(serve->name, sizeof serve->name, "%s-%d-%llx", host, (int)getpid(), (unsigned long long)loop_now_ms());
    if (!load(serve) || !fleet_hub_open(&serve->hub, &serve->arguments->nats, serve->plan.rollout, &serve->problem)) {
        return serve->problem.code;
    }
    adapt_rules(serve);
    watch_signals();
    exit_code_t code = fleet_hub_set_up(&serve->hub, &serve->plan, serve->arguments->lease_s, &serve->problem)
                           ? serve_rollout(serve)
                           : serve->problem.code;
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
