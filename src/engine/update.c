// SPDX-License-Identifier: Apache-2.0
#include "engine/update.h"

#include <string.h>

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

// The device is at rest: one job that changes the boot record gets its own small thread.
static ota_ws_status_t start_alone(ota_ws_device_t *device, ota_ws_session_t *session, const ota_ws_job_t *job) {
    const ota_ws_worker_t *worker = device->ports.worker;
    ota_ws_status_t status = worker->start_alone(worker->context, job);
    if (status == OTA_WS_OK) {
        device->update = OTA_WS_UPDATE_CONTROL;
        device->owner = session;
    }
    return status;
}

static void stop_worker(ota_ws_device_t *device) {
    const ota_ws_worker_t *worker = device->ports.worker;
    worker->stop(worker->context);
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

// ---- begin ---------------------------------------------------------------------------------------------------------

// Can an update of this size begin? Decided before anything is taken or changed.
static void decide_begin(const ota_ws_device_t *device, const ota_ws_promise_t *promise, ota_ws_failure_t *failure) {
    const ota_ws_flash_t *flash = device->ports.flash;
    uint32_t slot_size = flash->slot_size(flash->context);
    uint32_t room = slot_size + (device->ports.worker->decrypts ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0);
    memset(failure, 0, sizeof *failure);
    if (device->update == OTA_WS_UPDATE_READY) {
        failure->status = OTA_WS_RESTART_PENDING;
    } else if (device->errand != OTA_WS_ERRAND_NONE) {
        failure->status = OTA_WS_DEVICE_BUSY;
    } else if (device->on_trial) {
        failure->status = OTA_WS_ON_TRIAL;
    } else if (slot_size == 0) {
        failure->status = OTA_WS_NO_SLOT;
    } else if (promise->size == 0) {
        failure->status = OTA_WS_EMPTY;
    } else if (promise->size > room) {
        failure->status = OTA_WS_TOO_LARGE;
        ota_ws_text_number(failure->image, promise->size);
        ota_ws_text_number(failure->device, room);
    }
}

static uint32_t clock_s(const ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    return platform->clock_s != NULL ? platform->clock_s(platform->context) : 0;
}

uint32_t ota_ws_update_early_most(const ota_ws_device_t *device) {
    uint32_t chunk = device->settings->chunk;
    uint32_t room = device->ports.worker->early;
    return room < chunk ? room : chunk;
}

static void open_update(ota_ws_session_t *session, const ota_ws_promise_t *promise, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    ota_ws_job_t job = {.kind = OTA_WS_JOB_BEGIN, .promise = *promise, .when_s = clock_s(device)};
    decide_begin(device, promise, failure);
    if (failure->status == OTA_WS_OK) {
        failure->status = start_worker(device);
    }
    if (failure->status != OTA_WS_OK) {
        return;
    }
    memcpy(job.peer, session->peer.bytes, sizeof job.peer);
    memset(&device->end, 0, sizeof device->end);
    device->update = OTA_WS_UPDATE_OPENING;
    device->owner = session;
    device->size = promise->size;
    memcpy(device->sha256, promise->sha256, sizeof device->sha256);
    device->deflate = promise->deflate;
    device->expected = 0;
    device->early = promise->early;
    device->received = 0;
    device->written = 0;
    device->image = NULL;
    device->last_told_ms = device->now_ms;
    session->draining = false;
    submit(device, &job);
}

// One that must wait cannot bring data: there is no ring for them yet.
void ota_ws_update_begin(ota_ws_session_t *session, const ota_ws_promise_t *promise, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    ota_ws_status_t occupation = ota_ws_update_occupation(device);
    session->draining |= promise->early > 0; // should it be refused
    if (occupation == OTA_WS_OK) {
        open_update(session, promise, failure);
    } else if (occupation == OTA_WS_DEVICE_BUSY && promise->early == 0) {
        device->next = session;
        device->next_promise = *promise;
    } else {
        failure->status = occupation;
    }
}

static void open_next(ota_ws_session_t *next) {
    ota_ws_device_t *device = next->device;
    ota_ws_failure_t failure;
    open_update(next, &device->next_promise, &failure);
    if (failure.status != OTA_WS_OK) {
        device->notices->failed(next, &failure);
    }
}

void ota_ws_update_rest(ota_ws_device_t *device, ota_ws_update_state_t state) {
    ota_ws_history_newest(device->ports.platform, &device->last);
    device->update = state;
    device->owner = NULL;
    device->image = NULL; // it goes with the worker's memory
    stop_worker(device);
    device->notices->state(device);
    ota_ws_session_t *next = device->next;
    device->next = NULL;
    if (next != NULL) {
        open_next(next);
    }
}

// ---- data ----------------------------------------------------------------------------------------------------------

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

// ---- the end, well or not ------------------------------------------------------------------------------------------

// From OPENING or RECEIVING: the writer gives the update up, then the owner is told.
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

// An image that is ready: the boot record is changed back.
static ota_ws_status_t take_back(ota_ws_session_t *session) {
    ota_ws_job_t job = {.kind = OTA_WS_JOB_DEACTIVATE};
    return start_alone(session->device, session, &job);
}

ota_ws_status_t ota_ws_update_cancel(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    bool owned = device->owner == session;
    if (device->next == session) {
        device->next = NULL;
        return OTA_WS_CANCELLED;
    }
    if (device->update == OTA_WS_UPDATE_READY) {
        return take_back(session);
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

// ---- a job that changes the boot record -----------------------------------------------------------------------------

ota_ws_status_t ota_ws_update_start_job(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                        ota_ws_outcome_t outcome) {
    ota_ws_job_t job = {.kind = kind, .outcome = outcome};
    if (device->restarting || device->update == OTA_WS_UPDATE_READY) {
        return OTA_WS_RESTART_PENDING;
    }
    ota_ws_status_t status = ota_ws_update_occupation(device);
    return status == OTA_WS_OK ? start_alone(device, session, &job) : status;
}

// ---- what the writer has done --------------------------------------------------------------------------------------

// Data that came before the answer count when the file begins at its start.
static void settle_early(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool counts = result->written == 0;
    device->received = counts ? device->expected : result->taken;
    device->early = counts ? 0 : device->early;
    leave_early(device);
}

void ota_ws_update_begin_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (device->update != OTA_WS_UPDATE_OPENING) {
        return;
    }
    if (result->failure.status != OTA_WS_OK) {
        end_update(device, &result->failure);
        return;
    }
    device->update = OTA_WS_UPDATE_RECEIVING;
    device->last_data_ms = device->now_ms;
    device->written = result->written;
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

void ota_ws_update_chunk_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
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
    if (device->now_ms - device->last_told_ms >= TELL_INTERVAL_MS) {
        device->last_told_ms = device->now_ms;
        device->notices->written(device);
    }
    if (result->complete && device->update == OTA_WS_UPDATE_RECEIVING) {
        finish_update(device);
    }
}

void ota_ws_update_finish_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
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

void ota_ws_update_abort_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    (void)result;
    if (device->owner != NULL) {
        device->notices->failed(device->owner, &device->end);
    }
    ota_ws_update_rest(device, OTA_WS_UPDATE_IDLE);
}

// ---- time ----------------------------------------------------------------------------------------------------------

void ota_ws_update_tick(ota_ws_device_t *device) {
    bool waits_for_data = device->update == OTA_WS_UPDATE_RECEIVING && device->taken == device->received;
    if (waits_for_data && device->now_ms - device->last_data_ms >= device->settings->stall_timeout_ms) {
        end_update_with(device, OTA_WS_STALLED);
    }
}
