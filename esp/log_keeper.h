// SPDX-License-Identifier: Apache-2.0
// The log ring on a chip (OTA_WS_LOG_RING): memory that a restart leaves as it is, and the function that ESP-IDF's log
// calls. log_keeper_none.c: there is none.
#pragma once

#include "record/log_ring.h"

// NULL: there is none.
const ota_ws_log_memory_t *ota_ws_chip_log(void *context);

// Makes sure that lines come to us although the application may have set a function of its own meanwhile
// (esp_log_set_vprintf). At the first registration.
void ota_ws_chip_log_join(void);
