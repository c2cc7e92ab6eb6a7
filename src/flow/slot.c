// SPDX-License-Identifier: Apache-2.0
#include "flow/slot.h"

#include <string.h>

// From as many sectors on, erasing the whole block is quicker.
#define SECTORS_WORTH_A_BLOCK 4

#define READ_SIZE 512 // on the writer's stack, where no other memory is free

void ota_ws_slot_init(ota_ws_slot_t *slot, const ota_ws_flash_t *flash, const ota_ws_hash_t *hash, uint32_t size) {
    memset(slot, 0, sizeof *slot);
    slot->flash = flash;
    slot->size = size;
    slot->space = flash->slot_size(flash->context);
    slot->withheld = true;
    ota_ws_readback_start(&slot->readback, hash);
    slot->readback.marks[OTA_WS_READBACK_FIRST].at = size < flash->sector_size ? size : flash->sector_size;
}

void ota_ws_slot_drop(ota_ws_slot_t *slot) {
    ota_ws_readback_drop(&slot->readback);
}

static uint32_t smaller(uint32_t a, size_t b) {
    return b < a ? (uint32_t)b : a;
}

void ota_ws_slot_lend(ota_ws_slot_t *slot, uint8_t *spare, size_t size) {
    slot->spare = spare;
    slot->spare_size = (uint32_t)(size - size % slot->flash->sector_size);
}

static uint32_t round_up(uint32_t value, uint32_t unit) {
    return (value + unit - 1) / unit * unit;
}

// ---- what reads blank is not erased ----

// May what reads blank from `slot->erased` on be taken for erased? Not where an erase may have been cut off: cells that
// were erased half read blank today and not tomorrow.
static bool trusts_blank(const ota_ws_slot_t *slot, uint32_t length) {
    return slot->blank_look > 0 && (slot->erased >= slot->unsafe_to || slot->erased + length <= slot->unsafe_from);
}

bool ota_ws_slot_reads_blank(const ota_ws_flash_t *flash, uint32_t offset, uint32_t length) {
    uint32_t piece[OTA_WS_PAGE_SIZE / sizeof(uint32_t)];
    uint32_t all = UINT32_MAX;
    for (uint32_t at = 0; at < length && all == UINT32_MAX; at += sizeof piece) {
        if (flash->read(flash->context, offset + at, piece, sizeof piece) != OTA_WS_OK) {
            return false;
        }
        for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++) {
            all &= piece[i];
        }
    }
    return all == UINT32_MAX;
}

// Sectors that need an erase, of the `length` bytes at `slot->erased`; no more are counted than make a whole block
// worth it. `blank`: so many bytes are blank before the first of them.
static uint32_t count_used(const ota_ws_slot_t *slot, uint32_t length, uint32_t *blank) {
    uint32_t sector = slot->flash->sector_size;
    uint32_t used = 0;
    bool trusts = trusts_blank(slot, length);
    *blank = 0;
    for (uint32_t at = 0; at < length && used < SECTORS_WORTH_A_BLOCK; at += sector) {
        used += !trusts || !ota_ws_slot_reads_blank(slot->flash, slot->erased + at, slot->blank_look);
        *blank += used == 0 ? sector : 0;
    }
    return used;
}

// ---- erasing ----

// The end of what a power cut may have left half-erased, behind the image too. Once the image is complete, nothing says
// so any more, so all of it is erased before.
static uint32_t unsafe_end(const ota_ws_slot_t *slot) {
    return slot->unsafe_from == 0 && slot->unsafe_to <= slot->space ? slot->unsafe_to : 0;
}

static uint32_t erase_end(const ota_ws_slot_t *slot) {
    uint32_t end = round_up(slot->size, slot->flash->sector_size);
    return unsafe_end(slot) > end ? unsafe_end(slot) : end;
}

