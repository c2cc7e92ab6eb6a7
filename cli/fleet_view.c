// SPDX-License-Identifier: Apache-2.0
#include "fleet_view.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"

#define DRAW_EVERY_MS 250
#define BAR_COLUMNS 24
#define FAILURES_SHOWN 10
#define LINE_SIZE 768

// ---- texts ----

uint32_t fleet_view_waiting_wave(const fleet_rollout_t *rollout) {
    return (rollout->rules->approve & ~rollout->approved & 1) != 0 ? 1 : rollout->wave + 2;
}

void fleet_view_phase(const fleet_rollout_t *rollout, int64_t time_s, char *text, size_t size) {
    switch (rollout->phase) {
    case FLEET_STOPPED:
        snprintf(text, size, "stopped by %s", rollout->reason);
        return;
    case FLEET_ABORTED:
        snprintf(text, size, "aborted");
        return;
    case FLEET_FINISHED:
        snprintf(text, size, "finished");
        return;
    default:
        break;
    }
    if (rollout->paused) {
        snprintf(text, size, "paused");
    } else if (fleet_waits_for_approval(rollout, time_s)) {
        snprintf(text, size, "waits for approval of wave %u", fleet_view_waiting_wave(rollout));
    } else {
        snprintf(text, size, "running, wave %u of %u", rollout->wave + 1, rollout->rules->wave_count);
    }
}

const char *fleet_view_phase_word(const fleet_rollout_t *rollout, int64_t time_s) {
    static const char *const words[] = {"running", "stopped", "aborted", "finished"};
    if (rollout->phase != FLEET_RUNNING) {
        return words[rollout->phase];
    }
    return rollout->paused ? "paused" : fleet_waits_for_approval(rollout, time_s) ? "approval" : "running";
}

static void append(char *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void append(char *line, const char *format, ...) {
    size_t length = strlen(line);
    va_list values;
    va_start(values, format);
    vsnprintf(line + length, LINE_SIZE - length, format, values);
    va_end(values);
}

// "3 confirmed, 4 sending, 2 queued", of one wave.
static void append_counts(char *line, const fleet_rollout_t *rollout, uint32_t wave) {
    static const fleet_state_t order[] = {
        FLEET_CONFIRMED,   FLEET_ALREADY,  FLEET_ON_TRIAL,    FLEET_RESTARTING, FLEET_READY,    FLEET_VERIFYING,
        FLEET_SENDING,     FLEET_CHECKING, FLEET_LEASED,      FLEET_QUEUED,     FLEET_WAITING,  FLEET_REFUSED,
        FLEET_ROLLED_BACK, FLEET_EXPIRED,  FLEET_UNREACHABLE, FLEET_SUPERSEDED, FLEET_CANCELLED};
    const char *separator = "";
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        uint32_t count = 0;
        for (uint32_t device = 0; device < rollout->count; device++) {
            count += rollout->devices[device].wave == wave && rollout->devices[device].state == order[i];
        }
        if (count > 0) {
            append(line, "%s%u %s", separator, count, fleet_state_name(order[i]));
            separator = ", ";
        }
    }
}

// '#' has ended well, '!' otherwise, '>' is under way, '.' has not begun.
static void append_bar(char *line, const fleet_rollout_t *rollout, uint32_t wave) {
    uint32_t total = 0, well = 0, bad = 0, busy = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (device->wave == wave) {
            total++;
            bad += fleet_has_failed(device->state);
            well += fleet_has_ended(device->state) && !fleet_has_failed(device->state);
            busy += fleet_is_busy(device->state) || device->state == FLEET_ON_TRIAL;
        }
    }
    append(line, "[");
    for (uint32_t i = 0; i < BAR_COLUMNS; i++) {
        uint64_t at = (uint64_t)i * total / BAR_COLUMNS;
        append(line, "%c",
               total == 0               ? '.'
               : at < well              ? '#'
               : at < well + bad        ? '!'
               : at < well + bad + busy ? '>'
                                        : '.');
    }
    append(line, "] %u of %u  ", well + bad, total);
}

