// SPDX-License-Identifier: Apache-2.0
#include "firmware.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "decrypt_openssl.h"
#include "hash_openssl.h"
#include "image/chip.h"
#include "image/signature.h"
#include "text.h"

#define PIECE_SIZE 65536
#define LARGEST_BOOTLOADER 0x8000 // the partition table begins there: a longer file holds more than a bootloader
#define DESCRIPTION_OFFSET 32
#define BOOTLOADER_MAGIC 0x50 // ESP_BOOTLOADER_DESC_MAGIC_BYTE
#define TABLE_STEP 0x1000     // } a partition table of a merged image starts at a multiple of it: at 0x8000 in flash
#define TABLE_LIMIT 0x40000   // } by default; 0x1000 or 0x2000 earlier in a file that starts with the bootloader
#define TABLE_ROW 32
#define SIGNATURE_MAGIC 0xE7

static bool cannot_read(firmware_t *firmware, const char *why) {
    problem_set(&firmware->fault, EXIT_CODE_FILE_REFUSED, "cannot_read", "%.160s cannot be read: %s.", firmware->path,
                why);
    return false;
}

static bool open_file(firmware_t *firmware) {
    struct stat status;
    firmware->file = fopen(firmware->path, "rb");
    if (firmware->file == NULL) {
        return cannot_read(firmware, strerror(errno));
    }
    bool regular = fstat(fileno(firmware->file), &status) == 0 && S_ISREG(status.st_mode);
    if (!regular || status.st_size > UINT32_MAX) {
        fclose(firmware->file);
        return cannot_read(firmware, regular ? "it has 4 GiB or more" : "it is no regular file");
    }
    firmware->size = (uint32_t)status.st_size;
    setvbuf(firmware->file, NULL, _IONBF, 0); // read in large pieces anyway
    return true;
}

// ---- what kind of file is it? ----

// One row, and behind it another one, the row with the MD5, or the end.
static bool is_table(const uint8_t rows[2 * TABLE_ROW]) {
    const uint8_t *next = rows + TABLE_ROW;
    bool goes_on =
        (next[0] == 0xAA && next[1] == 0x50) || (next[0] == 0xEB && next[1] == 0xEB) || (next[0] & next[1]) == 0xFF;
    return rows[0] == 0xAA && rows[1] == 0x50 && rows[4] == 0 && goes_on;
}

static bool has_table(const firmware_t *firmware) {
    uint8_t rows[2 * TABLE_ROW];
    for (uint32_t at = TABLE_STEP; at <= TABLE_LIMIT && at + sizeof rows <= firmware->size; at += TABLE_STEP) {
        if (firmware_read(firmware, at, rows, sizeof rows) && is_table(rows)) {
            return true;
        }
    }
    return false;
}

static bool has_bootloader_description(const firmware_t *firmware) {
    uint8_t magic;
    return firmware_read(firmware, DESCRIPTION_OFFSET, &magic, 1) && magic == BOOTLOADER_MAGIC;
}

// What the file is in the end, with what only the whole of it shows.
static ota_ws_status_t classify(firmware_t *firmware, ota_ws_status_t image, ota_ws_status_t encrypted) {
    firmware->is_encrypted = image == OTA_WS_ENCRYPTED_IMAGE;
    if (firmware->is_encrypted) {
        return encrypted;
    }
    bool may_be_merged = image == OTA_WS_BOOTLOADER_IMAGE || image == OTA_WS_NO_DESCRIPTION ||
                         image == OTA_WS_NOT_AN_IMAGE || image == OTA_WS_FLASH_ENCRYPTED;
    if (may_be_merged && has_table(firmware)) {
        return OTA_WS_MERGED_IMAGE;
    }
    if (image == OTA_WS_BOOTLOADER_IMAGE && firmware->size > LARGEST_BOOTLOADER) {
        return has_bootloader_description(firmware) ? OTA_WS_MERGED_IMAGE : OTA_WS_NO_DESCRIPTION;
    }
    return image;
}

