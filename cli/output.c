// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "advice.h"
#include "wrap.h"

#define BAR_INTERVAL_MS 100
#define JSON_INTERVAL_MS 250
#define LINE_STEP_PERCENT 10
#define COLUMNS_LEFT 3 // for the terminal's own "^C"

void output_init(output_t *output, bool json, bool quiet, bool several) {
    memset(output, 0, sizeof *output);
    output->json = json;
    output->quiet = quiet;
    output->several = several;
    output->terminal = isatty(STDERR_FILENO) == 1;
}

static size_t bar_columns(void) {
    struct winsize size;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > COLUMNS_LEFT;
    return (known ? size.ws_col : 80) - COLUMNS_LEFT;
}

static void clear_bar(output_t *output) {
    if (output->bar) {
        fprintf(stderr, "\r\033[K");
        output->bar = false;
    }
}

// ---- JSON ----

void output_object(ota_ws_reply_t *object, char text[OUTPUT_JSON_SIZE], const char *type, const char *device) {
    ota_ws_reply_begin(object, text, OUTPUT_JSON_SIZE, type);
    if (device != NULL) {
        ota_ws_reply_string(object, "host", device);
    }
}

void output_string(ota_ws_reply_t *object, const char *name, const char *value) {
    if (value[0] != '\0') {
        ota_ws_reply_string(object, name, value);
    }
}

void output_print(ota_ws_reply_t *object) {
    ota_ws_reply_end(object, NULL, NULL, 0);
    printf("%.*s\n", (int)object->length, object->text);
    fflush(stdout);
}

// ---- notes ----

// Where several devices are served, a sentence begins with the one that it is about.
static void print_sentence(const output_t *output, FILE *stream, const char *device, const char *text) {
    char line[1024];
    snprintf(line, sizeof line, "%s%s%s", output->several ? device : "", output->several ? ": " : "", text);
    wrap_write(stream, line, wrap_columns(stream));
}

static void print_note(output_t *output, const char *device, const char *text) {
    clear_bar(output);
    print_sentence(output, stderr, device, text);
}

void output_note(output_t *output, const char *device, const char *format, ...) {
    char text[512], json[OUTPUT_JSON_SIZE];
    va_list values;
    if (output->quiet) {
        return;
    }
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (output->json) {
        ota_ws_reply_t object;
        output_object(&object, json, "note", device);
        ota_ws_reply_string(&object, "text", text);
        output_print(&object);
    } else {
        print_note(output, device, text);
    }
}

// ---- progress ----

static void print_json_progress(const char *device, const meter_t *progress, const window_t *window) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "progress", device);
    ota_ws_reply_number(&object, "size", window->file_size);
    ota_ws_reply_number(&object, "sent", window->sent);
    ota_ws_reply_number(&object, "received", window->received);
    ota_ws_reply_number(&object, "written", window->written);
    ota_ws_reply_number(&object, "rate", meter_rate(progress));
    if (meter_left_s(progress) != UINT32_MAX) {
        ota_ws_reply_number(&object, "left_s", meter_left_s(progress));
    }
    output_print(&object);
}

static void print_bar(output_t *output, const meter_t *progress) {
    char text[METER_TEXT_SIZE];
    meter_bar(progress, bar_columns(), text);
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
    output->bar = true;
}

// Is it time to show something again?
static bool is_due(output_t *output, const meter_t *progress) {
    bool whole = progress->done == progress->size;
    uint32_t percent = meter_percent(progress);
    bool due;
    if (output->json || output->terminal) {
        due = progress->now_ms - output->shown_ms >= (output->json ? JSON_INTERVAL_MS : BAR_INTERVAL_MS);
    } else {
        due = percent / LINE_STEP_PERCENT != output->shown_percent / LINE_STEP_PERCENT;
    }
    if (!due && !(whole && output->shown_percent < 100)) {
        return false;
    }
    output->shown_ms = progress->now_ms;
    output->shown_percent = percent;
    return true;
}

