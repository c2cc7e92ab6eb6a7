// SPDX-License-Identifier: Apache-2.0
// Going on where an update was cut off in its last moments or by flash that failed: what is believed of the slot, and
// what is written again.
#include "testing.h"

#include "record/progress.h"
#include "rig.h"

#define CHUNK 4096u
#define SECTOR 4096u
#define BLOCK 65536u
#define HEAD OTA_WS_SLOT_HEAD_SIZE

// Begins; where the device wants to go on.
static uint32_t begin_at(peer_t *peer, const image_file_t *file) {
    peer_begin_image(peer, file);
    return peer_offset(peer);
}

// The update was cut off while its head went to flash.
static rig_t *rig_cut_off_at_the_head(const image_file_t *file, uint32_t taken) {
    rig_t *rig = rig_new();
    ota_ws_progress_t progress;
    rig_interrupt(rig, file, taken);
    assert_true(ota_ws_progress_load(&rig->platform, &progress));
    assert_int_equal(progress.offset, taken);
    assert_int_equal(progress.clean, 1);
    assert_int_equal(progress.unsafe_range + progress.committed + progress.unused, 0);
    progress.committed = 1;
    ota_ws_progress_save(&rig->platform, &progress);
    memcpy(rig->nor->bytes, file->bytes, HEAD);
    return rig;
}

