// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <string.h>

#include "chip.h"
#include "message.h"
#include "text.h"

static const char *const image_states[] = {
    [OTA_WS_IMAGE_NONE] = "none",
    [OTA_WS_IMAGE_VALID] = "valid",
    [OTA_WS_IMAGE_TRIAL] = "trial",
    [OTA_WS_IMAGE_UNCONFIRMED] = "unconfirmed",
    [OTA_WS_IMAGE_UNWATCHED] = "unwatched",
    [OTA_WS_IMAGE_FACTORY] = "factory",
    [OTA_WS_IMAGE_ROLLED_BACK] = "rolled_back",
    [OTA_WS_IMAGE_ABORTED] = "aborted",
};

static const char *const update_states[] = {
    [OTA_WS_UPDATE_IDLE] = "idle",           [OTA_WS_UPDATE_OPENING] = "receiving",
    [OTA_WS_UPDATE_RECEIVING] = "receiving", [OTA_WS_UPDATE_VERIFYING] = "verifying",
    [OTA_WS_UPDATE_READY] = "ready",         [OTA_WS_UPDATE_ENDING] = "idle",
    [OTA_WS_UPDATE_CONTROL] = "idle",
};

static const char *const outcomes[OTA_WS_OUTCOME_COUNT] = {
    [OTA_WS_OUTCOME_NONE] = "none",
    [OTA_WS_OUTCOME_STAGED] = "staged",
    [OTA_WS_OUTCOME_TRIAL] = "trial",
    [OTA_WS_OUTCOME_CONFIRMING] = "confirming",
    [OTA_WS_OUTCOME_CONFIRMED] = "confirmed",
    [OTA_WS_OUTCOME_ROLLING_BACK] = "going_back",
    [OTA_WS_OUTCOME_ROLLED_BACK] = "rolled_back",
    [OTA_WS_OUTCOME_EXPIRING] = "going_back",
    [OTA_WS_OUTCOME_EXPIRED] = "expired",
    [OTA_WS_OUTCOME_ABORTING] = "going_back",
    [OTA_WS_OUTCOME_ABORTED] = "aborted",
    [OTA_WS_OUTCOME_LOST] = "lost",
    [OTA_WS_OUTCOME_CANCELLED] = "cancelled",
    [OTA_WS_OUTCOME_FAILED] = "failed",
};

static const char *const resets[OTA_WS_RESET_COUNT] = {
    [OTA_WS_RESET_NONE] = "",
    [OTA_WS_RESET_UNKNOWN] = "unknown",
    [OTA_WS_RESET_POWER_ON] = "power_on",
    [OTA_WS_RESET_EXTERNAL] = "external",
    [OTA_WS_RESET_SOFTWARE] = "software",
    [OTA_WS_RESET_PANIC] = "panic",
    [OTA_WS_RESET_WATCHDOG] = "watchdog",
    [OTA_WS_RESET_DEEP_SLEEP] = "deep_sleep",
    [OTA_WS_RESET_BROWNOUT] = "brownout",
};

static ota_ws_reply_t begin(ota_ws_session_t *session, const char *type) {
    ota_ws_reply_t reply;
    ota_ws_reply_begin(&reply, session->device->scratch, OTA_WS_MESSAGE_SIZE, type);
    return reply;
}

// Ends the message, with its mac once the session has keys, and sends it.
static void send(ota_ws_session_t *session, ota_ws_reply_t *reply) {
    const ota_ws_device_t *device = session->device;
    bool has_keys = session->state == OTA_WS_SESSION_WELCOME && device->verifier != NULL;
    if (has_keys && ++session->sent_count == 0) {
        session->sent_count--; // counts never turn over
        session->link->close(session->link->context);
        return;
    }
    ota_ws_reply_end(reply, device->ports.hash, has_keys ? session->secret.keys.device : NULL, session->sent_count);
    session->link->send(session->link->context, reply->text, reply->length);
}

