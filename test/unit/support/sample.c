// SPDX-License-Identifier: Apache-2.0
#include "sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const sample_t sample_list[] = {
    {"hello_world-esp32", 0x0000, "hello_world", "ok"},
    {"hello_world-esp32s2", 0x0002, "hello_world", "ok"},
    {"hello_world-esp32c3", 0x0005, "hello_world", "ok"},
    {"hello_world-esp32s3", 0x0009, "hello_world", "ok"},
    {"hello_world-esp32c2", 0x000C, "hello_world", "ok"},
    {"hello_world-esp32c6", 0x000D, "hello_world", "ok"},
    {"hello_world-esp32h2", 0x0010, "hello_world", "ok"},
    {"hello_world-esp32p4", 0x0012, "hello_world", "ok"},
    {"hello_world-esp32c5", 0x0017, "hello_world", "ok"},
    {"psychichttp_ota-esp32s3", 0x0009, "arduino-lib-builder", "ok"},
    {"hello_world-esp8266", 0x0000, "", "esp8266_image"},
    {"bootloader-esp32c3", 0x0005, "", "bootloader_image"},
    {"partition-table-single-app", 0x0000, "", "not_an_image"},
    {"littlefs-1536k", 0x0000, "", "not_an_image"},
};
const size_t sample_count = sizeof sample_list / sizeof sample_list[0];

bool samples_are_real(void) {
    return access(FIRMWARE_DIR "/SHA256SUMS", R_OK) == 0;
}

static image_file_t read_whole(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s.bin", FIRMWARE_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    image_file_t image = {NULL, (size_t)ftell(file)};
    rewind(file);
    image.bytes = malloc(image.length);
    assert_non_null(image.bytes);
    assert_int_equal(fread(image.bytes, 1, image.length, file), image.length);
    fclose(file);
    return image;
}

static const image_defect_t *defect_called(const char *status) {
    for (size_t i = 0; i < image_defect_count; i++) {
        if (strcmp(image_defects[i].status, status) == 0) {
            return &image_defects[i];
        }
    }
    return NULL;
}

static void say_once(void) {
    static bool said;
    if (!said) {
        fprintf(stderr, "# no real images beside the repository: the image builder makes them\n");
        said = true;
    }
}

image_file_t sample_load(const sample_t *sample) {
    if (samples_are_real()) {
        return read_whole(sample->name);
    }
    say_once();
    image_spec_t spec = image_spec_default;
    spec.size = strcmp(sample->status, "bootloader_image") == 0 ? 20000 : spec.size; // a larger one is a merged image
    spec.chip_id = sample->chip_id;
    spec.project = sample->project;
    image_file_t image = strcmp(sample->status, "ok") == 0
                             ? image_build(&spec)
                             : image_build_defective(&spec, defect_called(sample->status));
    assert_non_null(image.bytes);
    return image;
}
