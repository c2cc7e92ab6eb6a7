// SPDX-License-Identifier: Apache-2.0
// The declarations of ESP-IDF that esp/ uses, in our own words: just enough to compile it on Linux. GENERATION 5 stands
// for 5.1 to 5.5.4 and 6.0, GENERATION 6 for 6.1: what differs is in docs/design.md, "On the chip". The CMake file
// makes one header of each name that includes this.
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#if __has_include(<sys/socket.h>)
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#else
#include "sockets.h"
#endif

#ifdef __cplusplus
extern "C" {
#endif

// ---- menuconfig ----
#ifndef OTA_WS_LIBRARY // the library brings its own: packaging/library.py
#define CONFIG_OTA_DEFAULT_URI "/ota"
#define CONFIG_OTA_DEFAULT_WS_URI "/ota/ws"
#define CONFIG_OTA_CHUNK_SIZE 8192
#define CONFIG_OTA_RING_SIZE 14336
#define CONFIG_OTA_PASSWORD ""
#define CONFIG_OTA_DEVICE_NAME "fake"
#define CONFIG_OTA_HOST_NAME "lamp.local"
#define CONFIG_OTA_TRIAL_TIMEOUT_S 300
#define CONFIG_OTA_WRITER_STACK_SIZE 4096
#define CONFIG_OTA_WS_LOG_RING 2048
#endif
#ifndef CONFIG_SOC_RTC_MEM_SUPPORTED
#define CONFIG_SOC_RTC_MEM_SUPPORTED 1
#endif
#define CONFIG_IDF_TARGET "esp32c3"
#define CONFIG_IDF_FIRMWARE_CHIP_ID 5
#define CONFIG_MMU_PAGE_SIZE 0x10000
#define CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE 1
#define CONFIG_LWIP_IPV6 1
#define CONFIG_HTTPD_WS_POST_HANDSHAKE_CB_SUPPORT (GENERATION == 6)
#define ESP_IDF_VERSION_VAL(major, minor, patch) ((major) << 16 | (minor) << 8 | (patch))
#define ESP_IDF_VERSION (GENERATION == 6 ? ESP_IDF_VERSION_VAL(6, 1, 0) : ESP_IDF_VERSION_VAL(5, 1, 4))

// ---- errors ----
typedef int esp_err_t;
enum {
    ESP_FAIL = -1,
    ESP_OK = 0,
    ESP_ERR_NO_MEM = 0x101,
    ESP_ERR_INVALID_ARG,
    ESP_ERR_INVALID_STATE,
    ESP_ERR_INVALID_SIZE,
    ESP_ERR_NOT_FOUND,
    ESP_ERR_OTA_PARTITION_CONFLICT = 0x1501,
    ESP_ERR_OTA_VALIDATE_FAILED = 0x1503,
    ESP_ERR_OTA_SMALL_SEC_VER,
    ESP_ERR_OTA_ROLLBACK_INVALID_STATE = 0x1506,
    ESP_ERR_OTA_ALREADY_IN_PROGRESS,
    ESP_ERR_HTTPD_HANDLERS_FULL = 0xb001,
    ESP_ERR_HTTPD_HANDLER_EXISTS,
    ESP_ERR_HTTPD_RESULT_TRUNC = 0xb004,
};

// ---- log, events, random, system ----
#ifdef OTA_WS_MEASURED // test/size.sh: a call of ESP-IDF's has four arguments more
#define ESP_LOG(level, letter, tag, format, ...)                                                                       \
    esp_log_write(level, tag, letter " (%u) %s: " format "\n", esp_log_timestamp(), tag, ##__VA_ARGS__)
#define ESP_LOGE(tag, ...) ESP_LOG(1, "E", tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...) ESP_LOG(2, "W", tag, __VA_ARGS__)
#define ESP_LOGI(tag, ...) ESP_LOG(3, "I", tag, __VA_ARGS__)
void esp_log_write(int level, const char *tag, const char *format, ...);
uint32_t esp_log_timestamp(void);
#else
#define ESP_LOGI(tag, ...) fake_log(tag, __VA_ARGS__)
#define ESP_LOGE(tag, ...) fake_log_error(tag, __VA_ARGS__)
#define ESP_LOGW(tag, ...) fake_log(tag, __VA_ARGS__)
#endif
typedef int (*vprintf_like_t)(const char *format, va_list arguments);
vprintf_like_t esp_log_set_vprintf(vprintf_like_t function);
const char *esp_err_to_name(esp_err_t error);
void fake_log(const char *tag, const char *format, ...);
void fake_log_error(const char *tag, const char *format, ...);
typedef const char *esp_event_base_t;
#define ESP_EVENT_DECLARE_BASE(name) extern esp_event_base_t const name
#define ESP_EVENT_DEFINE_BASE(name) esp_event_base_t const name = #name
esp_err_t esp_event_post(esp_event_base_t base, int32_t id, const void *data, size_t size, uint32_t ticks);
void esp_fill_random(void *bytes, size_t length);
void esp_restart(void);
typedef enum {
    ESP_RST_UNKNOWN,
    ESP_RST_POWERON,
    ESP_RST_EXT,
    ESP_RST_SW,
    ESP_RST_PANIC,
    ESP_RST_INT_WDT,
    ESP_RST_TASK_WDT,
    ESP_RST_WDT,
    ESP_RST_DEEPSLEEP,
    ESP_RST_BROWNOUT,
} esp_reset_reason_t;
esp_reset_reason_t esp_reset_reason(void);
typedef enum { ESP_MAC_EFUSE_FACTORY = 6 } esp_mac_type_t;
esp_err_t esp_read_mac(uint8_t *mac, esp_mac_type_t type);
uint32_t efuse_hal_chip_revision(void);
uint32_t efuse_hal_blk_version(void);
bool efuse_hal_get_disable_blk_version_major(void);
uint32_t esp_rom_crc32_le(uint32_t crc, const uint8_t *bytes, uint32_t length);

// ---- time ----
typedef struct fake_timer *esp_timer_handle_t;
typedef struct {
    void (*callback)(void *context);
    void *arg;
    const char *name;
} esp_timer_create_args_t;
esp_err_t esp_timer_create(const esp_timer_create_args_t *arguments, esp_timer_handle_t *timer);
esp_err_t esp_timer_start_periodic(esp_timer_handle_t timer, uint64_t period_us);
esp_err_t esp_timer_start_once(esp_timer_handle_t timer, uint64_t delay_us);
esp_err_t esp_timer_stop(esp_timer_handle_t timer);
esp_err_t esp_timer_delete(esp_timer_handle_t timer);
int64_t esp_timer_get_time(void);

// ---- FreeRTOS ----
typedef struct fake_semaphore *SemaphoreHandle_t;
typedef struct fake_task *TaskHandle_t;
typedef struct {
    uint64_t memory[20]; // the fake's; on a chip they are 84 bytes
} StaticSemaphore_t;
typedef struct {
    void *mutex;
} portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED                                                                                   \
    { 0 }
void portENTER_CRITICAL(portMUX_TYPE *lock);
void portEXIT_CRITICAL(portMUX_TYPE *lock);
typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint32_t TickType_t;
#define pdTRUE 1
#define pdPASS 1
#define portMAX_DELAY UINT32_MAX
#define pdMS_TO_TICKS(ms) (ms)
#define tskIDLE_PRIORITY 0
SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory);
SemaphoreHandle_t xSemaphoreCreateRecursiveMutexStatic(StaticSemaphore_t *memory);
BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t wait);
BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore);
BaseType_t xSemaphoreTakeRecursive(SemaphoreHandle_t mutex, TickType_t wait);
BaseType_t xSemaphoreGiveRecursive(SemaphoreHandle_t mutex);
BaseType_t xTaskCreate(void (*run)(void *), const char *name, uint32_t stack, void *context, UBaseType_t priority,
                       TaskHandle_t *task);