void ota_ws_report_plain(ota_ws_session_t *session, const char *type) {
    ota_ws_reply_t reply = begin(session, type);
    send(session, &reply);
}

void ota_ws_report_login(ota_ws_session_t *session, const char *type, const char *scram) {
    ota_ws_reply_t reply = begin(session, type);
    ota_ws_reply_number(&reply, "version", OTA_WS_PROTOCOL_VERSION);
    if (scram != NULL) {
        ota_ws_reply_string(&reply, "scram", scram);
    }
    send(session, &reply);
}

// ---- state ---------------------------------------------------------------------------------------------------------

static void put_chip(ota_ws_reply_t *reply, const ota_ws_identity_t *device) {
    const char *name = ota_ws_chip_name(device->chip_id);
    ota_ws_reply_string(reply, "chip", name != NULL ? name : "unknown");
    ota_ws_reply_number(reply, "chip_id", device->chip_id);
    ota_ws_reply_number(reply, "revision", device->chip_revision);
}

// "Nov 22 2026 12:00:00", as the compiler wrote it.
static void put_built(ota_ws_reply_t *reply, const ota_ws_image_description_t *description) {
    char built[sizeof description->date + sizeof description->time];
    ota_ws_text_copy(built, sizeof built, description->date);
    strcat(built, " ");
    strcat(built, description->time);
    ota_ws_reply_string(reply, "built", built);
}

// What the boot record says of the running image, or "trial" while the core holds it to be on trial.
static const char *image_state(const ota_ws_identity_t *device, bool on_trial) {
    return image_states[on_trial ? OTA_WS_IMAGE_TRIAL : device->image_state];
}

static void put_running(ota_ws_reply_t *reply, const ota_ws_identity_t *device, bool on_trial) {
    ota_ws_reply_string(reply, "project", device->running.project);
    ota_ws_reply_string(reply, "version", device->running.version);
    put_built(reply, &device->running);
    ota_ws_reply_string(reply, "idf", device->running.idf);
    ota_ws_reply_hex(reply, "elf_sha256", device->running.elf_sha256, 8);
    ota_ws_reply_number(reply, "secure_version", device->secure_version);
    if (device->is_signed) {
        ota_ws_reply_hex(reply, "signed_by", device->signer, 8);
    }
    if (device->requires_signed) {
        ota_ws_reply_true(reply, "requires_signed");
    }
    ota_ws_reply_string(reply, "slot", device->slot);
    ota_ws_reply_string(reply, "image", image_state(device, on_trial));
    if (on_trial && device->image_state != OTA_WS_IMAGE_TRIAL) {
        ota_ws_reply_true(reply, "unwatched");
    }
}

static void put_other(ota_ws_reply_t *reply, const ota_ws_identity_t *device) {
    if (device->other_slot[0] == '\0') {
        return;
    }
    ota_ws_reply_string(reply, "other_slot", device->other_slot);
    ota_ws_reply_string(reply, "other_image", image_states[device->other_state]);
    if (device->other_valid) {
        ota_ws_reply_string(reply, "other_project", device->other.project);
        ota_ws_reply_string(reply, "other_version", device->other.version);
        ota_ws_reply_hex(reply, "other_elf_sha256", device->other.elf_sha256, 8);
    }
    if (device->can_roll_back) {
        ota_ws_reply_true(reply, "can_roll_back");
    }
}

static void put_trial(ota_ws_reply_t *reply, const ota_ws_device_t *device, uint32_t now_ms) {
    uint32_t timeout_ms = device->settings->trial_timeout_ms;
    if (!device->on_trial || timeout_ms == 0) {
        return;
    }
    uint32_t passed_ms = now_ms - device->trial_since_ms;
    ota_ws_reply_number(reply, "trial_left_s", passed_ms < timeout_ms ? (timeout_ms - passed_ms + 999) / 1000 : 0);
}

