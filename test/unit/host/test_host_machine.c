// SPDX-License-Identifier: Apache-2.0
// The virtual chip's flash and platform ports: what each call does to slot and boot record, and what the device then
// says of itself.
#include "testing.h"

#include "hash_openssl.h"
#include "image_builder.h"
#include "machine.h"
#include "partition_csv.h"

#define FLASH_SIZE 0x90000
#define TWO_SLOTS "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nota_0,app,ota_0,0x10000,128K\nota_1,app,ota_1,,128K\n"
#define WITH_FACTORY                                                                                                   \
    "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nfactory,app,factory,0x10000,128K\nota_0,app,ota_0,,128K\n"            \
    "ota_1,app,ota_1,,128K\n"

#define RECOVERY "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nfactory,app,factory,0x10000,128K\nota_0,app,ota_0,,128K\n"

typedef struct {
    uint8_t memory[FLASH_SIZE];
    nor_t nor;
    nor_watch_t watch;
    nor_kind_t failing;
    int fail_after; // of that kind; -1: never
    partition_table_t table;
    console_t console;
    machine_parts_t parts;
    machine_t machine;
    bool is_on;
    ota_ws_flash_t flash;
    ota_ws_platform_t platform;
    ota_ws_identity_t identity;
    unsigned restarts;
} bench_t;

static bool fail_some(void *context, const nor_operation_t *operation) {
    bench_t *bench = context;
    return operation->kind != bench->failing || bench->fail_after < 0 || bench->fail_after-- > 0;
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

static void put_image(bench_t *bench, const char *label, const char *version) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    image_file_t file = image_build(&spec);
    memcpy(bench->memory + find(bench, label)->address, file.bytes, file.length);
    image_free(&file);
}

static void put_entry(bench_t *bench, int sector, uint32_t sequence, otadata_state_t state) {
    otadata_entry_t entry = otadata_entry(sequence, state);
    assert_int_equal(otadata_write(&bench->nor, find(bench, "otadata"), sector, &entry), OTA_WS_OK);
}

static otadata_t record(bench_t *bench) {
    otadata_t otadata;
    assert_int_equal(otadata_read(&bench->nor, find(bench, "otadata"), &otadata), OTA_WS_OK);
    return otadata;
}

static void expect_entry(bench_t *bench, int sector, uint32_t sequence, otadata_state_t state) {
    otadata_t otadata = record(bench);
    assert_int_equal(otadata.entries[sector].sequence, sequence);
    assert_int_equal(otadata.entries[sector].state, (uint32_t)state);
    assert_true(otadata.entries[sector].crc == otadata_crc(sequence) || sequence == OTADATA_NO_SEQUENCE);
}

static void expect_no_entry(bench_t *bench, int sector) {
    expect_entry(bench, sector, OTADATA_NO_SEQUENCE, OTADATA_UNDEFINED);
}

static bench_t *bench_new(const char *csv) {
    bench_t *bench = calloc(1, sizeof *bench);
    partition_error_t error;
    bench->fail_after = -1;
    bench->watch = (nor_watch_t){bench, fail_some, NULL};
    bench->nor = (nor_t){.medium = nor_memory(bench->memory, FLASH_SIZE),
                         .watch = &bench->watch,
                         .size = FLASH_SIZE,
                         .program_unit = 16};
    assert_true(partition_csv_parse(&bench->table, csv, strlen(csv), &error));
    console_init(&bench->console, NULL);
    bench->parts = (machine_parts_t){.nor = &bench->nor,
                                     .table = &bench->table,
                                     .hash = &ota_ws_hash_openssl,
                                     .console = &bench->console,
                                     .target = {.chip_id = 5, .chip_revision = 4},
                                     .name = "bench"};
    return bench;
}

static void switch_off(bench_t *bench) {
    if (bench->is_on) {
        machine_stop(&bench->machine);
    }
    bench->is_on = false;
}

static void look(bench_t *bench) {
    bench->platform.describe(bench->platform.context, &bench->identity);
}

