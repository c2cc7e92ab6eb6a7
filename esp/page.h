// SPDX-License-Identifier: Apache-2.0
// GET and HEAD at the address of the page. page_none.c stands in where menuconfig leaves the page out.
#pragma once

#include "esp_http_server.h"

esp_err_t ota_ws_page_get(httpd_req_t *request);
