// SPDX-License-Identifier: Apache-2.0
// Bytes in order, in pieces of any length -> erased and programmed flash. Erases just ahead of the cursor, in aligned
// blocks (a 64 KiB block takes about as long as three and a half sectors of 4 KiB), programs whole pages, and reads
// back what it has programmed. The head, the first bytes, goes to flash last of all, by `commit`: whatever happens
// before, no bootloader takes the slot for an image. Knows nothing of images.
#pragma once

#include "flow/readback.h"
#include "ports.h"

#define OTA_WS_PAGE_SIZE 256 // what NOR flash programs at once

typedef struct {
    const ota_ws_flash_t *flash;
    uint32_t size;                   // of what will be written
    uint32_t space;                  // of the slot
    uint32_t erased;                 // everything before it is erased, or kept
    uint32_t cursor;                 // everything before it is programmed
    uint32_t length;                 // bytes taken, programmed or gathered
    uint32_t unsafe_from, unsafe_to; // there nothing is kept, and nothing that reads blank is taken for erased
    uint32_t blank_look;             // so many bytes of a sector must read blank; 0: nothing is taken for erased
    uint32_t gathered;               // bytes in `page`, which belong at the cursor
    uint32_t kept;                   // flash holds, up to here, what comes next
    const uint8_t *ahead;            // what follows the bytes of a write, where that is at hand; looked at only
    uint32_t ahead_length;
    uint8_t *spare; // memory to read into, whole sectors; none of it is free just now where the size is 0
    uint32_t spare_size;
    bool withheld;   // the head is not in flash
    bool same_image; // flash begins with the very bytes that came first: it may hold the rest too
    bool changes;    // where the last erase was due, flash did not hold what came
    uint8_t page[OTA_WS_PAGE_SIZE];
    uint8_t head[OTA_WS_SLOT_HEAD_SIZE]; // the caller may fill it before ota_ws_slot_resume()
    ota_ws_readback_t readback;          // of what is programmed or kept, with the head as long as it is withheld
} ota_ws_slot_t;

// `size` is at most flash->slot_size(). Nothing is erased yet. `drop` follows.
void ota_ws_slot_init(ota_ws_slot_t *slot, const ota_ws_flash_t *flash, const ota_ws_hash_t *hash, uint32_t size);
void ota_ws_slot_drop(ota_ws_slot_t *slot);

// Memory for reading in long pieces, until it is taken back with NULL: nothing else needs it meanwhile.
void ota_ws_slot_lend(ota_ws_slot_t *slot, uint8_t *spare, size_t size);

// Appends bytes. OTA_WS_FLASH_ERASE or OTA_WS_FLASH_PROGRAM leave the slot as far as it came.
ota_ws_status_t ota_ws_slot_write(ota_ws_slot_t *slot, const uint8_t *bytes, size_t length);

// The next bytes are compared with what flash holds: a whole sector of them, or all that are left, should be at hand.
bool ota_ws_slot_compares(const ota_ws_slot_t *slot);

// Nothing waits to be written: erases ahead of the cursor, one step of what is needed anyway, at most one block beyond
// the cursor's own. Not behind bytes that flash held already: there the next ones are looked at first. Else reads back
// a piece of what was programmed. `worked`: it did something.
ota_ws_status_t ota_ws_slot_prepare(ota_ws_slot_t *slot, bool *worked);

// Reads back all before `end`, which is not beyond the cursor: `readback` has its digest.
ota_ws_status_t ota_ws_slot_verify(ota_ws_slot_t *slot, uint32_t end);

// What flash holds from `from` to before `to` is not to be kept, and is erased, whatever it reads like: an operation
// may have been cut off there. Elsewhere from now on, what reads blank is not erased. From 0 to an end within the slot:
// all of it is erased before the head is programmed, behind a shorter image too.
void ota_ws_slot_mark_unsafe(ota_ws_slot_t *slot, uint32_t from, uint32_t to);

// Do these bytes of flash read blank? `length` is a multiple of OTA_WS_PAGE_SIZE. False where flash cannot be read.
bool ota_ws_slot_reads_blank(const ota_ws_flash_t *flash, uint32_t offset, uint32_t length);

// Reads what was written: of flash, and the head as long as it is withheld. `offset` and `length` lie before the
// cursor.
ota_ws_status_t ota_ws_slot_read(const ota_ws_slot_t *slot, uint32_t offset, uint8_t *bytes, size_t length);

// The same from `from` to before `to`, piece by piece, into `take`.
ota_ws_status_t ota_ws_slot_read_all(const ota_ws_slot_t *slot, uint32_t from, uint32_t to, ota_ws_sink_t take,
                                     void *context);

// Goes on at `cursor` of a slot that ota_ws_slot_init() has begun: its `head` is filled, what lies between that and the
// cursor is programmed, and what lies between the cursor and `erased` is erased. `readback` has taken all before the
// cursor.
void ota_ws_slot_resume(ota_ws_slot_t *slot, uint32_t cursor, uint32_t erased);

// Programs what is gathered as far as whole program units go; the rest (less than one) stays gathered.
ota_ws_status_t ota_ws_slot_pause(ota_ws_slot_t *slot);

// Programs what is still gathered, filled up with 0xFF to the program unit, and erases what is unsafe behind it.
// Nothing may be written afterwards.
ota_ws_status_t ota_ws_slot_flush(ota_ws_slot_t *slot);

// The bytes are what they should be: programs the head.
ota_ws_status_t ota_ws_slot_commit(ota_ws_slot_t *slot);
