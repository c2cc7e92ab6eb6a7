// SPDX-License-Identifier: Apache-2.0
// Writer and pipeline over a model of flash: what comes of a file, job by job. Nothing is erased before the head is
// judged; whatever fails, flash is closed once and the next update starts afresh.
#include "testing.h"

#include "built_features.h"

#include <openssl/sha.h>

#include "flow/writer.h"
#include "hash_openssl.h"
#include "nor_model.h"
#include "record/progress.h"
#include "sample.h"
#include "store_model.h"

typedef struct {
    nor_model_t *nor;
    ota_ws_identity_t identity;
    ota_ws_platform_t platform;
    ota_ws_policy_t policy;
    ota_ws_pipeline_ports_t ports;
    ota_ws_writer_t writer;
    uint8_t scratch[4096];
    store_model_t store;
    unsigned confirms, roll_backs;
    ota_ws_status_t boot_record; // what confirm and roll_back return
} desk_t;

static void describe(void *context, ota_ws_identity_t *identity) {
    *identity = ((desk_t *)context)->identity;
}

static ota_ws_status_t confirm(void *context) {
    ((desk_t *)context)->confirms++;
    return ((desk_t *)context)->boot_record;
}

static ota_ws_status_t roll_back(void *context, bool on_trial) {
    (void)on_trial;
    ((desk_t *)context)->roll_backs++;
    return ((desk_t *)context)->boot_record;
}

static size_t load(void *context, const char *key, void *value, size_t size) {
    return store_model_load(&((desk_t *)context)->store, key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    store_model_save(&((desk_t *)context)->store, key, value, size);
}

static desk_t *desk_new(uint32_t slot_size, uint32_t unit) {
    desk_t *desk = calloc(1, sizeof *desk);
    desk->nor = nor_model_new(slot_size, unit);
    desk->identity.chip_id = 5;
    strcpy(desk->identity.running.project, "demo");
    strcpy(desk->identity.running.version, "1.0.0");
    desk->platform = (ota_ws_platform_t){
        .context = desk, .describe = describe, .confirm = confirm, .roll_back = roll_back, .load = load, .save = save};
    desk->policy = (ota_ws_policy_t){true, true};
    desk->ports = (ota_ws_pipeline_ports_t){.flash = &desk->nor->port,
                                            .platform = &desk->platform,
                                            .hash = &ota_ws_hash_openssl,
                                            .policy = &desk->policy,
                                            .scratch = desk->scratch,
                                            .scratch_size = sizeof desk->scratch};
    ota_ws_writer_init(&desk->writer, &desk->ports);
    return desk;
}

static void desk_free(desk_t *desk) {
    assert_false(desk->nor->open);
    nor_model_free(desk->nor);
    free(desk);
}

static ota_ws_job_result_t perform(desk_t *desk, const ota_ws_job_t *job) {
    ota_ws_job_result_t result;
    memset(&result, 0xA5, sizeof result);
    ota_ws_writer_perform(&desk->writer, job, &result);
    assert_int_equal(result.kind, job->kind);
    return result;
}

static ota_ws_job_result_t perform_kind(desk_t *desk, ota_ws_job_kind_t kind) {
    const ota_ws_job_t job = {.kind = kind};
    return perform(desk, &job);
}

static ota_ws_job_result_t begin(desk_t *desk, const image_file_t *file, bool allow_downgrade) {
    ota_ws_job_t job = {.kind = OTA_WS_JOB_BEGIN,
                        .request = {.size = (uint32_t)file->length, .allow_downgrade = allow_downgrade}};
    SHA256(file->bytes, file->length, job.request.sha256);
    return perform(desk, &job);
}

static ota_ws_job_result_t chunk(desk_t *desk, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    const ota_ws_job_t job = {.kind = OTA_WS_JOB_CHUNK, .data = {copy, (uint32_t)length, NULL, 0}};
    const ota_ws_job_result_t result = perform(desk, &job);
    free(copy);
    return result;
}

// All jobs of one update in pieces of `piece` bytes; ends with FINISH, or ABORT after a failure. The first failure.
static ota_ws_failure_t update(desk_t *desk, const image_file_t *file, size_t piece) {
    const ota_ws_job_result_t begun = begin(desk, file, false);
    ota_ws_failure_t failure = begun.failure;
    for (size_t at = begun.written; at < file->length && failure.status == OTA_WS_OK; at += piece) {
        failure = chunk(desk, file->bytes + at, piece < file->length - at ? piece : file->length - at).failure;
    }
    if (failure.status == OTA_WS_OK) {
        failure = perform_kind(desk, OTA_WS_JOB_FINISH).failure;
    }
    if (failure.status != OTA_WS_OK) {
        assert_int_equal(perform_kind(desk, OTA_WS_JOB_ABORT).failure.status, OTA_WS_OK);
    }
    return failure;
}

static void assert_next_update_works(desk_t *desk) {
    image_file_t file = image_build(&image_spec_default);
    desk->nor->fail_after = -1;
    assert_int_equal(update(desk, &file, 8192).status, OTA_WS_OK);
    assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
    assert_true(desk->nor->active);
    image_free(&file);
}

// ---- well ----

static void an_image_in_any_pieces_and_units_is_written_and_activated(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 100, 287, 288, 289, 4096, 8192, 70000};
    static const uint32_t units[] = {1, 4, 16, 32};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t k = 0; k < COUNT_OF(units); k++) {
            image_spec_t spec = image_spec_default;
            spec.size = 66000;
            image_file_t file = image_build(&spec);
            desk_t *desk = desk_new(131072, units[k]);
            assert_int_equal(update(desk, &file, pieces[i]).status, OTA_WS_OK);
            assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
            assert_true(desk->nor->active);
            assert_int_equal(nor_model_count(desk->nor, NOR_CLOSE), 1);
            desk_free(desk);
            image_free(&file);
        }
    }
}

