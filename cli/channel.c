// SPDX-License-Identifier: Apache-2.0
#include "channel.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "seal.h"
#include "text.h"

// A message before welcome, terminated.
static void end_plain(ota_ws_reply_t *message, const ota_ws_hash_t *hash) {
    ota_ws_reply_end(message, hash, NULL, 0);
    message->text[message->length] = '\0';
}

void channel_start(channel_t *channel, const ota_ws_hash_t *hash, const char *ticket, bool login,
                   const uint8_t random[18], char text[CHANNEL_TEXT_SIZE]) {
    memset(channel, 0, sizeof *channel);
    channel->hash = hash;
    channel->login = login;

    ota_ws_reply_t hello;
    ota_ws_reply_begin(&hello, text, CHANNEL_TEXT_SIZE, "hello");
    ota_ws_reply_number(&hello, "version", 1);
    ota_ws_reply_string(&hello, "ticket", ticket);
    if (login) {
        char first[OTA_WS_SCRAM_MESSAGE_SIZE];
        ota_ws_scram_client_first(&channel->scram, random, first);
        ota_ws_reply_string(&hello, "scram", first);
    }
    end_plain(&hello, hash);
}

static bool refuse(problem_t *problem, const char *name, const char *sentence) {
    problem_set(problem, EXIT_CODE_LOGIN, name, "%s", sentence);
    return false;
}

bool channel_answer(channel_t *channel, const device_message_t *challenge, const char *password,
                    char text[CHANNEL_TEXT_SIZE], problem_t *problem) {
    char server_first[OTA_WS_SCRAM_MESSAGE_SIZE];
    char final[OTA_WS_SCRAM_MESSAGE_SIZE];
    if (!channel->login || channel->proved ||
        !device_message_string(challenge, "scram", server_first, sizeof server_first) ||
        ota_ws_scram_client_final(&channel->scram, channel->hash, password, server_first, final, &channel->keys,
                                  channel->server_signature) != OTA_WS_OK) {
        return refuse(problem, "bad_challenge", "The device's login message does not follow SCRAM-SHA-256.");
    }
    channel->proved = true;
    ota_ws_reply_t proof;
    ota_ws_reply_begin(&proof, text, CHANNEL_TEXT_SIZE, "proof");
    ota_ws_reply_string(&proof, "scram", final);
    end_plain(&proof, channel->hash);
    return true;
}

bool channel_welcome(channel_t *channel, const device_message_t *welcome, problem_t *problem) {
    char server_final[OTA_WS_SCRAM_MESSAGE_SIZE];
    if (channel->login &&
        (!channel->proved || !device_message_string(welcome, "scram", server_final, sizeof server_final) ||
         !ota_ws_scram_client_check(channel->server_signature, server_final))) {
        return refuse(problem, "device_not_proved",
                      "What answers does not know the password: it is not your device. Nothing was sent to it.");
    }
    channel->open = true;
    return true;
}

static bool is_guarded(const channel_t *channel) {
    return channel->login && channel->open;
}

void channel_add_mac(channel_t *channel, ota_ws_reply_t *message) {
    channel->sent++;
    ota_ws_reply_end(message, channel->hash, is_guarded(channel) ? channel->keys.client : NULL, channel->sent);
}

void channel_seal(const channel_t *channel, const channel_stream_t *stream, void *bytes, size_t length) {
    const ota_ws_seal_t seal = {channel->keys.data, stream->begin, stream->start};
    ota_ws_seal(&seal, stream->offset, bytes, length);
}

// The text ends with `,"count":N,"mac":"` + 32 hex digits + `"}`.
bool channel_check(channel_t *channel, const char *text, size_t length) {
    if (!is_guarded(channel)) {
        return true;
    }
    char count[40];
    size_t count_length = (size_t)snprintf(count, sizeof count, ",\"count\":%u", channel->received + 1);
    static const char mac_start[] = ",\"mac\":\"";
    const size_t start_length = sizeof mac_start - 1;
    const size_t tail = start_length + 2 * OTA_WS_MAC_SIZE + 2;
    if (length < tail + count_length) {
        return false;
    }
    size_t covered = length - tail;
    char digits[2 * OTA_WS_MAC_SIZE + 1];
    memcpy(digits, text + covered + start_length, sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';

    uint8_t theirs[OTA_WS_MAC_SIZE], ours[OTA_WS_MAC_SIZE];
    ota_ws_mac(channel->hash, channel->keys.device, text, covered, ours);
    if (memcmp(text + covered, mac_start, start_length) != 0 || memcmp(text + length - 2, "\"}", 2) != 0 ||
        !ota_ws_text_unhex(digits, theirs, sizeof theirs) || !ota_ws_bytes_equal(theirs, ours, sizeof ours) ||
        memcmp(text + covered - count_length, count, count_length) != 0) {
        return false;
    }
    channel->received++;
    return true;
}

size_t channel_open(const channel_t *channel, const device_message_t *sealed, char text[CHANNEL_TEXT_SIZE]) {
    char base64[CHANNEL_TEXT_SIZE];
    const ota_ws_seal_t seal = {channel->keys.answers, channel->received, 0};
    if (!is_guarded(channel) || !device_message_string(sealed, "message", base64, sizeof base64)) {
        return 0;
    }
    const size_t digits = strcspn(base64, "="), padding = strlen(base64) - digits;
    const int decoded = EVP_DecodeBlock((uint8_t *)text, (const uint8_t *)base64, (int)(digits + padding));
    if (decoded <= 0 || padding > 2) {
        return 0;
    }
    const size_t length = (size_t)decoded - padding;
    ota_ws_seal(&seal, 0, text, length);
    text[length] = '\0';
    return length;
}

void channel_wipe(channel_t *channel) {
    explicit_bzero(channel, sizeof *channel);
}
