// SPDX-License-Identifier: Apache-2.0
// Serves the update page, which the build has put into the firmware. Under a foreign host name it serves a short page
// with the device's own address instead.
#include "page.h"

#include <string.h>

#include "answer.h"
#include "request_gate.h"
#include "sdkconfig.h"

extern const uint8_t page_start[] asm("_binary_ota_html_gz_start");
extern const uint8_t page_end[] asm("_binary_ota_html_gz_end");

#define PAGE_HEADERS                                                                                                   \
    "ETag: " OTA_WS_PAGE_ETAG "\r\nCache-Control: no-cache\r\nX-Frame-Options: DENY\r\nContent-Type: text/html\r\n"    \
    "Content-Encoding: gzip"

_Static_assert(sizeof PAGE_HEADERS <= OTA_WS_ANSWER_HEADERS_SIZE, "the page's headers fit");

static void add_length(void *context, const char *text) {
    *(size_t *)context += strlen(text);
}

static void put_text(void *context, const char *text) {
    (void)ota_ws_answer_text(context, text);
}

static esp_err_t show_own_page(httpd_req_t *request, const char *own_page) {
    static const ota_ws_answer_t answer = {.status = "403 Forbidden",
                                           .headers = "Content-Type: text/html\r\nCache-Control: no-store"};
    size_t length = 0;
    ota_ws_gate_page(add_length, &length, own_page);
    esp_err_t error = ota_ws_answer_head(request, &answer, length);
    if (error == ESP_OK && request->method != HTTP_HEAD) {
        ota_ws_gate_page(put_text, request, own_page);
    }
    return error;
}

static esp_err_t send_page(httpd_req_t *request) {
    char known[sizeof OTA_WS_PAGE_ETAG];
    bool same = httpd_req_get_hdr_value_str(request, "If-None-Match", known, sizeof known) == ESP_OK &&
                strcmp(known, OTA_WS_PAGE_ETAG) == 0;
    const ota_ws_answer_t answer = {.status = same ? "304 Not Modified" : "200 OK",
                                    .headers = PAGE_HEADERS,
                                    .body = page_start,
                                    .length = same ? 0 : (size_t)(page_end - page_start)};
    return ota_ws_answer(request, &answer);
}

esp_err_t ota_ws_page_get(httpd_req_t *request) {
    ota_ws_request_gate_t gate;
    ota_ws_request_gate(request, &gate);
    gate.request.origin = NULL; // others may link to the page
    if (gate.request.own_page != NULL && ota_ws_gate_check(&gate.request) != OTA_WS_OK) {
        return show_own_page(request, gate.own_page);
    }
    return send_page(request);
}
