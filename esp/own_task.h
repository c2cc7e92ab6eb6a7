// SPDX-License-Identifier: Apache-2.0
// A task that runs one function and is then deleted by the one that started it, not by itself: its stack is free when
// ota_ws_task_end() returns. ESP-IDF frees a task that deletes itself later, when the idle task runs.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

typedef struct {
    TaskHandle_t handle;
    void (*body)(void *context);
    void *context;
    _Atomic bool has_ended;
} ota_ws_task_t;

// `task` has `body` and `context`, zero elsewhere. False: there is no memory, and nothing is left behind. After true
// ota_ws_task_end() follows, once.
bool ota_ws_task_start(ota_ws_task_t *task, const char *name, uint32_t stack_size, unsigned priority);

// Waits until the function has returned, and deletes the task. Returns how many bytes of its stack were never used.
uint32_t ota_ws_task_end(ota_ws_task_t *task);
