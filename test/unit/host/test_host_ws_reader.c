// SPDX-License-Identifier: Apache-2.0
// Frames out of a stream of bytes: whole, byte by byte and cut at every place, and what a client must not send.
#include "testing.h"

#include "ws_reader.h"

#define STREAM_SIZE 80000

// What the reader has passed on, written as one text: kind, payload, and '.' at the end of each frame.
typedef struct {
    ws_reader_t reader;
    uint8_t *seen;
    size_t seen_length;
    size_t frames;
} bench_t;

static void note(bench_t *bench, const ws_piece_t *piece) {
    memcpy(bench->seen + bench->seen_length, piece->bytes, piece->length);
    bench->seen_length += piece->length;
    if (piece->remaining == 0) {
        bench->seen[bench->seen_length++] = (uint8_t)piece->kind;
        bench->frames++;
    }
}

static void feed(bench_t *bench, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length + 1); // of the right size, for the sanitizer; and the reader writes into it
    uint8_t *at = copy;
    ws_piece_t piece;
    memcpy(copy, bytes, length);
    while (ws_reader_next(&bench->reader, &at, &length, &piece)) {
        note(bench, &piece);
    }
    free(copy);
}

static bench_t bench_new(void) {
    return (bench_t){.seen = malloc(STREAM_SIZE)};
}

// ---- what a client sends ----

static size_t put_frame(uint8_t *to, uint8_t kind, const void *payload, size_t length) {
    static const uint8_t mask[4] = {0x12, 0xFF, 0x00, 0x9A};
    size_t at = 0;
    to[at++] = 0x80 | kind;
    if (length < 126) {
        to[at++] = (uint8_t)(0x80 | length);
    } else if (length < 65536) {
        to[at++] = 0x80 | 126;
        to[at++] = (uint8_t)(length >> 8);
        to[at++] = (uint8_t)length;
    } else {
        const uint8_t long_length[9] = {0x80 | 127,     0, 0, 0, 0, 0, (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                                        (uint8_t)length};
        memcpy(to + at, long_length, sizeof long_length);
        at += sizeof long_length;
    }
    memcpy(to + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < length; i++) {
        to[at + i] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
    }
    return at + length;
}

// Text, data, an empty text, a Ping, 126 bytes, a Close; and what the reader must pass on.
static size_t make_stream(uint8_t *stream, uint8_t *expected, size_t *expected_length) {
    static const struct {
        uint8_t kind;
        const char *payload;
    } frames[] = {{WS_TEXT, "{\"type\":\"ping\"}"},
                  {WS_BINARY, "0123456789"},
                  {WS_TEXT, ""},
                  {WS_PING, "are you there"},
                  {WS_BINARY,
                   "------------------------------------------------------------------------------------------"
                   "------------------------------------"},
                  {WS_CLOSE, "\x03\xE8"}};
    size_t at = 0;
    *expected_length = 0;
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        size_t length = strlen(frames[i].payload);
        at += put_frame(stream + at, frames[i].kind, frames[i].payload, length);
        memcpy(expected + *expected_length, frames[i].payload, length);
        *expected_length += length;
        expected[(*expected_length)++] = frames[i].kind;
    }
    return at;
}

static void frames_come_whole_and_cut_at_every_place(void **state) {
    (void)state;
    uint8_t stream[1024];
    uint8_t expected[1024];
    size_t expected_length;
    size_t length = make_stream(stream, expected, &expected_length);
    for (size_t cut = 0; cut <= length; cut++) {
        bench_t bench = bench_new();
        feed(&bench, stream, cut);
        feed(&bench, stream + cut, length - cut);
        assert_int_equal(bench.reader.broken, OTA_WS_OK);
        assert_int_equal(bench.seen_length, expected_length);
        assert_memory_equal(bench.seen, expected, expected_length);
        free(bench.seen);
    }
}

static void frames_come_byte_by_byte(void **state) {
    (void)state;
    uint8_t stream[1024];
    uint8_t expected[1024];
    size_t expected_length;
    bench_t bench = bench_new();
    size_t length = make_stream(stream, expected, &expected_length);
    for (size_t i = 0; i < length; i++) {
        feed(&bench, stream + i, 1);
    }
    assert_int_equal(bench.seen_length, expected_length);
    assert_memory_equal(bench.seen, expected, expected_length);
    free(bench.seen);
}

static void a_frame_of_65536_bytes_comes_whole(void **state) {
    (void)state;
    uint8_t *payload = calloc(1, 65536);
    uint8_t *stream = malloc(STREAM_SIZE);
    bench_t bench = bench_new();
    payload[65535] = 7;
    feed(&bench, stream, put_frame(stream, WS_BINARY, payload, 65536));
    assert_int_equal(bench.frames, 1);
    assert_memory_equal(bench.seen, payload, 65536);
    free(bench.seen);
    free(stream);
    free(payload);
}

