// SPDX-License-Identifier: Apache-2.0
// One virtual chip on a board, from power on to power off, without network and threads: bootloader model, machine,
// core, one client. Each step is what a user does; it ends early when the power goes. The messages to the client are
// kept.
#pragma once

#include "board.h"
#include "feature.h"
#include "image_builder.h"
#include "machine.h"
#include "session/device.h"
#include "session/session.h"

#define LIFE_IMAGES 4
#define LIFE_JOBS_MAX 8
#define LIFE_CHUNK_MAX 4096
#define LIFE_TRIAL_MS 5000

// One layout of flash.
typedef struct {
    const char *name;
    uint32_t program_unit;
    uint32_t chunk;
    uint32_t slot_size;
    uint32_t image_sizes[LIFE_IMAGES];
    bool has_factory;
    unsigned slots;
    uint32_t block_size;
} life_geometry_t;

// What may be expected of a board, whatever was cut: kept beside it, changed by the steps.
typedef struct {
    int confirmed;       // image that runs without a trial
    int incoming;        // image of the newest update; -1: none
    bool may_run;        // the incoming image may have been selected
    bool confirm_asked;  // ... and confirmed
    bool is_over;        // the newest update is over and no cut since: only `confirmed` may run
    uint32_t written;    // of the incoming image: reported as being in flash, at the last whole block after a restart
    bool has_old_loader; // the bootloader knows no rollback
    int recovery;        // image of the recovery application; -1: another layout
    bool may_recover;    // it was asked for, so that it may run instead of `confirmed`
    bool mark_is_lost;   // a torn erase took the mark and left the entry: a VALID proves nothing from then on
    bool entry_is_lost;  // the boot record is damaged as by two cuts: a third one is enough to look for
    bool is_preparing;   // the prepared slot was switched on
    bool is_free;        // which image runs is not known beforehand: it is looked up at the next start
} life_ledger_t;

// When the application confirms, by ESP-IDF's own call, at each start of an image that is not confirmed.
typedef enum {
    APPLICATION_NEVER,
    APPLICATION_BEFORE,          // it starts us
    APPLICATION_AND_RESTARTS,    // before; and it restarts the chip, and starts us only then
    APPLICATION_AND_LOSES_POWER, // likewise
    APPLICATION_AT,              // once it has started us, before the first tick
    APPLICATION_AFTER,           // some ticks later
} application_t;

typedef struct {
    machine_t machine; // first: the ports' context
    board_t *board;
    const life_geometry_t *geometry;
    const image_file_t *images;
    const image_file_t *files;      // that are sent: the images, or what becomes them
    const ota_ws_filter_t *inflate; // } NULL: none
    const ota_ws_filter_t *decrypt; // }
    const ota_ws_hash_t *hash;      // of the core
    const ota_ws_hash_t *boot_hash; // of all that is not the core
    partition_table_t table;
    console_t console;
    life_ledger_t ledger;
    application_t application;

    ota_ws_flash_t flash;
    ota_ws_platform_t platform;
    ota_ws_worker_t worker_port;
    ota_ws_settings_t settings;
    ota_ws_pipeline_ports_t pipeline_ports;
    ota_ws_device_t device;
    ota_ws_writer_t writer;
    ota_ws_job_t jobs[LIFE_JOBS_MAX];
    size_t job_count;
    uint8_t buffer[LIFE_CHUNK_MAX];
    uint8_t pipeline_scratch[4096];
    char message[OTA_WS_MESSAGE_SIZE];
    uint32_t now_ms;
    bool is_on;
    bool is_working; // between the worker's start and stop
    bool is_alone;   // likewise, without the memory of an update
    bool is_waiting; // the writer does nothing for now; at most one frame of data may come meanwhile
    bool wants_restart;
    unsigned boots;  // since life_power_on()
    bool began_weak; // the boot record was weak then: what starts may have been healed by its bootloader since

    ota_ws_session_t session;
    ota_ws_link_t link;
    bool is_connected;
    // With `verifier` set, before power on, clients log in.
    const ota_ws_verifier_t *verifier;
    ota_ws_scram_t scram;
    ota_ws_session_keys_t keys;
    uint32_t said; // count of the mac
    bool has_mac;
    bool seals;                          // with `verifier`: uploads are sealed
    uint32_t begun;                      // count of the last `begin`
    char login[OTA_WS_MESSAGE_SIZE + 1]; // the last `challenge`
    int lose_at;                         // this message of the device's is lost, and with it the link; -1: none
    int sent;
    bool is_link_lost;
    int no_worker_at; // this start of the worker fails; -1: none
    int worker_starts;
    bool is_short; // of memory, until the next restart: the worker does not start, with much or with little
    char state[OTA_WS_MESSAGE_SIZE + 1];   // the last of each kind
    char failure[OTA_WS_MESSAGE_SIZE + 1]; // "" when there was none since the last request
    uint32_t ready_offset;
    bool is_ready, is_done, is_restarting;
} life_t;

