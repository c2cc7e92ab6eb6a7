// SPDX-License-Identifier: Apache-2.0
#include "app_signature.h"

#include <string.h>

#include "app_image.h"
#include "hash_openssl.h"

#define SECTOR_SIZE OTA_WS_SIGNATURE_SECTOR_SIZE

// The digest of everything before the signature sector.
static ota_ws_status_t hash_image(nor_t *nor, const partition_t *partition, uint32_t length,
                                  uint8_t digest[OTA_WS_SHA256_SIZE]) {
    const ota_ws_hash_t *hash = &ota_ws_hash_openssl;
    uint8_t bytes[SECTOR_SIZE];
    ota_ws_sha256_t state;
    ota_ws_status_t status = OTA_WS_OK;
    hash->start(&state);
    for (uint32_t offset = 0; offset < length && status == OTA_WS_OK; offset += SECTOR_SIZE) {
        status = nor_read(nor, partition->address + offset, bytes, sizeof bytes);
        hash->update(&state, bytes, sizeof bytes);
    }
    hash->finish(&state, digest);
    return status;
}

ota_ws_status_t app_signature_verify(nor_t *nor, const partition_t *partition, signers_t *signers) {
    uint8_t sector[SECTOR_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE];
    uint32_t length;
    memset(signers, 0, sizeof *signers);
    if (!app_image_measure(nor, partition, &length)) {
        return OTA_WS_NOT_VERIFIED;
    }
    uint32_t offset = ota_ws_signature_offset(length);
    if (offset > partition->size || partition->size - offset < SECTOR_SIZE) {
        return OTA_WS_NOT_SIGNED;
    }
    ota_ws_status_t status = nor_read(nor, partition->address + offset, sector, sizeof sector);
    if (status == OTA_WS_OK) {
        status = hash_image(nor, partition, offset, digest);
    }
    if (status != OTA_WS_OK) {
        return status;
    }
    return sector[0] == 0xFF ? OTA_WS_NOT_SIGNED : signature_verify(sector, digest, signers);
}
