// SPDX-License-Identifier: Apache-2.0
// A device and two clients as plain bytes that can be copied: the writer does nothing, its jobs wait until somebody
// says how they ended. What the ports have been promised is checked in world_check().
#pragma once

#include "session/device.h"
#include "session/session.h"

#define WORLD_CLIENTS 2
#define WORLD_JOBS_MAX 8
#define WORLD_CHUNKS 2 // that the ring has space for
#define WORLD_CHUNK 1024u
#define WORLD_SIZE (3 * WORLD_CHUNK - 24) // of the file

typedef struct {
    ota_ws_device_t device;
    ota_ws_session_t sessions[WORLD_CLIENTS];
    bool is_open[WORLD_CLIENTS];
    uint32_t now_ms;
    ota_ws_job_kind_t jobs[WORLD_JOBS_MAX]; // with the writer, the oldest first
    uint32_t lengths[WORLD_JOBS_MAX];
    uint8_t job_count, chunks; // all of them; in the ring
    bool has_worker;           // between start and stop
    bool has_failed;           // the writer hands the update's jobs back
    uint32_t early;            // bytes that BEGIN has let follow at once
    uint32_t skip;             // of them, that the writer still throws away
    uint32_t taken;            // bytes of data, by the writer
    uint32_t written;          // of them, to flash
    bool is_selected;          // the other image, for the next start
    uint8_t restarts;          // that were asked for
    bool is_short;             // no memory for a worker
    bool is_refusing;          // the application allows no restart
    const char *violation;     // of a port's contract; NULL: none
} world_t;

extern world_t world; // the only one: it points into itself

// How a device may start.
extern const char *const world_starts[];
extern const unsigned world_start_count;
void world_begin(unsigned start);

// One of the things that may happen. False: not now, and nothing has changed.
typedef struct {
    const char *name; // as the drawing calls it
    const char *detail;
    bool (*happen)(unsigned which);
    unsigned which;
} world_event_t;

extern const world_event_t world_events[];
extern const unsigned world_event_count;

// NULL, or what does not hold.
const char *world_check(void);

// All that the future depends on, as far as the search distinguishes states.
typedef struct {
    uint8_t bytes[48];
} world_state_t;

void world_abstract(world_state_t *state);

// Everybody leaves and every job ends well: NULL, or why the device is not as good as new then.
const char *world_wind_up(void);
