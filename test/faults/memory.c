// SPDX-License-Identifier: Apache-2.0
// The linker sends malloc, calloc, realloc, free and inflateInit2_ of all static libraries here (--wrap).
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <zlib.h>

#include "hash_openssl.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
int __real_inflateInit2_(z_streamp stream, int bits, const char *version, int size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);
int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size);

static long count, blocks, failing = -1;
static bool is_paused;

static bool fails(void) {
    return !is_paused && count++ == failing;
}

static void *note(void *block) {
    blocks += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size) {
    return fails() ? NULL : note(__real_calloc(number, size));
}

void *__wrap_realloc(void *block, size_t size) {
    if (fails()) {
        return NULL;
    }
    void *moved = __real_realloc(block, size);
    blocks += block == NULL && moved != NULL;
    return moved;
}

void __wrap_free(void *block) {
    blocks -= block != NULL;
    __real_free(block);
}

// ---- libraries that are not linked statically ----

static void *allocate(size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return __wrap_malloc(size);
}

static void *reallocate(void *block, size_t size, const char *file, int line) {
    (void)file;
    (void)line;
    return __wrap_realloc(block, size);
}

static void release(void *block, const char *file, int line) {
    (void)file;
    (void)line;
    __wrap_free(block);
}

static void *allocate_for_zlib(void *context, unsigned number, unsigned size) {
    (void)context;
    return __wrap_calloc(number, size);
}

static void release_for_zlib(void *context, void *block) {
    (void)context;
    __wrap_free(block);
}

int __wrap_inflateInit2_(z_streamp stream, int bits, const char *version, int size) {
    stream->zalloc = allocate_for_zlib;
    stream->zfree = release_for_zlib;
    return __real_inflateInit2_(stream, bits, version, size);
}

static void start(ota_ws_sha256_t *state) {
    is_paused = true;
    ota_ws_hash_openssl.start(state);
    is_paused = false;
}

static void update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    is_paused = true;
    ota_ws_hash_openssl.update(state, bytes, length);
    is_paused = false;
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    is_paused = true;
    ota_ws_hash_openssl.peek(state, digest);
    is_paused = false;
}

static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    is_paused = true;
    ota_ws_hash_openssl.finish(state, digest);
    is_paused = false;
}

const ota_ws_hash_t memory_patient_hash = {start, update, peek, finish};

// ---- what tests call ----

void memory_watch(void) {
    if (CRYPTO_set_mem_functions(allocate, reallocate, release) != 1) {
        abort();
    }
}

void memory_fail_at(long n) {
    count = 0;
    failing = n;
}

long memory_count(void) {
    return count;
}

long memory_blocks(void) {
    return blocks;
}
