// SPDX-License-Identifier: Apache-2.0
#include "decrypt.h"

const ota_ws_filter_t *ota_ws_chip_decrypt(void) {
    return NULL;
}
