// SPDX-License-Identifier: Apache-2.0
// The device of test/chip: the component beside handlers that show its costs, and a plain upload to compare with.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "application.h"
#include "esp_event.h"
#include "esp_heap_caps.h"
#include "esp_http_server.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "ledger.h"
#include "network.h"
#include "ota_ws_update.h"
#include "probe.h"
#include "sdkconfig.h"
#include "tls.h"

#define PLAIN_BUFFER 4096
#define TAKEN_BLOCK 1024
#define SAMPLE_US 5000
#define SLEEP_US 1000000

#if CONFIG_CHIP_TEST_BALLAST > 0
const uint8_t ballast[CONFIG_CHIP_TEST_BALLAST] = {1};
#endif

static uint32_t lowest_heap; // since GET /reset
static uint32_t heap_without;
static uint32_t heap_with;
static uint32_t took_us; // the last upload, by either way, or the update that runs
static char refused[8];  // step that is refused: "0", "1", "2"
static ota_ws_health_t health;

static void sample_heap(void *context) {
    lowest_heap = MIN(lowest_heap, esp_get_free_heap_size());
}

static esp_err_t hello(httpd_req_t *request) {
    return httpd_resp_sendstr(request, "hello\n");
}

#if CONFIG_CHIP_TEST_WITHOUT_OTA
static uint32_t writer_stack_left(void) {
    return 0;
}
#else
uint32_t ota_ws_chip_worker_stack_left(void); // of the component, for this test alone

static uint32_t writer_stack_left(void) {
    return ota_ws_chip_worker_stack_left();
}
#endif

static esp_err_t info(httpd_req_t *request) {
    char text[352];
    const esp_partition_t *running = esp_ota_get_running_partition();
    esp_ota_img_states_t state = ESP_OTA_IMG_UNDEFINED;
    esp_ota_get_state_partition(running, &state);
    snprintf(text, sizeof text,
             "{\"slot\":\"%s\",\"state\":%d,\"reset\":%d,\"heap\":%lu,\"lowest\":%lu,\"minimum\":%lu,\"without\":%lu,"
             "\"with\":%lu,\"httpd_stack_left\":%lu,\"writer_stack_left\":%lu,\"took_us\":%lu,\"up_ms\":%lu}",
             running->label, (int)state, (int)esp_reset_reason(), (unsigned long)esp_get_free_heap_size(),
             (unsigned long)lowest_heap, (unsigned long)esp_get_minimum_free_heap_size(), (unsigned long)heap_without,
             (unsigned long)heap_with, (unsigned long)uxTaskGetStackHighWaterMark(NULL),
             (unsigned long)writer_stack_left(), (unsigned long)took_us, (unsigned long)(esp_timer_get_time() / 1000));
    return httpd_resp_sendstr(request, text);
}

static esp_err_t reset(httpd_req_t *request) {
    lowest_heap = esp_get_free_heap_size();
    return httpd_resp_sendstr(request, "ok\n");
}

// GET /ledger?start, and GET /ledger for what it has seen.
static esp_err_t ledger(httpd_req_t *request) {
    char text[96] = "ok\n";
    if (httpd_req_get_url_query_len(request) > 0) {
        ledger_start();
    } else {
        ledger_peaks_t peaks = ledger_peaks();
        snprintf(text, sizeof text, "{\"network\":%lu,\"others\":%lu,\"lost\":%lu}", (unsigned long)peaks.network,
                 (unsigned long)peaks.others, (unsigned long)peaks.lost);
    }
    return httpd_resp_sendstr(request, text);
}

// Likewise.
static esp_err_t probe(httpd_req_t *request) {
    char text[96] = "ok\n";
    if (httpd_req_get_url_query_len(request) > 0) {
        probe_start();
    } else {
        probe_t seen = probe_stop();
        snprintf(text, sizeof text, "{\"asked\":%lu,\"failed\":%lu,\"longest_ms\":%lu}", (unsigned long)seen.asked,
                 (unsigned long)seen.failed, (unsigned long)seen.longest_ms);
    }
    return httpd_resp_sendstr(request, text);
}

// GET /take?N takes memory until N bytes are left.
static esp_err_t take_memory(httpd_req_t *request) {
    char query[12] = "";
    httpd_req_get_url_query_str(request, query, sizeof query);
    while (esp_get_free_heap_size() > strtoul(query, NULL, 10) && malloc(TAKEN_BLOCK) != NULL) {
    }
    return httpd_resp_sendstr(request, "ok\n");
}

