// SPDX-License-Identifier: Apache-2.0
#include "inflate.h"

const ota_ws_filter_t *ota_ws_chip_inflate(void) {
    return NULL;
}
