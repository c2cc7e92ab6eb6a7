// SPDX-License-Identifier: Apache-2.0
// Flash, boot record, updates, NVS, timers, hashes.
#define FAKES
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "fake.h"

#define SECTOR 4096
#define OTADATA 0x0
#define SLOTS 0x10000
#define STORE_ENTRIES 16

fake_t fake;

static uint8_t flash[FAKE_FLASH_SIZE];
static esp_partition_t otadata = {.type = ESP_PARTITION_TYPE_DATA, .address = OTADATA, .size = 2 * SECTOR};
static esp_partition_t slots[2] = {
    {.type = ESP_PARTITION_TYPE_APP, .subtype = 0x10, .address = SLOTS, .size = FAKE_SLOT_SIZE, .label = "ota_0"},
    {.type = ESP_PARTITION_TYPE_APP,
     .subtype = 0x11,
     .address = SLOTS + FAKE_SLOT_SIZE,
     .size = FAKE_SLOT_SIZE,
     .label = "ota_1"},
};
static esp_partition_t factory = {.type = ESP_PARTITION_TYPE_APP,
                                  .subtype = ESP_PARTITION_SUBTYPE_APP_FACTORY,
                                  .address = SLOTS + FAKE_SLOT_SIZE,
                                  .size = FAKE_SLOT_SIZE,
                                  .label = "factory"};
static esp_app_desc_t running = {
    .magic_word = 0xabcd5432, .version = "1.0.0", .project_name = "demo", .idf_ver = "v5.1.4"};

// ---- memory ----

bool fake_has_memory(void) {
    return fake.fail_memory_at == 0 || --fake.fail_memory_at > 0;
}

void *fake_malloc(size_t size) {
    return fake_has_memory() ? malloc(size) : NULL;
}

void *fake_calloc(size_t count, size_t size) {
    return fake_has_memory() ? calloc(count, size) : NULL;
}

// ---- flash ----

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label) {
    (void)label;
    if (type == ESP_PARTITION_TYPE_DATA) {
        return &otadata;
    }
    if (fake.has_factory && subtype == ESP_PARTITION_SUBTYPE_APP_FACTORY) {
        return &factory;
    }
    int count = fake.one_slot ? 1 : 2;
    for (int i = 0; i < count; i++) {
        if (slots[i].subtype == subtype) {
            return &slots[i];
        }
    }
    return NULL;
}

esp_err_t esp_partition_read(const esp_partition_t *partition, size_t offset, void *bytes, size_t length) {
    memcpy(bytes, flash + partition->address + offset, length);
    return ESP_OK;
}

esp_err_t esp_partition_write(const esp_partition_t *partition, size_t offset, const void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        flash[partition->address + offset + i] &= ((const uint8_t *)bytes)[i];
    }
    return ESP_OK;
}

esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t offset, void *bytes, size_t length) {
    return esp_partition_read(partition, offset, bytes, length);
}

esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t offset, const void *bytes, size_t length) {
    return esp_partition_write(partition, offset, bytes, length);
}

uint32_t esp_rom_crc32_le(uint32_t crc, const uint8_t *bytes, uint32_t length) {
    crc = ~crc;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc;
}

static uint32_t crc_of(uint32_t sequence) {
    return esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&sequence, sizeof sequence);
}

esp_ota_select_entry_t fake_entry(int sector) {
    esp_ota_select_entry_t entry;
    memcpy(&entry, flash + OTADATA + sector * SECTOR, sizeof entry);
    return entry;
}

esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t length) {
    if (fake.record_fails && partition->address == OTADATA) {
        return ESP_FAIL;
    }
    if (partition->address == OTADATA) {
        esp_ota_select_entry_t entry = fake_entry((int)(offset / SECTOR));
        fake.whole_erased += entry.crc == crc_of(entry.ota_seq);
    }
    memset(flash + partition->address + offset, 0xff, length);
    return ESP_OK;
}

const uint8_t *fake_slot(int slot) {
    return flash + slots[slot].address;
}

