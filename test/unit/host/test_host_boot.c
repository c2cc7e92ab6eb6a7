// SPDX-License-Identifier: Apache-2.0
// The boot record and the bootloader's choice, on flash in memory: the rules of ESP-IDF's bootloader_utility.c.
#include "testing.h"

#include "boot.h"
#include "hash_openssl.h"
#include "image_builder.h"
#include "partition_csv.h"

#define FLASH_SIZE 0xC0000
#define TWO_SLOTS "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nota_0,app,ota_0,0x10000,128K\nota_1,app,ota_1,,128K\n"
#define RECOVERY "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nfactory,app,factory,0x10000,128K\nota_0,app,ota_0,,256K\n"
#define WITH_FACTORY                                                                                                   \
    "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nfactory,app,factory,0x10000,128K\nota_0,app,ota_0,,128K\n"            \
    "ota_1,app,ota_1,,128K\nota_2,app,ota_2,,128K\ntest,app,test,,128K\n"

typedef struct {
    uint8_t memory[FLASH_SIZE];
    nor_t nor;
    partition_table_t table;
    boot_input_t input;
    boot_outcome_t outcome;
} bench_t;

static bench_t *bench_new(const char *csv) {
    bench_t *bench = calloc(1, sizeof *bench);
    partition_error_t error;
    bench->nor = (nor_t){.medium = nor_memory(bench->memory, FLASH_SIZE), .size = FLASH_SIZE, .program_unit = 16};
    assert_true(partition_csv_parse(&bench->table, csv, strlen(csv), &error));
    bench->input = (boot_input_t){&bench->nor, &bench->table, &ota_ws_hash_openssl, {.chip_id = 5, .chip_revision = 4}};
    return bench;
}

static const partition_t *find(const bench_t *bench, const char *label) {
    for (size_t i = 0; i < bench->table.count; i++) {
        if (strcmp(bench->table.rows[i].label, label) == 0) {
            return &bench->table.rows[i];
        }
    }
    fail_msg("no partition %s", label);
    return NULL;
}

static void put_image(bench_t *bench, const char *label, const image_spec_t *spec) {
    const partition_t *partition = find(bench, label);
    image_file_t file = image_build(spec);
    assert_true(file.length <= partition->size);
    memcpy(bench->memory + partition->address, file.bytes, file.length);
    image_free(&file);
}

static void put_good_image(bench_t *bench, const char *label) {
    put_image(bench, label, &image_spec_default);
}

static uint8_t *sector(bench_t *bench, int index) {
    return bench->memory + find(bench, "otadata")->address + (size_t)index * NOR_SECTOR_SIZE;
}

static void put_entry(bench_t *bench, int index, uint32_t sequence, otadata_state_t state) {
    otadata_entry_t entry = otadata_entry(sequence, state);
    assert_int_equal(otadata_write(&bench->nor, find(bench, "otadata"), index, &entry), OTA_WS_OK);
}

static void break_crc(bench_t *bench, int index) {
    sector(bench, index)[28] ^= 1;
}

static otadata_entry_t entry_at(bench_t *bench, int index) {
    otadata_t otadata;
    assert_int_equal(otadata_read(&bench->nor, find(bench, "otadata"), &otadata), OTA_WS_OK);
    return otadata.entries[index];
}

static void expect_entry(bench_t *bench, int index, uint32_t sequence, otadata_state_t state) {
    otadata_entry_t entry = entry_at(bench, index);
    assert_int_equal(entry.sequence, sequence);
    assert_int_equal(entry.state, (uint32_t)state);
    assert_int_equal(entry.crc, otadata_crc(sequence));
}

static void expect_empty(bench_t *bench, int index) {
    for (size_t i = 0; i < OTADATA_ENTRY_SIZE; i++) {
        assert_int_equal(sector(bench, index)[i], 0xFF);
    }
}

static void expect_boot(bench_t *bench, const char *label) {
    boot_run(&bench->input, &bench->outcome);
    assert_non_null(bench->outcome.partition);
    assert_string_equal(bench->outcome.partition->label, label);
}

static void expect_no_boot(bench_t *bench) {
    boot_run(&bench->input, &bench->outcome);
    assert_null(bench->outcome.partition);
}

// ---- the record ----