// How much to erase at `slot->erased`: a block when it lies in the slot and enough of it is needed, else one sector. Of
// an image that may be there already only the sector with the head.
static uint32_t next_erase(const ota_ws_slot_t *slot, uint32_t needed) {
    const ota_ws_flash_t *flash = slot->flash;
    bool aligned = slot->erased % flash->block_size == 0;
    bool fits = slot->erased + flash->block_size <= slot->space;
    bool spares = slot->erased == 0 && slot->same_image;
    return aligned && fits && !spares && needed >= SECTORS_WORTH_A_BLOCK * flash->sector_size ? flash->block_size
                                                                                              : flash->sector_size;
}

static ota_ws_status_t erase_next(ota_ws_slot_t *slot) {
    const ota_ws_flash_t *flash = slot->flash;
    uint32_t needed = erase_end(slot) - slot->erased;
    uint32_t length = next_erase(slot, needed);
    uint32_t blank;
    uint32_t used = count_used(slot, smaller(needed, length), &blank);
    ota_ws_status_t status = OTA_WS_OK;
    if (blank > 0) {
        length = blank;
    } else {
        length = used < SECTORS_WORTH_A_BLOCK ? flash->sector_size : length;
        status = flash->erase(flash->context, slot->erased, length);
    }
    if (status == OTA_WS_OK) {
        slot->erased += length;
    }
    return status;
}

static ota_ws_status_t erase_up_to(ota_ws_slot_t *slot, uint32_t end) {
    ota_ws_status_t status = OTA_WS_OK;
    while (slot->erased < end && status == OTA_WS_OK) {
        slot->changes = slot->erased > 0; // of an image that may be there already, the head goes whatever it holds
        status = erase_next(slot);
    }
    return status;
}

// Takes what belongs to the head of the bytes at the cursor; returns how many that were.
static uint32_t withhold(ota_ws_slot_t *slot, const uint8_t *bytes, uint32_t length) {
    uint32_t left = slot->cursor < OTA_WS_SLOT_HEAD_SIZE ? OTA_WS_SLOT_HEAD_SIZE - slot->cursor : 0;
    uint32_t taken = smaller(left, length);
    memcpy(slot->head + (taken > 0 ? slot->cursor : 0), bytes, taken);
    return taken;
}

// Programs at the cursor; `length` is a multiple of the program unit.
static ota_ws_status_t program(ota_ws_slot_t *slot, const uint8_t *bytes, uint32_t length) {
    const ota_ws_flash_t *flash = slot->flash;
    ota_ws_status_t status = erase_up_to(slot, slot->cursor + length);
    if (status != OTA_WS_OK) {
        return status;
    }
    uint32_t held = withhold(slot, bytes, length);
    if (held < length) {
        status = flash->program(flash->context, slot->cursor + held, bytes + held, length - held);
    }
    if (status == OTA_WS_OK) {
        slot->cursor += length;
    }
    return status;
}

// ---- reading back ----

ota_ws_status_t ota_ws_slot_read(const ota_ws_slot_t *slot, uint32_t offset, uint8_t *bytes, size_t length) {
    const ota_ws_flash_t *flash = slot->flash;
    ota_ws_status_t status = flash->read(flash->context, offset, bytes, length);
    if (status == OTA_WS_OK && slot->withheld && offset < OTA_WS_SLOT_HEAD_SIZE) {
        memcpy(bytes, slot->head + offset, smaller(OTA_WS_SLOT_HEAD_SIZE - offset, length));
    }
    return status;
}

ota_ws_status_t ota_ws_slot_read_all(const ota_ws_slot_t *slot, uint32_t from, uint32_t to, ota_ws_sink_t take,
                                     void *context) {
    uint8_t small[READ_SIZE];
    uint8_t *piece = slot->spare_size > 0 ? slot->spare : small;
    uint32_t size = slot->spare_size > 0 ? slot->spare_size : READ_SIZE;
    ota_ws_status_t status = OTA_WS_OK;
    for (uint32_t at = from; at < to && status == OTA_WS_OK;) {
        uint32_t length = smaller(to - at, size);
        status = ota_ws_slot_read(slot, at, piece, length);
        if (status == OTA_WS_OK) {
            status = take(context, piece, length);
        }
        at += length;
    }
    return status;
}

