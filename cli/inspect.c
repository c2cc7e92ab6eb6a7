// SPDX-License-Identifier: Apache-2.0
#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include "firmware_signature.h"
#include "image/chip.h"
#include "printable.h"
#include "text.h"

// ---- facts ----

static bool has_fault(const firmware_t *firmware, ota_ws_status_t status) {
    return strcmp(firmware->fault.name, ota_ws_status_name(status)) == 0;
}

static const char *flash_mode(uint8_t mode) {
    static const char *const names[] = {"QIO", "QOUT", "DIO", "DOUT", "FAST_READ", "SLOW_READ"};
    return mode < sizeof names / sizeof names[0] ? names[mode] : "unknown mode";
}

static void write_chip(char *text, size_t size, uint16_t chip_id) {
    const char *name = ota_ws_chip_name(chip_id);
    if (name != NULL) {
        ota_ws_text_copy(text, size, name);
    } else {
        snprintf(text, size, "unknown chip");
    }
}

static bool is_limited(const ota_ws_image_header_t *header) {
    return header->max_revision != 0 && header->max_revision != UINT16_MAX;
}

// The checksum byte in the file. False when the file does not reach so far, and when it is not to be read there.
static bool read_checksum(const firmware_t *firmware, uint8_t *checksum) {
    uint32_t digest = firmware->inspection.image.header.hash_appended ? OTA_WS_SHA256_SIZE : 0;
    return !firmware->is_encrypted && firmware->inspection.image.length > digest &&
           firmware->inspection.image.length <= firmware->size &&
           firmware_read(firmware, firmware->inspection.image.length - digest - 1, checksum, 1);
}

static const char *digest_words(const firmware_t *firmware) {
    if (!firmware->inspection.image.header.hash_appended) {
        return "none appended";
    }
    if (has_fault(firmware, OTA_WS_BAD_IMAGE_DIGEST)) {
        return "WRONG";
    }
    bool passed = firmware->fault.code == EXIT_CODE_OK || has_fault(firmware, OTA_WS_TRAILING_BYTES);
    return passed ? "right" : "not reached";
}

// What the header of an encrypted image says beside its length.
typedef struct {
    const char *scheme; // by the form of the key field
    char iv[2 * OTA_WS_ENCRYPTED_IV_SIZE + 1];
    char tag[2 * OTA_WS_ENCRYPTED_TAG_SIZE + 1];
    bool reserved; // its reserved bytes are zero, as they should be
} encrypted_facts_t;

static bool is_zero(const uint8_t *bytes, size_t length) {
    size_t i = 0;
    while (i < length && bytes[i] == 0) {
        i++;
    }
    return i == length;
}

// False when the file is shorter than a header.
static bool read_encrypted(const firmware_t *firmware, encrypted_facts_t *facts) {
    const size_t ecies = OTA_WS_ENCRYPTED_POINT_SIZE + OTA_WS_ENCRYPTED_SALT_SIZE;
    const size_t reserved = OTA_WS_ENCRYPTED_TAG_AT + OTA_WS_ENCRYPTED_TAG_SIZE;
    uint8_t header[OTA_WS_ENCRYPTED_HEADER_SIZE];
    if (firmware->size < sizeof header || !firmware_read(firmware, 0, header, sizeof header)) {
        return false;
    }
    bool is_ecies = is_zero(header + OTA_WS_ENCRYPTED_KEY_AT + ecies, OTA_WS_ENCRYPTED_KEY_SIZE - ecies);
    facts->scheme = is_ecies ? "ecies-p256" : "rsa-3072";
    ota_ws_text_hex(facts->iv, header + OTA_WS_ENCRYPTED_IV_AT, OTA_WS_ENCRYPTED_IV_SIZE);
    ota_ws_text_hex(facts->tag, header + OTA_WS_ENCRYPTED_TAG_AT, OTA_WS_ENCRYPTED_TAG_SIZE);
    facts->reserved = is_zero(header + reserved, sizeof header - reserved);
    return true;
}

