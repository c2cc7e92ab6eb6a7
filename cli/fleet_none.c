// SPDX-License-Identifier: Apache-2.0
// In the place of fleet.c where the build has found no jansson or no SQLite.
#include "fleet.h"

exit_code_t fleet_command(const arguments_t *arguments, output_t *output) {
    outcome_t outcome;
    problem_t problem;
    (void)arguments;
    problem_set(&problem, EXIT_CODE_TROUBLE, "not_built",
                "This ota-ws was built without 'fleet': libjansson and libsqlite3 were not there.");
    outcome_from_problem(&outcome, &problem, NULL);
    output_result(output, NULL, &outcome);
    return problem.code;
}