static void signed_images_and_those_that_fill_the_slot_are_written(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 65536;
    spec.signature = true;
    image_file_t file = image_build(&spec);
    desk_t *desk = desk_new((uint32_t)file.length, 16);
    assert_int_equal(update(desk, &file, 8192).status, OTA_WS_OK);
    assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
    desk_free(desk);
    image_free(&file);
}

static void real_images_are_written_on_a_device_of_their_chip(void **state) {
    (void)state;
    for (size_t i = 0; i < sample_count; i++) {
        image_file_t file = sample_load(&sample_list[i]);
        desk_t *desk = desk_new(2u << 20, 1);
        desk->identity.chip_id = sample_list[i].chip_id;
        desk->identity.chip_revision = (uint16_t)(file.bytes[15] | file.bytes[16] << 8); // the lowest that it runs on
        desk->policy = (ota_ws_policy_t){false, false};
        const ota_ws_failure_t failure = update(desk, &file, 8192);
        assert_string_equal(ota_ws_status_name(failure.status), sample_list[i].status);
        if (failure.status == OTA_WS_OK) {
            assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
        } else {
            assert_true(nor_model_untouched(desk->nor));
        }
        desk_free(desk);
        image_free(&file);
    }
}

static void what_is_written_is_told_chunk_by_chunk(void **state) {
    (void)state;
    image_file_t file = image_build(&image_spec_default);
    desk_t *desk = desk_new(131072, 1);
    assert_int_equal(begin(desk, &file, false).written, 0);
    assert_int_equal(chunk(desk, file.bytes, 287).written, 0);
    for (size_t at = 287; at < file.length; at += 1000) {
        const size_t length = file.length - at < 1000 ? file.length - at : 1000;
        const uint32_t written = chunk(desk, file.bytes + at, length).written;
        assert_true(written <= at + length && written + 256 > at + length);
    }
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).written, file.length);
    desk_free(desk);
    image_free(&file);
}

// ---- refused before the first erase ----

static void an_image_for_another_device_costs_nothing(void **state) {
    (void)state;
    static const struct {
        uint16_t chip, min_revision;
        const char *project, *version;
        ota_ws_status_t status;
    } cases[] = {{9, 0, "demo", "1.0.0", OTA_WS_WRONG_CHIP},
                 {5, 100, "demo", "1.0.0", OTA_WS_WRONG_REVISION},
                 {5, 0, "lamp", "1.0.0", OTA_WS_WRONG_PROJECT},
                 {5, 0, "demo", "0.9.0", OTA_WS_OLDER_VERSION}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        image_spec_t spec = image_spec_default;
        spec.chip_id = cases[i].chip;
        spec.min_revision = cases[i].min_revision;
        spec.project = cases[i].project;
        spec.version = cases[i].version;
        image_file_t file = image_build(&spec);
        desk_t *desk = desk_new(131072, 1);
        assert_int_equal(update(desk, &file, 100).status, cases[i].status);
        assert_true(nor_model_untouched(desk->nor));
        assert_next_update_works(desk);
        desk_free(desk);
        image_free(&file);
    }
}

