// SPDX-License-Identifier: Apache-2.0
// Each question compares all devices with what they were at the question before: a counter goes up with each change,
// and each device keeps the count of its last one. The members about the rollout as a whole are one text, which is
// compared too.
#include "fleet_status.h"

#include <jansson.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet_view.h"
#include "text.h"

#define VERSION_SIZE 33
#define REASONS_MAX 32 // failures that are counted apart; all further ones are "others"

// A device as it was shown last.
typedef struct {
    fleet_device_t device;
    char version[VERSION_SIZE]; // that runs, as far as anybody has seen it
    uint32_t percent;
    bool is_changed;
    uint64_t change;
} shown_device_t;

struct fleet_status {
    fleet_shown_t shown;
    char epoch[17]; // of these counts: random
    uint64_t change;
    shown_device_t *devices;
    char *summary; // as it was written last
    int64_t began_s;
    uint32_t ended_then; // when it began
    uint32_t ended;      // at the last question
    int64_t end_s;       // when `left_s` is over
    bool has_end;
};

// ---- life ----

static uint32_t count_ended(const fleet_rollout_t *rollout) {
    uint32_t ended = 0;
    for (uint32_t i = 0; i < rollout->count; i++) {
        ended += fleet_has_ended(rollout->devices[i].state);
    }
    return ended;
}

fleet_status_t *fleet_status_open(const fleet_shown_t *shown, int64_t now_s) {
    uint8_t epoch[8] = {0};
    fleet_status_t *status = calloc(1, sizeof *status);
    shown_device_t *devices = calloc((size_t)shown->rollout->count + 1, sizeof *devices);
    if (status == NULL || devices == NULL) {
        free(status);
        free(devices);
        return NULL;
    }
    RAND_bytes(epoch, sizeof epoch);
    ota_ws_text_hex(status->epoch, epoch, sizeof epoch);
    status->shown = *shown;
    status->devices = devices;
    status->began_s = now_s;
    status->ended = status->ended_then = count_ended(shown->rollout);
    for (uint32_t i = 0; i < shown->rollout->count; i++) {
        devices[i].percent = FLEET_STATUS_NO_PERCENT;
        devices[i].is_changed = true;
    }
    return status;
}

void fleet_status_close(fleet_status_t *status) {
    if (status != NULL) {
        free(status->devices);
        free(status->summary);
        free(status);
    }
}

// ---- what has changed ----

void fleet_status_version(fleet_status_t *status, uint32_t device, const char *version) {
    shown_device_t *shown = &status->devices[device];
    if (version[0] != '\0' && strncmp(shown->version, version, VERSION_SIZE - 1) != 0) {
        ota_ws_text_copy(shown->version, sizeof shown->version, version);
        shown->is_changed = true;
    }
}

void fleet_status_percent(fleet_status_t *status, uint32_t device, uint32_t percent) {
    shown_device_t *shown = &status->devices[device];
    shown->is_changed |= shown->percent != percent;
    shown->percent = percent;
}

static bool looks_same(const fleet_device_t *a, const fleet_device_t *b) {
    return a->state == b->state && a->attempt == b->attempt && a->wave == b->wave &&
           strcmp(a->reason, b->reason) == 0 && strcmp(a->id, b->id) == 0;
}

static void note_changes(fleet_status_t *status) {
    bool any = false;
    for (uint32_t i = 0; i < status->shown.rollout->count; i++) {
        shown_device_t *shown = &status->devices[i];
        const fleet_device_t *now = &status->shown.rollout->devices[i];
        if (shown->is_changed || !looks_same(&shown->device, now)) {
            status->change += !any;
            any = true;
            shown->device = *now;
            shown->is_changed = false;
            shown->change = status->change;
        }
    }
}