// Starts, or starts again.
static void start(bench_t *bench) {
    switch_off(bench);
    bench->is_on = true;
    assert_true(machine_start(&bench->machine, &bench->parts));
    bench->flash = machine_flash(&bench->machine);
    bench->platform = machine_platform(&bench->machine);
    look(bench);
}

static void bench_free(bench_t *bench) {
    switch_off(bench);
    free(bench);
}

// ota_0 runs, confirmed; ota_1 is empty.
static bench_t *bench_running(void) {
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "1.0.0");
    start(bench);
    return bench;
}

// Erases and programs an image by way of the flash port; open stays open.
static void write_image(bench_t *bench, const char *version) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    image_file_t file = image_build(&spec);
    void *context = bench->flash.context;
    assert_int_equal(bench->flash.open(context, (uint32_t)file.length), OTA_WS_OK);
    for (uint32_t at = 0; at < file.length; at += 65536) {
        assert_int_equal(bench->flash.erase(context, at, 65536), OTA_WS_OK);
    }
    assert_int_equal(bench->flash.program(context, 0, file.bytes, file.length), OTA_WS_OK);
    image_free(&file);
}

static ota_ws_status_t update(bench_t *bench, const char *version) {
    write_image(bench, version);
    ota_ws_status_t status = bench->flash.activate(bench->flash.context, 65536);
    bench->flash.close(bench->flash.context);
    look(bench);
    return status;
}

// ota_1 runs 2.0.0 on trial, ota_0 holds 1.0.0 confirmed.
static bench_t *bench_on_trial(void) {
    bench_t *bench = bench_running();
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    start(bench);
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_TRIAL);
    return bench;
}

// ---- identity ----

static void a_device_says_what_runs_and_what_lies_in_the_other_slot(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "1.0.0");
    put_image(bench, "ota_1", "0.9.0");
    start(bench);
    assert_string_equal(bench->identity.device_name, "bench");
    assert_int_equal(bench->identity.chip_id, 5);
    assert_int_equal(bench->identity.chip_revision, 4);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_string_equal(bench->identity.running.version, "1.0.0");
    assert_string_equal(bench->identity.running.project, "demo");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    assert_string_equal(bench->identity.other_slot, "ota_1");
    assert_true(bench->identity.other_valid);
    assert_string_equal(bench->identity.other.version, "0.9.0");
    assert_int_equal(bench->identity.other_state, OTA_WS_IMAGE_NONE);
    assert_false(bench->identity.can_roll_back);
    bench_free(bench);
}

static void an_image_that_would_not_start_is_not_spoken_of(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "1.0.0");
    put_image(bench, "ota_1", "2.0.0");
    bench->memory[find(bench, "ota_1")->address + 60000] ^= 1;
    start(bench);
    assert_false(bench->identity.other_valid);
    bench_free(bench);
}

static void each_state_of_the_record_has_its_word(void **state) {
    (void)state;
    typedef struct {
        otadata_state_t state;
        ota_ws_image_state_t word;
    } word_t;
    static const word_t words[] = {
        {OTADATA_VALID, OTA_WS_IMAGE_VALID},
        {OTADATA_UNDEFINED, OTA_WS_IMAGE_UNWATCHED},
        {OTADATA_INVALID, OTA_WS_IMAGE_ROLLED_BACK},
        {OTADATA_ABORTED, OTA_WS_IMAGE_ABORTED},
        {OTADATA_PENDING_VERIFY, OTA_WS_IMAGE_ABORTED}, // the start itself makes it so
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        bench_t *bench = bench_new(TWO_SLOTS);
        put_image(bench, "ota_0", "1.0.0");
        put_image(bench, "ota_1", "0.9.0");
        put_entry(bench, 0, 3, OTADATA_VALID);
        put_entry(bench, 1, 2, words[i].state);
        start(bench);
        assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
        assert_int_equal(bench->identity.other_state, words[i].word);
        bench_free(bench);
    }
}

static void a_factory_image_says_so_and_updates_go_to_ota_0(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_image(bench, "factory", "1.0.0");
    start(bench);
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_FACTORY);
    assert_string_equal(bench->identity.other_slot, "ota_0");
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    expect_entry(bench, 0, 1, OTADATA_NEW);
    expect_no_entry(bench, 1);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_true(bench->identity.can_roll_back); // to factory
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_OK);
    start(bench);
    assert_string_equal(bench->identity.slot, "factory");
    bench_free(bench);
}