static bool head_is_blank(const rig_t *rig) {
    for (uint32_t i = 0; i < HEAD; i++) {
        if (rig->nor->bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

static void a_head_that_is_in_flash_is_taken_out_again_before_the_update_goes_on(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_cut_off_at_the_head(&file, 150000);
    peer_t *peer = peer_welcome(rig);
    assert_int_equal(begin_at(peer, &file), 150000);
    assert_true(head_is_blank(rig));
    assert_memory_equal(rig->nor->bytes + HEAD, file.bytes + HEAD, 150000 - HEAD);
    peer_assert_completes(peer, &file, 150000);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void what_goes_on_is_known_to_all_at_once(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_new();
    rig_interrupt(rig, &file, 150000);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_non_null(strstr(peer_received(peer, "state"), "\"received\":150000,\"written\":150000,"));
    assert_non_null(strstr(peer_received(peer, "state"), "\"new_version\":\"2.0.0\""));
    peer_free(peer);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

// A second cut in that moment costs the rest, as docs/design.md says, and nothing more.
static void a_cut_while_the_head_is_taken_out_starts_from_the_beginning(void **state) {
    (void)state;
    static const nor_kind_t kinds[] = {NOR_READ, NOR_ERASE, NOR_PROGRAM};
    image_file_t file = rig_long_image("2.0.0");
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        uint32_t offset = 0;
        for (int after = 0; offset == 0; after++) {
            rig_t *rig = rig_cut_off_at_the_head(&file, 150000);
            peer_t *peer = peer_welcome(rig);
            rig->nor->failing = kinds[i];
            rig->nor->status = OTA_WS_FLASH_ERASE;
            rig->nor->fail_after = after;
            offset = begin_at(peer, &file);
            assert_true(offset == 0 || (offset == 150000 && head_is_blank(rig)));
            rig->nor->fail_after = -1;
            peer_assert_completes(peer, &file, offset);
            peer_free(peer);
            rig_free(rig);
        }
    }
    image_free(&file);
}

static void without_memory_for_a_sector_the_update_starts_from_the_beginning(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_cut_off_at_the_head(&file, 150000);
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    rig->writer->pipeline.ports.scratch_size = SECTOR - 1;
    rig_settle(rig);
    assert_non_null(strstr(peer_received(peer, "ready"), "\"offset\":0,"));
    peer_assert_completes(peer, &file, 0);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- what the record says, and when ----

static rig_t *looking;
static bool said_before;

// Programs as the model does; where the head goes to flash, looks at the record first.
static ota_ws_status_t program_and_look(void *context, uint32_t offset, const void *bytes, size_t length) {
    ota_ws_progress_t progress;
    if (offset == 0) {
        said_before = ota_ws_progress_load(&looking->platform, &progress) && progress.committed == 1;
    }
    return looking->nor->port.program(context, offset, bytes, length);
}

static void the_record_says_that_the_head_may_be_in_flash_before_it_goes_there(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = looking = rig_new();
    peer_t *peer = peer_welcome(rig);
    said_before = false;
    rig->flash.program = program_and_look;
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(said_before);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// Two blocks behind the record may have been cut off in the middle of an operation; what lies behind them was not.
static void after_a_restart_two_blocks_are_written_again_and_the_rest_is_kept(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 6 * BLOCK;
    image_file_t file = image_build(&spec);
    for (uint32_t block = 1; block < 6; block++) {
        rig_t *rig = rig_new_with_slot(8 * BLOCK);
        peer_t *peer = peer_welcome(rig);
        peer_begin_image(peer, &file);
        peer_send(peer, &file, 0, block * BLOCK);
        const store_model_t store = rig->store;
        peer_free(peer);
        rig_settle(rig);
        rig->store = store; // as the restart has found it
        memcpy(rig->nor->bytes + HEAD, file.bytes + HEAD, file.length - HEAD);
        const size_t before = rig->nor->count;
        peer = peer_welcome(rig);
        assert_int_equal(begin_at(peer, &file), block * BLOCK);
        peer_assert_completes(peer, &file, block * BLOCK);
        uint32_t erased = 0;
        for (size_t i = before; i < rig->nor->count; i++) {
            erased += rig->nor->operations[i].kind == NOR_ERASE ? rig->nor->operations[i].length : 0;
        }
        assert_int_equal(erased, (block < 5 ? 2 : 1) * BLOCK);
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// The same bytes may read right today and wrong tomorrow: after a failed operation all of the slot is written again.
static void after_flash_has_failed_nothing_in_the_slot_is_kept(void **state) {
    (void)state;
    static const struct {
        nor_kind_t kind;
        ota_ws_status_t status;
    } failures[] = {{NOR_ERASE, OTA_WS_FLASH_ERASE}, {NOR_PROGRAM, OTA_WS_FLASH_PROGRAM}};
    image_file_t file = rig_long_image("2.0.0");
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        rig->nor->failing = failures[i].kind;
        rig->nor->status = failures[i].status;
        rig->nor->fail_after = 1;
        assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
        rig->nor->fail_after = -1;
        memcpy(rig->nor->bytes, file.bytes, file.length);
        const size_t before = rig->nor->count;
        peer_forget(peer);
        assert_int_equal(begin_at(peer, &file), 0);
        peer_assert_completes(peer, &file, 0);
        uint32_t erased = 0;
        for (size_t k = before; k < rig->nor->count; k++) {
            erased += rig->nor->operations[k].kind == NOR_ERASE ? rig->nor->operations[k].length : 0;
        }
        assert_true(erased >= file.length);
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// Leaves a record of `file`, of which any operation may have been cut off.
static void cut_off(rig_t *rig, const image_file_t *file) {
    ota_ws_progress_t progress;
    rig_interrupt(rig, file, 100000);
    assert_true(ota_ws_progress_load(&rig->platform, &progress));
    progress.clean = 0;
    ota_ws_progress_save(&rig->platform, &progress);
}

// A file that is refused at its end has mended what it has written, and no more than that.
static void a_file_that_is_refused_leaves_the_slot_unsafe(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    image_file_t other = rig_image_of_size("2.1.0", 70000);
    rig_t *rig = rig_new();
    cut_off(rig, &file);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &other);
    other.bytes[60000] ^= 1; // another one than was promised, with the same checksum
    other.bytes[60001] ^= 1;
    peer_send(peer, &other, 0, (uint32_t)other.length);
    assert_true(peer_failed(peer, "digest_mismatch"));
    memcpy(rig->nor->bytes + HEAD, file.bytes + HEAD, file.length - HEAD);
    const size_t before = nor_model_count(rig->nor, NOR_ERASE);
    peer_forget(peer);
    assert_int_equal(begin_at(peer, &file), 0);
    peer_assert_completes(peer, &file, 0);
    assert_int_equal(nor_model_count(rig->nor, NOR_ERASE) - before, 4); // whole blocks: nothing was kept
    peer_free(peer);
    rig_free(rig);
    image_free(&other);
    image_free(&file);
}

// Once it is complete, nothing says any more what lies behind it.
static void a_shorter_file_erases_all_that_a_cut_has_left(void **state) {
    (void)state;
    ota_ws_progress_t progress;
    image_file_t file = rig_long_image("2.0.0");
    image_file_t other = rig_image_of_size("2.1.0", 70000);
    rig_t *rig = rig_new();
    cut_off(rig, &file);
    memset(rig->nor->bytes, 0xFF, file.length); // erased half, and reads blank
    peer_t *peer = peer_welcome(rig);
    const size_t before = nor_model_count(rig->nor, NOR_ERASE);
    assert_int_equal(begin_at(peer, &other), 0);
    peer_assert_completes(peer, &other, 0);
    assert_int_equal(nor_model_count(rig->nor, NOR_ERASE) - before, 4);
    assert_false(ota_ws_progress_load(&rig->platform, &progress));
    peer_free(peer);
    rig_free(rig);
    image_free(&other);
    image_free(&file);
}

// A file that goes on after a cut erases two blocks whatever they read like. It may stop again before it has.
static void what_a_cut_has_left_stays_unsafe_when_the_link_is_lost_again(void **state) {
    (void)state;
    ota_ws_progress_t progress;
    image_file_t file = rig_long_image("2.0.0");
    rig_t *rig = rig_new();
    cut_off(rig, &file);
    assert_true(ota_ws_progress_load(&rig->platform, &progress));
    const uint32_t at = progress.offset;
    peer_t *peer = peer_welcome(rig);
    assert_int_equal(begin_at(peer, &file), at);
    peer_send(peer, &file, at, at + 1024);
    peer_free(peer);
    rig_settle(rig);
    assert_true(ota_ws_progress_load(&rig->platform, &progress));
    assert_int_equal(progress.clean, 1);
    assert_true(progress.erased < at + BLOCK);
    assert_int_equal(progress.unsafe_range, 1 + at / BLOCK + 2);
    rig_free(rig);
    image_free(&file);
}

// The end of what came waits for its program unit; what cannot be read back is not put on record.
static void an_update_that_pauses_on_flash_that_cannot_be_read_goes_on_at_its_last_block(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    for (int fails = 0; fails < 2; fails++) {
        rig_t *rig = rig_new();
        rig->flash.program_unit = rig->nor->port.program_unit = 16;
        peer_t *peer = peer_welcome(rig);
        peer_begin_image(peer, &file);
        peer_send(peer, &file, 0, 2 * BLOCK + 1001);
        rig->nor->failing = NOR_READ;
        rig->nor->status = OTA_WS_FLASH_READ;
        rig->nor->fail_after = fails ? 0 : -1;
        peer_free(peer);
        rig_settle(rig);
        rig->nor->fail_after = -1;
        peer = peer_welcome(rig);
        const uint32_t offset = begin_at(peer, &file);
        assert_int_equal(offset, fails ? 2 * BLOCK : 2 * BLOCK + 992);
        peer_assert_completes(peer, &file, offset);
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// ---- bytes that were changed on the way ----

// Sends the file with one byte changed up to a cut, then the file itself: the kept part is blamed, and dropped.
static void assert_begins_again(const image_file_t *file, uint32_t at) {
    rig_t *rig = rig_new();
    image_file_t changed = {malloc(file->length), file->length};
    memcpy(changed.bytes, file->bytes, file->length);
    changed.bytes[at] ^= 0x40;
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, file);
    peer_send(peer, &changed, 0, 150000);
    peer_free(peer);
    rig_settle(rig);
    peer = peer_welcome(rig);
    assert_int_equal(begin_at(peer, file), 150000);
    for (uint32_t sent = 150000; sent < file->length && peer_received(peer, "failed") == NULL; sent += CHUNK) {
        peer_forget(peer);
        peer_data(peer, sent, file->bytes + sent, file->length - sent < CHUNK ? file->length - sent : CHUNK);
        rig_settle(rig);
    }
    assert_true(peer_failed(peer, "digest_mismatch"));
    peer_forget(peer);
    assert_int_equal(begin_at(peer, file), 0);
    peer_assert_completes(peer, file, 0);
    peer_free(peer);
    rig_free(rig);
    image_free(&changed);
}

// Whatever check it is that stumbles first.
static void what_was_changed_before_the_cut_is_dropped_and_named(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    static const uint32_t places[] = {OTA_WS_IMAGE_HEAD_SIZE + 1000, 70001, 149999, 40};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        assert_begins_again(&file, places[i]);
    }
    image_free(&file);
}

// A file that is damaged itself is still called so, once it has come from its start.
static void a_damaged_file_that_goes_on_is_blamed_at_the_second_try(void **state) {
    (void)state;
    image_file_t file = rig_long_image("2.0.0");
    file.bytes[1000] ^= 1; // the digest that is promised is this file's
    rig_t *rig = rig_new();
    rig_interrupt(rig, &file, 150000);
    peer_t *peer = peer_welcome(rig);
    static const char *const names[] = {"digest_mismatch", "bad_checksum"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const uint32_t from = begin_at(peer, &file);
        assert_int_equal(from, i == 0 ? 150000 : 0);
        for (uint32_t at = from; at < file.length && peer_received(peer, "failed") == NULL; at += CHUNK) {
            peer_forget(peer);
            peer_data(peer, at, file.bytes + at, file.length - at < CHUNK ? file.length - at : CHUNK);
            rig_settle(rig);
        }
        assert_true(peer_failed(peer, names[i]));
        peer_forget(peer);
    }
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void a_device_that_cannot_inflate_declines_a_compressed_upload(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"begin\",\"size\":1000,\"sha256\":"
                   "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\",\"deflate\":true");
    rig_settle(rig);
    assert_true(peer_failed(peer, "compression_declined"));
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_assert_updates(rig);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_that_is_in_flash_is_taken_out_again_before_the_update_goes_on),
        cmocka_unit_test(what_goes_on_is_known_to_all_at_once),
        cmocka_unit_test(a_cut_while_the_head_is_taken_out_starts_from_the_beginning),
        cmocka_unit_test(without_memory_for_a_sector_the_update_starts_from_the_beginning),
        cmocka_unit_test(the_record_says_that_the_head_may_be_in_flash_before_it_goes_there),
        cmocka_unit_test(after_a_restart_two_blocks_are_written_again_and_the_rest_is_kept),
        cmocka_unit_test(after_flash_has_failed_nothing_in_the_slot_is_kept),
        cmocka_unit_test(a_file_that_is_refused_leaves_the_slot_unsafe),
        cmocka_unit_test(a_shorter_file_erases_all_that_a_cut_has_left),
        cmocka_unit_test(what_a_cut_has_left_stays_unsafe_when_the_link_is_lost_again),
        cmocka_unit_test(an_update_that_pauses_on_flash_that_cannot_be_read_goes_on_at_its_last_block),
        cmocka_unit_test(what_was_changed_before_the_cut_is_dropped_and_named),
        cmocka_unit_test(a_damaged_file_that_goes_on_is_blamed_at_the_second_try),
        cmocka_unit_test(a_device_that_cannot_inflate_declines_a_compressed_upload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