// So that the next upload finds nothing of the one before.
static esp_err_t erase(httpd_req_t *request) {
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    return httpd_resp_sendstr(request, esp_err_to_name(esp_partition_erase_range(slot, 0, slot->size)));
}

// The plain way, to compare with: nothing but ESP-IDF's own calls.
esp_err_t upload_plainly(httpd_req_t *request) {
    static uint8_t buffer[PLAIN_BUFFER];
    esp_ota_handle_t handle = 0;
    const esp_partition_t *slot = esp_ota_get_next_update_partition(NULL);
    esp_err_t error = esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &handle);
    int left = (int)request->content_len;
    int64_t since = esp_timer_get_time();
    while (error == ESP_OK && left > 0) {
        int got = httpd_req_recv(request, (char *)buffer, MIN(left, PLAIN_BUFFER));
        error = got > 0 ? esp_ota_write(handle, buffer, (size_t)got) : ESP_FAIL;
        left -= got;
    }
    esp_err_t ended = esp_ota_end(handle);
    error = error == ESP_OK ? ended : error;
    if (error == ESP_OK && httpd_req_get_url_query_len(request) > 0) {
        error = esp_ota_set_boot_partition(slot);
    }
    took_us = (uint32_t)(esp_timer_get_time() - since);
    return httpd_resp_sendstr(request, esp_err_to_name(error));
}

#if !CONFIG_CHIP_TEST_WITHOUT_OTA
static bool may(ota_ws_step_t step, char reason[OTA_WS_REASON_SIZE], void *context) {
    if (refused[0] == '0' + (int)step) {
        strcpy(reason, "the motor is running");
        return false;
    }
    return true;
}

static esp_err_t refuse(httpd_req_t *request) {
    httpd_req_get_url_query_str(request, refused, sizeof refused);
    return httpd_resp_sendstr(request, "ok\n");
}

static ota_ws_health_t tell_health(void *context) {
    return health;
}

// GET /health?1: the image is good. ?2: it is bad.
static esp_err_t set_health(httpd_req_t *request) {
    char query[8] = "";
    httpd_req_get_url_query_str(request, query, sizeof query);
    health = (ota_ws_health_t)(query[0] - '0');
    return httpd_resp_sendstr(request, "ok\n");
}

static void hang(void) {
    portDISABLE_INTERRUPTS();
    while (true) {
    }
}

static void run_out_of_memory(void) {
    while (malloc(TAKEN_BLOCK) != NULL) {
    }
    ESP_LOGE("history", "no memory, %s", esp_err_to_name(ESP_ERR_NO_MEM));
    ESP_ERROR_CHECK(ESP_ERR_NO_MEM);
}

// GET /crash, or /crash?hang, or /crash?memory.
static esp_err_t crash(httpd_req_t *request) {
    char query[8] = "";
    httpd_req_get_url_query_str(request, query, sizeof query);
    ESP_LOGW("sensor", "no answer, the rest follows: %s", query);
    if (strcmp(query, "hang") == 0) {
        hang();
    } else if (strcmp(query, "memory") == 0) {
        run_out_of_memory();
    }
    abort();
}

static esp_err_t fall_asleep(httpd_req_t *request) {
    esp_deep_sleep(SLEEP_US);
}

static esp_err_t confirm(httpd_req_t *request) {
    return httpd_resp_sendstr(request, esp_err_to_name(ota_ws_confirm()));
}

static esp_err_t roll_back(httpd_req_t *request) {
    return httpd_resp_sendstr(request, esp_err_to_name(ota_ws_rollback()));
}

static void on_update(void *context, esp_event_base_t base, int32_t id, void *data) {
    static const char *const names[] = {"started",  "progress",  "verified",    "failed",
                                        "on trial", "confirmed", "rolled back", "restarting"};
    static int64_t since;
    since = id == OTA_WS_EVENT_STARTED ? esp_timer_get_time() : since;
    took_us = (uint32_t)(esp_timer_get_time() - since);
    if (id != OTA_WS_EVENT_PROGRESS) {
        ESP_LOGI("event", "%s %s, heap %lu, lowest %lu", names[id],
                 id == OTA_WS_EVENT_FAILED ? ((ota_ws_event_failed_t *)data)->name : "",
                 (unsigned long)esp_get_free_heap_size(), (unsigned long)lowest_heap);
        lowest_heap = esp_get_free_heap_size();
    }
}