static void write_entry(int sector, uint32_t sequence, uint32_t state) {
    esp_ota_select_entry_t entry;
    memset(&entry, 0xff, sizeof entry);
    entry.ota_seq = sequence;
    entry.ota_state = state;
    entry.crc = crc_of(sequence);
    esp_partition_erase_range(&otadata, (size_t)sector * SECTOR, SECTOR);
    esp_partition_write(&otadata, (size_t)sector * SECTOR, &entry, sizeof entry);
}

void fake_running_state(uint32_t state) {
    write_entry(0, 1, state);
}

void fake_barred_image(uint32_t state) {
    write_entry(1, 2, state);
}

void fake_earlier_image(void) {
    write_entry(1, 2, ESP_OTA_IMG_VALID);
    write_entry(0, 3, fake_entry(0).ota_state);
}

void fake_lost_entry(uint32_t sequence) {
    static const uint8_t weak;
    uint32_t state = fake_entry(0).ota_state;
    flash[slots[1].address] = 0xe9;
    write_entry(1, 2, ESP_OTA_IMG_VALID);
    esp_partition_write(&otadata, SECTOR, &weak, 1);
    write_entry(0, sequence, state);
}

// ---- updates ----

const esp_app_desc_t *esp_app_get_description(void) {
    return &running;
}

const esp_partition_t *esp_ota_get_running_partition(void) {
    return fake.runs_factory ? &factory : &slots[0];
}

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *from) {
    (void)from;
    return fake.one_slot ? &slots[0] : &slots[1];
}

uint8_t esp_ota_get_app_partition_count(void) {
    return fake.one_slot ? 1 : 2;
}

esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *state) {
    (void)partition;
    *state = (esp_ota_img_states_t)fake_entry(0).ota_state;
    return ESP_OK;
}

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *description) {
    memcpy(description, flash + partition->address + 32, sizeof *description);
    return description->magic_word == 0xabcd5432 ? ESP_OK : ESP_ERR_NOT_FOUND;
}

// As some versions do, the entry is made and the handle set before anything can fail.
esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t size, esp_ota_handle_t *handle) {
    (void)size;
    fake.begins++;
    if (partition == esp_ota_get_running_partition()) {
        return ESP_ERR_OTA_PARTITION_CONFLICT;
    }
    if (fake.open_handle != 0) {
        return ESP_ERR_OTA_ALREADY_IN_PROGRESS;
    }
    fake.open_handle = (esp_ota_handle_t)fake.begins;
    *handle = fake.open_handle;
    return fake.begin_error;
}

esp_err_t esp_ota_abort(esp_ota_handle_t handle) {
    bool known = handle == fake.open_handle && handle != 0;
    fake.open_handle = known ? 0 : fake.open_handle;
    fake.aborts += known;
    return known ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data) {
    (void)mode;
    memset(data, 0, sizeof *data);
    return flash[part->offset] == 0xe9 && !fake.fails_verification ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition) {
    if (flash[partition->address] != 0xe9 || fake.fails_verification) {
        return ESP_ERR_OTA_VALIDATE_FAILED;
    }
    if (partition == &factory) {
        memset(flash + OTADATA, 0xff, 2 * SECTOR);
    } else {
        write_entry(1, 2, ESP_OTA_IMG_NEW);
    }
    return ESP_OK;
}

bool esp_ota_check_rollback_is_possible(void) {
    esp_ota_select_entry_t entry = fake_entry(1);
    return entry.ota_seq != UINT32_MAX && entry.crc == crc_of(entry.ota_seq);
}

// ---- NVS ----

static struct {
    char key[16];
    uint8_t value[600];
    size_t length;
} store[STORE_ENTRIES];

static int find_key(const char *key) {
    for (int i = 0; i < STORE_ENTRIES; i++) {
        if (strcmp(store[i].key, key) == 0) {
            return i;
        }
    }
    return -1;
}