void vTaskDelete(TaskHandle_t task);
void vTaskSuspend(TaskHandle_t task);
void vTaskDelay(TickType_t ticks);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);

BaseType_t xPortInIsrContext(void);

// ---- memory that a restart leaves as it is ----
#ifdef OTA_WS_MEASURED
#define RTC_NOINIT_ATTR __attribute__((section(".rtc_noinit")))
#define SOC_RTC_DATA_LOW 0x50000000
#define SOC_RTC_DATA_HIGH 0x50002000
#else
#define RTC_NOINIT_ATTR __attribute__((section("fake_rtc"), used))
#define __NOINIT_ATTR
extern uint8_t __start_fake_rtc[], __stop_fake_rtc[]; // the linker's
#define SOC_RTC_DATA_LOW ((uintptr_t)__start_fake_rtc)
#define SOC_RTC_DATA_HIGH ((uintptr_t)__stop_fake_rtc)
#endif

// ---- the core dump ----
#if CONFIG_IDF_TARGET_ARCH_RISCV
typedef struct {
    uint8_t stackdump[1024];
    uint32_t dump_size;
} esp_core_dump_bt_info_t;
typedef struct {
    uint32_t mstatus, mtvec, mcause, mtval, ra, sp, exc_a[8];
} esp_core_dump_summary_extra_info_t;
#else
typedef struct {
    uint32_t bt[16];
    uint32_t depth;
    bool corrupted;
} esp_core_dump_bt_info_t;
typedef struct {
    uint32_t exc_cause, exc_vaddr, exc_a[16];
} esp_core_dump_summary_extra_info_t;
#endif
typedef struct {
    uint32_t exc_tcb;
    char exc_task[16];
    uint32_t exc_pc;
    esp_core_dump_bt_info_t exc_bt_info;
    uint32_t core_dump_version;
    uint8_t app_elf_sha256[10];
    esp_core_dump_summary_extra_info_t ex_info;
} esp_core_dump_summary_t;
esp_err_t esp_core_dump_image_check(void);
esp_err_t esp_core_dump_get_summary(esp_core_dump_summary_t *summary);
esp_err_t esp_core_dump_get_panic_reason(char *reason, size_t size);

