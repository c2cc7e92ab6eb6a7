// SPDX-License-Identifier: Apache-2.0
// The small store behind the platform port, in memory. Breaks the test when a key or a value is larger than allowed.
#pragma once

#include "ports.h"

typedef struct {
    struct {
        char key[16];
        uint8_t value[OTA_WS_STORE_VALUE_MAX];
        size_t size; // 0: free
    } entries[4];
    unsigned saves;
} store_model_t;

size_t store_model_load(const store_model_t *store, const char *key, void *value, size_t size);
void store_model_save(store_model_t *store, const char *key, const void *value, size_t size);
