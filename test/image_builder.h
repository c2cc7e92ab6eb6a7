// SPDX-License-Identifier: Apache-2.0
// Makes ESP application images for tests and the demo, sound ones and each kind of broken one, from a description in,
// bytes out. The same description always gives the same bytes. Knows nothing of the core, so that it can check it.
// Format: ESP-IDF, esp_app_format.h and esp_image_format.h.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_SECTOR_SIZE 4096

typedef struct {
    uint32_t size; // with checksum and digest, without signature; rounded up to a multiple of 16 and to what is needed
    uint16_t chip_id;
    uint16_t min_revision, max_revision; // major * 100 + minor
    uint16_t min_efuse_revision, max_efuse_revision;
    uint8_t mmu_page_bits; // pages of 64 KiB: 16
    uint32_t secure_version;
    const char *version; // at most 32 bytes each, as are the next two
    const char *project;
    const char *idf;
    const uint8_t *elf_sha256; // 32 bytes; NULL: made from all of the above and the seed
    uint8_t segments;          // 1 to 16
    bool digest;               // append the SHA-256
    bool signature;            // append padding and a sector that looks like Secure Boot v2's
    uint32_t seed;             // of all bytes that nothing else says
} image_spec_t;

// 64 KiB for an ESP32-C3, version 1.0.0 of project "demo", four segments, with digest.
extern const image_spec_t image_spec_default;

typedef struct {
    uint8_t *bytes; // malloc'ed; image_free()
    size_t length;
} image_file_t;

// Bytes are NULL when memory is short or the description cannot be met.
image_file_t image_build(const image_spec_t *spec);

void image_free(image_file_t *file);

// One way to spoil a sound image. `spoil` may also replace the file.
typedef struct {
    const char *name;
    const char *status; // what a device calls it (docs/protocol.md, section 7)
    void (*spoil)(const image_spec_t *spec, image_file_t *file);
} image_defect_t;

extern const image_defect_t image_defects[];
extern const size_t image_defect_count;

// NULL when there is no such defect.
const image_defect_t *image_defect_find(const char *name);

image_file_t image_build_defective(const image_spec_t *spec, const image_defect_t *defect);

// Bytes that deflate to about 60 %, as firmware does; each call goes on from *state.
void image_fill(uint8_t *bytes, size_t length, uint32_t *state);

// Writes checksum and digest anew after a change by hand, so that only the change itself is wrong.
void image_seal(const image_spec_t *spec, image_file_t *file);
