// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include <string.h>

#include "progress.h"
#include "signature.h"
#include "text.h"
#include "trial.h"

// A file that is larger than every bootloader and starts with one holds the whole flash (the partition table lies at
// 0x8000).
#define LARGEST_BOOTLOADER 0x8000

static ota_ws_status_t fail(ota_ws_pipeline_t *pipeline, ota_ws_status_t status) {
    if (pipeline->failure.status == OTA_WS_OK) {
        pipeline->failure.status = status;
    }
    return pipeline->failure.status;
}

void ota_ws_pipeline_init(ota_ws_pipeline_t *pipeline, const ota_ws_pipeline_ports_t *ports) {
    memset(pipeline, 0, sizeof *pipeline);
    pipeline->ports = *ports;
}

// ---- the record ----------------------------------------------------------------------------------------------------

static void save(ota_ws_pipeline_t *pipeline, ota_ws_progress_t *progress) {
    progress->size = pipeline->promise.size;
    memcpy(progress->sha256, pipeline->promise.sha256, sizeof progress->sha256);
    progress->distrust = pipeline->distrust;
    progress->head_size = (uint16_t)ota_ws_slot_head_size(pipeline->ports.flash);
    memcpy(progress->head, pipeline->slot.head, progress->head_size);
    ota_ws_progress_save(pipeline->ports.platform, progress);
    pipeline->recorded = true;
}

// The update goes on behind `offset`. `prefix` may be NULL when nothing is worth going on from.
static void save_record(ota_ws_pipeline_t *pipeline, uint32_t offset, uint32_t erased, const uint8_t *prefix) {
    ota_ws_progress_t progress;
    memset(&progress, 0, sizeof progress);
    progress.offset = offset;
    progress.erased = erased;
    if (prefix != NULL) {
        memcpy(progress.prefix, prefix, sizeof progress.prefix);
    }
    save(pipeline, &progress);
}

// The file has ended; what is left to say is that the slot is not to be trusted, if so.
static void close_record(ota_ws_pipeline_t *pipeline) {
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    if (!pipeline->recorded) {
        return; // nothing was written: an older record stands
    }
    ota_ws_status_t status = pipeline->failure.status;
    bool torn = status == OTA_WS_FLASH_ERASE || status == OTA_WS_FLASH_PROGRAM || status == OTA_WS_FLASH_DIFFERS;
    if (pipeline->finished || (!pipeline->distrust && !torn)) {
        ota_ws_progress_clear(platform);
        return;
    }
    ota_ws_progress_t nothing;
    memset(&nothing, 0, sizeof nothing);
    nothing.clean = 1;
    nothing.distrust = 1;
    ota_ws_progress_save(platform, &nothing);
}

// ---- stage: image --------------------------------------------------------------------------------------------------

// The image's own faults, seen as far as the bytes have come.
static ota_ws_status_t examine(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = ota_ws_image_feed(&pipeline->image, bytes, length);
    if (status == OTA_WS_BOOTLOADER_IMAGE && pipeline->promise.size > LARGEST_BOOTLOADER) {
        status = OTA_WS_MERGED_IMAGE;
    }
    if (status != OTA_WS_OK && pipeline->decrypting && !ota_ws_image_head_known(&pipeline->image)) {
        status = ota_ws_encrypted_judge(status, bytes, length); // the whole head came in one piece: see take_image
    }
    return fail(pipeline, status);
}

// A signature fills the last sector: an image of another size has none.
static bool may_be_signed(const ota_ws_pipeline_t *pipeline) {
    return ota_ws_pipeline_image_size(pipeline, &pipeline->promise) % OTA_WS_SIGNATURE_SECTOR_SIZE == 0;
}

