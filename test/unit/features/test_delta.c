// SPDX-License-Identifier: Apache-2.0
// Patches against the running image: the whole device takes them in any pieces, goes on after a lost link, and refuses
// each hostile one by name, with the base never read outside of its bounds and the next update working at once.
#include "testing.h"

#include "built_features.h"

#include <zlib.h>

#include "inflate_zlib.h"
#include "patch.h"
#include "rig.h"

#define CHUNK 4096u

// ---- streams ----

typedef struct {
    uint8_t bytes[300000];
    size_t length;
} stream_t;

static void deflate_patch(stream_t *stream, const uint8_t *bytes, size_t length) {
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, 9, Z_DEFLATED, -12, 9, Z_DEFAULT_STRATEGY), Z_OK);
    zlib.next_in = (uint8_t *)bytes;
    zlib.avail_in = (uInt)length;
    zlib.next_out = stream->bytes;
    zlib.avail_out = sizeof stream->bytes;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    stream->length = zlib.total_out;
    deflateEnd(&zlib);
}

// The patch from `base` to `target` from `offset` on.
static void make_patch(stream_t *stream, const image_file_t *base, const image_file_t *target, uint32_t offset) {
    patch_t patch;
    assert_true(patch_make(&patch, base->bytes, (uint32_t)base->length, target->bytes + offset,
                           (uint32_t)target->length - offset));
    deflate_patch(stream, patch.bytes, patch.length);
    patch_free(&patch);
}

// A filter that gives what it takes: what the test sends is what the patch's reader gets, in the same pieces.
static ota_ws_status_t pass_start(void *context, uint32_t window) {
    (void)window;
    (void)context;
    return OTA_WS_OK;
}

static ota_ws_status_t pass_feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink, void *to) {
    (void)context;
    return sink(to, bytes, length);
}

static ota_ws_status_t pass_finish(void *context, ota_ws_sink_t sink, void *to) {
    (void)context;
    (void)sink;
    (void)to;
    return OTA_WS_OK;
}

static void pass_stop(void *context) {
    (void)context;
}

static const ota_ws_filter_t pass = {NULL, pass_start, pass_feed, pass_finish, pass_stop};

// ---- a device that runs version 1.0.0 ----

static inflate_zlib_t inflate_state;
static ota_ws_filter_t inflater;
static image_file_t running, update;
static stream_t stream;

static int make_images(void **state) {
    (void)state;
    inflater = inflate_zlib_port(&inflate_state);
    running = rig_image("1.0.0");
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = 70000;
    spec.segments = 7; // the same bytes at other places
    update = image_build(&spec);
    return 0;
}

static int drop_images(void **state) {
    (void)state;
    image_free(&running);
    image_free(&update);
    return 0;
}

static desk_t open_desk(const image_file_t *base, const ota_ws_filter_t *filter) {
    return desk_open(rig_new_with_base(base, filter), (image_file_t){0});
}

static void begin_named(desk_t *desk, const uint8_t *digest, const image_file_t *target) {
    char members[64];
    int length = snprintf(members, sizeof members, ",\"delta\":true,\"base\":\"");
    for (int i = 0; i < 8; i++) {
        length += snprintf(members + length, sizeof members - (size_t)length, "%02x", digest[i]);
    }
    strcpy(members + length, "\"");
    peer_begin_with(desk->peer, target, members);
    rig_settle(desk->rig);
}

static void begin(desk_t *desk, const image_file_t *base, const image_file_t *target) {
    begin_named(desk, base->bytes + base->length - 32, target);
}

// Sends from `from` on in frames of `piece` bytes until all is sent or the device has failed.
static void send_part(desk_t *desk, const uint8_t *bytes, size_t from, size_t length, size_t piece) {
    for (size_t at = from; at < length && peer_received(desk->peer, "failed") == NULL; at += piece) {
        size_t step = length - at < piece ? length - at : piece;
        assert_true(peer_data(desk->peer, (uint32_t)at, bytes + at, step));
        rig_settle(desk->rig);
        if (desk->peer->log_count > RIG_LOG_MAX / 2 && peer_received(desk->peer, "failed") == NULL) {
            peer_forget(desk->peer);
        }
    }
}

