// SPDX-License-Identifier: Apache-2.0
// The header of an encrypted image: the verdict does not depend on how the bytes were split.
#include <stdlib.h>

#include "bytes.h"
#include "image/encrypted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ota_ws_status_t examine(ota_ws_encrypted_t *header, uint32_t file_size, const uint8_t *data, size_t size,
                               size_t step) {
    ota_ws_status_t status = OTA_WS_OK;
    ota_ws_encrypted_init(header, file_size);
    for (size_t at = 0; at < size && status == OTA_WS_OK; at += step) {
        status = ota_ws_encrypted_feed(header, data + at, step < size - at ? step : size - at);
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ota_ws_encrypted_t whole, split;
    if (size < 5) {
        return 0;
    }
    uint32_t file_size = ota_ws_read_u32(data);
    size_t step = data[4] + 1u;
    ota_ws_status_t first = examine(&whole, file_size, data + 5, size - 5, size);
    ota_ws_status_t second = examine(&split, file_size, data + 5, size - 5, step);
    if (first != second || (first == OTA_WS_OK && whole.length != split.length)) {
        abort();
    }
    (void)ota_ws_encrypted_judge((ota_ws_status_t)(data[4] % OTA_WS_STATUS_COUNT), data + 5, size - 5);
    return 0;
}
