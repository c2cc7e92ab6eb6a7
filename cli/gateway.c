// SPDX-License-Identifier: Apache-2.0
#include "gateway.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "loop.h"

#define POLL_US (10 * LWS_US_PER_MS)
#define PULL_NS 2000000000
#define PULL_MS 3000 // after which a request for jobs counts as lost
#define PULL_PAUSE_MS 1000
#define LIMIT 8 // until a plan says another one
#define GOODBYE_MS 300

// ---- streams of the site ----

// On the hub itself nothing has to come over.
static const char *hub_unless(const char *site) {
    return strcmp(site, "hub") == 0 ? NULL : "hub";
}

// Its name has the site: an answer to the queue ("$JS.ACK.stream.consumer. ...") goes through leaf nodes to all
// servers, and one that has a consumer of this name takes it for its own message with the same number.
static bool make_consumer(gateway_t *gateway) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    json_int_t wait_ns = (json_int_t)gateway->arguments->lease_s * 2 * 1000000000;
    json_t *consumer =
        json_pack("{ss s{ss ss sI si si}}", "stream_name", "OTAWS_JOBS", "config", "durable_name", gateway->queue,
                  "ack_policy", "explicit", "ack_wait", wait_ns, "max_deliver", -1, "max_ack_pending", 10000);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DURABLE.CREATE.OTAWS_JOBS.%s", gateway->queue);
    json_t *answer = jetstream_call(&gateway->link, subject, consumer, &gateway->problem);
    json_decref(answer);
    return answer != NULL;
}

static bool make_jobs(gateway_t *gateway) {
    char filter[80], deliver[80];
    snprintf(filter, sizeof filter, "otaws.%s.job.>", gateway->site);
    snprintf(deliver, sizeof deliver, "otaws-deliver.jobs.%s", gateway->site);
    json_t *source = jetstream_source("OTAWS_OUT", filter, hub_unless(gateway->site), deliver);
    json_t *stream = json_pack("{ss ss ss si s[o]}", "name", "OTAWS_JOBS", "retention", "workqueue", "storage", "file",
                               "num_replicas", 1, "sources", source);
    return jetstream_make_stream(&gateway->link, stream, &gateway->problem) && make_consumer(gateway);
}

static bool make_events(gateway_t *gateway) {
    char subject[80];
    snprintf(subject, sizeof subject, "otaws.%s.ev.>", gateway->site);
    json_t *stream =
        json_pack("{ss s[s] ss sI sI ss sb si}", "name", "OTAWS_EV", "subjects", subject, "retention", "limits",
                  "max_age", (json_int_t)(30 * JETSTREAM_DAY_NS), "duplicate_window", (json_int_t)JETSTREAM_DAY_NS,
                  "storage", "file", "allow_direct", true, "num_replicas", 1);
    return jetstream_make_stream(&gateway->link, stream, &gateway->problem);
}

// The images come over once, whatever number of gateways a site has. The hub's own stream is the controller's.
static bool make_images(gateway_t *gateway) {
    char deliver[80];
    if (hub_unless(gateway->site) == NULL) {
        return true;
    }
    snprintf(deliver, sizeof deliver, "otaws-deliver.images.%s", gateway->site);
    json_t *stream = json_pack("{ss so ss sI sb si}", "name", "OTAWS_IMG", "mirror",
                               jetstream_source("OTAWS_IMG", NULL, "hub", deliver), "storage", "file", "max_age",
                               (json_int_t)(30 * JETSTREAM_DAY_NS), "allow_direct", true, "num_replicas", 1);
    return jetstream_make_stream(&gateway->link, stream, &gateway->problem);
}

// A site is the JetStream domain of its server.
static bool set_up(gateway_t *gateway) {
    char domain[64];
    if (!jetstream_domain(&gateway->link, domain, sizeof domain, &gateway->problem)) {
        return false;
    }
    if (strcmp(domain, gateway->site) != 0) {
        problem_set(&gateway->problem, EXIT_CODE_USAGE, "site_unknown",
                    "The NATS server is of the site '%.40s', and not of '%.40s' (\"domain\" in its configuration).",
                    domain, gateway->site);
        return false;
    }
    return make_jobs(gateway) && make_events(gateway) && make_images(gateway) &&
           jetstream_make_bucket(&gateway->link, "otaws_leases", gateway->arguments->lease_s, &gateway->problem);
}

