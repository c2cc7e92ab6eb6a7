// SPDX-License-Identifier: Apache-2.0
// What the core of arduino-esp32 3.x does with a new image before setup(): cores/esp32/esp32-hal-misc.c, in our own
// words. Both functions are weak there, and C.
#include "Arduino.h"
#include "fake.h"

// Of ESP-IDF; here without the restart of the second one.
static void esp_ota_mark_app_valid_cancel_rollback(void) {
    fake_running_state(ESP_OTA_IMG_VALID);
}

static void esp_ota_mark_app_invalid_rollback_and_reboot(void) {
    fake_running_state(ESP_OTA_IMG_INVALID);
}

bool verifyOta(void) __attribute__((weak));
bool verifyOta(void) {
    return true;
}

bool verifyRollbackLater(void) __attribute__((weak));
bool verifyRollbackLater(void) {
    return false;
}

void initArduino(void) {
    esp_ota_img_states_t state;
    bool is_known = esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK;
    if (verifyRollbackLater() || !is_known || state != ESP_OTA_IMG_PENDING_VERIFY) {
        return;
    }
    if (verifyOta()) {
        esp_ota_mark_app_valid_cancel_rollback();
    } else {
        esp_ota_mark_app_invalid_rollback_and_reboot();
    }
}
