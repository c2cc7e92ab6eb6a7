// SPDX-License-Identifier: Apache-2.0
#include "session/device.h"

#include <string.h>

#include "feature.h"
#include "session/report.h"
#include "session/session.h"

const ota_ws_settings_t ota_ws_default_settings = {
    .chunk = 8192,
    .credit = 32768,
    .trial_timeout_ms = 300000,
    .stall_timeout_ms = 30000,
    .silence_timeout_ms = 90000,
    .login_timeout_ms = 10000,
    .ws_uri = "/ota/ws",
    .policy = {.check_project = true, .check_version = true},
};

void ota_ws_device_init(ota_ws_device_t *device, const ota_ws_ports_t *ports, const ota_ws_settings_t *settings,
                        const ota_ws_verifier_t *verifier, uint32_t now_ms) {
    const ota_ws_platform_t *platform = ports->platform;
    ota_ws_identity_t identity;
    uint8_t key[OTA_WS_LOGIN_KEY_SIZE];
    memset(device, 0, sizeof *device);
    device->ports = *ports;
    device->settings = settings;
    device->verifier = verifier;
    device->notices = &ota_ws_report_notices;
    platform->random(platform->context, key, sizeof key);
    ota_ws_login_init(&device->login, ports->hash, key);
    platform->random(platform->context, device->boot, sizeof device->boot);
    platform->describe(platform->context, &identity);
    device->layout = identity.layout;
    ota_ws_trial_start_t start = ota_ws_trial_start(platform, &identity);
    device->on_trial = start.on_trial;
    device->pending_action = start.pending_action;
    device->trial_since_ms = now_ms;
    device->trial_looked_ms = now_ms;
    ota_ws_history_newest(platform, &device->last);
    ota_ws_features_run(OTA_WS_TRIAL_KNOWN, device);
}

void ota_ws_device_scratch(ota_ws_device_t *device, char *scratch) {
    device->scratch = scratch;
}

void ota_ws_device_tick(ota_ws_device_t *device, uint32_t now_ms) {
    ota_ws_session_t *next;
    device->now_ms = now_ms;
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = next) {
        next = session->next; // the tick may close the link
        ota_ws_session_tick(session);
    }
    ota_ws_engine_tick(device);
}

// ---- the ticket ----

ota_ws_status_t ota_ws_device_ticket(ota_ws_device_t *device, const ota_ws_gate_request_t *request,
                                     const ota_ws_address_t *peer, uint32_t now_ms, char *body, size_t size) {
    char ticket[OTA_WS_TICKET_TEXT_SIZE];
    ota_ws_failure_t failure = {.status = ota_ws_gate_check(request)};
    if (failure.status == OTA_WS_OK) {
        ota_ws_login_ticket(&device->login, peer, now_ms, ticket);
        ota_ws_report_ticket(device, ticket, request->path, body, size);
    } else {
        const char *page = failure.status == OTA_WS_FOREIGN_HOST ? request->own_page : NULL;
        ota_ws_report_refusal(device, &failure, page, body, size);
    }
    return failure.status;
}
