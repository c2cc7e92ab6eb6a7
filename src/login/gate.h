// SPDX-License-Identifier: Apache-2.0
// The gate decides which HTTP requests may have the page and a ticket: those of a page of this device, and those of
// programs. It answers cross-site requests and DNS rebinding.
//
//  1  Host must name this device: any IP address, or one of the device's names. An attacker can point a name of his own
//     at this device, and a browser looks names up each time. Nobody looks up an address, so every address is allowed:
//     the request may have come through a tunnel or a router that has another one.
//  2  Origin, which browsers send and programs do not, must be http or https and the same name or address as Host.
//  3  The ports of Origin and Host must be equal, but no particular port is asked for.
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

// OTA_WS_OK, OTA_WS_FOREIGN_HOST (rule 1) or OTA_WS_FOREIGN_ORIGIN (rules 2 and 3).
ota_ws_status_t ota_ws_gate_check(const ota_ws_gate_request_t *request);

// The answer (415) to a POST with a body: a client sends a file.
#define OTA_WS_NO_UPLOAD                                                                                               \
    "This address takes no file by POST. Open it in a browser, or use: ota-ws push FILE HOST\n"                        \
    "Здесь файл методом POST не принимается. Откройте этот адрес в браузере или введите: ota-ws push FILE HOST\n"

// The page for a browser that has opened the device's page by a name which rule 1 does not allow: it links to the
// page's own address, in English and Russian (HTML). `put` is called a few times. `own_page` is not escaped.
typedef void ota_ws_gate_put_t(void *context, const char *text);
void ota_ws_gate_page(ota_ws_gate_put_t *put, void *context, const char *own_page);

// Writes "http://192.168.1.7:8070/ota", cut to fit. Port 80 of http and 443 of https are left out.
#define OTA_WS_GATE_URL_SIZE 128
void ota_ws_gate_url(char url[OTA_WS_GATE_URL_SIZE], bool https, const uint8_t address[16], uint16_t port,
                     const char *path);
