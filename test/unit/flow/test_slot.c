// SPDX-License-Identifier: Apache-2.0
// The slot: what is erased when, what is programmed how, whatever the pieces in which the bytes come. The rules of NOR
// flash themselves are checked by the model.
#include "testing.h"

#include "flow/slot.h"
#include "hash_openssl.h"
#include "nor_model.h"

#define SECTOR 4096u
#define BLOCK 65536u

static uint8_t *pattern(uint32_t size) {
    uint8_t *bytes = malloc(size);
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    return bytes;
}

static void finish(ota_ws_slot_t *slot) {
    assert_int_equal(ota_ws_slot_flush(slot), OTA_WS_OK);
    assert_int_equal(ota_ws_slot_commit(slot), OTA_WS_OK);
    ota_ws_slot_drop(slot);
}

// Writes `size` bytes in pieces and checks that the slot holds them; returns the model.
static nor_model_t *write_in_pieces(uint32_t slot_size, uint32_t unit, uint32_t size, uint32_t piece) {
    nor_model_t *nor = nor_model_new(slot_size, unit);
    uint8_t *bytes = pattern(size);
    ota_ws_slot_t slot;
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
    assert_int_equal(nor->port.open(nor, size), OTA_WS_OK);
    assert_int_equal(nor_model_count(nor, NOR_ERASE), 0);
    for (uint32_t at = 0; at < size; at += piece) {
        const uint32_t length = piece < size - at ? piece : size - at;
        assert_int_equal(ota_ws_slot_write(&slot, bytes + at, length), OTA_WS_OK);
        assert_true(slot.cursor + slot.gathered == at + length);
    }
    finish(&slot);
    assert_memory_equal(nor->bytes, bytes, size);
    const uint32_t padded = (size + unit - 1) / unit * unit;
    for (uint32_t at = size; at < padded; at++) {
        assert_int_equal(nor->bytes[at], 0xFF);
    }
    free(bytes);
    return nor;
}

static void bytes_in_any_pieces_and_units_end_in_the_slot(void **state) {
    (void)state;
    static const uint32_t units[] = {1, 4, 16, 32};
    static const uint32_t pieces[] = {1, 7, 255, 256, 257, 288, 4096, 8192, 8191, 70000};
    static const uint32_t sizes[] = {1, 255, 256, 257, 4096, 65536 + 4096 + 16, 150000};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            for (size_t s = 0; s < COUNT_OF(sizes); s++) {
                nor_model_free(write_in_pieces(196608, units[u], sizes[s], pieces[p]));
            }
        }
    }
}

static void whole_blocks_are_erased_as_blocks(void **state) {
    (void)state;
    nor_model_t *nor = write_in_pieces(1 << 20, 1, 10 * BLOCK, 8192);
    assert_int_equal(nor_model_count(nor, NOR_ERASE), 10);
    nor_model_free(nor);
}

// Nothing is erased before the first byte that needs it, and never more than one step ahead.
static void each_erase_comes_just_before_the_bytes_that_need_it(void **state) {
    (void)state;
    nor_model_t *nor = write_in_pieces(1 << 20, 1, 5 * BLOCK + 5 * SECTOR, 1000);
    uint32_t erased = 0;
    uint32_t programmed = 0;
    for (size_t i = 0; i < nor->count; i++) {
        const nor_operation_t *operation = &nor->operations[i];
        if (operation->kind == NOR_ERASE) {
            assert_int_equal(operation->offset, erased);
            assert_int_equal(programmed, erased);
            erased += operation->length;
        } else if (operation->kind == NOR_PROGRAM && operation->offset > 0) {
            assert_int_equal(operation->offset, programmed > 0 ? programmed : OTA_WS_SLOT_HEAD_SIZE);
            programmed = operation->offset + operation->length;
            assert_true(programmed <= erased);
        }
    }
    nor_model_free(nor);
}

