// SPDX-License-Identifier: Apache-2.0
// The prepared slot: switched on by a client, one block after the other at rest, and nothing else is ever in its way.
#include "testing.h"

#include "built_features.h"
#include "record/progress.h"
#include "rig.h"

#define BLOCK 65536u
#define SLOT (4 * BLOCK) // the rig's, full of old bytes
#define PAUSE_MS 500
#define ON "{\"type\":\"prepare\",\"on\":true"
#define OFF "{\"type\":\"prepare\""

static size_t erases(const rig_t *rig) {
    return nor_model_count(rig->nor, NOR_ERASE);
}

// One pause and one block.
static void work_once(rig_t *rig) {
    rig_pass(rig, PAUSE_MS);
    rig_settle(rig);
}

static void work_long(rig_t *rig) {
    for (int i = 0; i < 20; i++) {
        work_once(rig);
    }
}

static bool reads_blank(const rig_t *rig, uint32_t from, uint32_t to) {
    while (from < to && rig->nor->bytes[from] == 0xFF) {
        from++;
    }
    return from == to;
}

static bool says(const peer_t *peer, const char *member) {
    const char *state = peer_received(peer, "state");
    assert_non_null(state);
    return strstr(state, member) != NULL;
}

static void restart(rig_t *rig) {
    const ota_ws_ports_t ports = rig->device.ports;
    ota_ws_device_init(&rig->device, &ports, &rig->settings, NULL, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
}

// A device on which a client has switched it on and left.
static rig_t *rig_prepares(void) {
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, ON);
    assert_true(says(peer, "\"prepare\":\"on\""));
    peer_free(peer);
    return rig;
}

// ---- switched on and off ----

static void it_is_off_until_a_client_switches_it_on(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    work_long(rig);
    assert_true(nor_model_untouched(rig->nor));
    peer_say(peer, OFF);
    assert_true(says(peer, "\"prepare\":\"off\""));
    work_long(rig);
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_free(rig);
}

static void the_slot_is_erased_block_by_block(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    for (uint32_t block = 1; block <= 4; block++) {
        assert_true(ota_ws_device_wants_ticks(&rig->device));
        rig_pass(rig, PAUSE_MS - 1);
        assert_int_equal(rig->job_count, 0);
        rig_pass(rig, 1);
        assert_int_equal(rig->job_count, 1);
        rig_settle(rig);
        assert_int_equal(erases(rig), block);
        assert_true(reads_blank(rig, 0, block * BLOCK));
        assert_int_equal(rig->nor->bytes[SLOT - 1], block < 4 ? 0x5A : 0xFF);
    }
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    work_long(rig);
    assert_int_equal(erases(rig), 4);
    rig_free(rig);
}

static void the_state_says_what_is_so(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    peer_t *peer = peer_welcome(rig);
    strcpy(rig->identity.other_slot, "ota_1");
    work_once(rig);
    assert_true(says(peer, "\"other_image\":\"none\""));
    assert_false(says(peer, "\"early\":"));
    work_long(rig);
    assert_true(says(peer, "\"other_image\":\"blank\""));
    rig->identity.other_state = OTA_WS_IMAGE_VALID; // somebody else has written there
    peer_say(peer, OFF);
    assert_true(says(peer, "\"prepare\":\"off\""));
    assert_true(says(peer, "\"other_image\":\"valid\""));
    peer_free(peer);
    rig_free(rig);
}

static void no_early_data_while_it_works(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    rig->worker.early = 4096;
    peer_say(peer, OFF);
    assert_true(says(peer, "\"early\":4096"));
    peer_say(peer, ON);
    assert_false(says(peer, "\"early\":"));
    work_long(rig);
    assert_true(says(peer, "\"early\":4096"));
    peer_free(peer);
    rig_free(rig);
}

static void it_goes_on_after_a_restart_and_erases_nothing_twice(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    work_once(rig);
    work_once(rig);
    restart(rig);
    assert_true(ota_ws_device_wants_ticks(&rig->device));
    work_long(rig);
    assert_int_equal(erases(rig), 4);
    restart(rig);
    work_long(rig);
    assert_int_equal(erases(rig), 4);
    assert_int_equal(rig->device.prepared, OTA_WS_SLOT_BLANK);
    rig_free(rig);
}

static void switched_off_it_stops(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    peer_t *peer = peer_welcome(rig);
    rig_pass(rig, PAUSE_MS);
    peer_say(peer, OFF); // a block is under way
    rig_settle(rig);
    work_long(rig);
    assert_int_equal(erases(rig), 1);
    peer_free(peer);
    restart(rig);
    work_long(rig);
    assert_int_equal(erases(rig), 1);
    rig_free(rig);
}

static void keep_nothing(void *context, const char *key, const void *value, size_t size) {
    (void)context;
    (void)key;
    (void)value;
    (void)size;
}

static void a_setting_that_the_store_does_not_take_is_off(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    rig->platform.save = keep_nothing;
    peer_say(peer, ON);
    assert_true(says(peer, "\"prepare\":\"off\""));
    work_long(rig);
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_free(rig);
}

