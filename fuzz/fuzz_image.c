// SPDX-License-Identifier: Apache-2.0
// The image parser: the verdict does not depend on how the bytes were split, and strings stay terminated.
#include <stdlib.h>
#include <string.h>

#include "hash_openssl.h"
#include "image_inspection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ota_ws_status_t examine(image_inspection_t *inspection, const uint8_t *data, size_t size, size_t step) {
    image_inspection_start(inspection, &ota_ws_hash_openssl);
    for (size_t at = 0; at < size; at += step) {
        (void)image_inspection_feed(inspection, data + at, step < size - at ? step : size - at);
    }
    return image_inspection_finish(inspection);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t steps[] = {1, 7, 288, 4096};
    image_inspection_t whole_inspection, split_inspection;
    const ota_ws_image_t *whole = &whole_inspection.image, *split = &split_inspection.image;
    if (size == 0) {
        return 0;
    }
    size_t step = steps[data[size - 1] % 4];
    ota_ws_status_t first = examine(&whole_inspection, data, size, size);
    ota_ws_status_t second = examine(&split_inspection, data, size, step);
    if (first != second || whole->length != split->length ||
        memcmp(&whole->description, &split->description, sizeof whole->description) != 0) {
        abort();
    }
    if (memchr(whole->description.version, '\0', 33) == NULL || memchr(whole->description.project, '\0', 33) == NULL ||
        whole->segment_count > OTA_WS_IMAGE_MAX_SEGMENTS) {
        abort();
    }
    return 0;
}
