// SPDX-License-Identifier: Apache-2.0
// What a chip keeps in NVS: short values by name, in a text file beside the flash file: a "name=value" line each, bytes
// in hexadecimal. Each change is a new file that takes the old one's place, so that a process that is killed leaves the
// one or the other. Readable by its owner only: the pairing code is in it. Any thread.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "ports.h"

#define STORE_PATH_SIZE 1024
#define STORE_TEXT_SIZE (2 * OTA_WS_STORE_VALUE_MAX + 1)

typedef struct {
    char path[STORE_PATH_SIZE];
    pthread_mutex_t lock;
} store_t;

// "FLASH.nvs" for the flash file "FLASH". False when that is too long.
bool store_init(store_t *store, const char *flash_path);

// A text of up to STORE_TEXT_SIZE - 1 characters without line breaks. get: false when there is none of that name. set:
// NULL removes it; false: errno says why, and the old value stands.
bool store_get(store_t *store, const char *name, char text[STORE_TEXT_SIZE]);
bool store_set(store_t *store, const char *name, const char *text);

// Bytes, as the platform port wants them (ports.h).
size_t store_load(store_t *store, const char *name, void *value, size_t size);
void store_save(store_t *store, const char *name, const void *value, size_t size);
