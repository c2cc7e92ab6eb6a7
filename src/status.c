// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include "text.h"

#define NAME(symbol, name) name "\0"

static const char names[] = OTA_WS_STATUSES(NAME);

const char *ota_ws_status_name(ota_ws_status_t status) {
    return ota_ws_text_at(names, status);
}
