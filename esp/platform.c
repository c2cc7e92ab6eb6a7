// SPDX-License-Identifier: Apache-2.0
#include "platform.h"

#include <string.h>
#include <time.h>

#include "boot_record.h"
#include "compat.h"
#include "core_dump.h"
#include "esp_app_desc.h"
#include "esp_flash_partitions.h"
#include "esp_image_format.h"
#include "esp_mac.h"
#include "esp_ota_ops.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "hal/efuse_hal.h"
#include "image/image.h"
#include "log_keeper.h"
#include "nvs.h"
#include "sdkconfig.h"
#include "signed.h"
#include "text.h"
#if CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
#include "esp_efuse.h"
#endif

#define STORE "ota_ws"
#define CLOCK_WAS_SET 1577836800 // 2020
#define IMAGE_MAGIC 0xE9         // first byte of an image
#define RESTART_DELAY_US 500000  // for the last messages to leave

_Static_assert(OTA_WS_REASON_SIZE == OTA_WS_DETAIL_SIZE, "a reason fits into a failure");
_Static_assert((int)OTA_WS_BEFORE_ERASE == OTA_WS_ASK_ERASE && (int)OTA_WS_BEFORE_RESTART == OTA_WS_ASK_RESTART,
               "steps are questions");

_Static_assert((int)OTA_WS_HEALTH_GOOD == OTA_WS_HEALTH_IS_GOOD && (int)OTA_WS_HEALTH_BAD == OTA_WS_HEALTH_IS_BAD,
               "health is a finding");

static const char *device_name;
static ota_ws_may_t may;
static ota_ws_health_hook_t health;
static void *hook_context;

// ---- who am I ----

static ota_ws_image_state_t image_state_of(uint32_t state) {
    switch (state) {
    case ESP_OTA_IMG_NEW:
        return OTA_WS_IMAGE_UNCONFIRMED;
    case ESP_OTA_IMG_PENDING_VERIFY:
        return OTA_WS_IMAGE_TRIAL;
    case ESP_OTA_IMG_VALID:
        return OTA_WS_IMAGE_VALID;
    case ESP_OTA_IMG_INVALID:
        return OTA_WS_IMAGE_ROLLED_BACK;
    case ESP_OTA_IMG_ABORTED:
        return OTA_WS_IMAGE_ABORTED;
    default:
        return OTA_WS_IMAGE_UNWATCHED;
    }
}

static ota_ws_image_state_t state_of(const esp_partition_t *partition, const ota_ws_boot_entry_t *entry) {
    if (partition->subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        return OTA_WS_IMAGE_FACTORY;
    }
    return entry->is_known ? image_state_of(entry->state) : OTA_WS_IMAGE_NONE;
}

// The recovery application lies in the factory partition beside a single slot.
const esp_partition_t *ota_ws_chip_recovery(void) {
    bool has_one = esp_ota_get_app_partition_count() == 1;
    return has_one ? esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL) : NULL;
}

// A slot without an entry in the boot record counts for the recovery application, and where its entry is lost. The
// first bytes of an image are written last.
static bool has_image(const esp_partition_t *slot) {
    uint8_t first = 0;
    return esp_partition_read(slot, 0, &first, 1) == ESP_OK && first == IMAGE_MAGIC;
}

static void describe_other(ota_ws_identity_t *identity, const esp_partition_t *other) {
    esp_app_desc_t description;
    ota_ws_boot_entry_t entry;
    ota_ws_boot_record_look(other, &entry);
    ota_ws_text_copy(identity->other_slot, sizeof identity->other_slot, other->label);
    identity->other_state = state_of(other, &entry);
    identity->other_is_marked = entry.mark == OTA_WS_MARK_THERE;
    bool is_known = identity->other_state != OTA_WS_IMAGE_NONE ||
                    ((identity->layout == OTA_WS_LAYOUT_RECOVERY || identity->entry_is_lost) && has_image(other));
    identity->other_valid = is_known && esp_ota_get_partition_description(other, &description) == ESP_OK;
    if (identity->other_valid) {
        ota_ws_image_describe((const uint8_t *)&description, &identity->other);
    }
}

// Does the boot record speak of the running image, and is there one before it? Whether that one is whole is seen when
// it comes to it; an update takes a slot's entry away before it changes the slot.
static bool can_roll_back(const ota_ws_boot_entry_t *running) {
    bool factory = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL) != NULL;
    return running->is_selected && (factory || running->has_other);
}

static uint32_t lowest_secure_version(void) {
#if CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
    return esp_efuse_read_secure_version();
#else
    return 0;
#endif
}

