// SPDX-License-Identifier: Apache-2.0
#include "recognise.h"

#include <string.h>

#include "outcome.h"
#include "text.h"

#define DIGITS 16 // of a digest, in `state`

static bool is_digest(const char *digits, const uint8_t digest[OTA_WS_SHA256_SIZE]) {
    char ours[2 * OTA_WS_SHA256_SIZE + 1];
    ota_ws_text_hex(ours, digest, OTA_WS_SHA256_SIZE);
    return strlen(digits) == DIGITS && strncmp(ours, digits, DIGITS) == 0;
}

static bool is_built_as(const firmware_t *firmware, const char *digits) {
    bool is_known =
        !firmware->is_encrypted && ota_ws_image_head_known(&firmware->inspection.image) && strspn(digits, "0") < DIGITS;
    return is_known && is_digest(digits, firmware->inspection.image.description.elf_sha256);
}

bool recognise_running(const firmware_t *firmware, const device_state_t *state) {
    return is_built_as(firmware, state->running.elf_sha256);
}

// A device may not give the digest of the file. Then it gives the digest of the image's ELF file.
bool recognise_ready(const firmware_t *firmware, const device_state_t *state) {
    if (strcmp(state->update, "ready") != 0) {
        return false;
    }
    return state->sha256[0] != '\0' ? is_digest(state->sha256, firmware->sha256)
                                    : is_built_as(firmware, state->other.elf_sha256);
}

bool recognise_verifying(const firmware_t *firmware, const device_state_t *state) {
    return strcmp(state->update, "verifying") == 0 && is_digest(state->sha256, firmware->sha256);
}

bool recognise_other(const firmware_t *firmware, const device_state_t *state) {
    return is_built_as(firmware, state->other.elf_sha256);
}

bool recognise_given_up(const firmware_t *firmware, const device_state_t *state) {
    return outcome_is_given_up(state) && recognise_other(firmware, state);
}
