// SPDX-License-Identifier: Apache-2.0
// In the place of mqtt.c where the build has found no libmosquitto, or nothing for 'fleet'.
#include "mqtt.h"

exit_code_t mqtt_command(const arguments_t *arguments, output_t *output) {
    outcome_t outcome;
    problem_t problem;
    (void)arguments;
    problem_set(&problem, EXIT_CODE_TROUBLE, "not_built",
                "This ota-ws was built without 'mqtt': it needs libmosquitto, libjansson and libsqlite3.");
    outcome_from_problem(&outcome, &problem, NULL);
    output_result(output, NULL, &outcome);
    return problem.code;
}
