// SPDX-License-Identifier: Apache-2.0
#include "error_message.h"

#include <string.h>

static ota_ws_status_t status_of(const char *name) {
    for (int status = OTA_WS_OK + 1; status < OTA_WS_STATUS_COUNT; status++) {
        if (strcmp(ota_ws_status_name((ota_ws_status_t)status), name) == 0) {
            return (ota_ws_status_t)status;
        }
    }
    return OTA_WS_OK;
}

static void supply_sentence(problem_t *problem, exit_code_t code, const device_message_t *message) {
    ota_ws_failure_t failure = {.status = status_of(problem->name)};
    if (failure.status == OTA_WS_OK) {
        problem_set(problem, code, problem->name, "The device says '%s'.", problem->name);
        return;
    }
    device_message_string(message, "image", failure.image, sizeof failure.image);
    device_message_string(message, "device", failure.device, sizeof failure.device);
    problem_from_failure(problem, code, &failure);
}

void error_message_read(problem_t *problem, exit_code_t code, const device_message_t *message) {
    problem_set(problem, code, "", "%s", "");
    device_message_string(message, "name", problem->name, sizeof problem->name);
    device_message_string(message, "text", problem->text, sizeof problem->text);
    if (problem->text[0] == '\0') {
        supply_sentence(problem, code, message);
    }
    device_message_number(message, "wait_s", &problem->wait_s);
}
