// SPDX-License-Identifier: Apache-2.0
#include "image_fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_message.h"
#include "fleet_run.h"
#include "jetstream.h"
#include "loop.h"
#include "text.h"

#define AGAIN_MS 500     // a piece that is not there may still be on its way from the hub
#define MISSING_MS 60000 // so long without a piece

static uint32_t count_pieces(const image_fetch_t *fetch) {
    return (fetch->size + FLEET_PIECE_SIZE - 1) / FLEET_PIECE_SIZE;
}

static size_t size_of(const image_fetch_t *fetch, uint32_t piece) {
    uint32_t left = fetch->size - piece * FLEET_PIECE_SIZE;
    return left < FLEET_PIECE_SIZE ? left : FLEET_PIECE_SIZE;
}

static void fail(image_fetch_t *fetch, const char *reason, bool is_lost) {
    fetch->state = IMAGE_FAILED;
    fetch->is_lost = is_lost;
    ota_ws_text_copy(fetch->reason, sizeof fetch->reason, reason);
}

// ---- the whole image ----

// The digest first: what is wrong inside a damaged image says nothing.
static void finish(image_fetch_t *fetch) {
    char path[40], digest[2 * OTA_WS_SHA256_SIZE + 1];
    problem_t problem;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fetch->file);
    bool is_sound = fleet_image_open(&fetch->firmware, path, &problem);
    ota_ws_text_hex(digest, fetch->firmware.sha256, OTA_WS_SHA256_SIZE);
    bool is_same = strcmp(digest, fetch->sha256) == 0;
    fetch->firmware.path = fetch->sha256;
    if (is_sound && is_same) {
        fetch->state = IMAGE_READY;
        return;
    }
    if (is_sound) {
        firmware_close(&fetch->firmware);
    }
    fail(fetch, is_same ? problem.name : "image_damaged", false);
}

// ---- pieces ----

static void on_piece(void *context, const nats_message_t *message) {
    image_request_t *request = context;
    image_fetch_t *fetch = request->fetch;
    uint64_t now_ms = loop_now_ms();
    if (fetch->state != IMAGE_FETCHING) {
        return;
    }
    if (message == NULL || message->status != 0) {
        request->again_ms = now_ms + AGAIN_MS;
        return;
    }
    if (message->length != size_of(fetch, request->piece)) {
        fail(fetch, "image_damaged", false);
        return;
    }
    off_t at = (off_t)request->piece * FLEET_PIECE_SIZE;
    if (pwrite(fetch->file, message->data, message->length, at) != (ssize_t)message->length) {
        fail(fetch, "disk_full", true);
        return;
    }
    request->is_used = false;
    fetch->alive_ms = now_ms;
    fetch->done++;
    if (fetch->done == count_pieces(fetch)) {
        finish(fetch);
    }
}

static void ask(image_request_t *request) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    snprintf(subject, sizeof subject, "otaws.img.%s.%u", request->fetch->sha256, request->piece);
    request->is_used = true;
    request->again_ms = 0;
    jetstream_get_last(request->fetch->link, "OTAWS_IMG", subject, on_piece, request);
}

void image_fetch_begin(image_fetch_t *fetch, nats_link_t *link, const char *sha256, uint32_t size) {
    const char *folder = getenv("TMPDIR");
    memset(fetch, 0, sizeof *fetch);
    fetch->link = link;
    fetch->size = size;
    fetch->alive_ms = loop_now_ms();
    ota_ws_text_copy(fetch->sha256, sizeof fetch->sha256, sha256);
    fetch->file = open(folder != NULL ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fetch->file < 0) {
        fail(fetch, "no_temporary_file", true);
    } else if (size == 0) {
        fail(fetch, "image_damaged", false);
    }
}

void image_fetch_tick(image_fetch_t *fetch, uint64_t now_ms) {
    for (size_t i = 0; i < IMAGE_FETCH_AT_ONCE && fetch->state == IMAGE_FETCHING; i++) {
        image_request_t *request = &fetch->requests[i];
        request->fetch = fetch;
        if (!request->is_used && fetch->next < count_pieces(fetch)) {
            request->piece = fetch->next++;
            ask(request);
        } else if (request->is_used && request->again_ms != 0 && now_ms >= request->again_ms) {
            ask(request);
        }
    }
    if (fetch->state == IMAGE_FETCHING && now_ms >= fetch->alive_ms + MISSING_MS) {
        fail(fetch, "image_missing", true);
    }
}

void image_fetch_close(image_fetch_t *fetch) {
    for (size_t i = 0; i < IMAGE_FETCH_AT_ONCE; i++) {
        nats_link_forget(fetch->link, &fetch->requests[i]);
    }
    if (fetch->state == IMAGE_READY) {
        firmware_close(&fetch->firmware);
    }
    if (fetch->file >= 0) {
        close(fetch->file);
    }
    fetch->file = -1;
    fetch->state = IMAGE_FAILED;
}
