// SPDX-License-Identifier: Apache-2.0
// The one device of this firmware: the core's device with its ports, and the lock around it. Every call into the core
// happens between enter and leave, in whatever task.
#pragma once

#include "device.h"
#include "ota_ws_update.h"

// Takes the lock and hands results of the writer to the core.
ota_ws_device_t *ota_ws_component_enter(void);

// Sends the events that are due, sees to it that time passes while something waits for it, and gives the lock back.
void ota_ws_component_leave(void);

// Between enter and leave: hands over results that have come meanwhile.
void ota_ws_component_drain(void);

// The lock alone; may be taken again by the task that has it.
void ota_ws_component_lock(void);
void ota_ws_component_unlock(void);

// Names under which this device is reached, ends with NULL; may be NULL.
const char *const *ota_ws_component_host_names(void);

uint32_t ota_ws_component_now_ms(void);
