// SPDX-License-Identifier: Apache-2.0
// One session with one device: ticket, WebSocket, login, then messages both ways with their count and mac, and a ping
// when nothing else is said. Knows what a session is, not what it is good for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "channel.h"
#include "connection.h"
#include "credentials.h"
#include "device_message.h"
#include "loop.h"

#define CLIENT_QUEUE_LENGTH 4

typedef struct {
    void *context;
    // A message of the device's, after welcome. All but `pong` and `error`.
    void (*on_message)(void *context, const device_message_t *message);
    // Data may be sent: writes a frame (offset and bytes, at most CONNECTION_FRAME_MAX) and returns its length; 0: none
    // now.
    size_t (*fill)(void *context, unsigned char *frame);
    // The session is over, or has never begun. client_connect() may be called.
    void (*ended)(void *context, const problem_t *problem);
    // After client_close(): the goodbyes have been said.
    void (*left)(void *context);
} client_events_t;

typedef enum {
    CLIENT_IDLE,
    CLIENT_ASKING,  // for a ticket
    CLIENT_OPENING, // the WebSocket
    CLIENT_LOGIN,   // hello was said
    CLIENT_OPEN,    // welcome was received
} client_phase_t;

typedef struct {
    client_events_t events;
    const address_t *address;
    credentials_t *credentials;
    connection_t connection;
    channel_t channel;
    client_phase_t phase;
    bool by_ip;       // the device does not know the name: it is named by its IP address
    bool second_path; // the page is not at address->path
    bool login;       // the device asks for one
    bool is_code;     // its password is its own pairing code
    char ticket[64];
    char path[2 * ADDRESS_PATH_SIZE];    // of the WebSocket
    literal_t peer;                      // that has given the ticket: the session is opened there
    char host_header[ADDRESS_HOST_SIZE]; // by which it knows itself
    uint64_t deadline_ms;                // of the phase, until CLIENT_OPEN
    uint64_t received_ms, sent_ms;
    uint32_t round_trip_ms; // the shortest answer in the login; UINT32_MAX: not known yet
    struct {
        char text[CHANNEL_TEXT_SIZE];
        size_t length;
    } queue[CLIENT_QUEUE_LENGTH]; // not sent yet; their macs are made already
    size_t queued;
    bool has_data; // fill() is worth a call
} client_t;

// `address` and `credentials` stay the caller's. The credentials are asked for on the terminal when the device wants
// some and there are none.
void client_init(client_t *client, loop_t *loop, const address_t *address, credentials_t *credentials,
                 const client_events_t *events);

// Begins a session. There is none now.
void client_connect(client_t *client);

// Begins a message; members may be added with ota_ws_reply_*(), then client_say() sends it.
void client_message(ota_ws_reply_t *message, char text[CHANNEL_TEXT_SIZE], const char *type);
void client_say(client_t *client, ota_ws_reply_t *message);

// The two in one, for a message without members.
void client_say_type(client_t *client, const char *type);

// There is data to send: fill() will be called when it can leave.
void client_offer_data(client_t *client);

// Ends the session, if there is one. No event but `left` follows.
void client_close(client_t *client);

// `left` will not come (any more).
bool client_has_left(const client_t *client);

// Time passes: deadlines and pings.
void client_tick(client_t *client, uint64_t now_ms);