// From what has ended since this process began. "": nothing is known yet.
static void append_left(char *line, const fleet_view_t *view, int64_t time_s) {
    uint32_t ended = 0;
    for (uint32_t i = 0; i < view->rollout->count; i++) {
        ended += fleet_has_ended(view->rollout->devices[i].state);
    }
    uint32_t done = ended > view->done_then ? ended - view->done_then : 0;
    if (view->began_s == 0 || done == 0 || ended == view->rollout->count || view->rollout->phase != FLEET_RUNNING) {
        return;
    }
    uint64_t left_s = (uint64_t)(time_s - view->began_s) * (view->rollout->count - ended) / done;
    append(line, ", about %llu:%02llu left", (unsigned long long)left_s / 60, (unsigned long long)left_s % 60);
}

// ---- the table ----

static void put_line(fleet_view_t *view, FILE *stream, const char *line) {
    struct winsize size;
    bool known = view->terminal && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    fprintf(stream, "%.*s%s\n", known ? size.ws_col - 1 : LINE_SIZE, line, view->terminal ? "\033[K" : "");
    view->lines++;
}

static void put_failures(fleet_view_t *view, FILE *stream) {
    const fleet_rollout_t *rollout = view->rollout;
    char line[LINE_SIZE];
    uint32_t shown = 0, all = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        if (!fleet_has_failed(device->state)) {
            continue;
        }
        all++;
        if (!view->terminal || shown < FAILURES_SHOWN) {
            shown++;
            snprintf(line, sizeof line, "  %s: %s%s%s%s", view->entries[i].host, fleet_state_name(device->state),
                     device->reason[0] != '\0' ? " (" : "", device->reason, device->reason[0] != '\0' ? ")" : "");
            put_line(view, stream, line);
        }
    }
    if (all > shown) {
        snprintf(line, sizeof line, "  and %u more", all - shown);
        put_line(view, stream, line);
    }
}

static void put_table(fleet_view_t *view, FILE *stream, int64_t time_s) {
    const fleet_rollout_t *rollout = view->rollout;
    char line[LINE_SIZE], phase[96];
    fleet_view_phase(rollout, time_s, phase, sizeof phase);
    snprintf(line, sizeof line, "%s: %u devices, %s", view->plan->rollout, rollout->count, phase);
    if (view->written > 0) {
        append(line, ", %llu KB under way", (unsigned long long)view->written / 1000);
    }
    append_left(line, view, time_s);
    put_line(view, stream, line);
    for (uint32_t wave = 0; wave < rollout->rules->wave_count; wave++) {
        snprintf(line, sizeof line, "wave %-2u ", wave + 1);
        append_bar(line, rollout, wave);
        append_counts(line, rollout, wave);
        put_line(view, stream, line);
    }
    put_failures(view, stream);
}

void fleet_view_draw(fleet_view_t *view, uint64_t now_ms, int64_t time_s) {
    if (!view->terminal || view->json || view->quiet || (now_ms != 0 && now_ms - view->drawn_ms < DRAW_EVERY_MS)) {
        return;
    }
    if (view->lines > 0) {
        printf("\033[%uA", view->lines);
    }
    view->lines = 0;
    view->drawn_ms = now_ms;
    put_table(view, stdout, time_s);
    printf("\033[J");
    fflush(stdout);
}

// ---- lines and objects ----

void fleet_view_json_device(const fleet_view_t *view, uint32_t index) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    const fleet_device_t *device = &view->rollout->devices[index];
    output_object(&object, json, "device", view->entries[index].host);
    output_string(&object, "id", device->id);
    output_string(&object, "labels", view->entries[index].labels);
    ota_ws_reply_number(&object, "wave", device->wave + 1);
    ota_ws_reply_string(&object, "state", fleet_state_name(device->state));
    output_string(&object, "reason", device->reason);
    ota_ws_reply_number(&object, "attempts", device->attempt);
    output_print(&object);
}

