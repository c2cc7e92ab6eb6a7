// SPDX-License-Identifier: Apache-2.0
// What the core needs from the world, as structs of function pointers. A device fills them once: esp/ on a chip, host/
// on Linux. Each function gets the `context` of its struct. "Session thread" is the one that runs the server (on a chip
// the httpd task); "writer" is the task that runs the jobs (writer.h). No function may call back into the core.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "description.h"
#include "hash.h"
#include "status.h"

// ---- flash: the slot that an update goes to ----

// Offsets count from the start of that slot. All functions run in the writer, except `slot_size`.
typedef struct {
    void *context;
    uint32_t sector_size;  // smallest erase, 4096
    uint32_t block_size;   // large erase, 65536, a multiple of sector_size; the slot starts on a multiple of it
    uint32_t program_unit; // offset and length of each program are multiples of it: 1 to 32, a power of two; 16 with
                           // flash encryption

    // Size of the slot that an update would go to, a multiple of sector_size; 0 when there is none. In the recovery
    // layout it is the application's slot, also while the application runs. Session thread.
    uint32_t (*slot_size)(void *context);

    // Before the first erase of an update: makes sure that the slot may be written (it is not the running one, nothing
    // waits for confirmation). OTA_WS_ON_TRIAL, OTA_WS_NO_SLOT or OTA_WS_NO_MEMORY when not. After OTA_WS_OK `close`
    // follows, once. `image_size` 0: no image comes, the slot is only read and erased.
    ota_ws_status_t (*open)(void *context, uint32_t image_size);

    ota_ws_status_t (*read)(void *context, uint32_t offset, void *bytes, size_t length);

    // Reads from the partition of the running image; `offset` counts from its start. OTA_WS_FLASH_READ, also where the
    // partition ends before. Writer; session thread while there is none. NULL: no patches are taken.
    ota_ws_status_t (*read_base)(void *context, uint32_t offset, void *bytes, size_t length);

    // `offset` and `length` are multiples of sector_size, never more than one block. All bits are 1 afterwards.
    ota_ws_status_t (*erase)(void *context, uint32_t offset, uint32_t length);

    // The area is erased.
    ota_ws_status_t (*program)(void *context, uint32_t offset, const void *bytes, size_t length);

    // Verifies the image in flash with the platform's own means, then selects it for the next start, on trial, and
    // reads back that the boot record says so. OTA_WS_NOT_VERIFIED or OTA_WS_BOOT_RECORD leave the old selection.
    ota_ws_status_t (*activate)(void *context, uint32_t image_size);

    // As `activate`, of an image that the core has just read back and found right by its request, its checksum and its
    // own digest. NULL: the platform knows no way past its own verification.
    ota_ws_status_t (*activate_verified)(void *context, uint32_t image_size);

    // Takes `activate` back: the running image is selected again and stays confirmed.
    ota_ws_status_t (*deactivate)(void *context);

    // The update is over, well or not. Frees what `open` took.
    void (*close)(void *context);
} ota_ws_flash_t;

// ---- platform: who am I ----

// What the boot record says of an image. Names on the wire: docs/protocol.md, `state`.
typedef enum {
    OTA_WS_IMAGE_NONE,        // no image, or no record of it
    OTA_WS_IMAGE_VALID,       // confirmed
    OTA_WS_IMAGE_TRIAL,       // PENDING_VERIFY: a restart goes back
    OTA_WS_IMAGE_UNCONFIRMED, // NEW although it runs: the bootloader knows no rollback
    OTA_WS_IMAGE_UNWATCHED,   // UNDEFINED: selected without a trial
    OTA_WS_IMAGE_FACTORY,
    OTA_WS_IMAGE_ROLLED_BACK, // INVALID
    OTA_WS_IMAGE_ABORTED,     // ABORTED: restarted before it was confirmed
    OTA_WS_IMAGE_BLANK,       // no image, and all of the slot is blank. Not of the platform
} ota_ws_image_state_t;

