// SPDX-License-Identifier: Apache-2.0
// ESP-IDF's core dump in flash, as the platform port has it. core_dump_none.c: this firmware has none.
#pragma once

#include "ports.h"

bool ota_ws_chip_open_core(void *context, ota_ws_core_dump_t *core);
void ota_ws_chip_close_core(void *context, ota_ws_core_dump_t *core);