static ota_ws_status_t enter_recovery(bench_t *bench) {
    return bench->platform.enter_recovery(bench->platform.context);
}

static void one_slot_beside_a_factory_image_is_the_recovery_layout(void **state) {
    (void)state;
    bench_t *bench = bench_new(RECOVERY);
    put_image(bench, "factory", "1.0.0");
    start(bench);
    assert_int_equal(bench->identity.layout, OTA_WS_LAYOUT_RECOVERY);
    assert_string_equal(bench->identity.other_slot, "ota_0");
    assert_false(bench->identity.other_valid);
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(bench->identity.layout, OTA_WS_LAYOUT_APPLICATION);
    assert_string_equal(bench->identity.other_slot, "factory");
    assert_string_equal(bench->identity.other.version, "1.0.0");
    assert_int_equal(bench->flash.slot_size(bench->flash.context), 128 * 1024);
    assert_int_equal(bench->flash.open(bench->flash.context, 1000), OTA_WS_NO_SLOT);
    bench_free(bench);
}

static void entering_the_recovery_image_takes_every_entry_of_the_slot_away(void **state) {
    (void)state;
    bench_t *bench = bench_new(RECOVERY);
    put_image(bench, "factory", "1.0.0");
    put_image(bench, "ota_0", "2.0.0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(enter_recovery(bench), OTA_WS_OK);
    expect_no_entry(bench, 0);
    expect_no_entry(bench, 1);
    start(bench);
    assert_string_equal(bench->identity.slot, "factory");
    assert_true(bench->identity.other_valid);
    bench_free(bench);
}

static void a_recovery_image_that_would_not_start_is_not_selected(void **state) {
    (void)state;
    bench_t *bench = bench_new(RECOVERY);
    put_image(bench, "ota_0", "2.0.0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    start(bench);
    assert_int_equal(enter_recovery(bench), OTA_WS_NOT_VERIFIED);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    put_image(bench, "factory", "1.0.0");
    bench->failing = NOR_ERASE;
    bench->fail_after = 0;
    assert_int_equal(enter_recovery(bench), OTA_WS_BOOT_RECORD);
    bench_free(bench);
}

static void without_an_image_that_starts_there_is_no_device(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    assert_false(machine_start(&bench->machine, &bench->parts));
    machine_stop(&bench->machine);
    bench_free(bench);
}

// ---- the slot ----

static void the_port_knows_the_slots_geometry(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    assert_int_equal(bench->flash.slot_size(bench->flash.context), 0x20000);
    assert_int_equal(bench->flash.sector_size, 4096);
    assert_int_equal(bench->flash.block_size, 65536);
    assert_int_equal(bench->flash.program_unit, 16);
    bench_free(bench);
}

static void nothing_outside_the_slot_is_reached(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    uint8_t before[FLASH_SIZE];
    uint8_t bytes[32] = {0};
    void *context = bench->flash.context;
    memcpy(before, bench->memory, FLASH_SIZE);
    assert_int_equal(bench->flash.open(context, 100), OTA_WS_OK);
    assert_int_equal(bench->flash.erase(context, 0x20000, 4096), OTA_WS_FLASH_ERASE);
    assert_int_equal(bench->flash.erase(context, 0x1F000, 8192), OTA_WS_FLASH_ERASE);
    assert_int_equal(bench->flash.erase(context, UINT32_MAX - 4095, 4096), OTA_WS_FLASH_ERASE);
    assert_int_equal(bench->flash.program(context, 0x1FFF0, bytes, 32), OTA_WS_FLASH_PROGRAM);
    assert_int_equal(bench->flash.read(context, 0x1FFF0, bytes, 32), OTA_WS_FLASH_READ);
    assert_memory_equal(before, bench->memory, FLASH_SIZE);
    bench->flash.close(context);
    bench_free(bench);
}

static void opening_changes_nothing(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    uint8_t before[FLASH_SIZE];
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
    memcpy(before, bench->memory, FLASH_SIZE);
    assert_int_equal(bench->flash.open(bench->flash.context, 1000), OTA_WS_OK);
    bench->flash.close(bench->flash.context);
    assert_memory_equal(before, bench->memory, FLASH_SIZE);
    bench_free(bench);
}

static void on_trial_no_update_begins(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    assert_int_equal(bench->flash.open(bench->flash.context, 1000), OTA_WS_ON_TRIAL);
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
    assert_int_equal(bench->flash.open(bench->flash.context, 1000), OTA_WS_OK);
    bench_free(bench);
}

static void the_first_erase_takes_the_slots_record_with_it(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "1.0.0");
    put_image(bench, "ota_1", "0.9.0");
    put_entry(bench, 0, 3, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_VALID);
    start(bench);
    assert_true(bench->identity.can_roll_back);
    assert_int_equal(bench->flash.open(bench->flash.context, 70000), OTA_WS_OK);
    expect_entry(bench, 1, 2, OTADATA_VALID);
    assert_int_equal(bench->flash.erase(bench->flash.context, 0, 4096), OTA_WS_OK);
    expect_no_entry(bench, 1);
    expect_entry(bench, 0, 3, OTADATA_VALID);
    look(bench);
    assert_false(bench->identity.other_valid);
    assert_false(bench->identity.can_roll_back);
    assert_int_equal(bench->identity.other_state, OTA_WS_IMAGE_NONE);
    bench_free(bench);
}

typedef struct {
    bench_t *bench;
    uint32_t crc; // of the entry, when its sector was erased
    bool was_erased;
} withdrawal_t;

static bool see_withdrawal(void *context, const nor_operation_t *operation) {
    withdrawal_t *seen = context;
    const partition_t *otadata = find(seen->bench, "otadata");
    if (operation->kind == NOR_ERASE && operation->address == otadata->address + 4096) {
        memcpy(&seen->crc, seen->bench->memory + operation->address + 28, sizeof seen->crc);
        seen->was_erased = true;
    }
    return true;
}

// Weak cells may read as a bar now and as NEW at the next start, when the slot is half written.
static void an_entry_that_bars_goes_too_and_counts_at_no_moment(void **state) {
    (void)state;
    static const otadata_state_t bars[] = {OTADATA_ABORTED, OTADATA_INVALID};
    for (size_t i = 0; i < sizeof bars / sizeof *bars; i++) {
        bench_t *bench = bench_new(TWO_SLOTS);
        put_image(bench, "ota_0", "1.0.0");
        put_image(bench, "ota_1", "2.0.0");
        put_entry(bench, 0, 3, OTADATA_VALID);
        put_entry(bench, 1, 4, bars[i]);
        start(bench);
        withdrawal_t seen = {.bench = bench, .crc = 1};
        bench->watch = (nor_watch_t){&seen, see_withdrawal, NULL};
        assert_int_equal(bench->flash.open(bench->flash.context, 70000), OTA_WS_OK);
        assert_int_equal(bench->flash.erase(bench->flash.context, 0, 4096), OTA_WS_OK);
        assert_true(seen.was_erased);
        assert_int_equal(seen.crc, 0);
        expect_no_entry(bench, 1);
        expect_entry(bench, 0, 3, OTADATA_VALID);
        bench_free(bench);
    }
}

static void a_damaged_active_image_loses_its_record_when_it_is_overwritten(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS); // the bootloader falls back to ota_0, though ota_1 is active
    put_image(bench, "ota_0", "1.0.0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 2, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_entry(bench, 1, 2, OTADATA_NEW);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    bench_free(bench);
}

// ---- activate and deactivate ----

static void activate_selects_a_whole_image_on_trial(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_entry(bench, 1, 2, OTADATA_NEW);
    assert_true(bench->identity.other_valid);
    assert_string_equal(bench->identity.other.version, "2.0.0");
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_TRIAL);
    assert_true(bench->identity.can_roll_back);
    bench_free(bench);
}

