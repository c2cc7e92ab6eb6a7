// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX 256
#define CLOSE_TIMEOUT_S 2

struct link_message {
    link_message_t *next;
    size_t length;
    unsigned char bytes[]; // LWS_PRE bytes for libwebsockets, then the text
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

void link_send(link_t *link, const char *text, size_t length) {
    link_message_t *message = link->count < QUEUE_MAX ? malloc(sizeof *message + LWS_PRE + length) : NULL;
    lws_callback_on_writable(link->wsi);
    if (message == NULL) {
        link->broken = true;
        return;
    }
    message->next = NULL;
    message->length = length;
    memcpy(message->bytes + LWS_PRE, text, length);
    if (link->last != NULL) {
        link->last->next = message;
    } else {
        link->first = message;
    }
    link->last = message;
    link->count++;
}

void link_close(link_t *link) {
    if (!link->closing) {
        link->closing = true;
        lws_set_timeout(link->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_TIMEOUT_S);
        lws_callback_on_writable(link->wsi);
    }
}

bool link_writable(link_t *link) {
    while (link->first != NULL && !link->broken && !lws_send_pipe_choked(link->wsi)) {
        if (lws_write(link->wsi, link->first->bytes + LWS_PRE, link->first->length, LWS_WRITE_TEXT) < 0) {
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
    if (link->closing) {
        lws_close_reason(link->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    }
    return !link->closing;
}
