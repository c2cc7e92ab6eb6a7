// SPDX-License-Identifier: Apache-2.0
// The words for types and subtypes that ESP-IDF's partition CSV knows (gen_esp32part.py, TYPES and SUBTYPES).
#pragma once

#include <stdint.h>

#include "partition_table.h"

// The number of a word without regard to case, or -1.
int partition_type_number(const char *word);
int partition_subtype_number(uint8_t type, const char *word);

// The word of a number, or NULL.
const char *partition_type_word(uint8_t type);
const char *partition_subtype_word(uint8_t type, uint8_t subtype);

// Names for people: "app", "data"; "ota_0", "nvs". Unknown ones are numbers, written to `text`.
const char *partition_type_name(const partition_t *partition, char text[8]);
const char *partition_subtype_name(const partition_t *partition, char text[8]);
