// SPDX-License-Identifier: Apache-2.0
// The messages between `fleet serve` and the gateways, as JSON; docs/fleet.md has them. No password is in any of them.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fleet_journal.h"
#include "rollout.h"

#define FLEET_SITE_SIZE FLEET_LABEL_SIZE
#define FLEET_PIECE_SIZE 65536      // of an image
#define FLEET_IMAGE_MAX (64u << 20) // no chip has a larger flash

// One attempt at one device. The job has all that a gateway needs, so a site that is cut off goes on with what it has.
typedef struct {
    char rollout[64];
    uint32_t device; // its number in the rollout, from 0
    uint32_t attempt, wave;
    fleet_entry_t entry;
    char id[FLEET_ID_SIZE]; // "" until it is known
    bool restarted;         // an earlier attempt has restarted it into the image
    char image[65];         // SHA-256
    uint32_t size;          // of the image
    char *plan;             // its text
} fleet_job_message_t;

// What has happened to a device, by the gateway that has it.
typedef struct {
    uint32_t attempt;
    bool restarted;   // into the image, in this attempt or before
    bool is_final;    // the attempt has ended
    char version[33]; // that the device runs; "": the gateway does not know
    fleet_event_t event;
} fleet_event_message_t;

// How far the update of a device has come. Sent once a second, and kept by nobody.
typedef struct {
    char rollout[64];
    uint32_t device, attempt;
    uint32_t percent;
} fleet_percent_message_t;

// To be freed; NULL: no memory.
char *fleet_job_write(const fleet_job_message_t *job);
char *fleet_event_write(const fleet_event_message_t *event);
char *fleet_percent_write(const fleet_percent_message_t *message);

// False: it is no such message. After true of the first, `plan` is to be freed.
bool fleet_job_read(fleet_job_message_t *job, const char *data, size_t length);
bool fleet_event_read(fleet_event_message_t *message, const char *data, size_t length);
bool fleet_percent_read(fleet_percent_message_t *message, const char *data, size_t length);

// An event as a list of values, in the journal and in orders.
json_t *fleet_event_pack(const fleet_event_t *event);
bool fleet_event_unpack(fleet_event_t *event, json_t *json);

// "progress" has the name of its state, for each state is reported once: "sending"; the others their own.
const char *fleet_event_step(const fleet_event_t *event);
