// SPDX-License-Identifier: Apache-2.0
#include "fleet_survey.h"

#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "fleet_run.h"
#include "locate.h"

#define AT_ONCE 16
#define DISCOVER_MS 2000

struct surveyor;

// One of the jobs; it serves one device after the other.
typedef struct {
    struct surveyor *all;
    device_job_t job;
    credentials_t credentials;
    address_t address;
    uint32_t device;
    bool used;
} place_t;

typedef struct surveyor {
    const fleet_survey_t *survey;
    loop_t loop;
    output_t output;
    discover_t *discover; // NULL: not needed so far
    place_t *places;
    uint32_t next, seen;
    bool interrupted;
} surveyor_t;

static void see(surveyor_t *all, uint32_t device, const outcome_t *outcome) {
    all->survey->seen(all->survey->context, device, outcome);
    all->seen++;
    if (all->seen == all->survey->list->count) {
        loop_stop(&all->loop);
    }
}

static void see_problem(surveyor_t *all, uint32_t device, const problem_t *problem) {
    outcome_t outcome;
    outcome_from_problem(&outcome, problem, NULL);
    see(all, device, &outcome);
}

static void on_ended(void *context, device_job_t *job) {
    place_t *place = context;
    credentials_wipe(&place->credentials);
    place->used = false;
    see(place->all, place->device, &job->outcome);
}

static bool locate_device(surveyor_t *all, const char *host, address_t *address) {
    problem_t ignored;
    address_parse(address, host, &ignored);
    if (!locate_is_needed(host, address)) {
        return true;
    }
    if (all->discover == NULL) {
        all->discover = calloc(1, sizeof *all->discover);
        if (all->discover != NULL) {
            discover_run(all->discover, DISCOVER_MS, NULL, NULL, &ignored);
        }
    }
    return all->discover != NULL && locate_among(all->discover, address, host);
}

static void begin(place_t *place, uint32_t device) {
    static const device_job_patience_t patience = {1, 0, 0};
    surveyor_t *all = place->all;
    const fleet_entry_t *entry = &all->survey->list->entries[device];
    problem_t problem;
    if (!locate_device(all, entry->host, &place->address)) {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "not_found", "No device of that name or id has answered.");
        see_problem(all, device, &problem);
        return;
    }
    if (!fleet_password(&place->credentials, all->survey->plan, all->survey->password_file, entry, "", &problem)) {
        see_problem(all, device, &problem);
        return;
    }
    place->device = device;
    place->used = true;
    device_job_init(&place->job, &all->loop, &all->output, &place->credentials, entry->host, &place->address);
    place->job.ended = on_ended;
    place->job.ended_context = place;
    device_job_begin(&place->job, &look_command, NULL, &patience);
}

static void on_tick(void *context, uint64_t now_ms) {
    surveyor_t *all = context;
    for (size_t i = 0; i < AT_ONCE; i++) {
        if (all->places[i].used) {
            device_job_tick(&all->places[i].job, now_ms);
        }
        while (!all->places[i].used && all->next < all->survey->list->count) {
            begin(&all->places[i], all->next++);
        }
    }
}

static void on_interrupted(void *context) {
    surveyor_t *all = context;
    all->interrupted = true;
    loop_stop(&all->loop);
}

static bool survey_on(surveyor_t *all, problem_t *problem) {
    const loop_events_t events = {all, on_tick, on_interrupted};
    output_init(&all->output, false, true, true);
    for (size_t i = 0; i < AT_ONCE; i++) {
        all->places[i].all = all;
    }
    loop_run(&all->loop, &events);
    if (all->interrupted) {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted.");
    }
    return !all->interrupted;
}

bool fleet_survey(const fleet_survey_t *survey, const loop_tls_t *tls, problem_t *problem) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    surveyor_t *all = calloc(1, sizeof *all);
    place_t *places = calloc(AT_ONCE, sizeof *places);
    bool good = all != NULL && places != NULL;
    if (good) {
        all->survey = survey;
        all->places = places;
        good = loop_open(&all->loop, &callbacks, tls, problem) && survey_on(all, problem);
        loop_close(&all->loop);
        free(all->discover);
    } else {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    free(places);
    free(all);
    return good;
}