static void a_downgrade_that_was_promised_is_written(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.version = "0.9.0";
    image_file_t file = image_build(&spec);
    desk_t *desk = desk_new(131072, 1);
    assert_int_equal(begin(desk, &file, true).failure.status, OTA_WS_OK);
    assert_int_equal(chunk(desk, file.bytes, file.length).failure.status, OTA_WS_OK);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).failure.status, OTA_WS_OK);
    desk_free(desk);
    image_free(&file);
}

// Defects of the first 288 bytes are found there; nothing has been erased then.
static void defects_of_the_head_cost_nothing(void **state) {
    (void)state;
    static const char *const in_the_head[] = {
        "wrong-magic", "no-segments", "17-segments", "odd-segment", "huge-segment", "no-description",
        "bootloader",  "merged",      "merged-1000", "esp8266",     "encrypted",    "text",
        "elf",         "gzip",        "zeros",       "erased",      "too-short"};
    for (size_t i = 0; i < COUNT_OF(in_the_head); i++) {
        const image_defect_t *defect = image_defect_find(in_the_head[i]);
        image_spec_t spec = image_spec_default;
        spec.size = strcmp(defect->name, "bootloader") == 0 ? 30000 : 65536;
        image_file_t file = image_build_defective(&spec, defect);
        desk_t *desk = desk_new(262144, 1);
        const ota_ws_failure_t failure = update(desk, &file, 4096);
        if (strcmp(ota_ws_status_name(failure.status), defect->status) != 0) {
            fail_msg("%s: %s", defect->name, ota_ws_status_name(failure.status));
        }
        assert_true(nor_model_untouched(desk->nor));
        assert_next_update_works(desk);
        desk_free(desk);
        image_free(&file);
    }
}

// ---- refused later: written, but never activated ----

static void no_defective_image_is_activated(void **state) {
    (void)state;
    for (size_t i = 0; i < image_defect_count; i++) {
        const char *expected = image_defects[i].status;
        image_file_t file = image_build_defective(&image_spec_default, &image_defects[i]);
        desk_t *desk = desk_new(262144, 1);
        const ota_ws_failure_t failure = update(desk, &file, 8192);
        const bool large_bootloader = strcmp(image_defects[i].name, "bootloader") == 0; // taken for a merged image
        if (strcmp(ota_ws_status_name(failure.status), large_bootloader ? "merged_image" : expected) != 0) {
            fail_msg("%s: %s", image_defects[i].name, ota_ws_status_name(failure.status));
        }
        assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
        assert_next_update_works(desk);
        desk_free(desk);
        image_free(&file);
    }
}

static void one_byte_changed_on_the_way_is_not_activated(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 5008;
    image_file_t file = image_build(&spec);
    for (size_t at = 0; at < file.length; at += at < 300 ? 1 : 13) {
        desk_t *desk = desk_new(131072, 1);
        ota_ws_failure_t failure = begin(desk, &file, true).failure;
        file.bytes[at] ^= 0x20;
        failure = chunk(desk, file.bytes, file.length).failure;
        if (failure.status == OTA_WS_OK) {
            failure = perform_kind(desk, OTA_WS_JOB_FINISH).failure;
            assert_int_equal(failure.status, OTA_WS_DIGEST_MISMATCH);
        }
        file.bytes[at] ^= 0x20;
        perform_kind(desk, OTA_WS_JOB_ABORT);
        assert_int_not_equal(failure.status, OTA_WS_OK);
        assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
        desk_free(desk);
    }
    image_free(&file);
}

static void flash_that_holds_other_bytes_is_not_activated(void **state) {
    (void)state;
    image_file_t file = image_build(&image_spec_default);
    const size_t places[] = {32, 300, 40000, 65535}; // the head comes only now
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        desk_t *desk = desk_new(131072, 1);
        begin(desk, &file, false);
        chunk(desk, file.bytes, file.length);
        desk->nor->bytes[places[i]] ^= 0x01; // a cell that has lost its charge
        assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).failure.status, OTA_WS_FLASH_DIFFERS);
        assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
        assert_next_update_works(desk);
        desk_free(desk);
    }
    image_free(&file);
}

