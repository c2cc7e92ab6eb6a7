// SPDX-License-Identifier: Apache-2.0
// Patches: the data frames carry the differences to the image that runs, the base (docs/protocol.md, "A patch").
// Inflated bytes of a patch come in. Bytes of the new file go out, into the pipeline, which treats them like bytes that
// were uploaded as they are. The pipeline checks the result; nobody checks the patch. This file guarantees three
// things: it reads nothing outside of the base, it makes nothing beyond the file's size, and every record makes at
// least one byte, so a patch ends.
//
// A patch is a sequence of records. A record has three numbers, `move`, `added` and `fresh`. `move` changes the
// position in the base. Then come `added` bytes: each is added to the next byte of the base. Then come `fresh` bytes,
// which go into the file as they are. The reader keeps one record at a time. Most records are short, so it collects
// what they make, and hands it on by pages of flash: the steps behind it cost the same for a page and for a byte.
#include <string.h>

#include "bytes.h"
#include "engine/state.h"
#include "feature.h"
#include "flow/pipeline.h"

#define IMAGE_MAGIC 0xE9
#define HEADER_SIZE 24
#define HASH_APPENDED 23
#define SEGMENT_HEADER_SIZE 8

enum { MOVE, ADDED, FRESH, NUMBERS };

// ---- the base ----

static ota_ws_status_t read_base(const ota_ws_flash_t *flash, uint32_t offset, uint8_t *bytes, size_t length) {
    return flash->read_base(flash->context, offset, bytes, length);
}

// The offset behind the image's segments and their checksum; 0 for no image, or one without a digest. The header may be
// wrong: the port refuses to read outside of the partition.
static uint32_t find_end(const ota_ws_flash_t *flash) {
    uint8_t bytes[HEADER_SIZE];
    uint32_t end = HEADER_SIZE;
    if (read_base(flash, 0, bytes, HEADER_SIZE) != OTA_WS_OK || bytes[0] != IMAGE_MAGIC || bytes[HASH_APPENDED] != 1) {
        return 0;
    }
    for (unsigned left = bytes[1]; left > 0; left--) {
        if (read_base(flash, end, bytes, SEGMENT_HEADER_SIZE) != OTA_WS_OK) {
            return 0;
        }
        end += SEGMENT_HEADER_SIZE + ota_ws_read_u32(bytes + 4);
    }
    return end + 16 - end % 16;
}

// The image that runs. Its size is 0 when it has no digest of its own, so that no patch fits it.
static void find_base(const ota_ws_flash_t *flash, ota_ws_base_t *base) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    uint32_t end = flash->read_base != NULL ? find_end(flash) : 0;
    memset(base, 0, sizeof *base);
    if (end > 0 && read_base(flash, end, digest, sizeof digest) == OTA_WS_OK) {
        base->size = end + OTA_WS_SHA256_SIZE;
        memcpy(base->digest, digest, sizeof base->digest);
    }
}

// ---- one record ----

// A number has 7 bits in each byte, the low ones first; the high bit of a byte says that another one follows.
// Takes bytes up to the end of the third number, and returns how many.
static size_t take_numbers(ota_ws_delta_t *delta, const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    size_t taken = 0;
    while (taken < length && delta->known < NUMBERS) {
        uint8_t byte = bytes[taken++];
        if (delta->bits == 28 && byte > 0x0f) {
            *status = OTA_WS_BAD_PATCH; // more than 32 bits
            break;
        }
        delta->numbers[delta->known] |= (uint32_t)(byte & 0x7f) << delta->bits;
        delta->bits += 7;
        if (byte < 0x80) {
            delta->known++;
            delta->bits = 0;
        }
    }
    return taken;
}

// All three numbers are known: checks them and moves in the base. `left`: bytes of the file that are still to come.
static ota_ws_status_t begin_record(ota_ws_delta_t *delta, uint32_t left) {
    uint32_t move = delta->numbers[MOVE], added = delta->numbers[ADDED], fresh = delta->numbers[FRESH];
    uint32_t position = delta->position + (move >> 1 ^ (0 - (move & 1))); // the low bit is the sign
    bool is_inside = position <= delta->base_size && added <= delta->base_size - position;
    bool fits = added <= left && fresh <= left - added;
    delta->position = position;
    return is_inside && fits && added + fresh > 0 ? OTA_WS_OK : OTA_WS_BAD_PATCH;
}

// Are all sixteen zero? `bytes` is aligned to a word.
static bool are_zero(const uint8_t *bytes) {
    uint32_t words[4];
    memcpy(words, __builtin_assume_aligned(bytes, sizeof words[0]), sizeof words);
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}

