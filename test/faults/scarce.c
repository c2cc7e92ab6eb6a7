// SPDX-License-Identifier: Apache-2.0
// The virtual device with one allocation of its own that fails: FAIL_ALLOCATION=n is the n-th one, from 0. Those of
// libwebsockets and OpenSSL are not counted. The linker sends malloc and calloc here (--wrap).
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool fails(void) {
    static atomic_long count;
    const char *chosen = getenv("FAIL_ALLOCATION");
    if (chosen == NULL || count++ != strtol(chosen, NULL, 10)) {
        return false;
    }
    fprintf(stderr, "allocation %s fails\n", chosen);
    return true;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}
