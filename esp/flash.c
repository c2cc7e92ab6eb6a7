// SPDX-License-Identifier: Apache-2.0
// Order of the flash operations of an update: docs/design.md, "On the chip". esp_ota_begin() with
// OTA_WITH_SEQUENTIAL_WRITES erases nothing of the slot and holds ESP-IDF's own guards; it is called when the first
// byte of the slot is about to change, so that a wrong image changes nothing at all.
#include "flash.h"

#include "boot_record.h"
#include "compat.h"
#include "esp_flash_partitions.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"
#include "platform.h"
#include "sdkconfig.h"
#include "signed.h"

#define SECTOR_SIZE 4096
#define BLOCK_SIZE 65536
#define PROGRAM_UNIT 16 // with flash encryption; without it 4 would do, but images have whole units of 16 all the same

#if CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
#define STATE_OF_NEW ESP_OTA_IMG_NEW
#else
#define STATE_OF_NEW ESP_OTA_IMG_UNDEFINED
#endif

// Of the writer: the slot, and ESP-IDF's handle while it is ours.
static const esp_partition_t *slot;
static esp_ota_handle_t handle;
static bool is_update; // an image comes

static const esp_partition_t *find_slot(void) {
    const esp_partition_t *next = esp_ota_get_next_update_partition(NULL);
    return next == esp_ota_get_running_partition() ? NULL : next;
}

static uint32_t slot_size(void *context) {
    (void)context;
    const esp_partition_t *next = find_slot();
    if (next == NULL && ota_ws_chip_recovery() != NULL) {
        next = esp_ota_get_running_partition(); // the application, which the recovery application writes
    }
    return next == NULL ? 0 : next->size;
}

static ota_ws_status_t open(void *context, uint32_t image_size) {
    (void)context;
    ota_ws_boot_entry_t running;
    slot = find_slot();
    handle = 0;
    is_update = image_size > 0;
    if (slot == NULL || image_size > slot->size) {
        return OTA_WS_NO_SLOT;
    }
    ota_ws_boot_record_look(esp_ota_get_running_partition(), &running);
    return running.is_known && running.state == ESP_OTA_IMG_PENDING_VERIFY ? OTA_WS_ON_TRIAL : OTA_WS_OK;
}

// Also after a begin that has failed: some versions leave their entry behind, and the next begin would be refused.
static void let_go(void) {
    if (handle != 0) {
        esp_ota_abort(handle);
        handle = 0;
    }
}

static ota_ws_status_t status_of(esp_err_t error) {
    switch (error) {
    case ESP_OK:
        return OTA_WS_OK;
    case ESP_ERR_OTA_ROLLBACK_INVALID_STATE:
        return OTA_WS_ON_TRIAL;
    case ESP_ERR_NO_MEM:
        return OTA_WS_NO_MEMORY;
    case ESP_ERR_OTA_PARTITION_CONFLICT:
    case ESP_ERR_NOT_FOUND:
    case ESP_ERR_INVALID_ARG:
        return OTA_WS_NO_SLOT;
    default:
        return OTA_WS_BUSY; // another user of ESP-IDF's updates has the slot
    }
}

// The slot is about to change: ESP-IDF agrees, and the boot record no longer calls it valid.
static ota_ws_status_t take_slot(void) {
    if (handle != 0) {
        return OTA_WS_OK;
    }
    // First, because esp_ota_begin() erases the entry that does not count, from 5.5 on, whatever bars it (design.md).
    ota_ws_status_t status = ota_ws_boot_record_forget(slot) == ESP_OK ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
    if (status == OTA_WS_OK && is_update) { // it would wear otadata: one erase for each block of a prepared slot
        status = status_of(esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &handle));
    }
    if (status != OTA_WS_OK) {
        let_go();
    }
    return status;
}

// By commands to the flash chip, not through the cache: what the chip itself holds is asked for, and nothing else.
static ota_ws_status_t read(void *context, uint32_t offset, void *bytes, size_t length) {
    (void)context;
    return esp_partition_read(slot, offset, bytes, length) == ESP_OK ? OTA_WS_OK : OTA_WS_FLASH_READ;
}

// With flash encryption the bytes come decrypted, as they were sent.
static ota_ws_status_t read_base(void *context, uint32_t offset, void *bytes, size_t length) {
    (void)context;
    const esp_partition_t *running = esp_ota_get_running_partition();
    return esp_partition_read(running, offset, bytes, length) == ESP_OK ? OTA_WS_OK : OTA_WS_FLASH_READ;
}

static ota_ws_status_t erase(void *context, uint32_t offset, uint32_t length) {
    (void)context;
    ota_ws_status_t status = take_slot();
    if (status != OTA_WS_OK) {
        return status;
    }
    return esp_partition_erase_range(slot, offset, length) == ESP_OK ? OTA_WS_OK : OTA_WS_FLASH_ERASE;
}

static ota_ws_status_t program(void *context, uint32_t offset, const void *bytes, size_t length) {
    (void)context;
    ota_ws_status_t status = take_slot(); // a resumed update need not begin with an erase
    if (status != OTA_WS_OK) {
        return status;
    }
    return esp_partition_write(slot, offset, bytes, length) == ESP_OK ? OTA_WS_OK : OTA_WS_FLASH_PROGRAM;
}

// esp_ota_set_boot_partition() verifies the image, which is what esp_ota_end() would do too: once is enough.
static ota_ws_status_t activate(void *context, uint32_t image_size) {
    (void)context;
    let_go();
    esp_err_t error = esp_ota_set_boot_partition(slot);
    if (error == ESP_OK) {
        return ota_ws_boot_record_mark(slot, STATE_OF_NEW) ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
    }
    if (error == ESP_ERR_OTA_VALIDATE_FAILED) {
        return ota_ws_chip_signed_refusal(slot, image_size);
    }
    return error == ESP_ERR_OTA_SMALL_SEC_VER ? OTA_WS_NOT_VERIFIED : OTA_WS_BOOT_RECORD;
}

// The entry of the running image is still there, as it was: without the newer one it counts again.
static ota_ws_status_t deactivate(void *context) {
    (void)context;
    return ota_ws_boot_record_forget(find_slot()) == ESP_OK ? OTA_WS_OK : OTA_WS_BOOT_RECORD;
}

static void close(void *context) {
    (void)context;
    let_go();
}

const ota_ws_flash_t ota_ws_chip_flash = {
    .sector_size = SECTOR_SIZE,
    .block_size = BLOCK_SIZE,
    .program_unit = PROGRAM_UNIT,
    .slot_size = slot_size,
    .open = open,
    .read = read,
    .read_base = read_base,
    .erase = erase,
    .program = program,
    .activate = activate,
    .deactivate = deactivate,
    .close = close,
};