// How the flash is divided (docs/design.md, "The recovery layout"). Names on the wire: `layout` and `mode` of `state`.
typedef enum {
    OTA_WS_LAYOUT_TWO_SLOTS,   // two slots or more: an update goes to one that does not run
    OTA_WS_LAYOUT_APPLICATION, // one slot, and a recovery application in the factory partition. The application runs
    OTA_WS_LAYOUT_RECOVERY,    // likewise; the recovery application runs, and an update goes to the slot
} ota_ws_layout_t;

#define OTA_WS_STORE_VALUE_MAX 512

// Why the device has started. The numbers are stored; names on the wire: docs/protocol.md, `state`.
typedef enum {
    OTA_WS_RESET_NONE = 0, // not asked
    OTA_WS_RESET_UNKNOWN = 1,
    OTA_WS_RESET_POWER_ON = 2,
    OTA_WS_RESET_EXTERNAL = 3, // the reset pin
    OTA_WS_RESET_SOFTWARE = 4, // somebody asked for it
    OTA_WS_RESET_PANIC = 5,
    OTA_WS_RESET_WATCHDOG = 6,
    OTA_WS_RESET_DEEP_SLEEP = 7, // woken from it
    OTA_WS_RESET_BROWNOUT = 8,
    OTA_WS_RESET_COUNT
} ota_ws_reset_t;

#define OTA_WS_ID_SIZE 13 // 12 hex digits, terminated

typedef struct {
    char id[OTA_WS_ID_SIZE]; // other for each device, and always the same; "" when there is none
    const char *device_name; // shown to the user, at most 63 bytes, lives as long as the device
    uint32_t chip_id;        // as in the image header (image.h)
    uint32_t chip_revision;  // major * 100 + minor
    bool checks_efuse;       // images must fit `efuse_revision`
    uint32_t efuse_revision; // of the eFuse block: major * 100 + minor
    ota_ws_layout_t layout;
    bool any_efuse_maximum;  // an eFuse says that the highest revision in an image does not count
    uint8_t mmu_page_bits;   // images need flash MMU pages of 1 << it bytes; 0: of any size
    uint32_t secure_version; // lowest that may boot
    char slot[17];           // label of the running partition
    ota_ws_image_state_t image_state;
    bool was_rewritten; // the boot record's entry of the running image: the mark of `activate` is gone, every bit of it
    char other_slot[17]; // label of the slot that an update would go to; while the application of the recovery layout
                         // runs, that of the recovery application; "" when there is none
    ota_ws_image_state_t other_state;
    bool other_is_marked; // its entry in the boot record is the one that `activate` wrote, with its mark
    bool other_valid;     // `other` holds the description of an image in the other slot
    bool can_roll_back;
    bool entry_is_lost;   // the boot record has lost its entry of the image before the running one, and this image is
                          // still there: `roll_back` of an image on trial writes the entry anew
    bool requires_signed; // only images signed with its key may be selected
    bool is_signed;       // the running image is, and the signature is right; then
    uint8_t signer[OTA_WS_SHA256_SIZE];        // the SHA-256 of the (first) key
    ota_ws_image_description_t running, other; // the large members come last: a byte holds the offset of the small ones
} ota_ws_identity_t;

// What the application may refuse.
typedef enum {
    OTA_WS_ASK_ERASE,    // the slot is about to be erased
    OTA_WS_ASK_ACTIVATE, // the new image is about to be selected
    OTA_WS_ASK_RESTART,  // the device is about to restart
} ota_ws_question_t;

// What the application finds of the image that runs on trial.
typedef enum {
    OTA_WS_HEALTH_NOT_KNOWN, // not yet
    OTA_WS_HEALTH_IS_GOOD,   // it shall stay
    OTA_WS_HEALTH_IS_BAD,    // the earlier image shall run again
} ota_ws_health_result_t;