void output_progress(output_t *output, const char *device, const meter_t *progress, const window_t *window) {
    if (output->quiet || !is_due(output, progress)) {
        return;
    }
    if (output->json) {
        print_json_progress(device, progress, window);
    } else if (output->terminal) {
        print_bar(output, progress);
    } else {
        char text[METER_TEXT_SIZE];
        meter_line(progress, text);
        print_note(output, device, text);
    }
}

void output_progress_end(output_t *output, const meter_t *progress) {
    if (output->bar && progress->done == progress->size) {
        print_bar(output, progress);
    }
    if (output->bar) {
        fprintf(stderr, "\n");
    }
    output->bar = false;
    output->shown_percent = 0;
    output->shown_ms = 0;
}

// ---- results ----

static void add_slot(ota_ws_reply_t *object, const device_state_t *state) {
    const device_slot_t *running = &state->running;
    ota_ws_reply_string(object, "device", state->device);
    ota_ws_reply_string(object, "project", running->project);
    ota_ws_reply_string(object, "version", running->version);
    ota_ws_reply_string(object, "slot", running->slot);
    ota_ws_reply_string(object, "image", running->image);
    ota_ws_reply_string(object, "elf_sha256", running->elf_sha256);
    if (state->has_trial_left_s) {
        ota_ws_reply_number(object, "trial_left_s", state->trial_left_s);
    }
}

static void print_json_result(const char *device, const outcome_t *outcome, const char *text, const char *advice) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "result", device);
    ota_ws_reply_string(&object, "outcome", outcome_name(outcome->kind));
    ota_ws_reply_number(&object, "code", outcome->code);
    ota_ws_reply_string(&object, "text", text);
    if (outcome->problem.code != EXIT_CODE_OK) {
        ota_ws_reply_string(&object, "error", outcome->problem.name);
    }
    if (outcome->state.running.version[0] != '\0') {
        add_slot(&object, &outcome->state);
    }
    if (outcome->updated.version[0] != '\0') {
        ota_ws_reply_string(&object, "updated_version", outcome->updated.version);
        ota_ws_reply_string(&object, "updated_slot", outcome->updated.slot);
    }
    if (advice[0] != '\0') {
        ota_ws_reply_string(&object, "next", advice);
    }
    output_print(&object);
}

void output_result(output_t *output, const char *device, const outcome_t *outcome) {
    char text[OUTCOME_TEXT_SIZE], advice[ADVICE_SIZE] = "";
    outcome_describe(outcome, text);
    if (device != NULL) {
        advice_give(outcome, device, advice);
    }
    clear_bar(output);
    if (output->json) {
        print_json_result(device, outcome, text, advice);
        return;
    }
    print_sentence(output, stdout, device, text);
    fflush(stdout);
    if (advice[0] != '\0' && !output->quiet) {
        char line[ADVICE_SIZE + 8];
        snprintf(line, sizeof line, "next: %s", advice);
        print_sentence(output, stderr, device, line);
    }
}

bool output_finish(output_t *output) {
    clear_bar(output);
    return fflush(stdout) == 0 && !ferror(stdout);
}

void output_line(const output_t *output, const char *device, const char *name, const char *format, va_list values) {
    char text[512], json[OUTPUT_JSON_SIZE];
    bool is_named = name[0] != '\0';
    if (output->quiet && !is_named) {
        return;
    }
    vsnprintf(text, sizeof text, format, values);
    if (output->json) {
        ota_ws_reply_t object;
        output_object(&object, json, "note", device);
        output_string(&object, "error", name);
        ota_ws_reply_string(&object, "text", text);
        output_print(&object);
        return;
    }
    printf("%s%s%s%s%s%s\n", device != NULL ? device : "", device != NULL ? ": " : "", text, is_named ? " (" : "", name,
           is_named ? ")" : "");
    fflush(stdout);
}
