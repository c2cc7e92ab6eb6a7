// SPDX-License-Identifier: Apache-2.0
// The writing half of message.h.
#include <string.h>

#include "session/message.h"
#include "text.h"

static void put(ota_ws_reply_t *reply, const char *text, size_t length) {
    if (length > reply->size - reply->length) {
        reply->overflow = true;
        length = 0;
    }
    memcpy(reply->text + reply->length, text, length);
    reply->length += length;
}

// Writes `text` with escapes, in runs of characters that need none. Bytes outside ASCII belong to UTF-8 and need none.
// The short escape of a line end makes `logs` short.
static void put_escaped(ota_ws_reply_t *reply, const char *text) {
    char escape[7] = "\\u00";
    for (;;) {
        const char *run = text;
        while ((uint8_t)*text >= 0x20 && *text != 0x7f && *text != '"' && *text != '\\') {
            text++;
        }
        put(reply, run, (size_t)(text - run));
        if (*text == '\0') {
            return;
        }
        if (*text == '"' || *text == '\\' || *text == '\n') {
            put(reply, escape, 1);
            put(reply, *text == '\n' ? "n" : text, 1);
        } else {
            ota_ws_text_hex(escape + 4, (const uint8_t *)text, 1);
            put(reply, escape, 6);
        }
        text++;
    }
}

void ota_ws_reply_member(ota_ws_reply_t *reply, const char *name, const char *text, ota_ws_reply_form_t form) {
    size_t before = reply->length;
    if (reply->overflow) {
        return;
    }
    put(reply, ",\"", 2);
    put(reply, name, strlen(name));
    put(reply, "\":\"", form == OTA_WS_REPLY_BARE ? 2 : 3);
    if (form == OTA_WS_REPLY_ESCAPED) {
        put_escaped(reply, text);
    } else {
        put(reply, text, strlen(text));
    }
    if (form != OTA_WS_REPLY_BARE) {
        put(reply, "\"", 1);
    }
    if (reply->overflow) {
        reply->length = before;
    }
}

void ota_ws_reply_begin(ota_ws_reply_t *reply, char *text, size_t size, const char *type) {
    *reply = (ota_ws_reply_t){.text = text, .size = size - OTA_WS_REPLY_TAIL_SIZE};
    ota_ws_reply_string(reply, "type", type);
    text[0] = '{'; // in place of the comma
}

void ota_ws_reply_string(ota_ws_reply_t *reply, const char *name, const char *value) {
    ota_ws_reply_member(reply, name, value, OTA_WS_REPLY_ESCAPED);
}

void ota_ws_reply_number(ota_ws_reply_t *reply, const char *name, uint32_t value) {
    char digits[11];
    ota_ws_text_number(digits, value);
    ota_ws_reply_member(reply, name, digits, OTA_WS_REPLY_BARE);
}

void ota_ws_reply_true(ota_ws_reply_t *reply, const char *name) {
    ota_ws_reply_member(reply, name, "true", OTA_WS_REPLY_BARE);
}

void ota_ws_reply_hex(ota_ws_reply_t *reply, const char *name, const uint8_t *bytes, size_t length) {
    char digits[2 * OTA_WS_SHA256_SIZE + 1];
    ota_ws_text_hex(digits, bytes, length);
    ota_ws_reply_member(reply, name, digits, OTA_WS_REPLY_QUOTED);
}

void ota_ws_reply_end(ota_ws_reply_t *reply, const ota_ws_hash_t *hash, const uint8_t *key, uint32_t count) {
    reply->overflow = false;
    reply->size += OTA_WS_REPLY_TAIL_SIZE;
    if (key != NULL) {
        uint8_t mac[OTA_WS_MAC_SIZE];
        ota_ws_reply_number(reply, "count", count);
        ota_ws_mac(hash, key, reply->text, reply->length, mac);
        ota_ws_reply_hex(reply, "mac", mac, sizeof mac);
    }
    put(reply, "}", 1);
}