static void the_crc_covers_the_sequence_number_as_the_rom_computes_it(void **state) {
    (void)state;
    assert_int_equal(otadata_crc(1), 0x4743989a);
    assert_int_equal(otadata_crc(2), 0x55f63774);
    assert_int_equal(otadata_crc(3), 0xed4a5011);
    assert_int_equal(otadata_crc(4), 0x709d68a8);
}

static void an_entry_lies_in_flash_as_esp_idf_writes_it(void **state) {
    (void)state;
    static const uint8_t expected[OTADATA_ENTRY_SIZE] = {
        2,    0,    0,    0,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
        0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0,    0,    0,    0,    0x74, 0x37, 0xf6, 0x55,
    };
    bench_t *bench = bench_new(TWO_SLOTS);
    memset(sector(bench, 1), 0, NOR_SECTOR_SIZE);
    put_entry(bench, 1, 2, OTADATA_NEW);
    assert_memory_equal(sector(bench, 1), expected, sizeof expected);
    assert_int_equal(sector(bench, 1)[OTADATA_ENTRY_SIZE], 0xFF);
    free(bench);
}

typedef struct {
    uint32_t current, slot, slots, expected;
} next_t;

static void the_next_number_is_the_smallest_that_selects_the_slot(void **state) {
    (void)state;
    static const next_t cases[] = {{1, 1, 2, 2}, {2, 0, 2, 3}, {5, 1, 2, 6},     {6, 0, 2, 7}, {1, 0, 2, 1},
                                   {4, 0, 4, 5}, {5, 3, 4, 8}, {5, 2, 3, 6},     {7, 0, 3, 7}, {8, 0, 3, 10},
                                   {0, 0, 1, 0}, {3, 0, 1, 3}, {100, 7, 16, 104}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t next = otadata_next_sequence(cases[i].current, cases[i].slot, cases[i].slots);
        assert_int_equal(next, cases[i].expected);
    }
}

static void an_entry_is_valid_with_number_crc_and_a_state_that_is_not_given_up(void **state) {
    (void)state;
    static const otadata_state_t good[] = {OTADATA_NEW, OTADATA_PENDING_VERIFY, OTADATA_VALID, OTADATA_UNDEFINED};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        otadata_entry_t entry = otadata_entry(1, good[i]);
        assert_true(otadata_is_valid(&entry));
        entry.crc ^= 1;
        assert_false(otadata_is_valid(&entry));
        assert_true(otadata_is_candidate(&entry));
    }
    otadata_entry_t invalid = otadata_entry(1, OTADATA_INVALID);
    otadata_entry_t aborted = otadata_entry(1, OTADATA_ABORTED);
    otadata_entry_t empty = otadata_entry(OTADATA_NO_SEQUENCE, OTADATA_VALID);
    assert_false(otadata_is_candidate(&invalid) || otadata_is_candidate(&aborted) || otadata_is_candidate(&empty));
}

static void the_higher_number_of_two_valid_entries_is_active(void **state) {
    (void)state;
    otadata_t otadata = {{otadata_entry(3, OTADATA_VALID), otadata_entry(4, OTADATA_NEW)}};
    assert_int_equal(otadata_active(&otadata), 1);
    otadata.entries[0] = otadata_entry(5, OTADATA_VALID);
    assert_int_equal(otadata_active(&otadata), 0);
    otadata.entries[0].crc ^= 1;
    assert_int_equal(otadata_active(&otadata), 1);
    otadata.entries[1].state = OTADATA_INVALID;
    assert_int_equal(otadata_active(&otadata), -1);
}

// ---- the choice ----

static void a_first_start_takes_ota_0_and_records_it(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    expect_boot(bench, "ota_0");
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_empty(bench, 1);
    expect_boot(bench, "ota_0");
    expect_entry(bench, 0, 1, OTADATA_VALID);
    free(bench);
}

static void a_first_start_records_the_slot_that_truly_starts(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_1");
    expect_boot(bench, "ota_1");
    expect_entry(bench, 0, 2, OTADATA_VALID);
    assert_int_equal(bench->outcome.refusal_count, 1);
    assert_int_equal(bench->outcome.refusals[0].status, OTA_WS_EMPTY);
    free(bench);
}

static void with_a_factory_image_a_first_start_records_nothing(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_good_image(bench, "factory");
    put_good_image(bench, "ota_0");
    expect_boot(bench, "factory");
    expect_empty(bench, 0);
    expect_empty(bench, 1);
    free(bench);
}

