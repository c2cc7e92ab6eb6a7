// SPDX-License-Identifier: Apache-2.0
#include "store_model.h"

#include "testing.h"

// The place of this key, or a free one.
static size_t find(const store_model_t *store, const char *key) {
    size_t place = COUNT_OF(store->entries);
    assert_in_range(strlen(key), 1, 15);
    for (size_t i = 0; i < COUNT_OF(store->entries); i++) {
        if (store->entries[i].size > 0 && strcmp(store->entries[i].key, key) == 0) {
            return i;
        }
        place = store->entries[i].size == 0 ? i : place;
    }
    assert_true(place < COUNT_OF(store->entries));
    return place;
}

size_t store_model_load(const store_model_t *store, const char *key, void *value, size_t size) {
    const size_t place = find(store, key);
    const size_t length = store->entries[place].size;
    if (length > size) {
        return 0;
    }
    memcpy(value, store->entries[place].value, length);
    return length;
}

void store_model_save(store_model_t *store, const char *key, const void *value, size_t size) {
    const size_t place = find(store, key);
    assert_true(size <= OTA_WS_STORE_VALUE_MAX);
    store->saves++;
    strcpy(store->entries[place].key, key);
    store->entries[place].size = size;
    if (size > 0) {
        memcpy(store->entries[place].value, value, size);
    }
}
