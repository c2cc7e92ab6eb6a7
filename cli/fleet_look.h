// SPDX-License-Identifier: Apache-2.0
// The verbs `list` and `plan`, and the choice by project and chip: each device of the list is asked what it runs.
#pragma once

#include "fleet_load.h"

exit_code_t fleet_look_list(fleet_t *fleet); // what they run
exit_code_t fleet_look_plan(fleet_t *fleet); // a dry run

// Takes devices of another project or chip than the plan's out of the list. A device that does not answer now stays in
// it. False: `fleet->problem`.
bool fleet_look_choose(fleet_t *fleet);
