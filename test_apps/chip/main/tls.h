// SPDX-License-Identifier: Apache-2.0
// A second server beside the first one, over TLS, with the update page too (CHIP_TEST_TLS).
#pragma once

#include "esp_http_server.h"

// A handler that starts it.
esp_err_t start_tls(httpd_req_t *request);

// The plain way over TLS too: POST /plain, as on the first server (main.c).
esp_err_t upload_plainly(httpd_req_t *request);
