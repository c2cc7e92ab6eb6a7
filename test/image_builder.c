// SPDX-License-Identifier: Apache-2.0
#include "image_builder.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 24,
    SEGMENT_HEADER = 8,
    DESCRIPTION_AT = 32,
    DESCRIPTION = 256,
    DIGEST = 32,
    SEGMENTS_MAX = 16,
    PARTITION_TABLE_AT = 0x8000,
    APPLICATION_AT = 0x10000,
};

const image_spec_t image_spec_default = {
    .size = 65536,
    .chip_id = 0x0005,
    .version = "1.0.0",
    .project = "demo",
    .idf = "v5.4.1",
    .segments = 4,
    .digest = true,
    .max_efuse_revision = 199,
    .mmu_page_bits = 16,
    .seed = 1,
};

// ---- bytes ----

static void put_u16(uint8_t *to, uint16_t value) {
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *to, uint32_t value) {
    put_u16(to, (uint16_t)value);
    put_u16(to + 2, (uint16_t)(value >> 16));
}

static uint32_t get_u32(const uint8_t *from) {
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void put_text(uint8_t *to, size_t space, const char *text) {
    const size_t length = strlen(text);
    memcpy(to, text, length < space ? length : space);
}

// Marsaglia's xorshift32; the state is never 0.
static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint32_t random_state(uint32_t seed) {
    return seed * 2654435761u | 1u;
}

// Runs of random bytes between repetitions of what came up to 4 KiB before.
void image_fill(uint8_t *bytes, size_t length, uint32_t *state) {
    size_t at = 0;
    while (at < length) {
        const uint32_t dice = next_random(state);
        size_t run = 16 + (dice & 31);
        run = run < length - at ? run : length - at;
        const bool repeat = at > 64 && (dice >> 8) % 100 < 48;
        const size_t back = repeat ? 64 + (dice >> 16) % ((at < 4096 ? at : 4096) - 63) : 0;
        for (size_t i = 0; i < run; i++, at++) {
            bytes[at] = repeat ? bytes[at - back] : (uint8_t)(next_random(state) >> 24);
        }
    }
}

// ---- a sound image ----

static uint32_t round_up(uint32_t value, uint32_t unit) {
    return (value + unit - 1) / unit * unit;
}

// Checksum and digest included.
static uint32_t image_size(const image_spec_t *spec) {
    const uint32_t tail = spec->digest ? DIGEST : 0;
    const uint32_t least = round_up(HEADER + spec->segments * (SEGMENT_HEADER + 4u) + DESCRIPTION + 1, 16) + tail;
    const uint32_t wanted = round_up(spec->size, 16);
    return wanted > least ? wanted : least;
}

static void put_header(const image_spec_t *spec, uint8_t *bytes) {
    static const uint8_t fixed[HEADER] = {0xE9, 0, 2, 0x2F, 0x50, 0x02, 0x38, 0x40, 0xEE};
    memcpy(bytes, fixed, HEADER);
    bytes[1] = spec->segments;
    put_u16(bytes + 12, spec->chip_id);
    bytes[14] = (uint8_t)(spec->min_revision / 100);
    put_u16(bytes + 15, spec->min_revision);
    put_u16(bytes + 17, spec->max_revision);
    bytes[23] = spec->digest;
}

static void put_description(const image_spec_t *spec, uint8_t *description) {
    memset(description, 0, DESCRIPTION);
    put_u32(description, 0xABCD5432);
    put_u32(description + 4, spec->secure_version);
    put_text(description + 16, 32, spec->version);
    put_text(description + 48, 32, spec->project);
    put_text(description + 80, 16, "12:00:00");
    put_text(description + 96, 16, "Jan  1 2026");
    put_text(description + 112, 32, spec->idf);
    if (spec->elf_sha256 != NULL) {
        memcpy(description + 144, spec->elf_sha256, DIGEST);
    } else {
        SHA256(description, 144, description + 144); // other for each version, as that of an ELF file would be
        description[144] ^= (uint8_t)spec->seed;
    }
    put_u16(description + 176, spec->min_efuse_revision);
    put_u16(description + 178, spec->max_efuse_revision);
    description[180] = spec->mmu_page_bits;
}

// All segments but the last have a share of the data, the last has the rest. Load addresses are those of mapped flash:
// their low 16 bits are those of the file offset.
static void put_segments(const image_spec_t *spec, uint8_t *bytes, uint32_t end) {
    uint32_t state = random_state(spec->seed);
    uint32_t at = HEADER;
    uint32_t left = end - HEADER - spec->segments * SEGMENT_HEADER - DESCRIPTION;
    for (uint32_t i = 0; i < spec->segments; i++) {
        const uint32_t rest = spec->segments - i;
        const uint32_t share = rest == 1 ? left : round_up(left / rest + 1, 4);
        const uint32_t length = (share < left ? share : left) + (i == 0 ? DESCRIPTION : 0);
        put_u32(bytes + at, 0x3C000000 + at + SEGMENT_HEADER);
        put_u32(bytes + at + 4, length);
        at += SEGMENT_HEADER;
        image_fill(bytes + at, length, &state);
        at += length;
        left -= share < left ? share : left;
    }
    put_description(spec, bytes + DESCRIPTION_AT);
}

static uint8_t checksum(const uint8_t *bytes, uint32_t end) {
    uint8_t sum = 0xEF;
    uint32_t at = HEADER;
    for (uint32_t i = 0; i < bytes[1] && at + SEGMENT_HEADER <= end; i++) {
        const uint32_t length = get_u32(bytes + at + 4);
        at += SEGMENT_HEADER;
        for (uint32_t k = 0; k < length && at < end; k++) {
            sum ^= bytes[at++];
        }
    }
    return sum;
}

void image_seal(const image_spec_t *spec, image_file_t *file) {
    const uint32_t end = image_size(spec) - (spec->digest ? DIGEST : 0);
    file->bytes[end - 1] = checksum(file->bytes, end - 1);
    if (spec->digest) {
        SHA256(file->bytes, end, file->bytes + end);
    }
}

// What Secure Boot v2 appends: 0xFF up to a sector, then a sector with a signature block. The signature itself is
// noise.
static void put_signature(const image_spec_t *spec, image_file_t *file, uint32_t image_length) {
    const uint32_t at = (uint32_t)file->length - IMAGE_SECTOR_SIZE;
    uint8_t *sector = file->bytes + at;
    memset(file->bytes + image_length, 0xFF, file->length - image_length);
    uint32_t state = random_state(spec->seed ^ 0x516);
    image_fill(sector, 1216, &state);
    memset(sector, 0, 4);
    sector[0] = 0xE7;
    sector[1] = 2;
    SHA256(file->bytes, at, sector + 4);
}

static bool acceptable(const image_spec_t *spec) {
    return spec->segments >= 1 && spec->segments <= SEGMENTS_MAX && spec->size <= (64u << 20);
}

image_file_t image_build(const image_spec_t *spec) {
    image_file_t file = {NULL, 0};
    if (!acceptable(spec)) {
        return file;
    }
    const uint32_t length = image_size(spec);
    const uint32_t end = length - (spec->digest ? DIGEST : 0);
    file.length = spec->signature ? round_up(length, IMAGE_SECTOR_SIZE) + IMAGE_SECTOR_SIZE : length;
    file.bytes = calloc(1, file.length);
    if (file.bytes == NULL) {
        return file;
    }
    put_header(spec, file.bytes);
    put_segments(spec, file.bytes, end - 4 * (1 + spec->seed % 4)); // 4 to 16 bytes of padding, the checksum in it
    image_seal(spec, &file);
    if (spec->signature) {
        put_signature(spec, &file, length);
    }
    return file;
}

void image_free(image_file_t *file) {
    free(file->bytes);
    file->bytes = NULL;
    file->length = 0;
}

// ---- and the broken ones ----

// Keeps the bytes there are, adds `fill`. A failure leaves an empty file behind.
static void resize(image_file_t *file, size_t length, uint8_t fill) {
    uint8_t *bytes = realloc(file->bytes, length > 0 ? length : 1);
    if (bytes == NULL) {
        image_free(file);
        return;
    }
    if (length > file->length) {
        memset(bytes + file->length, fill, length - file->length);
    }
    file->bytes = bytes;
    file->length = length;
}

static void be_wrong_magic(const image_spec_t *spec, image_file_t *file) {
    file->bytes[0] = 0x7E;
    image_seal(spec, file);
}

static void be_bad_checksum(const image_spec_t *spec, image_file_t *file) {
    const uint32_t end = image_size(spec) - (spec->digest ? DIGEST : 0);
    file->bytes[end - 1] ^= 0x01;
    if (spec->digest) {
        SHA256(file->bytes, end, file->bytes + end);
    }
}

static void be_bad_digest(const image_spec_t *spec, image_file_t *file) {
    file->bytes[image_size(spec) - 1] ^= 0x80;
}

// Two changes that the checksum does not see.
static void have_two_flips(const image_spec_t *spec, image_file_t *file) {
    const uint32_t at = DESCRIPTION_AT + DESCRIPTION + 1;
    (void)spec;
    file->bytes[at] ^= 0x55;
    file->bytes[at + 1] ^= 0x55;
}

static void be_truncated(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    resize(file, file->length - file->length / 3, 0);
}

static void be_without_digest(const image_spec_t *spec, image_file_t *file) {
    resize(file, image_size(spec) - (spec->digest ? DIGEST : 1), 0);
}

static void be_too_short(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    resize(file, 100, 0);
}

static void be_empty(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    resize(file, 0, 0);
}

static void have_one_byte_more(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    resize(file, file->length + 1, 0);
}

static void have_garbage(const image_spec_t *spec, image_file_t *file) {
    const size_t length = file->length;
    uint32_t state = random_state(spec->seed ^ 0x6A);
    resize(file, length + 777, 0);
    if (file->bytes != NULL) {
        image_fill(file->bytes + length, 777, &state);
    }
}

// Secure Boot v1: version 0, then an ECDSA signature.
static void have_signature_v1(const image_spec_t *spec, image_file_t *file) {
    const size_t length = file->length;
    uint32_t state = random_state(spec->seed ^ 0x51);
    resize(file, length + 68, 0);
    if (file->bytes != NULL) {
        image_fill(file->bytes + length + 4, 64, &state);
    }
}

static void be_padded(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    resize(file, (file->length / 65536 + 1) * 65536, 0xFF);
}

static void have_no_segments(const image_spec_t *spec, image_file_t *file) {
    file->bytes[1] = 0;
    image_seal(spec, file);
}

static void have_17_segments(const image_spec_t *spec, image_file_t *file) {
    file->bytes[1] = 17;
    image_seal(spec, file);
}

static void set_first_length(const image_spec_t *spec, image_file_t *file, uint32_t length) {
    put_u32(file->bytes + HEADER + 4, length);
    image_seal(spec, file);
}

static void have_odd_segment(const image_spec_t *spec, image_file_t *file) {
    set_first_length(spec, file, get_u32(file->bytes + HEADER + 4) + 1);
}

static void have_huge_segment(const image_spec_t *spec, image_file_t *file) {
    set_first_length(spec, file, 0xFFFFFFF0);
}

static void have_no_description(const image_spec_t *spec, image_file_t *file) {
    memset(file->bytes + DESCRIPTION_AT, 0, DESCRIPTION);
    image_seal(spec, file);
}

static void be_bootloader(const image_spec_t *spec, image_file_t *file) {
    uint8_t *description = file->bytes + DESCRIPTION_AT;
    memset(description, 0, 80);
    description[0] = 0x50;
    put_u32(description + 4, 1);
    put_text(description + 8, 32, spec->idf);
    put_text(description + 40, 24, "Jan  1 2026 12:00:00");
    image_seal(spec, file);
}

// Before ESP-IDF 5.2: without a description, from RAM as every bootloader.
static void be_old_bootloader(const image_spec_t *spec, image_file_t *file) {
    put_u32(file->bytes + HEADER, 0x3FCD6000);
    have_no_description(spec, file);
}

// The whole flash in one file: bootloader, partition table, application. On ESP32, S2 and P4 the bootloader does not
// start at 0, and tools fill the space before it with 0xFF.
static void merge(const image_spec_t *spec, image_file_t *file, uint32_t bootloader_at,
                  void (*turn)(const image_spec_t *spec, image_file_t *file)) {
    static const uint8_t factory[32] = {0xAA, 0x50, 0, 0, 0, 0, 1, 0, 0, 0, 0x10, 0, 'f', 'a', 'c', 't', 'o', 'r', 'y'};
    image_spec_t bootloader_spec = *spec;
    bootloader_spec.size = 20000;
    bootloader_spec.signature = false;
    image_file_t bootloader = image_build(&bootloader_spec);
    const image_file_t application = *file;
    uint8_t *bytes = malloc(APPLICATION_AT + application.length);
    *file = (image_file_t){bytes, bytes != NULL && bootloader.bytes != NULL ? APPLICATION_AT + application.length : 0};
    if (file->length > 0) {
        turn(&bootloader_spec, &bootloader);
        memset(bytes, 0xFF, APPLICATION_AT);
        memcpy(bytes + bootloader_at, bootloader.bytes, bootloader.length);
        memcpy(bytes + PARTITION_TABLE_AT, factory, sizeof factory);
        memcpy(bytes + APPLICATION_AT, application.bytes, application.length);
    }
    free(application.bytes);
    image_free(&bootloader);
}

static void be_merged_at_0(const image_spec_t *spec, image_file_t *file) {
    merge(spec, file, 0, be_bootloader);
}

static void be_merged_at_1000(const image_spec_t *spec, image_file_t *file) {
    merge(spec, file, 0x1000, be_bootloader);
}

static void be_old_merged(const image_spec_t *spec, image_file_t *file) {
    merge(spec, file, 0, be_old_bootloader);
}

// ESP8266's header has 8 bytes: the first segment's address and length stand where ESP32's has pins and chip.
static void be_esp8266(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    put_u32(file->bytes + 4, 0x402107F4);
    put_u32(file->bytes + 8, 0x40210010);
    put_u32(file->bytes + 12, 0x00013808);
    uint32_t state = random_state(8266);
    image_fill(file->bytes + 16, DESCRIPTION, &state);
}

static void be_encrypted(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    put_u32(file->bytes, 0x0788B6CF);
    uint32_t state = random_state(388);
    image_fill(file->bytes + 4, 404, &state);
    memset(file->bytes + 424, 0, 88);
}

static void be_text(const image_spec_t *spec, image_file_t *file) {
    static const char line[] = "# Name, Type, SubType, Offset, Size, Flags\n";
    (void)spec;
    for (size_t i = 0; i < file->length; i++) {
        file->bytes[i] = (uint8_t)line[i % (sizeof line - 1)];
    }
}

static void be_elf(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    memcpy(file->bytes, "\177ELF\1\1\1", 8);
}

// As flash encryption leaves it: without a trace of what it was.
static void be_flash_encrypted(const image_spec_t *spec, image_file_t *file) {
    uint32_t state = random_state(spec->seed ^ 0xF1A5);
    for (size_t i = 0; i < file->length; i++) {
        file->bytes[i] = (uint8_t)(next_random(&state) >> 24);
    }
    file->bytes[0] = 0x5A;
}

static void be_gzip(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    memcpy(file->bytes, "\x1F\x8B\x08", 4);
}

static void be_zeros(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    memset(file->bytes, 0, file->length);
}

static void be_erased(const image_spec_t *spec, image_file_t *file) {
    (void)spec;
    memset(file->bytes, 0xFF, file->length);
}

const image_defect_t image_defects[] = {
    {"wrong-magic", "not_an_image", be_wrong_magic},
    {"bad-checksum", "bad_checksum", be_bad_checksum},
    {"bad-digest", "bad_image_digest", be_bad_digest},
    {"two-flips", "bad_image_digest", have_two_flips},
    {"truncated", "truncated", be_truncated},
    {"end-missing", "truncated", be_without_digest},
    {"too-short", "too_short", be_too_short},
    {"empty", "empty", be_empty},
    {"one-byte-more", "trailing_bytes", have_one_byte_more},
    {"garbage", "trailing_bytes", have_garbage},
    {"padded", "trailing_bytes", be_padded},
    {"no-segments", "bad_segments", have_no_segments},
    {"17-segments", "bad_segments", have_17_segments},
    {"odd-segment", "bad_segments", have_odd_segment},
    {"huge-segment", "bad_segments", have_huge_segment},
    {"no-description", "no_description", have_no_description},
    {"bootloader", "bootloader_image", be_bootloader},
    {"merged", "merged_image", be_merged_at_0},
    {"merged-1000", "merged_image", be_merged_at_1000},
    {"merged-old", "merged_image", be_old_merged},
    {"secure-boot-v1", "secure_boot_v1", have_signature_v1},
    {"flash-encrypted", "flash_encrypted", be_flash_encrypted},
    {"esp8266", "esp8266_image", be_esp8266},
    {"encrypted", "encrypted_image", be_encrypted},
    {"text", "not_an_image", be_text},
    {"elf", "not_an_image", be_elf},
    {"gzip", "not_an_image", be_gzip},
    {"zeros", "not_an_image", be_zeros},
    {"erased", "merged_image", be_erased},
};
const size_t image_defect_count = sizeof image_defects / sizeof image_defects[0];

const image_defect_t *image_defect_find(const char *name) {
    for (size_t i = 0; i < image_defect_count; i++) {
        if (strcmp(image_defects[i].name, name) == 0) {
            return &image_defects[i];
        }
    }
    return NULL;
}

image_file_t image_build_defective(const image_spec_t *spec, const image_defect_t *defect) {
    image_file_t file = image_build(spec);
    if (file.bytes != NULL) {
        defect->spoil(spec, &file);
    }
    return file;
}