// At its end an image needs a few sectors of the last block only; and where the slot ends, a block does not fit.
static void the_rest_is_erased_by_sectors_and_nothing_beyond_the_slot(void **state) {
    (void)state;
    for (uint32_t sectors = 1; sectors <= 16; sectors++) {
        nor_model_t *nor = write_in_pieces(2 * BLOCK, 1, BLOCK + sectors * SECTOR - 10, 8192);
        uint32_t erased = 0;
        for (size_t i = 0; i < nor->count; i++) {
            erased += nor->operations[i].kind == NOR_ERASE ? nor->operations[i].length : 0;
        }
        assert_int_equal(erased,
                         sectors < 4 ? BLOCK + sectors * SECTOR : 2 * BLOCK); // four sectors take 180 ms, a block 150
        nor_model_free(nor);
    }
    nor_model_free(write_in_pieces(BLOCK + 9 * SECTOR, 1, BLOCK + 9 * SECTOR, 8192));
    nor_model_free(write_in_pieces(3 * SECTOR, 16, 3 * SECTOR, 100));
    nor_model_free(write_in_pieces(BLOCK - SECTOR, 32, BLOCK - SECTOR, 5000));
}

static void bytes_are_programmed_in_whole_pages(void **state) {
    (void)state;
    nor_model_t *nor = write_in_pieces(1 << 20, 1, 100000, 777);
    for (size_t i = 0; i + 2 < nor->count; i++) { // the last two: what was gathered, and the head
        const nor_operation_t *operation = &nor->operations[i];
        if (operation->kind == NOR_PROGRAM) {
            assert_true(operation->offset % OTA_WS_PAGE_SIZE == 0 || operation->offset == OTA_WS_SLOT_HEAD_SIZE);
            assert_int_equal((operation->offset + operation->length) % OTA_WS_PAGE_SIZE, 0);
        }
    }
    nor_model_free(nor);
}

// A chunk of 8 KiB must not become 32 calls, each with its own overhead on the chip.
static void a_chunk_is_programmed_in_few_calls(void **state) {
    (void)state;
    nor_model_t *nor = write_in_pieces(1 << 20, 1, 1 << 20, 8192);
    assert_true(nor_model_count(nor, NOR_PROGRAM) <= 160);
    nor_model_free(nor);
    nor = write_in_pieces(1 << 20, 1, (1 << 20) - 288, 8192 - 288); // not aligned with the pages
    assert_true(nor_model_count(nor, NOR_PROGRAM) <= 3 * 160);
    nor_model_free(nor);
}

static void fail_each(nor_kind_t kind, ota_ws_status_t status, uint32_t piece) {
    for (int after = 0; after < 100; after++) {
        nor_model_t *nor = nor_model_new(4 * BLOCK, 16);
        uint8_t *bytes = pattern(150000);
        ota_ws_slot_t slot;
        ota_ws_status_t result = OTA_WS_OK;
        nor->failing = kind;
        nor->fail_after = after;
        nor->status = status;
        nor->port.open(nor, 150000);
        ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 150000);
        for (uint32_t at = 0; at < 150000 && result == OTA_WS_OK; at += piece) {
            result = ota_ws_slot_write(&slot, bytes + at, piece);
        }
        if (result == OTA_WS_OK) {
            result = ota_ws_slot_flush(&slot);
        }
        if (result == OTA_WS_OK) {
            result = ota_ws_slot_commit(&slot);
        }
        ota_ws_slot_drop(&slot);
        const bool met = nor_model_count(nor, kind) > (size_t)after;
        assert_int_equal(result, met ? status : OTA_WS_OK);
        const uint32_t withheld = slot.withheld || result != OTA_WS_OK ? OTA_WS_SLOT_HEAD_SIZE : 0;
        if (slot.cursor > withheld) {
            assert_memory_equal(nor->bytes + withheld, bytes + withheld, slot.cursor - withheld);
        }
        free(bytes);
        nor_model_free(nor);
        if (!met) {
            return;
        }
    }
}