// ---- jobs ----

// Devices on trial take no place.
static uint32_t count_busy(const gateway_t *gateway) {
    uint32_t busy = 0;
    for (const held_t *held = gateway->held; held != NULL; held = held->next) {
        bool is_driven = held->state == HELD_RUNNING && held->rollout->held[held->slot] == held;
        busy += !is_driven || held->rollout->devices[held->slot].state != FLEET_ON_TRIAL;
    }
    return busy;
}

static void on_pulled(void *context, const nats_message_t *message) {
    gateway_t *gateway = *(gateway_t **)context;
    if (message->status == 0) {
        gateway->pulled -= gateway->pulled > 0;
        gateway_take_job(gateway, message);
    } else if (message->status != 100) {
        gateway->pulled = 0;
        gateway->pull_ms = message->status == 408 ? 0 : loop_now_ms() + PULL_PAUSE_MS;
    }
}

static void pull(gateway_t *gateway, uint64_t now_ms) {
    char text[64], subject[JETSTREAM_SUBJECT_SIZE];
    uint32_t busy = count_busy(gateway);
    if (gateway->pulled > 0 && now_ms >= gateway->pull_ms) {
        gateway->pulled = 0;
    }
    if (gateway->pulled > 0 || busy >= gateway->limit || now_ms < gateway->pull_ms ||
        !nats_link_is_connected(&gateway->link)) {
        return;
    }
    gateway->pulled = gateway->limit - busy;
    gateway->pull_ms = now_ms + PULL_MS;
    snprintf(text, sizeof text, "{\"batch\":%u,\"expires\":%d}", gateway->pulled, PULL_NS);
    nats_link_forget(&gateway->link, &gateway->self);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.OTAWS_JOBS.%s", gateway->queue);
    nats_link_ask(&gateway->link, subject, text, on_pulled, &gateway->self);
}

// {"rollout", "device", "attempt"} to all gateways of the site.
static void on_cancel(void *context, const nats_message_t *message) {
    json_t *json = json_loadb(message->data, message->length, 0, NULL);
    const char *rollout = json_string_value(json_object_get(json, "rollout"));
    const json_t *device = json_object_get(json, "device"), *attempt = json_object_get(json, "attempt");
    if (rollout != NULL && json_is_integer(device) && json_is_integer(attempt)) {
        gateway_cancel(context, rollout, (uint32_t)json_integer_value(device), (uint32_t)json_integer_value(attempt));
    }
    json_decref(json);
}

static void free_held(held_t *held) {
    nats_link_forget(&held->gateway->link, held);
    gateway_forget_reports(held);
    lease_release(&held->lease);
    held->rollout->count--;
    free(held);
}

static void tick_held(gateway_t *gateway, uint64_t now_ms) {
    for (held_t **at = &gateway->held; *at != NULL;) {
        held_t *held = *at;
        gateway_held_tick(held, now_ms);
        if (held->is_free) {
            *at = held->next;
            free_held(held);
        } else {
            at = &held->next;
        }
    }
}

// ---- the loop ----

static void fail(gateway_t *gateway) {
    problem_set(&gateway->problem, EXIT_CODE_UNREACHABLE, "nats_closed",
                "The NATS server has closed the connection, and does not let us in again.");
    loop_stop(&gateway->loop);
}

// What comes from NATS is taken 100 times a second, and each job goes one step.
static void on_poll(lws_sorted_usec_list_t *poll) {
    gateway_t *gateway = lws_container_of(poll, gateway_t, poll);
    uint64_t now_ms = loop_now_ms();
    nats_link_poll(&gateway->link, 0);
    if (nats_link_is_closed(&gateway->link)) {
        fail(gateway);
        return;
    }
    tick_held(gateway, now_ms);
    gateway_report_next(gateway);
    pull(gateway, now_ms);
    lws_sul_schedule(gateway->loop.lws, 0, &gateway->poll, on_poll, POLL_US);
}