static void every_operation_of_flash_may_fail(void **state) {
    (void)state;
    static const struct {
        nor_kind_t kind;
        ota_ws_status_t status;
    } failing[] = {{NOR_OPEN, OTA_WS_ON_TRIAL},       {NOR_OPEN, OTA_WS_NO_SLOT},
                   {NOR_ERASE, OTA_WS_FLASH_ERASE},   {NOR_PROGRAM, OTA_WS_FLASH_PROGRAM},
                   {NOR_READ, OTA_WS_FLASH_READ},     {NOR_ACTIVATE, OTA_WS_NOT_VERIFIED},
                   {NOR_ACTIVATE, OTA_WS_BOOT_RECORD}};
    image_spec_t spec = image_spec_default;
    spec.size = 131072 + 5000;
    image_file_t file = image_build(&spec);
    for (size_t i = 0; i < COUNT_OF(failing); i++) {
        for (int after = 0; after < 1000; after++) {
            desk_t *desk = desk_new(262144, 1);
            desk->nor->failing = failing[i].kind;
            desk->nor->fail_after = after;
            desk->nor->status = failing[i].status;
            const ota_ws_status_t status = update(desk, &file, 8192).status;
            const bool met = nor_model_count(desk->nor, failing[i].kind) > (size_t)after;
            assert_int_equal(status, met ? failing[i].status : OTA_WS_OK);
            assert_int_equal(desk->nor->active, !met);
            assert_next_update_works(desk);
            desk_free(desk);
            if (!met) {
                break;
            }
        }
    }
    image_free(&file);
}

// ---- the order of jobs ----

static void an_update_that_is_aborted_anywhere_leaves_the_next_one_free(void **state) {
    (void)state;
    image_file_t file = image_build(&image_spec_default);
    for (size_t taken = 0; taken <= file.length; taken += 4000) {
        desk_t *desk = desk_new(131072, 1);
        begin(desk, &file, false);
        if (taken > 0) {
            chunk(desk, file.bytes, taken);
        }
        perform_kind(desk, OTA_WS_JOB_ABORT);
        assert_false(desk->nor->open);
        assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
        assert_next_update_works(desk);
        desk_free(desk);
    }
    image_free(&file);
}

static void after_a_failure_further_jobs_of_the_update_do_nothing(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.chip_id = 9;
    image_file_t file = image_build(&spec);
    desk_t *desk = desk_new(131072, 1);
    begin(desk, &file, false);
    assert_int_equal(chunk(desk, file.bytes, 8192).failure.status, OTA_WS_WRONG_CHIP);
    assert_int_equal(chunk(desk, file.bytes + 8192, 8192).failure.status, OTA_WS_WRONG_CHIP);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).failure.status, OTA_WS_WRONG_CHIP);
    assert_true(nor_model_untouched(desk->nor));
    assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
    perform_kind(desk, OTA_WS_JOB_ABORT);
    assert_next_update_works(desk);
    desk_free(desk);
    image_free(&file);
}

static void an_image_with_fewer_bytes_than_promised_is_not_activated(void **state) {
    (void)state;
    image_file_t file = image_build(&image_spec_default);
    desk_t *desk = desk_new(131072, 1);
    begin(desk, &file, false);
    chunk(desk, file.bytes, file.length - 16);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).failure.status, OTA_WS_TRUNCATED);
    assert_int_equal(nor_model_count(desk->nor, NOR_ACTIVATE), 0);
    desk_free(desk);
    image_free(&file);
}

// ---- going on where an earlier try has ended ----

// Begins, writes up to `taken` in pieces of 1000, gives up as a lost link does.
static void interrupt(desk_t *desk, const image_file_t *file, size_t taken) {
    size_t at = begin(desk, file, false).written;
    for (; at < taken; at += 1000) {
        chunk(desk, file->bytes + at, taken - at < 1000 ? taken - at : 1000);
    }
    perform_kind(desk, OTA_WS_JOB_ABORT);
}

static void assert_goes_on(desk_t *desk, const image_file_t *file, uint32_t from) {
    ota_ws_job_result_t result = begin(desk, file, false);
    assert_int_equal(result.failure.status, OTA_WS_OK);
    assert_int_equal(result.written, from);
    result = chunk(desk, file->bytes + from, file->length - from);
    assert_int_equal(result.failure.status, OTA_WS_OK);
    assert_true(result.complete);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_FINISH).failure.status, OTA_WS_OK);
    assert_memory_equal(desk->nor->bytes, file->bytes, file->length);
    assert_true(desk->nor->active);
}

static image_file_t long_image(void) {
    image_spec_t spec = image_spec_default;
    spec.size = 200000;
    return image_build(&spec);
}

