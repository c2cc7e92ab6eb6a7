// SPDX-License-Identifier: Apache-2.0
// The one device of this firmware, the lock around it, and the events for the application. Every call into the core
// (src/) happens between enter and leave, in whatever task.
#pragma once

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "ota_ws_update.h"
#include "session/device.h"

// What the application was told last.
typedef struct {
    ota_ws_update_state_t update;
    uint32_t written;
    bool on_trial;
    bool restarting;
    bool gave_up;
} ota_ws_told_t;

// All but `lock` is used with the lock held. component.c fills it in when it starts the device.
typedef struct {
    SemaphoreHandle_t lock;
    bool ticking;
    esp_timer_handle_t tick;
    const char *const *host_names; // of this device, ends with NULL; may be NULL
    ota_ws_told_t told;
    ota_ws_device_t device;
} ota_ws_core_t;

extern ota_ws_core_t ota_ws_core;

// Posts an event to the application.
void ota_ws_core_post(ota_ws_event_t event, const void *data, size_t size);

// Starts or stops the timer, as the device needs it.
void ota_ws_core_keep_ticking(void);

// Takes the lock and hands results of the writer to the core.
ota_ws_device_t *ota_ws_core_enter(void);

// Sends the events that are due, sees to it that time passes while something waits for it, and gives the lock back.
void ota_ws_core_leave(void);

// Between enter and leave: hands over results that have come meanwhile.
void ota_ws_core_drain(void);

// The lock alone; may be taken again by the task that has it.
void ota_ws_core_lock(void);
void ota_ws_core_unlock(void);

uint32_t ota_ws_core_now_ms(void);