// bootloader_utility_get_selected_boot_partition() of ESP-IDF v5.1.4 and v6.0.2 with one slot beside a factory image.
static void one_slot_beside_a_factory_image_starts_or_the_factory_image_does(void **state) {
    (void)state;
    static const struct {
        otadata_state_t before;
        const char *starts;
        otadata_state_t after;
    } cases[] = {
        {OTADATA_NEW, "ota_0", OTADATA_PENDING_VERIFY}, {OTADATA_PENDING_VERIFY, "factory", OTADATA_ABORTED},
        {OTADATA_VALID, "ota_0", OTADATA_VALID},        {OTADATA_INVALID, "factory", OTADATA_INVALID},
        {OTADATA_ABORTED, "factory", OTADATA_ABORTED},  {OTADATA_UNDEFINED, "ota_0", OTADATA_UNDEFINED},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t *bench = bench_new(RECOVERY);
        put_good_image(bench, "factory");
        put_good_image(bench, "ota_0");
        expect_boot(bench, "factory"); // no entry
        put_entry(bench, i % 2, 1 + (uint32_t)i, cases[i].before);
        expect_boot(bench, cases[i].starts);
        expect_entry(bench, i % 2, 1 + (uint32_t)i, cases[i].after);
        expect_empty(bench, (i + 1) % 2);
        free(bench);
    }
}

static void one_slot_that_does_not_verify_leaves_the_factory_image(void **state) {
    (void)state;
    bench_t *bench = bench_new(RECOVERY);
    put_good_image(bench, "factory");
    put_good_image(bench, "ota_0");
    bench->memory[find(bench, "ota_0")->address + 100] ^= 1;
    put_entry(bench, 0, 1, OTADATA_VALID);
    expect_boot(bench, "factory");
    expect_entry(bench, 0, 1, OTADATA_VALID);
    break_crc(bench, 0); // a torn write: neither entry counts
    expect_boot(bench, "factory");
    free(bench);
}

static void the_active_entry_selects_the_slot(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_good_image(bench, "factory");
    put_good_image(bench, "ota_0");
    put_good_image(bench, "ota_1");
    put_good_image(bench, "ota_2");
    static const char *const expected[] = {"ota_0", "ota_1", "ota_2", "ota_0", "ota_1", "ota_2", "ota_0"};
    for (uint32_t sequence = 1; sequence <= COUNT_OF(expected); sequence++) {
        put_entry(bench, sequence % 2, sequence, OTADATA_VALID);
        expect_boot(bench, expected[sequence - 1]);
    }
    free(bench);
}

static void a_new_image_is_on_trial_before_it_is_loaded(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_NEW);
    expect_boot(bench, "ota_0"); // ota_1 is empty: its only attempt is used up all the same
    expect_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    expect_boot(bench, "ota_0");
    expect_entry(bench, 1, 2, OTADATA_ABORTED);
    free(bench);
}

static void an_image_that_restarts_on_trial_is_aborted_and_the_old_one_runs(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_good_image(bench, "ota_1");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_NEW);
    expect_boot(bench, "ota_1");
    expect_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    assert_int_equal(bench->outcome.aborted, -1);
    expect_boot(bench, "ota_0");
    expect_entry(bench, 1, 2, OTADATA_ABORTED);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    assert_int_equal(bench->outcome.aborted, 1);
    free(bench);
}

static void valid_and_undefined_images_start_without_limit(void **state) {
    (void)state;
    static const otadata_state_t states[] = {OTADATA_VALID, OTADATA_UNDEFINED};
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        bench_t *bench = bench_new(TWO_SLOTS);
        put_good_image(bench, "ota_0");
        put_good_image(bench, "ota_1");
        put_entry(bench, 0, 1, OTADATA_VALID);
        put_entry(bench, 1, 2, states[i]);
        for (int start = 0; start < 3; start++) {
            expect_boot(bench, "ota_1");
            expect_entry(bench, 1, 2, states[i]);
        }
        free(bench);
    }
}

static void given_up_images_are_never_chosen(void **state) {
    (void)state;
    static const otadata_state_t states[] = {OTADATA_INVALID, OTADATA_ABORTED};
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        bench_t *bench = bench_new(TWO_SLOTS);
        put_good_image(bench, "ota_0");
        put_good_image(bench, "ota_1");
        put_entry(bench, 0, 1, OTADATA_VALID);
        put_entry(bench, 1, 2, states[i]);
        expect_boot(bench, "ota_0");
        free(bench);
    }
}

