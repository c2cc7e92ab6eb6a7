// SPDX-License-Identifier: Apache-2.0
#include "info.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "outcome.h"

// ---- for people ----------------------------------------------------------------------------------------------------

static void print_running(const device_state_t *state) {
    const device_slot_t *running = &state->running;
    printf("runs      %s %s from %s, %s\n", running->project, running->version, running->slot,
           outcome_image_words(running->image));
    printf("built     %s with ESP-IDF %s\n", state->built, state->idf);
    printf("ELF       %s... (SHA-256)\n", running->elf_sha256);
    if (state->signed_by[0] != '\0') {
        printf("signed by %s... (SHA-256 of the key)\n", state->signed_by);
    }
    if (state->requires_signed) {
        printf("takes     images signed with this device's key only\n");
    }
    if (strcmp(running->image, "trial") == 0 && state->has_trial_left) {
        printf("trial     ends in %u s: then the device goes back, unless it is confirmed\n", state->trial_left_s);
    } else if (strcmp(running->image, "trial") == 0) {
        printf("trial     without a limit: confirm it or go back\n");
    }
}

static void print_other(const device_state_t *state) {
    const device_slot_t *other = &state->other;
    if (other->slot[0] == '\0') {
        printf("other     none: this device has no slot for an update\n");
        return;
    }
    if (other->version[0] == '\0') {
        printf("other     %s holds no valid image\n", other->slot);
    } else {
        printf("other     %s %s in %s, %s\n", other->project, other->version, other->slot,
               outcome_image_words(other->image));
    }
    printf("room      %u bytes for an update%s%s\n", state->slot_size,
           state->encrypted ? ", which must be encrypted" : "", state->can_roll_back ? "; a rollback is possible" : "");
}

// What is left of an upload that was broken off, and which file goes on with it.
static void print_kept(const device_state_t *state) {
    printf("update    unfinished: %u of %u bytes of %s %s are kept\n", state->kept, state->kept_size,
           state->kept_project, state->kept_version);
    printf("          push the same file to go on (its SHA-256: %s...)\n", state->kept_sha256);
}

static void print_update(const device_state_t *state) {
    const char *by = state->peer[0] != '\0' ? " by " : "";
    if (strcmp(state->update, "receiving") == 0) {
        printf("update    receiving%s%s: %u of %u bytes written\n", by, state->peer, state->written, state->size);
    } else if (strcmp(state->update, "ready") == 0) {
        printf("update    ready%s%s: a restart runs it\n", state->peer[0] != '\0' ? ", sent by " : "", state->peer);
    } else if (state->kept > 0) {
        print_kept(state);
    } else {
        printf("update    %s\n", state->update);
    }
}

// " 2026-11-22 13:20 UTC", " from 192.168.1.50": what is known.
static void print_origin(const device_update_t *update) {
    char when[32] = "";
    struct tm utc;
    time_t seconds = (time_t)update->when;
    if (update->has_when && gmtime_r(&seconds, &utc) != NULL) {
        strftime(when, sizeof when, " on %Y-%m-%d %H:%M UTC", &utc);
    }
    printf("          sent%s%s%s over %s\n", when, update->peer[0] != '\0' ? " by " : "", update->peer, update->from);
}

static void print_history(const history_t *history) {
    for (size_t i = 0; i < history->count; i++) {
        char text[OUTCOME_TEXT_SIZE];
        if (outcome_of_update(&history->updates[i], text)) {
            printf("%-9s %s\n", i == 0 ? "history" : "", text);
            print_origin(&history->updates[i]);
        }
    }
}

static void print_text(const char *name, const device_state_t *state, const history_t *history) {
    printf("device    %s (%s)\n", state->device, name);
    printf("chip      %s, revision %u.%u\n", state->chip, state->revision / 100, state->revision % 100);
    print_running(state);
    print_other(state);
    print_update(state);
    print_history(history);
}

// ---- for programs --------------------------------------------------------------------------------------------------

static void add_running(ota_ws_reply_t *object, const device_state_t *state) {
    ota_ws_reply_string(object, "project", state->running.project);
    ota_ws_reply_string(object, "version", state->running.version);
    ota_ws_reply_string(object, "built", state->built);
    ota_ws_reply_string(object, "idf", state->idf);
    ota_ws_reply_string(object, "elf_sha256", state->running.elf_sha256);
    ota_ws_reply_number(object, "secure_version", state->secure_version);
    if (state->signed_by[0] != '\0') {
        ota_ws_reply_string(object, "signed_by", state->signed_by);
    }
    if (state->requires_signed) {
        ota_ws_reply_true(object, "requires_signed");
    }
    ota_ws_reply_string(object, "slot", state->running.slot);
    ota_ws_reply_string(object, "image", state->running.image);
    if (state->has_trial_left) {
        ota_ws_reply_number(object, "trial_left_s", state->trial_left_s);
    }
}

