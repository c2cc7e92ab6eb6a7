// SPDX-License-Identifier: Apache-2.0
#include "core.h"

#include "esp_log.h"
#include "image/version.h"
#include "worker.h"

#define TICK_US 100000

ESP_EVENT_DEFINE_BASE(OTA_WS_EVENT);

static const char *const tag = "ota_ws";

ota_ws_core_t ota_ws_core;

uint32_t ota_ws_core_now_ms(void) {
    return (uint32_t)(esp_timer_get_time() / 1000);
}

// ---- events for the application ------------------------------------------------------------------------------------

void ota_ws_core_post(ota_ws_event_t event, const void *data, size_t size) {
    esp_event_post(OTA_WS_EVENT, event, data, size, 0); // without an event loop nobody listens
}

static void post_progress(ota_ws_event_t event) {
    ota_ws_event_progress_t progress = {.size = ota_ws_core.device.size, .written = ota_ws_core.device.written};
    ota_ws_core_post(event, &progress, sizeof progress);
}

static void log_downgrade(const ota_ws_history_entry_t *update) {
    if (ota_ws_version_compare(update->to, update->from) == -1) {
        ESP_LOGW(tag, "Downgrade from %s to %s, as the client allowed", update->from, update->to);
    }
}

static void post_update(const ota_ws_told_t *told) {
    const ota_ws_device_t *device = &ota_ws_core.device;
    if (device->update == told->update) {
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

static void post_trial(const ota_ws_told_t *told) {
    const ota_ws_device_t *device = &ota_ws_core.device;
    if (told->on_trial && !device->on_trial) {
        ota_ws_core_post(OTA_WS_EVENT_CONFIRMED, NULL, 0);
    }
    if (!told->gave_up && device->gave_up) {
        ota_ws_core_post(OTA_WS_EVENT_ROLLED_BACK, NULL, 0);
    }
    if (!told->restarting && device->restarting) {
        ota_ws_core_post(OTA_WS_EVENT_RESTARTING, NULL, 0);
    }
}

// Compares with what was told last: the core need not know of events.
static void tell_application(void) {
    const ota_ws_device_t *device = &ota_ws_core.device;
    ota_ws_told_t *told = &ota_ws_core.told;
    post_update(told);
    post_trial(told);
    bool hundredth = device->written - told->written >= device->size / 100 && device->written > told->written;
    if (hundredth && device->update == OTA_WS_UPDATE_RECEIVING) {
        post_progress(OTA_WS_EVENT_PROGRESS);
    }
    if (hundredth || device->written < told->written) {
        told->written = device->written;
    }
    told->update = device->update;
    told->on_trial = device->on_trial;
    told->restarting = device->restarting;
    told->gave_up = device->gave_up;
}

// ---- lock and time -------------------------------------------------------------------------------------------------

void ota_ws_core_lock(void) {
    xSemaphoreTakeRecursive(ota_ws_core.lock, portMAX_DELAY);
}

void ota_ws_core_unlock(void) {
    xSemaphoreGiveRecursive(ota_ws_core.lock);
}

void ota_ws_core_drain(void) {
    ota_ws_job_result_t result;
    while (ota_ws_chip_worker_result(&result)) {
        ota_ws_device_completed(&ota_ws_core.device, &result, ota_ws_core_now_ms());
    }
}

ota_ws_device_t *ota_ws_core_enter(void) {
    ota_ws_core_lock();
    ota_ws_core_drain();
    return &ota_ws_core.device;
}

// Does anything wait for time to pass?
static bool needs_ticks(void) {
    const ota_ws_device_t *device = &ota_ws_core.device;
    return device->sessions != NULL || device->update != OTA_WS_UPDATE_IDLE || ota_ws_device_wants_ticks(device);
}

void ota_ws_core_keep_ticking(void) {
    bool needed = needs_ticks();
    if (needed && !ota_ws_core.ticking) {
        ota_ws_core.ticking = esp_timer_start_periodic(ota_ws_core.tick, TICK_US) == ESP_OK;
    } else if (!needed && ota_ws_core.ticking) {
        esp_timer_stop(ota_ws_core.tick);
        ota_ws_core.ticking = false;
    }
}

void ota_ws_core_leave(void) {
    ota_ws_core_drain();
    tell_application();
    ota_ws_core_keep_ticking();
    ota_ws_core_unlock();
}