// The factory's MAC address: an application may set another base address, at any time, but this one stays. Of this kind
// it has 6 bytes on all chips (esp_efuse_mac_get_default() writes 8 on chips with IEEE 802.15.4).
static void describe_id(char id[OTA_WS_ID_SIZE]) {
    uint8_t mac[6] = {0};
    const uint8_t none[sizeof mac] = {0};
    if (esp_read_mac(mac, ESP_MAC_EFUSE_FACTORY) == ESP_OK && memcmp(mac, none, sizeof mac) != 0) {
        ota_ws_text_hex(id, mac, sizeof mac);
    }
}

static void describe(void *context, ota_ws_identity_t *identity) {
    (void)context;
    const esp_partition_t *running = esp_ota_get_running_partition();
    const esp_partition_t *other = esp_ota_get_next_update_partition(NULL);
    const esp_partition_t *recovery = ota_ws_chip_recovery();
    ota_ws_boot_entry_t entry;
    ota_ws_boot_record_look(running, &entry);
    memset(identity, 0, sizeof *identity);
    describe_id(identity->id);
    identity->device_name = device_name;
    identity->chip_id = CONFIG_IDF_FIRMWARE_CHIP_ID;
    identity->chip_revision = (uint16_t)efuse_hal_chip_revision();
    ota_ws_compat_describe_hardware(identity);
    identity->secure_version = lowest_secure_version();
    ota_ws_text_copy(identity->slot, sizeof identity->slot, running->label);
    identity->image_state = state_of(running, &entry);
    identity->was_rewritten = entry.mark == OTA_WS_MARK_GONE;
    if (identity->image_state == OTA_WS_IMAGE_NONE) {
        identity->image_state = OTA_WS_IMAGE_UNWATCHED;
    }
    ota_ws_image_describe((const uint8_t *)esp_app_get_description(), &identity->running);
    if (recovery != NULL) {
        identity->layout = running == recovery ? OTA_WS_LAYOUT_RECOVERY : OTA_WS_LAYOUT_APPLICATION;
        other = running == recovery ? other : recovery;
    }
    identity->entry_is_lost = entry.lost != NULL;
    if (other != NULL && other != running) {
        describe_other(identity, other);
    }
    identity->can_roll_back = can_roll_back(&entry);
    ota_ws_chip_signed_describe(identity);
}

// ---- the trial ----

// As esp_ota_mark_app_valid_cancel_rollback(), which writes nothing where the entry reads as VALID already; but that
// may be a write that was cut off. With anti-rollback ESP-IDF's call also raises the lowest secure version.
static bool mark_valid(void) {
#if CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK
    if (esp_ota_mark_app_valid_cancel_rollback() != ESP_OK) {
        return false;
    }
#endif
    return ota_ws_boot_record_rewrite(ESP_OTA_IMG_VALID);
}

// Only where the record that counts speaks of the running image: after a fall-back it does not.
static ota_ws_status_t confirm(void *context) {
    (void)context;
    ota_ws_boot_entry_t running;
    ota_ws_boot_record_look(esp_ota_get_running_partition(), &running);
    if (!running.is_selected) {
        return OTA_WS_NOT_ON_TRIAL;
    }
    return mark_valid() ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
}

// As ESP-IDF's own check of an image before it selects it. A function of its own, because the 300 bytes of `data` must
// not stay on the stack while ESP-IDF verifies once more.
static __attribute__((noinline)) bool is_whole(const esp_partition_t *partition) {
    esp_image_metadata_t data;
    const esp_partition_pos_t place = {.offset = partition->address, .size = partition->size};
    return esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &place, &data) == ESP_OK;
}

// ESP-IDF has esp_ota_mark_app_invalid_rollback() from 5.5 on only. Before the change it makes sure, as it does here,
// that the earlier image is whole. Where the bootloader has started the running image for want of an entry that counts,
// the restored entry is all that is needed.
static ota_ws_status_t roll_back(void *context, bool on_trial) {
    (void)context;
    const esp_partition_t *slot = esp_ota_get_running_partition();
    ota_ws_boot_entry_t running;
    ota_ws_boot_record_look(slot, &running);
    if (on_trial && running.lost != NULL && is_whole(running.lost)) {
        if (!ota_ws_boot_record_restore(slot)) {
            return OTA_WS_BOOT_RECORD;
        }
        if (!running.is_selected) {
            return OTA_WS_OK;
        }
        running.has_other = true;
    }
    if (!can_roll_back(&running) || !esp_ota_check_rollback_is_possible()) {
        return OTA_WS_NOTHING_TO_GO_BACK_TO;
    }
    return ota_ws_boot_record_rewrite(ESP_OTA_IMG_INVALID) ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
}