// What is left of a crash: the summary of a core dump. Texts are terminated, and may hold any bytes.
#define OTA_WS_CORE_CALLS 16

typedef struct {
    char task[17];           // its name
    char reason[97];         // in words; "" when they are not known
    char elf[65];            // SHA-256 of the image's ELF file: hex digits, as many as the image keeps
    uint32_t pc;             // program counter
    uint32_t cause, address; // of the exception, as the chip has them: mcause and mtval, EXCCAUSE and EXCVADDR
    uint32_t calls[OTA_WS_CORE_CALLS]; // return addresses, the innermost first
    uint32_t call_count;
    const uint8_t *stack; // NULL: the calls are all that is known (Xtensa); else the task's (RISC-V)
    uint32_t stack_size;
    void *owned; // the platform's
} ota_ws_core_dump_t;

typedef struct {
    void *context;

    // Fills all of `identity`. Session thread or writer; quick (reads flash, never hashes an image).
    void (*describe)(void *context, ota_ws_identity_t *identity);

    // Writes into the boot record that the running image is valid, also where it reads so already (a write that was cut
    // off may read so today and not tomorrow), and reads that back. Writer. OTA_WS_NOT_ON_TRIAL when there is no record
    // of the running image, OTA_WS_BOOT_RECORD.
    ota_ws_status_t (*confirm)(void *context);

    // Marks the running image as rolled back, so that the next start runs the other one; does not restart. Writer.
    // `on_trial`: the record of updates says that the running image has not been confirmed since its update. Then the
    // slot before it (of the same table row order, in a circle) holds the image that made this update. Where the boot
    // record has lost the entry of that image, and the image verifies, the entry is written anew first.
    // OTA_WS_NOTHING_TO_GO_BACK_TO, OTA_WS_BOOT_RECORD: the running image stays selected.
    ota_ws_status_t (*roll_back)(void *context, bool on_trial);

    // Recovery layout only: makes sure that the recovery application would start, and takes away each entry of the boot
    // record that selects the application, so that the next start runs the recovery application; does not restart.
    // Writer. OTA_WS_NOT_VERIFIED: nothing has changed. OTA_WS_BOOT_RECORD.
    ota_ws_status_t (*enter_recovery)(void *context);

    // Asks for a restart; returns at once. The restart happens when the messages sent so far have left. Session thread.
    void (*restart)(void *context);

    // Asks the application. False refuses: then `reason` is filled, terminated; the user reads it. ERASE and ACTIVATE
    // in the writer, RESTART in the session thread, where the answer must be quick. NULL: nobody to ask.
    bool (*allows)(void *context, ota_ws_question_t question, char reason[OTA_WS_DETAIL_SIZE]);

    // Asks the application about itself, once a second during a trial. Session thread; quick. NULL: nobody to ask.
    ota_ws_health_result_t (*check_health)(void *context);

    // Fills `bytes` from a cryptographic random generator. Session thread.
    void (*random)(void *context, uint8_t *bytes, size_t length);

    // A small store that survives restarts (NVS, a file). Session thread or writer. `key` has at most 15 characters, a
    // value at most OTA_WS_STORE_VALUE_MAX bytes; a value is either the old or the new one after a power cut. load: the
    // number of bytes read, 0 when there is no such value or it is longer than `size`.
    size_t (*load)(void *context, const char *key, void *value, size_t size);
    // save: `size` 0 removes the value. A failure is not reported: the store is a help, nothing depends on it alone.
    void (*save)(void *context, const char *key, const void *value, size_t size);

    // Why the device has started. Session thread. NULL: it cannot know.
    ota_ws_reset_t (*reset_reason)(void *context);

    // Seconds since 1970, 0 when they are not known. Session thread. NULL: there is no clock.
    uint32_t (*clock_s)(void *context);

    // The memory that keeps the last log lines over a restart (record/log_ring.h); ota_ws_log_ring_start() was called
    // for it. Session thread. NULL: there is none.
    const struct ota_ws_log_memory *(*log)(void *context);

    // The core dump that is in flash, checked. Session thread; may take 50 ms. False: there is none, or it is damaged,
    // or there is no memory for it. After true `close_core` follows, once. NULL: there is none.
    bool (*open_core)(void *context, ota_ws_core_dump_t *core);
    void (*close_core)(void *context, ota_ws_core_dump_t *core);
} ota_ws_platform_t;

