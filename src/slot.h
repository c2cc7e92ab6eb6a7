// SPDX-License-Identifier: Apache-2.0
// Bytes in order, in pieces of any length -> erased and programmed flash. Erases just ahead of the cursor, in aligned
// blocks (a 64 KiB block takes about as long as three and a half sectors of 4 KiB), and programs whole pages. Knows
// nothing of images.
#pragma once

#include "ports.h"

#define OTA_WS_PAGE_SIZE 256 // what NOR flash programs at once

typedef struct {
    const ota_ws_flash_t *flash;
    uint32_t size;                           // of what will be written
    uint32_t room;                           // of the slot
    uint32_t erased;                         // everything before it is erased, or kept
    uint32_t cursor;                         // everything before it is programmed
    uint32_t length;                         // bytes taken, programmed or gathered
    uint32_t distrusted_from, distrusted_to; // there nothing is kept
    uint32_t gathered;                       // bytes in `page`, which belong at the cursor
    uint8_t page[OTA_WS_PAGE_SIZE];
} ota_ws_slot_t;

// `size` is at most flash->slot_size(). Nothing is erased yet.
void ota_ws_slot_init(ota_ws_slot_t *slot, const ota_ws_flash_t *flash, uint32_t size);

// Appends bytes. OTA_WS_FLASH_ERASE or OTA_WS_FLASH_PROGRAM leave the slot as far as it came.
ota_ws_status_t ota_ws_slot_write(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length);

// What flash holds from `from` to before `to` is not to be kept, whatever it reads like: an operation may have been cut
// off there.
void ota_ws_slot_distrust(ota_ws_slot_t *slot, uint32_t from, uint32_t to);

// Goes on at `cursor` of a slot that ota_ws_slot_init() has begun: what lies before it is programmed, and what lies
// between it and `erased` is erased.
void ota_ws_slot_resume(ota_ws_slot_t *slot, uint32_t cursor, uint32_t erased);

// Programs what is gathered as far as whole program units go; the rest (less than one) stays gathered.
ota_ws_status_t ota_ws_slot_pause(ota_ws_slot_t *slot);

// Programs what is still gathered, filled up with 0xFF to the program unit. Nothing may be written afterwards.
ota_ws_status_t ota_ws_slot_flush(ota_ws_slot_t *slot);
