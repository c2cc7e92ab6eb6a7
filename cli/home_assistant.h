// SPDX-License-Identifier: Apache-2.0
// What Home Assistant wants to read: the topics and the JSON of an `update` entity, found by its MQTT discovery
// (www.home-assistant.io/integrations/update.mqtt and .../mqtt, as of 2026). Home Assistant throws a state away that
// has a member which it does not know, or null where it wants a text. So a text that is not known is left out.
//
//     homeassistant/update/ota_ws_<id>/config    the entity, for the discovery
//     ota_ws/<rollout>/availability              "online" or "offline": the program (last will)
//     ota_ws/<rollout>/<id>/availability         the same of a device
//     ota_ws/<rollout>/<id>/state                versions, progress
//     ota_ws/<rollout>/<id>/install              from Home Assistant: "install"
#pragma once

#include <stdbool.h>

#define HOME_ASSISTANT_INSTALL "install"
#define HOME_ASSISTANT_TOPIC_SIZE 128

// No text is longer than DEVICE_TEXT_SIZE, but `page` and `summary`; all are printable UTF-8.
typedef struct {
    const char *rollout, *id;
    const char *name, *chip, *project;
    const char *page;               // address; "": not known
    const char *installed, *latest; // versions
    const char *summary;            // a sentence about the last installation; ""
    bool in_progress;
    int percent; // that were sent; -1: nothing is being sent
} home_assistant_entity_t;

// Of the program where `id` is NULL.
void home_assistant_topic(char topic[HOME_ASSISTANT_TOPIC_SIZE], const char *rollout, const char *id, const char *what);
void home_assistant_config_topic(char topic[HOME_ASSISTANT_TOPIC_SIZE], const char *id);

// JSON, to be freed. NULL: there is not enough memory.
char *home_assistant_config(const home_assistant_entity_t *entity);
char *home_assistant_state(const home_assistant_entity_t *entity);

// Does a state that was published before say that an installation is under way?
bool home_assistant_is_in_progress(const char *state);
