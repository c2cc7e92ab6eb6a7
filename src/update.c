// SPDX-License-Identifier: Apache-2.0
#include "update.h"

#include <string.h>

#include "report.h"
#include "text.h"

#define TELL_INTERVAL_MS 250 // progress of what was written, beside the acknowledgements
#define LOOK_INTERVAL_MS 1000
#define ASK_AGAIN_MS 10000 // so long after the application has refused to go back when the trial was over

// Tells the session what it asked for cannot be had; nothing when it can.
static void fail_session(ota_ws_session_t *session, ota_ws_status_t status) {
    ota_ws_failure_t failure = {.status = status};
    if (status != OTA_WS_OK) {
        ota_ws_report_failed(session, &failure);
    }
}

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

static void stop_worker(ota_ws_device_t *device) {
    const ota_ws_worker_t *worker = device->ports.worker;
    worker->stop(worker->context);
}

static bool is_open(const ota_ws_device_t *device) {
    return device->update == OTA_WS_UPDATE_OPENING || device->update == OTA_WS_UPDATE_RECEIVING;
}

bool ota_ws_update_is_of(const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    return device->owner == session && (is_open(device) || device->update == OTA_WS_UPDATE_VERIFYING);
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
        failure->status = OTA_WS_BUSY;
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

static void open_update(ota_ws_session_t *session, const ota_ws_promise_t *promise) {
    ota_ws_device_t *device = session->device;
    ota_ws_job_t job = {.kind = OTA_WS_JOB_BEGIN, .promise = *promise, .when_s = clock_s(device)};
    ota_ws_failure_t failure;
    decide_begin(device, promise, &failure);
    if (failure.status == OTA_WS_OK) {
        failure.status = start_worker(device);
    }
    if (failure.status != OTA_WS_OK) {
        ota_ws_report_failed(session, &failure);
        return;
    }
    memcpy(job.peer, session->peer.bytes, sizeof job.peer);
    memset(&device->end, 0, sizeof device->end);
    device->update = OTA_WS_UPDATE_OPENING;
    device->owner = session;
    device->size = promise->size;
    device->deflate = promise->deflate;
    device->received = 0;
    device->written = 0;
    device->image = NULL;
    device->last_told_ms = device->now_ms;
    session->draining = false;
    submit(device, &job);
}

void ota_ws_update_begin(ota_ws_session_t *session, const ota_ws_promise_t *promise) {
    ota_ws_device_t *device = session->device;
    bool at_rest = device->update == OTA_WS_UPDATE_IDLE || device->update == OTA_WS_UPDATE_READY;
    bool ends_soon = device->update == OTA_WS_UPDATE_ENDING || device->update == OTA_WS_UPDATE_CONTROL;
    if (at_rest) {
        open_update(session, promise);
    } else if (ends_soon && device->next == NULL) {
        device->next = session;
        device->next_promise = *promise;
    } else {
        fail_session(session, OTA_WS_BUSY);
    }
}

// Back at rest: a `begin` that had to wait has its turn.
static void rest(ota_ws_device_t *device, ota_ws_update_state_t state) {
    ota_ws_history_newest(device->ports.platform, &device->last);
    device->update = state;
    device->owner = NULL;
    device->image = NULL; // it goes with the worker's memory
    stop_worker(device);
    ota_ws_report_state_to_all(device);
    ota_ws_session_t *next = device->next;
    device->next = NULL;
    if (next != NULL) {
        open_update(next, &device->next_promise);
    }
}

// ---- data ----------------------------------------------------------------------------------------------------------

bool ota_ws_update_wants_data(const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    return device->owner == session && device->update == OTA_WS_UPDATE_RECEIVING;
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
        ota_ws_report_progress(session);
    }
}

