// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "fleet_run.h"
#include "loop.h"
#include "serve.h"

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

void serve_on_event(void *context, const nats_message_t *message) {
    incoming_t incoming = {.sequence = message->sequence};
    bool is_event =
        is_of_rollout(context, message->subject) && fleet_event_read(&incoming.message, message->data, message->length);
    incoming_t *place = is_event ? add_incoming(context) : NULL;
    if (place != NULL) {
        *place = incoming;
    }
}

void serve_on_order(void *context, const nats_message_t *message) {
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

// What was shown of the attempt before is over.
static void note_lease(serve_t *serve, const fleet_event_t *event) {
    fleet_status_t *status = dashboard_status(serve->dashboard);
    if (status != NULL && event->kind == FLEET_LEASE) {
        fleet_status_percent(status, event->device, FLEET_STATUS_NO_PERCENT);
    }
}

static void note_version(serve_t *serve, const fleet_event_message_t *message) {
    fleet_status_t *status = dashboard_status(serve->dashboard);
    if (status != NULL && message->event.device < serve->count) {
        fleet_status_version(status, message->event.device, message->version);
    }
}

void serve_take_effect(serve_t *serve, const fleet_event_t *event) {
    if (fleet_apply(&serve->rollout, event)) {
        serve->batch[serve->batch_count++] = *event;
        note_lease(serve, event);
        fleet_view_event(&serve->view, event);
    }
}

// An event of an earlier attempt says nothing about this one.
static bool counts(const serve_t *serve, const incoming_t *incoming) {
    const fleet_event_t *event = &incoming->message.event;
    return incoming->is_order ||
           (event->device < serve->count && incoming->message.attempt == serve->devices[event->device].attempt);
}

void serve_take_incoming(serve_t *serve) {
    size_t taken = 0;
    while (taken < serve->incoming_count && serve->batch_count < BATCH_MAX / 2) {
        incoming_t *incoming = &serve->incoming[taken++];
        incoming->message.event.time_s = fleet_time().time_s; // clocks of the sites may differ
        if (counts(serve, incoming)) {
            note_version(serve, &incoming->message);
            serve_take_effect(serve, &incoming->message.event);
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

void serve_on_percent(void *context, const nats_message_t *message) {
    serve_t *serve = context;
    fleet_percent_message_t percent;
    fleet_status_t *status = dashboard_status(serve->dashboard);
    if (status != NULL && fleet_percent_read(&percent, message->data, message->length) &&
        strcmp(percent.rollout, serve->plan.rollout) == 0 && percent.device < serve->count &&
        percent.attempt == serve->devices[percent.device].attempt) {
        fleet_status_percent(status, percent.device, percent.percent);
    }
}

// ---- what is sent ----

void serve_cancel_job(serve_t *serve, uint32_t device) {
    char subject[80], text[192];
    const fleet_device_t *state = &serve->devices[device];
    snprintf(subject, sizeof subject, "otaws.%s.cancel", serve_site_of(serve, &serve->entries[device]));
    snprintf(text, sizeof text, "{\"rollout\":\"%s\",\"device\":%u,\"attempt\":%u}", serve->plan.rollout, device,
             state->attempt);
    nats_link_publish(&serve->hub.link, subject, text);
}

bool serve_leads(serve_t *serve) {
    lease_tick(&serve->lead, loop_now_ms());
    dashboard_poll(serve->dashboard);
    return serve->lead.state == LEASE_HELD && !serve_is_interrupted && !nats_link_is_closed(&serve->hub.link);
}

// Until it is stored: a job that was decided is not lost.
bool serve_publish_job(serve_t *serve, uint32_t device) {
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
    snprintf(subject, sizeof subject, "otaws.%s.job.%s.%u", serve_site_of(serve, &serve->entries[device]),
             serve->plan.rollout, device);
    snprintf(id, sizeof id, "%s/%u/%u", serve->plan.rollout, device, state->attempt);
    char *text = fleet_job_write(&job);
    const nats_request_t request = {
        .subject = subject, .data = text, .length = text == NULL ? 0 : strlen(text), .message_id = id};
    bool stored = false;
    while (!stored && serve_leads(serve)) {
        stored = jetstream_store(&serve->hub.link, &request, &serve->problem) != 0;
    }
    free(text);
    return stored;
}
