// SPDX-License-Identifier: Apache-2.0
// What esp/ uses of Espressif's component mdns (1.8), with the types of its header.
#pragma once

#include "idf.h"

#define MDNS_NAME_BUF_LEN 65

typedef struct {
    const char *key;
    const char *value;
} mdns_txt_item_t;

esp_err_t mdns_init(void);
esp_err_t mdns_hostname_set(const char *hostname);
esp_err_t mdns_hostname_get(char *hostname);
esp_err_t mdns_service_add(const char *instance_name, const char *service_type, const char *proto, uint16_t port,
                           mdns_txt_item_t txt[], size_t num_items);