static void add_other(ota_ws_reply_t *object, const device_state_t *state) {
    ota_ws_reply_number(object, "slot_size", state->slot_size);
    if (state->other.slot[0] == '\0') {
        return;
    }
    ota_ws_reply_string(object, "other_slot", state->other.slot);
    ota_ws_reply_string(object, "other_image", state->other.image);
    if (state->other.version[0] != '\0') {
        ota_ws_reply_string(object, "other_project", state->other.project);
        ota_ws_reply_string(object, "other_version", state->other.version);
        ota_ws_reply_string(object, "other_elf_sha256", state->other.elf_sha256);
    }
}

static void add_string(ota_ws_reply_t *object, const char *name, const char *value) {
    if (value[0] != '\0') {
        ota_ws_reply_string(object, name, value);
    }
}

static void add_update(ota_ws_reply_t *object, const device_state_t *state) {
    if (state->can_roll_back) {
        ota_ws_reply_true(object, "can_roll_back");
    }
    if (state->check_project) {
        ota_ws_reply_true(object, "check_project");
    }
    if (state->encrypted) {
        ota_ws_reply_true(object, "encrypted");
    }
    if (state->deflate) {
        ota_ws_reply_true(object, "deflate");
    }
    if (state->early > 0) {
        ota_ws_reply_number(object, "early", state->early);
    }
    ota_ws_reply_string(object, "update", state->update);
    ota_ws_reply_number(object, "size", state->size);
    ota_ws_reply_number(object, "received", state->received);
    ota_ws_reply_number(object, "written", state->written);
    add_string(object, "peer", state->peer);
    add_string(object, "sha256", state->sha256);
    if (state->kept > 0) {
        ota_ws_reply_number(object, "kept", state->kept);
        ota_ws_reply_number(object, "kept_size", state->kept_size);
        add_string(object, "kept_sha256", state->kept_sha256);
        add_string(object, "kept_project", state->kept_project);
        add_string(object, "kept_version", state->kept_version);
    }
}

static void add_last_update(ota_ws_reply_t *object, const device_state_t *state) {
    if (state->last.outcome[0] == '\0') {
        return;
    }
    ota_ws_reply_string(object, "last_outcome", state->last.outcome);
    ota_ws_reply_string(object, "last_from", state->last.from);
    ota_ws_reply_string(object, "last_to", state->last.to);
    if (state->last.reset[0] != '\0') {
        ota_ws_reply_string(object, "last_reset", state->last.reset);
    }
}

static void print_json(const char *name, const device_state_t *state) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "state", name);
    ota_ws_reply_string(&object, "device", state->device);
    if (state->id[0] != '\0') {
        ota_ws_reply_string(&object, "id", state->id);
    }
    ota_ws_reply_string(&object, "boot", state->boot);
    ota_ws_reply_string(&object, "chip", state->chip);
    ota_ws_reply_number(&object, "chip_id", state->chip_id);
    ota_ws_reply_number(&object, "revision", state->revision);
    add_running(&object, state);
    add_other(&object, state);
    add_update(&object, state);
    add_last_update(&object, state);
    output_print(&object);
}

static void print_json_update(const char *name, size_t index, const device_update_t *update) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "update", name);
    ota_ws_reply_number(&object, "index", (uint32_t)index);
    ota_ws_reply_string(&object, "outcome", update->outcome);
    ota_ws_reply_string(&object, "from", update->from);
    ota_ws_reply_string(&object, "to", update->to);
    ota_ws_reply_string(&object, "slot", update->slot);
    if (update->has_when) {
        ota_ws_reply_number(&object, "when", update->when);
    }
    if (update->peer[0] != '\0') {
        ota_ws_reply_string(&object, "peer", update->peer);
    }
    if (update->reset[0] != '\0') {
        ota_ws_reply_string(&object, "reset", update->reset);
    }
    output_print(&object);
}

void info_print(output_t *output, const char *name, const device_state_t *state, const history_t *history) {
    if (output->json) {
        print_json(name, state);
        for (size_t i = 0; i < history->count; i++) {
            print_json_update(name, i, &history->updates[i]);
        }
    } else {
        print_text(name, state, history);
    }
}
