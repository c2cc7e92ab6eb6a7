// SPDX-License-Identifier: Apache-2.0
// The NOR flash: its rules, its watch, its times, its file.
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flash_file.h"
#include "nor.h"
#include "nor_timing.h"

#define SIZE 0x40000

static uint8_t memory[SIZE];

static nor_t make_nor(uint32_t program_unit) {
    return (nor_t){.medium = nor_memory(memory, SIZE), .size = SIZE, .program_unit = program_unit};
}

// ---- the rules ----

static void new_flash_is_erased(void **state) {
    (void)state;
    nor_t nor = make_nor(1);
    uint8_t bytes[64];
    assert_int_equal(nor_read(&nor, SIZE - 64, bytes, 64), OTA_WS_OK);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(bytes[i], 0xFF);
    }
}

static void bits_only_fall(void **state) {
    (void)state;
    nor_t nor = make_nor(1);
    assert_int_equal(nor_program(&nor, 0, "\xF0", 1), OTA_WS_OK);
    assert_int_equal(nor_program(&nor, 0, "\x50", 1), OTA_WS_OK);
    assert_int_equal(nor_program(&nor, 0, "\x51", 1), OTA_WS_FLASH_PROGRAM);
    assert_non_null(strstr(nor.fault, "erase first"));
    assert_int_equal(memory[0], 0x50);
}

static void programs_are_whole_units_inside_the_flash(void **state) {
    (void)state;
    nor_t nor = make_nor(16);
    uint8_t zeros[32] = {0};
    assert_int_equal(nor_program(&nor, 16, zeros, 32), OTA_WS_OK);
    assert_int_equal(nor_program(&nor, 8, zeros, 16), OTA_WS_FLASH_PROGRAM);
    assert_int_equal(nor_program(&nor, 0, zeros, 8), OTA_WS_FLASH_PROGRAM);
    assert_int_equal(nor_program(&nor, SIZE - 16, zeros, 32), OTA_WS_FLASH_PROGRAM);
    assert_int_equal(nor_program(&nor, UINT32_MAX - 15, zeros, 32), OTA_WS_FLASH_PROGRAM);
    assert_int_equal(memory[0], 0xFF);
}