static void any_operation_that_fails_ends_the_writing_with_its_name(void **state) {
    (void)state;
    static const uint32_t pieces[] = {5000, 100};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        fail_each(NOR_ERASE, OTA_WS_FLASH_ERASE, pieces[i]);
        fail_each(NOR_PROGRAM, OTA_WS_FLASH_PROGRAM, pieces[i]);
    }
}

static void a_slot_to_which_nothing_was_written_is_flushed_without_a_program(void **state) {
    (void)state;
    nor_model_t *nor = nor_model_new(BLOCK, 16);
    ota_ws_slot_t slot;
    nor->port.open(nor, 100);
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 100);
    finish(&slot);
    assert_int_equal(nor_model_count(nor, NOR_PROGRAM) + nor_model_count(nor, NOR_ERASE), 0);
    nor_model_free(nor);
}

static void nothing_is_flushed_twice(void **state) {
    (void)state;
    nor_model_t *nor = nor_model_new(BLOCK, 16);
    ota_ws_slot_t slot;
    nor->port.open(nor, 5);
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 5);
    ota_ws_slot_write(&slot, (const uint8_t *)"12345", 5);
    assert_int_equal(ota_ws_slot_flush(&slot), OTA_WS_OK);
    assert_int_equal(slot.gathered, 0);
    finish(&slot);
    assert_int_equal(nor_model_count(nor, NOR_PROGRAM), 1);
    nor_model_free(nor);
}

// Bytes may be changed on their way, and the power may be cut at any moment: the slot holds no image before the
// digest was compared, and `commit` comes after that.
static void the_head_comes_last_of_all(void **state) {
    (void)state;
    static const uint32_t units[] = {1, 16, 32};
    static const uint32_t pieces[] = {1, 16, 31, 33, 100, 288, 4096, 70000};
    for (size_t u = 0; u < COUNT_OF(units); u++) {
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            nor_model_t *nor = nor_model_new(2 * BLOCK, units[u]);
            uint8_t *bytes = pattern(70000);
            uint8_t read[300];
            ota_ws_slot_t slot;
            nor->port.open(nor, 70000);
            memcpy(nor->bytes, bytes, 70000); // even when flash holds the very same image already
            ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 70000);
            for (uint32_t at = 0; at < 70000; at += pieces[p]) {
                const uint32_t length = pieces[p] < 70000 - at ? pieces[p] : 70000 - at;
                assert_int_equal(ota_ws_slot_write(&slot, bytes + at, length), OTA_WS_OK);
            }
            assert_int_equal(ota_ws_slot_flush(&slot), OTA_WS_OK);
            for (uint32_t i = 0; i < OTA_WS_SLOT_HEAD_SIZE; i++) {
                assert_int_equal(nor->bytes[i], 0xFF);
            }
            assert_int_equal(ota_ws_slot_read(&slot, 0, read, sizeof read), OTA_WS_OK);
            assert_memory_equal(read, bytes, sizeof read);
            assert_int_equal(ota_ws_slot_read(&slot, 7, read, 5), OTA_WS_OK);
            assert_memory_equal(read, bytes + 7, 5);
            finish(&slot);
            assert_memory_equal(nor->bytes, bytes, 70000);
            free(bytes);
            nor_model_free(nor);
        }
    }
}

// ---- ahead of the cursor ----

static void idle(ota_ws_slot_t *slot) {
    bool works = true;
    while (works) {
        assert_int_equal(ota_ws_slot_prepare(slot, &works), OTA_WS_OK);
    }
}

static void assert_prepares(ota_ws_slot_t *slot, bool expected) {
    const uint32_t erased = slot->erased;
    idle(slot);
    assert_int_equal(slot->erased > erased, expected);
}

