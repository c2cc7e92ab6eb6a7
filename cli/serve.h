// SPDX-License-Identifier: Apache-2.0
// The parts of `fleet serve` (fleet_serve.h): the plan with its sites, what comes in, what is sent, and the order of
// things. One serve_t is one controller, which may lead a rollout, lose the lead and take it again.
#pragma once

#include <signal.h>

#include "arguments.h"
#include "dashboard.h"
#include "fleet_hub.h"
#include "fleet_message.h"
#include "fleet_view.h"
#include "output.h"

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
    dashboard_t *dashboard; // NULL: none
    jetstream_reader_t events, orders;
    char orders_filter[96];
    incoming_t *incoming;
    size_t incoming_count, incoming_space;
    fleet_event_t batch[BATCH_MAX];
    uint32_t batch_count;
    uint64_t cancel_ms;
    problem_t problem;
} serve_t;

extern volatile sig_atomic_t serve_is_interrupted; // by Ctrl-C

// False, always: sets the problem.
bool serve_fail(serve_t *serve, exit_code_t code, const char *name, const char *sentence);

// ---- serve_plan.c ----

// Reads plan and image. False: the problem.
bool serve_load(serve_t *serve);

// Has each device one label that is a site of the plan?
bool serve_devices_have_sites(serve_t *serve, const fleet_list_t *list);

// NULL: it has none, or two.
const char *serve_site_of(const serve_t *serve, const fleet_entry_t *entry);

// The rules of a rollout whose devices the gateways drive.
void serve_adapt_rules(serve_t *serve);

// ---- serve_messages.c ----

// Handlers of the two streams: what comes lies in `incoming` until serve_take_incoming().
void serve_on_event(void *context, const nats_message_t *message);
void serve_on_order(void *context, const nats_message_t *message);

// How far an update has come: for the dashboard alone, and shown at once.
void serve_on_percent(void *context, const nats_message_t *message);

// What has come takes effect, as long as the batch has space.
void serve_take_incoming(serve_t *serve);

// It goes into the rollout and into the batch, unless it makes no sense.
void serve_take_effect(serve_t *serve, const fleet_event_t *event);

// Is it still the one that leads? Asks the dashboard meanwhile.
bool serve_leads(serve_t *serve);

// Until it is stored: a job that was decided is not lost. False: it leads no more.
bool serve_publish_job(serve_t *serve, uint32_t device);
void serve_cancel_job(serve_t *serve, uint32_t device);
