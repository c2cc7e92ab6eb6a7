// SPDX-License-Identifier: Apache-2.0
// One update through the core, from the data frames to the selected image, for callgrind to count (bench/work.js): the
// device and the flash are the unit tests' models, the files under src/ are what is counted. Prints the image's size.
// `work patch`: the same, with the image sent as a packed patch.
#include <stdio.h>
#include <zlib.h>

#include "testing.h"

#include "inflate_zlib.h"
#include "patch.h"
#include "rig.h"
#include "text.h"

#define IMAGE_SIZE 245760
#define CHUNK 8192
#define FRAME 4096

// callgrind counts while this runs: --toggle-collect=measured
__attribute__((noinline)) void measured(peer_t *peer, const uint8_t *bytes, uint32_t length, bool says_end);

void measured(peer_t *peer, const uint8_t *bytes, uint32_t length, bool says_end) {
    for (uint32_t at = 0; at < length; at += CHUNK) {
        uint32_t left = length - at;
        peer_data(peer, at, bytes + at, left < CHUNK ? left : CHUNK);
        while (rig_work(peer->rig)) {
        }
        peer->log_count = at + CHUNK < length ? 0 : peer->log_count;
    }
    if (says_end) {
        peer_say(peer, "{\"type\":\"end\"");
    }
    rig_settle(peer->rig);
}

// callgrind counts the calls of src/ while this runs: what the session's thread does for one frame.
__attribute__((noinline)) void session_side(peer_t *peer, uint32_t offset, const image_file_t *image);

void session_side(peer_t *peer, uint32_t offset, const image_file_t *image) {
    peer_data(peer, offset, image->bytes + offset, FRAME);
}

// What the device says is not looked at: that would be counted too.
static void ignore(void *context, const char *text, size_t length) {
    (void)context;
    (void)text;
    (void)length;
}

// `work frames`: an update in frames of 4 KiB, each acknowledged; prints how many were counted.
static int count_frames(rig_t *rig, const image_file_t *image) {
    unsigned frames = 0;
    rig->settings.chunk = FRAME;
    rig->settings.credit = 4 * FRAME;
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, image);
    peer->link.send = ignore;
    for (uint32_t at = 0; at + FRAME <= image->length; at += FRAME, frames++) {
        session_side(peer, at, image);
        while (rig_work(rig)) {
        }
        peer_forget(peer);
    }
    printf("%u\n", frames);
    return 0;
}

// The patch between two images whose segments lie at other places, packed as ota-ws does. Returns its length.
static uint32_t make_patch(const image_file_t *base, const image_file_t *image, uint8_t *packed, size_t size) {
    z_stream zlib = {0};
    patch_t patch;
    if (!patch_make(&patch, base->bytes, (uint32_t)base->length, image->bytes, (uint32_t)image->length) ||
        deflateInit2(&zlib, Z_BEST_COMPRESSION, Z_DEFLATED, -12, 5, Z_DEFAULT_STRATEGY) != Z_OK) {
        return 0;
    }
    zlib.next_in = patch.bytes;
    zlib.avail_in = patch.length;
    zlib.next_out = packed;
    zlib.avail_out = (uInt)size;
    int result = deflate(&zlib, Z_FINISH);
    deflateEnd(&zlib);
    patch_free(&patch);
    return result == Z_STREAM_END ? (uint32_t)zlib.total_out : 0;
}

static int apply_patch(const image_file_t *image) {
    static uint8_t packed[IMAGE_SIZE];
    static inflate_zlib_t state;
    ota_ws_filter_t inflater = inflate_zlib_port(&state);
    char members[64] = ",\"delta\":true,\"base\":\"";
    image_spec_t spec = image_spec_default;
    spec.version = "1.0.0";
    spec.size = IMAGE_SIZE;
    spec.segments = 7;
    image_file_t base = image_build(&spec);
    uint32_t length = make_patch(&base, image, packed, sizeof packed);
    rig_t *rig = rig_new_with_base(&base, &inflater);
    rig->settings.chunk = CHUNK;
    rig->settings.credit = 4 * CHUNK;
    peer_t *peer = peer_welcome(rig);
    ota_ws_text_hex(members + strlen(members), base.bytes + base.length - 32, 8);
    peer_begin_with(peer, image, strcat(members, "\""));
    rig_settle(peer->rig);
    peer_forget(peer);
    measured(peer, packed, length, true);
    printf("%zu\n", image->length);
    return peer_received(peer, "done") != NULL ? 0 : 1;
}

int main(int count, char **words) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = IMAGE_SIZE;
    image_file_t image = image_build(&spec);
    if (count > 1 && strcmp(words[1], "patch") == 0) {
        return apply_patch(&image);
    }
    rig_t *rig = rig_new_locked();
    if (count > 1 && strcmp(words[1], "frames") == 0) {
        return count_frames(rig, &image);
    }
    rig->settings.chunk = CHUNK;
    rig->settings.credit = 4 * CHUNK;
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &image);
    peer_forget(peer);
    measured(peer, image.bytes, (uint32_t)image.length, false);
    printf("%zu\n", image.length);
    return peer_received(peer, "done") != NULL ? 0 : 1;
}
