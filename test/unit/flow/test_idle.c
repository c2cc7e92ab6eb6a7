// SPDX-License-Identifier: Apache-2.0
// What makes an update quick: the writer's idle time, the ring, the first acknowledgement, and a platform that need not
// verify again.
#include "testing.h"

#include "built_features.h"

#include "rig.h"

#define CHUNK 8192u
#define BLOCK 65536u

static desk_t open_desk(void) {
    rig_t *rig = rig_new();
    rig->settings.chunk = CHUNK;
    rig->settings.credit = 4 * CHUNK;
    return desk_open(rig, rig_long_image("2.0.0"));
}

static void idle(rig_t *rig) {
    while (rig->writer != NULL && ota_ws_writer_idle(rig->writer)) {
    }
}

// Sends the bytes from `from` to before `to`, each chunk written before the next one comes.
static void send_without_idle_time(desk_t *desk, uint32_t from, uint32_t to) {
    for (uint32_t at = from; at < to; at += CHUNK) {
        uint32_t left = (uint32_t)desk->file.length - at;
        peer_data(desk->peer, at, desk->file.bytes + at, left < CHUNK ? left : CHUNK);
        rig_settle(desk->rig);
    }
}

static void send_slowly(desk_t *desk, uint32_t from, uint32_t to) {
    for (uint32_t at = from; at < to; at += CHUNK) {
        send_without_idle_time(desk, at, at + CHUNK);
        idle(desk->rig);
    }
}

static void idle_time_erases_what_the_next_chunks_need_and_the_update_succeeds(void **state) {
    (void)state;
    desk_t desk = open_desk();
    idle(desk.rig);
    peer_begin_image(desk.peer, &desk.file);
    idle(desk.rig);
    assert_true(nor_model_untouched(desk.rig->nor)); // the head has not been seen
    send_slowly(&desk, 0, BLOCK + CHUNK);
    assert_int_equal(desk.rig->writer->pipeline.slot.erased, 3 * BLOCK);
    send_slowly(&desk, BLOCK + CHUNK, (uint32_t)desk.file.length);
    assert_non_null(peer_received(desk.peer, "done"));
    assert_memory_equal(desk.rig->nor->bytes, desk.file.bytes, desk.file.length);
    desk_close(&desk);
}

static void an_erase_that_fails_in_idle_time_is_told_with_the_next_chunk(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    send_without_idle_time(&desk, 0, BLOCK + CHUNK);
    desk.rig->nor->failing = NOR_ERASE;
    desk.rig->nor->fail_after = 0;
    desk.rig->nor->status = OTA_WS_FLASH_ERASE;
    idle(desk.rig);
    assert_null(peer_received(desk.peer, "failed"));
    desk.rig->nor->fail_after = -1;
    const size_t programs = nor_model_count(desk.rig->nor, NOR_PROGRAM);
    send_slowly(&desk, BLOCK + CHUNK, BLOCK + 2 * CHUNK);
    assert_true(peer_failed(desk.peer, "flash_erase"));
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_PROGRAM), programs);
    desk_close(&desk);
}

// After a cut anywhere in it: the block that was being erased ahead is not kept, whatever it reads like.
static void a_block_that_was_erased_ahead_is_erased_again_after_a_restart(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    send_slowly(&desk, 0, BLOCK + CHUNK);
    store_model_t store = desk.rig->store; // as the power cut leaves it
    peer_free(desk.peer);
    rig_settle(desk.rig);
    desk.rig->store = store;
    memcpy(desk.rig->nor->bytes + 2 * BLOCK, desk.file.bytes + 2 * BLOCK, 4096); // reads well, today
    const size_t before = desk.rig->nor->count;
    desk.peer = peer_welcome(desk.rig);
    peer_begin_image(desk.peer, &desk.file);
    assert_non_null(strstr(peer_received(desk.peer, "ready"), "\"offset\":65536,"));
    send_without_idle_time(&desk, BLOCK, (uint32_t)desk.file.length);
    assert_non_null(peer_received(desk.peer, "done"));
    bool erased_again = false;
    for (size_t i = before; i < desk.rig->nor->count; i++) {
        const nor_operation_t *operation = &desk.rig->nor->operations[i];
        erased_again |= operation->kind == NOR_ERASE && operation->offset == 2 * BLOCK;
    }
    assert_true(erased_again);
    desk_close(&desk);
}

static size_t bytes_read(const nor_model_t *nor, size_t from) {
    size_t sum = 0;
    for (size_t i = from; i < nor->count; i++) {
        sum += nor->operations[i].kind == NOR_READ ? nor->operations[i].length : 0;
    }
    return sum;
}

