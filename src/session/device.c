// SPDX-License-Identifier: Apache-2.0
#include "session/device.h"

#include <string.h>

#include "session/message.h"
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
    ota_ws_login_init(&device->login, key);
    platform->random(platform->context, device->boot, sizeof device->boot);
    platform->describe(platform->context, &identity);
    ota_ws_trial_start_t start = ota_ws_trial_start(platform, &identity);
    device->on_trial = start.on_trial;
    device->errand = start.errand;
    device->trial_since_ms = now_ms;
    device->trial_looked_ms = now_ms;
    ota_ws_history_newest(platform, &device->last);
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

// ---- the ticket ----------------------------------------------------------------------------------------------------

static void write_refusal(const ota_ws_device_t *device, ota_ws_status_t status, const char *own_page, char *body,
                          size_t size) {
    ota_ws_failure_t failure = {.status = status};
    ota_ws_reply_t reply;
    ota_ws_reply_begin(&reply, body, size, "error");
    ota_ws_reply_failure(&reply, &failure, device->settings->sentence);
    if (status == OTA_WS_FOREIGN_HOST) {
        ota_ws_reply_members(&reply, "page:s", own_page);
    }
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    body[reply.length] = '\0';
}

ota_ws_status_t ota_ws_device_ticket(ota_ws_device_t *device, const ota_ws_gate_request_t *request,
                                     const ota_ws_address_t *peer, uint32_t now_ms, char *body, size_t size) {
    const ota_ws_platform_t *platform = device->ports.platform;
    uint8_t random[16];
    char ticket[OTA_WS_TICKET_TEXT_SIZE];
    ota_ws_reply_t reply;
    ota_ws_status_t status = ota_ws_gate_check(request);
    if (status != OTA_WS_OK) {
        write_refusal(device, status, request->own_page, body, size);
        return status;
    }
    platform->random(platform->context, random, sizeof random);
    ota_ws_login_ticket(&device->login, peer, random, now_ms, ticket);
    ota_ws_reply_begin(&reply, body, size, "ticket");
    const bool is_locked = device->verifier != NULL;
    ota_ws_reply_members(&reply, "version:n ticket:s login:s ws:s page:s code:t", OTA_WS_PROTOCOL_VERSION, ticket,
                         is_locked ? "scram-sha-256" : "none", device->settings->ws_uri, request->path,
                         is_locked && device->settings->has_pairing_code);
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    body[reply.length] = '\0';
    return OTA_WS_OK;
}