// Gives what it takes: a client then sends what deflate would have given. A life has it unless it is given another.
extern const ota_ws_filter_t life_no_inflate;

extern const life_geometry_t life_geometries[];
extern const size_t life_geometry_count;

// Images of a geometry, malloc'ed; the versions rise.
void life_build_images(const life_geometry_t *geometry, image_file_t images[LIFE_IMAGES]);

void life_init(life_t *life, board_t *board, const life_geometry_t *geometry, const image_file_t *images);

// Address of a slot.
uint32_t life_slot_address(const life_t *life, unsigned slot);

// Boots until the device is at rest: with what a restart leaves to be done, it restarts by itself. False when no image
// starts, or it restarts without end. True also when the power goes.
bool life_power_on(life_t *life, ota_ws_reset_t reset);
void life_power_off(life_t *life);

// Connects, says hello, logs in.
void life_connect(life_t *life);
// The three steps of it.
void life_knock(life_t *life);
void life_hello(life_t *life);
void life_prove(life_t *life);
void life_disconnect(life_t *life);
// With count and mac after a login.
void life_say(life_t *life, const char *text);
void life_pass(life_t *life, uint32_t ms);

// begin; the answer is in `is_ready` and `ready_offset`.
void life_begin(life_t *life, int image);
// The same with other members: `more` ends the text, "" or ",...". `digest` NULL: the file's.
void life_offer(life_t *life, int image, uint32_t size, const uint8_t *digest, const char *more);
// One data frame, if the device will have it. False: not.
bool life_data(life_t *life, uint32_t offset, const uint8_t *bytes, uint32_t length);
// Sends on up to `end` bytes of the image.
void life_send(life_t *life, int image, uint32_t end);
// The same as a patch against the running image, packed by nothing: begin, and all of it in frames from where the
// device goes on; without the last `left` bytes of the image, or with them and `end`.
void life_begin_patch(life_t *life, int image);
void life_send_patch(life_t *life, int image, uint32_t left);
// begin, by a client that takes another image for the one that runs.
void life_begin_patch_for(life_t *life, int image, int base);
// A whole patch that gives `image`, after a begin with the digest of another one.
void life_send_wrong_patch(life_t *life, int promised, int image);
void life_confirm(life_t *life);
// esp_ota_mark_app_valid_cancel_rollback(), by the application.
void life_application_confirms(life_t *life);
void life_cancel(life_t *life);
// Recovery layout: asks for a restart into the recovery application, or back into the application.
void life_enter_recovery(life_t *life);
void life_return(life_t *life);
// The device restarts when it wants to. As life_power_on().
bool life_restart_if_wanted(life_t *life);

// A number or text member of the last `state`; false when it is absent.
bool life_told(const life_t *life, const char *name, char *value, size_t size);

// The recovery application of the recovery layout runs.
bool life_recovers(const life_t *life);

// The recovery application runs as it should: no other image runs without a trial from now on.
void life_settle_recovery(life_t *life);

// The image that runs, by its bytes in flash; -1 when they are none that was ever sent.
int life_running_image(const life_t *life);
// ... and the one that runs when the running one is gone back from, by the boot record; else the factory's, else the
// one in the slot that an update would go to.
int life_earlier_image(const life_t *life);

// Switches the prepared slot on or off.
void life_prepare(life_t *life, bool on);
// Time for one block of it; for all of them.
void life_pass_block(life_t *life);
void life_pass_blocks(life_t *life);

// Does this program's device prepare the slot of the next update (src/features/prepare.c)?
bool life_prepares(void);

// Does this program's device go on with a file that stopped half-way (src/features/resume.c)?
bool life_resumes(void);

// ... and restarts into a recovery application (src/features/recovery.c)?
bool life_can_recover(void);

// Does it take patches (src/features/delta.c)?
bool life_takes_patches(void);