// Reads what is sent once: image check and digest. False when the file ends before.
static bool examine(firmware_t *firmware) {
    static const ota_ws_hash_t *const hash = &ota_ws_hash_openssl;
    ota_ws_sha256_t sha256;
    uint8_t piece[PIECE_SIZE];
    uint32_t size = 0;
    bool whole = fseeko(firmware->file, 0, SEEK_SET) == 0;
    ota_ws_status_t encrypted = OTA_WS_OK;
    hash->start(&sha256);
    image_inspection_start(&firmware->inspection, hash);
    ota_ws_encrypted_init(&firmware->encrypted, firmware->size);
    while (whole && size < firmware->size) {
        uint32_t left = firmware->size - size;
        size_t length = left < sizeof piece ? left : sizeof piece;
        whole = fread(piece, 1, length, firmware->file) == length;
        hash->update(&sha256, piece, length);
        image_inspection_feed(&firmware->inspection, piece, length);
        encrypted = encrypted == OTA_WS_OK ? ota_ws_encrypted_feed(&firmware->encrypted, piece, length) : encrypted;
        size += (uint32_t)length;
    }
    hash->finish(&sha256, firmware->sha256);
    if (!whole) {
        return false;
    }
    memset(&firmware->fault, 0, sizeof firmware->fault);
    ota_ws_failure_t failure = {.status =
                                    classify(firmware, image_inspection_finish(&firmware->inspection), encrypted)};
    if (failure.status != OTA_WS_OK) {
        problem_from_failure(&firmware->fault, EXIT_CODE_FILE_REFUSED, &failure);
    }
    return true;
}

// ---- nothing but 0xFF behind the image ----

static bool is_erased(const firmware_t *firmware, uint32_t from, uint32_t to) {
    uint8_t piece[PIECE_SIZE];
    while (from < to) {
        uint32_t length = to - from < sizeof piece ? to - from : (uint32_t)sizeof piece;
        if (!firmware_read(firmware, from, piece, length)) {
            return false;
        }
        for (uint32_t i = 0; i < length; i++) {
            if (piece[i] != 0xFF) {
                return false;
            }
        }
        from += length;
    }
    return true;
}

// Where the image ends, with its signature sector where one follows.
static uint32_t end_of_image(const firmware_t *firmware) {
    uint32_t length = firmware->inspection.image.length;
    uint32_t sector = ota_ws_signature_offset(length);
    uint8_t magic;
    bool is_signed = sector + OTA_WS_SIGNATURE_SECTOR_SIZE <= firmware->size &&
                     firmware_read(firmware, sector, &magic, 1) && magic == SIGNATURE_MAGIC;
    return is_signed ? sector + OTA_WS_SIGNATURE_SECTOR_SIZE : length;
}

// Leaves out what a slot that was read back has behind the image. What is encrypted goes as it is: its tag covers all.
static void leave_out_erased(firmware_t *firmware) {
    bool trails = strcmp(firmware->fault.name, ota_ws_status_name(OTA_WS_TRAILING_BYTES)) == 0;
    uint32_t end = trails && !firmware->is_encrypted ? end_of_image(firmware) : firmware->size;
    if (end < firmware->size && is_erased(firmware, end, firmware->size)) {
        firmware->left_out = firmware->size - end;
        firmware->size = end;
    }
}

bool firmware_open(firmware_t *firmware, const char *path) {
    memset(firmware, 0, sizeof *firmware);
    firmware->path = path;
    if (!open_file(firmware)) {
        return false;
    }
    if (examine(firmware)) {
        leave_out_erased(firmware);
        if (firmware->left_out == 0 || examine(firmware)) {
            return true;
        }
    }
    fclose(firmware->file);
    return cannot_read(firmware, "it ends while it is read");
}

// ---- the inside of an encrypted file ----

static ota_ws_status_t take_decrypted(void *context, const uint8_t *bytes, size_t length) {
    image_inspection_t *inspection = context;
    ota_ws_status_t status = image_inspection_feed(inspection, bytes, length);
    if (status == OTA_WS_OK || ota_ws_image_head_known(&inspection->image)) {
        return OTA_WS_OK; // the tag comes first
    }
    return ota_ws_encrypted_judge(status, bytes, length); // the first piece is longer than a head
}

static ota_ws_status_t decrypt_file(firmware_t *firmware, const ota_ws_filter_t *filter) {
    ota_ws_status_t status = OTA_WS_OK;
    uint8_t piece[PIECE_SIZE];
    for (uint32_t offset = 0; offset < firmware->size && status == OTA_WS_OK;) {
        uint32_t left = firmware->size - offset;
        uint32_t length = left < sizeof piece ? left : (uint32_t)sizeof piece;
        status = firmware_read(firmware, offset, piece, length)
                     ? filter->feed(filter->context, piece, length, take_decrypted, &firmware->inspection)
                     : OTA_WS_TRUNCATED;
        offset += length;
    }
    ota_ws_status_t end = filter->finish(filter->context, take_decrypted, &firmware->inspection);
    return status == OTA_WS_OK ? end : status;
}

