// SPDX-License-Identifier: Apache-2.0
#include "known_hash.h"

#include <string.h>

#include <openssl/sha.h>

#include "hash_openssl.h"

#define FILES_MAX 32
#define DIGESTS_MAX 256 // of one file, one for each length modulo this

// What lies in ota_ws_sha256_t, behind what OpenSSL's port keeps there.
typedef struct {
    uint64_t of_openssl[16];
    uint32_t length;
    uint32_t candidates; // one bit for each file that begins like this; 0: the hash is OpenSSL's
} running_t;

_Static_assert(sizeof(running_t) <= sizeof(ota_ws_sha256_t), "fits into the port's state");
_Static_assert(FILES_MAX == 32, "one bit each");

typedef struct {
    bool is_known;
    uint32_t length;
    uint8_t bytes[OTA_WS_SHA256_SIZE];
} digest_t;

static const image_file_t *known;
static size_t known_count;
static digest_t digests[FILES_MAX][DIGESTS_MAX];

void known_hash_learn(const image_file_t *files, size_t count) {
    known = files;
    known_count = count;
    memset(digests, 0, sizeof digests);
}

static size_t first_of(uint32_t candidates) {
    return (size_t)__builtin_ctz(candidates);
}

static void start(ota_ws_sha256_t *state) {
    running_t *running = (running_t *)state->opaque;
    running->length = 0;
    running->candidates = (uint32_t)((UINT64_C(1) << known_count) - 1);
    if (running->candidates == 0) {
        ota_ws_hash_openssl.start(state);
    }
}

static uint32_t those_that_go_on(const running_t *running, const uint8_t *bytes, size_t length) {
    uint32_t candidates = 0;
    for (size_t i = 0; i < known_count; i++) {
        bool fits = (running->candidates >> i & 1) != 0 && length <= known[i].length - running->length &&
                    memcmp(known[i].bytes + running->length, bytes, length) == 0;
        candidates |= (uint32_t)fits << i;
    }
    return candidates;
}

static void update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    running_t *running = (running_t *)state->opaque;
    uint32_t before = running->candidates;
    if (before == 0) {
        ota_ws_hash_openssl.update(state, bytes, length);
        return;
    }
    running->candidates = those_that_go_on(running, bytes, length);
    if (running->candidates == 0) {
        ota_ws_hash_openssl.start(state);
        ota_ws_hash_openssl.update(state, known[first_of(before)].bytes, running->length);
        ota_ws_hash_openssl.update(state, bytes, length);
    }
    running->length += (uint32_t)length;
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    const running_t *running = (const running_t *)state->opaque;
    if (running->candidates == 0) {
        ota_ws_hash_openssl.peek(state, digest);
        return;
    }
    size_t file = first_of(running->candidates);
    digest_t *found = &digests[file][running->length % DIGESTS_MAX];
    if (!found->is_known || found->length != running->length) {
        *found = (digest_t){.is_known = true, .length = running->length};
        SHA256(known[file].bytes, running->length, found->bytes);
    }
    memcpy(digest, found->bytes, sizeof found->bytes);
}

static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    if (((const running_t *)state->opaque)->candidates == 0) {
        ota_ws_hash_openssl.finish(state, digest);
    } else {
        peek(state, digest);
    }
}

const ota_ws_hash_t known_hash = {start, update, peek, finish};
