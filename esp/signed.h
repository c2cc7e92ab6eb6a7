// SPDX-License-Identifier: Apache-2.0
// Signatures of Secure Boot V2 as ESP-IDF sees them: whose the running image has, and whether it was the signature for
// which another image was refused. signed.c where ESP-IDF verifies signatures of updates, signed_none.c elsewhere.
#pragma once

#include "esp_partition.h"
#include "ports.h"

// Reads who signed the running image; needs 2 KB of stack. Before the first describe.
void ota_ws_chip_signed_start(void);

// Fills the three members that speak of signatures; all are zero before.
void ota_ws_chip_signed_describe(ota_ws_identity_t *identity);

// ESP-IDF does not take the image in this slot, which is sound but for that: OTA_WS_BAD_SIGNATURE or
// OTA_WS_NOT_VERIFIED.
ota_ws_status_t ota_ws_chip_signed_refusal(const esp_partition_t *slot, uint32_t image_size);