void firmware_look_inside(firmware_t *firmware, const image_key_t *key) {
    decrypt_openssl_t decryptor = {.key = key};
    ota_ws_filter_t filter = decrypt_openssl_filter(&decryptor);
    ota_ws_failure_t failure = {.status = filter.start(filter.context, 0)};
    image_inspection_start(&firmware->inspection, &ota_ws_hash_openssl);
    if (failure.status == OTA_WS_OK) {
        failure.status = decrypt_file(firmware, &filter);
        filter.stop(filter.context);
    }
    ota_ws_status_t inside = image_inspection_finish(&firmware->inspection);
    failure.status = failure.status == OTA_WS_OK ? inside : failure.status;
    if (failure.status != OTA_WS_OK) {
        problem_from_failure(&firmware->fault, EXIT_CODE_FILE_REFUSED, &failure);
    }
}

void firmware_close(firmware_t *firmware) {
    fclose(firmware->file);
    firmware->file = NULL;
}

bool firmware_read(const firmware_t *firmware, uint32_t offset, void *bytes, size_t length) {
    return fseeko(firmware->file, (off_t)offset, SEEK_SET) == 0 && fread(bytes, 1, length, firmware->file) == length;
}

static bool decide(const firmware_t *firmware, const ota_ws_identity_t *device, const ota_ws_policy_t *policy,
                   bool allow_downgrade, problem_t *problem) {
    ota_ws_upload_request_t request = {.size = firmware->size, .allow_downgrade = allow_downgrade};
    ota_ws_failure_t failure;
    ota_ws_policy_decide(policy, device, &request, &firmware->inspection.image.header,
                         &firmware->inspection.image.description, &failure);
    if (failure.status == OTA_WS_OK) {
        return true;
    }
    problem_from_failure(problem, EXIT_CODE_FILE_REFUSED, &failure);
    return false;
}

static bool is_sound(const firmware_t *firmware, problem_t *problem) {
    if (firmware->fault.code != EXIT_CODE_OK) {
        *problem = firmware->fault;
        return false;
    }
    return true;
}

static bool refuse(problem_t *problem, ota_ws_status_t status) {
    ota_ws_failure_t failure = {.status = status};
    problem_from_failure(problem, EXIT_CODE_FILE_REFUSED, &failure);
    return false;
}

// Plain for a device that takes plain images, encrypted for one that takes encrypted ones.
static bool fits_kind(const firmware_t *firmware, bool encrypted, problem_t *problem) {
    if (firmware->is_encrypted == encrypted) {
        return true;
    }
    return refuse(problem, encrypted ? OTA_WS_NOT_ENCRYPTED : OTA_WS_ENCRYPTED_IMAGE);
}

static bool fits_slot(const firmware_t *firmware, const device_state_t *state, problem_t *problem) {
    uint32_t header = firmware->is_encrypted ? OTA_WS_ENCRYPTED_HEADER_SIZE : 0; // goes into no slot
    if (firmware->size - header <= state->slot_size) {
        return true;
    }
    ota_ws_failure_t failure = {.status = state->slot_size == 0 ? OTA_WS_NO_SLOT : OTA_WS_TOO_LARGE};
    ota_ws_text_number(failure.image, firmware->size);
    ota_ws_text_number(failure.device, state->slot_size);
    problem_from_failure(problem, EXIT_CODE_FILE_REFUSED, &failure);
    return false;
}

// Whether a signature is right is the device's to say; what is encrypted cannot be looked into.
static bool fits_signature(const firmware_t *firmware, bool required, problem_t *problem) {
    if (!required || firmware->is_encrypted || firmware->inspection.image.is_signed) {
        return true;
    }
    return refuse(problem, OTA_WS_NOT_SIGNED);
}

bool firmware_fits(const firmware_t *firmware, const device_state_t *state, bool allow_downgrade, problem_t *problem) {
    ota_ws_identity_t device;
    device_state_identity(state, &device);
    const ota_ws_policy_t policy = {.check_project = state->check_project, .check_version = true};
    return fits_kind(firmware, state->encrypted, problem) && is_sound(firmware, problem) &&
           (!ota_ws_image_head_known(&firmware->inspection.image) ||
            decide(firmware, &device, &policy, allow_downgrade, problem)) &&
           fits_slot(firmware, state, problem) && fits_signature(firmware, state->requires_signed, problem);
}

bool firmware_fits_chip(const firmware_t *firmware, uint16_t chip_id, problem_t *problem) {
    // Any revision and secure version: as high as the image asks for.
    ota_ws_identity_t device = {
        .chip_id = chip_id, .chip_revision = firmware->inspection.image.header.min_revision, .secure_version = 0};
    const ota_ws_policy_t policy = {false, false};
    bool is_legible = ota_ws_image_head_known(&firmware->inspection.image);
    return (is_legible || fits_kind(firmware, false, problem)) && is_sound(firmware, problem) &&
           decide(firmware, &device, &policy, true, problem);
}
