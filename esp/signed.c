// SPDX-License-Identifier: Apache-2.0
// ESP-IDF verifies when an image is selected; here is only read and last_notified. Signatures of the running image
// itself are the bootloader's business, or that of the image before it.
#include "signed.h"

#include <string.h>

#include "esp_secure_boot.h"
#include "image/signature.h"

static bool is_signed;
static uint8_t signer[OTA_WS_SHA256_SIZE];

void ota_ws_chip_signed_start(void) {
    esp_image_sig_public_key_digests_t keys;
    is_signed = esp_secure_boot_get_signature_blocks_for_running_app(true, &keys) == ESP_OK;
    if (is_signed) {
        memcpy(signer, keys.key_digests[0], sizeof signer);
    }
}

void ota_ws_chip_signed_describe(ota_ws_identity_t *identity) {
    identity->requires_signed = true;
    identity->is_signed = is_signed;
    memcpy(identity->signer, signer, sizeof signer);
}

// The last sector holds the signatures of all before it.
ota_ws_status_t ota_ws_chip_signed_refusal(const esp_partition_t *slot, uint32_t image_size) {
    uint32_t covered = image_size - OTA_WS_SIGNATURE_SECTOR_SIZE;
    bool right = esp_secure_boot_verify_signature(slot->address, covered) == ESP_OK;
    return right ? OTA_WS_NOT_VERIFIED : OTA_WS_BAD_SIGNATURE;
}