// ---- partitions, updates ----
typedef enum { ESP_PARTITION_TYPE_APP, ESP_PARTITION_TYPE_DATA } esp_partition_type_t;
typedef enum {
    ESP_PARTITION_SUBTYPE_DATA_OTA = 0,
    ESP_PARTITION_SUBTYPE_APP_FACTORY = 0,
    ESP_PARTITION_SUBTYPE_APP_OTA_MIN = 0x10,
} esp_partition_subtype_t;
typedef struct {
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    uint32_t address;
    uint32_t size;
    char label[17];
} esp_partition_t;
const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label);
esp_err_t esp_partition_read(const esp_partition_t *partition, size_t offset, void *bytes, size_t length);
esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t offset, void *bytes, size_t length);
esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t offset, const void *bytes, size_t length);
esp_err_t esp_partition_write(const esp_partition_t *partition, size_t offset, const void *bytes, size_t length);
esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t length);

typedef enum {
    ESP_OTA_IMG_NEW,
    ESP_OTA_IMG_PENDING_VERIFY,
    ESP_OTA_IMG_VALID,
    ESP_OTA_IMG_INVALID,
    ESP_OTA_IMG_ABORTED,
    ESP_OTA_IMG_UNDEFINED = -1,
} esp_ota_img_states_t;
typedef struct {
    uint32_t ota_seq;
    uint8_t seq_label[20];
    uint32_t ota_state;
    uint32_t crc;
} esp_ota_select_entry_t;
typedef struct {
    uint32_t magic_word;
    uint32_t secure_version;
    uint32_t reserv1[2];
    char version[32];
    char project_name[32];
    char time[16];
    char date[16];
    char idf_ver[32];
    uint8_t app_elf_sha256[32];
    uint32_t reserv2[20];
} esp_app_desc_t;
typedef uint32_t esp_ota_handle_t;
#define OTA_WITH_SEQUENTIAL_WRITES 0xfffffffe
const esp_app_desc_t *esp_app_get_description(void);
const esp_partition_t *esp_ota_get_running_partition(void);
const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *from);
esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *state);
esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition, esp_app_desc_t *description);
uint8_t esp_ota_get_app_partition_count(void);
esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t size, esp_ota_handle_t *handle);
esp_err_t esp_ota_abort(esp_ota_handle_t handle);
esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition);
typedef struct {
    uint8_t key_digests[3][32];
    unsigned num_digests;
} esp_image_sig_public_key_digests_t;
esp_err_t esp_secure_boot_get_signature_blocks_for_running_app(bool digest, esp_image_sig_public_key_digests_t *keys);
esp_err_t esp_secure_boot_verify_signature(uint32_t address, uint32_t length);
bool esp_ota_check_rollback_is_possible(void);
typedef struct {
    uint32_t offset;
    uint32_t size;
} esp_partition_pos_t;
typedef struct {
    uint32_t start_addr;
    uint8_t headers[152];
    uint32_t segment_data[16];
    uint32_t image_len;
    uint8_t image_digest[32];
    uint32_t secure_version;
    uint32_t mmu_page_size;
} esp_image_metadata_t;
typedef enum { ESP_IMAGE_VERIFY, ESP_IMAGE_VERIFY_SILENT } esp_image_load_mode_t;
esp_err_t esp_image_verify(esp_image_load_mode_t mode, const esp_partition_pos_t *part, esp_image_metadata_t *data);

