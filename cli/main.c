// SPDX-License-Identifier: Apache-2.0
// ota-ws: arguments in, exit code out. All else is in the library beside it.
#include <stdio.h>

#include "arguments.h"
#include "run.h"

int main(int argc, char **argv) {
    arguments_t arguments;
    problem_t problem;
    if (!arguments_parse(&arguments, argc, argv, &problem)) {
        fprintf(stderr, "ota-ws: %s\nota-ws help: what there is.\n", problem.text);
        return problem.code;
    }
    return run(&arguments);
}