// All of it; then says `end`.
static void send_all(desk_t *desk, const uint8_t *bytes, size_t length, size_t piece) {
    send_part(desk, bytes, 0, length, piece);
    if (peer_received(desk->peer, "failed") == NULL) {
        peer_say(desk->peer, "{\"type\":\"end\"");
        rig_settle(desk->rig);
    }
}

// Also in the middle of an update.
static void close_desk(desk_t *desk) {
    peer_free(desk->peer);
    rig_settle(desk->rig);
    rig_free(desk->rig);
}

static void assert_done(const desk_t *desk, const image_file_t *target) {
    if (peer_received(desk->peer, "done") == NULL) {
        fail_msg("%s", peer_received(desk->peer, "failed"));
    }
    assert_memory_equal(desk->rig->nor->bytes, target->bytes, target->length);
    assert_true(desk->rig->nor->active);
    assert_int_equal(desk->rig->nor->base_misses, 0);
}

// ---- patches that are taken ----

static void a_patch_in_frames_of_any_length_gives_the_new_image(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 7, 100, 1024, 4095, CHUNK};
    make_patch(&stream, &running, &update, 0);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        desk_t desk = open_desk(&running, &inflater);
        begin(&desk, &running, &update);
        send_all(&desk, stream.bytes, stream.length, pieces[i]);
        assert_done(&desk, &update);
        close_desk(&desk);
    }
}

// Without deflate around it, so that each split is one of the patch itself.
static void a_patch_may_be_split_anywhere(void **state) {
    (void)state;
    image_file_t base = rig_image_of_size("1.0.0", 1024);
    image_file_t target = rig_image_of_size("2.0.0", 1500);
    patch_t patch;
    assert_true(patch_make(&patch, base.bytes, (uint32_t)base.length, target.bytes, (uint32_t)target.length));
    for (uint32_t split = 1; split <= patch.length; split++) {
        desk_t desk = open_desk(&base, &pass);
        begin(&desk, &base, &target);
        assert_true(peer_data(desk.peer, 0, patch.bytes, split));
        rig_settle(desk.rig);
        if (split < patch.length) {
            assert_true(peer_data(desk.peer, split, patch.bytes + split, patch.length - split));
            rig_settle(desk.rig);
        }
        peer_say(desk.peer, "{\"type\":\"end\"");
        rig_settle(desk.rig);
        assert_done(&desk, &target);
        close_desk(&desk);
    }
    patch_free(&patch);
    image_free(&base);
    image_free(&target);
}

// Images of several blocks whose bytes were moved, changed and exchanged at random.
static void random_edits_of_an_image_are_made_again(void **state) {
    (void)state;
    image_file_t base = rig_long_image("1.0.0");
    for (uint32_t seed = 1; seed <= 12; seed++) {
        image_spec_t spec = image_spec_default;
        spec.version = "2.0.0";
        spec.size = 60000 + seed * 11000;
        spec.segments = (uint8_t)(1 + seed);
        spec.seed = seed % 3; // the same bytes at another place, or others
        image_file_t target = image_build(&spec);
        desk_t desk = open_desk(&base, &inflater);
        make_patch(&stream, &base, &target, 0);
        begin(&desk, &base, &target);
        send_all(&desk, stream.bytes, stream.length, CHUNK);
        assert_done(&desk, &target);
        close_desk(&desk);
        image_free(&target);
    }
    image_free(&base);
}