static void put_update(ota_ws_reply_t *reply, const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    const char *state = update_states[device->update];
    ota_ws_reply_string(reply, "update", state);
    if (strcmp(state, "idle") == 0) {
        return;
    }
    if (device->owner == session) {
        ota_ws_reply_true(reply, "yours");
    }
    ota_ws_reply_number(reply, "size", device->size);
    ota_ws_reply_number(reply, "received", device->received);
    ota_ws_reply_number(reply, "written", device->written);
    if (device->image != NULL) {
        ota_ws_reply_string(reply, "new_project", device->image->project);
        ota_ws_reply_string(reply, "new_version", device->image->version);
    }
}

// The newest update, as far as it concerns whoever looks at the state.
static void put_last(ota_ws_reply_t *reply, const ota_ws_history_entry_t *last) {
    if (last->outcome == OTA_WS_OUTCOME_NONE) {
        return;
    }
    ota_ws_reply_string(reply, "last_outcome", outcomes[last->outcome]);
    ota_ws_reply_string(reply, "last_from", last->from);
    ota_ws_reply_string(reply, "last_to", last->to);
    if (last->reset != OTA_WS_RESET_NONE && last->reset < OTA_WS_RESET_COUNT) {
        ota_ws_reply_string(reply, "last_reset", resets[last->reset]);
    }
}

void ota_ws_report_state(ota_ws_session_t *session, uint32_t now_ms) {
    const ota_ws_device_t *device = session->device;
    const ota_ws_ports_t *ports = &device->ports;
    ota_ws_identity_t identity;
    char boot[9];
    uint8_t boot_bytes[4] = {(uint8_t)(device->boot >> 24), (uint8_t)(device->boot >> 16), (uint8_t)(device->boot >> 8),
                             (uint8_t)device->boot};
    ports->platform->describe(ports->platform->context, &identity);
    ota_ws_text_hex(boot, boot_bytes, sizeof boot_bytes);

    ota_ws_reply_t reply = begin(session, "state");
    ota_ws_reply_string(&reply, "boot", boot);
    put_update(&reply, session);
    put_chip(&reply, &identity);
    put_running(&reply, &identity, device->on_trial);
    put_trial(&reply, device, now_ms);
    ota_ws_reply_number(&reply, "slot_size", ports->flash->slot_size(ports->flash->context));
    if (device->settings->policy.check_project) {
        ota_ws_reply_true(&reply, "check_project");
    }
    if (device->ports.worker->inflates) {
        ota_ws_reply_true(&reply, "deflate");
    }
    if (device->ports.worker->decrypts) {
        ota_ws_reply_true(&reply, "encrypted");
    }
    put_other(&reply, &identity);
    ota_ws_reply_string(&reply, "device", identity.device_name);
    put_last(&reply, &device->last);
    send(session, &reply);
}

// ---- history -------------------------------------------------------------------------------------------------------

// IPv4 with dots, IPv6 in eight groups.
static void write_peer(char text[40], const uint8_t peer[OTA_WS_PEER_SIZE]) {
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    bool is_v4 = memcmp(peer, mapped, sizeof mapped) == 0;
    text[0] = '\0';
    for (size_t i = is_v4 ? sizeof mapped : 0; i < OTA_WS_PEER_SIZE; i += is_v4 ? 1 : 2) {
        char *at = text + strlen(text);
        if (at != text) {
            *at++ = is_v4 ? '.' : ':';
        }
        if (is_v4) {
            ota_ws_text_number(at, peer[i]);
        } else {
            char digits[5];
            ota_ws_text_hex(digits, peer + i, 2);
            size_t zeros = strspn(digits, "0");
            strcpy(at, digits + (zeros < 4 ? zeros : 3));
        }
    }
}

