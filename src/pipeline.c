// SPDX-License-Identifier: Apache-2.0
#include "pipeline.h"

#include <string.h>

#include "progress.h"
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

// Is this image one for this device? Its head has been examined.
static ota_ws_status_t decide(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_identity_t device;
    ports->platform->describe(ports->platform->context, &device);
    ota_ws_policy_decide(ports->policy, &device, &pipeline->promise, &pipeline->image.header,
                         &pipeline->image.description, &pipeline->failure);
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

// An `erased` beyond the position is true only until the next program: such a record is made at the very end.
static void save_progress(ota_ws_pipeline_t *pipeline, uint32_t erased) {
    ota_ws_progress_t progress = {.size = pipeline->promise.size, .offset = pipeline->position, .erased = erased};
    memcpy(progress.sha256, pipeline->promise.sha256, sizeof progress.sha256);
    pipeline->ports.hash->peek(&pipeline->file, progress.prefix);
    ota_ws_progress_save(pipeline->ports.platform, &progress);
}

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
        save_progress(pipeline, pipeline->position);
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

// Reads the slot from its start and gives it to `take`, piece by piece.
static ota_ws_status_t read_slot(ota_ws_pipeline_t *pipeline, uint32_t size, ota_ws_sink_t take) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    ota_ws_status_t status = OTA_WS_OK;
    for (uint32_t offset = 0; offset < size && status == OTA_WS_OK;) {
        uint32_t left = size - offset;
        size_t length = left < ports->scratch_size ? left : ports->scratch_size;
        status = ports->flash->read(ports->flash->context, offset, ports->scratch, length);
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

// How long the image in the slot will be, if the file is one that this device takes.
static uint32_t image_size(const ota_ws_pipeline_t *pipeline) {
    uint32_t around = pipeline->ports.decrypt != NULL ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0;
    return pipeline->promise.size > around ? pipeline->promise.size - around : 0;
}

static void start_file(ota_ws_pipeline_t *pipeline) {
    memset(&pipeline->failure, 0, sizeof pipeline->failure);
    pipeline->position = 0;
    pipeline->held = 0;
    pipeline->ports.hash->start(&pipeline->file);
    ota_ws_image_init(&pipeline->image, NULL);
    ota_ws_slot_init(&pipeline->slot, pipeline->ports.flash, image_size(pipeline));
}

static void drop_file(ota_ws_pipeline_t *pipeline) {
    uint8_t unused[OTA_WS_SHA256_SIZE];
    pipeline->ports.hash->finish(&pipeline->file, unused);
}

// Does flash hold what the record says, and is the image still one for this device? Then go on there.
static bool resume(ota_ws_pipeline_t *pipeline) {
    ota_ws_progress_t progress;
    uint8_t prefix[OTA_WS_SHA256_SIZE];
    uint32_t block = pipeline->ports.flash->block_size;
    if (!ota_ws_progress_load(pipeline->ports.platform, &pipeline->promise, &progress) ||
        progress.offset < OTA_WS_IMAGE_HEAD_SIZE || read_slot(pipeline, progress.offset, retake) != OTA_WS_OK) {
        return false;
    }
    pipeline->ports.hash->peek(&pipeline->file, prefix);
    if (memcmp(prefix, progress.prefix, sizeof prefix) != 0 || decide(pipeline) != OTA_WS_OK) {
        return false;
    }
    ota_ws_slot_resume(&pipeline->slot, progress.offset, progress.erased);
    if (progress.offset % block != 0) {
        ota_ws_progress_clear(pipeline->ports.platform); // its `erased` would be wrong after the next program
    }
    return true;
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
    pipeline->promise = *promise;
    pipeline->running = true;
    pipeline->finished = false;
    pipeline->inflating = false;
    pipeline->decrypting = false;
    start_file(pipeline);
    if (ports->decrypt != NULL) {
        ports->hash->start(&pipeline->plain);
        ota_ws_encrypted_init(&pipeline->header, promise->size);
        fail(pipeline,
             promise->deflate ? OTA_WS_COMPRESSION_DECLINED : start_filter(ports->decrypt, &pipeline->decrypting));
    } else if (!resume(pipeline)) {
        drop_file(pipeline);
        start_file(pipeline);
        ota_ws_progress_clear(ports->platform);
    }
    if (promise->deflate && pipeline->failure.status == OTA_WS_OK) {
        bool declined = ports->inflate == NULL || start_filter(ports->inflate, &pipeline->inflating) != OTA_WS_OK;
        fail(pipeline, declined ? OTA_WS_COMPRESSION_DECLINED : OTA_WS_OK);
    }
    return &pipeline->failure;
}

const ota_ws_failure_t *ota_ws_pipeline_write(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length) {
    const ota_ws_filter_t *inflate = pipeline->ports.inflate;
    fail(pipeline, pipeline->inflating ? inflate->feed(inflate->context, bytes, length, take_file, pipeline)
                                       : take_file(pipeline, bytes, length));
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
    return ota_ws_image_finish(&pipeline->image);
}

static ota_ws_status_t hash_piece(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    pipeline->ports.hash->update(&pipeline->file, bytes, length);
    return OTA_WS_OK;
}

// Reads the slot back: does flash hold what was written to it?
static ota_ws_status_t check_flash(ota_ws_pipeline_t *pipeline) {
    const ota_ws_hash_t *hash = pipeline->ports.hash;
    uint8_t expected[OTA_WS_SHA256_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE];
    hash->peek(pipeline->decrypting ? &pipeline->plain : &pipeline->file, expected);
    drop_file(pipeline);
    hash->start(&pipeline->file);
    ota_ws_status_t status = read_slot(pipeline, pipeline->slot.length, hash_piece);
    hash->peek(&pipeline->file, digest);
    if (status != OTA_WS_OK) {
        return status;
    }
    return ota_ws_bytes_equal(digest, expected, sizeof digest) ? OTA_WS_OK : OTA_WS_FLASH_DIFFERS;
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

const ota_ws_failure_t *ota_ws_pipeline_finish(ota_ws_pipeline_t *pipeline) {
    ota_ws_status_t status = finish_filters(pipeline);
    if (status == OTA_WS_OK) {
        status = fail(pipeline, check_promise(pipeline));
    }
    if (status == OTA_WS_OK) {
        status = fail(pipeline, check_image(pipeline));
    }
    if (status == OTA_WS_OK) {
        status = fail(pipeline, ota_ws_slot_flush(&pipeline->slot));
    }
    if (status == OTA_WS_OK) {
        status = fail(pipeline, check_flash(pipeline));
    }
    if (status == OTA_WS_OK) {
        ota_ws_policy_ask(pipeline->ports.platform, OTA_WS_ASK_ACTIVATE, &pipeline->failure);
        status = pipeline->failure.status;
    }
    if (status == OTA_WS_OK) {
        status = fail(pipeline, stage(pipeline));
    }
    pipeline->finished = status == OTA_WS_OK;
    return &pipeline->failure;
}

// The update stops half-way: everything that came goes to flash, and the record says so. Only whole program units can;
// a last part of one is given up together with the record's newest state.
static void pause_file(ota_ws_pipeline_t *pipeline) {
    bool resumable = !pipeline->decrypting && ota_ws_image_head_known(&pipeline->image);
    if (resumable && ota_ws_slot_pause(&pipeline->slot) == OTA_WS_OK && pipeline->slot.cursor == pipeline->position) {
        save_progress(pipeline, pipeline->slot.erased);
    }
}

void ota_ws_pipeline_end(ota_ws_pipeline_t *pipeline) {
    const ota_ws_pipeline_ports_t *ports = &pipeline->ports;
    uint8_t unused[OTA_WS_SHA256_SIZE];
    if (!pipeline->running) {
        return;
    }
    pipeline->running = false;
    if (pipeline->finished || pipeline->failure.status != OTA_WS_OK) {
        ota_ws_progress_clear(ports->platform);
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