// ---- filter: bytes in, other bytes out (decryption, decompression) ----

#define OTA_WS_SMALL_WINDOW 4096 // of deflate: a stream that refers back no farther is inflated with less memory

// Takes what a filter gives. OTA_WS_OK, or the failure that the filter's `feed` must return at once.
typedef ota_ws_status_t (*ota_ws_sink_t)(void *context, const uint8_t *bytes, size_t length);

// All called in the writer; `feed` and `finish` call the sink, in order, with pieces of any length.
typedef struct {
    void *context;

    // Takes its memory. `window`: a deflate stream refers back to so many bytes at most; 0: 32 KiB. OTA_WS_NO_MEMORY
    // leaves nothing taken. After OTA_WS_OK `stop` follows, once.
    ota_ws_status_t (*start)(void *context, uint32_t window);

    ota_ws_status_t (*feed)(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink, void *sink_context);

    // No bytes follow. OTA_WS_OK only when what came was whole and authentic.
    ota_ws_status_t (*finish)(void *context, ota_ws_sink_t sink, void *sink_context);

    // Gives the memory back, however it went.
    void (*stop)(void *context);
} ota_ws_filter_t;

// ---- worker: the writer's thread, its queue and its ring ----

struct ota_ws_job;

// All called in the session thread.
typedef struct {
    void *context;
    bool inflates;  // compressed uploads may be offered
    bool decrypts;  // only encrypted images are taken
    uint32_t early; // bytes that filled() takes after start() before BEGIN is performed; the pipeline's scratch is not
                    // among them

    // Takes the memory of an update: an ota_ws_writer_t (writer.h), an ota_ws_ring_t's (ring.h), the thread.
    // OTA_WS_NO_MEMORY leaves nothing taken.
    ota_ws_status_t (*start)(void *context);

    // While no update has its memory: takes what one job needs that changes the boot record (a thread and its stack,
    // little beside it), and performs the job there with ota_ws_writer_perform_alone(). Never blocks. It ends as one
    // call of ota_ws_device_completed(); then `stop` follows. OTA_WS_NO_MEMORY leaves nothing taken.
    ota_ws_status_t (*start_alone)(void *context, const struct ota_ws_job *job);

    // Where the ring has its next space: there lie the bytes that filled() takes next.
    uint8_t *(*space)(void *context);

    // The ring's space holds the bytes of a data frame, or a part of them: `length` are the writer's now. All that
    // waits is written, in CHUNKs of any length, before the next job is performed.
    void (*filled)(void *context, size_t length);

    // Queues a copy of `job`, never a CHUNK; never blocks, two at most. The writer performs jobs in order with
    // ota_ws_writer_perform(). Each ends as one call of ota_ws_device_completed() in the session thread, and so do
    // CHUNKs, of which one result may stand for many; that of BEGIN comes before theirs.
    void (*submit)(void *context, const struct ota_ws_job *job);

    // Every job has completed. Gives back what `start` or `start_alone` has taken.
    void (*stop)(void *context);
} ota_ws_worker_t;

// ---- link: one peer ----

// All called in the session thread.
typedef struct {
    void *context;

    // Sends one text message, which lies in the device's scratch. Has copied or sent `text` when it returns. What
    // cannot be sent closes the link later, by its own event.
    void (*send)(void *context, const char *text, size_t length);

    // Closes the connection, soon; ota_ws_session_closed() follows.
    void (*close)(void *context);
} ota_ws_link_t;
