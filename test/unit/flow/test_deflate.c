// SPDX-License-Identifier: Apache-2.0
// Compressed uploads: the pipeline with zlib before it, or with the chip's filter (CHIP_INFLATE, ../esp), over a model
// of flash. The digest is of the plain image; bombs, streams that are cut off, damaged or go on after their end have
// one name.
#include "testing.h"

#include "built_features.h"

#include <zlib.h>

#include "hash_openssl.h"
#ifdef CHIP_INFLATE
#include "inflate.h"
#else
#include "inflate_zlib.h"
#endif
#include "flow/writer.h"
#include "rig.h"
#include "text.h"

#define CHUNK 4096u

typedef struct {
    uint8_t *bytes;
    size_t length;
} stream_t;

static stream_t deflate_within(const uint8_t *bytes, size_t length, int level, int bits) {
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, level, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream_t stream = {malloc(deflateBound(&zlib, length) + 64), 0};
    zlib.next_in = (uint8_t *)bytes;
    zlib.avail_in = (uInt)length;
    zlib.next_out = stream.bytes;
    zlib.avail_out = (uInt)(deflateBound(&zlib, length) + 64);
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    stream.length = zlib.total_out;
    deflateEnd(&zlib);
    return stream;
}

static stream_t deflate_bytes(const uint8_t *bytes, size_t length, int level) {
    return deflate_within(bytes, length, level, MAX_WBITS);
}

static ota_ws_filter_t inflate_port(void) {
#ifdef CHIP_INFLATE
    return *ota_ws_chip_inflate();
#else
    static inflate_zlib_t inflate;
    return inflate_zlib_port(&inflate);
#endif
}

// A device that takes compressed uploads; the tests bring their images.
static ota_ws_filter_t filter;

static desk_t open_desk(void) {
    rig_t *rig = rig_new();
    filter = inflate_port();
    rig->pipeline_ports.inflate = &filter;
    rig->worker.inflates = true;
    return desk_open(rig, (image_file_t){0});
}

static void begin_early(desk_t *desk, const image_file_t *image, uint32_t early) {
    char members[64];
    snprintf(members, sizeof members, ",\"deflate\":true,\"early\":%u", early);
    peer_begin_with(desk->peer, image, members);
}

static void begin(desk_t *desk, const image_file_t *image) {
    begin_early(desk, image, 0);
    rig_settle(desk->rig);
}

// Sends the stream in frames of `piece` bytes, until it is whole or the device has failed. How many bytes it took.
static size_t send_stream(desk_t *desk, const stream_t *stream, size_t piece) {
    size_t at = 0;
    while (at < stream->length && peer_received(desk->peer, "failed") == NULL) {
        size_t length = stream->length - at < piece ? stream->length - at : piece;
        assert_true(peer_data(desk->peer, (uint32_t)at, stream->bytes + at, length));
        rig_settle(desk->rig);
        at += length;
        if (desk->peer->log_count > RIG_LOG_MAX / 2 && peer_received(desk->peer, "failed") == NULL) {
            peer_forget(desk->peer);
        }
    }
    return at;
}

static void say_end(desk_t *desk) {
    peer_say(desk->peer, "{\"type\":\"end\"");
    rig_settle(desk->rig);
}

static void assert_takes(const image_file_t *image, int level, size_t piece) {
    desk_t desk = open_desk();
    stream_t stream = deflate_bytes(image->bytes, image->length, level);
    begin(&desk, image);
    assert_int_equal(send_stream(&desk, &stream, piece), stream.length);
    assert_null(peer_received(desk.peer, "done"));
    say_end(&desk);
    assert_non_null(peer_received(desk.peer, "done"));
    assert_memory_equal(desk.rig->nor->bytes, image->bytes, image->length);
    free(stream.bytes);
    desk_close(&desk);
}

static void a_compressed_image_in_any_pieces_is_written_and_selected(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 7, 100, 1024, 4095, CHUNK};
    image_file_t image = rig_image("2.0.0");
    for (int level = 0; level <= 9; level += 3) {
        for (size_t i = 0; i < COUNT_OF(pieces); i++) {
            assert_takes(&image, level, pieces[i]);
        }
    }
    image_free(&image);
}

