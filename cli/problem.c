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

void problem_from_failure(problem_t *problem, exit_code_t code, const ota_ws_failure_t *failure) {
    problem_set(problem, code, ota_ws_status_name(failure->status), "%s", "");
    ota_ws_sentence(problem->text, sizeof problem->text, failure);
}