static void what_has_come_of_a_frame_is_passed_on_at_once(void **state) {
    (void)state;
    uint8_t stream[64];
    uint8_t *at = stream;
    size_t length = put_frame(stream, WS_BINARY, "0123456789", 10) - 4;
    ws_reader_t reader = {0};
    ws_piece_t piece;
    assert_true(ws_reader_next(&reader, &at, &length, &piece));
    assert_int_equal(piece.length, 6);
    assert_int_equal(piece.remaining, 4);
    assert_memory_equal(piece.bytes, "012345", 6);
    assert_false(ws_reader_next(&reader, &at, &length, &piece));
}

// ---- what a client must not send ----

typedef struct {
    const char *what;
    ota_ws_status_t status;
    size_t length;
    uint8_t bytes[14];
} wrong_t;

static const wrong_t wrongs[] = {
    {"text without a mask", OTA_WS_BAD_FRAME, 4, {0x81, 0x02, 'h', 'i'}},
    {"data without a mask", OTA_WS_BAD_FRAME, 4, {0x82, 0x02, 'h', 'i'}},
    {"a Close without a mask", OTA_WS_BAD_FRAME, 2, {0x88, 0x00}},
    {"the first reserved bit", OTA_WS_BAD_FRAME, 6, {0xC1, 0x80}},
    {"the second reserved bit", OTA_WS_BAD_FRAME, 6, {0xA1, 0x80}},
    {"the third reserved bit", OTA_WS_BAD_FRAME, 6, {0x91, 0x80}},
    {"kind 3", OTA_WS_BAD_FRAME, 6, {0x83, 0x80}},
    {"kind 7", OTA_WS_BAD_FRAME, 6, {0x87, 0x80}},
    {"kind 11", OTA_WS_BAD_FRAME, 6, {0x8B, 0x80}},
    {"kind 15", OTA_WS_BAD_FRAME, 6, {0x8F, 0x80}},
    {"the first part of a text", OTA_WS_FRAGMENTED, 6, {0x01, 0x80}},
    {"the first part of data", OTA_WS_FRAGMENTED, 6, {0x02, 0x80}},
    {"a continuation", OTA_WS_FRAGMENTED, 6, {0x80, 0x80}},
    {"a Ping in parts", OTA_WS_BAD_FRAME, 6, {0x09, 0x80}},
    {"a long Ping", OTA_WS_BAD_FRAME, 8, {0x89, 0x80 | 126, 0, 126}},
    {"a very long Close", OTA_WS_BAD_FRAME, 14, {0x88, 0x80 | 127}},
    {"125 in two bytes", OTA_WS_BAD_FRAME, 8, {0x82, 0x80 | 126, 0, 125}},
    {"65535 in eight bytes", OTA_WS_BAD_FRAME, 14, {0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}},
    {"a length of 64 bits", OTA_WS_BAD_FRAME, 14, {0x82, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0}},
};

static void what_breaks_the_rules_is_named(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrongs); i++) {
        bench_t bench = bench_new();
        feed(&bench, wrongs[i].bytes, wrongs[i].length);
        if (bench.reader.broken != wrongs[i].status || bench.seen_length != 0) {
            fail_msg("%s: %s", wrongs[i].what, ota_ws_status_name(bench.reader.broken));
        }
        free(bench.seen);
    }
}

static void behind_a_broken_frame_nothing_is_read(void **state) {
    (void)state;
    uint8_t stream[64] = {0x81, 0x00};
    bench_t bench = bench_new();
    feed(&bench, stream, 2 + put_frame(stream + 2, WS_TEXT, "hello", 5));
    feed(&bench, stream + 2, 11);
    assert_int_equal(bench.reader.broken, OTA_WS_BAD_FRAME);
    assert_int_equal(bench.seen_length, 0);
    free(bench.seen);
}

static void a_length_that_is_only_promised_is_passed_on(void **state) {
    (void)state;
    uint8_t stream[] = {0x82, 0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 'x'};
    uint8_t *at = stream;
    size_t length = sizeof stream;
    ws_reader_t reader = {0};
    ws_piece_t piece;
    assert_true(ws_reader_next(&reader, &at, &length, &piece));
    assert_true(piece.remaining == INT64_MAX - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_whole_and_cut_at_every_place),
        cmocka_unit_test(frames_come_byte_by_byte),
        cmocka_unit_test(a_frame_of_65536_bytes_comes_whole),
        cmocka_unit_test(what_has_come_of_a_frame_is_passed_on_at_once),
        cmocka_unit_test(what_breaks_the_rules_is_named),
        cmocka_unit_test(behind_a_broken_frame_nothing_is_read),
        cmocka_unit_test(a_length_that_is_only_promised_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
