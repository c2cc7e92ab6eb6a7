// SPDX-License-Identifier: Apache-2.0
#include "engine/update.h"

#include <string.h>

#include "feature.h"
#include "text.h"

#define TELL_INTERVAL_MS 250 // progress of what was written, beside the acknowledgements

static void submit(ota_ws_device_t *device, const ota_ws_job_t *job) {
    const ota_ws_worker_t *worker = device->ports.worker;
    worker->submit(worker->context, job);
}

static void submit_kind(ota_ws_device_t *device, ota_ws_job_kind_t kind) {
    ota_ws_job_t job = {.kind = kind};
    submit(device, &job);
}

static ota_ws_status_t start_worker(ota_ws_device_t *device) {
    const ota_ws_worker_t *worker = device->ports.worker;
    return worker->start(worker->context);
}

static bool is_open(const ota_ws_device_t *device) {
    return device->update == OTA_WS_UPDATE_OPENING || device->update == OTA_WS_UPDATE_RECEIVING;
}

// An update runs, which somebody has begun and may still cancel.
static bool is_running(const ota_ws_device_t *device) {
    return is_open(device) || device->update == OTA_WS_UPDATE_VERIFYING;
}

bool ota_ws_update_is_of(const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    return device->next == session || (device->owner == session && is_running(device));
}

ota_ws_status_t ota_ws_update_occupation(const ota_ws_device_t *device) {
    if (is_running(device) || device->next != NULL) {
        return OTA_WS_BUSY;
    }
    bool at_rest = device->update == OTA_WS_UPDATE_IDLE || device->update == OTA_WS_UPDATE_READY;
    return at_rest ? OTA_WS_OK : OTA_WS_DEVICE_BUSY;
}

// ---- begin ----

// Can an update of this size begin? Decided before anything is taken or changed.
static void decide_begin(const ota_ws_device_t *device, const ota_ws_upload_request_t *request,
                         ota_ws_failure_t *failure) {
    const ota_ws_flash_t *flash = device->ports.flash;
    uint32_t slot_size = flash->slot_size(flash->context);
    uint32_t space = slot_size + (device->ports.worker->decrypts ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0);
    memset(failure, 0, sizeof *failure);
    if (device->update == OTA_WS_UPDATE_READY) {
        failure->status = OTA_WS_RESTART_PENDING;
    } else if (device->pending_action != OTA_WS_PENDING_NONE) {
        failure->status = OTA_WS_DEVICE_BUSY;
    } else if (device->on_trial) {
        failure->status = OTA_WS_ON_TRIAL;
    } else if (device->layout == OTA_WS_LAYOUT_APPLICATION) {
        failure->status = OTA_WS_RECOVERY_NEEDED;
    } else if (slot_size == 0) {
        failure->status = OTA_WS_NO_SLOT;
    } else if (request->size == 0) {
        failure->status = OTA_WS_EMPTY;
    } else if (request->size > space) {
        failure->status = OTA_WS_TOO_LARGE;
        ota_ws_text_number(failure->image, request->size);
        ota_ws_text_number(failure->device, space);
    }
}

static uint32_t clock_s(const ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    return platform->clock_s != NULL ? platform->clock_s(platform->context) : 0;
}

uint32_t ota_ws_update_early_most(const ota_ws_device_t *device) {
    uint32_t chunk = device->settings->chunk;
    uint32_t space = device->ports.worker->early;
    return space < chunk ? space : chunk;
}

static void open_update(ota_ws_session_t *session, const ota_ws_upload_request_t *request, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    ota_ws_job_t job = {.kind = OTA_WS_JOB_BEGIN, .request = *request, .when_s = clock_s(device)};
    decide_begin(device, request, failure);
    if (failure->status == OTA_WS_OK) {
        failure->status = start_worker(device);
    }
    if (failure->status != OTA_WS_OK) {
        return;
    }
    memcpy(job.peer, session->peer.bytes, sizeof job.peer);
    if (request->delta) {
        job.request.deflate = true;
        job.request.window = OTA_WS_SMALL_WINDOW;
    }
    job.request.is_blank = device->prepared == OTA_WS_SLOT_BLANK;
    device->prepared = device->prepares;
    memset(&device->end, 0, sizeof device->end);
    device->update = OTA_WS_UPDATE_OPENING;
    device->owner = session;
    device->size = request->size;
    memcpy(device->sha256, request->sha256, sizeof device->sha256);
    device->deflate = job.request.deflate;
    device->expected = 0;
    device->begun_at = 0;
    device->early = request->early;
    device->received = 0;
    device->written = 0;
    device->image = NULL;
    device->last_notified_ms = device->now_ms;
    session->draining = false;
    submit(device, &job);
}