// What comes again in it comes 5000 bytes later.
static image_file_t repetitive_image(void) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = 65536;
    spec.segments = 1; // its data may be changed anywhere
    image_file_t image = image_build(&spec);
    for (size_t at = 20000; at < 60000; at++) {
        uint32_t mixed = (uint32_t)(at % 5000 + 1) * 2654435761u;
        mixed = (mixed ^ mixed >> 15) * 2246822519u;
        image.bytes[at] = (uint8_t)(mixed >> 16);
    }
    image_seal(&spec, &image);
    return image;
}

static void begin_window(desk_t *desk, const image_file_t *image, unsigned window) {
    char members[64];
    snprintf(members, sizeof members, ",\"deflate\":true,\"window\":%u", window);
    peer_begin_with(desk->peer, image, members);
    rig_settle(desk->rig);
}

static bool is_taken(const image_file_t *image, const stream_t *stream, unsigned window) {
    desk_t desk = open_desk();
    begin_window(&desk, image, window);
    send_stream(&desk, stream, CHUNK);
    if (peer_received(desk.peer, "failed") == NULL) {
        say_end(&desk);
    }
    bool is_done = peer_received(desk.peer, "done") != NULL;
    assert_true(is_done || nor_model_count(desk.rig->nor, NOR_ACTIVATE) == 0);
    desk_close(&desk);
    return is_done;
}

static void a_stream_that_refers_back_4_kib_needs_no_more(void **state) {
    (void)state;
    image_file_t image = rig_image_of_size("2.0.0", 65536);
    for (int bits = 9; bits <= 12; bits++) {
        stream_t stream = deflate_within(image.bytes, image.length, 9, bits);
        assert_true(is_taken(&image, &stream, 1u << bits));
        assert_true(is_taken(&image, &stream, 4096));
        assert_true(is_taken(&image, &stream, 0));
        assert_true(is_taken(&image, &stream, 4294967295));
        free(stream.bytes);
    }
    image_free(&image);
}

// It ends by a name, whatever it refers to then.
static void a_stream_that_refers_back_farther_than_it_said_is_refused(void **state) {
    (void)state;
    image_file_t image = repetitive_image();
    stream_t stream = deflate_bytes(image.bytes, image.length, 9);
    stream_t shorter = deflate_within(image.bytes, image.length, 9, 12);
    assert_true(stream.length + 10000 < shorter.length);
    assert_true(is_taken(&image, &stream, 32768));
    assert_false(is_taken(&image, &stream, 4096));
    free(shorter.bytes);
    free(stream.bytes);
    image_free(&image);
}

// Ends the update with `stream` in the place of the image's; returns nothing: it must fail by this name, and nothing
// may lie there that could start.
static void assert_fails(const image_file_t *image, const stream_t *stream, const char *name) {
    desk_t desk = open_desk();
    begin(&desk, image);
    send_stream(&desk, stream, CHUNK);
    if (peer_received(desk.peer, "failed") == NULL) {
        say_end(&desk);
    }
    if (!peer_failed(desk.peer, name)) {
        fail_msg("wanted %s, received %s", name, peer_received(desk.peer, "failed"));
    }
    assert_false(desk.rig->nor->active);
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 0);
    assert_true(desk.rig->nor->bytes[0] != image->bytes[0]);
    desk_close(&desk);
}

static void a_stream_that_is_cut_off_is_refused_wherever(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    size_t whole = stream.length;
    for (size_t cut = 1; cut < whole; cut += cut < whole - 20 ? whole / 23 : 1) {
        stream.length = cut;
        assert_fails(&image, &stream, "bad_compression");
    }
    free(stream.bytes);
    image_free(&image);
}

static void a_stream_that_goes_on_after_its_end_is_refused(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    for (size_t more = 1; more <= 64; more += 21) {
        memset(stream.bytes + stream.length, 0, more);
        stream_t longer = {stream.bytes, stream.length + more};
        assert_fails(&image, &longer, "bad_compression");
    }
    free(stream.bytes);
    image_free(&image);
}

