// SPDX-License-Identifier: Apache-2.0
// In the place of fleet_hub.c, fleet_serve.c and gateway.c where the build has found no libnats.
#include "fleet_hub.h"
#include "fleet_serve.h"
#include "gateway.h"

static bool refuse(problem_t *problem) {
    problem_set(problem, EXIT_CODE_TROUBLE, "not_built", "This ota-ws was built without NATS: libnats was not there.");
    return false;
}

bool fleet_hub_open(fleet_hub_t *hub, const nats_settings_t *settings, const char *rollout, problem_t *problem) {
    (void)hub;
    (void)settings;
    (void)rollout;
    return refuse(problem);
}

void fleet_hub_close(fleet_hub_t *hub) {
    (void)hub;
}

bool fleet_hub_read(fleet_hub_t *hub, char **plan, char image_sha256[65], fleet_entry_t **entries, uint32_t *count,
                    problem_t *problem) {
    (void)hub;
    (void)image_sha256;
    *plan = NULL;
    *entries = NULL;
    *count = 0;
    return refuse(problem);
}

bool fleet_hub_replay(fleet_hub_t *hub, fleet_rollout_t *rollout,
                      void (*each)(void *context, const fleet_event_t *event), void *context, problem_t *problem) {
    (void)hub;
    (void)rollout;
    (void)each;
    (void)context;
    return refuse(problem);
}

bool fleet_hub_order(fleet_hub_t *hub, const fleet_event_t *order, problem_t *problem) {
    (void)hub;
    (void)order;
    return refuse(problem);
}

bool fleet_hub_is_led(fleet_hub_t *hub) {
    (void)hub;
    return false;
}

static exit_code_t say_not_built(output_t *output) {
    outcome_t outcome;
    problem_t problem;
    refuse(&problem);
    outcome_from_problem(&outcome, &problem, NULL);
    output_result(output, NULL, &outcome);
    return problem.code;
}

exit_code_t gateway_command(const arguments_t *arguments, output_t *output) {
    (void)arguments;
    return say_not_built(output);
}

exit_code_t fleet_serve_command(const arguments_t *arguments, output_t *output) {
    (void)arguments;
    return say_not_built(output);
}