static void on_is_true_or_absent(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"prepare\",\"on\":false");
    assert_true(peer_ended(peer, "bad_value"));
    peer_free(peer);
    rig_free(rig);
}

// ---- what it leaves alone ----

static void a_trial_is_left_alone(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    rig->device.on_trial = true;
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    work_long(rig);
    assert_true(nor_model_untouched(rig->nor));
    rig->device.on_trial = false;
    rig->identity.image_state = OTA_WS_IMAGE_VALID;
    work_once(rig);
    assert_int_equal(erases(rig), 1);
    rig_free(rig);
}

static void an_image_that_the_application_has_selected_is_left_alone(void **state) {
    (void)state;
    static const ota_ws_image_state_t awaited[] = {OTA_WS_IMAGE_UNCONFIRMED, OTA_WS_IMAGE_UNWATCHED};
    for (size_t i = 0; i < COUNT_OF(awaited); i++) {
        rig_t *rig = rig_prepares();
        rig->identity.other_state = awaited[i];
        rig->identity.can_roll_back = false; // the boot record does not select the running image
        work_long(rig);
        assert_true(nor_model_untouched(rig->nor));
        assert_false(ota_ws_device_wants_ticks(&rig->device));
        rig_free(rig);
    }
}

static void an_image_that_is_only_a_way_back_is_not(void **state) {
    (void)state;
    static const struct {
        ota_ws_image_state_t other;
        bool can_roll_back;
    } cases[] = {{OTA_WS_IMAGE_VALID, true},
                 {OTA_WS_IMAGE_UNWATCHED, true},
                 {OTA_WS_IMAGE_ROLLED_BACK, false},
                 {OTA_WS_IMAGE_ABORTED, false},
                 {OTA_WS_IMAGE_NONE, true}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_prepares();
        rig->identity.other_state = cases[i].other;
        rig->identity.can_roll_back = cases[i].can_roll_back;
        work_once(rig);
        assert_int_equal(erases(rig), 1);
        rig_free(rig);
    }
}

static void an_unfinished_upload_stays(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    image_file_t file = rig_long_image("2.0.0");
    rig_interrupt(rig, &file, 100000);
    size_t before = erases(rig);
    work_long(rig);
    assert_int_equal(erases(rig), before);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_true(peer_offset(peer) >= BLOCK);
    peer_assert_completes(peer, &file, peer_offset(peer));
    peer_free(peer);
    image_free(&file);
    rig_free(rig);
}

static void the_recovery_layout_has_nothing_to_prepare(void **state) {
    (void)state;
    static const ota_ws_layout_t layouts[] = {OTA_WS_LAYOUT_APPLICATION, OTA_WS_LAYOUT_RECOVERY};
    for (size_t i = 0; i < COUNT_OF(layouts); i++) {
        rig_t *rig = rig_new();
        rig->identity.layout = layouts[i];
        restart(rig);
        peer_t *peer = peer_welcome(rig);
        peer_say(peer, ON);
        assert_false(says(peer, "\"prepare\""));
        work_long(rig);
        assert_true(nor_model_untouched(rig->nor));
        peer_free(peer);
        rig_free(rig);
    }
}

static void the_application_may_refuse(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    rig->refused = 1u << OTA_WS_ASK_ERASE;
    work_once(rig);
    assert_true(nor_model_untouched(rig->nor));
    rig->refused = 0;
    rig_pass(rig, 59000);
    assert_int_equal(rig->job_count, 0);
    rig_pass(rig, 1000);
    rig_settle(rig);
    assert_int_equal(erases(rig), 1);
    rig_free(rig);
}

static void without_memory_it_tries_again(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    rig->alone_status = OTA_WS_NO_MEMORY;
    work_once(rig);
    assert_true(nor_model_untouched(rig->nor));
    rig->alone_status = OTA_WS_OK;
    work_once(rig);
    assert_int_equal(erases(rig), 1);
    rig_free(rig);
}

static void flash_that_does_not_erase_is_left_alone(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    rig->nor->failing = NOR_ERASE;
    rig->nor->status = OTA_WS_FLASH_ERASE;
    rig->nor->fail_after = 1;
    work_long(rig);
    assert_int_equal(erases(rig), 2);
    assert_false(ota_ws_device_wants_ticks(&rig->device));
    rig_free(rig);
}

// ---- an update ----

static void an_update_waits_for_one_block_at_most(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    image_file_t file = rig_long_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    work_once(rig);
    rig_pass(rig, PAUSE_MS);
    peer_begin_with(peer, &file, "");
    assert_null(peer_received(peer, "ready"));
    assert_true(rig_work(rig)); // the block
    assert_int_equal(erases(rig), 2);
    assert_true(rig_work(rig)); // BEGIN
    assert_int_equal(peer_offset(peer), 0);
    rig_pass(rig, 10 * PAUSE_MS);
    peer_assert_completes(peer, &file, 0);
    peer_free(peer);
    image_free(&file);
    rig_free(rig);
}

