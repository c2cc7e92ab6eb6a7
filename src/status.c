// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include "text.h"

static const char names[] =
#define STATUS(symbol, name, way, sentence) name "\0"
#include "schema.def"
    ;

const char *ota_ws_status_name(ota_ws_status_t status) {
    return ota_ws_text_at(names, status);
}