// At the end only the last piece is left, and the first sector, which has got its head since.
static void what_idle_time_has_read_back_is_not_read_again(void **state) {
    (void)state;
    desk_t desk = open_desk();
    const uint32_t last = (uint32_t)desk.file.length / CHUNK * CHUNK;
    peer_begin_image(desk.peer, &desk.file);
    send_slowly(&desk, 0, last);
    const size_t before = desk.rig->nor->count;
    send_without_idle_time(&desk, last, (uint32_t)desk.file.length);
    assert_non_null(peer_received(desk.peer, "done"));
    assert_true(bytes_read(desk.rig->nor, before) <= CHUNK + 4096 + 512);
    desk_close(&desk);
}

static void an_image_that_is_there_is_read_once(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    memcpy(desk.rig->nor->bytes, desk.file.bytes, desk.file.length);
    const size_t before = desk.rig->nor->count;
    send_without_idle_time(&desk, 0, (uint32_t)desk.file.length);
    assert_non_null(peer_received(desk.peer, "done"));
    assert_true(bytes_read(desk.rig->nor, before) <= desk.file.length + 3 * 4096);
    desk_close(&desk);
}

// Whatever was found right before: it is looked at once more when its head is there.
static void a_first_sector_that_changes_after_it_was_read_back_is_noticed(void **state) {
    (void)state;
    desk_t desk = open_desk();
    const uint32_t last = (uint32_t)desk.file.length / CHUNK * CHUNK;
    peer_begin_image(desk.peer, &desk.file);
    send_slowly(&desk, 0, last);
    desk.rig->nor->bytes[4000] ^= 0x10;
    send_without_idle_time(&desk, last, (uint32_t)desk.file.length);
    assert_true(peer_failed(desk.peer, "flash_differs"));
    assert_int_equal(desk.rig->nor->bytes[0], 0xFF); // and is no image any more
    desk_close(&desk);
}

// ---- the ring ----

static void feed_all(ota_ws_writer_t *writer, ota_ws_ring_t *ring, ota_ws_job_result_t *result) {
    while (ota_ws_writer_feed(writer, ring, false, result)) {
    }
}

// A device that has the ring in memory that ends where it is least wanted; the image is there already.
static void sectors_are_kept_wherever_the_ring_ends(void **state) {
    (void)state;
    desk_t desk = open_desk();
    uint8_t *memory = malloc(9000);
    ota_ws_ring_t ring;
    ota_ws_job_result_t result;
    ota_ws_ring_init(&ring, memory, 9000);
    peer_begin_image(desk.peer, &desk.file);
    memcpy(desk.rig->nor->bytes, desk.file.bytes, desk.file.length);
    for (size_t at = 0; at < desk.file.length;) {
        size_t space;
        uint8_t *to = ota_ws_ring_space(&ring, &space);
        const size_t left = desk.file.length - at;
        const size_t step = space < 700 ? space : 700;
        memcpy(to, desk.file.bytes + at, step < left ? step : left);
        ota_ws_ring_put(&ring, (uint32_t)(step < left ? step : left));
        at += step < left ? step : left;
        feed_all(desk.rig->writer, &ring, &result);
        assert_int_equal(result.failure.status, OTA_WS_OK);
    }
    assert_true(result.complete);
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ERASE), 1); // the sector with the head
    peer_free(desk.peer);
    rig_settle(desk.rig);
    rig_free(desk.rig);
    image_free(&desk.file);
    free(memory);
}

// What an erase has to wait for must not take up space meanwhile: a write ends where a sector does.
static void the_ring_is_empty_up_to_where_an_erase_is_due(void **state) {
    (void)state;
    desk_t desk = open_desk();
    uint8_t *memory = malloc(3 * BLOCK);
    ota_ws_ring_t ring;
    ota_ws_job_result_t result;
    ota_ws_ring_init(&ring, memory, 3 * BLOCK);
    peer_begin_image(desk.peer, &desk.file);
    memcpy(memory, desk.file.bytes, 2 * BLOCK);
    ota_ws_ring_put(&ring, 2 * BLOCK);
    size_t erases = nor_model_count(desk.rig->nor, NOR_ERASE);
    while (nor_model_count(desk.rig->nor, NOR_ERASE) < erases + 2) { // the second block's
        assert_true(ota_ws_writer_feed(desk.rig->writer, &ring, false, &result));
    }
    assert_int_equal(ota_ws_ring_free(&ring), 3 * BLOCK - 2 * BLOCK + BLOCK + 4096);
    peer_free(desk.peer);
    rig_settle(desk.rig);
    rig_free(desk.rig);
    image_free(&desk.file);
    free(memory);
}