// One that must wait cannot bring data: there is no ring for them yet.
void ota_ws_update_begin(ota_ws_session_t *session, const ota_ws_upload_request_t *request, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    ota_ws_status_t occupation = ota_ws_update_occupation(device);
    session->draining |= request->early > 0; // should it be refused
    if (occupation == OTA_WS_OK) {
        open_update(session, request, failure);
    } else if (occupation == OTA_WS_DEVICE_BUSY && request->early == 0) {
        device->next = session;
        device->next_request = *request;
    } else {
        failure->status = occupation;
    }
}

void ota_ws_update_open_next(ota_ws_session_t *next) {
    ota_ws_device_t *device = next->device;
    ota_ws_failure_t failure;
    open_update(next, &device->next_request, &failure);
    if (failure.status != OTA_WS_OK) {
        device->notices->failed(next, &failure);
    }
}

// ---- data ----

bool ota_ws_update_wants_data(const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    bool early = device->update == OTA_WS_UPDATE_OPENING && device->expected < device->early;
    return device->owner == session && (device->update == OTA_WS_UPDATE_RECEIVING || early);
}

// Where a frame ends, once per whole chunk: shorter frames wait for it. The credit is two chunks at least, so a client
// never stands still for that. The very first bytes do not wait: somebody looks at the screen.
static void acknowledge(ota_ws_session_t *session, bool ends) {
    ota_ws_device_t *device = session->device;
    uint32_t chunk = device->settings->chunk;
    bool whole = ends && device->received / chunk != device->acknowledged / chunk;
    bool first = device->image == NULL && device->acknowledged == 0;
    bool last = !device->deflate && device->received == device->size;
    if (whole || first || last) {
        device->acknowledged = device->received;
        device->notices->progress(session);
    }
}

// The update goes on elsewhere, so early data do not count: behind the last of them is where `ready` has said.
static void leave_early(ota_ws_device_t *device) {
    if (device->expected >= device->early) {
        device->expected = device->received;
        device->early = 0;
    }
}

bool ota_ws_update_data(ota_ws_session_t *session, const ota_ws_data_t *data, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    const ota_ws_worker_t *worker = device->ports.worker;
    memset(failure, 0, sizeof *failure);
    if (data->offset != device->expected) {
        failure->status = OTA_WS_WRONG_OFFSET;
        ota_ws_text_number(failure->image, data->offset);
        ota_ws_text_number(failure->device, device->expected);
        return false;
    }
    if (session->is_sealed) {
        ota_ws_arrival_t arrival = {session, data};
        ota_ws_features_run(OTA_WS_DATA_CAME, &arrival);
    }
    worker->filled(worker->context, data->length);
    device->expected += data->length;
    device->last_data_ms = device->now_ms;
    if (device->early == 0) {
        device->received = device->expected;
        acknowledge(session, data->ends);
    } else if (device->update == OTA_WS_UPDATE_RECEIVING) {
        leave_early(device);
    }
    return true;
}

// All data is there: the writer looks at the whole.
static void finish_update(ota_ws_device_t *device) {
    device->update = OTA_WS_UPDATE_VERIFYING;
    submit_kind(device, OTA_WS_JOB_FINISH);
    device->notices->state(device);
}

void ota_ws_update_end(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    if (device->owner == session && device->update == OTA_WS_UPDATE_RECEIVING) {
        finish_update(device);
    }
}

// ---- the end, well or not ----

// From OPENING or RECEIVING: the writer gives the update up, then the owner gets the failure.
static void end_update(ota_ws_device_t *device, const ota_ws_failure_t *failure) {
    device->end = *failure;
    device->update = OTA_WS_UPDATE_ENDING;
    if (device->owner != NULL) {
        device->owner->draining = true;
    }
    submit_kind(device, OTA_WS_JOB_ABORT);
}

static void end_update_with(ota_ws_device_t *device, ota_ws_status_t status) {
    ota_ws_failure_t failure = {.status = status};
    end_update(device, &failure);
}

