// SPDX-License-Identifier: Apache-2.0
#include "outcome.h"

#include <stdio.h>
#include <string.h>

// ---- deciding ----

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

// A device that sends no digest is believed by its slot alone.
static bool runs(const device_slot_t *running, const device_slot_t *expected) {
    bool digests = running->elf_sha256[0] != '\0' && expected->elf_sha256[0] != '\0';
    return same(running->slot, expected->slot) && (!digests || same(running->elf_sha256, expected->elf_sha256));
}

// The device's own record of its updates knows more than the boot record, where there is one.
bool outcome_is_given_up(const device_state_t *state) {
    static const char *const outcomes[] = {"rolled_back", "expired", "aborted", "lost"};
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (same(state->last.outcome, outcomes[i])) {
            return true;
        }
    }
    return same(state->other.image, "rolled_back") || same(state->other.image, "aborted");
}

static bool went_back(const device_state_t *before, const device_slot_t *expected, const device_state_t *after) {
    bool by_record = outcome_is_given_up(after);
    bool from_trial = same(before->running.image, "trial") && !same(before->running.slot, after->running.slot);
    return expected != NULL ? by_record && same(after->other.slot, expected->slot) : from_trial;
}

void outcome_after_restart(outcome_t *outcome, const device_state_t *before, const device_slot_t *expected,
                           const device_state_t *after) {
    outcome_running(outcome, after);
    if (expected != NULL && runs(&after->running, expected)) {
        return;
    }
    if (went_back(before, expected, after)) {
        outcome->kind = OUTCOME_ROLLED_BACK;
        outcome->code = EXIT_CODE_OLD_IMAGE;
    } else if (expected != NULL) {
        problem_set(&outcome->problem, EXIT_CODE_OLD_IMAGE, "not_taken",
                    "The device has restarted, but not into the new image.");
        outcome->kind = OUTCOME_STILL;
        outcome->code = EXIT_CODE_OLD_IMAGE;
    }
}

void outcome_from_problem(outcome_t *outcome, const problem_t *problem, const device_state_t *state) {
    memset(outcome, 0, sizeof *outcome);
    outcome->problem = *problem;
    outcome->code = problem->code;
    outcome->kind = state != NULL ? OUTCOME_STILL : OUTCOME_FAILED;
    if (problem->code == EXIT_CODE_UNREACHABLE) {
        outcome->kind = OUTCOME_UNREACHABLE;
    }
    if (state != NULL) {
        outcome->state = *state;
    }
}

void outcome_running(outcome_t *outcome, const device_state_t *state) {
    memset(outcome, 0, sizeof *outcome);
    outcome->kind = OUTCOME_RUNNING;
    outcome->state = *state;
}

// ---- output ----

const char *outcome_name(outcome_kind_t kind) {
    static const char *const names[] = {
        [OUTCOME_RUNNING] = "running",         [OUTCOME_UNCHANGED] = "unchanged",     [OUTCOME_READY] = "ready",
        [OUTCOME_RESTARTING] = "restarting",   [OUTCOME_ROLLED_BACK] = "rolled_back", [OUTCOME_STILL] = "still",
        [OUTCOME_UNREACHABLE] = "unreachable", [OUTCOME_FAILED] = "failed",           [OUTCOME_NOT_TRIED] = "not_tried",
        [OUTCOME_REFUSED] = "refused",         [OUTCOME_ACCEPTED] = "accepted",
    };
    return names[kind];
}