ota_ws_status_t ota_ws_slot_verify(ota_ws_slot_t *slot, uint32_t end) {
    return ota_ws_slot_read_all(slot, slot->readback.position, end, ota_ws_readback_sink, &slot->readback);
}

ota_ws_status_t ota_ws_slot_prepare(ota_ws_slot_t *slot, bool *worked) {
    bool needed = slot->erased < erase_end(slot);
    bool near = slot->erased - slot->cursor < slot->flash->block_size;
    bool erases = slot->changes && needed && near;
    bool verifies = slot->cursor - slot->readback.position >= READ_SIZE;
    *worked = erases || verifies;
    if (erases) {
        return erase_next(slot);
    }
    return verifies ? ota_ws_slot_verify(slot, slot->readback.position + READ_SIZE) : OTA_WS_OK;
}

// ---- sectors that need not be written ----

static bool is_unsafe(const ota_ws_slot_t *slot) {
    return slot->cursor >= slot->unsafe_from && slot->cursor < slot->unsafe_to;
}

static bool flash_holds(const ota_ws_slot_t *slot, uint32_t offset, const uint8_t *bytes, uint32_t length) {
    const ota_ws_flash_t *flash = slot->flash;
    uint8_t piece[OTA_WS_PAGE_SIZE];
    for (uint32_t at = 0; at < length; at += sizeof piece) {
        uint32_t step = smaller(length - at, sizeof piece);
        if (flash->read(flash->context, offset + at, piece, step) != OTA_WS_OK ||
            memcmp(piece, bytes + at, step) != 0) {
            return false;
        }
    }
    return true;
}

// Only where a sector begins that is not erased. The first sector is always written: the head that lies in it must go.
bool ota_ws_slot_compares(const ota_ws_slot_t *slot) {
    bool at_sector = slot->cursor > 0 && slot->gathered == 0 && slot->cursor == slot->erased;
    return at_sector && slot->cursor < slot->size && !is_unsafe(slot);
}

// Does flash hold the sector, or the end of the image, that begins at the cursor? Asked only when all its bytes are at
// hand.
static bool is_kept(const ota_ws_slot_t *slot, const uint8_t *bytes, uint32_t length) {
    uint32_t wanted = smaller(slot->size - slot->cursor, slot->flash->sector_size);
    uint32_t here = smaller(wanted, length);
    return ota_ws_slot_compares(slot) && wanted - here <= slot->ahead_length &&
           flash_holds(slot, slot->cursor, bytes, here) &&
           flash_holds(slot, slot->cursor + here, slot->ahead, wanted - here);
}

// How many of the bytes at the cursor need not be written. What was compared has been read back with that; the digest
// takes it once it has come so far.
static uint32_t keep(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    uint32_t sector = slot->flash->sector_size;
    if (slot->cursor >= slot->kept && is_kept(slot, bytes, (uint32_t)length)) {
        slot->kept = slot->cursor + smaller(slot->size - slot->cursor, sector);
        slot->erased = round_up(slot->kept, sector);
        slot->changes = false;
    }
    if (slot->cursor >= slot->kept) {
        return 0;
    }
    uint32_t taken = smaller(slot->kept - slot->cursor, length);
    *status = ota_ws_slot_verify(slot, slot->cursor);
    if (*status == OTA_WS_OK) {
        ota_ws_readback_take(&slot->readback, bytes, taken);
        slot->cursor += taken;
    }
    return taken;
}

// The first bytes have come: does flash begin with them?
static void compare_start(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length) {
    uint32_t sector = slot->flash->sector_size;
    uint32_t compared = smaller(sector, length);
    slot->same_image = compared >= OTA_WS_PAGE_SIZE && !is_unsafe(slot) && flash_holds(slot, 0, bytes, compared);
}

