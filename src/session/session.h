// SPDX-License-Identifier: Apache-2.0
// One WebSocket connection, from open to closed: frames in, messages out. docs/protocol.md is its contract with the
// peer.
#pragma once

#include "engine/state.h"
#include "session/message.h"

typedef enum { OTA_WS_FRAME_TEXT, OTA_WS_FRAME_DATA } ota_ws_frame_kind_t;

typedef enum {
    OTA_WS_ADMIT_TAKE,    // read the whole frame and hand it over
    OTA_WS_ADMIT_DISCARD, // read it and throw it away
} ota_ws_admission_t;

// A connection has been upgraded. `session` and `link` are the transport's and live until ota_ws_session_closed().
void ota_ws_session_open(ota_ws_session_t *session, ota_ws_device_t *device, const ota_ws_link_t *link,
                         const ota_ws_address_t *peer, uint32_t now_ms);

// A frame's header is here: `length` bytes will follow. Says what to do with them. A frame that is too long, or data
// that nobody asked for, ends the session (DISCARD).
ota_ws_admission_t ota_ws_session_admit(ota_ws_session_t *session, ota_ws_frame_kind_t kind, uint64_t length,
                                        uint32_t now_ms);

// Would a data frame of this session be taken now? Changes nothing.
bool ota_ws_session_wants_data(const ota_ws_session_t *session);

// One whole text frame that was admitted. `text` need not be terminated, and may lie in the device's scratch: it has
// been read before an answer is built.
void ota_ws_session_message(ota_ws_session_t *session, const char *text, size_t length, uint32_t now_ms);

// Ends the session with an error; the sentence may name the seconds to wait. Inside the core only.
void ota_ws_session_refuse(ota_ws_session_t *session, ota_ws_status_t status, uint32_t wait_ms);

// A request that has been read and is authentic: does what it asks for, if it may come now. Inside the core only.
void ota_ws_session_perform(ota_ws_session_t *session, const ota_ws_request_t *request);

// Does the session still take the data frame that was admitted? Asked before the next piece, after a wait.
bool ota_ws_session_takes_data(const ota_ws_session_t *session);

// A data frame that was admitted, whole or piece by piece: `offset` is the frame's, and rises with each piece. The
// bytes lie where the worker's ring has space for them. True: they are the writer's now. False: nothing was taken, the
// rest of the frame is thrown away.
bool ota_ws_session_data(ota_ws_session_t *session, const ota_ws_data_t *data, uint32_t now_ms);

// The peer broke WebSocket's or our framing: OTA_WS_FRAGMENTED, OTA_WS_BAD_FRAME. Ends the session.
void ota_ws_session_broken(ota_ws_session_t *session, ota_ws_status_t status, uint32_t now_ms);

// Which session has to leave when there are too many? One that has said nothing yet: of the lowest rank, of the address
// that has most of them, the oldest. So a client that has logged in lately is spared, and so is a login that runs:
// there is one at a time, and its own limits end it. NULL: all have at least begun a login.
ota_ws_session_t *ota_ws_session_to_leave(const ota_ws_device_t *device);

// The connection is gone. An update of this session's ends (OTA_WS_LINK_LOST).
void ota_ws_session_closed(ota_ws_session_t *session, uint32_t now_ms);

// Time passes. Inside the core only: ota_ws_device_tick() calls it.
void ota_ws_session_tick(ota_ws_session_t *session);
