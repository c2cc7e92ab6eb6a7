// SPDX-License-Identifier: Apache-2.0
#include "record/progress.h"

#include "image/image.h"

static const char key[] = "progress";

bool ota_ws_progress_load(const ota_ws_platform_t *platform, ota_ws_progress_t *progress) {
    size_t length = platform->load(platform->context, key, progress, sizeof *progress);
    progress->project[sizeof progress->project - 1] = '\0';
    progress->version[sizeof progress->version - 1] = '\0';
    return length == sizeof *progress && progress->offset <= progress->erased;
}

void ota_ws_progress_save(const ota_ws_platform_t *platform, const ota_ws_progress_t *progress) {
    platform->save(platform->context, key, progress, progress != NULL ? sizeof *progress : 0);
}

bool ota_ws_progress_keeps(const ota_ws_progress_t *progress) {
    return progress->offset >= OTA_WS_IMAGE_HEAD_SIZE && progress->offset < progress->size;
}

uint32_t ota_ws_progress_doubt(const ota_ws_progress_t *progress, uint32_t block, uint32_t end, uint32_t space) {
    uint32_t file_end = (progress->size + block - 1) / block * block;
    uint32_t to = progress->unsafe_range > 0 ? (progress->unsafe_range - 1u) * block : 0;
    if (progress->clean == 0) {
        end = end < file_end ? end : file_end;
        to = to > end ? to : end;
    }
    return progress->unsafe_range == 1 || to > space ? space : to;
}