// ---- writing ----

// Bytes that are missing to the end of the page in which the cursor and what is gathered stand.
static uint32_t missing_in_page(const ota_ws_slot_t *slot) {
    return OTA_WS_PAGE_SIZE - (slot->cursor + slot->gathered) % OTA_WS_PAGE_SIZE;
}

// Collects bytes up to the end of the page and programs it when it is full. Returns how many it took.
static uint32_t gather(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    uint32_t missing = missing_in_page(slot);
    uint32_t taken = smaller(missing, length);
    memcpy(slot->page + slot->gathered, bytes, taken);
    slot->gathered += taken;
    if (taken == missing) {
        *status = program(slot, slot->page, slot->gathered);
        slot->gathered = 0;
    }
    return taken;
}

// Programs whole pages straight from the caller's bytes, up to where the next erase is due. Returns how many it took.
static uint32_t program_pages(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length, ota_ws_status_t *status) {
    uint32_t until_erase = slot->erased - slot->cursor;
    if (until_erase == 0) {
        *status = erase_up_to(slot, slot->cursor + 1);
        until_erase = slot->erased - slot->cursor;
    }
    uint32_t taken = (uint32_t)(length - length % OTA_WS_PAGE_SIZE);
    taken = taken < until_erase ? taken : until_erase;
    if (*status == OTA_WS_OK) {
        *status = program(slot, bytes, taken);
    }
    return taken;
}

ota_ws_status_t ota_ws_slot_write(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = OTA_WS_OK;
    if (slot->length == 0) {
        compare_start(slot, bytes, length);
    }
    while (length > 0 && status == OTA_WS_OK) {
        uint32_t taken = keep(slot, bytes, length, &status);
        if (taken == 0) {
            bool page_starts = slot->gathered == 0 && slot->cursor % OTA_WS_PAGE_SIZE == 0;
            taken = page_starts && length >= OTA_WS_PAGE_SIZE ? program_pages(slot, bytes, length, &status)
                                                              : gather(slot, bytes, length, &status);
        }
        bytes += taken;
        length -= taken;
        slot->length += taken;
    }
    return status;
}

void ota_ws_slot_mark_unsafe(ota_ws_slot_t *slot, uint32_t from, uint32_t to) {
    slot->unsafe_from = from;
    slot->unsafe_to = to;
    slot->blank_look = slot->flash->sector_size;
}

void ota_ws_slot_resume(ota_ws_slot_t *slot, uint32_t cursor, uint32_t erased) {
    slot->cursor = cursor;
    slot->length = cursor;
    slot->erased = erased;
}

ota_ws_status_t ota_ws_slot_pause(ota_ws_slot_t *slot) {
    uint32_t whole = slot->gathered / slot->flash->program_unit * slot->flash->program_unit;
    ota_ws_status_t status = whole > 0 ? program(slot, slot->page, whole) : OTA_WS_OK;
    slot->gathered -= whole;
    memmove(slot->page, slot->page + whole, slot->gathered);
    return status;
}

ota_ws_status_t ota_ws_slot_flush(ota_ws_slot_t *slot) {
    ota_ws_status_t status = erase_up_to(slot, unsafe_end(slot));
    if (slot->gathered == 0 || status != OTA_WS_OK) {
        return status;
    }
    uint32_t padded = round_up(slot->gathered, slot->flash->program_unit);
    memset(slot->page + slot->gathered, 0xFF, padded - slot->gathered);
    slot->gathered = 0;
    return program(slot, slot->page, padded);
}

ota_ws_status_t ota_ws_slot_commit(ota_ws_slot_t *slot) {
    const ota_ws_flash_t *flash = slot->flash;
    uint32_t length = smaller(slot->cursor, OTA_WS_SLOT_HEAD_SIZE);
    slot->withheld = false;
    return length > 0 ? flash->program(flash->context, 0, slot->head, length) : OTA_WS_OK;
}
