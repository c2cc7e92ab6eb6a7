// SPDX-License-Identifier: Apache-2.0
// The one device of this firmware, the lock around it, and the events for the application. Every call into the core
// (src/) happens between enter and leave, in whatever task.
#pragma once

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "ota_ws_update.h"
#include "session/device.h"

// 0: the build takes no updates (OTA_WS_INTO_RECOVERY_ONLY).
#ifndef OTA_WS_TAKES_UPDATES
#define OTA_WS_TAKES_UPDATES 1
#endif

// The last notification of the application.
typedef struct {
    ota_ws_update_state_t update;
    uint32_t written;
    bool on_trial;
    bool restarting;
    bool gave_up;
} ota_ws_last_notified_t;

// Taken from the heap by the first registration, and kept. All but `wake_pending` is used with the lock held. The
// device comes first: RISC-V reaches the first 128 bytes with instructions of half the size.
typedef struct {
    ota_ws_device_t device;
    esp_timer_handle_t tick;
    bool ticking;
    bool is_shown;                 // the way in
    volatile uint8_t wake_pending; // ticks since the server was asked to look; 0: it was not
    const char *const *host_names; // of this device, ends with NULL; may be NULL
    ota_ws_last_notified_t last_notified;
    ota_ws_settings_t settings;
    ota_ws_verifier_t verifier;
    char code[OTA_WS_CODE_SIZE]; // the pairing code, until it is shown
} ota_ws_core_t;

extern ota_ws_core_t *ota_ws_core; // NULL: no registration has succeeded so far

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

// The lock alone; may be taken again by the task that has it. Its memory is static: it is made by the first call of
// prepare_lock, before any other function of this file.
void ota_ws_core_prepare_lock(void);
bool ota_ws_core_try_lock(void);
void ota_ws_core_lock(void);
void ota_ws_core_unlock(void);

uint32_t ota_ws_core_now_ms(void);
