// SPDX-License-Identifier: Apache-2.0
// Who may ask for the page and for a ticket: only a page of this device, or a program. The answer to cross-site
// requests and to DNS rebinding. A browser looks up a name each time, and an attacker's name may lead to this device;
// nobody looks up an address, so any address is allowed in Host: that of a tunnel or a router that leads here too.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

// Text values as they stand in the request; NULL where a header is absent.
typedef struct {
    const char *host;         // header Host
    const char *origin;       // header Origin
    const char *const *names; // of this device, ends with NULL; may be NULL
    const char *path;         // that was asked for, without its query; NULL: not known
    const char *own_page;     // where the page is, by the address that the request arrived at; NULL: not known
} ota_ws_gate_request_t;

// OTA_WS_OK, OTA_WS_FOREIGN_HOST or OTA_WS_FOREIGN_ORIGIN. Ports are compared between Origin and Host only.
ota_ws_status_t ota_ws_gate_check(const ota_ws_gate_request_t *request);

// The answer (415) to a POST with a body: somebody sends a file.
#define OTA_WS_NO_UPLOAD                                                                                               \
    "This address takes no file by POST. Open it in a browser, or use: ota-ws push FILE HOST\n"                        \
    "Здесь файл методом POST не принимается. Откройте этот адрес в браузере или введите: ota-ws push FILE HOST\n"

// The page for somebody who has opened the device's page by a name that is not its own: where it is, in English and
// Russian (HTML), in a few calls of `put`. `own_page` goes into it as it is.
typedef void ota_ws_gate_put_t(void *context, const char *text);
void ota_ws_gate_page(ota_ws_gate_put_t *put, void *context, const char *own_page);

// Writes "http://192.168.1.7:8070/ota". Port 80 of http and 443 of https are left out.
#define OTA_WS_GATE_URL_SIZE 128
void ota_ws_gate_url(char url[OTA_WS_GATE_URL_SIZE], bool https, const uint8_t address[16], uint16_t port,
                     const char *path);
