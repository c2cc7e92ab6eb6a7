// SPDX-License-Identifier: Apache-2.0
#include "slot.h"

#include <string.h>

// From as many sectors on, erasing the whole block is quicker.
#define SECTORS_WORTH_A_BLOCK 4

void ota_ws_slot_init(ota_ws_slot_t *slot, const ota_ws_flash_t *flash, uint32_t size) {
    memset(slot, 0, sizeof *slot);
    slot->flash = flash;
    slot->size = size;
    slot->room = flash->slot_size(flash->context);
}

static uint32_t round_up(uint32_t value, uint32_t unit) {
    return (value + unit - 1) / unit * unit;
}

// How much to erase at `slot->erased`: a block when it lies in the slot and enough of it is needed, else one sector.
static uint32_t next_erase(const ota_ws_slot_t *slot) {
    const ota_ws_flash_t *flash = slot->flash;
    uint32_t needed = round_up(slot->size, flash->sector_size) - slot->erased;
    bool aligned = slot->erased % flash->block_size == 0;
    bool fits = slot->erased + flash->block_size <= slot->room;
    return aligned && fits && needed >= SECTORS_WORTH_A_BLOCK * flash->sector_size ? flash->block_size
                                                                                   : flash->sector_size;
}

static ota_ws_status_t erase_up_to(ota_ws_slot_t *slot, uint32_t end) {
    const ota_ws_flash_t *flash = slot->flash;
    while (slot->erased < end) {
        uint32_t length = next_erase(slot);
        ota_ws_status_t status = flash->erase(flash->context, slot->erased, length);
        if (status != OTA_WS_OK) {
            return status;
        }
        slot->erased += length;
    }
    return OTA_WS_OK;
}

// Programs at the cursor; `length` is a multiple of the program unit.
static ota_ws_status_t program(ota_ws_slot_t *slot, const uint8_t *bytes, uint32_t length) {
    const ota_ws_flash_t *flash = slot->flash;
    ota_ws_status_t status = erase_up_to(slot, slot->cursor + length);
    if (status == OTA_WS_OK) {
        status = flash->program(flash->context, slot->cursor, bytes, length);
    }
    if (status == OTA_WS_OK) {
        slot->cursor += length;
    }
    return status;
}

// Bytes that are missing to the end of the page in which the cursor and what is gathered stand.
static uint32_t missing_in_page(const ota_ws_slot_t *slot) {
    return OTA_WS_PAGE_SIZE - (slot->cursor + slot->gathered) % OTA_WS_PAGE_SIZE;
}

static void gather(ota_ws_slot_t *slot, const uint8_t *bytes, uint32_t length) {
    memcpy(slot->page + slot->gathered, bytes, length);
    slot->gathered += length;
}

ota_ws_status_t ota_ws_slot_write(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = OTA_WS_OK;
    while (length > 0 && status == OTA_WS_OK) {
        uint32_t missing = missing_in_page(slot);
        uint32_t taken = length < missing ? (uint32_t)length : missing;
        if (slot->gathered == 0 && length >= OTA_WS_PAGE_SIZE) {
            taken = (uint32_t)(length - (length - missing) % OTA_WS_PAGE_SIZE);
            uint32_t room_before_erase = slot->erased - slot->cursor;
            if (room_before_erase > 0 && taken > room_before_erase) {
                taken = room_before_erase; // program what fits before the next erase: progress is seen sooner
            }
            status = program(slot, bytes, taken);
        } else {
            gather(slot, bytes, taken);
            if (taken == missing) {
                status = program(slot, slot->page, slot->gathered);
                slot->gathered = 0;
            }
        }
        bytes += taken;
        length -= taken;
    }
    return status;
}

ota_ws_status_t ota_ws_slot_flush(ota_ws_slot_t *slot) {
    if (slot->gathered == 0) {
        return OTA_WS_OK;
    }
    uint32_t padded = round_up(slot->gathered, slot->flash->program_unit);
    memset(slot->page + slot->gathered, 0xFF, padded - slot->gathered);
    slot->gathered = 0;
    return program(slot, slot->page, padded);
}
