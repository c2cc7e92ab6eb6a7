// SPDX-License-Identifier: Apache-2.0
// Opens sealed uploads (seal.h): each piece of data as it has come, in the ring's space, before the writer sees it. So
// resume, early data, compression and the rest of the way know nothing of it. Without this feature `state` has no
// `seals`, and a `begin` that says "sealed" ends the session.
#include "engine/state.h"
#include "feature.h"
#include "seal.h"

// The stream of data is named by the count of `begin` and by where `ready` had it start. A PUT sends before it hears
// `ready`, and has a key of its own for each request: both are 0.
static void open_piece(void *subject) {
    const ota_ws_arrival_t *arrival = subject;
    const ota_ws_session_t *session = arrival->session;
    const ota_ws_device_t *device = session->device;
    const ota_ws_worker_t *worker = device->ports.worker;
    const uint32_t count = session->begun_count;
    const ota_ws_seal_t seal = {session->secret.keys.data, count, count > 0 ? device->begun_at : 0};
    ota_ws_seal(&seal, arrival->data->offset, worker->space(worker->context), arrival->data->length);
}

const ota_ws_feature_t ota_ws_feature_sealed[] = {
    {OTA_WS_DATA_CAME, open_piece},
    {0},
};