// The tag and the content can be checked only with the key.
static const char *tag_words(const firmware_t *firmware) {
    if (has_fault(firmware, OTA_WS_BAD_TAG)) {
        return "WRONG";
    }
    return ota_ws_image_head_known(&firmware->inspection.image) ? "right" : "not verified here";
}

// ---- for people ----

static void print_hex(const char *label, const uint8_t digest[OTA_WS_SHA256_SIZE]) {
    char text[2 * OTA_WS_SHA256_SIZE + 1];
    ota_ws_text_hex(text, digest, OTA_WS_SHA256_SIZE);
    printf("%-11s%s\n", label, text);
}

static void print_chip(const ota_ws_image_header_t *header) {
    char name[16];
    write_chip(name, sizeof name, header->chip_id);
    printf("chip       %s (id 0x%04x), revision %u.%u ", name, header->chip_id, header->min_revision / 100,
           header->min_revision % 100);
    if (is_limited(header)) {
        printf("to %u.%u\n", header->max_revision / 100, header->max_revision % 100);
    } else {
        printf("or later\n");
    }
}

// What the chip must have, where the image says it.
static void print_needs(const ota_ws_image_description_t *description) {
    uint16_t min = description->min_efuse_revision;
    uint16_t max = description->max_efuse_revision;
    bool is_open = max == 0 || max == UINT16_MAX;
    if (min != 0 || !is_open) {
        printf("eFuse      block revision %u.%u ", min / 100u, min % 100u);
        printf(is_open ? "or later\n" : "to %u.%u\n", max / 100u, max % 100u);
    }
    if (description->mmu_page_bits != 0) {
        printf("MMU pages  %u bytes\n", UINT32_C(1) << description->mmu_page_bits);
    }
}

static void print_description(const ota_ws_image_description_t *description) {
    bool is_tool_name = ota_ws_policy_is_tool_name(description->project);
    printf("project    %s%s\n", description->project,
           is_tool_name ? " (the build tool's name for every project: it does not say what this is)" : "");
    printf("version    %s (secure version %u)\n", description->version, description->secure_version);
    printf("built      %s %s with ESP-IDF %s\n", description->date, description->time, description->idf);
    print_hex("ELF", description->elf_sha256);
    print_needs(description);
}

static void print_segments(const image_inspection_t *inspection) {
    printf("segments   %u\n", inspection->image.header.segment_count);
    for (uint8_t i = 0; i < inspection->image.segment_count; i++) {
        const ota_ws_image_segment_t *segment = &inspection->segments[i];
        printf("       %2u  %8u bytes at 0x%06x to 0x%08x\n", i, segment->length, segment->file_offset,
               segment->load_address);
    }
}

// One line a signer; the key's SHA-256 is how Espressif's tools name it.
static void print_signature(const firmware_t *firmware) {
    signers_t signers;
    if (firmware->is_encrypted && firmware->inspection.image.is_signed) {
        printf("signature  Secure Boot v2, inside the encrypted file: not verified here\n");
        return;
    }
    if (firmware_signers(firmware, &signers) != OTA_WS_OK) {
        printf("signature  %s\n",
               firmware->inspection.image.is_signed ? "Secure Boot v2, WRONG or not of a kind known here" : "none");
    }
    for (unsigned i = 0; i < signers.count; i++) {
        const signer_t *signer = &signers.signers[i];
        printf("signature  Secure Boot v2, %s, right\n", ota_ws_signature_scheme_name(signer->scheme));
        print_hex("signed by", signer->key_digest);
    }
}

