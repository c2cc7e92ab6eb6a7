// SPDX-License-Identifier: Apache-2.0
#include "image/policy.h"

#include <string.h>

#include "feature.h"
#include "image/chip.h"
#include "text.h"

static bool refuse(ota_ws_failure_t *failure, ota_ws_status_t status, const char *image, const char *device) {
    failure->status = status;
    ota_ws_text_copy(failure->image, sizeof failure->image, image);
    ota_ws_text_copy(failure->device, sizeof failure->device, device);
    return false;
}

// "ESP32-C3", or "chip 37" for a chip that has no name here.
static void name_chip(char *text, uint32_t chip_id) {
    const char *name = ota_ws_chip_name(chip_id);
    if (name != NULL) {
        ota_ws_text_append(text, name);
    } else {
        ota_ws_text_number(ota_ws_text_append(text, "chip "), chip_id);
    }
}

static bool chip_fits(const ota_ws_identity_t *device, const ota_ws_image_header_t *header, ota_ws_failure_t *failure) {
    if (header->chip_id == device->chip_id) {
        return true;
    }
    failure->status = OTA_WS_WRONG_CHIP;
    name_chip(failure->image, header->chip_id);
    name_chip(failure->device, device->chip_id);
    return false;
}

// "3.1" for 301. Returns where it ends.
static char *write_revision(char *text, uint32_t revision) {
    text = ota_ws_text_append(ota_ws_text_number(text, revision / 100), ".");
    return ota_ws_text_number(text, revision % 100);
}

// An image's limits of a revision. Both are 0 where there is no limit; 65535 means the same.
typedef struct {
    uint16_t min;
    uint16_t max;
} range_t;

// The failure says "3.1 or later", or "3.1 to 3.99".
static bool lies_in(range_t range, uint32_t revision, ota_ws_status_t status, ota_ws_failure_t *failure) {
    bool is_limited = range.max != 0 && range.max != UINT16_MAX;
    if (revision >= range.min && (!is_limited || revision <= range.max)) {
        return true;
    }
    failure->status = status;
    char *end = write_revision(failure->image, range.min);
    end = ota_ws_text_append(end, is_limited ? " to " : " or later");
    if (is_limited) {
        write_revision(end, range.max);
    }
    write_revision(failure->device, revision);
    return false;
}

static bool revision_fits(const ota_ws_identity_t *device, const ota_ws_image_header_t *header,
                          ota_ws_failure_t *failure) {
    range_t range = {header->min_revision, header->max_revision};
    return lies_in(range, device->chip_revision, OTA_WS_WRONG_REVISION, failure);
}

// As bootloader_common_check_efuse_blk_validity() of ESP-IDF (5.2.3, 5.4 and later), which ESP-IDF calls at the end of
// an update only.
static bool efuse_revision_fits(const ota_ws_identity_t *device, const ota_ws_image_description_t *description,
                                ota_ws_failure_t *failure) {
    uint16_t min = description->min_efuse_revision;
    range_t range = {min != UINT16_MAX ? min : 0, device->any_efuse_maximum ? 0 : description->max_efuse_revision};
    return !device->checks_efuse || lies_in(range, device->efuse_revision, OTA_WS_WRONG_EFUSE_REVISION, failure);
}

// "32 KB", or "1 B".
static void write_page_size(char *text, uint8_t bits) {
    bool is_small = bits < 10;
    text = ota_ws_text_number(text, UINT32_C(1) << (is_small ? bits : bits - 10));
    ota_ws_text_append(text, is_small ? " B" : " KB");
}

static bool mmu_page_size_fits(const ota_ws_identity_t *device, const ota_ws_image_description_t *description,
                               ota_ws_failure_t *failure) {
    uint8_t image = description->mmu_page_bits;
    if (image == 0 || device->mmu_page_bits == 0 || image == device->mmu_page_bits) {
        return true;
    }
    failure->status = OTA_WS_WRONG_MMU_PAGE_SIZE;
    write_page_size(failure->image, image);
    write_page_size(failure->device, device->mmu_page_bits);
    return false;
}

static bool secure_version_fits(const ota_ws_identity_t *device, const ota_ws_image_description_t *description,
                                ota_ws_failure_t *failure) {
    if (description->secure_version >= device->secure_version) {
        return true;
    }
    failure->status = OTA_WS_OLDER_SECURE_VERSION;
    ota_ws_text_number(failure->image, description->secure_version);
    ota_ws_text_number(failure->device, device->secure_version);
    return false;
}

bool ota_ws_policy_is_tool_name(const char *project) {
    return strcmp(project, "arduino-lib-builder") == 0 || strcmp(project, "libespidf") == 0;
}

bool ota_ws_policy_is_downgrade(const char *image, const char *running) {
    ota_ws_versions_t versions = {image, running, false};
    ota_ws_features_run(OTA_WS_VERSIONS_COMPARED, &versions);
    return versions.is_lower;
}

void ota_ws_policy_decide(const ota_ws_policy_t *policy, const ota_ws_identity_t *device,
                          const ota_ws_upload_request_t *request, const ota_ws_image_header_t *header,
                          const ota_ws_image_description_t *description, ota_ws_failure_t *failure) {
    bool is_recovery = device->layout == OTA_WS_LAYOUT_RECOVERY;
    const ota_ws_image_description_t *running = is_recovery ? &device->other : &device->running;
    memset(failure, 0, sizeof *failure);
    if (!chip_fits(device, header, failure) || !revision_fits(device, header, failure) ||
        !efuse_revision_fits(device, description, failure) || !mmu_page_size_fits(device, description, failure) ||
        !secure_version_fits(device, description, failure) || (is_recovery && !device->other_valid)) {
        return;
    }
    if (policy->check_project && strcmp(description->project, running->project) != 0) {
        refuse(failure, OTA_WS_WRONG_PROJECT, description->project, running->project);
        return;
    }
    if (policy->check_version && !request->allow_downgrade &&
        ota_ws_policy_is_downgrade(description->version, running->version)) {
        refuse(failure, OTA_WS_OLDER_VERSION, description->version, running->version);
    }
}

void ota_ws_policy_ask(const ota_ws_platform_t *platform, ota_ws_question_t question, ota_ws_failure_t *failure) {
    memset(failure, 0, sizeof *failure);
    if (platform->allows != NULL && !platform->allows(platform->context, question, failure->device)) {
        failure->status = OTA_WS_REFUSED_BY_APPLICATION;
    }
}