static void both_images_given_up_end_in_factory_or_ota_0_without_a_new_record(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_good_image(bench, "factory");
    put_good_image(bench, "ota_0");
    put_entry(bench, 0, 1, OTADATA_INVALID);
    put_entry(bench, 1, 2, OTADATA_ABORTED);
    expect_boot(bench, "factory");
    free(bench);

    bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_entry(bench, 0, 1, OTADATA_INVALID);
    put_entry(bench, 1, 2, OTADATA_ABORTED);
    expect_boot(bench, "ota_0");
    expect_entry(bench, 0, 1, OTADATA_INVALID);
    free(bench);
}

static void an_entry_whose_crc_is_wrong_does_not_count(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_good_image(bench, "ota_1");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_VALID);
    break_crc(bench, 1);
    expect_boot(bench, "ota_0");
    break_crc(bench, 0); // candidates without a valid one: all partitions are tried, and nothing is recorded
    expect_boot(bench, "ota_0");
    assert_int_equal(entry_at(bench, 0).crc, otadata_crc(1) ^ 1);
    free(bench);
}

static void a_trial_is_aborted_even_when_its_crc_is_wrong_and_stays_wrong(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    break_crc(bench, 1);
    expect_boot(bench, "ota_0");
    assert_int_equal(entry_at(bench, 1).state, OTADATA_ABORTED);
    assert_int_equal(entry_at(bench, 1).crc, otadata_crc(2) ^ 1);
    free(bench);
}

// ---- loading ----

static void a_damaged_image_falls_back_downwards_first_then_upwards(void **state) {
    (void)state;
    static const char *const order[] = {"ota_1", "ota_0", "factory", "ota_2", "test"};
    bench_t *bench = bench_new(WITH_FACTORY);
    put_entry(bench, 0, 2, OTADATA_VALID);
    expect_no_boot(bench);
    assert_int_equal(bench->outcome.refusal_count, COUNT_OF(order));
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        assert_string_equal(bench->outcome.refusals[i].partition->label, order[i]);
    }
    for (size_t i = COUNT_OF(order); i-- > 0;) {
        put_good_image(bench, order[i]);
        expect_boot(bench, order[i]);
        expect_entry(bench, 0, 2, OTADATA_VALID);
    }
    free(bench);
}

static void expect_refusal(const image_spec_t *spec, ota_ws_status_t status) {
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", spec);
    expect_no_boot(bench);
    assert_int_equal(bench->outcome.refusals[0].status, status);
    free(bench);
}

static void an_image_for_another_chip_or_revision_does_not_start(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.chip_id = 9;
    expect_refusal(&spec, OTA_WS_WRONG_CHIP);
    spec = image_spec_default;
    spec.min_revision = 5;
    expect_refusal(&spec, OTA_WS_WRONG_REVISION);
    spec = image_spec_default;
    spec.max_revision = 3;
    expect_refusal(&spec, OTA_WS_WRONG_REVISION);
}

static void an_image_below_the_secure_version_does_not_start(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    bench_t *bench = bench_new(TWO_SLOTS);
    spec.secure_version = 2;
    put_image(bench, "ota_0", &spec);
    bench->input.target.secure_version = 2;
    expect_boot(bench, "ota_0");
    bench->input.target.secure_version = 3;
    expect_no_boot(bench);
    assert_int_equal(bench->outcome.refusals[0].status, OTA_WS_OLDER_SECURE_VERSION);
    free(bench);
}

static void no_image_with_a_changed_byte_starts(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 4096;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", &spec);
    uint8_t *image = bench->memory + find(bench, "ota_0")->address;
    for (size_t i = 0; i < spec.size; i += 5) {
        image[i] ^= 0x10;
        expect_no_boot(bench);
        image[i] ^= 0x10;
    }
    expect_boot(bench, "ota_0");
    free(bench);
}

