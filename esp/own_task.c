// SPDX-License-Identifier: Apache-2.0
#include "own_task.h"

static void run(void *context) {
    ota_ws_task_t *own = context;
    own->body(own->context);
    own->has_ended = true;
    vTaskSuspend(NULL); // ota_ws_task_end() deletes it
}

bool ota_ws_task_start(ota_ws_task_t *task, const char *name, uint32_t stack_size, unsigned priority) {
    return xTaskCreate(run, name, stack_size, task, priority, &task->handle) == pdPASS;
}

uint32_t ota_ws_task_end(ota_ws_task_t *task) {
    while (!task->has_ended) {
        vTaskDelay(1);
    }
    uint32_t stack_left = uxTaskGetStackHighWaterMark(task->handle);
    vTaskDelete(task->handle);
    return stack_left;
}
