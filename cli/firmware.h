// SPDX-License-Identifier: Apache-2.0
// The file with a firmware image: opened once, read in pieces, examined as the device would do it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "device_state.h"
#include "image/encrypted.h"
#include "image_inspection.h"
#include "image_key.h"
#include "problem.h"

typedef struct {
    const char *path;
    FILE *file;
    uint32_t size;                      // of what is sent: the image alone
    uint32_t left_out;                  // bytes 0xFF behind it in the file, as in a slot that was read back
    image_inspection_t inspection;      // of the image, also inside an encrypted file that was looked into
    bool is_encrypted;                  // an ESP Encrypted Image: its content can be read with the key
    ota_ws_encrypted_t encrypted;       // its header
    problem_t fault;                    // why no device would take it; code EXIT_CODE_OK: it is one whole image
    uint8_t sha256[OTA_WS_SHA256_SIZE]; // of what is sent
} firmware_t;

// Opens and examines the file. False when it cannot be read at all; then nothing is open and `fault` says why. A file
// that was read but is no image for any device gives true, and its `fault`. After true firmware_close() follows.
bool firmware_open(firmware_t *firmware, const char *path);

// Decrypts an encrypted file without a fault: `image` is what lies inside then, `fault` the key's or the inside's.
void firmware_look_inside(firmware_t *firmware, const image_key_t *key);

void firmware_close(firmware_t *firmware);

// Reads exactly `length` bytes from `offset`. False when the file does not have them any more.
bool firmware_read(const firmware_t *firmware, uint32_t offset, void *bytes, size_t length);

// Would the device that said `state` take it? False: `problem` says why not. The file's own faults come first.
bool firmware_fits(const firmware_t *firmware, const device_state_t *state, bool allow_downgrade, problem_t *problem);

// Is it for this chip at all? As above, with nothing else known of the device.
bool firmware_fits_chip(const firmware_t *firmware, uint16_t chip_id, problem_t *problem);
