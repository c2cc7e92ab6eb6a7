// SPDX-License-Identifier: Apache-2.0
// The connection to an MQTT broker, and the only file that knows libmosquitto. It never waits: broker_tick() does what
// there is to do, some ten times a second. After a loss it connects again by itself, with a pause that grows to 30 s.
// What was published is not kept: `connected` is called after each connection, and publishes again what should be
// there. Only the look-up of the broker's name may take its time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker_address.h"
#include "problem.h"

#define BROKER_TEXT_SIZE 2048 // of a message that is received, terminated; a longer one is cut

typedef struct {
    void *context;
    void (*connected)(void *context);
    // `retained`: it was published before this connection.
    void (*message)(void *context, const char *topic, const char *text, bool retained);
    // The connection is lost, or none can be made: once, until there is one again. `is_final`: the broker has refused
    // the first one, and nothing more is tried.
    void (*lost)(void *context, const problem_t *problem, bool is_final);
} broker_events_t;

typedef struct {
    struct mosquitto *client;
    broker_address_t address;
    broker_events_t events;
    const char *will; // topic
    enum { BROKER_PAUSED, BROKER_CONNECTING, BROKER_CONNECTED } phase;
    bool has_begun;     // the library knows the address
    bool was_connected; // once at least
    bool is_reported;   // `lost` was called, for this loss
    bool is_final;
    uint64_t next_ms; // PAUSED: the next try; CONNECTING: the end of this one
    uint64_t pause_ms;
    problem_t refusal; // what the broker has answered to this try; code EXIT_CODE_OK: nothing
} broker_t;

typedef struct {
    const char *password; // NULL: none
    const char *ca_file;  // of "mqtts"; NULL: the system's certificates
    const char *will;     // topic that holds "online" and "offline"; stays the caller's
    broker_events_t events;
} broker_settings_t;

// Prepares; the first broker_tick() connects. False: `problem`. After true broker_close() follows.
bool broker_open(broker_t *broker, const broker_address_t *address, const broker_settings_t *settings,
                 problem_t *problem);

void broker_tick(broker_t *broker, uint64_t now_ms);

// Publishes with the flag `retained`: the broker keeps the message for later subscribers. Does nothing while there is
// no connection.
void broker_publish(broker_t *broker, const char *topic, const char *text);
void broker_subscribe(broker_t *broker, const char *topic);

// Says "offline" at `will`, and takes leave: a second at most.
void broker_close(broker_t *broker);
