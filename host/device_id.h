// SPDX-License-Identifier: Apache-2.0
// The id of the virtual device, in the form of a chip's MAC address: 12 hex digits, made once and kept in its store.
#pragma once

#include "console.h"
#include "ports.h"
#include "store.h"

// Fills `id`. Where it cannot be kept, the console says so, and the next start has another one.
void device_id_load(char id[OTA_WS_ID_SIZE], store_t *store, const console_t *console);
