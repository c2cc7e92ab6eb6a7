// SPDX-License-Identifier: Apache-2.0
// ESP-IDF verifies no signatures of updates. An error here and not in CMake: menuconfig must open, to mend it.
#include "sdkconfig.h"
#include "signed.h"

#if CONFIG_OTA_REQUIRE_SIGNED
#error "OTA_REQUIRE_SIGNED is set, but this build does not verify signatures of updates. In menuconfig, Security \
features, turn on 'Require signed app images' and 'Verify app signature on update', or Secure Boot V2, with the scheme \
RSA or ECDSA (V2)."
#endif

#if CONFIG_SECURE_SIGNED_APPS_ECDSA_SCHEME
#error "Images signed for Secure Boot V1 (SECURE_SIGNED_APPS_ECDSA_SCHEME) are not known to ota_ws_update: it would \
refuse every update. Use a scheme of Secure Boot V2."
#endif

void ota_ws_chip_signed_start(void) {
}

void ota_ws_chip_signed_describe(ota_ws_identity_t *identity) {
    (void)identity;
}

ota_ws_status_t ota_ws_chip_signed_refusal(const esp_partition_t *slot, uint32_t image_size) {
    (void)slot;
    (void)image_size;
    return OTA_WS_NOT_VERIFIED;
}
