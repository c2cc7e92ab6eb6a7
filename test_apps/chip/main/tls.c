// SPDX-License-Identifier: Apache-2.0
#include "tls.h"

#include "esp_https_server.h"
#include "ota_ws_update.h"

extern const unsigned char cert_start[] asm("_binary_cert_pem_start");
extern const unsigned char cert_end[] asm("_binary_cert_pem_end");
extern const unsigned char key_start[] asm("_binary_key_pem_start");
extern const unsigned char key_end[] asm("_binary_key_pem_end");

static esp_err_t hello(httpd_req_t *request) {
    return httpd_resp_sendstr(request, "hello over TLS\n");
}

esp_err_t start_tls(httpd_req_t *request) {
    static const httpd_uri_t page = {.uri = "/", .method = HTTP_GET, .handler = hello};
    static const httpd_uri_t plain = {.uri = "/plain", .method = HTTP_POST, .handler = upload_plainly};
    httpd_ssl_config_t config = HTTPD_SSL_CONFIG_DEFAULT();
    httpd_handle_t server = NULL;
    config.servercert = cert_start;
    config.servercert_len = (size_t)(cert_end - cert_start);
    config.prvtkey_pem = key_start;
    config.prvtkey_len = (size_t)(key_end - key_start);
    config.httpd.ctrl_port++; // the first server has the default one
    esp_err_t error = httpd_ssl_start(&server, &config);
    if (error == ESP_OK) {
        error = httpd_register_uri_handler(server, &page);
    }
    if (error == ESP_OK) {
        error = httpd_register_uri_handler(server, &plain);
    }
    if (error == ESP_OK) {
        error = ota_ws_register_uri_handler(server);
    }
    return httpd_resp_sendstr(request, esp_err_to_name(error));
}
