// SPDX-License-Identifier: Apache-2.0
// The last updates, newest first, in the platform's store with a CRC of their own. The newest entry's outcome is also
// the record of intent: it is saved before a step that changes the boot record, so that a start after a power cut knows
// what was meant (trial.h decides, docs/design.md, "Power cuts and resume").
#pragma once

#include "ports.h"

#define OTA_WS_HISTORY_MAX 4
#define OTA_WS_HISTORY_ELF_SIZE 8
#define OTA_WS_PEER_SIZE 16

// The numbers are stored. "It" is the update's new image.
typedef enum {
    OTA_WS_OUTCOME_NONE = 0,
    OTA_WS_OUTCOME_STAGED = 1,       // it is selected, or is about to be; a restart runs it
    OTA_WS_OUTCOME_TRIAL = 2,        // it runs on trial
    OTA_WS_OUTCOME_CONFIRMING = 3,   // it was confirmed, the boot record is being written
    OTA_WS_OUTCOME_CONFIRMED = 4,    // it stays
    OTA_WS_OUTCOME_ROLLING_BACK = 5, // somebody asked to go back, the boot record is being written
    OTA_WS_OUTCOME_ROLLED_BACK = 6,  // ... and the earlier image runs
    OTA_WS_OUTCOME_EXPIRING = 7,     // nobody confirmed in time, the boot record is being written
    OTA_WS_OUTCOME_EXPIRED = 8,      // ... and the earlier image runs
    OTA_WS_OUTCOME_ABORTING = 9,     // it restarted before it was confirmed, the boot record is being written
    OTA_WS_OUTCOME_ABORTED = 10,     // ... and the earlier image runs
    OTA_WS_OUTCOME_LOST = 11,        // the earlier image runs, and nothing shows that the new one ever did
    OTA_WS_OUTCOME_CANCELLED = 12,   // taken back before the restart
    OTA_WS_OUTCOME_FAILED = 13,      // it could not be verified or selected
    OTA_WS_OUTCOME_COUNT
} ota_ws_outcome_t;

// What proves that a boot record which says VALID was written by the application, and not by a power cut. The numbers
// are stored.
typedef enum {
    OTA_WS_WATCH_NONE = 0,
    OTA_WS_WATCH_BOOTLOADER = 1, // the entry was PENDING_VERIFY when the trial began: no torn write makes VALID of that
    OTA_WS_WATCH_MARK = 2,       // the entry carried the mark of `activate`: only a whole erase takes all of it away
} ota_ws_watch_t;

// One update. Strings are terminated. Stored as it is: one version of the format, one layout.
typedef struct {
    char from[33];                        // version
    char to[33];                          // version
    char slot[17];                        // label of the slot that it went to
    uint8_t elf[OTA_WS_HISTORY_ELF_SIZE]; // the first bytes of the new image's ELF SHA-256
    uint8_t peer[OTA_WS_PEER_SIZE];       // who sent it, as ota_ws_address_t; zeros: unknown
    uint8_t outcome;                      // ota_ws_outcome_t
    uint8_t reset;                        // ota_ws_reset_t of the restart that aborted it
    uint8_t tries;                        // selections after a confirmation that was cut off
    uint8_t confirmed;                    // 1: it was CONFIRMED once
    uint8_t watched;                      // ota_ws_watch_t
    uint32_t size;                        // of the image
    uint32_t when_s;                      // seconds since 1970; 0: the device did not know
} ota_ws_history_entry_t;

typedef struct ota_ws_history {
    uint8_t format;
    uint8_t count;
    uint8_t unused[2];
    ota_ws_history_entry_t entries[OTA_WS_HISTORY_MAX];
    uint32_t crc; // CRC-32 of all before it
} ota_ws_history_t;

// All of it; without entries when there is none, or a damaged one.
void ota_ws_history_load(const ota_ws_platform_t *platform, ota_ws_history_t *history);

// The newest entry; its outcome is OTA_WS_OUTCOME_NONE when there is none.
void ota_ws_history_newest(const ota_ws_platform_t *platform, ota_ws_history_entry_t *entry);

// Saves `entry` as the newest one. A feature keeps the older ones, as far as there is space (features/history.c). True
// when the store, read back, holds it.
bool ota_ws_history_add(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry);

// Replaces the newest entry. True when the store, read back, holds it. When it cannot be saved, the whole value is
// removed, so that no stale intent is acted upon; true also when that has worked.
bool ota_ws_history_replace(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry);

// Replaces the newest entry, or leaves all as it is. True when the store, read back, holds it.
bool ota_ws_history_note(const ota_ws_platform_t *platform, const ota_ws_history_entry_t *entry);

// Is this image, in this slot, the entry's?
bool ota_ws_history_is(const ota_ws_history_entry_t *entry, const char *slot, const uint8_t *elf_sha256);

// Has its image failed its trial: the device went back from it, by itself or because somebody asked for it?
bool ota_ws_history_is_given_up(const ota_ws_history_entry_t *entry);
