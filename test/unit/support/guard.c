// SPDX-License-Identifier: Apache-2.0
#include "guard.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t readable_size(size_t length) {
    const size_t page = page_size();
    return length == 0 ? page : (length + page - 1) / page * page;
}

uint8_t *guard_copy(const void *bytes, size_t length) {
    const size_t readable = readable_size(length);
    uint8_t *start = mmap(NULL, readable + page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(start != MAP_FAILED);
    if (length > 0) {
        memcpy(start + readable - length, bytes, length);
    }
    const int result = mprotect(start + readable, page_size(), PROT_NONE);
    assert(result == 0);
    (void)result;
    return start + readable - length;
}

void guard_free(uint8_t *copy, size_t length) {
    const size_t readable = readable_size(length);
    munmap(copy + length - readable, readable + page_size());
}