// An application goes on without the page when it cannot be registered.
static void register_page(httpd_handle_t server, const ota_ws_config_t *config) {
    unsigned as = application_is();
    if (as & AS_WILDCARD_BEFORE) {
        application_register_wildcard(server);
    }
    esp_err_t error = ota_ws_start(server, config, NULL);
    if (as & AS_REGISTERS_TWICE) {
        error = ota_ws_start(server, config, NULL);
    }
    if (as & AS_WILDCARD_AFTER) {
        application_register_wildcard(server);
    }
    if (error != ESP_OK) {
        ESP_LOGW("chip", "the page: %s", esp_err_to_name(error));
    }
}

static void start_ota(httpd_handle_t server) {
    static ota_ws_config_t config = {.may = may, .health = tell_health};
    const httpd_uri_t handlers[] = {
        {.uri = "/refuse", .method = HTTP_GET, .handler = refuse},
        {.uri = "/confirm", .method = HTTP_POST, .handler = confirm},
        {.uri = "/rollback", .method = HTTP_POST, .handler = roll_back},
        {.uri = "/health", .method = HTTP_GET, .handler = set_health},
        {.uri = "/crash", .method = HTTP_GET, .handler = crash},
        {.uri = "/sleep", .method = HTTP_GET, .handler = fall_asleep},
#if CONFIG_CHIP_TEST_TLS
        {.uri = "/tls", .method = HTTP_GET, .handler = start_tls},
#endif
    };
    ESP_ERROR_CHECK(esp_event_handler_register(OTA_WS_EVENT, ESP_EVENT_ANY_ID, on_update, NULL));
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &handlers[i]));
    }
    config.uri = application_is() & AS_PAGE_AT_ROOT ? "/" : NULL;
    heap_without = esp_get_free_heap_size();
    register_page(server, &config);
    heap_with = esp_get_free_heap_size();
}
#else
static void start_ota(httpd_handle_t server) {
}
#endif

#define HANDLERS 20 // of our own

static httpd_config_t server_config(void) {
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    unsigned as = application_is();
    config.max_uri_handlers = as & AS_FEW_HANDLERS ? HANDLERS : HANDLERS + 5;
    if (as & AS_FEW_SOCKETS) {
        config.max_open_sockets = 3;
        config.lru_purge_enable = true;
    }
    if (as & (AS_WILDCARD_BEFORE | AS_WILDCARD_AFTER)) {
        config.uri_match_fn = httpd_uri_match_wildcard;
    }
    return config;
}

static void register_handlers(httpd_handle_t server) {
    const httpd_uri_t handlers[] = {
        {.uri = application_is() & AS_PAGE_AT_ROOT ? "/hello" : "/", .method = HTTP_GET, .handler = hello},
        {.uri = "/info", .method = HTTP_GET, .handler = info},
        {.uri = "/reset", .method = HTTP_GET, .handler = reset},
        {.uri = "/plain", .method = HTTP_POST, .handler = upload_plainly},
        {.uri = "/erase", .method = HTTP_GET, .handler = erase},
        {.uri = "/ledger", .method = HTTP_GET, .handler = ledger},
        {.uri = "/probe", .method = HTTP_GET, .handler = probe},
        {.uri = "/take", .method = HTTP_GET, .handler = take_memory},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        ESP_ERROR_CHECK(httpd_register_uri_handler(server, &handlers[i]));
    }
    application_register(server);
}

void app_main(void) {
    const esp_timer_create_args_t sampling = {.callback = sample_heap, .name = "heap"};
    esp_timer_handle_t timer;
    httpd_handle_t server = NULL;

    application_start_nvs();
    if (application_is() & AS_CONFIRMS_FIRST) {
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
    }
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    network_connect();
    httpd_config_t config = server_config();
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    register_handlers(server);
    start_ota(server);
    ESP_ERROR_CHECK(esp_timer_create(&sampling, &timer));
    ESP_ERROR_CHECK(esp_timer_start_periodic(timer, SAMPLE_US));
    lowest_heap = esp_get_free_heap_size();
#if CONFIG_CHIP_TEST_BALLAST > 0
    ESP_LOGI("chip", "ballast %u", *(const volatile uint8_t *)&ballast[CONFIG_CHIP_TEST_BALLAST / 2]);
#endif
    ESP_LOGI("chip", "ready, heap %lu", (unsigned long)esp_get_free_heap_size());
}