const char *outcome_image_words(const char *image) {
    static const struct {
        const char *image, *words;
    } known[] = {
        {"valid", "confirmed"},
        {"trial", "on trial"},
        {"unconfirmed", "not confirmed, and its bootloader watches over no trial"},
        {"unwatched", "without a trial"},
        {"factory", "the factory image"},
        {"rolled_back", "rolled back"},
        {"aborted", "given up: restarted before it was confirmed"},
        {"none", "no image"},
        {"blank", "blank"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (same(known[i].image, image)) {
            return known[i].words;
        }
    }
    return image;
}

bool outcome_of_update(const device_update_t *update, char text[OUTCOME_TEXT_SIZE]) {
    static const struct {
        const char *outcome, *format; // version, reset
    } known[] = {
        {"staged", "%s is ready for a restart"},
        {"trial", "%s is on trial"},
        {"confirming", "%s is being confirmed"},
        {"confirmed", "%s was confirmed"},
        {"going_back", "%s is being rolled back"},
        {"rolled_back", "%s was rolled back on request"},
        {"expired", "nobody confirmed %s in time"},
        {"aborted", "%s restarted (%s) before it was confirmed"},
        {"lost", "%s did not start, or restarted too early"},
        {"cancelled", "%s was cancelled"},
        {"failed", "%s could not be verified or selected"},
    };
    text[0] = '\0';
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (same(known[i].outcome, update->outcome)) {
            snprintf(text, OUTCOME_TEXT_SIZE, known[i].format, update->to, update->reset);
        }
    }
    return text[0] != '\0';
}

// Puts ": <sentence>" behind what stands in `text`, when there is a problem.
static void append_problem(const problem_t *problem, char text[OUTCOME_TEXT_SIZE]) {
    size_t length = strlen(text);
    if (problem->code != EXIT_CODE_OK) {
        snprintf(text + length, OUTCOME_TEXT_SIZE - length, ": %s", problem->text);
    }
}

// Why it went back, unless it was asked to.
static void append_reason(const device_state_t *state, char text[OUTCOME_TEXT_SIZE]) {
    char reason[OUTCOME_TEXT_SIZE];
    size_t length = strlen(text);
    if (!same(state->last.outcome, "rolled_back") && outcome_is_given_up(state) &&
        outcome_of_update(&state->last, reason)) {
        snprintf(text + length, OUTCOME_TEXT_SIZE - length, "; %s", reason);
    }
}

void outcome_describe(const outcome_t *outcome, char text[OUTCOME_TEXT_SIZE]) {
    const device_slot_t *running = &outcome->state.running;
    const device_slot_t *updated = &outcome->updated;
    switch (outcome->kind) {
    case OUTCOME_RUNNING:
        snprintf(text, OUTCOME_TEXT_SIZE, "running %s from %s, %s", running->version, running->slot,
                 outcome_image_words(running->image));
        break;
    case OUTCOME_UNCHANGED:
        snprintf(text, OUTCOME_TEXT_SIZE, "runs already: %s from %s, %s; nothing was sent", running->version,
                 running->slot, outcome_image_words(running->image));
        break;
    case OUTCOME_READY:
        snprintf(text, OUTCOME_TEXT_SIZE, "still %s; %s is ready in %s and runs after a restart", running->version,
                 updated->version, updated->slot);
        break;
    case OUTCOME_RESTARTING:
        snprintf(text, OUTCOME_TEXT_SIZE, "restarting, not waited for");
        break;
    case OUTCOME_ROLLED_BACK:
        snprintf(text, OUTCOME_TEXT_SIZE, "rolled back: running %s from %s", running->version, running->slot);
        append_reason(&outcome->state, text);
        break;
    case OUTCOME_STILL:
        snprintf(text, OUTCOME_TEXT_SIZE, "still %s", running->version);
        break;
    case OUTCOME_UNREACHABLE:
        snprintf(text, OUTCOME_TEXT_SIZE, "unreachable");
        break;
    case OUTCOME_FAILED:
        snprintf(text, OUTCOME_TEXT_SIZE, "failed");
        break;
    case OUTCOME_NOT_TRIED:
        snprintf(text, OUTCOME_TEXT_SIZE, "not tried");
        break;
    case OUTCOME_REFUSED:
        snprintf(text, OUTCOME_TEXT_SIZE, "refused");
        break;
    case OUTCOME_ACCEPTED:
        snprintf(text, OUTCOME_TEXT_SIZE, "accepted by %s", outcome->by);
        break;
    }
    append_problem(&outcome->problem, text);
}
