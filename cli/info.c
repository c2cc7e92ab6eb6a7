// SPDX-License-Identifier: Apache-2.0
#include "info.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "outcome.h"

// ---- for people ----

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
    if (strcmp(running->image, "trial") == 0 && state->has_trial_left_s) {
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
    if (strcmp(other->image, "blank") == 0) {
        printf("other     %s is blank: an update need not erase it\n", other->slot);
    } else if (other->version[0] == '\0') {
        printf("other     %s holds no valid image\n", other->slot);
    } else {
        printf("other     %s %s in %s, %s\n", other->project, other->version, other->slot,
               outcome_image_words(other->image));
    }
    printf("room      %u bytes for an update%s%s\n", state->slot_size,
           state->encrypted ? ", which must be encrypted" : "", state->can_roll_back ? "; a rollback is possible" : "");
    if (strcmp(state->prepare, "on") == 0) {
        printf("prepares  %s for the next update, as soon as what runs is confirmed\n", other->slot);
    }
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

// The lines of an image that has failed its trial, each after a bar.
static void print_logs(const device_logs_t *logs) {
    const char *line = logs->lines;
    if (*line != '\0') {
        printf("its last lines:\n");
    }
    while (*line != '\0') {
        size_t length = strcspn(line, "\n");
        printf("  | %.*s\n", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void print_text(const char *name, const device_state_t *state, const info_t *info) {
    printf("device    %s (%s)\n", state->device, name);
    printf("chip      %s, revision %u.%u\n", state->chip, state->revision / 100, state->revision % 100);
    print_running(state);
    print_other(state);
    print_update(state);
    print_history(&info->history);
    print_logs(&info->logs);
}

// ---- for programs ----

static void print_json(const char *name, const device_state_t *state) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "state", name);
    device_state_write(&object, state);
    output_print(&object);
}

static void print_json_update(const char *name, const device_update_t *update) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "update", name);
    device_update_write(&object, update);
    output_print(&object);
}

static void print_json_lines(const char *name, const device_logs_t *logs) {
    char json[OUTPUT_JSON_SIZE], text[OUTPUT_JSON_SIZE / 4];
    ota_ws_reply_t object;
    for (const char *line = logs->lines; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        snprintf(text, sizeof text, "%.*s", (int)length, line);
        output_object(&object, json, "log", name);
        output_string(&object, "elf_sha256", logs->elf_sha256);
        ota_ws_reply_string(&object, "text", text);
        output_print(&object);
        line += length + (line[length] == '\n');
    }
}

void info_print(output_t *output, const char *name, const device_state_t *state, const info_t *info) {
    const history_t *history = &info->history;
    if (output->json) {
        print_json(name, state);
        for (size_t i = 0; i < history->count; i++) {
            print_json_update(name, &history->updates[i]);
        }
        print_json_lines(name, &info->logs);
    } else {
        print_text(name, state, info);
    }
}