// One block beyond the cursor's own at most, and what the image needs at most.
static void idle_time_erases_one_block_ahead_and_no_more_than_is_needed(void **state) {
    (void)state;
    const uint32_t size = 3 * BLOCK + 3 * SECTOR - 100;
    nor_model_t *nor = nor_model_new(1 << 20, 1);
    uint8_t *bytes = pattern(size);
    ota_ws_slot_t slot;
    nor->port.open(nor, size);
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
    assert_prepares(&slot, false);
    for (uint32_t at = 0; at < size; at += 2 * SECTOR) {
        const uint32_t length = size - at < 2 * SECTOR ? size - at : 2 * SECTOR;
        assert_int_equal(ota_ws_slot_write(&slot, bytes + at, length), OTA_WS_OK);
        idle(&slot);
        assert_true(slot.erased <= (slot.cursor / BLOCK + 2) * BLOCK);
        assert_true(at < BLOCK || slot.erased == 3 * BLOCK + 3 * SECTOR || slot.erased >= slot.cursor + BLOCK);
    }
    assert_int_equal(slot.erased, 3 * BLOCK + 3 * SECTOR);
    assert_int_equal(nor_model_count(nor, NOR_ERASE), 6);
    finish(&slot);
    assert_memory_equal(nor->bytes, bytes, size);
    free(bytes);
    nor_model_free(nor);
}

// The first sector is erased whatever it holds: that says nothing of the second block.
static void idle_time_erases_nothing_of_an_image_that_is_there(void **state) {
    (void)state;
    const uint32_t size = 4 * BLOCK;
    nor_model_t *nor = nor_model_new(1 << 20, 1);
    uint8_t *bytes = pattern(size);
    ota_ws_slot_t slot;
    nor->port.open(nor, size);
    memcpy(nor->bytes, bytes, size);
    nor->bytes[2 * BLOCK + 5] ^= 1;
    nor->bytes[40] ^= 1;
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
    for (uint32_t at = 0; at < size; at += 2 * SECTOR) {
        assert_int_equal(ota_ws_slot_write(&slot, bytes + at, 2 * SECTOR), OTA_WS_OK);
        assert_prepares(&slot, at == 2 * BLOCK); // behind the one that differs
    }
    assert_int_equal(nor_model_count(nor, NOR_ERASE), 3);
    finish(&slot);
    assert_memory_equal(nor->bytes, bytes, size);
    free(bytes);
    nor_model_free(nor);
}

// What is there already costs one sector: the one with the head.
static void of_an_image_that_is_there_one_sector_is_written(void **state) {
    (void)state;
    const uint32_t size = 4 * BLOCK;
    static const uint32_t firsts[] = {288, 1024, SECTOR, 2 * SECTOR};
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        nor_model_t *nor = nor_model_new(1 << 20, 1);
        uint8_t *bytes = pattern(size);
        ota_ws_slot_t slot;
        nor->port.open(nor, size);
        memcpy(nor->bytes, bytes, size);
        ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
        uint32_t length = firsts[i];
        for (uint32_t at = 0; at < size; at += length, length = 2 * SECTOR - at % (2 * SECTOR)) {
            assert_int_equal(ota_ws_slot_write(&slot, bytes + at, length), OTA_WS_OK);
            assert_prepares(&slot, false);
        }
        finish(&slot);
        assert_memory_equal(nor->bytes, bytes, size);
        uint32_t erased = 0;
        for (size_t k = 0; k < nor->count; k++) {
            erased += nor->operations[k].kind == NOR_ERASE ? nor->operations[k].length : 0;
        }
        assert_int_equal(erased, SECTOR);
        free(bytes);
        nor_model_free(nor);
    }
}

// ---- what reads blank

static uint32_t erased_bytes(const nor_model_t *nor) {
    uint32_t sum = 0;
    for (size_t i = 0; i < nor->count; i++) {
        sum += nor->operations[i].kind == NOR_ERASE ? nor->operations[i].length : 0;
    }
    return sum;
}

