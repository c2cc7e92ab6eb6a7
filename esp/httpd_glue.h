// SPDX-License-Identifier: Apache-2.0
// The three URI handlers: the page, the ticket, the WebSocket.
#pragma once

#include "ota_ws_update.h"

// Registers all, or none.
esp_err_t ota_ws_glue_register(httpd_handle_t server, const char *uri, const char *ws_uri);

// ESP_ERR_NOT_FOUND when the page does not stand there.
esp_err_t ota_ws_glue_unregister(httpd_handle_t server, const char *uri, const char *ws_uri);