static void idle_time_does_nothing_before_an_update_and_after_one_has_failed_or_ended(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin(desk.peer, (uint32_t)desk.file.length, desk.file.bytes, false);
    assert_false(ota_ws_writer_idle(desk.rig->writer)); // BEGIN is still to come
    rig_settle(desk.rig);
    send_without_idle_time(&desk, 0, BLOCK);
    assert_true(ota_ws_writer_idle(desk.rig->writer));
    desk.rig->nor->failing = NOR_PROGRAM;
    desk.rig->nor->status = OTA_WS_FLASH_PROGRAM;
    desk.rig->nor->fail_after = 0;
    peer_data(desk.peer, BLOCK, desk.file.bytes + BLOCK, CHUNK);
    while (desk.rig->device.update == OTA_WS_UPDATE_RECEIVING) {
        assert_true(rig_work(desk.rig));
    }
    assert_false(ota_ws_writer_idle(desk.rig->writer)); // ABORT is still to come
    bool worked = true;
    assert_int_equal(ota_ws_pipeline_prepare(&desk.rig->writer->pipeline, &worked)->status, OTA_WS_FLASH_PROGRAM);
    assert_false(worked);
    rig_settle(desk.rig);
    assert_true(peer_failed(desk.peer, "flash_program"));
    desk_close(&desk);
}

static void the_first_bytes_are_acknowledged_at_once(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    peer_forget(desk.peer);
    assert_true(peer_data(desk.peer, 0, desk.file.bytes, 100));
    assert_non_null(strstr(peer_received(desk.peer, "progress"), "\"received\":100,"));
    peer_forget(desk.peer);
    assert_true(peer_data(desk.peer, 100, desk.file.bytes + 100, 1000));
    assert_null(peer_received(desk.peer, "progress"));
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig);
    desk_close(&desk);
}

// A transport may hand a frame over in pieces: the client, which may wait for it, gets one acknowledgement for the
// whole.
static void a_chunk_that_comes_in_pieces_is_acknowledged_at_its_end(void **state) {
    (void)state;
    desk_t desk = open_desk();
    peer_begin_image(desk.peer, &desk.file);
    for (uint32_t at = 0; at < CHUNK; at += CHUNK / 8) {
        const ota_ws_data_t data = {at, CHUNK / 8, at + CHUNK / 8 == CHUNK};
        desk.rig->incoming = desk.file.bytes + at;
        assert_true(ota_ws_session_data(desk.peer->session, &data, desk.rig->now_ms));
        rig_settle(desk.rig);
    }
    assert_non_null(strstr(peer_received(desk.peer, "progress"), "\"received\":8192,"));
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig);
    desk_close(&desk);
}

static unsigned short_ways;

static ota_ws_status_t select_verified(void *context, uint32_t image_size) {
    nor_model_t *nor = context;
    short_ways++;
    assert_int_equal(image_size, 200000);
    nor->active = true;
    return OTA_WS_OK;
}

static void a_platform_that_need_not_verify_again_is_not_asked_to(void **state) {
    (void)state;
    desk_t desk = open_desk();
    short_ways = 0;
    desk.rig->flash.activate_verified = select_verified;
    assert_true(peer_update(desk.peer, desk.file.bytes, (uint32_t)desk.file.length));
    assert_int_equal(short_ways, 1);
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 0);
    desk_close(&desk);
}

// The core has verified nothing there: it lies in the slot since before the restart.
static void an_image_that_is_selected_again_is_verified_by_the_platform(void **state) {
    (void)state;
    desk_t desk = open_desk();
    short_ways = 0;
    desk.rig->flash.activate_verified = select_verified;
    assert_int_equal(ota_ws_trial_select(&desk.rig->platform, &desk.rig->flash), OTA_WS_OK);
    assert_int_equal(short_ways, 0);
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 1);
    desk_close(&desk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_time_erases_what_the_next_chunks_need_and_the_update_succeeds),
        cmocka_unit_test(an_erase_that_fails_in_idle_time_is_told_with_the_next_chunk),
        unit_test_of(resume, a_block_that_was_erased_ahead_is_erased_again_after_a_restart),
        cmocka_unit_test(what_idle_time_has_read_back_is_not_read_again),
        cmocka_unit_test(an_image_that_is_there_is_read_once),
        cmocka_unit_test(a_first_sector_that_changes_after_it_was_read_back_is_noticed),
        unit_test_of(resume, sectors_are_kept_wherever_the_ring_ends),
        cmocka_unit_test(the_ring_is_empty_up_to_where_an_erase_is_due),
        cmocka_unit_test(idle_time_does_nothing_before_an_update_and_after_one_has_failed_or_ended),
        cmocka_unit_test(the_first_bytes_are_acknowledged_at_once),
        cmocka_unit_test(a_chunk_that_comes_in_pieces_is_acknowledged_at_its_end),
        cmocka_unit_test(a_platform_that_need_not_verify_again_is_not_asked_to),
        cmocka_unit_test(an_image_that_is_selected_again_is_verified_by_the_platform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
