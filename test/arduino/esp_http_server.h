// SPDX-License-Identifier: Apache-2.0
// The start of a server, which only applications use; the rest is in fakes/idf.h.
#pragma once

#include "idf.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    unsigned stack_size;
    uint16_t max_open_sockets, max_uri_handlers;
} httpd_config_t;
#define HTTPD_DEFAULT_CONFIG()                                                                                         \
    { 4096, 7, 8 }
esp_err_t httpd_start(httpd_handle_t *server, const httpd_config_t *config);

#ifdef __cplusplus
}
#endif