bool ota_ws_update_data(ota_ws_session_t *session, const ota_ws_data_t *data, ota_ws_failure_t *failure) {
    ota_ws_device_t *device = session->device;
    const ota_ws_worker_t *worker = device->ports.worker;
    memset(failure, 0, sizeof *failure);
    if (data->offset != device->received) {
        failure->status = OTA_WS_WRONG_OFFSET;
        ota_ws_text_number(failure->image, data->offset);
        ota_ws_text_number(failure->device, device->received);
        return false;
    }
    worker->write(worker->context, data->bytes, data->length);
    device->received += data->length;
    device->last_data_ms = device->now_ms;
    acknowledge(session, data->ends);
    return true;
}

// All data is there: the writer looks at the whole.
static void finish_update(ota_ws_device_t *device) {
    device->update = OTA_WS_UPDATE_VERIFYING;
    submit_kind(device, OTA_WS_JOB_FINISH);
    ota_ws_report_state_to_all(device);
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
static void take_back(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    ota_ws_status_t status = start_worker(device);
    if (status != OTA_WS_OK) {
        fail_session(session, status);
        return;
    }
    device->update = OTA_WS_UPDATE_CONTROL;
    device->owner = session;
    submit_kind(device, OTA_WS_JOB_DEACTIVATE);
}

void ota_ws_update_cancel(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    bool owned = device->owner == session;
    if (device->update == OTA_WS_UPDATE_READY) {
        take_back(session);
    } else if (is_open(device) && owned) {
        end_update_with(device, OTA_WS_CANCELLED);
    } else if (device->update == OTA_WS_UPDATE_VERIFYING && owned) {
        device->end.status = OTA_WS_CANCELLED; // taken back as soon as it is ready
    } else {
        fail_session(session,
                     is_open(device) || device->update == OTA_WS_UPDATE_VERIFYING ? OTA_WS_BUSY : OTA_WS_NO_UPDATE);
    }
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

// ---- confirm, go back, restart -------------------------------------------------------------------------------------

// Hands a job that changes the boot record to the writer; `outcome` is that of ROLL_BACK.
static ota_ws_status_t try_control(ota_ws_device_t *device, ota_ws_session_t *session, ota_ws_job_kind_t kind,
                                   ota_ws_outcome_t outcome) {
    ota_ws_job_t job = {.kind = kind, .outcome = outcome};
    if (device->restarting || device->update == OTA_WS_UPDATE_READY) {
        return OTA_WS_RESTART_PENDING;
    }
    if (device->update != OTA_WS_UPDATE_IDLE) {
        return OTA_WS_BUSY;
    }
    ota_ws_status_t status = start_worker(device);
    if (status == OTA_WS_OK) {
        device->update = OTA_WS_UPDATE_CONTROL;
        device->owner = session;
        submit(device, &job);
    }
    return status;
}

static ota_ws_status_t confirm(ota_ws_device_t *device, ota_ws_session_t *session) {
    return device->on_trial ? try_control(device, session, OTA_WS_JOB_CONFIRM, OTA_WS_OUTCOME_NONE)
                            : OTA_WS_NOT_ON_TRIAL;
}

static ota_ws_status_t roll_back(ota_ws_device_t *device, ota_ws_session_t *session) {
    return try_control(device, session, OTA_WS_JOB_ROLL_BACK, OTA_WS_OUTCOME_ROLLING_BACK);
}

ota_ws_status_t ota_ws_device_confirm(ota_ws_device_t *device) {
    return confirm(device, NULL);
}

ota_ws_status_t ota_ws_device_roll_back(ota_ws_device_t *device) {
    return roll_back(device, NULL);
}

void ota_ws_update_confirm(ota_ws_session_t *session) {
    fail_session(session, confirm(session->device, session));
}

// Tells the session when the application refuses. True when the device may restart.
static bool may_restart(ota_ws_session_t *session) {
    ota_ws_failure_t failure;
    ota_ws_policy_ask(session->device->ports.platform, OTA_WS_ASK_RESTART, &failure);
    if (failure.status != OTA_WS_OK) {
        ota_ws_report_failed(session, &failure);
    }
    return failure.status == OTA_WS_OK;
}

void ota_ws_update_roll_back(ota_ws_session_t *session) {
    if (!may_restart(session)) {
        return;
    }
    fail_session(session, roll_back(session->device, session));
}

static void restart(ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    device->restarting = true;
    ota_ws_report_restarting_to_all(device);
    platform->restart(platform->context);
}

void ota_ws_update_restart(ota_ws_session_t *session) {
    ota_ws_device_t *device = session->device;
    if (device->update != OTA_WS_UPDATE_IDLE && device->update != OTA_WS_UPDATE_READY) {
        fail_session(session, OTA_WS_BUSY);
        return;
    }
    if (!may_restart(session)) {
        return;
    }
    restart(device);
}

// ---- what the writer has done --------------------------------------------------------------------------------------

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
    device->written = result->written;
    device->taken = result->taken;
    device->received = result->taken;
    device->acknowledged = device->received;
    device->image = result->image;
    ota_ws_report_ready(device->owner);
    ota_ws_report_state_to_all(device);
}

// The head of the image has passed: everybody may know what comes.
static void meet_image(ota_ws_device_t *device, const ota_ws_image_description_t *image) {
    if (device->image == NULL && image != NULL) {
        device->image = image;
        ota_ws_report_state_to_all(device);
    }
}

static void tell_progress(ota_ws_device_t *device) {
    ota_ws_report_progress_to_viewers(device);
    if (device->owner != NULL) {
        ota_ws_report_progress(device->owner);
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
    if (device->now_ms - device->last_told_ms >= TELL_INTERVAL_MS) {
        device->last_told_ms = device->now_ms;
        tell_progress(device);
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
    tell_progress(device);
    if (device->owner != NULL) {
        ota_ws_report_done(device->owner);
    }
    rest(device, OTA_WS_UPDATE_READY);
}

static void abort_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    (void)result;
    if (device->owner != NULL) {
        ota_ws_report_failed(device->owner, &device->end);
    }
    rest(device, OTA_WS_UPDATE_IDLE);
}

// Tells the owner of the job when it has failed. True when it has not.
static bool control_succeeded(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    if (result->failure.status == OTA_WS_OK) {
        return true;
    }
    if (device->owner != NULL) {
        ota_ws_report_failed(device->owner, &result->failure);
    }
    return false;
}

static void confirm_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    device->errand = OTA_WS_ERRAND_NONE;
    if (control_succeeded(device, result)) {
        device->on_trial = false;
    }
    rest(device, OTA_WS_UPDATE_IDLE);
}

static void roll_back_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool marked = control_succeeded(device, result);
    device->errand = OTA_WS_ERRAND_NONE;
    device->next = marked ? NULL : device->next;
    rest(device, OTA_WS_UPDATE_IDLE);
    if (marked) {
        restart(device);
    } else {
        device->trial_since_ms = device->now_ms; // the countdown starts again instead of trying at every tick
    }
}

