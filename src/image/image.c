// SPDX-License-Identifier: Apache-2.0
// The machine: HEAD -> (SEGMENT_HEADER -> SEGMENT_DATA) x segment_count -> PADDING -> [DIGEST] -> END
//              END -> [SIGNATURE_PADDING] -> SIGNATURE -> SIGNED_END, or END -> SIGNATURE_V1, when bytes follow.
// Each state is a function that takes what it can and says how much that was.
#include "image/image.h"

#include <string.h>

#include "bytes.h"
#include "text.h"

#define IMAGE_MAGIC 0xE9
#define ESP8266_V2_MAGIC 0xEA
#define DESCRIPTION_MAGIC 0xABCD5432      // ESP_APP_DESC_MAGIC_WORD
#define BOOTLOADER_MAGIC 0x50             // ESP_BOOTLOADER_DESC_MAGIC_BYTE
#define SIGNATURE_MAGIC 0xE7              // ETS_SECURE_BOOT_V2_SIGNATURE_MAGIC
#define ESP8266_LOWEST_ADDRESS 0x3FFE0000 // where an ESP32 header has its pin settings, ESP8266 has a load address
#define CHECKSUM_START 0xEF               // ESP_ROM_CHECKSUM_INITIAL
#define HEADER_SIZE 24
#define SEGMENT_HEADER_SIZE 8
#define DESCRIPTION_OFFSET 32
#define DESCRIPTION_SIZE 256
#define SIGNATURE_SECTOR_SIZE 4096
#define MAX_SEGMENT_LENGTH 0x1000000 // SIXTEEN_MB
#define SIGNATURE_V1_SIZE 68         // of Secure Boot v1: version 0 in 4 bytes, an ECDSA signature of 64
#define GZIP_MAGIC 0x8B1F
#define ZIP_MAGIC 0x4B50
#define RANDOM_VALUES 145 // so many of 256 values are in 288 random bytes, in all but one of a million files

enum {
    HEAD,
    SEGMENT_HEADER,
    SEGMENT_DATA,
    PADDING,
    DIGEST,
    END,
    SIGNATURE_PADDING,
    SIGNATURE,
    SIGNED_END,
    SIGNATURE_V1
};

static void fail(ota_ws_image_t *image, ota_ws_status_t status) {
    if (image->failed == OTA_WS_OK) {
        image->failed = status;
    }
}

static void enter(ota_ws_image_t *image, uint8_t state, uint32_t left) {
    image->state = state;
    image->left = left;
    image->gathered = 0;
}

static uint32_t smaller(uint32_t a, size_t b) {
    return b < a ? (uint32_t)b : a;
}

// Collects up to `image->left` bytes more; returns how many it took.
static size_t gather(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    uint32_t taken = smaller(image->left, length);
    memcpy(image->gather + image->gathered, bytes, taken);
    image->gathered = (uint16_t)(image->gathered + taken);
    image->left -= taken;
    return taken;
}

// ---- the head ------------------------------------------------------------------------------------------------------

