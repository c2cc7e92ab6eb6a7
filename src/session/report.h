// SPDX-License-Identifier: Apache-2.0
// What the device says, message by message (docs/protocol.md, section 5). Inside the core only.
#pragma once

#include "engine/state.h"

// To one session. `type` alone, like "pong".
void ota_ws_report_plain(ota_ws_session_t *session, const char *type);
// "challenge" or "welcome"; `scram` NULL when there is no login. Sent without mac.
void ota_ws_report_login(ota_ws_session_t *session, const char *type, const char *scram);
void ota_ws_report_state(ota_ws_session_t *session);
// One message for each update that is known, newest first; one without an update when none is.
void ota_ws_report_history(ota_ws_session_t *session);
void ota_ws_report_failed(ota_ws_session_t *session, const ota_ws_failure_t *failure);

// "error"; `wait_ms` 0 when there is nothing to wait for.
void ota_ws_report_error(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms);

// The engine's notices, sent as messages.
extern const ota_ws_notices_t ota_ws_report_notices;