// What is said of an event of the rollout as a whole; NULL: nothing.
static const char *sentence_of(const fleet_event_t *event) {
    switch (event->kind) {
    case FLEET_NEXT_WAVE:
        return "the next wave begins";
    case FLEET_STOP:
        return "stopped";
    case FLEET_FINISH:
        return "finished";
    case FLEET_PAUSE:
        return "paused";
    case FLEET_RESUME:
        return "goes on";
    case FLEET_ABORT:
        return "aborted";
    case FLEET_APPROVE:
        return "approved";
    case FLEET_RETRY:
        return "failed devices are tried again";
    default:
        return NULL;
    }
}

static void print_event(const fleet_view_t *view, const fleet_event_t *event) {
    if (event->device < view->rollout->count) {
        const fleet_device_t *device = &view->rollout->devices[event->device];
        bool has_reason = device->reason[0] != '\0' && !fleet_is_busy(device->state);
        if (event->kind != FLEET_IDENTIFIED && event->kind != FLEET_CONFIRM && event->kind != FLEET_CANCEL) {
            printf("%s: %s%s%s%s\n", view->entries[event->device].host, fleet_state_name(device->state),
                   has_reason ? " (" : "", has_reason ? device->reason : "", has_reason ? ")" : "");
        }
    } else if (sentence_of(event) != NULL) {
        printf("%s: %s%s%s\n", view->plan->rollout, sentence_of(event), event->name[0] != '\0' ? " by " : "",
               event->name);
    }
    fflush(stdout);
}

static void print_json_event(const fleet_view_t *view, const fleet_event_t *event) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    bool has_device = event->device < view->rollout->count;
    output_object(&object, json, "event", has_device ? view->entries[event->device].host : NULL);
    ota_ws_reply_string(&object, "event", fleet_event_name(event->kind));
    ota_ws_reply_number(&object, "time", (uint32_t)event->time_s);
    if (has_device) {
        ota_ws_reply_string(&object, "state", fleet_state_name(view->rollout->devices[event->device].state));
        ota_ws_reply_number(&object, "attempt", view->rollout->devices[event->device].attempt);
    }
    output_string(&object, "name", event->name);
    output_print(&object);
}

void fleet_view_event(void *context, const fleet_event_t *event) {
    fleet_view_t *view = context;
    if (view->json) {
        print_json_event(view, event);
    } else if (!view->terminal && !view->quiet) {
        print_event(view, event);
    }
}

static void print_json_summary(const fleet_view_t *view, int64_t time_s, int code) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    const fleet_rollout_t *rollout = view->rollout;
    for (uint32_t i = 0; i < rollout->count; i++) {
        fleet_view_json_device(view, i);
    }
    output_object(&object, json, "rollout", NULL);
    ota_ws_reply_string(&object, "rollout", view->plan->rollout);
    ota_ws_reply_string(&object, "phase", fleet_view_phase_word(rollout, time_s));
    output_string(&object, "reason", rollout->reason);
    ota_ws_reply_number(&object, "wave", rollout->wave + 1);
    ota_ws_reply_number(&object, "waves", rollout->rules->wave_count);
    ota_ws_reply_number(&object, "devices", rollout->count);
    for (fleet_state_t state = 0; state < FLEET_STATES; state++) {
        ota_ws_reply_number(&object, fleet_state_name(state), fleet_count(rollout, state));
    }
    ota_ws_reply_number(&object, "code", (uint32_t)code);
    output_print(&object);
}

void fleet_view_summary(fleet_view_t *view, int64_t time_s, int code) {
    if (view->json) {
        print_json_summary(view, time_s, code);
        return;
    }
    if (view->terminal && view->lines > 0) {
        fleet_view_draw(view, 0, time_s);
        return;
    }
    put_table(view, stdout, time_s);
    fflush(stdout);
}
