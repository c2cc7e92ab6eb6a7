// SPDX-License-Identifier: Apache-2.0
#include "core_dump.h"

bool ota_ws_chip_open_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
    return false;
}

void ota_ws_chip_close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
}