static void the_same_file_goes_on_where_the_link_was_lost(void **state) {
    (void)state;
    static const uint32_t places[] = {288, 289, 300, 4095, 4096, 4097, 65535, 65536, 65537, 70000, 131072, 199999};
    image_file_t file = long_image();
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        desk_t *desk = desk_new(262144, 1);
        interrupt(desk, &file, places[i]);
        assert_goes_on(desk, &file, places[i]);
        desk_free(desk);
    }
    image_free(&file);
}

static void with_larger_program_units_it_goes_on_at_a_place_that_is_in_flash(void **state) {
    (void)state;
    image_file_t file = long_image();
    for (uint32_t taken = 65530; taken < 65560; taken++) {
        desk_t *desk = desk_new(262144, 16);
        interrupt(desk, &file, taken);
        const uint32_t from = begin(desk, &file, false).written;
        assert_true(from <= taken && from % 16 == 0);
        perform_kind(desk, OTA_WS_JOB_ABORT);
        assert_goes_on(desk, &file, from);
        desk_free(desk);
    }
    image_free(&file);
}

static void it_goes_on_after_many_interruptions(void **state) {
    (void)state;
    image_file_t file = long_image();
    desk_t *desk = desk_new(262144, 1);
    for (uint32_t taken = 1000; taken < 199000; taken += 7777) {
        interrupt(desk, &file, taken);
    }
    interrupt(desk, &file, 199000);
    assert_goes_on(desk, &file, 199000);
    desk_free(desk);
    image_free(&file);
}

static void a_part_of_the_head_is_not_taken_over(void **state) {
    (void)state;
    image_file_t file = long_image();
    desk_t *desk = desk_new(262144, 1);
    interrupt(desk, &file, 287);
    assert_goes_on(desk, &file, 0);
    desk_free(desk);
    image_free(&file);
}

// All was there, only the end was not: there must be something left for the client to send.
static void a_whole_file_that_was_interrupted_begins_anew(void **state) {
    (void)state;
    image_file_t file = long_image();
    desk_t *desk = desk_new(262144, 1);
    interrupt(desk, &file, file.length);
    assert_goes_on(desk, &file, 0);
    desk_free(desk);
    image_free(&file);
}

static void another_file_does_not_go_on(void **state) {
    (void)state;
    image_file_t file = long_image();
    image_file_t same_size = long_image();
    same_size.bytes[150000] ^= 1;
    desk_t *desk = desk_new(262144, 1);
    interrupt(desk, &file, 100000);
    assert_int_equal(begin(desk, &same_size, false).written, 0);
    perform_kind(desk, OTA_WS_JOB_ABORT);
    assert_goes_on(desk, &file, 100000); // the other file has written nothing
    interrupt(desk, &file, 100000);
    interrupt(desk, &same_size, 1000);
    assert_goes_on(desk, &file, 0);
    desk_free(desk);
    image_free(&file);
    image_free(&same_size);
}

static void what_flash_does_not_hold_any_more_is_not_taken_over(void **state) {
    (void)state;
    static const uint32_t places[] = {32, 40, 1000, 65536, 99999};
    image_file_t file = long_image();
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        desk_t *desk = desk_new(262144, 1);
        interrupt(desk, &file, 100000);
        desk->nor->bytes[places[i]] ^= 0x04;
        assert_goes_on(desk, &file, 0);
        desk_free(desk);
    }
    image_free(&file);
}

static void a_record_that_makes_no_sense_is_not_believed(void **state) {
    (void)state;
    image_file_t file = long_image();
    for (size_t at = 0; at < sizeof(ota_ws_progress_t); at++) {
        desk_t *desk = desk_new(262144, 1);
        interrupt(desk, &file, 100000);
        for (size_t i = 0; i < COUNT_OF(desk->store.entries); i++) {
            desk->store.entries[i].value[at] ^= 0xFF;
        }
        const uint32_t from = begin(desk, &file, false).written;
        assert_true(from == 0 || from == 100000);
        perform_kind(desk, OTA_WS_JOB_ABORT);
        assert_next_update_works(desk);
        desk_free(desk);
    }
    image_free(&file);
}

static void a_file_for_another_device_is_not_taken_over(void **state) {
    (void)state;
    image_file_t file = long_image();
    desk_t *desk = desk_new(262144, 1);
    interrupt(desk, &file, 100000);
    strcpy(desk->identity.running.project, "lamp");
    const ota_ws_job_result_t result = begin(desk, &file, false);
    if (result.failure.status == OTA_WS_OK) {
        assert_int_equal(chunk(desk, file.bytes + result.written, 1000).failure.status, OTA_WS_WRONG_PROJECT);
    } else {
        assert_int_equal(result.failure.status, OTA_WS_WRONG_PROJECT);
    }
    perform_kind(desk, OTA_WS_JOB_ABORT);
    desk_free(desk);
    image_free(&file);
}

