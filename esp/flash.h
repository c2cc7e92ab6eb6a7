// SPDX-License-Identifier: Apache-2.0
// The flash port on a chip: the slot that an update goes to, through public calls of ESP-IDF that keep its guards.
#pragma once

#include "ports.h"

extern const ota_ws_flash_t ota_ws_chip_flash;
