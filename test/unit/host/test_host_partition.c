// SPDX-License-Identifier: Apache-2.0
// The partition table: ESP-IDF's CSV in, ESP-IDF's bytes out and in again.
#include "testing.h"

#include <stdlib.h>

#include "partition_csv.h"

#define OTA_TABLE                                                                                                      \
    "nvs,data,nvs,,0x4000\notadata,data,ota,,0x2000\nphy_init,data,phy,,0x1000\n"                                      \
    "ota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n"

static partition_table_t parse(const char *text) {
    partition_table_t table;
    partition_error_t error;
    if (!partition_csv_parse(&table, text, strlen(text), &error)) {
        fail_msg("%s", error.text);
    }
    return table;
}

static void check_row(const partition_t *row, const char *label, uint32_t address, uint32_t size) {
    assert_string_equal(row->label, label);
    assert_int_equal(row->address, address);
    assert_int_equal(row->size, size);
}

// ---- bytes ----

static void the_single_app_table_is_reproduced_byte_for_byte(void **state) {
    (void)state;
    uint8_t expected[PARTITION_TABLE_SIZE];
    uint8_t bytes[PARTITION_TABLE_SIZE];
    FILE *file = fopen(FIRMWARE_DIR "/partition-table-single-app.bin", "rb");
    if (file == NULL) {
        print_message("partition-table-single-app.bin is not there\n");
        skip();
    }
    assert_int_equal(fread(expected, 1, sizeof expected, file), sizeof expected);
    fclose(file);
    partition_table_t table = parse("# Name, Type, SubType, Offset, Size, Flags\n"
                                    "nvs,      data, nvs,     0x9000,  0x6000,\n"
                                    "phy_init, data, phy,     0xf000,  0x1000,\n"
                                    "factory,  app,  factory, 0x10000, 1M,\n");
    partition_table_encode(&table, bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
}

static void what_was_encoded_is_decoded(void **state) {
    (void)state;
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t decoded;
    partition_error_t error;
    partition_table_t table = parse(OTA_TABLE "sixteen_letters_,data,fat,,4K,encrypted\n");
    partition_table_encode(&table, bytes);
    assert_true(partition_table_decode(&decoded, bytes, &error));
    assert_memory_equal(&decoded, &table, sizeof table);
}

static void a_table_with_any_byte_changed_is_refused(void **state) {
    (void)state;
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t decoded;
    partition_error_t error;
    partition_table_t table = parse(OTA_TABLE);
    partition_table_encode(&table, bytes);
    size_t md5_row = table.count * 32;
    for (size_t i = 0; i < md5_row + 32; i++) {
        bool is_md5_fill = i >= md5_row + 2 && i < md5_row + 16; // ESP-IDF does not look at it
        bytes[i] ^= 1;
        assert_true(is_md5_fill == partition_table_decode(&decoded, bytes, &error));
        bytes[i] ^= 1;
    }
}

static void erased_flash_is_no_table(void **state) {
    (void)state;
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t decoded;
    partition_error_t error;
    memset(bytes, 0xFF, sizeof bytes);
    assert_false(partition_table_decode(&decoded, bytes, &error));
    assert_non_null(strstr(error.text, "no partition table"));
    memset(bytes, 0, sizeof bytes);
    assert_false(partition_table_decode(&decoded, bytes, &error));
}

static void a_table_without_an_end_is_refused(void **state) {
    (void)state;
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t decoded;
    partition_error_t error;
    partition_table_t table = parse("a,data,nvs,,16K\n");
    partition_table_encode(&table, bytes);
    for (size_t at = 32; at < sizeof bytes; at += 32) {
        memcpy(bytes + at, bytes, 32);
    }
    assert_false(partition_table_decode(&decoded, bytes, &error));
}

// ---- syntax ----

static void empty_offsets_are_filled_with_the_alignment_of_the_type(void **state) {
    (void)state;
    partition_table_t table = parse("a,data,nvs,,0x3000\nb,app,ota_0,,64K\nc,data,fat,,0x1000\nd,app,ota_1,,0x20000\n");
    check_row(&table.rows[0], "a", 0x9000, 0x3000);
    check_row(&table.rows[1], "b", 0x10000, 0x10000);
    check_row(&table.rows[2], "c", 0x20000, 0x1000);
    check_row(&table.rows[3], "d", 0x30000, 0x20000);
}

static void sizes_are_decimal_hexadecimal_or_have_k_and_m(void **state) {
    (void)state;
    partition_table_t table = parse("a,data,nvs,,12288\nb,data,nvs,0xc000,0X4000\nc,data,fat,,4k\nd,data,fat,,1M\n"
                                    "e,data,fat,,0x10K\nf,data,fat,,0b1000000000000\n");
    check_row(&table.rows[0], "a", 0x9000, 12288);
    check_row(&table.rows[1], "b", 0xc000, 0x4000);
    check_row(&table.rows[2], "c", 0x10000, 4096);
    check_row(&table.rows[3], "d", 0x11000, 1048576);
    check_row(&table.rows[4], "e", 0x111000, 16384);
    check_row(&table.rows[5], "f", 0x115000, 4096);
}

static void a_negative_size_ends_at_that_address(void **state) {
    (void)state;
    partition_table_t table = parse("a,data,nvs,,-0x10000\nb,app,ota_0,,-2M\n");
    check_row(&table.rows[0], "a", 0x9000, 0x7000);
    check_row(&table.rows[1], "b", 0x10000, 0x1F0000);
}

static void types_and_subtypes_are_names_or_numbers(void **state) {
    (void)state;
    partition_table_t table = parse("a,DATA,NVS,,16K\nb,1,0x83,,4K\nc,0x40,7,,4K\nd,data,,,4K\ne,app,ota_15,,64K\n"
                                    "f,0,0x20,,64K\n");
    static const uint8_t expected[][2] = {{1, 2}, {1, 0x83}, {0x40, 7}, {1, 6}, {0, 0x1F}, {0, 0x20}};
    assert_int_equal(table.count, COUNT_OF(expected));
    for (size_t i = 0; i < table.count; i++) {
        assert_int_equal(table.rows[i].type, expected[i][0]);
        assert_int_equal(table.rows[i].subtype, expected[i][1]);
    }
}

static void flags_are_read(void **state) {
    (void)state;
    partition_table_t table = parse("a,data,nvs,,16K,encrypted\nb,data,fat,,4K,readonly\nc,data,fat,,4K,"
                                    "encrypted:readonly\nd,data,fat,,4K,\n");
    assert_int_equal(table.rows[0].flags, 1);
    assert_int_equal(table.rows[1].flags, 2);
    assert_int_equal(table.rows[2].flags, 3);
    assert_int_equal(table.rows[3].flags, 0);
}

static void comments_blank_lines_marks_and_line_ends_do_not_matter(void **state) {
    (void)state;
    partition_table_t table =
        parse("\xEF\xBB\xBF# a comment\r\n\r\n   \t\r\n  nvs , data , nvs , , 16K , , more\r\n#,,,");
    assert_int_equal(table.count, 1);
    check_row(&table.rows[0], "nvs", 0x9000, 0x4000);
}

static void bootloader_and_table_have_rows_of_their_own(void **state) {
    (void)state;
    partition_table_t table;
    partition_error_t error;
    static const char text[] = "boot, bootloader, primary, N/A, N/A\ntable, partition_table, primary, N/A, N/A\n"
                               "otadata,data,ota,,8K\nota_0,app,ota_0,,1M\nota_1,app,ota_1,,1M\n"
                               "next, bootloader, ota, ,\nspare, partition_table, ota, , 64K\n"
                               "last, bootloader, recovery, ,\n";
    partition_csv_t csv = {text, strlen(text), {.table = 0x9000, .bootloader = 0x2000, .recovery = 0x220000}};
    if (!partition_csv_parse_at(&table, &csv, &error)) {
        fail_msg("%s", error.text);
    }
    check_row(&table.rows[0], "boot", 0x2000, 0x7000);
    check_row(&table.rows[1], "table", 0x9000, 0x1000);
    check_row(&table.rows[2], "otadata", 0xa000, 0x2000);
    check_row(&table.rows[5], "next", 0x210000, 0x7000);
    check_row(&table.rows[6], "spare", 0x217000, 0x1000);
    check_row(&table.rows[7], "last", 0x220000, 0x7000);
    csv.layout.bootloader = 0x9000;
    assert_false(partition_csv_parse_at(&table, &csv, &error));
    assert_non_null(strstr(error.text, "behind the bootloader"));
}

static void numbers_are_read_as_python_reads_them(void **state) {
    (void)state;
    partition_table_t table = parse("a,data,nvs,,+16K\nb,data,fat,0x1_0000,64 K\nc,data,fat,,0x_4000\n"
                                    "d,data,fat,,8_192\ne,0_0,0x10,,1Kk\nf,data,fat,,00\ng,data,fat,,0O10_000\n");
    check_row(&table.rows[0], "a", 0x9000, 0x4000);
    check_row(&table.rows[1], "b", 0x10000, 0x10000);
    check_row(&table.rows[2], "c", 0x20000, 0x4000);
    check_row(&table.rows[3], "d", 0x24000, 8192);
    check_row(&table.rows[4], "e", 0x30000, 0x100000);
    check_row(&table.rows[5], "f", 0x130000, 0);
    check_row(&table.rows[6], "g", 0x130000, 4096);
}

static void variables_are_filled_in_from_the_environment(void **state) {
    (void)state;
    setenv("OTA_WS_TEST_SIZE", "0x6000", 1);
    setenv("OTA_WS_TEST_ROW", "b,data,fat,,", 1);
    partition_table_t table =
        parse("# $NOT_SET\na,data,nvs,,$OTA_WS_TEST_SIZE\n${OTA_WS_TEST_ROW}4K\n$OTA_WS_TEST_NOT,1,2,,16K\n");
    check_row(&table.rows[0], "a", 0x9000, 0x6000);
    check_row(&table.rows[1], "b", 0xf000, 0x1000);
    unsetenv("OTA_WS_TEST_SIZE");
    unsetenv("OTA_WS_TEST_ROW");
}

static void lines_may_have_any_length_and_end(void **state) {
    (void)state;
    char text[3000];
    memset(text, '#', 2000);
    strcpy(text + 2000, "\ra,data,nvs,,16K\vb,data,fat,,4K\f\xc2\xa0"
                        "c\xe3\x80\x80,data,fat,,4K\xe2\x80\xa8");
    partition_table_t table = parse(text);
    assert_int_equal(table.count, 3);
    check_row(&table.rows[2], "c", 0xe000, 0x1000);
}

static void utf_16_is_read_and_other_bytes_are_refused(void **state) {
    (void)state;
    static const char text[] = "n\xc3\xa9,data,nvs,,16K\n";
    static const uint16_t wide[] = {0xFEFF, 'n', 0xE9, ',', 'd', 'a', 't', 'a', ',',
                                    'n',    'v', 's',  ',', ',', '1', '6', 'K'};
    uint8_t bytes[2 * COUNT_OF(wide)];
    partition_table_t table;
    partition_error_t error;
    for (int big = 0; big < 2; big++) {
        for (size_t i = 0; i < COUNT_OF(wide); i++) {
            bytes[2 * i + (big == 0)] = (uint8_t)(wide[i] >> 8);
            bytes[2 * i + (big == 1)] = (uint8_t)wide[i];
        }
        assert_true(partition_csv_parse(&table, (const char *)bytes, sizeof bytes, &error));
        assert_string_equal(table.rows[0].label, "n\xc3\xa9");
    }
    assert_true(partition_csv_parse(&table, text, strlen(text), &error));
    assert_false(partition_csv_parse(&table, (const char *)bytes, sizeof bytes - 1, &error));
    static const char *const wrong[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "# \xe9\n", "\xe2\x82"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(partition_csv_parse(&table, wrong[i], strlen(wrong[i]), &error));
        assert_non_null(strstr(error.text, "UTF-8"));
    }
}

static void names_are_compared_whole(void **state) {
    (void)state;
    partition_table_t table = parse("a_name_of_seventeen,data,nvs,,16K\na_name_of_seventy,data,fat,,4K\n");
    assert_string_equal(table.rows[0].label, table.rows[1].label);
}

static void a_long_name_is_cut_to_sixteen_characters(void **state) {
    (void)state;
    partition_table_t table = parse("a_name_of_seventeen,data,nvs,,16K\n");
    assert_string_equal(table.rows[0].label, "a_name_of_sevent");
}

typedef struct {
    const char *text;
    const char *start; // of the message
} wrong_t;

static void each_mistake_is_named_with_its_line(void **state) {
    (void)state;
    static const wrong_t wrong[] = {
        {"", "line 0: there is no partition"},
        {"# only\n# comments\n", "line 2: there is no partition"},
        {"a,data,nvs\n", "line 1: the size must not be empty"},
        {"\na,,nvs,,4K\n", "line 2: the type must not be empty"},
        {"a,dta,nvs,,4K\n", "line 1: 'dta' is no type"},
        {"a,256,0,,4K\n", "line 1: type '256'"},
        {"a,data,nsv,,4K\n", "line 1: 'nsv' is no subtype"},
        {"a,data,ota_0,,4K\n", "line 1: 'ota_0' is no subtype"},
        {"a,app,,,64K\n", "line 1: an app partition needs a subtype"},
        {"a,data,nvs,x,4K\n", "line 1: 'x' is no offset"},
        {"a,data,nvs,-4096,4K\n", "line 1: '-4096' is no offset"},
        {"a,data,nvs,,4KB\n", "line 1: '4KB' is no size"},
        {"a,data,nvs,,0x\n", "line 1: '0x' is no size"},
        {"a,data,nvs,,K\n", "line 1: 'K' is no size"},
        {"a,data,nvs,,5000M\n", "line 1: '5000M' is no size"},
        {"a,data,nvs,,99999999999999999999\n", "line 1: '99999999999999999999' is no size"},
        {"a,data,nvs,,16K,secret\n", "line 1: 'secret' is no flag"},
        {"a,data,nvs,0x8000,16K\n", "line 1: partition 'a' at 0x8000 overlaps"},
        {"a,data,nvs,,16K\nb,data,fat,0x9000,4K\n", "line 2: partition 'b' at 0x9000 overlaps"},
        {"a,data,nvs,0x9800,16K\n", "line 1: the offset 0x9800"},
        {"a,app,ota_0,0x11000,64K\n", "line 1: the offset 0x11000"},
        {"a,app,ota_0,,0x800\n", "line 1: the size 0x800 of app"},
        {"a,data,nvs,,-0x8000\n", "line 1: the size of partition 'a'"},
        {"a,data,nvs,,16K\nb,app,ota_0,0x1FFFF0000,0x20000\n", "line 2: partition 'b' does not fit"},
        {"a,data,nvs,,010\n", "line 1: '010' is no size"},
        {"a,data,nvs,,1__0\n", "line 1: '1__0' is no size"},
        {"a,data,nvs,,$NOT_SET\n", "line 1: '$NOT_SET' is no size; is the environment variable set?"},
        {"a,data,nvs,N/A,16K\n", "line 1: 'N/A' is no offset"},
        {"a,bootloader,ota,N/A,16K\n", "line 1: 'N/A' is no offset"},
        {"a,bootloader,recovery,,16K\n", "line 1: a recovery bootloader needs its place"},
        {"a,bootloader,primary,,\nb,bootloader,primary,,\n", "line 2: partition 'b' at 0x0 overlaps 'a'"},
        {"a,data,tee_ota,,4K\n", "line 1: the otadata partition 'a' must have"},
        {"a,data,tee_ota,,8K\nb,data,tee_ota,,8K\n", "line 2: there is an otadata partition already, in line 1"},
        {"a,bootloader,nvs,,\n", "line 1: 'nvs' is no subtype"},
        {"a,data,ota,,4K\n", "line 1: the otadata partition 'a' must have"},
        {"a,data,ota,,8K\nb,data,ota,,8K\n", "line 2: there is an otadata partition already, in line 1"},
        {"a,data,ota,,8K,readonly\n", "line 1: partition 'a' is always written"},
        {"a,data,nvs,,8K\n", "line 1: the nvs partition 'a'"},
        {"a,data,nvs,,16K\na,data,fat,,4K\n", "line 2: the name 'a' is taken by line 1"},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        partition_table_t table;
        partition_error_t error;
        assert_false(partition_csv_parse(&table, wrong[i].text, strlen(wrong[i].text), &error));
        if (strncmp(error.text, wrong[i].start, strlen(wrong[i].start)) != 0) {
            fail_msg("'%s' gives '%s'", wrong[i].text, error.text);
        }
    }
}

static void binary_files_and_endless_lines_are_refused(void **state) {
    (void)state;
    char text[1000];
    partition_table_t table;
    partition_error_t error;
    memset(text, 'a', sizeof text);
    assert_false(partition_csv_parse(&table, text, sizeof text, &error));
    memset(text, '\0', sizeof text);
    assert_false(partition_csv_parse(&table, text, sizeof text, &error));
}

static void ninety_four_partitions_fit_and_no_more(void **state) {
    (void)state;
    char text[95 * 32] = "";
    uint8_t bytes[PARTITION_TABLE_SIZE];
    partition_table_t table;
    partition_table_t decoded;
    partition_error_t error;
    for (size_t i = 0; i < PARTITION_MAX; i++) {
        sprintf(text + strlen(text), "p%zu,data,fat,,4K\n", i);
    }
    table = parse(text);
    partition_table_encode(&table, bytes);
    assert_true(partition_table_decode(&decoded, bytes, &error));
    assert_int_equal(decoded.count, PARTITION_MAX);
    strcat(text, "last,data,fat,,4K\n");
    assert_false(partition_csv_parse(&table, text, strlen(text), &error));
}

static void a_file_that_cannot_be_read_is_named(void **state) {
    (void)state;
    partition_table_t table;
    partition_error_t error;
    assert_false(partition_csv_load(&table, "/nowhere/partitions.csv", &partition_layout_default, &error));
    assert_non_null(strstr(error.text, "/nowhere/partitions.csv cannot be read"));
}

// ---- is it fit for updates? ----

static void expect_unfit(const char *text, uint32_t flash_size, const char *part) {
    partition_error_t error;
    partition_table_t table = parse(text);
    assert_false(partition_table_check(&table, flash_size, &error));
    assert_non_null(strstr(error.text, part));
}

static void a_device_needs_otadata_and_two_slots_within_its_flash(void **state) {
    (void)state;
    partition_error_t error;
    partition_table_t table = parse(OTA_TABLE);
    assert_true(partition_table_check(&table, 0x400000, &error));
    assert_true(partition_table_check(&table, 0x210000, &error));
    expect_unfit(OTA_TABLE, 0x200000, "behind the end of the flash");
    expect_unfit("nvs,data,nvs,,16K\nfactory,app,factory,,1M\n", 0x400000, "no otadata");
    expect_unfit("otadata,data,ota,,8K\nfactory,app,factory,,1M\n", 0x400000, "0 OTA slots");
    expect_unfit("otadata,data,ota,,8K\na,app,ota_0,,1M\n", 0x400000, "1 OTA slot (");
    expect_unfit("otadata,data,ota,,8K\nfactory,app,factory,,1M\na,app,ota_1,,1M\n", 0x400000, "0 OTA slots");
    table = parse("otadata,data,ota,,8K\nfactory,app,factory,,1M\na,app,ota_0,,2M\n"); // the recovery layout
    assert_true(partition_table_check(&table, 0x400000, &error));
    expect_unfit("otadata,data,ota,,8K\na,app,ota_1,,1M\nb,app,ota_2,,1M\n", 0x400000, "0 OTA slots");
}

static void slots_are_counted_without_a_gap(void **state) {
    (void)state;
    partition_table_t table = parse("a,app,ota_1,,64K\nb,app,ota_0,,64K\nc,app,ota_3,,64K\n");
    assert_int_equal(partition_table_ota_count(&table), 2);
    assert_string_equal(partition_table_ota(&table, 0)->label, "b");
    assert_string_equal(partition_table_ota(&table, 1)->label, "a");
    assert_null(partition_table_ota(&table, 2));
    assert_int_equal(partition_table_ota_index(&table.rows[2]), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_single_app_table_is_reproduced_byte_for_byte),
        cmocka_unit_test(what_was_encoded_is_decoded),
        cmocka_unit_test(a_table_with_any_byte_changed_is_refused),
        cmocka_unit_test(erased_flash_is_no_table),
        cmocka_unit_test(a_table_without_an_end_is_refused),
        cmocka_unit_test(empty_offsets_are_filled_with_the_alignment_of_the_type),
        cmocka_unit_test(sizes_are_decimal_hexadecimal_or_have_k_and_m),
        cmocka_unit_test(a_negative_size_ends_at_that_address),
        cmocka_unit_test(types_and_subtypes_are_names_or_numbers),
        cmocka_unit_test(flags_are_read),
        cmocka_unit_test(comments_blank_lines_marks_and_line_ends_do_not_matter),
        cmocka_unit_test(bootloader_and_table_have_rows_of_their_own),
        cmocka_unit_test(numbers_are_read_as_python_reads_them),
        cmocka_unit_test(variables_are_filled_in_from_the_environment),
        cmocka_unit_test(lines_may_have_any_length_and_end),
        cmocka_unit_test(utf_16_is_read_and_other_bytes_are_refused),
        cmocka_unit_test(names_are_compared_whole),
        cmocka_unit_test(a_long_name_is_cut_to_sixteen_characters),
        cmocka_unit_test(each_mistake_is_named_with_its_line),
        cmocka_unit_test(binary_files_and_endless_lines_are_refused),
        cmocka_unit_test(ninety_four_partitions_fit_and_no_more),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(a_device_needs_otadata_and_two_slots_within_its_flash),
        cmocka_unit_test(slots_are_counted_without_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
