// SPDX-License-Identifier: Apache-2.0
#include "home_assistant.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

void home_assistant_topic(char topic[HOME_ASSISTANT_TOPIC_SIZE], const char *rollout, const char *id,
                          const char *what) {
    snprintf(topic, HOME_ASSISTANT_TOPIC_SIZE, "ota_ws/%.63s/%s%s%s", rollout, id != NULL ? id : "",
             id != NULL ? "/" : "", what);
}

void home_assistant_config_topic(char topic[HOME_ASSISTANT_TOPIC_SIZE], const char *id) {
    snprintf(topic, HOME_ASSISTANT_TOPIC_SIZE, "homeassistant/update/ota_ws_%s/config", id);
}

static char *write_and_free(json_t *object) {
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

// The device's page is a link in Home Assistant.
static json_t *describe_device(const home_assistant_entity_t *entity) {
    json_t *device = json_pack("{s:[s],s:s,s:s,s:s}", "identifiers", entity->id, "name",
                               entity->name[0] != '\0' ? entity->name : entity->id, "model", entity->chip, "sw_version",
                               entity->installed);
    if (device != NULL && entity->page[0] != '\0') {
        json_object_set_new(device, "configuration_url", json_string(entity->page));
    }
    return device;
}

char *home_assistant_config(const home_assistant_entity_t *entity) {
    char all[HOME_ASSISTANT_TOPIC_SIZE], own[HOME_ASSISTANT_TOPIC_SIZE];
    char state[HOME_ASSISTANT_TOPIC_SIZE], install[HOME_ASSISTANT_TOPIC_SIZE];
    home_assistant_topic(all, entity->rollout, NULL, "availability");
    home_assistant_topic(own, entity->rollout, entity->id, "availability");
    home_assistant_topic(state, entity->rollout, entity->id, "state");
    home_assistant_topic(install, entity->rollout, entity->id, "install");
    return write_and_free(json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:[{s:s},{s:s}],s:s,s:o,s:{s:s,s:s}}", "name",
                                    "Firmware", "unique_id", entity->id, "device_class", "firmware", "title",
                                    entity->project, "state_topic", state, "command_topic", install, "payload_install",
                                    HOME_ASSISTANT_INSTALL, "qos", 1, "availability", "topic", all, "topic", own,
                                    "availability_mode", "all", "device", describe_device(entity), "origin", "name",
                                    "ota-ws", "sw_version", OTA_WS_RELEASE));
}

char *home_assistant_state(const home_assistant_entity_t *entity) {
    json_t *state = json_pack("{s:s,s:s,s:s,s:b,s:o}", "installed_version", entity->installed, "latest_version",
                              entity->latest, "release_summary", entity->summary, "in_progress", entity->in_progress,
                              "update_percentage", entity->percent >= 0 ? json_integer(entity->percent) : json_null());
    return write_and_free(state);
}

bool home_assistant_is_in_progress(const char *state) {
    json_t *object = json_loads(state, 0, NULL);
    bool is_in_progress = json_is_true(json_object_get(object, "in_progress"));
    json_decref(object);
    return is_in_progress;
}
