// SPDX-License-Identifier: Apache-2.0
// A whole device whose world is scripted: flash in memory (nor_model.h), a worker whose jobs are performed when the
// test says so, peers whose messages are kept, a clock that the test moves. Breaks the test when the core breaks a
// port's contract: a second start, a stop with jobs pending, a buffer that never comes back, a message that is no
// message.
#pragma once

#include "image_builder.h"
#include "login/scram.h"
#include "nor_model.h"
#include "session/device.h"
#include "session/session.h"
#include "store_model.h"

#define RIG_JOBS_MAX 8
#define RIG_LOG_MAX 64
#define RIG_PASSWORD "K7MQ-2RTX-9WPD"
#define RIG_LONG 200000

typedef struct rig {
    ota_ws_device_t device;
    ota_ws_settings_t settings;
    ota_ws_flash_t flash;
    ota_ws_hash_t hash;
    ota_ws_platform_t platform;
    ota_ws_worker_t worker;
    ota_ws_pipeline_ports_t pipeline_ports;
    ota_ws_verifier_t verifier;
    char scratch[OTA_WS_MESSAGE_SIZE];
    uint32_t now_ms;

    nor_model_t *nor;
    ota_ws_identity_t identity;
    ota_ws_status_t confirm_status, roll_back_status, recovery_status, start_status, alone_status;
    unsigned confirms, roll_backs, recoveries, restarts, starts, stops;
    ota_ws_health_result_t finding;
    unsigned refused; // what the application does not allow, one bit an ota_ws_question_t
    uint8_t random;
    store_model_t store;

    ota_ws_writer_t *writer; // between start and stop
    bool alone;              // between start_alone and stop
    uint8_t *incoming;       // the data that are handed over next: what a ring would hold
    ota_ws_job_t jobs[RIG_JOBS_MAX];
    size_t job_count;
    unsigned chunks; // of the jobs
} rig_t;

// One client. Its session lies on the heap, so that use after the end is seen.
typedef struct {
    rig_t *rig;
    ota_ws_session_t *session; // NULL once closed
    ota_ws_link_t link;
    unsigned closes;
    char log[RIG_LOG_MAX][OTA_WS_MESSAGE_SIZE + 1]; // what the device said, oldest first
    size_t log_count;                               // since the last peer_forget()
    ota_ws_session_keys_t keys;
    uint32_t said, received; // counts of the mac
    bool with_mac;
    unsigned opened;       // answers that came sealed
    bool seals;            // its updates are sealed; the stream (seal.h) is named by
    uint32_t begun, start; // the count of the last `begin`, and the offset of the `ready` that was heard, 0 before it
} peer_t;

// A device with a slot of 256 KiB, version 1.0.0 of project demo, confirmed, without login.
rig_t *rig_new(void);
// The same with another slot, or with RIG_PASSWORD.
rig_t *rig_new_with_slot(uint32_t size);
rig_t *rig_new_locked(void);
// Takes compressed uploads, and runs this image, whose bytes stay the caller's: patches against it are taken.
rig_t *rig_new_with_base(const image_file_t *base, const ota_ws_filter_t *inflate);
// Everything must have been given back by then.
void rig_free(rig_t *rig);

// Performs the oldest job and reports it to the device; false when there is none.
bool rig_work(rig_t *rig);
void rig_settle(rig_t *rig);
void rig_pass(rig_t *rig, uint32_t ms); // and tick

// Connects; not yet logged in.
peer_t *peer_new(rig_t *rig);
// Connects and logs in; what was said so far is forgotten.
peer_t *peer_welcome(rig_t *rig);
void peer_close(peer_t *peer); // the connection goes away
void peer_free(peer_t *peer);  // closes it too

// Text of a message without its closing brace; the rig completes it, with count and mac after a login.
void peer_say(peer_t *peer, const char *open_text);
// As it is.
void peer_say_raw(peer_t *peer, const char *text, size_t length);
// A data frame, by way of admit(). `bytes` may be NULL for zeros. True when the core took the buffer.
bool peer_data(peer_t *peer, uint32_t offset, const uint8_t *bytes, size_t length);

void peer_begin(peer_t *peer, uint32_t size, const uint8_t *bytes, bool allow_downgrade);
// A begin with further members: ",\"early\":100" or "".
void peer_begin_with(peer_t *peer, const image_file_t *file, const char *members);
// Writes what `hello` must say into `text`, without its closing brace.
void peer_hello(peer_t *peer, ota_ws_scram_t *scram, char *text, size_t size);

// The last message of this type since peer_forget(), or NULL.
const char *peer_received(const peer_t *peer, const char *type);
// Was `failed` or `error` received with this name, as the last of its kind?
bool peer_failed(const peer_t *peer, const char *name);
bool peer_ended(const peer_t *peer, const char *name);
void peer_forget(peer_t *peer);

// A begin, all data in chunks, all jobs; true when `done` was received.
bool peer_update(peer_t *peer, const uint8_t *bytes, uint32_t size);

// Says a hello in which the first `find` has been replaced.
void peer_say_hello_with(peer_t *peer, const char *find, const char *replacement);

// ---- images ----

// Sound ones of project demo: for the rig's chip, and for an ESP32-S3.
image_file_t rig_image(const char *version);
image_file_t rig_image_of_another_chip(void);
// One that takes some blocks of flash: RIG_LONG bytes, or as many as are asked for.
image_file_t rig_long_image(const char *version);
image_file_t rig_image_of_size(const char *version, uint32_t size);

// Begins and waits for `ready`.
void peer_begin_image(peer_t *peer, const image_file_t *file);
// The offset of the last `ready`.
uint32_t peer_offset(const peer_t *peer);
// The bytes from `from` to before `to` in chunks, each written before the next one comes. Keeps the log short.
void peer_send(peer_t *peer, const image_file_t *file, uint32_t from, uint32_t to);
// Sends the rest of the file; then the update is done, and the image is in flash and selected.
void peer_assert_completes(peer_t *peer, const image_file_t *file, uint32_t from);
// Begins and sends a part of the file; then the link is lost.
void rig_interrupt(rig_t *rig, const image_file_t *file, uint32_t taken);

// ---- a desk: one device, one client that is logged in, and an image of version 2.0.0 ----

typedef struct {
    rig_t *rig;
    peer_t *peer;
    image_file_t file;
} desk_t;

desk_t desk_open(rig_t *rig, image_file_t file);
void desk_close(desk_t *desk);

// A new client's update works at once, and is selected.
void rig_assert_updates(rig_t *rig);