static void select_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool selected = result->failure.status == OTA_WS_OK;
    device->errand = OTA_WS_ERRAND_NONE;
    device->next = selected ? NULL : device->next;
    rest(device, OTA_WS_UPDATE_IDLE);
    if (selected) {
        restart(device);
    }
}

static void deactivate_done(ota_ws_device_t *device, const ota_ws_job_result_t *result) {
    bool taken_back = control_succeeded(device, result);
    if (taken_back && device->owner != NULL) {
        fail_session(device->owner, OTA_WS_CANCELLED);
    }
    rest(device, taken_back ? OTA_WS_UPDATE_IDLE : OTA_WS_UPDATE_READY);
}

typedef void (*done_t)(ota_ws_device_t *device, const ota_ws_job_result_t *result);

static const done_t done[] = {
    [OTA_WS_JOB_BEGIN] = begin_done,           [OTA_WS_JOB_CHUNK] = chunk_done,
    [OTA_WS_JOB_FINISH] = finish_done,         [OTA_WS_JOB_ABORT] = abort_done,
    [OTA_WS_JOB_CONFIRM] = confirm_done,       [OTA_WS_JOB_ROLL_BACK] = roll_back_done,
    [OTA_WS_JOB_DEACTIVATE] = deactivate_done, [OTA_WS_JOB_SELECT] = select_done,
};