ota_ws_status_t ota_ws_update_cancel(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    bool owned = device->owner == session;
    if (device->next == session) {
        device->next = NULL;
        return OTA_WS_CANCELLED;
    }
    if (device->update == OTA_WS_UPDATE_READY) {
        return ota_ws_update_start_alone(device, session, OTA_WS_JOB_DEACTIVATE, OTA_WS_OUTCOME_NONE); // taken back
    }
    if (!is_running(device) || !owned) {
        return is_running(device) ? OTA_WS_BUSY : OTA_WS_NO_UPDATE;
    }
    if (is_open(device)) {
        end_update_with(device, OTA_WS_CANCELLED);
    } else {
        device->end.status = OTA_WS_CANCELLED; // taken back as soon as it is ready
    }
    return OTA_WS_OK;
}

void ota_ws_update_session_gone(ota_ws_session_t *session, ota_ws_status_t status) {
    ota_ws_device_t *device = session->device;
    if (device->next == session) {
        device->next = NULL;
    }
    if (device->owner != session) {
        return;
    }
    device->owner = NULL;
    if (is_open(device)) {
        end_update_with(device, status);
    }
}

// ---- what the writer has done ----

// Data that came before the answer count when the file begins at its start.
static void settle_early(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool counts = result->written == 0;
    device->received = counts ? device->expected : result->taken;
    device->early = counts ? 0 : device->early;
    leave_early(device);
}

static void begin_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (device->update != OTA_WS_UPDATE_OPENING) {
        return;
    }
    if (result->failure.status != OTA_WS_OK) {
        end_update(device, &result->failure);
        return;
    }
    device->update = OTA_WS_UPDATE_RECEIVING;
    device->last_data_ms = device->now_ms;
    device->written = device->begun_at = result->written;
    device->taken = result->taken;
    device->acknowledged = result->taken;
    device->image = result->image;
    settle_early(device, result);
    device->notices->ready(device->owner);
    if (device->received != device->acknowledged) {
        acknowledge(device->owner, false);
    }
    device->notices->state(device);
}

// The head of the image has passed: everybody may know what comes.
static void meet_image(ota_ws_device_t *device, const ota_ws_image_description_t *image) {
    if (device->image == NULL && image != NULL) {
        device->image = image;
        device->notices->state(device);
    }
}

static void chunk_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool lives = device->update == OTA_WS_UPDATE_RECEIVING || device->update == OTA_WS_UPDATE_VERIFYING;
    if (!lives) {
        return;
    }
    if (result->failure.status != OTA_WS_OK) {
        end_update(device, &result->failure);
        return;
    }
    device->taken = result->taken;
    device->written = result->written;
    device->last_data_ms = device->now_ms;
    meet_image(device, result->image);
    if (device->now_ms - device->last_notified_ms >= TELL_INTERVAL_MS) {
        device->last_notified_ms = device->now_ms;
        device->notices->written(device);
    }
    if (result->complete && device->update == OTA_WS_UPDATE_RECEIVING) {
        finish_update(device);
    }
}

static void finish_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (device->update != OTA_WS_UPDATE_VERIFYING) {
        return;
    }
    if (result->failure.status != OTA_WS_OK) {
        end_update(device, &result->failure);
        return;
    }
    if (device->end.status != OTA_WS_OK) { // cancelled meanwhile
        device->update = OTA_WS_UPDATE_CONTROL;
        submit_kind(device, OTA_WS_JOB_DEACTIVATE);
        return;
    }
    device->written = device->size;
    device->notices->written(device);
    if (device->owner != NULL) {
        device->notices->done(device->owner);
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_READY);
}

static void abort_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    (void)result;
    if (device->owner != NULL) {
        device->notices->failed(device->owner, &device->end);
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
}

void ota_ws_update_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    static void (*const done[])(ota_ws_device_t *, const ota_ws_job_result_t *) = {
        [OTA_WS_JOB_BEGIN] = begin_done,
        [OTA_WS_JOB_CHUNK] = chunk_done,
        [OTA_WS_JOB_FINISH] = finish_done,
        [OTA_WS_JOB_ABORT] = abort_done,
    };
    done[result->kind](device, result);
}

// ---- time ----

void ota_ws_update_tick(ota_ws_device_t *device) {
    bool waits_for_data = device->update == OTA_WS_UPDATE_RECEIVING && device->taken == device->received;
    if (waits_for_data && device->now_ms - device->last_data_ms >= device->settings->stall_timeout_ms) {
        end_update_with(device, OTA_WS_STALLED);
    }
}
