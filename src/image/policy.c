// SPDX-License-Identifier: Apache-2.0
#include "image/policy.h"

#include <string.h>

#include "image/chip.h"
#include "image/version.h"
#include "text.h"

static void refuse(ota_ws_failure_t *failure, ota_ws_status_t status, const char *image, const char *device) {
    failure->status = status;
    ota_ws_text_copy(failure->image, sizeof failure->image, image);
    ota_ws_text_copy(failure->device, sizeof failure->device, device);
}

// "ESP32-C3", or "chip 37" for one that we do not know.
static void name_chip(char *text, size_t size, uint16_t chip_id) {
    const char *name = ota_ws_chip_name(chip_id);
    if (name != NULL) {
        ota_ws_text_copy(text, size, name);
        return;
    }
    ota_ws_text_copy(text, size, "chip ");
    ota_ws_text_number(text + strlen(text), chip_id);
}

static bool chip_fits(const ota_ws_identity_t *device, const ota_ws_image_header_t *header, ota_ws_failure_t *failure) {
    if (header->chip_id == device->chip_id) {
        return true;
    }
    failure->status = OTA_WS_WRONG_CHIP;
    name_chip(failure->image, sizeof failure->image, header->chip_id);
    name_chip(failure->device, sizeof failure->device, device->chip_id);
    return false;
}

// Do the limits of an image exist?
static bool is_limit(uint16_t revision) {
    return revision != 0 && revision != UINT16_MAX;
}

// "3.1" for 301. Returns where it ends.
static char *write_revision(char *text, uint16_t revision) {
    text = ota_ws_text_number(text, revision / 100);
    *text++ = '.';
    return ota_ws_text_number(text, revision % 100);
}

typedef struct {
    uint16_t min;
    uint16_t max; // 0 and 65535: not limited
} range_t;

static bool lies_in(uint16_t revision, range_t range) {
    return revision >= range.min && (!is_limit(range.max) || revision <= range.max);
}

// "3.1 or later", "3.1 to 3.99".
static void refuse_revision(ota_ws_failure_t *failure, ota_ws_status_t status, range_t image, uint16_t device) {
    bool limited = is_limit(image.max);
    failure->status = status;
    char *end = write_revision(failure->image, image.min);
    strcpy(end, limited ? " to " : " or later");
    if (limited) {
        write_revision(end + strlen(end), image.max);
    }
    write_revision(failure->device, device);
}

static bool revision_fits(const ota_ws_identity_t *device, const ota_ws_image_header_t *header,
                          ota_ws_failure_t *failure) {
    range_t range = {header->min_revision, header->max_revision};
    if (lies_in(device->chip_revision, range)) {
        return true;
    }
    refuse_revision(failure, OTA_WS_WRONG_REVISION, range, device->chip_revision);
    return false;
}

// As bootloader_common_check_efuse_blk_validity() of ESP-IDF (5.2.3, 5.4 and later), which is asked at the end of an
// update only.
static bool efuse_revision_fits(const ota_ws_identity_t *device, const ota_ws_image_description_t *description,
                                ota_ws_failure_t *failure) {
    range_t range = {is_limit(description->min_efuse_revision) ? description->min_efuse_revision : 0,
                     device->any_efuse_maximum ? 0 : description->max_efuse_revision};
    if (!device->checks_efuse || lies_in(device->efuse_revision, range)) {
        return true;
    }
    refuse_revision(failure, OTA_WS_WRONG_EFUSE_REVISION, range, device->efuse_revision);
    return false;
}

// "32 KB", or "1 B".
static void write_page_size(char *text, uint8_t bits) {
    text = ota_ws_text_number(text, UINT32_C(1) << (bits < 10 ? bits : bits - 10));
    strcpy(text, bits < 10 ? " B" : " KB");
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

void ota_ws_policy_decide(const ota_ws_policy_t *policy, const ota_ws_identity_t *device,
                          const ota_ws_promise_t *promise, const ota_ws_image_header_t *header,
                          const ota_ws_image_description_t *description, ota_ws_failure_t *failure) {
    const ota_ws_image_description_t *running = &device->running;
    memset(failure, 0, sizeof *failure);
    if (!chip_fits(device, header, failure) || !revision_fits(device, header, failure) ||
        !efuse_revision_fits(device, description, failure) || !mmu_page_size_fits(device, description, failure) ||
        !secure_version_fits(device, description, failure)) {
        return;
    }
    if (policy->check_project && strcmp(description->project, running->project) != 0) {
        refuse(failure, OTA_WS_WRONG_PROJECT, description->project, running->project);
        return;
    }
    if (policy->check_version && !promise->allow_downgrade &&
        ota_ws_version_compare(description->version, running->version) == -1) {
        refuse(failure, OTA_WS_OLDER_VERSION, description->version, running->version);
    }
}

void ota_ws_policy_ask(const ota_ws_platform_t *platform, ota_ws_question_t question, ota_ws_failure_t *failure) {
    memset(failure, 0, sizeof *failure);
    if (platform->allows != NULL && !platform->allows(platform->context, question, failure->device)) {
        failure->status = OTA_WS_REFUSED_BY_APPLICATION;
    }
}