static void an_update_into_a_prepared_slot_erases_nothing(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    work_long(rig);
    image_file_t file = rig_long_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    size_t erased = erases(rig);
    size_t read = nor_model_count(rig->nor, NOR_READ);
    peer_begin_image(peer, &file);
    peer_send(peer, &file, 0, 3 * BLOCK);
    assert_int_equal(erases(rig), erased);
    // It is only read back, in pieces of 512 bytes or more: no sector was looked at before it was written.
    assert_true(nor_model_count(rig->nor, NOR_READ) - read <= 3 * BLOCK / 512 + 16);
    peer_assert_completes(peer, &file, 3 * BLOCK);
    assert_int_equal(erases(rig), erased);
    peer_free(peer);
    image_free(&file);
    rig_free(rig);
}

static void an_update_that_stops_in_a_prepared_slot_goes_on(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    work_long(rig);
    image_file_t file = rig_long_image("2.0.0");
    size_t erased = erases(rig);
    rig_interrupt(rig, &file, 100000);
    work_long(rig);
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &file);
    assert_true(peer_offset(peer) > BLOCK);
    peer_assert_completes(peer, &file, peer_offset(peer));
    assert_int_equal(erases(rig), erased);
    peer_free(peer);
    image_free(&file);
    rig_free(rig);
}

// ---- power cuts ----

// The power has gone while block `block` was erased, and all of the slot reads blank.
static rig_t *rig_cut_off(uint32_t block) {
    rig_t *rig = rig_prepares();
    for (uint32_t i = 1; i < block; i++) {
        work_once(rig);
    }
    rig->nor->failing = NOR_ERASE; // the job does not end as it should
    rig->nor->status = OTA_WS_FLASH_ERASE;
    rig->nor->fail_after = 0;
    work_once(rig);
    rig->nor->fail_after = -1;
    memset(rig->nor->bytes, 0xFF, SLOT);
    rig->nor->count = 0;
    restart(rig);
    return rig;
}

static void an_erase_that_was_cut_off_is_done_again(void **state) {
    (void)state;
    for (uint32_t block = 1; block <= 4; block++) {
        rig_t *rig = rig_cut_off(block);
        work_long(rig);
        assert_int_equal(erases(rig), block); // those before cannot be told from it
        assert_int_equal(rig->device.prepared, OTA_WS_SLOT_BLANK);
        ota_ws_progress_t progress;
        assert_false(ota_ws_progress_load(&rig->platform, &progress));
        rig_free(rig);
    }
}

static void an_update_does_not_trust_an_erase_that_was_cut_off(void **state) {
    (void)state;
    rig_t *rig = rig_cut_off(2);
    rig_assert_updates(rig);
    assert_true(erases(rig) > 0);
    rig_free(rig);
}

// What an update has left half-erased is erased by all means, and then the next update need not.
static void what_an_update_has_left_in_doubt_is_erased_too(void **state) {
    (void)state;
    rig_t *rig = rig_prepares();
    ota_ws_progress_t progress = {.size = 2 * BLOCK + 1, .unsafe_range = 2};
    ota_ws_progress_save(&rig->platform, &progress);
    memset(rig->nor->bytes, 0xFF, SLOT);
    work_once(rig);
    work_once(rig);
    assert_true(ota_ws_progress_load(&rig->platform, &progress));
    work_long(rig);
    assert_int_equal(erases(rig), 3);
    assert_false(ota_ws_progress_load(&rig->platform, &progress));
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_off_until_a_client_switches_it_on),
        cmocka_unit_test(the_slot_is_erased_block_by_block),
        cmocka_unit_test(the_state_says_what_is_so),
        cmocka_unit_test(no_early_data_while_it_works),
        cmocka_unit_test(it_goes_on_after_a_restart_and_erases_nothing_twice),
        cmocka_unit_test(switched_off_it_stops),
        cmocka_unit_test(a_setting_that_the_store_does_not_take_is_off),
        cmocka_unit_test(on_is_true_or_absent),
        cmocka_unit_test(a_trial_is_left_alone),
        cmocka_unit_test(an_image_that_the_application_has_selected_is_left_alone),
        cmocka_unit_test(an_image_that_is_only_a_way_back_is_not),
        unit_test_of(resume, an_unfinished_upload_stays),
        cmocka_unit_test(the_recovery_layout_has_nothing_to_prepare),
        cmocka_unit_test(the_application_may_refuse),
        cmocka_unit_test(without_memory_it_tries_again),
        cmocka_unit_test(flash_that_does_not_erase_is_left_alone),
        cmocka_unit_test(an_update_waits_for_one_block_at_most),
        unit_test_of(resume, an_update_into_a_prepared_slot_erases_nothing),
        unit_test_of(resume, an_update_that_stops_in_a_prepared_slot_goes_on),
        cmocka_unit_test(an_erase_that_was_cut_off_is_done_again),
        cmocka_unit_test(an_update_does_not_trust_an_erase_that_was_cut_off),
        cmocka_unit_test(what_an_update_has_left_in_doubt_is_erased_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
