// SPDX-License-Identifier: Apache-2.0
// The ring: every byte comes out once, in order, wherever its memory ends; and as much fits as it has bytes.
#include "testing.h"

#include <pthread.h>
#include <sched.h>

#include "flow/ring.h"

#define SIZE 37u

static uint8_t byte_at(uint32_t i) {
    return (uint8_t)(i * 2654435761u >> 11);
}

// Puts in `length` bytes, in as many pieces as the memory's end makes of them.
static void put(ota_ws_ring_t *ring, uint32_t from, uint32_t length) {
    while (length > 0) {
        size_t space;
        uint8_t *to = ota_ws_ring_space(ring, &space);
        assert_true(space > 0);
        const uint32_t step = length < space ? length : (uint32_t)space;
        for (uint32_t i = 0; i < step; i++) {
            to[i] = byte_at(from + i);
        }
        ota_ws_ring_put(ring, step);
        from += step;
        length -= step;
    }
}

static void assert_holds(const ota_ws_ring_t *ring, uint32_t from, uint32_t length) {
    ota_ws_ring_view_t view;
    ota_ws_ring_look(ring, &view);
    assert_int_equal(view.length + view.ahead_length, length);
    for (uint32_t i = 0; i < length; i++) {
        assert_int_equal(i < view.length ? view.bytes[i] : view.ahead[i - view.length], byte_at(from + i));
    }
}

static void bytes_come_out_as_they_went_in_at_every_place_of_its_memory(void **state) {
    (void)state;
    for (uint32_t start = 0; start < SIZE; start++) {
        for (uint32_t length = 1; length <= SIZE; length++) {
            for (uint32_t taken = 1; taken <= length; taken++) {
                uint8_t *bytes = malloc(SIZE);
                ota_ws_ring_t ring;
                ota_ws_ring_init(&ring, bytes, SIZE);
                ota_ws_ring_put(&ring, start);
                ota_ws_ring_take(&ring, start);
                put(&ring, 0, length);
                assert_int_equal(ota_ws_ring_free(&ring), SIZE - length);
                assert_holds(&ring, 0, length);
                ota_ws_ring_take(&ring, taken);
                assert_holds(&ring, taken, length - taken);
                free(bytes);
            }
        }
    }
}

static void a_full_ring_has_no_space_and_an_empty_one_all_of_it(void **state) {
    (void)state;
    uint8_t bytes[SIZE];
    ota_ws_ring_t ring;
    size_t space;
    ota_ws_ring_init(&ring, bytes, SIZE);
    ota_ws_ring_space(&ring, &space);
    assert_int_equal(space, SIZE);
    put(&ring, 0, SIZE);
    ota_ws_ring_space(&ring, &space);
    assert_int_equal(space, 0);
    assert_int_equal(ota_ws_ring_free(&ring), 0);
}

#define STREAM 200000u

static void *fill(void *context) {
    ota_ws_ring_t *ring = context;
    for (uint32_t at = 0; at < STREAM;) {
        size_t space;
        uint8_t *to = ota_ws_ring_space(ring, &space);
        const uint32_t step = space < STREAM - at ? (uint32_t)space : STREAM - at;
        for (uint32_t i = 0; i < step; i++) {
            to[i] = byte_at(at + i);
        }
        ota_ws_ring_put(ring, step);
        at += step;
        if (step == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void two_threads_need_no_lock(void **state) {
    (void)state;
    uint8_t bytes[1000];
    ota_ws_ring_t ring;
    pthread_t thread;
    ota_ws_ring_init(&ring, bytes, sizeof bytes);
    pthread_create(&thread, NULL, fill, &ring);
    for (uint32_t at = 0; at < STREAM;) {
        ota_ws_ring_view_t view;
        ota_ws_ring_look(&ring, &view);
        for (uint32_t i = 0; i < view.length; i++) {
            assert_int_equal(view.bytes[i], byte_at(at + i));
        }
        ota_ws_ring_take(&ring, view.length);
        at += view.length;
        if (view.length == 0) {
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in_at_every_place_of_its_memory),
        cmocka_unit_test(a_full_ring_has_no_space_and_an_empty_one_all_of_it),
        cmocka_unit_test(two_threads_need_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
