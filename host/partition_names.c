// SPDX-License-Identifier: Apache-2.0
#include "partition_names.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

typedef struct {
    uint8_t type;
    uint8_t subtype;
    const char *word;
} name_t;

static const name_t types[] = {
    {PARTITION_APP, 0, "app"},
    {PARTITION_DATA, 0, "data"},
    {PARTITION_BOOTLOADER, 0, "bootloader"},
    {PARTITION_TABLE, 0, "partition_table"},
};

static const name_t subtypes[] = {
    {PARTITION_APP, 0x00, "factory"},
    {PARTITION_APP, 0x10, "ota_0"},
    {PARTITION_APP, 0x11, "ota_1"},
    {PARTITION_APP, 0x12, "ota_2"},
    {PARTITION_APP, 0x13, "ota_3"},
    {PARTITION_APP, 0x14, "ota_4"},
    {PARTITION_APP, 0x15, "ota_5"},
    {PARTITION_APP, 0x16, "ota_6"},
    {PARTITION_APP, 0x17, "ota_7"},
    {PARTITION_APP, 0x18, "ota_8"},
    {PARTITION_APP, 0x19, "ota_9"},
    {PARTITION_APP, 0x1A, "ota_10"},
    {PARTITION_APP, 0x1B, "ota_11"},
    {PARTITION_APP, 0x1C, "ota_12"},
    {PARTITION_APP, 0x1D, "ota_13"},
    {PARTITION_APP, 0x1E, "ota_14"},
    {PARTITION_APP, 0x1F, "ota_15"},
    {PARTITION_APP, 0x20, "test"},
    {PARTITION_APP, 0x30, "tee_0"},
    {PARTITION_APP, 0x31, "tee_1"},
    {PARTITION_DATA, 0x00, "ota"},
    {PARTITION_DATA, 0x01, "phy"},
    {PARTITION_DATA, 0x02, "nvs"},
    {PARTITION_DATA, 0x03, "coredump"},
    {PARTITION_DATA, 0x04, "nvs_keys"},
    {PARTITION_DATA, 0x05, "efuse"},
    {PARTITION_DATA, 0x06, "undefined"},
    {PARTITION_DATA, 0x80, "esphttpd"},
    {PARTITION_DATA, 0x81, "fat"},
    {PARTITION_DATA, 0x82, "spiffs"},
    {PARTITION_DATA, 0x83, "littlefs"},
    {PARTITION_DATA, 0x90, "tee_ota"},
    {PARTITION_BOOTLOADER, 0x00, "primary"},
    {PARTITION_BOOTLOADER, 0x01, "ota"},
    {PARTITION_BOOTLOADER, 0x02, "recovery"},
    {PARTITION_TABLE, 0x00, "primary"},
    {PARTITION_TABLE, 0x01, "ota"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int partition_type_number(const char *word) {
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcasecmp(types[i].word, word) == 0) {
            return types[i].type;
        }
    }
    return -1;
}

int partition_subtype_number(uint8_t type, const char *word) {
    for (size_t i = 0; i < COUNT(subtypes); i++) {
        if (subtypes[i].type == type && strcasecmp(subtypes[i].word, word) == 0) {
            return subtypes[i].subtype;
        }
    }
    return -1;
}

const char *partition_type_word(uint8_t type) {
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].type == type) {
            return types[i].word;
        }
    }
    return NULL;
}

const char *partition_subtype_word(uint8_t type, uint8_t subtype) {
    for (size_t i = 0; i < COUNT(subtypes); i++) {
        if (subtypes[i].type == type && subtypes[i].subtype == subtype) {
            return subtypes[i].word;
        }
    }
    return NULL;
}

static const char *name_or_number(const char *word, uint8_t number, char text[8]) {
    if (word != NULL) {
        return word;
    }
    snprintf(text, 8, "0x%02x", number);
    return text;
}

const char *partition_type_name(const partition_t *partition, char text[8]) {
    return name_or_number(partition_type_word(partition->type), partition->type, text);
}

const char *partition_subtype_name(const partition_t *partition, char text[8]) {
    return name_or_number(partition_subtype_word(partition->type, partition->subtype), partition->subtype, text);
}
