// SPDX-License-Identifier: Apache-2.0
#include "verdict.h"

#include <stdio.h>
#include <string.h>

#include "image/chip.h"

static const char *name_of(int chip_id) {
    const char *name = ota_ws_chip_name((uint16_t)chip_id);
    return name != NULL ? name : "an unknown chip";
}

// "revision 0.3 or later", "revision 0.3 to 1.99".
static void write_revisions(const ota_ws_image_header_t *header, char *text, size_t size) {
    uint16_t min = header->min_revision, max = header->max_revision;
    if (max == 0 || max == UINT16_MAX) {
        snprintf(text, size, "revision %u.%u or later", min / 100u, min % 100u);
    } else {
        snprintf(text, size, "revision %u.%u to %u.%u", min / 100u, min % 100u, max / 100u, max % 100u);
    }
}

void verdict_accepted(const firmware_t *firmware, const verdict_for_t *by, char text[VERDICT_SIZE]) {
    char revisions[48];
    if (by->host != NULL) {
        snprintf(text, VERDICT_SIZE, "%.60s (%.60s), which runs %.32s", by->host, by->state->device,
                 by->state->running.version);
    } else if (!ota_ws_image_head_known(&firmware->inspection.image)) {
        snprintf(text, VERDICT_SIZE, "devices with the key that the image was encrypted for (--key FILE looks inside)");
    } else {
        write_revisions(&firmware->inspection.image.header, revisions, sizeof revisions);
        snprintf(text, VERDICT_SIZE, "%s of %s; needs %u bytes%s", name_of(firmware->inspection.image.header.chip_id),
                 revisions, firmware->size, firmware->is_encrypted ? " and its key" : "");
    }
}

void verdict_without_device(const firmware_t *firmware, const verdict_for_t *by, problem_t *problem) {
    exit_code_t code = problem->code;
    if (strcmp(problem->name, "wrong_chip") == 0 && by->chip_id >= 0) {
        problem_set(problem, code, "wrong_chip", "This image is for %s, not for %s.",
                    name_of(firmware->inspection.image.header.chip_id), name_of(by->chip_id));
    } else if (strcmp(problem->name, "encrypted_image") == 0) {
        problem_set(problem, code, "encrypted_image",
                    "This image is encrypted: its chip cannot be read without the key (--key FILE).");
    } else if (strcmp(problem->name, "wrong_key") == 0 && by->key != NULL) {
        problem_set(problem, code, "wrong_key",
                    "The key in %.160s does not open the image: it was encrypted for another key, or its beginning is "
                    "damaged.",
                    by->key);
    }
}
