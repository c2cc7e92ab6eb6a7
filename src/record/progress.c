// SPDX-License-Identifier: Apache-2.0
#include "record/progress.h"

#include <string.h>

static const char key[] = "progress";

bool ota_ws_progress_load(const ota_ws_platform_t *platform, ota_ws_progress_t *progress) {
    size_t length = platform->load(platform->context, key, progress, sizeof *progress);
    progress->project[sizeof progress->project - 1] = '\0';
    progress->version[sizeof progress->version - 1] = '\0';
    return length == sizeof *progress && progress->offset <= progress->erased;
}

bool ota_ws_progress_keeps(const ota_ws_progress_t *progress) {
    return progress->offset >= OTA_WS_IMAGE_HEAD_SIZE && progress->offset < progress->size;
}

bool ota_ws_progress_is_of(const ota_ws_progress_t *progress, const ota_ws_promise_t *promise) {
    return progress->size == promise->size && memcmp(progress->sha256, promise->sha256, sizeof progress->sha256) == 0 &&
           ota_ws_progress_keeps(progress);
}

void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress) {
    platform->save(platform->context, key, progress, sizeof *progress);
}

void ota_ws_progress_clear(const ota_ws_platform_t *platform) {
    platform->save(platform->context, key, NULL, 0);
}