// Is this image one for this device? Its head has been examined.
static ota_ws_status_t decide(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_identity_t device;
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_policy_decide(ports->policy, &device, &pipeline->promise, &pipeline->image.header,
                         &pipeline->image.description, &pipeline->failure);
    pipeline->requires_signed = device.requires_signed;
    fail(pipeline, device.requires_signed && !may_be_signed(pipeline) ? OTA_WS_NOT_SIGNED : OTA_WS_OK);
    if (pipeline->failure.status == OTA_WS_OK) {
        ota_ws_policy_ask(ports->platform, OTA_WS_ASK_ERASE, &pipeline->failure);
    }
    return pipeline->failure.status;
}

static ota_ws_status_t write_slot(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    if (pipeline->decrypting) {
        pipeline->ports.hash->update(&pipeline->plain, bytes, length);
    }
    return fail(pipeline, ota_ws_slot_write(&pipeline->slot, bytes, length));
}

// Examines and writes; the decision falls where the head has become known.
static ota_ws_status_t pass(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    bool undecided = !ota_ws_image_head_known(&pipeline->image);
    ota_ws_status_t status = examine(pipeline, bytes, length);
    if (status == OTA_WS_OK && undecided) {
        status = decide(pipeline);
    }
    if (status == OTA_WS_OK && !pipeline->recorded) {
        save_record(pipeline, 0, 0, NULL); // before the first erase: from now on the slot is not what it was
    }
    return status == OTA_WS_OK ? write_slot(pipeline, bytes, length) : status;
}

// Collects the head; returns how many bytes it took.
static size_t hold(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    size_t missing = OTA_WS_IMAGE_HEAD_SIZE - pipeline->held;
    size_t taken = length < missing ? length : missing;
    memcpy(pipeline->head + pipeline->held, bytes, taken);
    pipeline->held = (uint16_t)(pipeline->held + taken);
    return taken;
}

// Nothing goes on to the slot before the whole head was seen; when it comes in one piece, it need not be held.
static ota_ws_status_t take_image(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    bool known = ota_ws_image_head_known(&pipeline->image);
    if (known || (pipeline->held == 0 && length >= OTA_WS_IMAGE_HEAD_SIZE)) {
        return pass(pipeline, bytes, length);
    }
    size_t taken = hold(pipeline, bytes, length);
    if (pipeline->held < OTA_WS_IMAGE_HEAD_SIZE) {
        return OTA_WS_OK;
    }
    ota_ws_status_t status = pass(pipeline, pipeline->head, pipeline->held);
    return status == OTA_WS_OK ? pass(pipeline, bytes + taken, length - taken) : status;
}

// ---- stage: file ---------------------------------------------------------------------------------------------------

static ota_ws_status_t take_encrypted(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    ota_ws_status_t status = ota_ws_encrypted_feed(&pipeline->header, bytes, length);
    if (status == OTA_WS_OK) {
        status = decrypt->feed(decrypt->context, bytes, length, take_image, pipeline);
    }
    return fail(pipeline, status);
}

// Some bytes of one block of the file; at its end the record is renewed.
static ota_ws_status_t take_piece(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    pipeline->position += (uint32_t)length;
    if (pipeline->decrypting) {
        return take_encrypted(pipeline, bytes, length);
    }
    ota_ws_status_t status = take_image(pipeline, bytes, length);
    bool block_ends = pipeline->position % pipeline->ports.flash->block_size == 0;
    if (status == OTA_WS_OK && block_ends && pipeline->position < pipeline->promise.size) {
        uint8_t prefix[OTA_WS_SHA256_SIZE];
        pipeline->ports.hash->peek(&pipeline->file, prefix);
        save_record(pipeline, pipeline->position, pipeline->position, prefix);
    }
    return status;
}

static ota_ws_status_t take_file(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    uint32_t block = pipeline->ports.flash->block_size;
    ota_ws_status_t status = OTA_WS_OK;
    if (length > pipeline->promise.size - pipeline->position) {
        return fail(pipeline, OTA_WS_TOO_MANY_BYTES);
    }
    while (length > 0 && status == OTA_WS_OK) {
        uint32_t left = block - pipeline->position % block;
        size_t step = length < left ? length : left;
        status = take_piece(pipeline, bytes, step);
        bytes += step;
        length -= step;
    }
    return status;
}