static void on_tick(void *context, uint64_t now_ms) {
    gateway_t *gateway = context;
    for (size_t i = 0; i < GATEWAY_ROLLOUTS; i++) {
        if (gateway->rollouts[i] != NULL && gateway->rollouts[i]->is_used) {
            gateway_rollout_tick(gateway->rollouts[i], now_ms);
        }
    }
}

static void on_interrupted(void *context) {
    gateway_t *gateway = context;
    problem_set(&gateway->problem, EXIT_CODE_INTERRUPTED, "interrupted",
                "Interrupted. Other gateways of the site go on with the devices of this one.");
    loop_stop(&gateway->loop);
}

// After the connections to the devices were closed.
static void give_back_all(gateway_t *gateway) {
    while (gateway->held != NULL) {
        held_t *held = gateway->held;
        gateway->held = held->next;
        if (held->state != HELD_DONE) {
            nats_link_publish(&gateway->link, held->ack, "-NAK");
        }
        free_held(held);
    }
    for (uint64_t end_ms = loop_now_ms() + GOODBYE_MS; loop_now_ms() < end_ms;) {
        nats_link_poll(&gateway->link, 20);
    }
}

static void serve(gateway_t *gateway) {
    char subject[80];
    const loop_events_t events = {gateway, on_tick, on_interrupted};
    snprintf(subject, sizeof subject, "otaws.%s.cancel", gateway->site);
    if (!set_up(gateway) || !nats_link_subscribe(&gateway->link, subject, on_cancel, gateway)) {
        return;
    }
    gateway_note(gateway, NULL, "", "%s: a gateway of the site %s.", gateway->name, gateway->site);
    lws_sul_schedule(gateway->loop.lws, 0, &gateway->poll, on_poll, 1);
    loop_run(&gateway->loop, &events);
    lws_sul_schedule(gateway->loop.lws, 0, &gateway->poll, on_poll, LWS_SET_TIMER_USEC_CANCEL);
}

// ---- life ----

static void name_gateway(gateway_t *gateway) {
    char host[64] = "";
    uint32_t number = 0;
    gethostname(host, sizeof host - 1);
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number) {
        number = (uint32_t)getpid();
    }
    snprintf(gateway->name, sizeof gateway->name, "%s-%08x", host, number);
}

// The loop first: it blocks the signals, and the threads of libnats take that over.
static void run(gateway_t *gateway) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    const arguments_t *arguments = gateway->arguments;
    if (!loop_open(&gateway->loop, &callbacks, &arguments->tls, &gateway->problem)) {
        return;
    }
    if (nats_link_open(&gateway->link, &arguments->nats, &gateway->problem)) {
        serve(gateway);
    }
    loop_close(&gateway->loop);
    if (gateway->link.connection != NULL) {
        give_back_all(gateway);
    }
    for (size_t i = 0; i < GATEWAY_ROLLOUTS; i++) {
        if (gateway->rollouts[i] != NULL) {
            gateway_rollout_close(gateway->rollouts[i]);
        }
    }
    nats_link_close(&gateway->link);
}

exit_code_t gateway_command(const arguments_t *arguments, output_t *output) {
    gateway_t *gateway = calloc(1, sizeof *gateway);
    outcome_t outcome;
    if (gateway == NULL) {
        return EXIT_CODE_TROUBLE;
    }
    gateway->arguments = arguments;
    gateway->output = output;
    gateway->site = arguments->site;
    gateway->limit = LIMIT;
    gateway->self = gateway;
    snprintf(gateway->queue, sizeof gateway->queue, "gateways-%s", gateway->site);
    name_gateway(gateway);
    run(gateway);
    exit_code_t code = gateway->problem.code;
    if (code != EXIT_CODE_OK) {
        outcome_from_problem(&outcome, &gateway->problem, NULL);
        outcome.kind = OUTCOME_FAILED;
        output_result(output, NULL, &outcome);
    }
    free(gateway);
    return code;
}
