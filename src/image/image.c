// SPDX-License-Identifier: Apache-2.0
// The machine: HEAD -> SEGMENT_DATA (-> SEGMENT_HEADER -> SEGMENT_DATA) x (segment_count - 1) -> PADDING -> [DIGEST]
//              -> END. When bytes follow: END -> [SIGNATURE_PADDING] -> SIGNATURE -> END, or END -> SIGNATURE_V1.
// A state takes `left` bytes. take() looks at them or gathers them; when all have come, leave() judges the
// gathered bytes and enters the next state. A state without bytes is left before the next byte is taken.
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
#define START_SIZE 12 // enough to name a file that is no image
#define SIGNATURE_SECTOR_SIZE 4096
#define MAX_SEGMENT_LENGTH 0x1000000 // SIXTEEN_MB
#define SIGNATURE_V1_SIZE 68         // of Secure Boot v1: version 0 in 4 bytes, an ECDSA signature of 64
#define GZIP_MAGIC 0x8B1F
#define ZIP_MAGIC 0x4B50
#define RANDOM_VALUES 145 // so many of 256 values are in 288 random bytes, in all but one of a million files

enum {
    HEAD,           // }
    SEGMENT_HEADER, // }
    PADDING,        // } these gather their bytes
    DIGEST,         // }
    SEGMENT_DATA,
    END,
    SIGNATURE_V1, // so does this one
    SIGNATURE_PADDING,
    SIGNATURE,
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

// ---- the head

void ota_ws_image_describe(const uint8_t *bytes, ota_ws_image_description_t *description) {
    static const uint8_t sizes[] = {32, 32, 16, 16, 32}; // of version, project, time, date and ESP-IDF's version
    const uint8_t *from = bytes + 16;
    char *to = description->version; // the strings lie behind each other here, too; each has one byte more, for a zero
    _Static_assert(offsetof(ota_ws_image_description_t, elf_sha256) - offsetof(ota_ws_image_description_t, version) ==
                       32 + 32 + 16 + 16 + 32 + sizeof sizes,
                   "in the same order, without gaps");
    memset(description, 0, sizeof *description);
    for (size_t field = 0; field < sizeof sizes; field++) {
        for (size_t i = 0; i < sizes[field] && from[i] != '\0'; i++) {
            to[i] = (char)(from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?');
        }
        from += sizes[field];
        to += sizes[field] + 1;
    }
    description->secure_version = ota_ws_read_u32(bytes + 4);
    memcpy(description->elf_sha256, bytes + 144, sizeof description->elf_sha256);
    description->min_efuse_revision = ota_ws_read_u16(bytes + 176);
    description->max_efuse_revision = ota_ws_read_u16(bytes + 178);
    description->mmu_page_bits = bytes[180] < 32 ? bytes[180] : 0;
}

// By the first START_SIZE bytes.
static ota_ws_status_t classify_start(const uint8_t *bytes) {
    uint32_t magic = ota_ws_read_u32(bytes);
    uint32_t third = ota_ws_read_u32(bytes + 8);
    if (magic == OTA_WS_ENCRYPTED_MAGIC) {
        return OTA_WS_ENCRYPTED_IMAGE;
    }
    if ((magic & third) == UINT32_MAX) {
        return OTA_WS_MERGED_IMAGE; // flash of a chip whose bootloader starts later than at 0
    }
    if (bytes[0] == ESP8266_V2_MAGIC || (bytes[0] == IMAGE_MAGIC && third >= ESP8266_LOWEST_ADDRESS)) {
        return OTA_WS_ESP8266_IMAGE;
    }
    return bytes[0] == IMAGE_MAGIC ? OTA_WS_OK : OTA_WS_NOT_AN_IMAGE;
}

// Flash encryption leaves no mark: its bytes look random. So do packed files; these two kinds have a magic number.
static bool looks_encrypted(const uint8_t *bytes) {
    uint16_t magic = ota_ws_read_u16(bytes);
    int values = 0;
    for (size_t i = 0; i < OTA_WS_IMAGE_HEAD_SIZE; i++) {
        values += memchr(bytes, bytes[i], i) == NULL; // the first of its value
    }
    return values >= RANDOM_VALUES && magic != GZIP_MAGIC && magic != ZIP_MAGIC;
}

// Applications begin with a segment in flash. A bootloader runs from RAM; before ESP-IDF 5.2 it has no description.
// Internal RAM of ESP32, S2, S3, C2, C3 | C5, C6, C61, H2, H4 | P4: ESP-IDF, soc.h, SOC_DRAM_LOW.
static bool is_in_ram(uint32_t address) {
    return address - 0x3FC80000 < 0x380000 || address - 0x40800000 < 0x200000 || address - 0x4FF00000 < 0x100000;
}

static ota_ws_status_t classify_head(const uint8_t *bytes) {
    ota_ws_status_t status = classify_start(bytes);
    if (status == OTA_WS_NOT_AN_IMAGE && looks_encrypted(bytes)) {
        return OTA_WS_FLASH_ENCRYPTED;
    }
    if (status != OTA_WS_OK) {
        return status;
    }
    if (bytes[1] - 1U >= OTA_WS_IMAGE_MAX_SEGMENTS) {
        return OTA_WS_BAD_SEGMENTS;
    }
    if (ota_ws_read_u32(bytes + DESCRIPTION_OFFSET) == DESCRIPTION_MAGIC) {
        return OTA_WS_OK;
    }
    bool is_bootloader =
        bytes[DESCRIPTION_OFFSET] == BOOTLOADER_MAGIC || is_in_ram(ota_ws_read_u32(bytes + HEADER_SIZE));
    return is_bootloader ? OTA_WS_BOOTLOADER_IMAGE : OTA_WS_NO_DESCRIPTION;
}

// ---- segments

// `header` is a segment's header, `offset` where its data begin.
static void enter_segment(ota_ws_image_t *image, const uint8_t *header, uint32_t offset) {
    image->segment = (ota_ws_image_segment_t){ota_ws_read_u32(header), ota_ws_read_u32(header + 4), offset};
    if (image->segment.length > MAX_SEGMENT_LENGTH || image->segment.length % 4 != 0) {
        fail(image, OTA_WS_BAD_SEGMENTS);
        return;
    }
    image->segment_count++;
    enter(image, SEGMENT_DATA, image->segment.length);
}

// The checksum stands in the last byte before the next multiple of 16.
static void enter_padding(ota_ws_image_t *image) {
    uint32_t padded = (image->offset + 16) & ~UINT32_C(15);
    image->length = padded + (image->header.hash_appended ? OTA_WS_SHA256_SIZE : 0);
    enter(image, PADDING, padded - image->offset);
}

// All bytes of the image pass here, twice in an update: sixteen at a time where they are aligned.
static uint8_t xor_all(uint8_t checksum, const uint8_t *bytes, uint32_t length) {
    const uint8_t *end = bytes + length;
    uint32_t words = 0;
    uint32_t four[4];
    while (bytes < end && (uintptr_t)bytes % sizeof four[0] != 0) {
        checksum ^= *bytes++;
    }
    for (const uint8_t *last = end - (end - bytes) % (ptrdiff_t)sizeof four; bytes < last; bytes += sizeof four) {
        memcpy(four, __builtin_assume_aligned(bytes, sizeof four[0]), sizeof four);
        words ^= four[0] ^ four[1] ^ four[2] ^ four[3];
    }
    while (bytes < end) {
        checksum ^= *bytes++;
    }
    return checksum ^ (uint8_t)(words ^ words >> 8 ^ words >> 16 ^ words >> 24);
}

// The head holds the first segment's header and its first bytes, the description.
static void leave_head(ota_ws_image_t *image) {
    const uint8_t *bytes = image->gather;
    fail(image, classify_head(bytes));
    if (image->failed != OTA_WS_OK) {
        return;
    }
    image->header = (ota_ws_image_header_t){
        .segment_count = bytes[1],
        .hash_appended = bytes[23] == 1,
        .chip_id = ota_ws_read_u16(bytes + 12),
        .min_revision = ota_ws_read_u16(bytes + 15),
        .max_revision = ota_ws_read_u16(bytes + 17),
    };
    ota_ws_image_describe(bytes + DESCRIPTION_OFFSET, &image->description);
    if (ota_ws_read_u32(bytes + HEADER_SIZE + 4) < DESCRIPTION_SIZE) {
        fail(image, OTA_WS_BAD_SEGMENTS);
        return;
    }
    enter_segment(image, bytes + HEADER_SIZE, DESCRIPTION_OFFSET);
    image->checksum = xor_all(CHECKSUM_START, bytes + DESCRIPTION_OFFSET, DESCRIPTION_SIZE);
    image->left -= DESCRIPTION_SIZE;
}

// ---- the end

// Bytes follow the image: a signature, or bytes that do not belong here. `next` is the first one.
static void leave_end(ota_ws_image_t *image, uint8_t next) {
    uint32_t missing = -image->length % SIGNATURE_SECTOR_SIZE;
    if (image->is_signed) {
        fail(image, OTA_WS_TRAILING_BYTES);
    } else if (next == 0) {
        enter(image, SIGNATURE_V1, SIGNATURE_V1_SIZE);
    } else if (missing > 0) {
        enter(image, SIGNATURE_PADDING, missing);
    } else {
        enter(image, SIGNATURE, SIGNATURE_SECTOR_SIZE);
    }
}

// More zeros are no signature.
static void leave_signature_v1(ota_ws_image_t *image) {
    bool is_signature = ota_ws_read_u32(image->gather) == 0 && ota_ws_read_u32(image->gather + 4) != 0;
    fail(image, is_signature ? OTA_WS_SECURE_BOOT_V1 : OTA_WS_TRAILING_BYTES);
}

// ---- the machine

static void leave(ota_ws_image_t *image) {
    switch (image->state) {
    case HEAD:
        leave_head(image);
        break;
    case SEGMENT_HEADER:
        enter_segment(image, image->gather, image->offset);
        break;
    case SEGMENT_DATA:
        if (image->segment_count < image->header.segment_count) {
            enter(image, SEGMENT_HEADER, SEGMENT_HEADER_SIZE);
        } else {
            enter_padding(image);
        }
        break;
    case PADDING:
        fail(image, image->gather[image->gathered - 1] == image->checksum ? OTA_WS_OK : OTA_WS_BAD_CHECKSUM);
        enter(image, image->header.hash_appended ? DIGEST : END, image->length - image->offset);
        break;
    case DIGEST:
        memcpy(image->digest, image->gather, OTA_WS_SHA256_SIZE);
        enter(image, END, 0);
        break;
    case SIGNATURE_V1:
        leave_signature_v1(image);
        break;
    case SIGNATURE_PADDING:
        enter(image, SIGNATURE, SIGNATURE_SECTOR_SIZE);
        break;
    default:
        image->is_signed = true;
        enter(image, END, 0);
    }
}

static void look_at(ota_ws_image_t *image, const uint8_t *bytes, uint32_t length) {
    if (image->state < SEGMENT_DATA || image->state == SIGNATURE_V1) {
        memcpy(image->gather + image->gathered, bytes, length);
        image->gathered = (uint16_t)(image->gathered + length);
    } else if (image->state == SEGMENT_DATA) {
        image->checksum = xor_all(image->checksum, bytes, length);
    } else if (image->state == SIGNATURE_PADDING) {
        for (uint32_t i = 0; i < length; i++) {
            fail(image, bytes[i] == 0xFF ? OTA_WS_OK : OTA_WS_TRAILING_BYTES);
        }
    } else if (image->left == SIGNATURE_SECTOR_SIZE && bytes[0] != SIGNATURE_MAGIC) {
        fail(image, OTA_WS_TRAILING_BYTES);
    }
}

// Returns how many bytes it took: none, where only the state changes.
static uint32_t take(ota_ws_image_t *image, const uint8_t *bytes, size_t length) {
    if (image->state == END) {
        leave_end(image, bytes[0]);
        return 0;
    }
    uint32_t taken = image->left < length ? image->left : (uint32_t)length;
    look_at(image, bytes, taken);
    image->offset += taken;
    image->left -= taken;
    if (image->left == 0) {
        leave(image);
    }
    return taken;
}

void ota_ws_image_init(ota_ws_image_t *image) {
    memset(image, 0, sizeof *image);
    enter(image, HEAD, OTA_WS_IMAGE_HEAD_SIZE);
}

ota_ws_status_t ota_ws_image_feed(ota_ws_image_t *image, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    const uint8_t *end = at + length;
    while (at < end && image->failed == OTA_WS_OK) {
        at += take(image, at, (size_t)(end - at));
    }
    return image->failed;
}

bool ota_ws_image_head_known(const ota_ws_image_t *image) {
    return image->segment_count > 0;
}

// The file ended inside the head: its name by the bytes that came. `gather` holds zeros behind them.
static ota_ws_status_t judge_short_file(const ota_ws_image_t *image) {
    if (image->gathered == 0) {
        return OTA_WS_EMPTY;
    }
    bool is_other = image->gathered < START_SIZE && image->gather[0] != IMAGE_MAGIC;
    ota_ws_status_t status = is_other ? OTA_WS_NOT_AN_IMAGE : classify_start(image->gather);
    return status == OTA_WS_OK ? OTA_WS_TOO_SHORT : status;
}

ota_ws_status_t ota_ws_image_finish(ota_ws_image_t *image) {
    if (image->state == HEAD) {
        fail(image, judge_short_file(image));
    } else if (image->state != END) {
        fail(image, image->state > END ? OTA_WS_TRAILING_BYTES : OTA_WS_TRUNCATED);
    }
    return image->failed;
}