static void after_a_lost_link_a_patch_for_the_rest_is_taken(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    make_patch(&stream, &running, &update, 0);
    begin(&desk, &running, &update);
    send_part(&desk, stream.bytes, 0, stream.length / 2, CHUNK);
    peer_free(desk.peer);
    rig_settle(desk.rig);
    desk.peer = peer_welcome(desk.rig);
    begin(&desk, &running, &update);
    uint32_t offset = peer_offset(desk.peer);
    assert_true(offset >= 288 && offset < update.length);
    make_patch(&stream, &running, &update, offset);
    send_all(&desk, stream.bytes, stream.length, 1000);
    assert_done(&desk, &update);
    close_desk(&desk);
}

static void early_bytes_of_a_patch_count(void **state) {
    (void)state;
    char members[96];
    const uint8_t *digest = running.bytes + running.length - 32;
    desk_t desk = open_desk(&running, &inflater);
    make_patch(&stream, &running, &update, 0);
    snprintf(members, sizeof members, ",\"delta\":true,\"base\":\"%02x%02x%02x%02x%02x%02x%02x%02x\",\"early\":100",
             digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
    peer_begin_with(desk.peer, &update, members);
    assert_true(peer_data(desk.peer, 0, stream.bytes, 100));
    rig_settle(desk.rig);
    assert_non_null(peer_received(desk.peer, "ready"));
    send_part(&desk, stream.bytes, 100, stream.length, CHUNK);
    peer_say(desk.peer, "{\"type\":\"end\"");
    rig_settle(desk.rig);
    assert_done(&desk, &update);
    close_desk(&desk);
}

// ---- patches that are refused ----

// Sends these bytes as the patch; it must fail by this name, and the next update must work.
static void assert_refused(const uint8_t *bytes, size_t length, const char *name) {
    desk_t desk = open_desk(&running, &inflater);
    deflate_patch(&stream, bytes, length);
    begin(&desk, &running, &update);
    send_all(&desk, stream.bytes, stream.length, CHUNK);
    if (!peer_failed(desk.peer, name)) {
        fail_msg("wanted %s, received %s", name, peer_received(desk.peer, "failed"));
    }
    assert_int_equal(desk.rig->nor->base_misses, 0);
    assert_int_equal(nor_model_count(desk.rig->nor, NOR_ACTIVATE), 0);
    rig_assert_updates(desk.rig);
    close_desk(&desk);
}

static uint8_t made[400000];
static size_t made_length;

static void put(uint32_t value) {
    for (; value >= 0x80; value >>= 7) {
        made[made_length++] = (uint8_t)(value | 0x80);
    }
    made[made_length++] = (uint8_t)value;
}

// A record with `bytes` zeros behind its numbers.
static void put_record(int32_t move, uint32_t added, uint32_t fresh, size_t bytes) {
    put(move < 0 ? ~((uint32_t)move << 1) : (uint32_t)move << 1);
    put(added);
    put(fresh);
    memset(made + made_length, 0, bytes);
    made_length += bytes;
}

static void a_record_is_refused(int32_t move, uint32_t added, uint32_t fresh, const char *name) {
    made_length = 0;
    put_record(move, added, fresh, 400);
    assert_refused(made, made_length, name);
}

// A sound patch behind these bytes, and without its first `skipped` bytes.
static void a_start_is_refused(const uint8_t *start, size_t length, size_t skipped) {
    patch_t patch;
    assert_true(patch_make(&patch, running.bytes, (uint32_t)running.length, update.bytes, (uint32_t)update.length));
    assert_int_equal(patch.bytes[0], 0);
    memcpy(made, start, length);
    memcpy(made + length, patch.bytes + skipped, patch.length - skipped);
    assert_refused(made, length + patch.length - skipped, "bad_patch");
    patch_free(&patch);
}

static void a_patch_that_reads_outside_the_base_is_refused(void **state) {
    (void)state;
    const int32_t size = (int32_t)running.length;
    a_record_is_refused(-1, 1, 0, "bad_patch");
    a_record_is_refused(INT32_MIN, 1, 0, "bad_patch");
    a_record_is_refused(size + 1, 0, 1, "bad_patch");
    a_record_is_refused(size, 1, 0, "bad_patch");
    a_record_is_refused(size - 8, 9, 0, "bad_patch");
    a_record_is_refused(1, (uint32_t)size, 0, "bad_patch");
    a_record_is_refused(INT32_MAX, 400, 0, "bad_patch");
    // From a place inside to one before the base, and to one behind it.
    const int32_t moves[] = {-289, size - 287};
    for (size_t i = 0; i < COUNT_OF(moves); i++) {
        made_length = 0;
        put_record(0, 288, 0, 288);
        put_record(moves[i], 0, 1, 1);
        assert_refused(made, made_length, "bad_patch");
    }
}

// The image's last byte and the byte behind: what follows it, a signature or nothing, is no base.
static void the_base_ends_with_the_digest_of_the_image(void **state) {
    (void)state;
    image_file_t longer = {malloc(running.length + 8192), running.length + 8192};
    memcpy(longer.bytes, running.bytes, running.length);
    memset(longer.bytes + running.length, 0x77, 8192);
    for (uint32_t more = 0; more <= 1; more++) {
        desk_t desk = open_desk(&longer, &pass);
        made_length = 0;
        put_record(0, 300, 0, 300);
        put_record((int32_t)running.length - 300 - 100, 100 + more, 0, 100 + more);
        begin(&desk, &running, &update);
        assert_non_null(peer_received(desk.peer, "ready"));
        assert_true(peer_data(desk.peer, 0, made, made_length));
        rig_settle(desk.rig);
        assert_int_equal(peer_failed(desk.peer, "bad_patch"), more == 1);
        close_desk(&desk);
    }
    image_free(&longer);
}

static void a_patch_that_makes_too_much_is_refused(void **state) {
    (void)state;
    const uint32_t size = (uint32_t)update.length;
    a_record_is_refused(0, 0, size + 1, "bad_patch");
    a_record_is_refused(0, 0, UINT32_MAX, "bad_patch");
    a_record_is_refused(0, 1, UINT32_MAX, "bad_patch");
    a_record_is_refused(0, 10, size - 9, "bad_patch");
    made_length = 0;
    put(0);
    put(0);
    put(size);
    memcpy(made + made_length, update.bytes, size);
    made_length += size;
    made[made_length++] = 0x80; // the file is whole: not even a part of a number may follow
    assert_refused(made, made_length, "bad_patch");
}

// As many bytes as the base has, more than the file should have.
static void a_patch_that_makes_more_than_was_promised_is_refused(void **state) {
    (void)state;
    image_file_t target = rig_image_of_size("2.0.0", 2048);
    desk_t desk = open_desk(&running, &inflater);
    made_length = 0;
    put_record(0, (uint32_t)target.length + 1, 0, target.length + 1);
    deflate_patch(&stream, made, made_length);
    begin(&desk, &running, &target);
    send_all(&desk, stream.bytes, stream.length, CHUNK);
    assert_true(peer_failed(desk.peer, "bad_patch"));
    close_desk(&desk);
    image_free(&target);
}

// Records without bytes would make a patch without an end.
static void a_patch_that_never_ends_is_refused(void **state) {
    (void)state;
    static const uint8_t empty[] = {0, 0, 0};
    a_start_is_refused(empty, sizeof empty, 0);
    made_length = 0;
    memset(made, 0x80, 100000);
    assert_refused(made, 100000, "bad_patch");
}

static void a_number_of_more_than_32_bits_is_refused(void **state) {
    (void)state;
    static const uint8_t wide[] = {0x80, 0x80, 0x80, 0x80, 0x10}, long_one[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0};
    a_start_is_refused(wide, sizeof wide, 1); // both would be 0
    a_start_is_refused(long_one, sizeof long_one, 1);
}

static void a_patch_that_ends_early_is_refused_wherever(void **state) {
    (void)state;
    patch_t patch;
    assert_true(patch_make(&patch, running.bytes, (uint32_t)running.length, update.bytes, (uint32_t)update.length));
    for (uint32_t cut = 0; cut < patch.length; cut += cut < 8 ? 1 : patch.length / 13) {
        assert_refused(patch.bytes, cut, "bad_patch");
    }
    assert_refused(patch.bytes, patch.length - 1, "bad_patch");
    patch_free(&patch);
}

// The result is what counts: a patch that gives another image is no update.
static void a_patch_that_gives_another_file_is_refused(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.1";
    spec.size = (uint32_t)update.length;
    image_file_t other = image_build(&spec);
    patch_t patch;
    assert_int_equal(other.length, update.length);
    assert_true(patch_make(&patch, running.bytes, (uint32_t)running.length, other.bytes, (uint32_t)other.length));
    assert_refused(patch.bytes, patch.length, "digest_mismatch");
    for (uint32_t at = 3; at < patch.length; at += patch.length / 29) {
        desk_t desk = open_desk(&running, &inflater);
        patch.bytes[at] ^= 0x40;
        deflate_patch(&stream, patch.bytes, patch.length);
        begin(&desk, &running, &other);
        send_all(&desk, stream.bytes, stream.length, CHUNK);
        assert_null(peer_received(desk.peer, "done"));
        assert_true(peer_failed(desk.peer, "digest_mismatch") || peer_failed(desk.peer, "bad_patch") ||
                    peer_received(desk.peer, "failed") != NULL);
        assert_int_equal(desk.rig->nor->base_misses, 0);
        patch.bytes[at] ^= 0x40;
        close_desk(&desk);
    }
    patch_free(&patch);
    image_free(&other);
}

static void assert_base_refused_named(desk_t *desk, const uint8_t *digest) {
    peer_forget(desk->peer);
    begin_named(desk, digest, &update);
    assert_null(peer_received(desk->peer, "ready"));
    if (!peer_failed(desk->peer, "delta_base")) {
        fail_msg("received %s", peer_received(desk->peer, "failed"));
    }
    assert_true(nor_model_untouched(desk->rig->nor));
}

static void assert_base_refused(desk_t *desk, const image_file_t *named) {
    assert_base_refused_named(desk, named->bytes + named->length - 32);
}

static void a_patch_for_another_base_is_refused(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    assert_base_refused(&desk, &update);
    rig_assert_updates(desk.rig);
    close_desk(&desk);
}

static void a_patch_without_a_base_is_refused(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    peer_begin_with(desk.peer, &update, ",\"delta\":true");
    rig_settle(desk.rig);
    assert_true(peer_failed(desk.peer, "delta_base"));
    close_desk(&desk);
}

// Images that no device can run, or whose digest is missing; each spoils a copy.
static void spoil_magic(image_file_t *image) {
    image->bytes[0] = 0;
}
static void spoil_digest_mark(image_file_t *image) {
    image->bytes[23] = 0;
}
static void spoil_segments(image_file_t *image) {
    image->bytes[1] = 255;
}
static void spoil_length(image_file_t *image) {
    memset(image->bytes + 28, 0xFF, 4);
}
static void spoil_end(image_file_t *image) {
    image->length -= 1; // the partition ends within the digest
}

static void without_a_sound_base_no_patch_is_taken(void **state) {
    (void)state;
    static void (*const spoil[])(image_file_t *) = {spoil_magic, spoil_digest_mark, spoil_segments, spoil_length,
                                                    spoil_end};
    for (size_t i = 0; i < COUNT_OF(spoil); i++) {
        image_file_t base = rig_image("1.0.0");
        spoil[i](&base);
        desk_t desk = open_desk(&base, &inflater);
        assert_base_refused(&desk, &running);
        assert_base_refused_named(&desk, base.bytes);
        if (i < 2) { // the others may have an end somewhere among their zeros
            assert_base_refused_named(&desk, (const uint8_t[8]){0});
        }
        close_desk(&desk);
        image_free(&base);
    }
}

static void a_platform_that_cannot_read_it_has_no_base(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    desk.rig->flash.read_base = NULL;
    assert_base_refused(&desk, &running);
    close_desk(&desk);
}

static void a_base_that_cannot_be_read_ends_the_update(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    make_patch(&stream, &running, &update, 0);
    begin(&desk, &running, &update);
    desk.rig->nor->base_fails = true;
    send_all(&desk, stream.bytes, stream.length, CHUNK);
    assert_true(peer_failed(desk.peer, "flash_read"));
    desk.rig->nor->base_fails = false;
    rig_assert_updates(desk.rig);
    close_desk(&desk);
}

static void a_device_of_encrypted_images_takes_no_patch(void **state) {
    (void)state;
    desk_t desk = open_desk(&running, &inflater);
    desk.rig->pipeline_ports.decrypt = &pass;
    begin(&desk, &running, &update);
    assert_true(peer_failed(desk.peer, "delta_base"));
    close_desk(&desk);
}

// ---- what the device says ----

static void assert_state_has_base(const image_file_t *base, const ota_ws_filter_t *filter, bool expected) {
    desk_t desk = open_desk(base, filter);
    char member[32];
    const uint8_t *digest = running.bytes + running.length - 32;
    snprintf(member, sizeof member, "\"base\":\"%02x%02x%02x%02x%02x%02x%02x%02x\"", digest[0], digest[1], digest[2],
             digest[3], digest[4], digest[5], digest[6], digest[7]);
    begin(&desk, &running, &update);
    peer_say(desk.peer, "{\"type\":\"cancel\"");
    rig_settle(desk.rig); // `state` follows, at rest
    const char *message = peer_received(desk.peer, "state");
    assert_non_null(message);
    assert_int_equal(strstr(message, member) != NULL, expected);
    close_desk(&desk);
}

static void state_names_the_base(void **state) {
    (void)state;
    assert_state_has_base(&running, &inflater, true);
    assert_state_has_base(NULL, &inflater, false);
    assert_state_has_base(&running, NULL, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test_of(delta, a_patch_in_frames_of_any_length_gives_the_new_image),
        unit_test_of(delta, a_patch_may_be_split_anywhere),
        unit_test_of(delta, random_edits_of_an_image_are_made_again),
        unit_test_of(resume, after_a_lost_link_a_patch_for_the_rest_is_taken),
        unit_test_of(delta, early_bytes_of_a_patch_count),
        unit_test_of(delta, a_patch_that_reads_outside_the_base_is_refused),
        unit_test_of(delta, the_base_ends_with_the_digest_of_the_image),
        unit_test_of(delta, a_patch_that_makes_too_much_is_refused),
        unit_test_of(delta, a_patch_that_never_ends_is_refused),
        unit_test_of(delta, a_number_of_more_than_32_bits_is_refused),
        unit_test_of(delta, a_patch_that_ends_early_is_refused_wherever),
        unit_test_of(delta, a_patch_that_gives_another_file_is_refused),
        unit_test_of(delta, a_patch_for_another_base_is_refused),
        unit_test_of(delta, a_patch_without_a_base_is_refused),
        unit_test_of(delta, without_a_sound_base_no_patch_is_taken),
        unit_test_of(delta, a_patch_that_makes_more_than_was_promised_is_refused),
        unit_test_of(delta, a_platform_that_cannot_read_it_has_no_base),
        unit_test_of(delta, a_base_that_cannot_be_read_ends_the_update),
        unit_test_of(delta, a_device_of_encrypted_images_takes_no_patch),
        unit_test_of(delta, state_names_the_base),
    };
    return cmocka_run_group_tests(tests, make_images, drop_images);
}