// ---- what is there already ----

// Its first block is: the head had to go while nothing was known of what came.
static void an_image_that_is_there_already_is_not_written_again(void **state) {
    (void)state;
    image_file_t file = long_image();
    desk_t *desk = desk_new(262144, 1);
    assert_int_equal(update(desk, &file, 8192).status, OTA_WS_OK);
    const size_t erases = nor_model_count(desk->nor, NOR_ERASE);
    assert_int_equal(update(desk, &file, 8192).status, OTA_WS_OK);
    assert_int_equal(nor_model_count(desk->nor, NOR_ERASE), erases + 1);
    assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
    desk_free(desk);
    image_free(&file);
}

static void only_what_differs_is_written(void **state) {
    (void)state;
    for (uint32_t at = 288; at < 199900; at += 4099) {
        image_file_t file = long_image();
        desk_t *desk = desk_new(262144, 16);
        assert_int_equal(update(desk, &file, 8192).status, OTA_WS_OK);
        image_spec_t spec = image_spec_default;
        spec.size = 200000;
        file.bytes[at] ^= 0x80;
        image_seal(&spec, &file);
        assert_int_equal(update(desk, &file, 5000).status, OTA_WS_OK);
        assert_memory_equal(desk->nor->bytes, file.bytes, file.length);
        desk_free(desk);
        image_free(&file);
    }
}

static void jobs_that_stand_alone_reach_the_platform(void **state) {
    (void)state;
    desk_t *desk = desk_new(131072, 1);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_CONFIRM).failure.status, OTA_WS_OK);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_ROLL_BACK).failure.status, OTA_WS_OK);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_DEACTIVATE).failure.status, OTA_WS_OK);
    assert_int_equal(desk->confirms, 1);
    assert_int_equal(desk->roll_backs, 1);
    assert_int_equal(nor_model_count(desk->nor, NOR_DEACTIVATE), 1);
    desk->boot_record = OTA_WS_BOOT_RECORD;
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_CONFIRM).failure.status, OTA_WS_BOOT_RECORD);
    assert_int_equal(perform_kind(desk, OTA_WS_JOB_ROLL_BACK).failure.status, OTA_WS_BOOT_RECORD);
    assert_next_update_works(desk);
    desk_free(desk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_in_any_pieces_and_units_is_written_and_activated),
        cmocka_unit_test(signed_images_and_those_that_fill_the_slot_are_written),
        cmocka_unit_test(real_images_are_written_on_a_device_of_their_chip),
        cmocka_unit_test(what_is_written_is_told_chunk_by_chunk),
        unit_test_of(version_order, an_image_for_another_device_costs_nothing),
        cmocka_unit_test(a_downgrade_that_was_promised_is_written),
        cmocka_unit_test(defects_of_the_head_cost_nothing),
        cmocka_unit_test(no_defective_image_is_activated),
        cmocka_unit_test(one_byte_changed_on_the_way_is_not_activated),
        cmocka_unit_test(flash_that_holds_other_bytes_is_not_activated),
        cmocka_unit_test(every_operation_of_flash_may_fail),
        cmocka_unit_test(an_update_that_is_aborted_anywhere_leaves_the_next_one_free),
        cmocka_unit_test(after_a_failure_further_jobs_of_the_update_do_nothing),
        cmocka_unit_test(an_image_with_fewer_bytes_than_promised_is_not_activated),
        unit_test_of(resume, the_same_file_goes_on_where_the_link_was_lost),
        cmocka_unit_test(with_larger_program_units_it_goes_on_at_a_place_that_is_in_flash),
        unit_test_of(resume, it_goes_on_after_many_interruptions),
        cmocka_unit_test(a_part_of_the_head_is_not_taken_over),
        cmocka_unit_test(a_whole_file_that_was_interrupted_begins_anew),
        unit_test_of(resume, another_file_does_not_go_on),
        cmocka_unit_test(what_flash_does_not_hold_any_more_is_not_taken_over),
        cmocka_unit_test(a_record_that_makes_no_sense_is_not_believed),
        cmocka_unit_test(a_file_for_another_device_is_not_taken_over),
        unit_test_of(resume, an_image_that_is_there_already_is_not_written_again),
        cmocka_unit_test(only_what_differs_is_written),
        cmocka_unit_test(jobs_that_stand_alone_reach_the_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
