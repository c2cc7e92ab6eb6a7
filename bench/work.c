// SPDX-License-Identifier: Apache-2.0
// One update through the core, from the data frames to the selected image, for callgrind to count (bench/work.js): the
// device and the flash are the unit tests' models, the files under src/ are what is counted. Prints the image's size.
#include <stdio.h>

#include "testing.h"

#include "rig.h"

#define IMAGE_SIZE 245760
#define CHUNK 8192

// callgrind counts while this runs: --toggle-collect=measured
__attribute__((noinline)) void measured(peer_t *peer, const image_file_t *image);

void measured(peer_t *peer, const image_file_t *image) {
    for (uint32_t at = 0; at < image->length; at += CHUNK) {
        uint32_t left = (uint32_t)image->length - at;
        peer_data(peer, at, image->bytes + at, left < CHUNK ? left : CHUNK);
        while (rig_work(peer->rig)) {
        }
        peer->log_count = at + CHUNK < image->length ? 0 : peer->log_count;
    }
    rig_settle(peer->rig);
}

int main(void) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = IMAGE_SIZE;
    image_file_t image = image_build(&spec);
    rig_t *rig = rig_new_locked();
    rig->settings.chunk = CHUNK;
    rig->settings.credit = 4 * CHUNK;
    peer_t *peer = peer_welcome(rig);
    peer_begin_image(peer, &image);
    peer_forget(peer);
    measured(peer, &image);
    printf("%zu\n", image.length);
    return peer_heard(peer, "done") != NULL ? 0 : 1;
}