static void print_guards(const firmware_t *firmware) {
    uint8_t checksum;
    if (read_checksum(firmware, &checksum)) {
        printf("checksum   0x%02x, %s\n", checksum, has_fault(firmware, OTA_WS_BAD_CHECKSUM) ? "WRONG" : "right");
    } else if (firmware->is_encrypted && firmware->inspection.image.length > 0) {
        printf("checksum   %s\n", has_fault(firmware, OTA_WS_BAD_CHECKSUM) ? "WRONG" : "right");
    } else {
        printf("checksum   not reached\n");
    }
    printf("digest     %s\n", digest_words(firmware));
    print_signature(firmware);
}

static void print_image(const firmware_t *firmware) {
    const image_inspection_t *inspection = &firmware->inspection;
    print_chip(&inspection->image.header);
    print_description(&inspection->image.description);
    printf("flash      %s, %u MB; entry 0x%08x\n", flash_mode(image_inspection_flash_mode(inspection)),
           1U << image_inspection_flash_size(inspection), image_inspection_entry(inspection));
    print_segments(inspection);
    print_guards(firmware);
}

static void print_encrypted(const firmware_t *firmware) {
    encrypted_facts_t facts;
    printf("format     ESP Encrypted Image with %u bytes inside\n", firmware->encrypted.length);
    if (read_encrypted(firmware, &facts)) {
        printf("scheme     %s\n", strcmp(facts.scheme, "rsa-3072") == 0 ? "RSA-3072" : "ECIES-P256");
        printf("IV         %s\n", facts.iv);
        printf("tag        %s, %s\n", facts.tag, tag_words(firmware));
        printf("reserved   %s\n", facts.reserved ? "zero" : "not zero; nothing in the format looks at it");
    }
}

static void print_text(const firmware_t *firmware) {
    printf("file       %s\n", firmware->path);
    printf("size       %u bytes\n", firmware->size);
    if (firmware->left_out > 0) {
        printf("left out   %u bytes 0xFF behind the image; the image alone is sent\n", firmware->left_out);
    }
    print_hex("SHA-256", firmware->sha256);
    if (firmware->is_encrypted) {
        print_encrypted(firmware);
    }
    if (ota_ws_image_head_known(&firmware->inspection.image)) {
        print_image(firmware);
    }
}

// ---- for programs ----

static void add_header(ota_ws_reply_t *object, const image_inspection_t *inspection) {
    const ota_ws_image_header_t *header = &inspection->image.header;
    char name[16];
    write_chip(name, sizeof name, header->chip_id);
    ota_ws_reply_string(object, "chip", name);
    ota_ws_reply_number(object, "chip_id", header->chip_id);
    ota_ws_reply_number(object, "min_revision", header->min_revision);
    ota_ws_reply_number(object, "max_revision", header->max_revision);
    ota_ws_reply_string(object, "flash_mode", flash_mode(image_inspection_flash_mode(inspection)));
    ota_ws_reply_number(object, "flash_speed", image_inspection_flash_speed(inspection));
    ota_ws_reply_number(object, "flash_size_mb", UINT32_C(1) << image_inspection_flash_size(inspection));
    ota_ws_reply_number(object, "entry", image_inspection_entry(inspection));
    ota_ws_reply_number(object, "segments", header->segment_count);
}

static void add_description(ota_ws_reply_t *object, const ota_ws_image_description_t *description) {
    ota_ws_reply_string(object, "project", description->project);
    ota_ws_reply_string(object, "version", description->version);
    ota_ws_reply_number(object, "secure_version", description->secure_version);
    ota_ws_reply_string(object, "date", description->date);
    ota_ws_reply_string(object, "time", description->time);
    ota_ws_reply_string(object, "idf", description->idf);
    ota_ws_reply_hex(object, "elf_sha256", description->elf_sha256, sizeof description->elf_sha256);
    ota_ws_reply_number(object, "min_efuse_revision", description->min_efuse_revision);
    ota_ws_reply_number(object, "max_efuse_revision", description->max_efuse_revision);
    ota_ws_reply_number(object, "mmu_page_size",
                        description->mmu_page_bits > 0 ? UINT32_C(1) << description->mmu_page_bits : 0);
}

