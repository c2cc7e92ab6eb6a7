// SPDX-License-Identifier: Apache-2.0
// No page in this firmware: people read which program updates the device.
#include "page.h"

#include "answer.h"

#define TEXT "This device has no update page. Update it with ota-ws, or with the application's own page.\n"

esp_err_t ota_ws_page_get(httpd_req_t *request) {
    static const ota_ws_answer_t answer = {.status = "404 Not Found",
                                           .headers = "Content-Type: text/plain; charset=utf-8",
                                           .body = TEXT,
                                           .length = sizeof TEXT - 1};
    return ota_ws_answer(request, &answer);
}