static void activate_refuses_what_would_not_start(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    write_image(bench, "2.0.0");
    bench->memory[find(bench, "ota_1")->address + 40000] ^= 4;
    assert_int_equal(bench->flash.activate(bench->flash.context, 65536), OTA_WS_NOT_VERIFIED);
    bench->flash.close(bench->flash.context);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_no_entry(bench, 1);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    bench_free(bench);
}

static void a_record_that_cannot_be_written_leaves_the_old_selection(void **state) {
    (void)state;
    static const nor_kind_t kinds[] = {NOR_ERASE, NOR_PROGRAM};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        bench_t *bench = bench_running();
        write_image(bench, "2.0.0");
        bench->failing = kinds[i];
        bench->fail_after = 0;
        assert_int_equal(bench->flash.activate(bench->flash.context, 65536), OTA_WS_BOOT_RECORD);
        bench->fail_after = -1;
        bench->flash.close(bench->flash.context);
        start(bench);
        assert_string_equal(bench->identity.slot, "ota_0");
        assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
        bench_free(bench);
    }
}

// A state word that is torn passes the CRC; only reading back sees it.
static void tear_state(void *context, const nor_operation_t *operation) {
    bench_t *bench = context;
    if (operation->kind == NOR_PROGRAM && operation->length == OTADATA_ENTRY_SIZE) {
        memset(bench->memory + operation->address + 24, 0xFF, 4);
    }
}