esp_err_t nvs_flash_init(void) {
    return ESP_OK;
}

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *handle) {
    (void)name;
    *handle = 1;
    return fake.nvs_fails && mode == NVS_READWRITE ? ESP_ERR_NO_MEM : ESP_OK;
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *value, size_t *length) {
    (void)handle;
    int at = find_key(key);
    if (at < 0 || store[at].length > *length) {
        return ESP_ERR_NOT_FOUND;
    }
    memcpy(value, store[at].value, store[at].length);
    *length = store[at].length;
    return ESP_OK;
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length) {
    (void)handle;
    int at = find_key(key) >= 0 ? find_key(key) : find_key("");
    if (at < 0 || length > sizeof store[at].value) {
        return ESP_ERR_NO_MEM;
    }
    strcpy(store[at].key, key);
    memcpy(store[at].value, value, length);
    store[at].length = length;
    return ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key) {
    (void)handle;
    int at = find_key(key);
    if (at < 0) {
        return ESP_ERR_NOT_FOUND;
    }
    memset(&store[at], 0, sizeof store[at]);
    return ESP_OK;
}

esp_err_t nvs_commit(nvs_handle_t handle) {
    (void)handle;
    return ESP_OK;
}

void nvs_close(nvs_handle_t handle) {
    (void)handle;
}

// ---- time ----

struct fake_timer {
    void (*callback)(void *context);
    void *context;
    int64_t period_us; // 0: once
    int64_t due_us;    // 0: stopped
};

static struct fake_timer timers[8];
static int64_t moved_us;

int64_t esp_timer_get_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000 + moved_us;
}

esp_err_t esp_timer_create(const esp_timer_create_args_t *arguments, esp_timer_handle_t *timer) {
    int at = 0;
    while (timers[at].callback != NULL) {
        at++;
    }
    if (!fake_has_memory()) {
        return ESP_ERR_NO_MEM;
    }
    timers[at] = (struct fake_timer){.callback = arguments->callback, .context = arguments->arg};
    *timer = &timers[at];
    fake.timers++;
    return ESP_OK;
}

esp_err_t esp_timer_delete(esp_timer_handle_t timer) {
    memset(timer, 0, sizeof *timer);
    fake.timers--;
    return ESP_OK;
}

esp_err_t esp_timer_start_periodic(esp_timer_handle_t timer, uint64_t period_us) {
    timer->period_us = (int64_t)period_us;
    timer->due_us = esp_timer_get_time() + timer->period_us;
    return ESP_OK;
}

esp_err_t esp_timer_start_once(esp_timer_handle_t timer, uint64_t delay_us) {
    timer->period_us = 0;
    timer->due_us = esp_timer_get_time() + (int64_t)delay_us;
    return ESP_OK;
}

esp_err_t esp_timer_stop(esp_timer_handle_t timer) {
    timer->due_us = 0;
    return ESP_OK;
}

void fake_pass(uint32_t ms) {
    fake_settle();
    moved_us += ms * 1000LL;
    for (int i = 0; i < 8; i++) {
        struct fake_timer *timer = &timers[i];
        if (timer->due_us == 0 || timer->due_us > esp_timer_get_time()) {
            continue;
        }
        timer->due_us = timer->period_us > 0 ? esp_timer_get_time() + timer->period_us : 0;
        timer->callback(timer->context);
    }
}

// ---- the rest ----

void fake_reset(void) {
    fake = (fake_t){.power_save = 1};
    memset(flash, 0xff, sizeof flash);
    memset(store, 0, sizeof store);
    memset(timers, 0, sizeof timers);
    flash[SLOTS] = 0xe9;
    fake_running_state(ESP_OTA_IMG_VALID);
}

esp_err_t esp_event_post(esp_event_base_t base, int32_t id, const void *data, size_t size, uint32_t ticks) {
    (void)base;
    (void)data;
    (void)size;
    (void)ticks;
    fake.events[id]++;
    return ESP_OK;
}

void esp_fill_random(void *bytes, size_t length) {
    static uint8_t next;
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)bytes)[i] = next += 37;
    }
}

void esp_restart(void) {
    fake.restarts++;
}

esp_reset_reason_t esp_reset_reason(void) {
    return ESP_RST_POWERON;
}

esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type) {
    static const uint8_t factory[] = {0x60, 0x55, 0xf9, 0x00, 0x12, 0xab};
    if (type != ESP_MAC_EFUSE_FACTORY) {
        return ESP_FAIL;
    }
    memcpy(mac, factory, sizeof factory);
    return ESP_OK;
}

