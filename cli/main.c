// SPDX-License-Identifier: Apache-2.0
// ota-ws: arguments in, exit code out. All else is in the library beside it.
#include <stdio.h>

#include "arguments.h"
#include "run.h"
#include "wrap.h"

static void print_usage_error(const arguments_t *arguments, const problem_t *problem) {
    bool has_topic = arguments->topic != NULL;
    char text[sizeof problem->text + 16], pointer[64];
    snprintf(text, sizeof text, "ota-ws: %s", problem->text);
    snprintf(pointer, sizeof pointer, "next: 'ota-ws help%s%s' shows what there is", has_topic ? " " : "",
             has_topic ? arguments->topic : "");
    wrap_write(stderr, text, wrap_columns(stderr));
    wrap_write(stderr, pointer, wrap_columns(stderr));
}

int main(int argc, char **argv) {
    arguments_t arguments;
    problem_t problem;
    if (!arguments_parse(&arguments, argc, argv, &problem)) {
        print_usage_error(&arguments, &problem);
        return problem.code;
    }
    return run(&arguments);
}