static void put_entry(ota_ws_reply_t *reply, const ota_ws_history_entry_t *entry) {
    static const uint8_t unknown[OTA_WS_PEER_SIZE] = {0};
    char peer[40];
    ota_ws_reply_string(reply, "outcome", outcomes[entry->outcome]);
    ota_ws_reply_string(reply, "from", entry->from);
    ota_ws_reply_string(reply, "to", entry->to);
    ota_ws_reply_string(reply, "slot", entry->slot);
    ota_ws_reply_hex(reply, "elf_sha256", entry->elf, sizeof entry->elf);
    if (entry->when_s != 0) {
        ota_ws_reply_number(reply, "when", entry->when_s);
    }
    if (memcmp(entry->peer, unknown, sizeof unknown) != 0) {
        write_peer(peer, entry->peer);
        ota_ws_reply_string(reply, "peer", peer);
    }
    if (entry->reset != OTA_WS_RESET_NONE && entry->reset < OTA_WS_RESET_COUNT) {
        ota_ws_reply_string(reply, "reset", resets[entry->reset]);
    }
}

void ota_ws_report_history(ota_ws_session_t *session) {
    ota_ws_history_t history;
    ota_ws_history_load(session->device->ports.platform, &history);
    for (size_t i = 0; i < history.count || i == 0; i++) {
        ota_ws_reply_t reply = begin(session, "history");
        ota_ws_reply_number(&reply, "updates", history.count);
        if (i < history.count) {
            ota_ws_reply_number(&reply, "index", (uint32_t)i);
            put_entry(&reply, &history.entries[i]);
        }
        send(session, &reply);
    }
}

// ---- the update ----------------------------------------------------------------------------------------------------

void ota_ws_report_ready(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    ota_ws_reply_t reply = begin(session, "ready");
    ota_ws_reply_number(&reply, "offset", device->written);
    ota_ws_reply_number(&reply, "chunk", device->settings->chunk);
    ota_ws_reply_number(&reply, "credit", device->settings->credit);
    send(session, &reply);
}

void ota_ws_report_progress(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    ota_ws_reply_t reply = begin(session, "progress");
    ota_ws_reply_number(&reply, "received", device->received);
    ota_ws_reply_number(&reply, "written", device->written);
    ota_ws_reply_number(&reply, "size", device->size);
    send(session, &reply);
}

void ota_ws_report_done(ota_ws_session_t *session) {
    const ota_ws_ports_t *ports = &session->device->ports;
    ota_ws_identity_t identity;
    ports->platform->describe(ports->platform->context, &identity);
    ota_ws_reply_t reply = begin(session, "done");
    ota_ws_reply_string(&reply, "slot", identity.other_slot);
    ota_ws_reply_string(&reply, "project", identity.other.project);
    ota_ws_reply_string(&reply, "version", identity.other.version);
    ota_ws_reply_hex(&reply, "elf_sha256", identity.other.elf_sha256, 8);
    send(session, &reply);
}

// ---- what went wrong -----------------------------------------------------------------------------------------------

void ota_ws_report_failed(ota_ws_session_t *session, const ota_ws_failure_t *failure) {
    ota_ws_reply_t reply = begin(session, "failed");
    ota_ws_reply_failure(&reply, failure, session->device->settings->sentence);
    send(session, &reply);
}

void ota_ws_report_error(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms) {
    ota_ws_reply_t reply = begin(session, "error");
    ota_ws_reply_failure(&reply, failure, session->device->settings->sentence);
    if (wait_ms > 0) {
        ota_ws_reply_number(&reply, "wait_s", (wait_ms + 999) / 1000);
    }
    send(session, &reply);
}

// ---- to many -------------------------------------------------------------------------------------------------------

static bool listens(const ota_ws_session_t *session) {
    return session->state == OTA_WS_SESSION_WELCOME;
}

void ota_ws_report_state_to_all(ota_ws_device_t *device, uint32_t now_ms) {
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (listens(session)) {
            ota_ws_report_state(session, now_ms);
        }
    }
}

void ota_ws_report_restarting_to_all(ota_ws_device_t *device) {
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (listens(session)) {
            ota_ws_report_plain(session, "restarting");
        }
    }
}

void ota_ws_report_progress_to_viewers(ota_ws_device_t *device) {
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (listens(session) && session != device->owner) {
            ota_ws_report_progress(session);
        }
    }
}
