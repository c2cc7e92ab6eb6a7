// SPDX-License-Identifier: Apache-2.0
#include "fleet_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_run.h"
#include "fleet_survey.h"
#include "recognise.h"

typedef struct {
    fleet_t *fleet;
    exit_code_t code;    // of the first device that would not take the image
    bool *leave_out;     // of the devices: not chosen
    outcome_t **answers; // that came before those of devices that stand before them in the list
    uint32_t next;       // device to be printed
    bool is_plan;
} seen_t;

static bool survey(fleet_t *fleet, fleet_seen_t *seen, void *context) {
    const fleet_survey_t settings = {&fleet->plan, fleet->arguments->password_file, &fleet->list, seen, context};
    return fleet_survey(&settings, &fleet->arguments->tls, &fleet->problem);
}

// What would become of a device, as a sentence and as a word.
static const char *judge(const seen_t *seen, const outcome_t *outcome, problem_t *problem) {
    fleet_t *fleet = seen->fleet;
    const device_state_t *state = &outcome->state;
    if (outcome->code != EXIT_CODE_OK) {
        *problem = outcome->problem;
        return outcome->code == EXIT_CODE_UNREACHABLE ? "no_answer" : "refuses";
    }
    if (!fleet_chooses(&fleet->plan, state)) {
        return "not_chosen";
    }
    if (recognise_running(&fleet->firmware, state)) {
        return strcmp(state->image, "trial") == 0 ? "on_trial" : "already";
    }
    return firmware_fits(&fleet->firmware, state, fleet->plan.allow_downgrade, problem) ? "update" : "refuses";
}

static const char *words_of(const char *verdict) {
    static const struct {
        const char *verdict, *words;
    } known[] = {{"update", "would be updated"},
                 {"already", "runs the image already"},
                 {"on_trial", "has the image on trial"},
                 {"not_chosen", "is not chosen: another project or chip"},
                 {"refuses", "would refuse"},
                 {"no_answer", "does not answer"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].verdict, verdict) == 0) {
            return known[i].words;
        }
    }
    return verdict;
}

static void print_json_seen(const seen_t *seen, uint32_t i, const outcome_t *outcome, const char *verdict,
                            const problem_t *problem) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    const fleet_entry_t *entry = &seen->fleet->list.entries[i];
    output_object(&object, json, seen->is_plan ? "planned" : "listed", entry->host);
    output_string(&object, "labels", entry->labels);
    if (outcome->state.version[0] != '\0') {
        output_string(&object, "id", outcome->state.id);
        ota_ws_reply_string(&object, "chip", outcome->state.chip);
        ota_ws_reply_string(&object, "project", outcome->state.project);
        ota_ws_reply_string(&object, "version", outcome->state.version);
        ota_ws_reply_string(&object, "image", outcome->state.image);
    }
    if (seen->is_plan) {
        ota_ws_reply_number(&object, "wave", seen->fleet->devices[i].wave + 1);
        ota_ws_reply_string(&object, "verdict", verdict);
    }
    if (problem->code != EXIT_CODE_OK) {
        ota_ws_reply_string(&object, "error", problem->name);
        ota_ws_reply_string(&object, "text", problem->text);
    }
    output_print(&object);
}

static void print_seen(const seen_t *seen, uint32_t i, const outcome_t *outcome, const char *verdict,
                       const problem_t *problem) {
    const fleet_entry_t *entry = &seen->fleet->list.entries[i];
    const device_state_t *state = &outcome->state;
    bool has_text = problem->code != EXIT_CODE_OK;
    if (seen->is_plan) {
        printf("wave %-2u  %-24s %-10s %s%s%s\n", seen->fleet->devices[i].wave + 1, entry->host, state->version,
               words_of(verdict), has_text ? ": " : "", has_text ? problem->text : "");
    } else if (outcome->code != EXIT_CODE_OK) {
        printf("%-24s %-12s %s\n", entry->host, "-", problem->text);
    } else {
        printf("%-24s %-12s %s, %s %s, %s%s%s\n", entry->host, state->id, state->chip, state->project, state->version,
               outcome_image_words(state->image), entry->labels[0] != '\0' ? "; " : "", entry->labels);
    }
}

