// SPDX-License-Identifier: Apache-2.0
// What differs between the versions of ESP-IDF, 5.1 to 6.x. compat.c is the only file with version switches;
// docs/design.md, "On the chip", says what differs and since when.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_http_server.h"
#include "hash.h"
#include "ports.h"

// The hash port over what this ESP-IDF links anyway: mbedtls_sha256 before 6.0, the PSA hash from then on.
extern const ota_ws_hash_t ota_ws_compat_hash;

// Sets `opened` as the function that is called when a connection has been upgraded, where the server has such a call.
// Elsewhere the handler itself is called then, with method HTTP_GET.
void ota_ws_compat_on_handshake(httpd_uri_t *uri, esp_err_t (*opened)(httpd_req_t *request));

// Makes `uri` one that answers all methods. False: this server has no such thing, before 5.3.
bool ota_ws_compat_any_method(httpd_uri_t *uri);

// Reads the next `length` bytes of the payload of a frame whose header was read with httpd_ws_recv_frame(.., 0). All
// parts but the last have a length that is a multiple of 4.
esp_err_t ota_ws_compat_read_payload(httpd_req_t *request, httpd_ws_frame_t *frame, uint8_t *to, size_t length);

// Fills in what images must fit beside chip and revision: the eFuse block, and the pages of the flash MMU where this
// ESP-IDF's own check refuses another size.
void ota_ws_compat_describe_hardware(ota_ws_identity_t *identity);

// Wi-Fi power save off, and back to what it was. Nothing when the application has no Wi-Fi.
void ota_ws_compat_wifi_awake(void);
void ota_ws_compat_wifi_restore(void);