// 64 KiB were promised; the few bytes that came would make 100 MB. No more than the promise is ever written.
static void a_bomb_ends_where_the_promise_ends(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    const size_t bomb_size = 100000000;
    uint8_t *plain = calloc(1, bomb_size);
    memcpy(plain, image.bytes, image.length);
    stream_t stream = deflate_bytes(plain, bomb_size, 9);
    assert_true(stream.length < 200000);
    desk_t desk = open_desk();
    begin(&desk, &image);
    send_stream(&desk, &stream, CHUNK);
    assert_true(peer_failed(desk.peer, "too_many_bytes"));
    for (size_t i = 0; i < desk.rig->nor->count; i++) {
        const nor_operation_t *operation = &desk.rig->nor->operations[i];
        assert_true(operation->kind != NOR_PROGRAM || operation->offset + operation->length <= image.length);
    }
    desk_close(&desk);
    free(stream.bytes);
    free(plain);
    image_free(&image);
}

static void a_stream_of_fewer_bytes_than_were_promised_is_refused(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    stream_t stream = deflate_bytes(image.bytes, image.length - 1, 6);
    assert_fails(&image, &stream, "bad_compression");
    free(stream.bytes);
    image_free(&image);
}

// Whatever byte is damaged: it is the inflater that sees it, the image check, or the digest of the plain file.
static void a_damaged_stream_never_becomes_an_image(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    for (size_t at = 0; at < stream.length; at += stream.length / 97) {
        desk_t desk = open_desk();
        stream.bytes[at] ^= 0x10;
        begin(&desk, &image);
        send_stream(&desk, &stream, CHUNK);
        say_end(&desk);
        assert_null(peer_received(desk.peer, "done"));
        assert_non_null(peer_received(desk.peer, "failed"));
        assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 0);
        stream.bytes[at] ^= 0x10;
        desk_close(&desk);
    }
    free(stream.bytes);
    image_free(&image);
}

// Another sound image than the one that was promised.
static void the_digest_is_that_of_the_plain_file(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    image_file_t other = rig_image("2.0.1");
    assert_int_equal(image.length, other.length);
    stream_t stream = deflate_bytes(other.bytes, other.length, 6);
    assert_fails(&image, &stream, "digest_mismatch");
    free(stream.bytes);
    image_free(&image);
    image_free(&other);
}

// Sends what is missing from `offset` on, as a stream of its own: then the slot holds the image.
static void assert_goes_on(desk_t *desk, const image_file_t *image, uint32_t offset) {
    stream_t rest = deflate_bytes(image->bytes + offset, image->length - offset, 6);
    send_stream(desk, &rest, CHUNK);
    say_end(desk);
    assert_non_null(peer_received(desk->peer, "done"));
    assert_memory_equal(desk->rig->nor->bytes, image->bytes, image->length);
    free(rest.bytes);
}

static void a_lost_link_goes_on_with_a_stream_of_the_rest(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    desk_t desk = open_desk();
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    stream_t half = {stream.bytes, stream.length / 2};
    begin(&desk, &image);
    send_stream(&desk, &half, CHUNK);
    peer_free(desk.peer);
    rig_settle(desk.rig);
    desk.peer = peer_welcome(desk.rig);
    begin(&desk, &image);
    const uint32_t offset = peer_offset(desk.peer);
    assert_true(offset >= image.length / 4 && offset < image.length);
    assert_goes_on(&desk, &image, offset);
    free(stream.bytes);
    desk_close(&desk);
    image_free(&image);
}