// Writes an image of `size` bytes into a slot of four blocks, of which `used` sectors from the second block on are not
// blank; before `unsafe` an operation may have been cut off. Returns how many bytes were erased.
static uint32_t write_to_blank(uint32_t size, uint32_t used, uint32_t unsafe) {
    nor_model_t *nor = nor_model_new(4 * BLOCK, 16);
    uint8_t *bytes = pattern(size);
    ota_ws_slot_t slot;
    nor->port.open(nor, size);
    memset(nor->bytes, 0xFF, 4 * BLOCK);
    for (uint32_t i = 0; i < used; i++) {
        nor->bytes[BLOCK + (i + 1) * SECTOR - 1] = 0xFE; // one bit, the last one that is looked at
    }
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
    ota_ws_slot_mark_unsafe(&slot, 0, unsafe);
    for (uint32_t at = 0; at < size; at += 2 * SECTOR) {
        const uint32_t length = size - at < 2 * SECTOR ? size - at : 2 * SECTOR;
        assert_int_equal(ota_ws_slot_write(&slot, bytes + at, length), OTA_WS_OK);
        idle(&slot);
    }
    finish(&slot);
    assert_memory_equal(nor->bytes, bytes, size);
    const uint32_t erased = erased_bytes(nor);
    free(bytes);
    nor_model_free(nor);
    return erased;
}

static void what_reads_blank_is_not_erased(void **state) {
    (void)state;
    assert_int_equal(write_to_blank(3 * BLOCK - 100, 0, 0), 0);
    assert_int_equal(write_to_blank(BLOCK + 5 * SECTOR, 0, 0), 0);
    assert_int_equal(write_to_blank(SECTOR, 16, 0), 0);
}

static void a_block_that_is_nearly_blank_is_erased_by_sectors(void **state) {
    (void)state;
    assert_int_equal(write_to_blank(3 * BLOCK, 1, 0), SECTOR);
    assert_int_equal(write_to_blank(3 * BLOCK, 3, 0), 3 * SECTOR);
    assert_int_equal(write_to_blank(3 * BLOCK, 4, 0), BLOCK);
    assert_int_equal(write_to_blank(BLOCK + 2 * SECTOR, 16, 0), 2 * SECTOR);
}

static void blank_cells_that_may_be_erased_half_are_erased(void **state) {
    (void)state;
    assert_int_equal(write_to_blank(3 * BLOCK, 0, BLOCK), BLOCK);
    assert_int_equal(write_to_blank(3 * BLOCK, 0, BLOCK + 1), 2 * BLOCK);
    assert_int_equal(write_to_blank(3 * BLOCK, 0, UINT32_MAX), 3 * BLOCK); // nothing is known
}

static void cells_that_may_be_erased_half_are_erased_behind_the_image_too(void **state) {
    (void)state;
    assert_int_equal(write_to_blank(BLOCK / 2, 0, 2 * BLOCK), 2 * BLOCK);
    assert_int_equal(write_to_blank(BLOCK / 2, 0, 4 * BLOCK), 4 * BLOCK);
    assert_int_equal(write_to_blank(2 * BLOCK, 0, 2 * BLOCK), 2 * BLOCK);
}

static void the_head_may_come_in_pieces(void **state) {
    (void)state;
    for (uint32_t first = 1; first < 2 * OTA_WS_SLOT_HEAD_SIZE; first++) {
        nor_model_t *nor = nor_model_new(BLOCK, 1);
        uint8_t *bytes = pattern(1000);
        ota_ws_slot_t slot;
        nor->port.open(nor, 1000);
        ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 1000);
        assert_int_equal(ota_ws_slot_write(&slot, bytes, first), OTA_WS_OK);
        assert_int_equal(ota_ws_slot_pause(&slot), OTA_WS_OK);
        assert_int_equal(slot.cursor, first);
        assert_int_equal(ota_ws_slot_write(&slot, bytes + first, 1000 - first), OTA_WS_OK);
        assert_int_equal(ota_ws_slot_flush(&slot), OTA_WS_OK);
        assert_int_equal(ota_ws_slot_commit(&slot), OTA_WS_OK);
        assert_memory_equal(nor->bytes, bytes, 1000);
        ota_ws_slot_drop(&slot);
        free(bytes);
        nor_model_free(nor);
    }
}

