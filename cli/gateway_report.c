// SPDX-License-Identifier: Apache-2.0
// Events leave one after the other, each until the stream has stored it: so their order is right, and each counts once
// by its id.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "text.h"

void gateway_note(const gateway_t *gateway, const char *host, const char *name, const char *format, ...) {
    va_list values;
    va_start(values, format);
    output_line(gateway->output, host, name, format, values);
    va_end(values);
}

static void print_event(const held_t *held, const fleet_event_message_t *message) {
    const gateway_t *gateway = held->gateway;
    const fleet_event_t *event = &message->event;
    if (gateway->arguments->json) {
        char json[OUTPUT_JSON_SIZE];
        ota_ws_reply_t object;
        output_object(&object, json, "event", held->job.entry.host);
        ota_ws_reply_string(&object, "rollout", held->job.rollout);
        ota_ws_reply_string(&object, "event", fleet_event_step(event));
        ota_ws_reply_number(&object, "attempt", message->attempt);
        output_string(&object, "name", event->name);
        output_print(&object);
    } else if (!gateway->arguments->quiet) {
        gateway_note(gateway, held->job.entry.host, event->name, "%s: %s", held->job.rollout, fleet_event_step(event));
    }
}

void gateway_report(held_t *held, const fleet_event_message_t *message) {
    report_t *report = calloc(1, sizeof *report), **end = &held->gateway->reports;
    char *text = fleet_event_write(message);
    print_event(held, message);
    if (report == NULL || text == NULL) {
        free(report);
        free(text);
        return; // the job stays in the queue
    }
    report->held = held;
    report->text = text;
    report->is_final = message->is_final;
    report->is_restart = fleet_event_restarts(&message->event);
    snprintf(report->subject, sizeof report->subject, "otaws.%s.ev.%s.%u", held->gateway->site, held->job.rollout,
             held->job.device);
    snprintf(report->id, sizeof report->id, "%s/%u/%u/%s", held->job.rollout, held->job.device, held->job.attempt,
             fleet_event_step(&message->event));
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = report;
    gateway_report_next(held->gateway);
}

static void drop_first(gateway_t *gateway) {
    report_t *first = gateway->reports;
    gateway->reports = first->next;
    free(first->text);
    free(first);
}

static bool is_stored(const nats_message_t *message) {
    json_t *answer = message == NULL ? NULL : json_loadb(message->data, message->length, 0, NULL);
    bool stored = json_is_integer(json_object_get(answer, "seq"));
    json_decref(answer);
    return stored;
}

static void on_answer(void *context, const nats_message_t *message) {
    report_t *report = context;
    gateway_t *gateway = report->held->gateway;
    gateway->is_reporting = false;
    if (is_stored(message)) {
        held_t *held = report->held;
        bool is_final = report->is_final, is_restart = report->is_restart;
        drop_first(gateway);
        if (is_final) {
            gateway_reported(held);
        } else if (is_restart) {
            gateway_restart_reported(held);
        }
    }
}

void gateway_report_next(gateway_t *gateway) {
    report_t *report = gateway->reports;
    if (report == NULL || gateway->is_reporting || !nats_link_is_connected(&gateway->link)) {
        return;
    }
    const nats_request_t request = {
        .subject = report->subject, .data = report->text, .length = strlen(report->text), .message_id = report->id};
    gateway->is_reporting = true;
    nats_link_request(&gateway->link, &request, JETSTREAM_TIMEOUT_MS, on_answer, report);
}

void gateway_forget_reports(held_t *held) {
    gateway_t *gateway = held->gateway;
    for (report_t **at = &gateway->reports; *at != NULL;) {
        report_t *report = *at;
        if (report->held != held) {
            at = &report->next;
            continue;
        }
        if (report == gateway->reports && gateway->is_reporting) {
            nats_link_forget(&gateway->link, report);
            gateway->is_reporting = false;
        }
        *at = report->next;
        free(report->text);
        free(report);
    }
}