static void a_torn_state_word_is_noticed_and_selects_nothing(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    write_image(bench, "2.0.0");
    bench->watch.after = tear_state;
    assert_int_equal(bench->flash.activate(bench->flash.context, 65536), OTA_WS_BOOT_RECORD);
    bench->watch.after = NULL;
    expect_no_entry(bench, 1);
    bench->flash.close(bench->flash.context);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    bench_free(bench);
}

static void deactivate_selects_the_running_image_again(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    assert_int_equal(bench->flash.deactivate(bench->flash.context), OTA_WS_OK);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_no_entry(bench, 1);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    bench_free(bench);
}

static void deactivate_goes_back_to_a_factory_image_too(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_image(bench, "factory", "1.0.0");
    start(bench);
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    assert_int_equal(bench->flash.deactivate(bench->flash.context), OTA_WS_OK);
    expect_no_entry(bench, 0);
    start(bench);
    assert_string_equal(bench->identity.slot, "factory");
    bench_free(bench);
}

// Otherwise the new image would start without a trial, being the first that the bootloader finds.
static void a_running_image_without_a_record_gets_one_before_another_is_selected(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS); // only ota_0 has a record, but it is damaged: ota_1 runs
    put_image(bench, "ota_1", "1.0.0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_UNWATCHED);
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    expect_entry(bench, 0, 2, OTADATA_VALID);
    expect_entry(bench, 1, 3, OTADATA_NEW);
    assert_int_equal(bench->flash.deactivate(bench->flash.context), OTA_WS_OK);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    bench_free(bench);
}

static void deactivate_says_when_the_record_cannot_be_written(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    bench->failing = NOR_PROGRAM;
    bench->fail_after = 0;
    assert_int_equal(bench->flash.deactivate(bench->flash.context), OTA_WS_BOOT_RECORD);
    expect_entry(bench, 1, 2, OTADATA_NEW);
    bench->failing = NOR_ERASE;
    bench->fail_after = 0;
    assert_int_equal(bench->flash.deactivate(bench->flash.context), OTA_WS_BOOT_RECORD);
    otadata_t otadata = record(bench);
    assert_int_equal(otadata_active(&otadata), 0); // its CRC is wrong already
    bench_free(bench);
}

// ---- confirm and go back ----

static void confirm_ends_the_trial_for_good(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
    look(bench);
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    expect_entry(bench, 1, 2, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
    expect_entry(bench, 1, 2, OTADATA_VALID);
    bench->failing = NOR_ERASE; // what reads as valid is written all the same: the write before may have been cut off
    bench->fail_after = 0;
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_BOOT_RECORD);
    bench_free(bench);
}

