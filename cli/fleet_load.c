// SPDX-License-Identifier: Apache-2.0
#include "fleet_load.h"

#include <stdlib.h>
#include <string.h>

#include "fleet_run.h"

bool fleet_load_fail(fleet_t *fleet, exit_code_t code, const char *name, const char *sentence) {
    problem_set(&fleet->problem, code, name, "%s", sentence);
    return false;
}

const char *fleet_load_plan_path(const fleet_t *fleet) {
    return fleet->arguments->operands[0];
}

bool fleet_load_plan(fleet_t *fleet) {
    fleet->has_plan = fleet_plan_load(&fleet->plan, fleet_load_plan_path(fleet), &fleet->problem);
    return fleet->has_plan;
}

bool fleet_load_image(fleet_t *fleet) {
    fleet->has_firmware = fleet_image_open(&fleet->firmware, fleet->plan.image, &fleet->problem);
    return fleet->has_firmware;
}

bool fleet_load_devices(fleet_t *fleet) {
    fleet->devices = calloc((size_t)fleet->list.count + 1, sizeof *fleet->devices);
    if (fleet->devices == NULL) {
        return fleet_load_fail(fleet, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet_init(&fleet->rollout, &fleet->plan.rules, fleet->devices, fleet->list.count);
    return true;
}

// The plan as it was when the rollout began takes the place of the one that was read.
bool fleet_load_begun(fleet_t *fleet, bool must_agree) {
    char *text;
    bool read = fleet->has_hub ? fleet_hub_read(&fleet->hub, &text, fleet->image_sha256, &fleet->list.entries,
                                                &fleet->list.count, &fleet->problem)
                               : fleet_journal_read(&fleet->journal, &text, fleet->image_sha256, &fleet->list.entries,
                                                    &fleet->list.count, &fleet->problem);
    bool agrees = read && strcmp(text, fleet->plan.text) == 0;
    if (read && must_agree && !agrees) {
        read = fleet_load_fail(
            fleet, EXIT_CODE_FILE_REFUSED, "plan_changed",
            "The plan was changed after its rollout had begun. Put it back, or give the new one another name in "
            "\"rollout\".");
    }
    if (read && !agrees) {
        fleet_plan_free(&fleet->plan);
        read = fleet_plan_parse(&fleet->plan, text, fleet_load_plan_path(fleet), &fleet->problem);
        fleet->has_plan = read;
    }
    free(text);
    return read;
}

static void note_times(void *context, const fleet_event_t *event) {
    fleet_t *fleet = context;
    if (event->device < fleet->rollout.count) {
        bool is_first = event->kind == FLEET_LEASE && fleet->began_s[event->device] == 0;
        fleet->began_s[event->device] = is_first ? event->time_s : fleet->began_s[event->device];
        fleet->ended_s[event->device] = event->time_s;
    }
}

bool fleet_load_replay(fleet_t *fleet) {
    fleet->began_s = calloc((size_t)fleet->list.count + 1, sizeof *fleet->began_s);
    fleet->ended_s = calloc((size_t)fleet->list.count + 1, sizeof *fleet->ended_s);
    if (fleet->began_s == NULL || fleet->ended_s == NULL) {
        return fleet_load_fail(fleet, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    fleet->plan.rules.confirmed_elsewhere = fleet->has_hub;
    return fleet_load_devices(fleet) &&
           (fleet->has_hub
                ? fleet_hub_replay(&fleet->hub, &fleet->rollout, note_times, fleet, &fleet->problem)
                : fleet_journal_replay(&fleet->journal, &fleet->rollout, note_times, fleet, &fleet->problem));
}

bool fleet_load_journal(fleet_t *fleet) {
    fleet->has_journal = fleet_journal_open(&fleet->journal, fleet->plan.journal, &fleet->problem);
    return fleet->has_journal;
}

static bool open_hub(fleet_t *fleet) {
    fleet->has_hub = fleet_hub_open(&fleet->hub, &fleet->arguments->nats, fleet->plan.rollout, &fleet->problem);
    return fleet->has_hub;
}

bool fleet_load_rollout(fleet_t *fleet) {
    return fleet_load_plan(fleet) &&
           (fleet->arguments->nats.url != NULL ? open_hub(fleet) : fleet_load_journal(fleet)) &&
           fleet_load_begun(fleet, false) && fleet_load_replay(fleet);
}

bool fleet_load_is_run(fleet_t *fleet) {
    return fleet->has_hub ? fleet_hub_is_led(&fleet->hub) : fleet_journal_is_run(&fleet->journal);
}

void fleet_load_close(fleet_t *fleet) {
    if (fleet->has_journal) {
        fleet_journal_close(&fleet->journal);
    }
    if (fleet->has_hub) {
        fleet_hub_close(&fleet->hub);
    }
    if (fleet->has_firmware) {
        firmware_close(&fleet->firmware);
    }
    if (fleet->has_plan) {
        fleet_plan_free(&fleet->plan);
    }
    fleet_list_free(&fleet->list);
    free(fleet->devices);
    free(fleet->began_s);
    free(fleet->ended_s);
    fleet->devices = NULL;
    fleet->began_s = fleet->ended_s = NULL;
    fleet->has_journal = fleet->has_hub = fleet->has_firmware = fleet->has_plan = false;
}