// ---- NVS ----
typedef uint32_t nvs_handle_t;
typedef enum { NVS_READONLY, NVS_READWRITE } nvs_open_mode_t;
esp_err_t nvs_flash_init(void);
esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *store);
esp_err_t nvs_get_blob(nvs_handle_t store, const char *key, void *value, size_t *length);
esp_err_t nvs_set_blob(nvs_handle_t store, const char *key, const void *value, size_t length);
esp_err_t nvs_erase_key(nvs_handle_t store, const char *key);
esp_err_t nvs_commit(nvs_handle_t store);
void nvs_close(nvs_handle_t store);

// ---- network ----
typedef struct fake_netif esp_netif_t;
typedef struct {
    struct {
        uint32_t addr;
    } ip;
} esp_netif_ip_info_t;
esp_netif_t *esp_netif_get_default_netif(void);
esp_err_t esp_netif_get_ip_info(esp_netif_t *netif, esp_netif_ip_info_t *info);
char *esp_ip4addr_ntoa(const void *address, char *text, int size);
esp_err_t esp_wifi_get_ps(int *type);
esp_err_t esp_wifi_set_ps(int type);

// ---- esp_http_server ----
typedef void *httpd_handle_t;
typedef enum { HTTP_DELETE, HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT } httpd_method_t;
#if GENERATION == 6
#define HTTP_ANY INT_MAX // from 5.3 on
#endif
typedef void (*httpd_free_ctx_fn_t)(void *context);
typedef struct httpd_req {
    httpd_handle_t handle;
    int method;
    const char *uri;
    size_t content_len;
    void *aux;
    void *user_ctx;
    void *sess_ctx;
    httpd_free_ctx_fn_t free_ctx;
} httpd_req_t;
typedef struct {
    const char *uri;
    httpd_method_t method;
    esp_err_t (*handler)(httpd_req_t *request);
    void *user_ctx;
    bool is_websocket;
    bool handle_ws_control_frames;
    esp_err_t (*ws_post_handshake_cb)(httpd_req_t *request);
} httpd_uri_t;
typedef enum {
    HTTPD_WS_TYPE_CONTINUE = 0,
    HTTPD_WS_TYPE_TEXT = 1,
    HTTPD_WS_TYPE_BINARY = 2,
    HTTPD_WS_TYPE_CLOSE = 8,
    HTTPD_WS_TYPE_PING = 9,
    HTTPD_WS_TYPE_PONG = 10,
} httpd_ws_type_t;
typedef struct {
    bool final;
    bool fragmented;
    httpd_ws_type_t type;
    uint8_t *payload;
    size_t len;
    size_t left_len;
} httpd_ws_frame_t;
typedef enum { HTTPD_WS_CLIENT_INVALID, HTTPD_WS_CLIENT_HTTP, HTTPD_WS_CLIENT_WEBSOCKET } httpd_ws_client_info_t;
typedef int (*httpd_recv_func_t)(httpd_handle_t server, int socket, char *bytes, size_t length, int flags);
#define HTTPD_SOCK_ERR_FAIL (-1)
#define HTTPD_SOCK_ERR_TIMEOUT (-3)
int httpd_req_recv(httpd_req_t *request, char *bytes, size_t length);
esp_err_t httpd_req_async_handler_begin(httpd_req_t *request, httpd_req_t **async);
esp_err_t httpd_req_async_handler_complete(httpd_req_t *async);
esp_err_t httpd_register_uri_handler(httpd_handle_t server, const httpd_uri_t *uri);
esp_err_t httpd_unregister_uri_handler(httpd_handle_t server, const char *uri, httpd_method_t method);
int httpd_req_to_sockfd(httpd_req_t *request);
esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *request, const char *name, char *value, size_t size);
int httpd_send(httpd_req_t *request, const char *bytes, size_t length);
esp_err_t httpd_ws_recv_frame(httpd_req_t *request, httpd_ws_frame_t *frame, size_t max_length);
esp_err_t httpd_ws_recv_frame_part(httpd_req_t *request, httpd_ws_frame_t *frame, size_t max_length);
esp_err_t httpd_ws_send_frame(httpd_req_t *request, httpd_ws_frame_t *frame);
httpd_ws_client_info_t httpd_ws_get_fd_info(httpd_handle_t server, int socket);
int httpd_socket_send(httpd_handle_t server, int socket, const char *bytes, size_t length, int flags);
esp_err_t httpd_queue_work(httpd_handle_t server, void (*work)(void *), void *context);
esp_err_t httpd_sess_set_recv_override(httpd_handle_t server, int socket, httpd_recv_func_t receive);
void *httpd_sess_get_transport_ctx(httpd_handle_t server, int socket);