uint32_t efuse_hal_chip_revision(void) {
    return 3;
}

uint32_t efuse_hal_blk_version(void) {
    return 103;
}

bool efuse_hal_get_disable_blk_version_major(void) {
    return false;
}

esp_netif_t *esp_netif_get_default_netif(void) {
    return NULL;
}

esp_err_t esp_netif_get_ip_info(esp_netif_t *netif, esp_netif_ip_info_t *info) {
    (void)netif;
    (void)info;
    return ESP_FAIL;
}

char *esp_ip4addr_ntoa(const void *address, char *text, int size) {
    (void)address;
    (void)size;
    return text;
}

esp_err_t esp_wifi_get_ps(int *type) {
    *type = fake.power_save;
    return ESP_OK;
}

esp_err_t esp_wifi_set_ps(int type) {
    fake.power_save = type;
    return ESP_OK;
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(mbedtls_sha256_context), "OpenSSL's state fits");

void mbedtls_sha256_init(mbedtls_sha256_context *context) {
    memset(context, 0, sizeof *context);
}

void mbedtls_sha256_free(mbedtls_sha256_context *context) {
    memset(context, 0, sizeof *context);
}

void mbedtls_sha256_clone(mbedtls_sha256_context *to, const mbedtls_sha256_context *from) {
    *to = *from;
}

int mbedtls_sha256_starts(mbedtls_sha256_context *context, int is224) {
    (void)is224;
    return SHA256_Init((SHA256_CTX *)context->opaque) - 1;
}

int mbedtls_sha256_update(mbedtls_sha256_context *context, const unsigned char *bytes, size_t length) {
    return SHA256_Update((SHA256_CTX *)context->opaque, bytes, length) - 1;
}

int mbedtls_sha256_finish(mbedtls_sha256_context *context, unsigned char *digest) {
    return SHA256_Final(digest, (SHA256_CTX *)context->opaque) - 1;
}

psa_status_t psa_hash_setup(psa_hash_operation_t *operation, int algorithm) {
    (void)algorithm;
    return mbedtls_sha256_starts(operation, 0);
}

psa_status_t psa_hash_update(psa_hash_operation_t *operation, const uint8_t *bytes, size_t length) {
    return mbedtls_sha256_update(operation, bytes, length);
}

psa_status_t psa_hash_finish(psa_hash_operation_t *operation, uint8_t *digest, size_t size, size_t *length) {
    *length = size;
    return mbedtls_sha256_finish(operation, digest);
}

psa_status_t psa_hash_clone(const psa_hash_operation_t *from, psa_hash_operation_t *to) {
    *to = *from;
    return 0;
}

psa_status_t psa_hash_abort(psa_hash_operation_t *operation) {
    mbedtls_sha256_free(operation);
    return 0;
}

// ---- signatures ----

esp_err_t esp_secure_boot_get_signature_blocks_for_running_app(bool digest, esp_image_sig_public_key_digests_t *keys) {
    memset(keys, 0, sizeof *keys);
    keys->num_digests = 2;
    for (size_t i = 0; digest && i < 2; i++) {
        memset(keys->key_digests[i], 0xa1 + (int)i, sizeof keys->key_digests[i]);
    }
    return ESP_OK;
}

// The signature sector begins where the length says.
esp_err_t esp_secure_boot_verify_signature(uint32_t address, uint32_t length) {
    return flash[address + length] == 0xe7 && !fake.wrong_signature ? ESP_OK : ESP_FAIL;
}

// ---- the console ----

const char *esp_err_to_name(esp_err_t error) {
    return error == ESP_OK ? "ESP_OK" : "an error";
}

void fake_log(const char *tag, const char *format, ...) {
    va_list arguments;
    (void)tag;
    va_start(arguments, format);
    vsnprintf(fake.said, sizeof fake.said, format, arguments);
    va_end(arguments);
}

void fake_log_error(const char *tag, const char *format, ...) {
    va_list arguments;
    (void)tag;
    va_start(arguments, format);
    vsnprintf(fake.said, sizeof fake.said, format, arguments);
    va_end(arguments);
    memcpy(fake.error, fake.said, sizeof fake.error);
}