// By the pace so far; known again when another device has ended, and counted down between.
static void note_pace(fleet_status_t *status, int64_t now_s) {
    const fleet_rollout_t *rollout = status->shown.rollout;
    uint32_t ended = count_ended(rollout);
    if (ended != status->ended && ended > status->ended_then) {
        int64_t left_s = (now_s - status->began_s) * (rollout->count - ended) / (ended - status->ended_then);
        status->end_s = now_s + left_s;
        status->has_end = true;
    }
    status->ended = ended;
    bool runs = strcmp(fleet_view_phase_word(rollout, now_s), "running") == 0;
    status->has_end &= runs && ended < rollout->count;
}

// ---- the rollout as a whole ----

static json_t *counts_of(const fleet_rollout_t *rollout, uint32_t wave) {
    uint32_t counts[FLEET_STATES] = {0};
    json_t *json = json_object();
    for (uint32_t i = 0; i < rollout->count; i++) {
        const fleet_device_t *device = &rollout->devices[i];
        counts[device->state] += wave == FLEET_ALL || device->wave == wave;
    }
    for (fleet_state_t state = 0; state < FLEET_STATES; state++) {
        if (counts[state] > 0) {
            json_object_set_new(json, fleet_state_name(state), json_integer(counts[state]));
        }
    }
    return json;
}

static json_t *waves_of(const fleet_rollout_t *rollout) {
    json_t *list = json_array();
    for (uint32_t wave = 0; wave < rollout->rules->wave_count; wave++) {
        json_t *json = json_pack("{sI sI so}", "wave", (json_int_t)wave + 1, "soak_s",
                                 (json_int_t)rollout->rules->waves[wave].soak_s, "counts", counts_of(rollout, wave));
        if ((rollout->rules->approve >> wave & 1) != 0) {
            bool is_given = (rollout->approved >> wave & 1) != 0;
            json_object_set_new(json, "approval", json_string(is_given ? "given" : "needed"));
        }
        json_array_append_new(list, json);
    }
    return list;
}

typedef struct {
    fleet_state_t state;
    const char *reason;
    uint32_t devices;
} failure_t;

static void count_failure(failure_t *failures, size_t *count, const fleet_device_t *device) {
    size_t i = 0;
    while (i < *count && (failures[i].state != device->state || strcmp(failures[i].reason, device->reason) != 0)) {
        i++;
    }
    if (i == REASONS_MAX) {
        failures[--i].reason = "others";
    } else if (i == *count) {
        failures[(*count)++] = (failure_t){device->state, device->reason, 0};
    }
    failures[i].devices++;
}

static int compare_failures(const void *a, const void *b) {
    const failure_t *one = a, *other = b;
    return one->devices != other->devices ? (one->devices < other->devices ? 1 : -1)
                                          : strcmp(one->reason, other->reason);
}

// The most frequent first.
static json_t *failures_of(const fleet_rollout_t *rollout) {
    failure_t failures[REASONS_MAX];
    size_t count = 0;
    json_t *list = json_array();
    for (uint32_t i = 0; i < rollout->count; i++) {
        if (fleet_has_failed(rollout->devices[i].state)) {
            count_failure(failures, &count, &rollout->devices[i]);
        }
    }
    qsort(failures, count, sizeof failures[0], compare_failures);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{ss ss sI}", "state", fleet_state_name(failures[i].state), "reason",
                                              failures[i].reason, "devices", (json_int_t)failures[i].devices));
    }
    return list;
}

static json_t *summary_of(const fleet_status_t *status, int64_t now_s) {
    const fleet_shown_t *shown = &status->shown;
    const fleet_rollout_t *rollout = shown->rollout;
    json_t *json = json_pack(
        "{sb ss ss ss ss ss sI sI so so so}", "leads", 1, "rollout", shown->plan->rollout, "project", shown->project,
        "version", shown->version, "phase", fleet_view_phase_word(rollout, now_s), "reason", rollout->reason, "wave",
        (json_int_t)rollout->wave + 1, "devices", (json_int_t)rollout->count, "counts", counts_of(rollout, FLEET_ALL),
        "waves", waves_of(rollout), "failures", failures_of(rollout));
    if (json != NULL && fleet_waits_for_approval(rollout, now_s)) {
        json_object_set_new(json, "approve", json_integer((json_int_t)fleet_view_waiting_wave(rollout)));
    }
    return json;
}

