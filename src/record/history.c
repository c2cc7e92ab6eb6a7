// SPDX-License-Identifier: Apache-2.0
#include "record/history.h"

#include <string.h>

#include "bytes.h"
#include "feature.h"

#define FORMAT 1

static const char key[] = "history";

_Static_assert(sizeof(ota_ws_history_t) <= OTA_WS_STORE_VALUE_MAX, "the history fits into one value of the store");
_Static_assert(sizeof(ota_ws_history_entry_t) == 120, "no padding that would be stored unset");

static uint32_t checksum(const ota_ws_history_t *history) {
    return ota_ws_crc32(history, offsetof(ota_ws_history_t, crc));
}

// What the CRC vouches for was written by us; strings are terminated and outcomes known all the same.
static bool is_sound(const ota_ws_history_t *history) {
    bool sound = history->format == FORMAT && history->count <= OTA_WS_HISTORY_MAX && history->crc == checksum(history);
    for (size_t i = 0; sound && i < history->count; i++) {
        const ota_ws_history_entry_t *entry = &history->entries[i];
        sound = entry->outcome < OTA_WS_OUTCOME_COUNT && entry->from[sizeof entry->from - 1] == '\0' &&
                entry->to[sizeof entry->to - 1] == '\0' && entry->slot[sizeof entry->slot - 1] == '\0';
    }
    return sound;
}

void ota_ws_history_load(const ota_ws_platform_t *platform, ota_ws_history_t *history) {
    size_t length = platform->load(platform->context, key, history, sizeof *history);
    if (length != sizeof *history || !is_sound(history)) {
        memset(history, 0, sizeof *history);
    }
}

void ota_ws_history_newest(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry) {
    ota_ws_history_t history;
    ota_ws_history_load(platform, &history);
    *entry = history.entries[0]; // zeros when there is none
}

// Saves and reads back: the store does not say when it fails.
static bool save(const ota_ws_platform_t *platform, ota_ws_history_t *history) {
    history->format = FORMAT;
    history->crc = checksum(history);
    uint32_t expected = history->crc;
    platform->save(platform->context, key, history, sizeof *history);
    ota_ws_history_load(platform, history);
    return history->count > 0 && history->crc == expected;
}

bool ota_ws_history_add(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry) {
    ota_ws_history_t history;
    ota_ws_history_load(platform, &history);
    if (!ota_ws_features_run(OTA_WS_HISTORY_GROWS, &history)) {
        history.count = 0;
    }
    history.entries[0] = *entry;
    history.count++;
    return save(platform, &history);
}

bool ota_ws_history_note(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry) {
    ota_ws_history_t history;
    ota_ws_history_load(platform, &history);
    history.entries[0] = *entry;
    history.count = (uint8_t)(history.count > 0 ? history.count : 1);
    return save(platform, &history);
}

bool ota_ws_history_replace(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry) {
    ota_ws_history_t history;
    if (ota_ws_history_note(platform, entry)) {
        return true;
    }
    platform->save(platform->context, key, NULL, 0);
    ota_ws_history_load(platform, &history);
    return history.count == 0;
}

bool ota_ws_history_is(const ota_ws_history_entry_t *entry, const char *slot, const uint8_t *elf_sha256) {
    return entry->outcome != OTA_WS_OUTCOME_NONE && strcmp(entry->slot, slot) == 0 &&
           memcmp(entry->elf, elf_sha256, sizeof entry->elf) == 0;
}

bool ota_ws_history_is_given_up(const ota_ws_history_entry_t *entry) {
    return entry->outcome == OTA_WS_OUTCOME_ROLLED_BACK || entry->outcome == OTA_WS_OUTCOME_EXPIRED ||
           entry->outcome == OTA_WS_OUTCOME_ABORTED || entry->outcome == OTA_WS_OUTCOME_LOST;
}