static void an_image_that_is_not_confirmed_is_gone_after_a_restart(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(bench->identity.other_state, OTA_WS_IMAGE_ABORTED);
    assert_true(bench->identity.other_valid);
    assert_false(bench->identity.can_roll_back);
    bench_free(bench);
}

static void going_back_runs_the_old_image_and_says_so(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_OK);
    expect_entry(bench, 1, 2, OTADATA_INVALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    assert_int_equal(bench->identity.other_state, OTA_WS_IMAGE_ROLLED_BACK);
    bench_free(bench);
}

static void a_confirmed_image_can_go_back_too(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
    look(bench);
    assert_true(bench->identity.can_roll_back);
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_OK);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    bench_free(bench);
}

static void without_a_sound_image_to_go_back_to_nothing_changes(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    uint8_t before[FLASH_SIZE];
    bench->memory[find(bench, "ota_0")->address + 500] ^= 1;
    memcpy(before, bench->memory, FLASH_SIZE);
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_NOTHING_TO_GO_BACK_TO);
    assert_memory_equal(before, bench->memory, FLASH_SIZE);
    bench_free(bench);

    bench = bench_running();
    assert_false(bench->identity.can_roll_back);
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_NOTHING_TO_GO_BACK_TO);
    bench_free(bench);
}

// An image on trial in ota_1, whose earlier image in ota_0 has lost its entry: a weak byte in it.
static bench_t *bench_with_a_lost_entry(void) {
    bench_t *bench = bench_on_trial();
    bench->memory[find(bench, "otadata")->address + 2] ^= 4;
    machine_look(&bench->machine);
    look(bench);
    return bench;
}

static ota_ws_status_t go_back(bench_t *bench, bool on_trial) {
    return bench->platform.roll_back(bench->platform.context, on_trial);
}