// "right", or "wrong"; and the digests of the keys, the first without a number.
static void add_signers(ota_ws_reply_t *object, const firmware_t *firmware) {
    static const char *const names[] = {"signed_by", "signed_by_2", "signed_by_3"};
    signers_t signers;
    bool right = firmware_signers(firmware, &signers) == OTA_WS_OK;
    ota_ws_reply_string(object, "signature", right ? "right" : "wrong");
    for (unsigned i = 0; i < signers.count; i++) {
        ota_ws_reply_hex(object, names[i], signers.signers[i].key_digest, OTA_WS_SHA256_SIZE);
    }
}

static void add_guards(ota_ws_reply_t *object, const firmware_t *firmware) {
    uint8_t checksum;
    if (read_checksum(firmware, &checksum)) {
        ota_ws_reply_number(object, "checksum", checksum);
    }
    if (firmware->inspection.image.length > 0) {
        ota_ws_reply_number(object, "image_size", firmware->inspection.image.length);
    }
    if (firmware->inspection.image.header.hash_appended) {
        ota_ws_reply_true(object, "digest_appended");
    }
    if (firmware->inspection.image.is_signed) {
        ota_ws_reply_true(object, "signed");
    }
    if (firmware->inspection.image.is_signed && !firmware->is_encrypted) {
        add_signers(object, firmware);
    }
}

static void add_encrypted(ota_ws_reply_t *object, const firmware_t *firmware) {
    encrypted_facts_t facts;
    ota_ws_reply_true(object, "encrypted");
    ota_ws_reply_number(object, "encrypted_size", firmware->encrypted.length);
    if (read_encrypted(firmware, &facts)) {
        ota_ws_reply_string(object, "scheme", facts.scheme);
        ota_ws_reply_string(object, "iv", facts.iv);
        ota_ws_reply_string(object, "tag", facts.tag);
    }
}

static void print_json_segments(const image_inspection_t *inspection) {
    for (uint8_t i = 0; i < inspection->image.segment_count; i++) {
        const ota_ws_image_segment_t *segment = &inspection->segments[i];
        char json[OUTPUT_JSON_SIZE];
        ota_ws_reply_t object;
        output_object(&object, json, "segment", NULL);
        ota_ws_reply_number(&object, "index", i);
        ota_ws_reply_number(&object, "load_address", segment->load_address);
        ota_ws_reply_number(&object, "size", segment->length);
        ota_ws_reply_number(&object, "offset", segment->file_offset);
        output_print(&object);
    }
}

static void print_json(const firmware_t *firmware) {
    char json[OUTPUT_JSON_SIZE], path[1024];
    ota_ws_reply_t object;
    printable_copy(path, sizeof path, firmware->path);
    output_object(&object, json, "file", NULL);
    ota_ws_reply_string(&object, "path", path);
    ota_ws_reply_number(&object, "size", firmware->size);
    if (firmware->left_out > 0) {
        ota_ws_reply_number(&object, "left_out", firmware->left_out);
    }
    ota_ws_reply_hex(&object, "sha256", firmware->sha256, sizeof firmware->sha256);
    if (ota_ws_image_head_known(&firmware->inspection.image)) {
        add_header(&object, &firmware->inspection);
        add_description(&object, &firmware->inspection.image.description);
        add_guards(&object, firmware);
    }
    if (firmware->is_encrypted) {
        add_encrypted(&object, firmware);
    }
    output_print(&object);
    print_json_segments(&firmware->inspection);
}

void inspect_print(output_t *output, const firmware_t *firmware) {
    if (output->json) {
        print_json(firmware);
    } else {
        print_text(firmware);
    }
}

void inspect_print_verdict(output_t *output, const char *device, const outcome_t *outcome) {
    if (!output->json) {
        printf("verdict    ");
    }
    output_result(output, device, outcome);
}
