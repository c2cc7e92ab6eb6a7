// SPDX-License-Identifier: Apache-2.0
// Login and what guards a session after it: docs/protocol.md, section 3, the client's side. Texts in, texts out; knows
// no socket. A device without login ("none") needs no channel_answer, and its messages carry no mac.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device_message.h"
#include "hash.h"
#include "login/scram.h"
#include "problem.h"
#include "session/message.h"

#define CHANNEL_TEXT_SIZE (DEVICE_MESSAGE_SIZE + 1)

typedef struct {
    const ota_ws_hash_t *hash;
    bool login;  // the device asks for one
    bool open;   // welcome was said
    bool proved; // our proof has been sent: the device's must follow
    ota_ws_scram_t scram;
    uint8_t server_signature[OTA_WS_SHA256_SIZE];
    ota_ws_session_keys_t keys;
    uint32_t sent, received;
} channel_t;

// A new session: writes `hello` into `text`. `random` is fresh.
void channel_start(channel_t *channel, const ota_ws_hash_t *hash, const char *ticket, bool login,
                   const uint8_t random[18], char text[CHANNEL_TEXT_SIZE]);

// Takes `challenge` and writes `proof` into `text`. False: `problem` says what is wrong with it.
bool channel_answer(channel_t *channel, const device_message_t *challenge, const char *password,
                    char text[CHANNEL_TEXT_SIZE], problem_t *problem);

// Takes `welcome`. True only when the device has proved that it knows the password too.
bool channel_welcome(channel_t *channel, const device_message_t *welcome, problem_t *problem);

// Appends count and mac, if this session has them, and the closing brace to a message begun by ota_ws_reply_begin().
void channel_add_mac(channel_t *channel, ota_ws_reply_t *message);

// A place in what is sealed (docs/protocol.md, section 6).
typedef struct {
    uint32_t begin;  // count of the `begin` that the data belong to
    uint32_t start;  // offset of its `ready`; 0 before that
    uint32_t offset; // of the data frame
} channel_stream_t;

// Seals data in place. The session has a login.
void channel_seal(const channel_t *channel, const channel_stream_t *stream, void *bytes, size_t length);

// Is the text's count the next one and its mac right? True also where the session has none.
bool channel_check(channel_t *channel, const char *text, size_t length);

// Opens a message `sealed` that was checked, the newest one: its content into `text`, terminated. Returns its length;
// 0: it has none, or the session has no keys.
size_t channel_open(const channel_t *channel, const device_message_t *sealed, char text[CHANNEL_TEXT_SIZE]);

// Forgets the keys.
void channel_wipe(channel_t *channel);
