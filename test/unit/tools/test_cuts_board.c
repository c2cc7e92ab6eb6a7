// SPDX-License-Identifier: Apache-2.0
// A copy of a board is the same board, whatever was written on either since the last copy.
#include "testing.h"

#include "../../cuts/board.h" // host/ has a board.h of its own

#define SIZE 0x20000

static board_t original, copy;

static void expect_same(void) {
    assert_memory_equal(copy.flash, original.flash, SIZE);
}

static void write_somewhere(board_t *board, uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    uint32_t address = *random >> 8 & (SIZE - 1) & ~0xFu;
    uint8_t zeros[512] = {0};
    uint32_t length = SIZE - address < sizeof zeros ? SIZE - address : sizeof zeros;
    if (*random >> 30 == 0) {
        assert_int_equal(nor_erase(&board->nor, address & ~(NOR_SECTOR_SIZE - 1u), NOR_SECTOR_SIZE), OTA_WS_OK);
    } else if (*random >> 30 == 1) {
        const nor_operation_t operation = {NOR_PROGRAM, address, length, zeros};
        board_tear(board, &operation, 9);
        board_power(board);
        board->weak_count = 0;
    } else {
        assert_int_equal(nor_program(&board->nor, address, zeros, length), OTA_WS_OK);
    }
}

static void a_copy_is_the_same_whatever_was_written_before(void **state) {
    (void)state;
    uint32_t random = 7;
    board_init(&original, SIZE, 16);
    board_copy(&copy, &original);
    for (int i = 0; i < 3000; i++) {
        write_somewhere(&original, &random);
        for (int more = i % 3; more > 0; more--) {
            write_somewhere(&copy, &random);
        }
        board_copy(&copy, &original);
        expect_same();
    }
}

static void a_copy_of_another_board_is_whole(void **state) {
    (void)state;
    uint32_t random = 9;
    board_init(&original, SIZE, 1);
    board_copy(&copy, &original);
    write_somewhere(&original, &random);
    board_copy(&copy, &original);
    board_init(&original, SIZE, 4);
    board_copy(&copy, &original);
    expect_same();
    assert_int_equal(copy.nor.program_unit, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_is_the_same_whatever_was_written_before),
        cmocka_unit_test(a_copy_of_another_board_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