// ---- begin and resume ----------------------------------------------------------------------------------------------

// Reads the slot from `from` to before `to` and gives it to `take`, piece by piece.
static ota_ws_status_t read_slot(ota_ws_pipeline_t *pipeline, uint32_t from, uint32_t to, ota_ws_sink_t take) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_status_t status = OTA_WS_OK;
    for (uint32_t offset = from; offset < to && status == OTA_WS_OK;) {
        uint32_t left = to - offset;
        size_t length = left < ports->scratch_size ? left : ports->scratch_size;
        status = ota_ws_slot_read(&pipeline->slot, offset, ports->scratch, length);
        if (status == OTA_WS_OK) {
            status = take(pipeline, ports->scratch, length);
        }
        offset += (uint32_t)length;
    }
    return status;
}

// One piece of what an earlier try has left in flash: as if it came again, but for the writing.
static ota_ws_status_t retake(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    pipeline->position += (uint32_t)length;
    return examine(pipeline, bytes, length);
}

uint32_t ota_ws_pipeline_image_size(const ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise) {
    uint32_t around = pipeline->ports.decrypt != NULL ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0;
    return promise->size > around ? promise->size - around : 0;
}

static void start_file(ota_ws_pipeline_t *pipeline) {
    memset(&pipeline->failure, 0, sizeof pipeline->failure);
    pipeline->position = 0;
    pipeline->held = 0;
    pipeline->ports.hash->start(&pipeline->file);
    ota_ws_image_init(&pipeline->image, NULL);
    ota_ws_slot_init(&pipeline->slot, pipeline->ports.flash, ota_ws_pipeline_image_size(pipeline, &pipeline->promise));
}

static void drop_file(ota_ws_pipeline_t *pipeline) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->finish(&pipeline->file, unused);
}

// Hashes what the record speaks of, and notes the digest at the last block's start.
static bool retake_prefix(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress, uint32_t block_start,
                          uint8_t block_prefix[OTA_WS_SHA256_SIZE]) {
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    memcpy(pipeline->slot.head, progress->head, sizeof progress->head);
    if (read_slot(pipeline, 0, block_start, retake) != OTA_WS_OK) {
        return false;
    }
    pipeline->ports.hash->peek(&pipeline->file, block_prefix);
    if (read_slot(pipeline, block_start, progress->offset, retake) != OTA_WS_OK) {
        return false;
    }
    pipeline->ports.hash->peek(&pipeline->file, prefix);
    return memcmp(prefix, progress->prefix, sizeof prefix) == 0;
}

// Writes the first sector again without its head. Not when there is no room for it.
static ota_ws_status_t unseal(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    const ota_ws_flash_t *flash = ports->flash;
    uint32_t head = ota_ws_slot_head_size(flash);
    if (ports->scratch_size < flash->sector_size) {
        return OTA_WS_NO_MEMORY;
    }
    ota_ws_status_t status = ota_ws_slot_read(&pipeline->slot, 0, ports->scratch, flash->sector_size);
    if (status == OTA_WS_OK) {
        save_record(pipeline, 0, 0, NULL);
        status = flash->erase(flash->context, 0, flash->sector_size);
    }
    return status == OTA_WS_OK ? flash->program(flash->context, head, ports->scratch + head, flash->sector_size - head)
                               : status;
}

// Does flash hold what the record says, and is the image still one for this device? Then go on there. From now on only
// the last block's start is sure.
static bool resume(ota_ws_pipeline_t *pipeline, const ota_ws_progress_t *progress) {
    uint8_t block_prefix[OTA_WS_SHA256_SIZE];
    uint32_t block = pipeline->ports.flash->block_size;
    uint32_t block_start = progress->offset - progress->offset % block;
    if (progress->offset < OTA_WS_IMAGE_HEAD_SIZE || !retake_prefix(pipeline, progress, block_start, block_prefix) ||
        decide(pipeline) != OTA_WS_OK || (progress->sealed != 0 && unseal(pipeline) != OTA_WS_OK)) {
        return false;
    }
    ota_ws_slot_resume(&pipeline->slot, progress->offset, progress->erased);
    pipeline->distrust = progress->distrust != 0;
    if (pipeline->distrust) {
        ota_ws_slot_distrust(&pipeline->slot, 0, UINT32_MAX);
    } else if (progress->clean == 0) {
        ota_ws_slot_distrust(&pipeline->slot, progress->offset, progress->offset + 2 * block); // one was erased ahead
    }
    save_record(pipeline, block_start, block_start, block_prefix);
    return true;
}