// A sector whose end is still in the ring is compared there too, and not kept when only its beginning is in flash.
static void a_sector_is_kept_only_when_all_of_it_is_in_flash(void **state) {
    (void)state;
    static const struct {
        uint32_t changed; // byte of the second sector that flash holds otherwise; SECTOR: none
        uint32_t ahead;   // bytes of it that are at hand beside the first 1000
        bool keeps;
    } cases[] = {{SECTOR, SECTOR - 1000, true}, {SECTOR, SECTOR - 1001, false}, {SECTOR, 0, false},
                 {999, SECTOR - 1000, false},   {1000, SECTOR - 1000, false},   {SECTOR - 1, SECTOR - 1000, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        nor_model_t *nor = nor_model_new(4 * SECTOR, 1);
        uint8_t *bytes = pattern(3 * SECTOR);
        ota_ws_slot_t slot;
        nor->port.open(nor, 3 * SECTOR);
        memcpy(nor->bytes, bytes, 3 * SECTOR);
        if (cases[i].changed < SECTOR) {
            nor->bytes[SECTOR + cases[i].changed] ^= 1;
        }
        ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 3 * SECTOR);
        assert_int_equal(ota_ws_slot_write(&slot, bytes, SECTOR), OTA_WS_OK);
        slot.ahead = bytes + SECTOR + 1000;
        slot.ahead_length = cases[i].ahead;
        assert_int_equal(ota_ws_slot_write(&slot, bytes + SECTOR, 1000), OTA_WS_OK);
        slot.ahead_length = 0;
        assert_int_equal(ota_ws_slot_write(&slot, bytes + SECTOR + 1000, 2 * SECTOR - 1000), OTA_WS_OK);
        finish(&slot);
        assert_int_equal(nor_model_count(nor, NOR_ERASE), cases[i].keeps ? 1 : 2);
        assert_memory_equal(nor->bytes, bytes, 3 * SECTOR);
        free(bytes);
        nor_model_free(nor);
    }
}

// What cannot be read is written again, or ends the writing; it is never taken for what came.
static void flash_that_cannot_be_read_keeps_nothing_wrong(void **state) {
    (void)state;
    const uint32_t size = 3 * BLOCK;
    unsigned ended = 0;
    for (int after = 0; after < 400; after += 7) {
        nor_model_t *nor = nor_model_new(4 * BLOCK, 1);
        uint8_t *bytes = pattern(size);
        ota_ws_slot_t slot;
        ota_ws_status_t status = OTA_WS_OK;
        nor->port.open(nor, size);
        memcpy(nor->bytes, bytes, size);
        nor->bytes[BLOCK + 5] ^= 1;
        nor->failing = NOR_READ;
        nor->status = OTA_WS_FLASH_READ;
        nor->fail_after = after;
        ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
        for (uint32_t at = 0; at < size && status == OTA_WS_OK; at += SECTOR) {
            status = ota_ws_slot_write(&slot, bytes + at, SECTOR);
        }
        assert_true(status == OTA_WS_OK || status == OTA_WS_FLASH_READ);
        ended += status == OTA_WS_FLASH_READ;
        assert_memory_equal(nor->bytes + OTA_WS_SLOT_HEAD_SIZE, bytes + OTA_WS_SLOT_HEAD_SIZE,
                            slot.cursor - OTA_WS_SLOT_HEAD_SIZE);
        ota_ws_slot_drop(&slot);
        free(bytes);
        nor_model_free(nor);
    }
    assert_true(ended > 0);
}