// Adds differences to bytes of the base, four bytes at once where the differences are aligned, without a carry from one
// byte to the next. Nearly all differences are 0, so sixteen of them are looked at first.
static void add(uint8_t *base, const uint8_t *difference, size_t length) {
    const uint32_t low = 0x7f7f7f7f;
    const uint8_t *end = difference + length;
    while (difference < end) {
        uint32_t a, b;
        if ((uintptr_t)difference % sizeof b != 0 || end - difference < (ptrdiff_t)sizeof b) {
            *base++ += *difference++;
            continue;
        }
        for (; end - difference >= 16 && are_zero(difference); difference += 16) {
            base += 16;
        }
        if (end - difference >= (ptrdiff_t)sizeof b) {
            memcpy(&a, base, sizeof a);
            memcpy(&b, __builtin_assume_aligned(difference, sizeof b), sizeof b);
            a = ((a & low) + (b & low)) ^ ((a ^ b) & ~low);
            memcpy(base, &a, sizeof a);
            base += sizeof b;
            difference += sizeof b;
        }
    }
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

// Takes some of the record's bytes, as far as they fit into the page, and returns their number. The page goes on when
// it is full, and with the last byte of the file.
static size_t take_bytes(ota_ws_pipeline_t *pipeline, const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    ota_ws_delta_t *delta = &pipeline->delta;
    unsigned kind = delta->numbers[ADDED] > 0 ? ADDED : FRESH;
    uint32_t taken = (uint32_t)smaller(smaller(length, delta->numbers[kind]), OTA_WS_PAGE_SIZE - delta->filled);
    uint8_t *to = delta->page + delta->filled;
    if (kind == ADDED) {
        *status = read_base(pipeline->ports.flash, delta->position, to, taken);
        delta->position += taken;
        add(to, bytes, taken);
    } else {
        memcpy(to, bytes, taken);
    }
    delta->filled += taken;
    delta->numbers[kind] -= taken;
    if (delta->numbers[ADDED] == 0 && delta->numbers[FRESH] == 0) {
        memset(delta->numbers, 0, sizeof delta->numbers);
        delta->known = 0;
    }
    bool is_last = pipeline->position + delta->filled == pipeline->request.size;
    if (*status == OTA_WS_OK && (is_last || delta->filled == OTA_WS_PAGE_SIZE)) {
        *status = ota_ws_pipeline_take(pipeline, delta->page, delta->filled);
        delta->filled = 0;
    }
    return taken;
}

static ota_ws_status_t take_patch(void *context, const uint8_t *bytes, size_t length) {
    ota_ws_pipeline_t *pipeline = context;
    ota_ws_delta_t *delta = &pipeline->delta;
    ota_ws_status_t status = OTA_WS_OK;
    for (size_t taken; length > 0 && status == OTA_WS_OK; bytes += taken, length -= taken) {
        if (delta->known == NUMBERS) {
            taken = take_bytes(pipeline, bytes, length, &status);
            continue;
        }
        uint32_t left = pipeline->request.size - pipeline->position - delta->filled;
        if (left == 0) {
            return OTA_WS_BAD_PATCH; // it goes on behind the file's last byte
        }
        taken = take_numbers(delta, bytes, length, &status);
        if (status == OTA_WS_OK && delta->known == NUMBERS) {
            status = begin_record(delta, left);
        }
    }
    return status;
}

// ---- the hooks ----

static void start_device(void *subject) {
    ota_ws_device_t *device = subject;
    if (device->ports.worker->inflates && !device->ports.worker->decrypts) {
        find_base(device->ports.flash, &device->base);
    }
}

static void begin_patch(void *subject) {
    ota_ws_pipeline_t *pipeline = subject;
    const ota_ws_upload_request_t *request = &pipeline->request;
    ota_ws_base_t base;
    find_base(pipeline->ports.flash, &base);
    bool fits = base.size > 0 && memcmp(base.digest, request->base, sizeof base.digest) == 0;
    ota_ws_file_fail(pipeline, fits ? OTA_WS_OK : OTA_WS_DELTA_BASE);
    memset(&pipeline->delta, 0, sizeof pipeline->delta);
    pipeline->delta.base_size = base.size;
    pipeline->unpacked = take_patch;
}

const ota_ws_feature_t ota_ws_feature_delta[] = {
    {OTA_WS_TRIAL_KNOWN, start_device},
    {OTA_WS_PATCH_BEGINS, begin_patch},
    {0},
};