// Found by a search for pairs of power cuts.
static void a_trial_goes_back_to_an_image_whose_entry_is_lost(void **state) {
    (void)state;
    bench_t *bench = bench_with_a_lost_entry();
    assert_false(bench->identity.can_roll_back);
    assert_true(bench->identity.entry_is_lost);
    assert_int_equal(go_back(bench, false), OTA_WS_NOTHING_TO_GO_BACK_TO); // what is there may be any image
    assert_int_equal(go_back(bench, true), OTA_WS_OK);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_entry(bench, 1, 2, OTADATA_INVALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_int_equal(bench->identity.image_state, OTA_WS_IMAGE_VALID);
    assert_false(bench->identity.entry_is_lost);
    bench_free(bench);
}

static void an_entry_is_restored_before_the_running_one_is_barred(void **state) {
    (void)state;
    bench_t *bench = bench_with_a_lost_entry();
    bench->failing = NOR_ERASE;
    bench->fail_after = 0;
    assert_int_equal(go_back(bench, true), OTA_WS_BOOT_RECORD);
    expect_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    bench->fail_after = 1;
    assert_int_equal(go_back(bench, true), OTA_WS_BOOT_RECORD);
    expect_entry(bench, 0, 1, OTADATA_VALID);
    expect_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    look(bench);
    assert_true(bench->identity.can_roll_back);
    bench_free(bench);
}

static void expect_no_way_back(bench_t *bench) {
    uint8_t before[FLASH_SIZE];
    machine_look(&bench->machine);
    look(bench);
    memcpy(before, bench->memory, FLASH_SIZE);
    assert_int_equal(go_back(bench, true), OTA_WS_NOTHING_TO_GO_BACK_TO);
    assert_memory_equal(before, bench->memory, FLASH_SIZE);
    bench_free(bench);
}

static void a_lost_entry_is_not_restored_for_a_damaged_or_barred_image(void **state) {
    (void)state;
    bench_t *bench = bench_with_a_lost_entry();
    bench->memory[find(bench, "ota_0")->address + 500] ^= 1;
    expect_no_way_back(bench);
    const otadata_state_t bars[] = {OTADATA_INVALID, OTADATA_ABORTED};
    for (size_t i = 0; i < 2; i++) {
        bench = bench_with_a_lost_entry();
        put_entry(bench, 0, 1, bars[i]);
        expect_no_way_back(bench);
    }
    bench = bench_with_a_lost_entry();
    put_entry(bench, 1, 1, OTADATA_PENDING_VERIFY); // of ota_0: nothing says which image ran before
    expect_no_way_back(bench);
}

static void a_factory_image_is_gone_back_to_before_a_lost_entry(void **state) {
    (void)state;
    bench_t *bench = bench_new(WITH_FACTORY);
    put_image(bench, "factory", "0.1.0");
    put_image(bench, "ota_0", "1.0.0");
    put_image(bench, "ota_1", "2.0.0");
    put_entry(bench, 1, 2, OTADATA_NEW);
    start(bench);
    assert_false(bench->identity.entry_is_lost);
    assert_int_equal(go_back(bench, true), OTA_WS_OK);
    expect_no_entry(bench, 0);
    start(bench);
    assert_string_equal(bench->identity.slot, "factory");
    bench_free(bench);
}

// The bootloader has barred it, found no other entry and started it, because its slot is the first one.
static void a_barred_image_that_runs_goes_back_by_the_lost_entry_alone(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "2.0.0");
    put_image(bench, "ota_1", "1.0.0");
    put_entry(bench, 0, 3, OTADATA_ABORTED);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    assert_true(bench->identity.entry_is_lost);
    assert_int_equal(go_back(bench, true), OTA_WS_OK);
    expect_entry(bench, 0, 3, OTADATA_ABORTED);
    expect_entry(bench, 1, 2, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_1");
    bench_free(bench);

    bench = bench_with_a_lost_entry();
    memset(bench->memory + find(bench, "otadata")->address, 0, 2 * NOR_SECTOR_SIZE);
    assert_int_equal(go_back(bench, true), OTA_WS_OK); // no entry is left at all
    expect_entry(bench, 0, 3, OTADATA_VALID);
    start(bench);
    assert_string_equal(bench->identity.slot, "ota_0");
    bench_free(bench);
}

static void two_records_of_the_same_slot_are_no_way_back(void **state) {
    (void)state;
    bench_t *bench = bench_new(TWO_SLOTS);
    put_image(bench, "ota_0", "1.0.0");
    put_entry(bench, 0, 1, OTADATA_VALID);
    put_entry(bench, 1, 3, OTADATA_VALID);
    start(bench);
    bench->machine.verified[0] = true; // the running image was found sound too
    machine_look(&bench->machine);
    look(bench);
    assert_false(bench->identity.can_roll_back);
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_NOTHING_TO_GO_BACK_TO);
    bench_free(bench);
}

static void an_update_that_is_ready_is_not_confirmed_or_given_up_in_the_place_of_the_running_image(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    assert_int_equal(update(bench, "2.0.0"), OTA_WS_OK);
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_NOT_ON_TRIAL);
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_NOTHING_TO_GO_BACK_TO);
    expect_entry(bench, 1, 2, OTADATA_NEW);
    bench_free(bench);
}

static void confirm_and_going_back_say_when_the_record_cannot_be_written(void **state) {
    (void)state;
    bench_t *bench = bench_on_trial();
    bench->failing = NOR_ERASE;
    bench->fail_after = 0;
    assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_BOOT_RECORD);
    bench->fail_after = 0;
    assert_int_equal(bench->platform.roll_back(bench->platform.context, false), OTA_WS_BOOT_RECORD);
    expect_entry(bench, 1, 2, OTADATA_PENDING_VERIFY);
    bench_free(bench);
}

static void twenty_updates_in_a_row_alternate_between_the_slots(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    for (unsigned i = 2; i < 22; i++) {
        char version[16];
        snprintf(version, sizeof version, "%u.0.0", i);
        assert_int_equal(update(bench, version), OTA_WS_OK);
        start(bench);
        assert_string_equal(bench->identity.running.version, version);
        assert_string_equal(bench->identity.slot, i % 2 == 0 ? "ota_1" : "ota_0");
        assert_int_equal(bench->platform.confirm(bench->platform.context), OTA_WS_OK);
        expect_entry(bench, i % 2 == 0 ? 1 : 0, i, OTADATA_VALID);
    }
    bench_free(bench);
}

