// SPDX-License-Identifier: Apache-2.0
#include "firmware_signature.h"

#include <string.h>

#include "hash_openssl.h"

#define SECTOR_SIZE OTA_WS_SIGNATURE_SECTOR_SIZE

ota_ws_status_t firmware_signers(const firmware_t *firmware, signers_t *signers) {
    const ota_ws_hash_t *hash = &ota_ws_hash_openssl;
    uint32_t end = ota_ws_signature_offset(firmware->inspection.image.length);
    uint8_t sector[SECTOR_SIZE];
    uint8_t digest[OTA_WS_SHA256_SIZE];
    ota_ws_sha256_t state;
    bool ok = true;
    memset(signers, 0, sizeof *signers);
    if (!firmware->inspection.image.is_signed || firmware->is_encrypted) {
        return OTA_WS_NOT_SIGNED;
    }
    hash->start(&state);
    for (uint32_t offset = 0; offset < end && ok; offset += SECTOR_SIZE) {
        ok = firmware_read(firmware, offset, sector, sizeof sector);
        hash->update(&state, sector, sizeof sector);
    }
    hash->finish(&state, digest);
    ok = ok && firmware_read(firmware, end, sector, sizeof sector);
    return ok ? signature_verify(sector, digest, signers) : OTA_WS_TRUNCATED;
}
