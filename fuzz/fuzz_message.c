// SPDX-License-Identifier: Apache-2.0
// Text messages: any bytes are read or refused, and what is read keeps to its limits.
#include <stdlib.h>
#include <string.h>

#include "session/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ota_ws_request_t request;
    ota_ws_status_t status = ota_ws_request_read((const char *)data, size, &request);
    if (status >= OTA_WS_STATUS_COUNT || (status == OTA_WS_OK && request.type >= OTA_WS_MSG_COUNT)) {
        abort();
    }
    if (status == OTA_WS_OK && (memchr(request.ticket, '\0', sizeof request.ticket) == NULL ||
                                memchr(request.scram, '\0', sizeof request.scram) == NULL || request.covered > size)) {
        abort();
    }
    return 0;
}
