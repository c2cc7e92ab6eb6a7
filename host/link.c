// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 256
#define CLOSE_TIMEOUT_S 2
#define CLOSE_FRAME 0x88 // the first byte of one
#define CODE_SIZE 2      // of the reason in it

struct link_message {
    link_message_t *next;
    enum lws_write_protocol kind;
    size_t length;
    unsigned char bytes[]; // LWS_PRE bytes for libwebsockets, then the payload
};

void link_init(link_t *link, struct lws *wsi) {
    memset(link, 0, sizeof *link);
    link->wsi = wsi;
}

static void drop_first(link_t *link) {
    link_message_t *message = link->first;
    link->first = message->next;
    link->last = link->first == NULL ? NULL : link->last;
    link->count--;
    free(message);
}

void link_free(link_t *link) {
    while (link->first != NULL) {
        drop_first(link);
    }
}

static void queue(link_t *link, enum lws_write_protocol kind, const void *payload, size_t length) {
    link_message_t *message = link->count < QUEUE_MAX ? malloc(sizeof *message + LWS_PRE + length) : NULL;
    lws_callback_on_writable(link->wsi);
    if (message == NULL) {
        link->broken = true;
        return;
    }
    message->next = NULL;
    message->kind = kind;
    message->length = length;
    memcpy(message->bytes + LWS_PRE, payload, length);
    if (link->last != NULL) {
        link->last->next = message;
    } else {
        link->first = message;
    }
    link->last = message;
    link->count++;
}

void link_send(link_t *link, const char *text, size_t length) {
    queue(link, LWS_WRITE_TEXT, text, length);
}

void link_pong(link_t *link, const uint8_t *payload, size_t length) {
    if (!link->closing) {
        queue(link, LWS_WRITE_PONG, payload, length);
    }
}

// ---- the end ----

// libwebsockets sends no Close frame by itself without waiting for the answer; LWS_WRITE_HTTP adds no header to ours.
static void say_goodbye(link_t *link, const uint8_t *payload, size_t length) {
    uint8_t frame[2 + CODE_SIZE] = {CLOSE_FRAME, (uint8_t)length};
    if (!link->said_goodbye) {
        link->said_goodbye = true;
        memcpy(frame + 2, payload, length);
        queue(link, LWS_WRITE_HTTP, frame, 2 + length);
    }
}

static void begin_to_close(link_t *link) {
    if (!link->closing) {
        link->closing = true;
        lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_TIMEOUT_S);
    }
}

void link_close(link_t *link) {
    static const uint8_t normal[CODE_SIZE] = {LWS_CLOSE_STATUS_NORMAL >> 8, LWS_CLOSE_STATUS_NORMAL & 0xFF};
    begin_to_close(link);
    say_goodbye(link, normal, sizeof normal);
}

void link_peer_closes(link_t *link, const uint8_t *payload, size_t length) {
    begin_to_close(link);
    say_goodbye(link, payload, length < CODE_SIZE ? 0 : CODE_SIZE);
    link->answered = true;
    lws_callback_on_writable(link->wsi);
}

bool link_writable(link_t *link) {
    while (link->first != NULL && !link->broken && !lws_send_pipe_choked(link->wsi)) {
        if (lws_write(link->wsi, link->first->bytes + LWS_PRE, link->first->length, link->first->kind) < 0) {
            return false;
        }
        drop_first(link);
    }
    if (link->broken) {
        return false;
    }
    if (link->first != NULL) {
        lws_callback_on_writable(link->wsi);
        return true;
    }
    return !link->answered;
}
