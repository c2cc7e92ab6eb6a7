// SPDX-License-Identifier: Apache-2.0
// The seal against listeners (seal.h): opens the data of sealed uploads, and seals the answers that may hold secrets.
// Without this feature `state` has no `seals`, and a request that says "sealed" ends the session.
#include <string.h>

#include "engine/state.h"
#include "feature.h"
#include "seal.h"
#include "session/report.h"
#include "text.h"

#define AROUND (sizeof "{\"type\":\"sealed\",\"message\":\"\"" - 1)
#define LONGEST (OTA_WS_SEALED_SIZE - OTA_WS_REPLY_TAIL_SIZE + 1) // of what is sealed

_Static_assert(AROUND + OTA_WS_BASE64_LENGTH(LONGEST) + OTA_WS_REPLY_TAIL_SIZE <= OTA_WS_MESSAGE_SIZE,
               "what was sealed fits into a message");

// ---- uploads: each piece of data as it has come, in the ring's space, before the writer sees it. So resume, early
// data, compression and the rest of the way know nothing of the seal.

// Two numbers name the stream of data: the `count` of `begin`, and the offset of `ready`. Both are 0 for a PUT: it
// sends its data before there is a `ready`, and each PUT has its own key.
static void open_piece(void *subject) {
    const ota_ws_arrival_t *arrival = subject;
    const ota_ws_session_t *session = arrival->session;
    const ota_ws_device_t *device = session->device;
    const ota_ws_worker_t *worker = device->ports.worker;
    const uint32_t count = session->begun_count;
    const ota_ws_seal_t seal = {session->secret.keys.data, count, count > 0 ? device->begun_at : 0};
    ota_ws_seal(&seal, arrival->data->offset, worker->space(worker->context), arrival->data->length);
}

// ---- answers: a message becomes the content of another one.

// The stream is named by the count that the message will have. The device's counts never repeat in a session. The text
// is sealed at the end of the buffer and written as base64 from the start of the buffer on: the base64 is longer, but
// it never reaches a byte that was not read yet.
static void seal_answer(void *subject) {
    ota_ws_report_t *report = subject;
    const ota_ws_session_t *session = report->session;
    const ota_ws_seal_t seal = {session->secret.keys.answers, session->sent_count + 1, 0};
    ota_ws_reply_t *reply = &report->reply;
    ota_ws_reply_end(reply, NULL, NULL, 0);
    size_t length = reply->length;
    uint8_t *sealed = (uint8_t *)reply->text + OTA_WS_MESSAGE_SIZE - length;
    memmove(sealed, reply->text, length);
    ota_ws_seal(&seal, 0, sealed, length);
    ota_ws_reply_begin(reply, reply->text, OTA_WS_MESSAGE_SIZE, "sealed");
    ota_ws_reply_string(reply, "message", "");
    char *end = ota_ws_base64(reply->text + AROUND - 1, sealed, length);
    *end = '"'; // the one that base64 has replaced
    reply->length = (size_t)(end + 1 - reply->text);
}

const ota_ws_feature_t ota_ws_feature_sealed[] = {
    {OTA_WS_DATA_CAME, open_piece},
    {OTA_WS_ANSWER_WRITTEN, seal_answer},
    {0},
};