// From the start, or from where an earlier try of the same file has come.
static void begin_plain(ota_ws_pipeline_t *pipeline, bool found, const ota_ws_progress_t *progress) {
    if (found && ota_ws_progress_is_of(progress, &pipeline->promise) && resume(pipeline, progress)) {
        return;
    }
    drop_file(pipeline);
    start_file(pipeline);
}

// What an update that was cut off has left in the slot is not kept, whatever it reads like.
static void look_at_record(ota_ws_pipeline_t *pipeline, bool found, const ota_ws_progress_t *progress) {
    pipeline->distrust = found && (progress->clean == 0 || progress->distrust != 0);
    if (pipeline->distrust) {
        ota_ws_slot_distrust(&pipeline->slot, 0, UINT32_MAX);
    }
}

void ota_ws_pipeline_from(ota_ws_pipeline_t *pipeline, const uint8_t peer[OTA_WS_PEER_SIZE], uint32_t when_s) {
    memcpy(pipeline->peer, peer, sizeof pipeline->peer);
    pipeline->when_s = when_s;
}

static ota_ws_status_t start_filter(const ota_ws_filter_t *filter, bool *started) {
    ota_ws_status_t status = filter->start(filter->context);
    *started = status == OTA_WS_OK;
    return status;
}

const ota_ws_failure_t *ota_ws_pipeline_begin(ota_ws_pipeline_t *pipeline, const ota_ws_promise_t *promise) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_progress_t progress;
    bool found = ota_ws_progress_load(ports->platform, &progress);
    pipeline->promise = *promise;
    pipeline->running = true;
    pipeline->finished = false;
    pipeline->inflating = false;
    pipeline->decrypting = false;
    pipeline->recorded = false;
    pipeline->distrust = false;
    start_file(pipeline);
    if (promise->deflate && pipeline->ports.decrypt == NULL) {
        bool declined = ports->inflate == NULL || start_filter(ports->inflate, &pipeline->inflating) != OTA_WS_OK;
        fail(pipeline, declined ? OTA_WS_COMPRESSION_DECLINED : OTA_WS_OK);
    }
    if (ports->decrypt != NULL) {
        ports->hash->start(&pipeline->plain);
        ota_ws_encrypted_init(&pipeline->header, promise->size);
        fail(pipeline,
             promise->deflate ? OTA_WS_COMPRESSION_DECLINED : start_filter(ports->decrypt, &pipeline->decrypting));
    } else if (pipeline->failure.status == OTA_WS_OK) {
        begin_plain(pipeline, found, &progress);
    }
    if (!pipeline->recorded) {
        look_at_record(pipeline, found, &progress);
    }
    return &pipeline->failure;
}

const ota_ws_failure_t *ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    if (pipeline->failure.status != OTA_WS_OK) {
        return &pipeline->failure; // while no job waited
    }
    fail(pipeline, pipeline->inflating ? inflate->feed(inflate->context, bytes, length, take_file, pipeline)
                                       : take_file(pipeline, bytes, length));
    return &pipeline->failure;
}

const ota_ws_failure_t *ota_ws_pipeline_prepare(ota_ws_pipeline_t *pipeline, bool *worked) {
    *worked = false;
    if (pipeline->running && !pipeline->finished && pipeline->failure.status == OTA_WS_OK) {
        fail(pipeline, ota_ws_slot_prepare(&pipeline->slot, worked));
    }
    return &pipeline->failure;
}