static bool note_summary(fleet_status_t *status, const json_t *summary) {
    char *text = summary == NULL ? NULL : json_dumps(summary, JSON_COMPACT);
    if (text == NULL) {
        return false;
    }
    bool is_same = status->summary != NULL && strcmp(status->summary, text) == 0;
    status->change += !is_same;
    free(status->summary);
    status->summary = text;
    return true;
}

// ---- the devices ----

static void set_text(json_t *json, const char *name, const char *value) {
    if (value[0] != '\0') {
        json_object_set_new(json, name, json_string(value));
    }
}

// A confirmed device runs the image: that is what the word means, also where nobody has asked since.
static const char *version_of(const fleet_status_t *status, const shown_device_t *shown) {
    bool runs_image = shown->device.state == FLEET_CONFIRMED || shown->device.state == FLEET_ALREADY ||
                      shown->device.state == FLEET_ON_TRIAL;
    return runs_image ? status->shown.version : shown->version;
}

static json_t *device_of(const fleet_status_t *status, uint32_t i) {
    const shown_device_t *shown = &status->devices[i];
    const fleet_entry_t *entry = &status->shown.entries[i];
    json_t *json = json_pack("{sI ss sI ss}", "n", (json_int_t)i, "host", entry->host, "wave",
                             (json_int_t)shown->device.wave + 1, "state", fleet_state_name(shown->device.state));
    set_text(json, "id", shown->device.id);
    set_text(json, "labels", entry->labels);
    set_text(json, "reason", shown->device.reason);
    set_text(json, "version", version_of(status, shown));
    json_object_set_new(json, "attempts", json_integer((json_int_t)shown->device.attempt));
    if (shown->percent != FLEET_STATUS_NO_PERCENT && shown->device.state == FLEET_SENDING) {
        json_object_set_new(json, "percent", json_integer((json_int_t)shown->percent));
    }
    return json;
}

static json_t *devices_since(const fleet_status_t *status, uint64_t change) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < status->shown.rollout->count; i++) {
        if (status->devices[i].change > change) {
            json_array_append_new(list, device_of(status, i));
        }
    }
    return list;
}

// ---- all of it ----

// 0: nothing was seen, or by another count.
static uint64_t read_since(const fleet_status_t *status, const char *since) {
    size_t length = strlen(status->epoch);
    bool is_ours = strncmp(since, status->epoch, length) == 0 && since[length] == '.';
    uint64_t change = is_ours ? strtoull(since + length + 1, NULL, 10) : 0;
    return change <= status->change ? change : 0;
}

static char *dump(const fleet_status_t *status, json_t *summary, uint64_t since, int64_t now_s) {
    char change[48];
    snprintf(change, sizeof change, "%s.%llu", status->epoch, (unsigned long long)status->change);
    json_object_set_new(summary, "change", json_string(change));
    if (since == 0) {
        json_object_set_new(summary, "all", json_true()); // of the devices
    }
    if (status->has_end) {
        json_object_set_new(summary, "left_s", json_integer(status->end_s > now_s ? status->end_s - now_s : 0));
    }
    json_object_set_new(summary, "list", devices_since(status, since));
    return json_dumps(summary, JSON_COMPACT);
}

fleet_status_news_t fleet_status_write(fleet_status_t *status, const char *since, int64_t now_s, char **text) {
    note_pace(status, now_s);
    note_changes(status);
    json_t *summary = summary_of(status, now_s);
    bool good = note_summary(status, summary);
    uint64_t seen = read_since(status, since);
    *text = NULL;
    if (good && seen < status->change) {
        *text = dump(status, summary, seen, now_s);
        good = *text != NULL;
    }
    json_decref(summary);
    return !good ? FLEET_STATUS_NO_MEMORY : *text != NULL ? FLEET_STATUS_CHANGED : FLEET_STATUS_SAME;
}