// ---- the rest of the platform ----

static void count_restart(void *context) {
    ((bench_t *)context)->restarts++;
}

static void a_restart_is_passed_on(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    bench->platform.restart(bench->platform.context);
    machine_on_restart(&bench->machine, count_restart, bench);
    bench->platform.restart(bench->platform.context);
    assert_int_equal(bench->restarts, 1);
    bench_free(bench);
}

static void random_bytes_are_not_twice_the_same(void **state) {
    (void)state;
    bench_t *bench = bench_running();
    uint8_t first[1000] = {0};
    uint8_t second[1000] = {0};
    bench->platform.random(bench->platform.context, first, sizeof first);
    bench->platform.random(bench->platform.context, second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    assert_memory_not_equal(first + 900, second + 900, 100);
    bench_free(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_says_what_runs_and_what_lies_in_the_other_slot),
        cmocka_unit_test(an_image_that_would_not_start_is_not_spoken_of),
        cmocka_unit_test(each_state_of_the_record_has_its_word),
        cmocka_unit_test(a_factory_image_says_so_and_updates_go_to_ota_0),
        cmocka_unit_test(one_slot_beside_a_factory_image_is_the_recovery_layout),
        cmocka_unit_test(entering_the_recovery_image_takes_every_entry_of_the_slot_away),
        cmocka_unit_test(a_recovery_image_that_would_not_start_is_not_selected),
        cmocka_unit_test(without_an_image_that_starts_there_is_no_device),
        cmocka_unit_test(the_port_knows_the_slots_geometry),
        cmocka_unit_test(nothing_outside_the_slot_is_reached),
        cmocka_unit_test(opening_changes_nothing),
        cmocka_unit_test(on_trial_no_update_begins),
        cmocka_unit_test(the_first_erase_takes_the_slots_record_with_it),
        cmocka_unit_test(an_entry_that_bars_goes_too_and_counts_at_no_moment),
        cmocka_unit_test(a_damaged_active_image_loses_its_record_when_it_is_overwritten),
        cmocka_unit_test(activate_selects_a_whole_image_on_trial),
        cmocka_unit_test(activate_refuses_what_would_not_start),
        cmocka_unit_test(a_record_that_cannot_be_written_leaves_the_old_selection),
        cmocka_unit_test(a_torn_state_word_is_noticed_and_selects_nothing),
        cmocka_unit_test(deactivate_selects_the_running_image_again),
        cmocka_unit_test(deactivate_goes_back_to_a_factory_image_too),
        cmocka_unit_test(a_running_image_without_a_record_gets_one_before_another_is_selected),
        cmocka_unit_test(deactivate_says_when_the_record_cannot_be_written),
        cmocka_unit_test(confirm_ends_the_trial_for_good),
        cmocka_unit_test(an_image_that_is_not_confirmed_is_gone_after_a_restart),
        cmocka_unit_test(going_back_runs_the_old_image_and_says_so),
        cmocka_unit_test(a_confirmed_image_can_go_back_too),
        cmocka_unit_test(without_a_sound_image_to_go_back_to_nothing_changes),
        cmocka_unit_test(a_trial_goes_back_to_an_image_whose_entry_is_lost),
        cmocka_unit_test(an_entry_is_restored_before_the_running_one_is_barred),
        cmocka_unit_test(a_lost_entry_is_not_restored_for_a_damaged_or_barred_image),
        cmocka_unit_test(a_factory_image_is_gone_back_to_before_a_lost_entry),
        cmocka_unit_test(a_barred_image_that_runs_goes_back_by_the_lost_entry_alone),
        cmocka_unit_test(two_records_of_the_same_slot_are_no_way_back),
        cmocka_unit_test(an_update_that_is_ready_is_not_confirmed_or_given_up_in_the_place_of_the_running_image),
        cmocka_unit_test(confirm_and_going_back_say_when_the_record_cannot_be_written),
        cmocka_unit_test(twenty_updates_in_a_row_alternate_between_the_slots),
        cmocka_unit_test(a_restart_is_passed_on),
        cmocka_unit_test(random_bytes_are_not_twice_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