static bool has_all(const ota_ws_pipeline_t *pipeline) {
    return pipeline->position == pipeline->promise.size;
}

bool ota_ws_pipeline_complete(const ota_ws_pipeline_t *pipeline) {
    return has_all(pipeline) && !pipeline->inflating;
}

// ---- the end -------------------------------------------------------------------------------------------------------

static ota_ws_status_t finish_filters(ota_ws_pipeline_t *pipeline) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    const ota_ws_filter_t *decrypt = pipeline->ports.decrypt;
    if (pipeline->inflating) {
        fail(pipeline, inflate->finish(inflate->context, take_file, pipeline));
        fail(pipeline, has_all(pipeline) ? OTA_WS_OK : OTA_WS_BAD_COMPRESSION);
    }
    fail(pipeline, has_all(pipeline) ? OTA_WS_OK : OTA_WS_TRUNCATED);
    if (pipeline->decrypting && pipeline->failure.status == OTA_WS_OK) {
        fail(pipeline, decrypt->finish(decrypt->context, take_image, pipeline));
    }
    return pipeline->failure.status;
}

static ota_ws_status_t check_promise(ota_ws_pipeline_t *pipeline) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->peek(&pipeline->file, digest);
    return ota_ws_bytes_equal(digest, pipeline->promise.sha256, sizeof digest) ? OTA_WS_OK : OTA_WS_DIGEST_MISMATCH;
}

static ota_ws_status_t check_image(ota_ws_pipeline_t *pipeline) {
    if (!ota_ws_image_head_known(&pipeline->image)) {
        examine(pipeline, pipeline->head, pipeline->held); // a file shorter than a head
    }
    ota_ws_status_t status = ota_ws_image_finish(&pipeline->image);
    bool lacks_signature = pipeline->requires_signed && !pipeline->image.is_signed;
    return status == OTA_WS_OK && lacks_signature ? OTA_WS_NOT_SIGNED : status;
}

static ota_ws_status_t hash_piece(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    return OTA_WS_OK;
}

// One piece of the slot, read back: for its digest, and for the image's own.
static ota_ws_status_t verify_piece(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    (void)ota_ws_image_feed(&pipeline->image, bytes, length); // its verdict is asked for at the end
    return hash_piece(pipeline, bytes, length);
}

// Reads the slot back, once: does flash hold what was written to it, and is that an image whose own digest is right?
static ota_ws_status_t check_flash(ota_ws_pipeline_t *pipeline) {
    const ota_ws_hash_t *hash = pipeline->ports.hash;
    uint8_t expected[OTA_WS_SHA256_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE];
    hash->peek(pipeline->decrypting ? &pipeline->plain : &pipeline->file, expected);
    drop_file(pipeline);
    hash->start(&pipeline->file);
    ota_ws_image_init(&pipeline->image, hash);
    ota_ws_status_t status = read_slot(pipeline, 0, pipeline->slot.length, verify_piece);
    ota_ws_status_t image_status = ota_ws_image_finish(&pipeline->image);
    hash->peek(&pipeline->file, digest);
    if (status != OTA_WS_OK) {
        return status;
    }
    return ota_ws_bytes_equal(digest, expected, sizeof digest) ? image_status : OTA_WS_FLASH_DIFFERS;
}

// Selects the image for the next start; the history knows of it before.
static ota_ws_status_t stage(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    const ota_ws_image_description_t *image = &pipeline->image.description;
    ota_ws_identity_t device;
    ota_ws_history_entry_t entry;
    memset(&entry, 0, sizeof entry);
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_text_copy(entry.from, sizeof entry.from, device.running.version);
    ota_ws_text_copy(entry.to, sizeof entry.to, image->version);
    ota_ws_text_copy(entry.slot, sizeof entry.slot, device.other_slot);
    memcpy(entry.elf, image->elf_sha256, sizeof entry.elf);
    memcpy(entry.peer, pipeline->peer, sizeof entry.peer);
    entry.when_s = pipeline->when_s;
    entry.size = pipeline->slot.length;
    return ota_ws_trial_stage(ports->platform, ports->flash, &entry);
}

