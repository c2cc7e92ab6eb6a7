// SPDX-License-Identifier: Apache-2.0
// The state of one device: its ports, the one update that may run, the trial of the running image, its sessions. The
// engine changes it (update.c, control.c), the session layer reads it when it builds messages. Knows no thread: the
// transport calls from one thread, or holds one lock. Time is an argument of each event: milliseconds of any steady
// clock; it may wrap.
#pragma once

#include "flow/writer.h"
#include "image/policy.h"
#include "login/login.h"
#include "ports.h"
#include "record/trial.h"

#define OTA_WS_PROTOCOL_VERSION 1
#define OTA_WS_MESSAGE_SIZE 1024    // longest text message, both ways
#define OTA_WS_SEALED_SIZE 760      // a message that is to be sealed is written as if it were the longest one
#define OTA_WS_LOGIN_SIZE 384       // longest one from a peer that has not logged in
#define OTA_WS_TICKET_BODY_SIZE 448 // answer to POST, terminated
#define OTA_WS_CHUNK_MIN 512
#define OTA_WS_CHUNK_MAX 65536
#define OTA_WS_OFFSET_SIZE 4 // of a data frame

typedef struct {
    uint32_t chunk;              // largest data frame without its offset, OTA_WS_CHUNK_MIN to OTA_WS_CHUNK_MAX
    uint32_t credit;             // bytes that a client may have unacknowledged, at least two chunks
    uint32_t trial_timeout_ms;   // 0: a trial lasts until somebody decides
    uint32_t stall_timeout_ms;   // an update without data for so long fails
    uint32_t silence_timeout_ms; // a session without a message for so long is closed
    uint32_t login_timeout_ms;   // from connection to login
    const char *ws_uri;          // goes out with the ticket
    bool has_pairing_code;       // the password is a pairing code, not a chosen one; the ticket says so
    ota_ws_sentence_t sentence;  // ota_ws_sentence_reply, or NULL: failures are sent by name alone
    ota_ws_policy_t policy;
} ota_ws_settings_t;

typedef struct {
    const ota_ws_flash_t *flash;
    const ota_ws_platform_t *platform;
    const ota_ws_worker_t *worker;
    const ota_ws_hash_t *hash;
} ota_ws_ports_t;

// The one update and the one job that changes the boot record; never both.
//
//   IDLE -> OPENING -> RECEIVING -> VERIFYING -> READY        a restart runs the new image
//            |            |            |           |
//            +------------+---- ENDING +           +-> CONTROL (deactivate) -> IDLE
//                                  |
//   IDLE -> CONTROL (confirm, go back, select, prepare) -> IDLE  +-> IDLE
typedef enum {
    OTA_WS_UPDATE_IDLE,
    OTA_WS_UPDATE_OPENING, // BEGIN is with the writer
    OTA_WS_UPDATE_RECEIVING,
    OTA_WS_UPDATE_VERIFYING, // FINISH is with the writer
    OTA_WS_UPDATE_READY,     // verified and selected
    OTA_WS_UPDATE_ENDING,    // ABORT is with the writer
    OTA_WS_UPDATE_CONTROL,   // a job that stands alone is with the writer (flow/writer.h)
} ota_ws_update_state_t;

struct ota_ws_device;
struct ota_ws_session;

// What the engine makes known by itself; the session layer fills it in (session/report.c) and sends the messages. The
// engine knows no message. A request that cannot be had is no notice: its function fills in a failure.
typedef struct {
    void (*ready)(struct ota_ws_session *session);
    void (*progress)(struct ota_ws_session *session);
    void (*done)(struct ota_ws_session *session);
    void (*failed)(struct ota_ws_session *session, const ota_ws_failure_t *failure);

    // To all who are logged in.
    void (*state)(struct ota_ws_device *device);
    void (*written)(struct ota_ws_device *device); // progress
    void (*restarting)(struct ota_ws_device *device);
} ota_ws_notices_t;

#define OTA_WS_SLOT_BLANK UINT32_MAX

