// SPDX-License-Identifier: Apache-2.0
// How the application is written: what GET /as?N chose, a sum of the bits below, from the next start on. Kept in NVS.
#pragma once

#include "esp_http_server.h"

#define AS_CONFIRMS_FIRST 1  // before all else, as Arduino's core does
#define AS_FEW_SOCKETS 2     // three, and the one that was used least makes room
#define AS_WILDCARD_BEFORE 4 // a handler for all addresses, registered before the page
#define AS_WILDCARD_AFTER 8  // or after it
#define AS_REGISTERS_TWICE 16
#define AS_FEW_HANDLERS 32 // no room for the page's
#define AS_PAGE_AT_ROOT 64

// Starts NVS as most applications do: what cannot be read is erased. Without an NVS partition it goes on without.
void application_start_nvs(void);

unsigned application_is(void);

// Before the page is registered: /as, /fill (fills NVS), /restart, and /echo, a WebSocket of the application's own.
void application_register(httpd_handle_t server);

void application_register_wildcard(httpd_handle_t server);