static ota_ws_status_t check_all(ota_ws_pipeline_t *pipeline) {
    ota_ws_status_t status = finish_filters(pipeline);
    if (status == OTA_WS_OK) {
        status = fail(pipeline, check_promise(pipeline));
    }
    return status == OTA_WS_OK ? fail(pipeline, check_image(pipeline)) : status;
}

// The head goes to flash: what is on record of the blocks before stays good, but the first sector does not.
static void mark_sealed(const ota_ws_pipeline_t *pipeline) {
    const ota_ws_platform_t *platform = pipeline->ports.platform;
    ota_ws_progress_t progress;
    if (ota_ws_progress_load(platform, &progress)) {
        progress.sealed = 1;
        ota_ws_progress_save(platform, &progress);
    }
}

// From here on the slot holds an image.
static ota_ws_status_t seal(ota_ws_pipeline_t *pipeline) {
    mark_sealed(pipeline);
    ota_ws_status_t status = fail(pipeline, ota_ws_slot_flush(&pipeline->slot));
    if (status == OTA_WS_OK) {
        status = fail(pipeline, check_flash(pipeline));
    }
    if (status == OTA_WS_OK) {
        ota_ws_policy_ask(pipeline->ports.platform, OTA_WS_ASK_ACTIVATE, &pipeline->failure);
        status = pipeline->failure.status;
    }
    return status == OTA_WS_OK ? fail(pipeline, stage(pipeline)) : status;
}

// What may not start must not lie there as if it might.
static void break_seal(const ota_ws_pipeline_t *pipeline) {
    const ota_ws_flash_t *flash = pipeline->ports.flash;
    (void)flash->erase(flash->context, 0, flash->sector_size);
}

const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline) {
    if (check_all(pipeline) == OTA_WS_OK && seal(pipeline) != OTA_WS_OK) {
        break_seal(pipeline);
    }
    pipeline->finished = pipeline->failure.status == OTA_WS_OK;
    return &pipeline->failure;
}

// The digest of what lies in flash before the cursor. The file's own is it when no byte waits for its program unit.
static bool digest_written(ota_ws_pipeline_t *pipeline, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    const ota_ws_hash_t *hash = pipeline->ports.hash;
    bool whole = pipeline->slot.cursor == pipeline->position;
    ota_ws_status_t status = OTA_WS_OK;
    if (!whole) {
        drop_file(pipeline);
        hash->start(&pipeline->file);
        status = read_slot(pipeline, 0, pipeline->slot.cursor, hash_piece);
    }
    hash->peek(&pipeline->file, digest);
    return status == OTA_WS_OK;
}

// The update stops half-way: everything that came goes to flash, as far as whole program units go, and the record says
// so.
static void pause_file(ota_ws_pipeline_t *pipeline) {
    ota_ws_progress_t progress;
    memset(&progress, 0, sizeof progress);
    bool resumable = !pipeline->decrypting && ota_ws_image_head_known(&pipeline->image) && pipeline->recorded;
    if (!resumable || ota_ws_slot_pause(&pipeline->slot) != OTA_WS_OK || !digest_written(pipeline, progress.prefix)) {
        return;
    }
    progress.offset = pipeline->slot.cursor;
    progress.erased = pipeline->slot.erased;
    progress.clean = 1;
    save(pipeline, &progress);
}

void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    uint8_t unused[OTA_WS_SHA256_SIZE];
    if (!pipeline->running) {
        return;
    }
    pipeline->running = false;
    if (pipeline->finished || pipeline->failure.status != OTA_WS_OK) {
        close_record(pipeline);
    } else {
        pause_file(pipeline);
    }
    if (pipeline->inflating) {
        ports->inflate->stop(ports->inflate->context);
    }
    if (pipeline->decrypting) {
        ports->decrypt->stop(ports->decrypt->context);
    }
    if (ports->decrypt != NULL) {
        ports->hash->finish(&pipeline->plain, unused);
    }
    drop_file(pipeline);
}
