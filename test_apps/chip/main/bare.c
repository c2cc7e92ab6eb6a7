// SPDX-License-Identifier: Apache-2.0
// Applications for test/chip/size.sh. In test_apps/server: a web server with one page, and nothing of this component in
// the build. Here: the same with the component; or an application that uses NVS, request headers and WebSockets
// already (CHIP_TEST_USES), without the component and with it.
#include "esp_event.h"
#include "esp_http_server.h"
#include "network.h"
#include "sdkconfig.h"

#if CONFIG_CHIP_TEST_USES
#include <string.h>

#include "esp_timer.h"
#include "nvs.h"
#include "nvs_flash.h"

static httpd_handle_t the_server;

static void send_time(void *socket) {
    char text[] = "tick";
    httpd_ws_frame_t frame = {.type = HTTPD_WS_TYPE_TEXT, .payload = (uint8_t *)text, .len = sizeof text - 1};
    httpd_ws_send_frame_async(the_server, (int)socket, &frame);
}

static void tick(void *socket) {
    httpd_queue_work(the_server, send_time, socket);
}

// Keeps the last message, and sends it back; then the time, every second.
static esp_err_t serve_socket(httpd_req_t *request) {
    char text[64];
    nvs_handle_t store;
    esp_timer_handle_t timer;
    httpd_ws_frame_t frame = {.payload = (uint8_t *)text};
    const esp_timer_create_args_t arguments = {.callback = tick, .arg = (void *)httpd_req_to_sockfd(request)};
    if (httpd_ws_recv_frame(request, &frame, sizeof text) != ESP_OK ||
        nvs_open("app", NVS_READWRITE, &store) != ESP_OK) {
        return ESP_FAIL;
    }
    if (nvs_set_blob(store, "last", text, frame.len) != ESP_OK || nvs_commit(store) != ESP_OK) {
        nvs_erase_key(store, "last");
    }
    nvs_close(store);
    if (esp_timer_create(&arguments, &timer) == ESP_OK) {
        esp_timer_start_periodic(timer, 1000000);
    }
    return httpd_ws_send_frame(request, &frame);
}

static void use(httpd_handle_t server) {
    static const httpd_uri_t route = {.uri = "/ws", .method = HTTP_GET, .handler = serve_socket, .is_websocket = true};
    the_server = server;
    httpd_register_uri_handler(server, &route);
}

static void start_store(void) {
    char text[64];
    size_t length = sizeof text;
    nvs_handle_t store;
    ESP_ERROR_CHECK(nvs_flash_init());
    if (nvs_open("app", NVS_READONLY, &store) == ESP_OK) {
        nvs_get_blob(store, "last", text, &length);
        nvs_close(store);
    }
}
#else
static void use(httpd_handle_t server) {
}

static void start_store(void) {
}
#endif

#if CONFIG_CHIP_TEST_BARE && !CONFIG_CHIP_TEST_WITHOUT_OTA
#include "ota_ws_update.h"

static void start_ota(httpd_handle_t server) {
    ESP_ERROR_CHECK(ota_ws_register_uri_handler(server));
}
#else
static void start_ota(httpd_handle_t server) {
}
#endif

static esp_err_t serve_page(httpd_req_t *request) {
    char host[64];
    httpd_req_get_hdr_value_str(request, "Host", host, sizeof host);
    httpd_resp_set_type(request, "text/plain");
    httpd_resp_set_hdr(request, "Cache-Control", "no-store");
    return httpd_resp_sendstr(request, host);
}

void app_main(void) {
    static const httpd_uri_t route = {.uri = "/", .method = HTTP_GET, .handler = serve_page};
    httpd_config_t config = HTTPD_DEFAULT_CONFIG();
    httpd_handle_t server = NULL;
    start_store();
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    network_connect();
    ESP_ERROR_CHECK(httpd_start(&server, &config));
    httpd_register_uri_handler(server, &route);
    use(server);
    start_ota(server);
}
