// SPDX-License-Identifier: Apache-2.0
// The platform port on a chip: identity, trial, restart, random bytes, the store. What the application is asked comes
// from component.c.
#pragma once

#include "esp_partition.h"
#include "ota_ws_update.h"
#include "ports.h"

extern const ota_ws_platform_t ota_ws_chip_platform;

// The factory partition of the recovery layout: its recovery application. NULL: another layout.
const esp_partition_t *ota_ws_chip_recovery(void);

// Keeps the name and the hooks of `config`; without this there are none.
void ota_ws_chip_platform_use(const ota_ws_config_t *config);

// NVS under our namespace; the port's load and save with an error to look at. `size` 0 removes.
size_t ota_ws_chip_load(const char *key, void *value, size_t size);
esp_err_t ota_ws_chip_save(const char *key, const void *value, size_t size);