static void a_program_over_many_pages_arrives(void **state) {
    (void)state;
    nor_t nor = make_nor(1);
    uint8_t bytes[1000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    assert_int_equal(nor_program(&nor, 200, bytes, sizeof bytes), OTA_WS_OK);
    assert_memory_equal(memory + 200, bytes, sizeof bytes);
    assert_int_equal(memory[199], 0xFF);
    assert_int_equal(memory[1200], 0xFF);
}

typedef struct {
    uint32_t address;
    uint32_t length;
    bool allowed;
} erase_t;

static void erases_are_whole_sectors_or_one_block(void **state) {
    (void)state;
    static const erase_t erases[] = {
        {0, 4096, true},
        {4096, 8192, true},
        {0x10000, 0x10000, true},
        {0x1000, 0x10000, true},
        {0, 0, false},
        {0, 100, false},
        {100, 4096, false},
        {0, 0x20000, false},
        {SIZE, 4096, false},
        {SIZE - 4096, 8192, false},
    };
    for (size_t i = 0; i < COUNT_OF(erases); i++) {
        nor_t nor = make_nor(1);
        memset(memory, 0, SIZE);
        ota_ws_status_t status = nor_erase(&nor, erases[i].address, erases[i].length);
        assert_int_equal(status, erases[i].allowed ? OTA_WS_OK : OTA_WS_FLASH_ERASE);
        for (uint32_t at = 0; at < SIZE; at++) {
            bool erased = erases[i].allowed && at >= erases[i].address && at < erases[i].address + erases[i].length;
            assert_int_equal(memory[at], erased ? 0xFF : 0);
        }
    }
}

static void reads_stay_inside_the_flash(void **state) {
    (void)state;
    nor_t nor = make_nor(1);
    uint8_t bytes[16];
    assert_int_equal(nor_read(&nor, SIZE - 8, bytes, 16), OTA_WS_FLASH_READ);
    assert_int_equal(nor_read(&nor, UINT32_MAX, bytes, 16), OTA_WS_FLASH_READ);
}

// ---- the watch ----

typedef struct {
    unsigned before, after;
    unsigned refuse; // that many operations from the last
} watcher_t;

static bool count_before(void *context, const nor_operation_t *operation) {
    watcher_t *watcher = context;
    (void)operation;
    return ++watcher->before != watcher->refuse;
}

static void count_after(void *context, const nor_operation_t *operation) {
    watcher_t *watcher = context;
    (void)operation;
    watcher->after++;
}

static void the_watch_sees_each_operation_and_may_refuse_it(void **state) {
    (void)state;
    watcher_t watcher = {.refuse = 3};
    nor_watch_t watch = {&watcher, count_before, count_after};
    nor_t nor = make_nor(1);
    uint8_t byte = 0;
    nor.watch = &watch;
    assert_int_equal(nor_erase(&nor, 0, 4096), OTA_WS_OK);
    assert_int_equal(nor_program(&nor, 0, &byte, 1), OTA_WS_OK);
    assert_int_equal(nor_erase(&nor, 0, 4096), OTA_WS_FLASH_ERASE);
    assert_int_equal(memory[0], 0);
    assert_int_equal(nor_read(&nor, 0, &byte, 1), OTA_WS_OK);
    assert_int_equal(watcher.before, 4);
    assert_int_equal(watcher.after, 3);
}

// ---- times ----

static int64_t time_us(const char *part, nor_kind_t kind, uint32_t address, uint32_t length) {
    nor_operation_t operation = {kind, address, length, NULL};
    return nor_part_time_ns(nor_part_find(part), &operation) / 1000;
}

static void operations_take_their_typical_time(void **state) {
    (void)state;
    assert_null(nor_part_find("none"));
    assert_int_equal(time_us("w25q32jv", NOR_ERASE, 0x10000, 0x10000), 150000);
    assert_int_equal(time_us("w25q32jv", NOR_ERASE, 0x10000, 0x1000), 45000);
    assert_int_equal(time_us("w25q32jv", NOR_ERASE, 0x1000, 0x10000), 16 * 45000);
    assert_int_equal(time_us("w25q32jv", NOR_PROGRAM, 0, 256), 400);
    assert_int_equal(time_us("w25q32jv", NOR_PROGRAM, 255, 2), 800);
    assert_int_equal(time_us("w25q32jv", NOR_PROGRAM, 0x100, 8192), 32 * 400);
    assert_int_equal(time_us("w25q32jv", NOR_READ, 0, 7800), 1000);
    assert_int_equal(time_us("gd25q32", NOR_ERASE, 0, 0x10000), 200000);
    assert_int_equal(time_us("gd25q32", NOR_ERASE, 0, 0x1000), 50000);
}

static void the_watch_of_a_part_sleeps_and_adds_up(void **state) {
    (void)state;
    nor_timing_t timing;
    nor_t nor = make_nor(1);
    uint8_t zeros[512] = {0};
    nor_timing_init(&timing, nor_part_find("w25q32jv"));
    nor.watch = &timing.watch;
    assert_int_equal(nor_program(&nor, 0, zeros, sizeof zeros), OTA_WS_OK);
    assert_int_equal(timing.owed_ns, 800000); // too short for a sleep
    assert_int_equal(nor_erase(&nor, 0, 4096), OTA_WS_OK);
    assert_int_equal(timing.busy_ns, 45800000);
    assert_true(timing.owed_ns <= 0); // all of it was slept
}

// ---- the file ----

static char directory[64];
static char path[128];

static int make_directory(void **state) {
    (void)state;
    strcpy(directory, "/tmp/ota_ws_test_XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/flash", directory);
    return 0;
}

static int remove_directory(void **state) {
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void a_flash_file_keeps_its_bytes(void **state) {
    (void)state;
    flash_file_t flash;
    uint8_t byte;
    assert_int_equal(flash_file_open(&flash, path, 0), FLASH_FILE_ABSENT);
    assert_int_equal(flash_file_create(&flash, path, SIZE), FLASH_FILE_OPENED);
    nor_t nor = {.medium = flash_file_medium(&flash), .size = flash.size, .program_unit = 1};
    assert_int_equal(nor_program(&nor, 77, "\x12", 1), OTA_WS_OK);
    flash_file_close(&flash);
    assert_int_equal(flash_file_open(&flash, path, SIZE), FLASH_FILE_OPENED);
    nor.medium = flash_file_medium(&flash);
    assert_int_equal(nor_read(&nor, 77, &byte, 1), OTA_WS_OK);
    assert_int_equal(byte, 0x12);
    assert_int_equal(nor_read(&nor, 78, &byte, 1), OTA_WS_OK);
    assert_int_equal(byte, 0xFF);
    flash_file_close(&flash);
}

static void a_file_of_another_size_is_refused(void **state) {
    (void)state;
    flash_file_t flash;
    assert_int_equal(flash_file_create(&flash, path, SIZE), FLASH_FILE_OPENED);
    flash_file_close(&flash);
    assert_int_equal(flash_file_open(&flash, path, 2 * SIZE), FLASH_FILE_FAILED);
    assert_non_null(strstr(flash.error, "262144 bytes, a flash of 512 KiB has 524288"));
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(flash_file_open(&flash, path, 0), FLASH_FILE_FAILED);
    assert_non_null(strstr(flash.error, "no size of a flash chip"));
}

static void a_dump_without_its_erased_end_is_completed(void **state) {
    (void)state;
    flash_file_t flash;
    uint8_t behind = 0;
    assert_int_equal(flash_file_create(&flash, path, SIZE), FLASH_FILE_OPENED);
    flash_file_close(&flash);
    assert_int_equal(truncate(path, SIZE - 1), 0);
    assert_int_equal(flash_file_open(&flash, path, 0), FLASH_FILE_OPENED);
    assert_int_equal(flash.present, SIZE - 1);
    assert_int_equal(flash.size, 0x100000); // the smallest chip that it fits
    nor_t nor = {.medium = flash_file_medium(&flash), .size = flash.size, .program_unit = 1};
    assert_int_equal(nor_read(&nor, SIZE - 1, &behind, 1), OTA_WS_OK);
    assert_int_equal(behind, 0xFF);
    assert_int_equal(flash_file_complete(&flash, path), FLASH_FILE_OPENED);
    assert_int_equal(flash.present, flash.size);
    flash_file_close(&flash);
}

static void one_device_at_a_time_uses_a_file_but_it_can_be_viewed(void **state) {
    (void)state;
    flash_file_t flash;
    flash_file_t second;
    assert_int_equal(flash_file_create(&flash, path, SIZE), FLASH_FILE_OPENED);
    assert_int_equal(flash_file_open(&second, path, 0), FLASH_FILE_FAILED);
    assert_non_null(strstr(second.error, "in use"));
    assert_int_equal(flash_file_view(&second, path), FLASH_FILE_OPENED);
    flash_file_close(&second);
    flash_file_close(&flash);
}

static void a_full_disk_shows_when_the_file_is_made_and_leaves_none(void **state) {
    (void)state;
    flash_file_t flash;
    struct rlimit old;
    struct rlimit small;
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){.rlim_cur = SIZE / 2, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    flash_file_result_t result = flash_file_create(&flash, path, SIZE);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(result, FLASH_FILE_FAILED);
    assert_non_null(strstr(flash.error, "no room"));
    assert_int_equal(access(path, F_OK), -1);
}

static void a_medium_that_fails_fails_the_operation(void **state) {
    (void)state;
    flash_file_t flash = {.file = -1, .size = SIZE, .present = SIZE};
    nor_t nor = {.medium = flash_file_medium(&flash), .size = SIZE, .program_unit = 1};
    uint8_t byte = 0;
    assert_int_equal(nor_read(&nor, 0, &byte, 1), OTA_WS_FLASH_READ);
    assert_int_equal(nor_erase(&nor, 0, 4096), OTA_WS_FLASH_ERASE);
    assert_int_equal(nor_program(&nor, 0, &byte, 1), OTA_WS_FLASH_PROGRAM);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_flash_is_erased),
        cmocka_unit_test(bits_only_fall),
        cmocka_unit_test(programs_are_whole_units_inside_the_flash),
        cmocka_unit_test(a_program_over_many_pages_arrives),
        cmocka_unit_test(erases_are_whole_sectors_or_one_block),
        cmocka_unit_test(reads_stay_inside_the_flash),
        cmocka_unit_test(the_watch_sees_each_operation_and_may_refuse_it),
        cmocka_unit_test(operations_take_their_typical_time),
        cmocka_unit_test(the_watch_of_a_part_sleeps_and_adds_up),
        FILE_TEST(a_flash_file_keeps_its_bytes),
        FILE_TEST(a_file_of_another_size_is_refused),
        FILE_TEST(a_dump_without_its_erased_end_is_completed),
        FILE_TEST(one_device_at_a_time_uses_a_file_but_it_can_be_viewed),
        FILE_TEST(a_full_disk_shows_when_the_file_is_made_and_leaves_none),
        cmocka_unit_test(a_medium_that_fails_fails_the_operation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
