// SPDX-License-Identifier: Apache-2.0
// The head is written here and not by the server's functions. They cannot send a head without its body (HEAD), they
// send each header in four pieces, and their chunks would add 630 bytes to an application that sends none.
#include "answer.h"

#include <string.h>

#include "text.h"

static esp_err_t send_all(httpd_req_t *request, const char *bytes, size_t length) {
    while (length > 0) {
        int sent = httpd_send(request, bytes, length);
        if (sent <= 0) {
            return ESP_FAIL;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return ESP_OK;
}

esp_err_t ota_ws_answer_head(httpd_req_t *request, const ota_ws_answer_t *answer, size_t length) {
    char head[OTA_WS_ANSWER_HEADERS_SIZE + 80];
    char *end = ota_ws_text_append(head, "HTTP/1.1 ");
    end = ota_ws_text_append(end, answer->status);
    end = ota_ws_text_append(end, "\r\n");
    end = ota_ws_text_append(end, answer->headers);
    end = ota_ws_text_append(end, "\r\nContent-Length: ");
    end = ota_ws_text_number(end, (uint32_t)length);
    end = ota_ws_text_append(end, "\r\n\r\n");
    return send_all(request, head, (size_t)(end - head));
}

esp_err_t ota_ws_answer_text(httpd_req_t *request, const char *text) {
    return send_all(request, text, strlen(text));
}

esp_err_t ota_ws_answer(httpd_req_t *request, const ota_ws_answer_t *answer) {
    esp_err_t error = ota_ws_answer_head(request, answer, answer->length);
    bool has_body = error == ESP_OK && request->method != HTTP_HEAD;
    return has_body ? send_all(request, answer->body, answer->length) : error;
}