void ota_ws_device_completed(ota_ws_device_t *device, const ota_ws_job_result_t *result, uint32_t now_ms) {
    device->now_ms = now_ms;
    done[result->kind](device, result);
}

// ---- time ----------------------------------------------------------------------------------------------------------

// What a power cut has left to be done, as soon as the worker can be had.
static void run_errand(ota_ws_device_t *device) {
    static const uint8_t kinds[] = {
        [OTA_WS_ERRAND_CONFIRM] = OTA_WS_JOB_CONFIRM,
        [OTA_WS_ERRAND_GO_BACK] = OTA_WS_JOB_ROLL_BACK,
        [OTA_WS_ERRAND_SELECT] = OTA_WS_JOB_SELECT,
    };
    ota_ws_outcome_t outcome = (ota_ws_outcome_t)device->last.outcome;
    bool going = outcome == OTA_WS_OUTCOME_ABORTING || outcome == OTA_WS_OUTCOME_EXPIRING;
    (void)try_control(device, NULL, (ota_ws_job_kind_t)kinds[device->errand],
                      going ? outcome : OTA_WS_OUTCOME_ROLLING_BACK);
}

static bool may_go_back(const ota_ws_device_t *device) {
    ota_ws_failure_t failure;
    ota_ws_policy_ask(device->ports.platform, OTA_WS_ASK_RESTART, &failure);
    return failure.status == OTA_WS_OK;
}

static void end_trial(ota_ws_device_t *device) {
    if (may_go_back(device)) {
        (void)try_control(device, NULL, OTA_WS_JOB_ROLL_BACK, OTA_WS_OUTCOME_EXPIRING);
    } else {
        device->trial_since_ms = device->now_ms - device->settings->trial_timeout_ms + ASK_AGAIN_MS;
    }
}

// A finding is acted upon once: what has failed then is not tried every second.
static void act_on_finding(ota_ws_device_t *device, ota_ws_finding_t finding) {
    bool good = finding == OTA_WS_HEALTH_IS_GOOD;
    if ((good || may_go_back(device)) && (good ? confirm(device, NULL) : roll_back(device, NULL)) == OTA_WS_OK) {
        device->finding = finding;
    }
}

static void ask_for_health(ota_ws_device_t *device) {
    const ota_ws_platform_t *platform = device->ports.platform;
    if (platform->examine == NULL) {
        return;
    }
    ota_ws_finding_t finding = platform->examine(platform->context);
    if (finding != OTA_WS_HEALTH_NOT_KNOWN && finding != device->finding) {
        act_on_finding(device, finding);
    }
}

// Has the application decided, past us or when we ask?
static void look_at_trial(ota_ws_device_t *device) {
    device->trial_looked_ms = device->now_ms;
    if (ota_ws_trial_was_confirmed(device->ports.platform)) {
        device->on_trial = false;
        ota_ws_history_newest(device->ports.platform, &device->last);
        ota_ws_report_state_to_all(device);
    } else {
        ask_for_health(device);
    }
}

static void tick_trial(ota_ws_device_t *device) {
    uint32_t timeout_ms = device->settings->trial_timeout_ms;
    if (timeout_ms > 0 && device->now_ms - device->trial_since_ms >= timeout_ms) {
        end_trial(device);
    } else if (device->now_ms - device->trial_looked_ms >= LOOK_INTERVAL_MS) {
        look_at_trial(device);
    }
}

void ota_ws_update_tick(ota_ws_device_t *device) {
    bool waits_for_data = device->update == OTA_WS_UPDATE_RECEIVING && device->taken == device->received;
    if (waits_for_data && device->now_ms - device->last_data_ms >= device->settings->stall_timeout_ms) {
        end_update_with(device, OTA_WS_STALLED);
    }
    if (device->update != OTA_WS_UPDATE_IDLE || device->restarting) {
        return;
    }
    if (device->errand != OTA_WS_ERRAND_NONE) {
        run_errand(device);
    } else if (device->on_trial) {
        tick_trial(device);
    }
}
