// SPDX-License-Identifier: Apache-2.0
#include "log_keeper.h"

const ota_ws_log_memory_t *ota_ws_chip_log(void *context) {
    (void)context;
    return NULL;
}

void ota_ws_chip_log_join(void) {
}
