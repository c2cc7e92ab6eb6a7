// SPDX-License-Identifier: Apache-2.0
// The writing half of message.h.
#include <stdarg.h>
#include <string.h>

#include "session/message.h"
#include "text.h"

// Room that stays free for `count`, `mac` and the closing brace.
#define TAIL_SIZE (sizeof ",\"count\":4294967295,\"mac\":\"\"}" + 2 * OTA_WS_MAC_SIZE)

static void put(ota_ws_reply_t *reply, const char *text, size_t length) {
    if (reply->overflow || reply->length + length > reply->size) {
        reply->overflow = true;
        return;
    }
    memcpy(reply->text + reply->length, text, length);
    reply->length += length;
}

static void put_text(ota_ws_reply_t *reply, const char *text) {
    put(reply, text, strlen(text));
}

// Puts one character of a string; bytes outside ASCII belong to UTF-8 and pass as they are.
static void put_escaped(ota_ws_reply_t *reply, char c) {
    if (c == '"' || c == '\\') {
        char escape[2] = {'\\', c};
        put(reply, escape, sizeof escape);
    } else if ((uint8_t)c < 0x20 || c == 0x7f) {
        char escape[7] = "\\u00";
        ota_ws_text_hex(escape + 4, (const uint8_t *)&c, 1);
        put(reply, escape, 6);
    } else {
        put(reply, &c, 1);
    }
}

static void put_string(ota_ws_reply_t *reply, const char *text) {
    put_text(reply, "\"");
    for (; *text != '\0'; text++) {
        put_escaped(reply, *text);
    }
    put_text(reply, "\"");
}

// `,"name":` ... and back to where it was when the value did not fit. A name out of a list of members ends at its ':'.
static size_t start_member(ota_ws_reply_t *reply, const char *name) {
    size_t before = reply->length;
    put_text(reply, ",\"");
    put(reply, name, strcspn(name, ":"));
    put_text(reply, "\":");
    return before;
}

static void end_member(ota_ws_reply_t *reply, size_t before) {
    if (reply->overflow) {
        reply->length = before;
    }
}

void ota_ws_reply_begin(ota_ws_reply_t *reply, char *text, size_t size, const char *type) {
    reply->text = text;
    reply->size = size - TAIL_SIZE;
    reply->length = 0;
    reply->overflow = false;
    put_text(reply, "{\"type\":\"");
    put_text(reply, type);
    put_text(reply, "\"");
}

void ota_ws_reply_string(ota_ws_reply_t *reply, const char *name, const char *value) {
    size_t before = start_member(reply, name);
    put_string(reply, value);
    end_member(reply, before);
}

void ota_ws_reply_number(ota_ws_reply_t *reply, const char *name, uint32_t value) {
    char digits[11];
    size_t before = start_member(reply, name);
    ota_ws_text_number(digits, value);
    put_text(reply, digits);
    end_member(reply, before);
}

void ota_ws_reply_true(ota_ws_reply_t *reply, const char *name) {
    size_t before = start_member(reply, name);
    put_text(reply, "true");
    end_member(reply, before);
}

void ota_ws_reply_hex(ota_ws_reply_t *reply, const char *name, const uint8_t *bytes, size_t length) {
    size_t before = start_member(reply, name);
    put_text(reply, "\"");
    for (size_t i = 0; i < length; i++) {
        char digits[3];
        ota_ws_text_hex(digits, bytes + i, 1);
        put(reply, digits, 2);
    }
    put_text(reply, "\"");
    end_member(reply, before);
}

// One member of a list; returns what follows it, NULL at the end.
static const char *put_member(ota_ws_reply_t *reply, const char *member, va_list *values) {
    const char *kind = strchr(member, ':') + 1;
    const void *pointer = NULL;
    uint32_t number = 0;
    if (*kind == 's' || *kind == 'x') {
        pointer = va_arg(*values, const void *);
    } else {
        number = va_arg(*values, uint32_t);
    }
    if (*kind == 's' && pointer != NULL) {
        ota_ws_reply_string(reply, member, pointer);
    } else if (*kind == 'x' && pointer != NULL) {
        ota_ws_reply_hex(reply, member, pointer, OTA_WS_REPLY_HEX_SIZE);
    } else if (*kind == 't' && number != 0) {
        ota_ws_reply_true(reply, member);
    } else if (*kind == 'n' || number != 0) {
        ota_ws_reply_number(reply, member, number);
    }
    return kind[1] != '\0' ? kind + 2 : NULL;
}

void ota_ws_reply_list(ota_ws_reply_t *reply, const char *members, va_list *values) {
    while (members != NULL) {
        members = put_member(reply, members, values);
    }
}

void ota_ws_reply_members(ota_ws_reply_t *reply, const char *members, ...) {
    va_list values;
    va_start(values, members);
    ota_ws_reply_list(reply, members, &values);
    va_end(values);
}

void ota_ws_reply_failure(ota_ws_reply_t *reply, const ota_ws_failure_t *failure, ota_ws_sentence_t sentence) {
    ota_ws_reply_string(reply, "name", ota_ws_status_name(failure->status));
    if (sentence != NULL) {
        sentence(reply, failure);
    }
    ota_ws_reply_members(reply, "image:s device:s", failure->image[0] != '\0' ? failure->image : NULL,
                         failure->device[0] != '\0' ? failure->device : NULL);
}

void ota_ws_reply_end(ota_ws_reply_t *reply, const ota_ws_hash_t *hash, const uint8_t *key, uint32_t count) {
    reply->overflow = false;
    reply->size += TAIL_SIZE;
    if (key != NULL) {
        uint8_t mac[OTA_WS_MAC_SIZE];
        ota_ws_reply_number(reply, "count", count);
        ota_ws_mac(hash, key, reply->text, reply->length, mac);
        ota_ws_reply_hex(reply, "mac", mac, sizeof mac);
    }
    put_text(reply, "}");
}