// ESP-IDF verifies the factory image, then erases both entries of the boot record (v5.1.4 to v6.0.2).
static ota_ws_status_t enter_recovery(void *context) {
    (void)context;
    esp_err_t error = esp_ota_set_boot_partition(ota_ws_chip_recovery());
    return error == ESP_OK                        ? OTA_WS_OK
           : error == ESP_ERR_OTA_VALIDATE_FAILED ? OTA_WS_NOT_VERIFIED
                                                  : OTA_WS_BOOT_RECORD;
}

static void restart_now(void *context) {
    (void)context;
    esp_restart();
}

static void restart(void *context) {
    (void)context;
    esp_timer_handle_t timer;
    const esp_timer_create_args_t arguments = {.callback = restart_now, .name = "ota_ws_restart"};
    if (esp_timer_create(&arguments, &timer) != ESP_OK || esp_timer_start_once(timer, RESTART_DELAY_US) != ESP_OK) {
        esp_restart();
    }
}

// ---- start and clock ----

static ota_ws_reset_t reset_reason(void *context) {
    (void)context;
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return OTA_WS_RESET_POWER_ON;
    case ESP_RST_EXT:
        return OTA_WS_RESET_EXTERNAL;
    case ESP_RST_SW:
        return OTA_WS_RESET_SOFTWARE;
    case ESP_RST_PANIC:
        return OTA_WS_RESET_PANIC;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return OTA_WS_RESET_WATCHDOG;
    case ESP_RST_DEEPSLEEP:
        return OTA_WS_RESET_DEEP_SLEEP;
    case ESP_RST_BROWNOUT:
        return OTA_WS_RESET_BROWNOUT;
    default:
        return OTA_WS_RESET_UNKNOWN;
    }
}

// A clock that nobody has set counts from 1970.
static uint32_t clock_s(void *context) {
    (void)context;
    time_t now = time(NULL);
    return now < CLOCK_WAS_SET ? 0 : (uint32_t)now;
}

// ---- random bytes, the store, the application ----

static void fill_random(void *context, uint8_t *bytes, size_t length) {
    (void)context;
    esp_fill_random(bytes, length);
}

size_t ota_ws_chip_load(const char *key, void *value, size_t size) {
    nvs_handle_t store;
    size_t length = size;
    if (nvs_open(STORE, NVS_READONLY, &store) != ESP_OK) {
        return 0;
    }
    if (nvs_get_blob(store, key, value, &length) != ESP_OK) {
        length = 0;
    }
    nvs_close(store);
    return length;
}

esp_err_t ota_ws_chip_save(const char *key, const void *value, size_t size) {
    nvs_handle_t store;
    esp_err_t error = nvs_open(STORE, NVS_READWRITE, &store);
    if (error != ESP_OK) {
        return error;
    }
    error = size > 0 ? nvs_set_blob(store, key, value, size) : nvs_erase_key(store, key);
    if (error == ESP_OK) {
        error = nvs_commit(store);
    }
    nvs_close(store);
    return error;
}

static size_t load(void *context, const char *key, void *value, size_t size) {
    (void)context;
    return ota_ws_chip_load(key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    (void)context;
    ota_ws_chip_save(key, value, size);
}

static bool allows(void *context, ota_ws_question_t question, char reason[OTA_WS_DETAIL_SIZE]) {
    (void)context;
    return may == NULL || may((ota_ws_step_t)question, reason, hook_context);
}

static ota_ws_health_result_t check_health(void *context) {
    (void)context;
    return health == NULL ? OTA_WS_HEALTH_NOT_KNOWN : (ota_ws_health_result_t)health(hook_context);
}

const ota_ws_platform_t ota_ws_chip_platform = {
    .describe = describe,
    .confirm = confirm,
    .roll_back = roll_back,
    .enter_recovery = enter_recovery,
    .restart = restart,
    .random = fill_random,
    .allows = allows,
    .check_health = check_health,
    .load = load,
    .save = save,
    .reset_reason = reset_reason,
    .clock_s = clock_s,
    .log = ota_ws_chip_log,
    .open_core = ota_ws_chip_open_core,
    .close_core = ota_ws_chip_close_core,
};

void ota_ws_chip_platform_use(const ota_ws_config_t *config) {
    const char *by_default = CONFIG_OTA_DEVICE_NAME[0] != '\0' ? CONFIG_OTA_DEVICE_NAME : CONFIG_IDF_TARGET;
    device_name = config->device_name != NULL ? config->device_name : by_default;
    may = config->may;
    health = config->health;
    hook_context = config->context;
}