// Behind a cut flash may read right today and wrong tomorrow: what is distrusted is written again, the rest is kept.
static void only_what_is_unsafe_is_written_again(void **state) {
    (void)state;
    const uint32_t size = 3 * BLOCK;
    nor_model_t *nor = nor_model_new(1 << 20, 1);
    uint8_t *bytes = pattern(size);
    ota_ws_slot_t slot;
    nor->port.open(nor, size);
    memcpy(nor->bytes, bytes, size);
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, size);
    ota_ws_slot_mark_unsafe(&slot, BLOCK, 2 * BLOCK);
    for (uint32_t at = 0; at < size; at += SECTOR) {
        assert_int_equal(ota_ws_slot_write(&slot, bytes + at, SECTOR), OTA_WS_OK);
    }
    for (size_t i = 0; i < nor->count; i++) {
        const nor_operation_t *operation = &nor->operations[i];
        if (operation->kind == NOR_ERASE) {
            assert_true(operation->offset == 0 || operation->offset == BLOCK);
            assert_int_equal(operation->length, operation->offset == 0 ? SECTOR : BLOCK);
        }
    }
    assert_int_equal(nor_model_count(nor, NOR_ERASE), 2);
    finish(&slot);
    assert_memory_equal(nor->bytes, bytes, size);
    free(bytes);
    nor_model_free(nor);
}

static void an_erase_ahead_that_fails_is_told(void **state) {
    (void)state;
    nor_model_t *nor = nor_model_new(1 << 20, 1);
    uint8_t *bytes = pattern(4 * BLOCK);
    ota_ws_slot_t slot;
    bool erased;
    nor->port.open(nor, 4 * BLOCK);
    ota_ws_slot_init(&slot, &nor->port, &ota_ws_hash_openssl, 4 * BLOCK);
    assert_int_equal(ota_ws_slot_write(&slot, bytes, BLOCK + SECTOR), OTA_WS_OK);
    nor->failing = NOR_ERASE;
    nor->fail_after = 0;
    nor->status = OTA_WS_FLASH_ERASE;
    assert_int_equal(ota_ws_slot_prepare(&slot, &erased), OTA_WS_FLASH_ERASE);
    assert_int_equal(slot.erased, 2 * BLOCK);
    ota_ws_slot_drop(&slot);
    free(bytes);
    nor_model_free(nor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_in_any_pieces_and_units_end_in_the_slot),
        cmocka_unit_test(whole_blocks_are_erased_as_blocks),
        cmocka_unit_test(each_erase_comes_just_before_the_bytes_that_need_it),
        cmocka_unit_test(the_rest_is_erased_by_sectors_and_nothing_beyond_the_slot),
        cmocka_unit_test(bytes_are_programmed_in_whole_pages),
        cmocka_unit_test(a_chunk_is_programmed_in_few_calls),
        cmocka_unit_test(any_operation_that_fails_ends_the_writing_with_its_name),
        cmocka_unit_test(a_slot_to_which_nothing_was_written_is_flushed_without_a_program),
        cmocka_unit_test(nothing_is_flushed_twice),
        cmocka_unit_test(the_head_comes_last_of_all),
        cmocka_unit_test(idle_time_erases_one_block_ahead_and_no_more_than_is_needed),
        cmocka_unit_test(idle_time_erases_nothing_of_an_image_that_is_there),
        cmocka_unit_test(of_an_image_that_is_there_one_sector_is_written),
        cmocka_unit_test(what_reads_blank_is_not_erased),
        cmocka_unit_test(a_block_that_is_nearly_blank_is_erased_by_sectors),
        cmocka_unit_test(blank_cells_that_may_be_erased_half_are_erased),
        cmocka_unit_test(cells_that_may_be_erased_half_are_erased_behind_the_image_too),
        cmocka_unit_test(the_head_may_come_in_pieces),
        cmocka_unit_test(a_sector_is_kept_only_when_all_of_it_is_in_flash),
        cmocka_unit_test(flash_that_cannot_be_read_keeps_nothing_wrong),
        cmocka_unit_test(only_what_is_unsafe_is_written_again),
        cmocka_unit_test(an_erase_ahead_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