// ---- what the fakes remember of sockets ----
ssize_t fake_recv(int socket, void *bytes, size_t length, int flags);
int fake_setsockopt(int socket, int level, int option, const void *value, socklen_t size);
int fake_getsockname(int socket, struct sockaddr *address, socklen_t *size);
int fake_getpeername(int socket, struct sockaddr *address, socklen_t *size);
void *fake_malloc(size_t size);
void *fake_calloc(size_t count, size_t size);
#ifndef FAKES
#define malloc fake_malloc
#define calloc fake_calloc
#define recv fake_recv
#define setsockopt fake_setsockopt
#define getsockname fake_getsockname
#define getpeername fake_getpeername
#endif

// ---- hashes ----
typedef struct {
    uint64_t opaque[16];
} mbedtls_sha256_context;
void mbedtls_sha256_init(mbedtls_sha256_context *context);
void mbedtls_sha256_free(mbedtls_sha256_context *context);
void mbedtls_sha256_clone(mbedtls_sha256_context *to, const mbedtls_sha256_context *from);
int mbedtls_sha256_starts(mbedtls_sha256_context *context, int is224);
int mbedtls_sha256_update(mbedtls_sha256_context *context, const unsigned char *bytes, size_t length);
int mbedtls_sha256_finish(mbedtls_sha256_context *context, unsigned char *digest);
typedef mbedtls_sha256_context psa_hash_operation_t;
typedef int psa_status_t;
#define PSA_ALG_SHA_256 1
psa_status_t psa_hash_setup(psa_hash_operation_t *operation, int algorithm);
psa_status_t psa_hash_update(psa_hash_operation_t *operation, const uint8_t *bytes, size_t length);
psa_status_t psa_hash_finish(psa_hash_operation_t *operation, uint8_t *digest, size_t size, size_t *length);
psa_status_t psa_hash_clone(const psa_hash_operation_t *from, psa_hash_operation_t *to);
psa_status_t psa_hash_abort(psa_hash_operation_t *operation);

#ifdef __cplusplus
}
#endif
