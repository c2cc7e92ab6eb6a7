// SPDX-License-Identifier: Apache-2.0
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

void problem_set(problem_t *problem, exit_code_t code, const char *name, const char *format, ...) {
    problem->code = code;
    problem->wait_s = 0;
    ota_ws_text_copy(problem->name, sizeof problem->name, name);
    va_list values;
    va_start(values, format);
    vsnprintf(problem->text, sizeof problem->text, format, values);
    va_end(values);
}

// Which value stands at `at`, and how long its mark is; NULL when none does.
static const char *value_at(const char *at, const ota_ws_failure_t *failure, size_t *mark_length) {
    static const char image[] = "{image}";
    static const char device[] = "{device}";
    if (strncmp(at, image, sizeof image - 1) == 0) {
        *mark_length = sizeof image - 1;
        return failure->image;
    }
    if (strncmp(at, device, sizeof device - 1) == 0) {
        *mark_length = sizeof device - 1;
        return failure->device;
    }
    return NULL;
}

static void fill_in(char *to, size_t size, const ota_ws_failure_t *failure) {
    size_t length = 0;
    for (const char *at = ota_ws_status_sentence(failure->status); *at != '\0' && length + 1 < size;) {
        size_t mark_length;
        const char *value = value_at(at, failure, &mark_length);
        if (value == NULL) {
            to[length++] = *at++;
            continue;
        }
        ota_ws_text_copy(to + length, size - length, value);
        length += strlen(to + length);
        at += mark_length;
    }
    to[length] = '\0';
}

void problem_from_failure(problem_t *problem, exit_code_t code, const ota_ws_failure_t *failure) {
    problem_set(problem, code, ota_ws_status_name(failure->status), "%s", "");
    fill_in(problem->text, sizeof problem->text, failure);
}
