// SPDX-License-Identifier: Apache-2.0
// The command line of ota-ws-device: arguments in, settings out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_NAME_MAX 63
#define OPTIONS_URI_MAX 63
#define OPTIONS_URI "/ota"

typedef struct {
    const char *flash;
    uint32_t flash_size; // 0: that of the file, or 4 MiB
    const char *partitions;
    uint32_t table_offset;    // of the partition table
    uint32_t recovery_offset; // of a recovery bootloader; 0: there is none
    const char *image;
    int chip;               // id, -1: that of the image
    int revision;           // major * 100 + minor, -1: a usual one
    int efuse_revision;     // major * 100 + minor, -1: not looked at
    uint32_t mmu_page_size; // a power of two; 0: images of any fit
    uint32_t secure_version;
    const char *bind;
    int port;
    const char *certificate;
    const char *key;
    const char *name;
    const char *uri; // path of the page
    const char *password_file;
    bool unprotected;
    const char *signing_key;   // PEM file, public; NULL: images need not be signed
    const char *encrypted_key; // PEM file; NULL: plain images are expected
    const char *timing;        // NULL: none
    uint32_t trial_timeout_s;
    uint32_t stall_timeout_s;
    const char *health; // file with the application's finding; NULL: it has none
    uint32_t boot_time_ms;
    uint32_t chunk;
    uint32_t credit;
    uint32_t ring;
    bool any_project;
    bool prepare; // the prepared slot is switched on
    bool small_page;
    bool show;
    bool help, version;
} options_t;

typedef enum {
    OPTIONS_RUN,
    OPTIONS_HELP,  // it, or the release, was printed
    OPTIONS_WRONG, // said on stderr
} options_result_t;

options_result_t options_parse(options_t *options, int count, char *const arguments[]);

// "4M", "4MB", "512K", "0x400000", "4194304". False when it is none of these, or 0.
bool options_size(const char *text, uint32_t *size);