static void what_lies_behind_an_image_does_not_matter(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    bench_t *bench = bench_new(TWO_SLOTS);
    const partition_t *slot = find(bench, "ota_0");
    for (unsigned digest = 0; digest < 2; digest++) {
        for (unsigned extra = 0; extra < 64; extra += 4) {
            spec.digest = digest != 0;
            spec.size = 5000 + extra;
            image_file_t file = image_build(&spec);
            memset(bench->memory + slot->address, 0x5A, slot->size);
            memcpy(bench->memory + slot->address, file.bytes, file.length);
            expect_boot(bench, "ota_0");
            image_free(&file);
        }
    }
    free(bench);
}

static void an_image_that_ends_with_its_partition_starts_and_one_that_goes_on_does_not(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    bench_t *bench = bench_new(TWO_SLOTS);
    spec.size = 0x20000;
    put_image(bench, "ota_0", &spec);
    expect_boot(bench, "ota_0");
    bench->table.rows[2].size -= 16;
    assert_string_equal(bench->table.rows[2].label, "ota_0");
    expect_no_boot(bench);
    assert_int_equal(bench->outcome.refusals[0].status, OTA_WS_TRUNCATED);
    free(bench);
}

// ---- flash that fails ----

static bool refuse_program(void *context, const nor_operation_t *operation) {
    (void)context;
    return operation->kind != NOR_PROGRAM;
}

static void a_record_that_cannot_be_written_does_not_keep_the_image_from_starting(void **state) {
    (void)state;
    nor_watch_t watch = {NULL, refuse_program, NULL};
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    put_good_image(bench, "ota_1");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_NEW);
    bench->nor.watch = &watch;
    expect_boot(bench, "ota_1");
    expect_empty(bench, 1); // erased, and not written again
    expect_boot(bench, "ota_0");
    free(bench);
}

static bool refuse_all(void *context, const nor_operation_t *operation) {
    (void)context;
    (void)operation;
    return false;
}

static void flash_that_cannot_be_read_starts_nothing(void **state) {
    (void)state;
    nor_watch_t watch = {NULL, refuse_all, NULL};
    bench_t *bench = bench_new(TWO_SLOTS);
    put_good_image(bench, "ota_0");
    bench->nor.watch = &watch;
    expect_no_boot(bench);
    free(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_crc_covers_the_sequence_number_as_the_rom_computes_it),
        cmocka_unit_test(an_entry_lies_in_flash_as_esp_idf_writes_it),
        cmocka_unit_test(the_next_number_is_the_smallest_that_selects_the_slot),
        cmocka_unit_test(an_entry_is_valid_with_number_crc_and_a_state_that_is_not_given_up),
        cmocka_unit_test(the_higher_number_of_two_valid_entries_is_active),
        cmocka_unit_test(a_first_start_takes_ota_0_and_records_it),
        cmocka_unit_test(a_first_start_records_the_slot_that_truly_starts),
        cmocka_unit_test(with_a_factory_image_a_first_start_records_nothing),
        cmocka_unit_test(one_slot_beside_a_factory_image_starts_or_the_factory_image_does),
        cmocka_unit_test(one_slot_that_does_not_verify_leaves_the_factory_image),
        cmocka_unit_test(the_active_entry_selects_the_slot),
        cmocka_unit_test(a_new_image_is_on_trial_before_it_is_loaded),
        cmocka_unit_test(an_image_that_restarts_on_trial_is_aborted_and_the_old_one_runs),
        cmocka_unit_test(valid_and_undefined_images_start_without_limit),
        cmocka_unit_test(given_up_images_are_never_chosen),
        cmocka_unit_test(both_images_given_up_end_in_factory_or_ota_0_without_a_new_record),
        cmocka_unit_test(an_entry_whose_crc_is_wrong_does_not_count),
        cmocka_unit_test(a_trial_is_aborted_even_when_its_crc_is_wrong_and_stays_wrong),
        cmocka_unit_test(a_damaged_image_falls_back_downwards_first_then_upwards),
        cmocka_unit_test(an_image_for_another_chip_or_revision_does_not_start),
        cmocka_unit_test(an_image_below_the_secure_version_does_not_start),
        cmocka_unit_test(no_image_with_a_changed_byte_starts),
        cmocka_unit_test(what_lies_behind_an_image_does_not_matter),
        cmocka_unit_test(an_image_that_ends_with_its_partition_starts_and_one_that_goes_on_does_not),
        cmocka_unit_test(a_record_that_cannot_be_written_does_not_keep_the_image_from_starting),
        cmocka_unit_test(flash_that_cannot_be_read_starts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