// Public so that it can be static; all members belong to the core. The large ones come last: RISC-V reaches the first
// 128 bytes with instructions of half the size.
typedef struct ota_ws_device {
    ota_ws_ports_t ports;
    const ota_ws_settings_t *settings;
    const ota_ws_notices_t *notices;
    const ota_ws_verifier_t *verifier; // NULL: no login (OTA_ALLOW_UNPROTECTED)
    uint32_t now_ms;                   // of the event that is being dealt with
    struct ota_ws_session *sessions;   // open ones
    char *scratch;                     // OTA_WS_MESSAGE_SIZE bytes for the message being built; the transport's

    ota_ws_update_state_t update;
    struct ota_ws_session *owner;            // of the update or the job; NULL when it has gone
    struct ota_ws_session *next;             // its `begin` came while the one before was ending
    uint32_t size;                           // of the file
    uint32_t expected;                       // the next offset of a data frame
    uint32_t begun_at;                       // `ready.offset`; 0 before `ready`
    uint32_t early;                          // up to there they may not count, or do not; frames end there
    uint32_t received;                       // bytes of the data frames that count
    uint32_t acknowledged;                   // of them, as the owner knows
    uint32_t taken;                          // of them, by the writer
    uint32_t written;                        // bytes of the image that are in flash
    const ota_ws_image_description_t *image; // that is being written; NULL while it is not known, and at rest
    uint32_t last_data_ms;
    uint32_t last_notified_ms; // progress, to all
    bool deflate;              // what is received is compressed
    uint8_t sha256[8];         // of the file: the first bytes of its digest

    ota_ws_layout_t layout;
    bool on_trial;
    bool restarting;
    bool gave_up;                           // the running image: the restart runs the one before it
    bool prepares;                          // the prepared slot is switched on (features/prepare.c)
    ota_ws_pending_action_t pending_action; // what a power cut has left to be done
    ota_ws_health_result_t health;          // of the application, that was acted upon
    uint32_t trial_since_ms;
    uint32_t trial_looked_ms; // whether the application has decided
    uint32_t prepared;        // 0: the slot of updates is left as it is; n: its n-th block is the next to be looked
                              // at, and those before are blank; OTA_WS_SLOT_BLANK: all of it is
    uint32_t prepared_ms;     // the last job of that ended
    const char *prepare;      // "on", "off"; NULL: this device prepares no slot

    uint8_t boot[4]; // random, sent as `boot`
    ota_ws_failure_t
        end;            // ENDING, VERIFYING: why the update must end, OTA_WS_OK when it need not; how CONTROL has ended
    ota_ws_base_t base; // of patches
    ota_ws_upload_request_t next_request; // of `next`
    ota_ws_history_entry_t last;          // the newest update
    ota_ws_login_t login;
} ota_ws_device_t;

// Is there something to do for the prepared slot?
static inline bool ota_ws_device_is_preparing(const ota_ws_device_t *device) {
    return device->prepared != 0 && device->prepared != OTA_WS_SLOT_BLANK;
}

// ---- sessions ----

typedef enum {
    OTA_WS_SESSION_NEW,     // waits for hello
    OTA_WS_SESSION_LOGIN,   // challenge sent, waits for proof
    OTA_WS_SESSION_WELCOME, // everything is allowed
    OTA_WS_SESSION_ENDED,   // error sent; nothing is read any more, the link closes
} ota_ws_session_state_t;

typedef struct {
    uint32_t offset;
    uint32_t length; // not 0; the bytes lie where the worker's ring has space
    bool ends;       // the frame ends with it
} ota_ws_data_t;

// Public so that it can be the transport's; all members belong to the core. Less than 1 KiB.
typedef struct ota_ws_session {
    ota_ws_device_t *device;
    const ota_ws_link_t *link;
    struct ota_ws_session *next;
    ota_ws_session_state_t state;
    ota_ws_address_t peer;
    uint32_t since_ms; // opened; after login: the last message; when ended: since then
    uint32_t challenged_ms;
    bool has_no_keys;  // its login made none (session/http_upload.h): its messages carry no mac
    bool is_sealed;    // the data of its last `begin` are
    bool seals_answer; // what is said now answers a request with "sealed"
    bool draining;     // its update has failed: data that is still on its way is thrown away
    uint8_t failed_as; // ota_ws_status_t of the last `failed` or `error`
    uint16_t said;     // ota_ws_said_t (session/report.h) of the last message
    uint32_t sent_count, received_count;
    uint32_t begun_count; // `count` of its last `begin`; 0 where a login in one message has none
    union {
        ota_ws_scram_t scram;
        ota_ws_session_keys_t keys;
    } secret;
} ota_ws_session_t;

// A piece of sealed data (feature.h).
typedef struct {
    const ota_ws_session_t *session;
    const ota_ws_data_t *data;
} ota_ws_arrival_t;
