// SPDX-License-Identifier: Apache-2.0
// The signature of an application image that lies in a partition: who made it. The model of ESP-IDF's signed-app
// verification.
#pragma once

#include "nor.h"
#include "partition_table.h"
#include "signature_openssl.h"

// Reads and hashes all of it. OTA_WS_OK: every signature is right, and `signers` made them. OTA_WS_NOT_SIGNED: there is
// none behind the image; OTA_WS_BAD_SIGNATURE; OTA_WS_FLASH_READ; OTA_WS_NOT_VERIFIED: there is no image.
ota_ws_status_t app_signature_verify(nor_t *nor, const partition_t *partition, signers_t *signers);