// The stream's first bytes are those of the whole file; where the device goes on, another stream begins.
static void early_bytes_of_a_stream_count_only_when_the_file_begins_at_its_start(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    desk_t desk = open_desk();
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    begin_early(&desk, &image, 3000);
    assert_true(peer_data(desk.peer, 0, stream.bytes, 3000));
    rig_settle(desk.rig);
    assert_int_equal(peer_offset(desk.peer), 0);
    assert_true(peer_data(desk.peer, 3000, stream.bytes + 3000, CHUNK));
    peer_free(desk.peer);
    rig_settle(desk.rig);
    desk.peer = peer_welcome(desk.rig);
    begin_early(&desk, &image, 3000);
    assert_true(peer_data(desk.peer, 0, stream.bytes, 3000));
    rig_settle(desk.rig);
    const uint32_t offset = peer_offset(desk.peer);
    assert_true(offset > 0 && offset < image.length);
    assert_goes_on(&desk, &image, offset);
    free(stream.bytes);
    desk_close(&desk);
    image_free(&image);
}

// Compressed bytes come in other pieces than sectors; what flash holds is kept all the same.
static void sectors_that_flash_holds_are_kept_of_a_compressed_image_too(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.size = 200000;
    image_file_t image = image_build(&spec);
    desk_t desk = open_desk();
    ota_ws_text_copy(desk.rig->identity.running.project, sizeof desk.rig->identity.running.project, spec.project);
    memcpy(desk.rig->nor->bytes, image.bytes, image.length);
    stream_t stream = deflate_bytes(image.bytes, image.length, 6);
    begin(&desk, &image);
    send_stream(&desk, &stream, 1000);
    say_end(&desk);
    assert_non_null(peer_received(desk.peer, "done"));
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ERASE), 1);
    free(stream.bytes);
    desk_close(&desk);
    image_free(&image);
}

static ota_ws_status_t have_no_memory(void *context, uint32_t window) {
    (void)window;
    (void)context;
    return OTA_WS_NO_MEMORY;
}

// It cannot be known how many bytes of the stream make a sector: none are waited for, and few are taken at once.
static void a_stream_is_taken_in_small_pieces_as_it_comes(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    desk_t desk;
    uint32_t least = 0, most = 0;
    desk = open_desk();
    peer_begin_image(desk.peer, &image);
    ota_ws_pipeline_chunk_limits(&desk.rig->writer->pipeline, &least, &most);
    assert_int_equal(most, 4096);
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig);
    peer_forget(desk.peer);
    begin(&desk, &image);
    ota_ws_pipeline_chunk_limits(&desk.rig->writer->pipeline, &least, &most);
    assert_int_equal(least, 1);
    assert_int_equal(most, 1024);
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig);
    desk_close(&desk);
    image_free(&image);
}

static void a_device_without_memory_for_it_declines_and_takes_the_plain_file(void **state) {
    (void)state;
    image_file_t image = rig_image("2.0.0");
    desk_t desk = open_desk();
    filter.start = have_no_memory;
    begin(&desk, &image);
    assert_true(peer_failed(desk.peer, "compression_declined"));
    assert_true(nor_model_untouched(desk.rig->nor));
    peer_forget(desk.peer);
    assert_true(peer_update(desk.peer, image.bytes, (uint32_t)image.length));
    desk_close(&desk);
    image_free(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compressed_image_in_any_pieces_is_written_and_selected),
        cmocka_unit_test(a_stream_that_refers_back_4_kib_needs_no_more),
        cmocka_unit_test(a_stream_that_refers_back_farther_than_it_said_is_refused),
        cmocka_unit_test(a_stream_that_is_cut_off_is_refused_wherever),
        cmocka_unit_test(a_stream_that_goes_on_after_its_end_is_refused),
        cmocka_unit_test(a_bomb_ends_where_the_promise_ends),
        cmocka_unit_test(a_stream_of_fewer_bytes_than_were_promised_is_refused),
        cmocka_unit_test(a_damaged_stream_never_becomes_an_image),
        cmocka_unit_test(the_digest_is_that_of_the_plain_file),
        unit_test_of(resume, a_lost_link_goes_on_with_a_stream_of_the_rest),
        unit_test_of(resume, early_bytes_of_a_stream_count_only_when_the_file_begins_at_its_start),
        unit_test_of(resume, sectors_that_flash_holds_are_kept_of_a_compressed_image_too),
        cmocka_unit_test(a_stream_is_taken_in_small_pieces_as_it_comes),
        cmocka_unit_test(a_device_without_memory_for_it_declines_and_takes_the_plain_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