// A string field of the description: not always terminated, and written by whoever built the image.
static void read_string(char *to, const uint8_t *from, size_t size) {
    size_t length = 0;
    while (length < size && from[length] != '\0') {
        uint8_t c = from[length];
        to[length++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
    }
    to[length] = '\0';
}

static void read_header(ota_ws_image_header_t *header, const uint8_t *bytes) {
    header->segment_count = bytes[1];
    header->spi_mode = bytes[2];
    header->spi_speed = bytes[3] & 15;
    header->spi_size = bytes[3] >> 4;
    header->entry = ota_ws_read_u32(bytes + 4);
    header->chip_id = ota_ws_read_u16(bytes + 12);
    header->min_revision = ota_ws_read_u16(bytes + 15);
    header->max_revision = ota_ws_read_u16(bytes + 17);
    header->hash_appended = bytes[23] == 1;
}

void ota_ws_image_describe(const uint8_t *bytes, ota_ws_image_description_t *description) {
    description->secure_version = ota_ws_read_u32(bytes + 4);
    read_string(description->version, bytes + 16, 32);
    read_string(description->project, bytes + 48, 32);
    read_string(description->time, bytes + 80, 16);
    read_string(description->date, bytes + 96, 16);
    read_string(description->idf, bytes + 112, 32);
    memcpy(description->elf_sha256, bytes + 144, sizeof description->elf_sha256);
    description->min_efuse_revision = ota_ws_read_u16(bytes + 176);
    description->max_efuse_revision = ota_ws_read_u16(bytes + 178);
    description->mmu_page_bits = bytes[180] < 32 ? bytes[180] : 0;
}

// What kind of file begins like this? `bytes` has at least 12 of them.
static ota_ws_status_t classify_start(const uint8_t *bytes) {
    if (ota_ws_read_u32(bytes) == OTA_WS_ENCRYPTED_MAGIC) {
        return OTA_WS_ENCRYPTED_IMAGE;
    }
    if (ota_ws_read_u32(bytes) == UINT32_MAX && ota_ws_read_u32(bytes + 8) == UINT32_MAX) {
        return OTA_WS_MERGED_IMAGE; // flash of a chip whose bootloader starts later than at 0
    }
    if (bytes[0] == ESP8266_V2_MAGIC) {
        return OTA_WS_ESP8266_IMAGE;
    }
    if (bytes[0] != IMAGE_MAGIC) {
        return OTA_WS_NOT_AN_IMAGE;
    }
    return ota_ws_read_u32(bytes + 8) >= ESP8266_LOWEST_ADDRESS ? OTA_WS_ESP8266_IMAGE : OTA_WS_OK;
}

// Flash encryption leaves no mark: its bytes look random. So do packed files, of which these two say what they are.
static bool looks_encrypted(const uint8_t *bytes) {
    uint32_t seen[8] = {0};
    int values = 0;
    for (size_t i = 0; i < OTA_WS_IMAGE_HEAD_SIZE; i++) {
        uint32_t bit = UINT32_C(1) << bytes[i] % 32;
        values += (seen[bytes[i] / 32] & bit) == 0;
        seen[bytes[i] / 32] |= bit;
    }
    uint16_t magic = ota_ws_read_u16(bytes);
    return values >= RANDOM_VALUES && magic != GZIP_MAGIC && magic != ZIP_MAGIC;
}

// Applications begin with a segment in flash. A bootloader runs from RAM; before ESP-IDF 5.2 it has no description.
// Internal RAM of ESP32, S2, S3, C2, C3 | C5, C6, C61, H2, H4 | P4: ESP-IDF, soc.h, SOC_DRAM_LOW.
static bool is_in_ram(uint32_t address) {
    return (address >= 0x3FC80000 && address < 0x40000000) || (address >= 0x40800000 && address < 0x40A00000) ||
           (address >= 0x4FF00000 && address < 0x50000000);
}

static ota_ws_status_t classify_undescribed(const uint8_t *bytes) {
    bool is_bootloader =
        bytes[DESCRIPTION_OFFSET] == BOOTLOADER_MAGIC || is_in_ram(ota_ws_read_u32(bytes + HEADER_SIZE));
    return is_bootloader ? OTA_WS_BOOTLOADER_IMAGE : OTA_WS_NO_DESCRIPTION;
}

static ota_ws_status_t classify_head(const uint8_t *bytes) {
    ota_ws_status_t status = classify_start(bytes);
    if (status == OTA_WS_NOT_AN_IMAGE && looks_encrypted(bytes)) {
        return OTA_WS_FLASH_ENCRYPTED;
    }
    if (status != OTA_WS_OK) {
        return status;
    }
    if (bytes[1] == 0 || bytes[1] > OTA_WS_IMAGE_MAX_SEGMENTS) {
        return OTA_WS_BAD_SEGMENTS;
    }
    bool is_described = ota_ws_read_u32(bytes + DESCRIPTION_OFFSET) == DESCRIPTION_MAGIC;
    return is_described ? OTA_WS_OK : classify_undescribed(bytes);
}

static size_t take_head(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    size_t taken = gather(image, bytes, length);
    if (image->left > 0) {
        return taken;
    }
    ota_ws_status_t status = classify_head(image->gather);
    if (status != OTA_WS_OK) {
        fail(image, status);
        return taken;
    }
    read_header(&image->header, image->gather);
    ota_ws_image_describe(image->gather + DESCRIPTION_OFFSET, &image->description);

    // The head holds the first segment's header and the start of its data: put it there.
    ota_ws_image_segment_t *first = &image->segments[0];
    first->load_address = ota_ws_read_u32(image->gather + HEADER_SIZE);
    first->length = ota_ws_read_u32(image->gather + HEADER_SIZE + 4);
    first->file_offset = DESCRIPTION_OFFSET;
    if (first->length < DESCRIPTION_SIZE || first->length > MAX_SEGMENT_LENGTH || first->length % 4 != 0) {
        fail(image, OTA_WS_BAD_SEGMENTS);
        return taken;
    }
    image->segment_count = 1;
    for (size_t i = DESCRIPTION_OFFSET; i < OTA_WS_IMAGE_HEAD_SIZE; i++) {
        image->checksum ^= image->gather[i];
    }
    enter(image, SEGMENT_DATA, first->length - DESCRIPTION_SIZE);
    return taken;
}

// ---- segments ------------------------------------------------------------------------------------------------------

static size_t take_segment_header(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    size_t taken = gather(image, bytes, length);
    if (image->left > 0) {
        return taken;
    }
    ota_ws_image_segment_t *segment = &image->segments[image->segment_count++];
    segment->load_address = ota_ws_read_u32(image->gather);
    segment->length = ota_ws_read_u32(image->gather + 4);
    segment->file_offset = image->offset + (uint32_t)taken;
    if (segment->length > MAX_SEGMENT_LENGTH || segment->length % 4 != 0) {
        fail(image, OTA_WS_BAD_SEGMENTS);
        return taken;
    }
    enter(image, SEGMENT_DATA, segment->length);
    return taken;
}

// The last segment has ended at `end`: the checksum stands in the last byte before the next multiple of 16.
static void enter_padding(ota_ws_image_t *image, uint32_t end) {
    uint32_t padded = (end + 16) & ~UINT32_C(15);
    image->length = padded + (image->header.hash_appended ? OTA_WS_SHA256_SIZE : 0);
    enter(image, PADDING, padded - end);
}

// All bytes of the image pass here, twice in an update: four at a time where they are aligned.
static uint8_t xor_all(uint8_t checksum, const uint8_t *bytes, uint32_t length) {
    const uint8_t *end = bytes + length;
    uint32_t words = 0;
    uint32_t word;
    while (bytes < end && (uintptr_t)bytes % sizeof word != 0) {
        checksum ^= *bytes++;
    }
    for (const uint8_t *last = end - (end - bytes) % (ptrdiff_t)sizeof word; bytes < last; bytes += sizeof word) {
        memcpy(&word, __builtin_assume_aligned(bytes, sizeof word), sizeof word);
        words ^= word;
    }
    while (bytes < end) {
        checksum ^= *bytes++;
    }
    return checksum ^ (uint8_t)(words ^ words >> 8 ^ words >> 16 ^ words >> 24);
}

static size_t take_segment_data(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    uint32_t taken = smaller(image->left, length);
    image->checksum = xor_all(image->checksum, bytes, taken);
    image->left -= taken;
    if (image->left > 0) {
        return taken;
    }
    if (image->segment_count < image->header.segment_count) {
        enter(image, SEGMENT_HEADER, SEGMENT_HEADER_SIZE);
    } else {
        enter_padding(image, image->offset + taken);
    }
    return taken;
}

// ---- the end -------------------------------------------------------------------------------------------------------

static size_t take_padding(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    uint32_t taken = smaller(image->left, length);
    image->left -= taken;
    if (image->left > 0) {
        return taken;
    }
    if (bytes[taken - 1] != image->checksum) {
        fail(image, OTA_WS_BAD_CHECKSUM);
    }
    enter(image, image->header.hash_appended ? DIGEST : END, image->header.hash_appended ? OTA_WS_SHA256_SIZE : 0);
    return taken;
}

static void finish_hash(ota_ws_image_t *image) {
    if (image->hashing) {
        image->hash->finish(image->sha256, image->digest);
        image->hashing = false;
    }
}

static size_t take_digest(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    size_t taken = gather(image, bytes, length);
    if (image->left > 0) {
        return taken;
    }
    if (image->hash != NULL) {
        finish_hash(image);
        if (memcmp(image->digest, image->gather, OTA_WS_SHA256_SIZE) != 0) {
            fail(image, OTA_WS_BAD_IMAGE_DIGEST);
        }
    }
    memcpy(image->digest, image->gather, OTA_WS_SHA256_SIZE);
    enter(image, END, 0);
    return taken;
}

// Bytes follow the image: a signature sector at the next multiple of 4096, or nothing that belongs here.
static size_t take_end(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    (void)length;
    uint32_t past = image->length % SIGNATURE_SECTOR_SIZE;
    if (bytes[0] == 0) {
        enter(image, SIGNATURE_V1, SIGNATURE_V1_SIZE);
    } else if (past == 0) {
        enter(image, SIGNATURE, SIGNATURE_SECTOR_SIZE);
    } else {
        enter(image, SIGNATURE_PADDING, SIGNATURE_SECTOR_SIZE - past);
    }
    return 0;
}

static size_t take_signature_padding(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    uint32_t taken = smaller(image->left, length);
    for (uint32_t i = 0; i < taken; i++) {
        if (bytes[i] != 0xFF) {
            fail(image, OTA_WS_TRAILING_BYTES);
        }
    }
    image->left -= taken;
    if (image->left == 0) {
        enter(image, SIGNATURE, SIGNATURE_SECTOR_SIZE);
    }
    return taken;
}

static size_t take_signature(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    if (image->left == SIGNATURE_SECTOR_SIZE && bytes[0] != SIGNATURE_MAGIC) {
        fail(image, OTA_WS_TRAILING_BYTES);
    }
    uint32_t taken = smaller(image->left, length);
    image->left -= taken;
    if (image->left == 0) {
        image->is_signed = true;
        enter(image, SIGNED_END, 0);
    }
    return taken;
}

static size_t take_signed_end(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    (void)bytes;
    fail(image, OTA_WS_TRAILING_BYTES);
    return length;
}

// More zeros are no signature.
static size_t take_signature_v1(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    size_t taken = gather(image, bytes, length);
    if (image->left > 0) {
        return taken;
    }
    bool is_signature = false;
    for (size_t i = 4; i < SIGNATURE_V1_SIZE; i++) {
        is_signature = is_signature || image->gather[i] != 0;
    }
    is_signature = is_signature && ota_ws_read_u32(image->gather) == 0;
    fail(image, is_signature ? OTA_WS_SECURE_BOOT_V1 : OTA_WS_TRAILING_BYTES);
    return taken;
}

// ---- the dispatcher ------------------------------------------------------------------------------------------------

typedef size_t (*take_t)(ota_ws_image_t *image, const uint8_t *bytes, size_t length);

static const take_t takers[] = {
    [HEAD] = take_head,
    [SEGMENT_HEADER] = take_segment_header,
    [SEGMENT_DATA] = take_segment_data,
    [PADDING] = take_padding,
    [DIGEST] = take_digest,
    [END] = take_end,
    [SIGNATURE_PADDING] = take_signature_padding,
    [SIGNATURE] = take_signature,
    [SIGNED_END] = take_signed_end,
    [SIGNATURE_V1] = take_signature_v1,
};

static size_t take(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    bool covered = image->state < DIGEST; // by the appended digest
    size_t taken = takers[image->state](image, bytes, length);
    if (covered && image->hashing) {
        image->hash->update(image->sha256, bytes, taken);
    }
    image->offset += (uint32_t)taken;
    return taken;
}

void ota_ws_image_init(ota_ws_image_t *image, const ota_ws_hash_t *hash, ota_ws_sha256_t *sha256) {
    memset(image, 0, sizeof *image);
    image->hash = hash;
    image->sha256 = sha256;
    image->checksum = CHECKSUM_START;
    enter(image, HEAD, OTA_WS_IMAGE_HEAD_SIZE);
    if (hash != NULL) {
        hash->start(sha256);
        image->hashing = true;
    }
}

ota_ws_status_t ota_ws_image_feed(ota_ws_image_t *image, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    while (length > 0 && image->failed == OTA_WS_OK) {
        size_t taken = take(image, at, length);
        at += taken;
        length -= taken;
    }
    return image->failed;
}

bool ota_ws_image_head_known(const ota_ws_image_t *image) {
    return image->segment_count > 0;
}

// The file ended inside the head: say what it looks like as far as it goes.
static ota_ws_status_t judge_short_file(const ota_ws_image_t *image) {
    if (image->gathered == 0) {
        return OTA_WS_EMPTY;
    }
    if (image->gathered < 12) {
        return image->gather[0] == IMAGE_MAGIC ? OTA_WS_TOO_SHORT : OTA_WS_NOT_AN_IMAGE;
    }
    ota_ws_status_t status = classify_start(image->gather);
    return status == OTA_WS_OK ? OTA_WS_TOO_SHORT : status;
}

static ota_ws_status_t judge_end(const ota_ws_image_t *image) {
    if (image->state == END || image->state == SIGNED_END) {
        return OTA_WS_OK;
    }
    if (image->state == HEAD) {
        return judge_short_file(image);
    }
    return image->state > END ? OTA_WS_TRAILING_BYTES : OTA_WS_TRUNCATED;
}

ota_ws_status_t ota_ws_image_finish(ota_ws_image_t *image) {
    finish_hash(image);
    fail(image, judge_end(image));
    return image->failed;
}
