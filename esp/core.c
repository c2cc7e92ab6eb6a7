// SPDX-License-Identifier: Apache-2.0
#include "core.h"

#include "esp_log.h"
#include "image/policy.h"
#include "worker.h"

#define TICK_US 100000

ESP_EVENT_DEFINE_BASE(OTA_WS_EVENT);

static const char *const tag = "ota_ws";

ota_ws_core_t *ota_ws_core;

static StaticSemaphore_t lock_memory;
static SemaphoreHandle_t lock;

uint32_t ota_ws_core_now_ms(void) {
    return (uint32_t)(esp_timer_get_time() / 1000);
}

// ---- events for the application ----

void ota_ws_core_post(ota_ws_event_t event, const void *data, size_t size) {
    esp_event_post(OTA_WS_EVENT, event, data, size, 0); // without an event loop nobody listens
}

static void post_progress(ota_ws_event_t event) {
    ota_ws_event_progress_t progress = {.size = ota_ws_core->device.size, .written = ota_ws_core->device.written};
    ota_ws_core_post(event, &progress, sizeof progress);
}

static void log_downgrade(const ota_ws_history_entry_t *update) {
    if (ota_ws_policy_is_downgrade(update->to, update->from)) {
        ESP_LOGW(tag, "Downgrade from %s to %s, as the client allowed", update->from, update->to);
    }
}

static void post_update(const ota_ws_last_notified_t *last_notified) {
    const ota_ws_device_t *device = &ota_ws_core->device;
    if (device->update == last_notified->update) {
        return;
    }
    if (device->update == OTA_WS_UPDATE_RECEIVING) {
        post_progress(OTA_WS_EVENT_STARTED);
    } else if (device->update == OTA_WS_UPDATE_READY) {
        ota_ws_core_post(OTA_WS_EVENT_VERIFIED, NULL, 0);
        log_downgrade(&device->last);
    } else if (device->update == OTA_WS_UPDATE_ENDING) {
        ota_ws_event_failed_t failed = {.name = ota_ws_status_name(device->end.status)};
        ota_ws_core_post(OTA_WS_EVENT_FAILED, &failed, sizeof failed);
    }
}

static void post_trial(const ota_ws_last_notified_t *last_notified) {
    const ota_ws_device_t *device = &ota_ws_core->device;
    if (last_notified->on_trial && !device->on_trial) {
        ota_ws_core_post(OTA_WS_EVENT_CONFIRMED, NULL, 0);
    }
    if (!last_notified->gave_up && device->gave_up) {
        ota_ws_core_post(OTA_WS_EVENT_ROLLED_BACK, NULL, 0);
    }
    if (!last_notified->restarting && device->restarting) {
        ota_ws_core_post(OTA_WS_EVENT_RESTARTING, NULL, 0);
    }
}

static void post_written(ota_ws_last_notified_t *last_notified) {
    const ota_ws_device_t *device = &ota_ws_core->device;
    bool hundredth =
        device->written - last_notified->written >= device->size / 100 && device->written > last_notified->written;
    if (hundredth && device->update == OTA_WS_UPDATE_RECEIVING) {
        post_progress(OTA_WS_EVENT_PROGRESS);
    }
    if (hundredth || device->written < last_notified->written) {
        last_notified->written = device->written;
    }
    last_notified->update = device->update;
}

// Compares with the last notification, so that the core need not know of events.
static void tell_application(void) {
    const ota_ws_device_t *device = &ota_ws_core->device;
    ota_ws_last_notified_t *last_notified = &ota_ws_core->last_notified;
    if (OTA_WS_TAKES_UPDATES) {
        post_update(last_notified);
    }
    post_trial(last_notified);
    if (OTA_WS_TAKES_UPDATES) {
        post_written(last_notified);
    }
    last_notified->on_trial = device->on_trial;
    last_notified->restarting = device->restarting;
    last_notified->gave_up = device->gave_up;
}

// ---- lock and time ----

void ota_ws_core_prepare_lock(void) {
    if (lock == NULL) {
        lock = xSemaphoreCreateRecursiveMutexStatic(&lock_memory);
    }
}

bool ota_ws_core_try_lock(void) {
    return xSemaphoreTakeRecursive(lock, 0) == pdTRUE;
}

void ota_ws_core_lock(void) {
    xSemaphoreTakeRecursive(lock, portMAX_DELAY);
}

void ota_ws_core_unlock(void) {
    xSemaphoreGiveRecursive(lock);
}

void ota_ws_core_drain(void) {
    ota_ws_job_result_t result;
    while (ota_ws_chip_worker_result(&result)) {
        ota_ws_device_completed(&ota_ws_core->device, &result, ota_ws_core_now_ms());
    }
}

ota_ws_device_t *ota_ws_core_enter(void) {
    ota_ws_core_lock();
    ota_ws_core_drain();
    return &ota_ws_core->device;
}

// Does anything wait for time to pass?
static bool needs_ticks(void) {
    const ota_ws_device_t *device = &ota_ws_core->device;
    return device->sessions != NULL || device->update != OTA_WS_UPDATE_IDLE || ota_ws_device_wants_ticks(device);
}

void ota_ws_core_keep_ticking(void) {
    bool needed = needs_ticks();
    if (needed && !ota_ws_core->ticking) {
        ota_ws_core->ticking = esp_timer_start_periodic(ota_ws_core->tick, TICK_US) == ESP_OK;
    } else if (!needed && ota_ws_core->ticking) {
        esp_timer_stop(ota_ws_core->tick);
        ota_ws_core->ticking = false;
    }
}

void ota_ws_core_leave(void) {
    ota_ws_core_drain();
    tell_application();
    ota_ws_core_keep_ticking();
    ota_ws_core_unlock();
}
