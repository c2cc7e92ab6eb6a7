// SPDX-License-Identifier: Apache-2.0
// `fleet gateway`: takes jobs of its site from a work queue, drives the devices as a rollout in one process does
// (fleet_run.h), and reports what happens. Several gateways may serve a site. One job is one attempt at one device,
// from the lease to the confirmation; it belongs to the gateway that has the device's lease.
//
//     job taken -> lease -> what was reported of the device last? -> image -> driven -> last event stored -> job is
//     done
//
// A gateway that dies leaves the job in the queue, and the lease runs out. The next one asks the device how far it is.
#pragma once

#include "arguments.h"
#include "fleet_message.h"
#include "fleet_run.h"
#include "image_fetch.h"
#include "jetstream.h"
#include "output.h"

#define GATEWAY_SLOTS 256    // devices of one rollout, those on trial too
#define GATEWAY_ROLLOUTS 4   // at once
#define GATEWAY_DELIVERIES 5 // of one job; after that many it is given up, because its gateway ended each time
#define GATEWAY_CANCELS 256  // that are remembered

struct gateway;
struct held;

// A rollout, as this gateway knows it.
typedef struct site_rollout {
    struct gateway *gateway;
    bool is_used, is_open; // open: the image is there
    char name[64];
    fleet_plan_t plan;
    bool has_plan;
    char reason[33]; // why nothing can be done; ""
    image_fetch_t image;
    fleet_run_t run;
    fleet_entry_t entries[GATEWAY_SLOTS];
    fleet_device_t devices[GATEWAY_SLOTS];
    struct held *held[GATEWAY_SLOTS];
    uint32_t count; // jobs of it
} site_rollout_t;

typedef enum {
    HELD_LEASING,
    HELD_ASKING,    // what was reported last?
    HELD_WAITING,   // for the image, or a slot
    HELD_RUNNING,   // in its slot
    HELD_REPORTING, // the last event has to be stored
    HELD_DONE,      // the queue has to know
} held_state_t;

// A job that this gateway has taken.
typedef struct held {
    struct held *next;
    struct gateway *gateway;
    site_rollout_t *rollout;
    fleet_job_message_t job;
    char ack[192]; // subject
    uint32_t deliveries, slot;
    held_state_t state;
    lease_t lease;
    bool has_last; // `last` was reported of this attempt
    fleet_event_message_t last;
    char version[33];    // that the device runs, as far as it was seen; ""
    uint64_t percent_ms; // when it is told next how far the update has come
    bool is_abandoned;   // the lease is lost: nothing is reported any more
    bool is_free;        // to be freed
    bool is_asked;
    uint64_t progress_ms; // when the queue gets the next "in progress" for this job
    unsigned tries;
} held_t;

// An event that is not stored yet.
typedef struct report {
    struct report *next;
    held_t *held; // NULL: nobody waits for it
    char subject[JETSTREAM_SUBJECT_SIZE], id[160];
    char *text;
    bool is_final, is_restart;
} report_t;

typedef struct gateway {
    const arguments_t *arguments;
    const output_t *output;
    const char *site;
    char queue[80]; // name of the site's consumer
    char name[80];  // of this process: host and a random number
    nats_link_t link;
    loop_t loop;
    lws_sorted_usec_list_t poll;
    site_rollout_t *rollouts[GATEWAY_ROLLOUTS];
    held_t *held;
    struct gateway *self; // stands for the request for jobs, which is forgotten alone
    uint32_t pulled;      // jobs that were asked for
    uint64_t pull_ms;
    uint32_t limit; // devices at once
    report_t *reports;
    bool is_reporting;
    struct {
        char rollout[64];
        uint32_t device, attempt;
    } cancels[GATEWAY_CANCELS];
    size_t cancel_count;
    problem_t problem;
} gateway_t;

exit_code_t gateway_command(const arguments_t *arguments, output_t *output);

// ---- gateway_rollout.c ----

// The rollout of the job; NULL: there is no space for another one. A plan that cannot be used gives `reason`.
site_rollout_t *gateway_rollout_of(gateway_t *gateway, const fleet_job_message_t *job);
void gateway_rollout_tick(site_rollout_t *rollout, uint64_t now_ms);
void gateway_rollout_close(site_rollout_t *rollout); // after the loop was closed

// Begins with the device, or goes on with it. False: there is no slot.
bool gateway_rollout_place(site_rollout_t *rollout, held_t *held);

// ---- gateway_held.c ----

void gateway_take_job(gateway_t *gateway, const nats_message_t *message);
void gateway_held_tick(held_t *held, uint64_t now_ms);
void gateway_cancel(gateway_t *gateway, const char *rollout, uint32_t device, uint32_t attempt);

// Something has happened to the device.
void gateway_happened(held_t *held, const fleet_event_t *event, bool restarted, bool is_final);

// It is driven no more, and nothing is said about it.
void gateway_drop(held_t *held);

// ---- gateway_report.c ----

void gateway_report(held_t *held, const fleet_event_message_t *message);
void gateway_report_next(gateway_t *gateway);
void gateway_forget_reports(held_t *held);

// The last event of a job was stored.
void gateway_reported(held_t *held);

// It was stored that the device is about to be restarted.
void gateway_restart_reported(held_t *held);

// A line, or an object. `host` NULL: about no device.
void gateway_note(const gateway_t *gateway, const char *host, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
