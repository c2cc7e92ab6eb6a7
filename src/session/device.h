// SPDX-License-Identifier: Apache-2.0
// One device, as transports use it: start, time, the ticket. Its connections are in session.h; results of the writer
// and the application's decision on a trial in engine/control.h. Everything goes out through the ports.
#pragma once

#include "engine/control.h"
#include "engine/state.h"
#include "login/gate.h"

// chunk 8192, credit 32768, trial 300 s, stall 30 s, silence 90 s, login 10 s, "/ota/ws", all policies on.
extern const ota_ws_settings_t ota_ws_default_settings;

// `ports`' structs, `settings` and `verifier` stay the caller's and must outlive the device. `scratch` is set later
// (ota_ws_device_scratch).
void ota_ws_device_init(ota_ws_device_t *device, const ota_ws_ports_t *ports, const ota_ws_settings_t *settings,
                        const ota_ws_verifier_t *verifier, uint32_t now_ms);

// Memory for the message being built: OTA_WS_MESSAGE_SIZE bytes, needed while a session is open.
void ota_ws_device_scratch(ota_ws_device_t *device, char *scratch);

// Time passes: deadlines, trial, progress for viewers. Call every 50 to 250 ms while a session is open or
// ota_ws_device_wants_ticks(), from the device's start on: a trial must end also when no client ever comes.
void ota_ws_device_tick(ota_ws_device_t *device, uint32_t now_ms);

// Answers POST on the page's address. Writes the body (JSON, terminated) into `body`, which has
// OTA_WS_TICKET_BODY_SIZE bytes or more. OTA_WS_OK: 200. Anything else:
// 403.
ota_ws_status_t ota_ws_device_ticket(ota_ws_device_t *device, const ota_ws_gate_request_t *request,
                                     const ota_ws_address_t *peer, uint32_t now_ms, char *body, size_t size);
