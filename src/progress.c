// SPDX-License-Identifier: Apache-2.0
#include "progress.h"

#include <string.h>

static const char key[] = "progress";

bool ota_ws_progress_load(const ota_ws_platform_t *platform, ota_ws_progress_t *progress) {
    size_t length = platform->load(platform->context, key, progress, sizeof *progress);
    return length == sizeof *progress && progress->offset <= progress->erased;
}

bool ota_ws_progress_is_of(const ota_ws_progress_t *progress, const ota_ws_promise_t *promise) {
    return progress->size == promise->size && memcmp(progress->sha256, promise->sha256, sizeof progress->sha256) == 0 &&
           progress->offset < progress->size;
}

void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress) {
    platform->save(platform->context, key, progress, sizeof *progress);
}

void ota_ws_progress_clear(const ota_ws_platform_t *platform) {
    platform->save(platform->context, key, NULL, 0);
}
