// SPDX-License-Identifier: Apache-2.0
// cmocka with the headers that it wants to see first, and what every test file needs. TEST_NAME in the environment
// chooses tests by a part of their name (`make test T=file N='part of a name'`).
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

__attribute__((constructor)) static void choose_tests(void) {
    static char pattern[256]; // cmocka keeps the pointer
    const char *name = getenv("TEST_NAME");
    if (name != NULL && name[0] != '\0') {
        snprintf(pattern, sizeof pattern, "*%s*", name);
        cmocka_set_test_filter(pattern);
    }
}