static void tell_seen(seen_t *seen, uint32_t device, const outcome_t *outcome) {
    problem_t problem = {0};
    const char *verdict = seen->is_plan ? judge(seen, outcome, &problem) : "";
    if (!seen->is_plan) {
        problem = outcome->problem;
    }
    if (problem.code != EXIT_CODE_OK && seen->code == EXIT_CODE_OK) {
        seen->code = problem.code == EXIT_CODE_FILE_REFUSED ? EXIT_CODE_DEVICE_REFUSED : problem.code;
    }
    if (seen->fleet->arguments->json) {
        print_json_seen(seen, device, outcome, verdict, &problem);
    } else {
        print_seen(seen, device, outcome, verdict, &problem);
    }
    fflush(stdout);
}

// Told in the order of the list.
static void on_seen(void *context, uint32_t device, const outcome_t *outcome) {
    seen_t *seen = context;
    seen->answers[device] = malloc(sizeof *outcome);
    if (seen->answers[device] != NULL) {
        *seen->answers[device] = *outcome;
    }
    while (seen->next < seen->fleet->list.count && seen->answers[seen->next] != NULL) {
        tell_seen(seen, seen->next, seen->answers[seen->next]);
        free(seen->answers[seen->next++]);
    }
}

static exit_code_t tell_all(fleet_t *fleet, bool is_plan) {
    seen_t seen = {.fleet = fleet, .is_plan = is_plan, .answers = calloc(fleet->list.count, sizeof(outcome_t *))};
    bool good = seen.answers != NULL && survey(fleet, on_seen, &seen);
    for (uint32_t i = seen.next; seen.answers != NULL && i < fleet->list.count; i++) {
        free(seen.answers[i]); // it was interrupted
    }
    free(seen.answers);
    return good ? seen.code : fleet->problem.code;
}

exit_code_t fleet_look_list(fleet_t *fleet) {
    bool good = fleet_load_plan(fleet) && fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) &&
                fleet_load_devices(fleet);
    return good ? tell_all(fleet, false) : fleet->problem.code;
}

static void print_intention(const fleet_t *fleet) {
    const ota_ws_image_description_t *description = &fleet->firmware.inspection.image.description;
    if (!fleet->arguments->json) {
        printf("%s: %s %s to %u devices in %u waves\n", fleet->plan.rollout, description->project, description->version,
               fleet->list.count, fleet->plan.rules.wave_count);
    }
}

exit_code_t fleet_look_plan(fleet_t *fleet) {
    bool good = fleet_load_plan(fleet) && fleet_load_image(fleet) &&
                fleet_list_select(&fleet->list, &fleet->plan, &fleet->problem) && fleet_load_devices(fleet);
    if (!good) {
        return fleet->problem.code;
    }
    print_intention(fleet);
    return tell_all(fleet, true);
}

// ---- the choice ----

static void on_chosen(void *context, uint32_t device, const outcome_t *outcome) {
    seen_t *seen = context;
    seen->leave_out[device] = outcome->code == EXIT_CODE_OK && !fleet_chooses(&seen->fleet->plan, &outcome->state);
}

bool fleet_look_choose(fleet_t *fleet) {
    if (fleet->plan.project[0] == '\0' && fleet->plan.chip[0] == '\0') {
        return true;
    }
    seen_t seen = {.fleet = fleet, .leave_out = calloc(fleet->list.count, sizeof(bool))};
    bool good = seen.leave_out != NULL && survey(fleet, on_chosen, &seen);
    uint32_t kept = 0;
    for (uint32_t i = 0; good && i < fleet->list.count; i++) {
        if (!seen.leave_out[i]) {
            fleet->list.entries[kept++] = fleet->list.entries[i];
        }
    }
    free(seen.leave_out);
    fleet->list.count = good ? kept : fleet->list.count;
    return good && (kept > 0 || fleet_load_fail(fleet, EXIT_CODE_FILE_REFUSED, "plan_no_devices",
                                                "The plan's \"select\" chooses no device."));
}
