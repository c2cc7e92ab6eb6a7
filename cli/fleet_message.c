// SPDX-License-Identifier: Apache-2.0
#include "fleet_message.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

static char *dump(json_t *json) {
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

char *fleet_job_write(const fleet_job_message_t *job) {
    return dump(json_pack("{ss sI sI sI ss ss ss sb ss sI ss}", "rollout", job->rollout, "device",
                          (json_int_t)job->device, "attempt", (json_int_t)job->attempt, "wave", (json_int_t)job->wave,
                          "host", job->entry.host, "labels", job->entry.labels, "id", job->id, "restarted",
                          job->restarted, "image", job->image, "size", (json_int_t)job->size, "plan", job->plan));
}

// ---- reading: each member has its type and its limits ----

static bool take_text(const json_t *json, const char *name, char *text, size_t size) {
    const char *value = json_string_value(json_object_get(json, name));
    bool fits = value != NULL && strlen(value) < size;
    if (fits) {
        ota_ws_text_copy(text, size, value);
    }
    return fits;
}

static bool is_number(const json_t *value, json_int_t most) {
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= most;
}

static bool take_number(const json_t *json, const char *name, uint32_t most, uint32_t *number) {
    const json_t *value = json_object_get(json, name);
    bool fits = is_number(value, most);
    *number = fits ? (uint32_t)json_integer_value(value) : 0;
    return fits;
}

static bool is_digest(const char *text) {
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

static bool take_job(fleet_job_message_t *job, const json_t *json) {
    const char *plan = json_string_value(json_object_get(json, "plan"));
    bool good = plan != NULL && take_text(json, "rollout", job->rollout, sizeof job->rollout) &&
                take_number(json, "device", UINT32_MAX - 1, &job->device) &&
                take_number(json, "attempt", UINT32_MAX, &job->attempt) &&
                take_number(json, "wave", FLEET_WAVES_MAX - 1, &job->wave) &&
                take_text(json, "host", job->entry.host, sizeof job->entry.host) &&
                take_text(json, "labels", job->entry.labels, sizeof job->entry.labels) &&
                take_text(json, "id", job->id, sizeof job->id) &&
                take_text(json, "image", job->image, sizeof job->image) && is_digest(job->image) &&
                take_number(json, "size", FLEET_IMAGE_MAX, &job->size);
    job->restarted = json_is_true(json_object_get(json, "restarted"));
    job->plan = good ? strdup(plan) : NULL;
    return job->plan != NULL;
}

bool fleet_job_read(fleet_job_message_t *job, const char *data, size_t length) {
    json_t *json = json_loadb(data, length, JSON_REJECT_DUPLICATES, NULL);
    memset(job, 0, sizeof *job);
    bool good = take_job(job, json);
    json_decref(json);
    return good;
}

// ---- events ----

json_t *fleet_event_pack(const fleet_event_t *event) {
    return json_pack("[sIIIs]", fleet_event_name(event->kind), (json_int_t)event->device, (json_int_t)event->value,
                     (json_int_t)event->time_s, event->name);
}

bool fleet_event_unpack(fleet_event_t *event, json_t *json) {
    const char *kind = json_string_value(json_array_get(json, 0)), *name = json_string_value(json_array_get(json, 4));
    const json_t *device = json_array_get(json, 1), *value = json_array_get(json, 2);
    memset(event, 0, sizeof *event);
    if (kind == NULL || name == NULL || strlen(name) >= sizeof event->name || !is_number(device, UINT32_MAX) ||
        !is_number(value, UINT32_MAX) || !json_is_integer(json_array_get(json, 3))) {
        return false;
    }
    while (event->kind < FLEET_EVENTS && strcmp(fleet_event_name(event->kind), kind) != 0) {
        event->kind++;
    }
    event->device = (uint32_t)json_integer_value(device);
    event->value = (uint32_t)json_integer_value(value);
    event->time_s = json_integer_value(json_array_get(json, 3));
    ota_ws_text_copy(event->name, sizeof event->name, name);
    return event->kind < FLEET_EVENTS;
}

char *fleet_event_write(const fleet_event_message_t *message) {
    return dump(json_pack("{sI sb sb ss so}", "attempt", (json_int_t)message->attempt, "restarted", message->restarted,
                          "final", message->is_final, "version", message->version, "event",
                          fleet_event_pack(&message->event)));
}

bool fleet_event_read(fleet_event_message_t *message, const char *data, size_t length) {
    json_t *json = json_loadb(data, length, JSON_REJECT_DUPLICATES, NULL);
    bool good = take_number(json, "attempt", UINT32_MAX, &message->attempt) &&
                fleet_event_unpack(&message->event, json_object_get(json, "event"));
    message->restarted = json_is_true(json_object_get(json, "restarted"));
    message->is_final = json_is_true(json_object_get(json, "final"));
    if (!take_text(json, "version", message->version, sizeof message->version)) {
        message->version[0] = '\0'; // of an older gateway
    }
    json_decref(json);
    return good;
}

// ---- progress ----

char *fleet_percent_write(const fleet_percent_message_t *message) {
    return dump(json_pack("{ss sI sI sI}", "rollout", message->rollout, "device", (json_int_t)message->device,
                          "attempt", (json_int_t)message->attempt, "percent", (json_int_t)message->percent));
}

bool fleet_percent_read(fleet_percent_message_t *message, const char *data, size_t length) {
    json_t *json = json_loadb(data, length, JSON_REJECT_DUPLICATES, NULL);
    memset(message, 0, sizeof *message);
    bool good = take_text(json, "rollout", message->rollout, sizeof message->rollout) &&
                take_number(json, "device", UINT32_MAX - 1, &message->device) &&
                take_number(json, "attempt", UINT32_MAX, &message->attempt) &&
                take_number(json, "percent", 100, &message->percent);
    json_decref(json);
    return good;
}

const char *fleet_event_step(const fleet_event_t *event) {
    return event->kind == FLEET_PROGRESS ? fleet_state_name((fleet_state_t)event->value)
                                         : fleet_event_name(event->kind);
}
