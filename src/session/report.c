// SPDX-License-Identifier: Apache-2.0
#include "session/report.h"

#include <stdarg.h>
#include <string.h>

#include "engine/update.h"
#include "image/chip.h"
#include "record/progress.h"
#include "session/message.h"
#include "text.h"

_Static_assert(OTA_WS_HISTORY_ELF_SIZE == OTA_WS_REPLY_HEX_SIZE, "digests are told as long as they are kept");

// In the order of ota_ws_image_state_t.
static const char image_states[] = "none\0valid\0trial\0unconfirmed\0unwatched\0factory\0rolled_back\0aborted";

// In the order of ota_ws_update_state_t.
static const char update_states[] = "idle\0receiving\0receiving\0verifying\0ready\0idle\0idle";

// In the order of ota_ws_outcome_t.
static const char outcomes[] =
    "none\0staged\0trial\0confirming\0confirmed\0going_back\0rolled_back\0going_back\0expired\0"
    "going_back\0aborted\0lost\0cancelled\0failed";

// In the order of ota_ws_reset_t.
static const char resets[] = "\0unknown\0power_on\0external\0software\0panic\0watchdog\0deep_sleep\0brownout";

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

// Says one message: its members as for ota_ws_reply_members().
static void say(ota_ws_session_t *session, const char *type, const char *members, ...) {
    ota_ws_reply_t reply = begin(session, type);
    va_list values;
    va_start(values, members);
    ota_ws_reply_list(&reply, members, &values);
    va_end(values);
    send(session, &reply);
}

void ota_ws_report_plain(ota_ws_session_t *session, const char *type) {
    say(session, type, NULL);
}

void ota_ws_report_login(ota_ws_session_t *session, const char *type, const char *scram) {
    say(session, type, "version:n scram:s", OTA_WS_PROTOCOL_VERSION, scram);
}

// ---- state ---------------------------------------------------------------------------------------------------------

static const char *reset_name(uint8_t reset) {
    return reset != OTA_WS_RESET_NONE && reset < OTA_WS_RESET_COUNT ? ota_ws_text_at(resets, reset) : NULL;
}

// The client's address as text, NULL when it is not known: all zeros.
static const char *peer_name(char text[OTA_WS_TEXT_ADDRESS_SIZE], const uint8_t peer[OTA_WS_PEER_SIZE]) {
    static const uint8_t unknown[OTA_WS_PEER_SIZE] = {0};
    ota_ws_text_address(text, peer);
    return memcmp(peer, unknown, sizeof unknown) != 0 ? text : NULL;
}

// The client that runs the update, or has sent the image that is ready.
static const char *updating_peer(char text[OTA_WS_TEXT_ADDRESS_SIZE], const ota_ws_device_t *device) {
    if (device->owner != NULL) {
        return peer_name(text, device->owner->peer.bytes);
    }
    return device->update == OTA_WS_UPDATE_READY ? peer_name(text, device->last.peer) : NULL;
}

static bool is_idle(const ota_ws_device_t *device) {
    return strcmp(ota_ws_text_at(update_states, device->update), "idle") == 0;
}

static void put_update(ota_ws_reply_t *reply, const ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    char peer[OTA_WS_TEXT_ADDRESS_SIZE];
    ota_ws_reply_string(reply, "update", ota_ws_text_at(update_states, device->update));
    if (is_idle(device)) {
        return;
    }
    ota_ws_reply_members(reply, "yours:t peer:s size:n received:n written:n sha256:x", device->owner == session,
                         updating_peer(peer, device), device->size, device->received, device->written, device->sha256);
    if (device->image != NULL) {
        ota_ws_reply_members(reply, "new_project:s new_version:s", device->image->project, device->image->version);
    }
}

// "trial" stands for what the boot record says of the running image while the core holds it to be on trial.
static void put_running(ota_ws_reply_t *reply, const ota_ws_identity_t *identity, bool on_trial) {
    const ota_ws_image_description_t *running = &identity->running;
    const char *chip = ota_ws_chip_name(identity->chip_id);
    char built[sizeof running->date + sizeof running->time]; // "Nov 22 2026 12:00:00", as the compiler wrote it
    ota_ws_text_copy(built, sizeof built, running->date);
    strcat(built, " ");
    strcat(built, running->time);
    ota_ws_reply_members(reply, "chip:s chip_id:n revision:n", chip != NULL ? chip : "unknown", identity->chip_id,
                         identity->chip_revision);
    if (identity->checks_efuse && !identity->any_efuse_maximum) {
        ota_ws_reply_number(reply, "efuse_revision", identity->efuse_revision);
    }
    ota_ws_reply_members(reply,
                         "mmu_page_size:o project:s version:s built:s idf:s elf_sha256:x secure_version:n "
                         "signed_by:x requires_signed:t slot:s image:s unwatched:t",
                         identity->mmu_page_bits > 0 ? UINT32_C(1) << identity->mmu_page_bits : 0, running->project,
                         running->version, built, running->idf, running->elf_sha256, identity->secure_version,
                         identity->is_signed ? identity->signer : NULL, identity->requires_signed, identity->slot,
                         ota_ws_text_at(image_states, on_trial ? OTA_WS_IMAGE_TRIAL : identity->image_state),
                         on_trial && identity->image_state != OTA_WS_IMAGE_TRIAL);
}

static void put_trial(ota_ws_reply_t *reply, const ota_ws_device_t *device) {
    uint32_t timeout_ms = device->settings->trial_timeout_ms;
    if (!device->on_trial || timeout_ms == 0) {
        return;
    }
    uint32_t passed_ms = device->now_ms - device->trial_since_ms;
    ota_ws_reply_number(reply, "trial_left_s", passed_ms < timeout_ms ? (timeout_ms - passed_ms + 999) / 1000 : 0);
}

static void put_device(ota_ws_reply_t *reply, const ota_ws_device_t *device) {
    const ota_ws_flash_t *flash = device->ports.flash;
    const ota_ws_worker_t *worker = device->ports.worker;
    ota_ws_reply_members(reply, "slot_size:n check_project:t deflate:t encrypted:t early:o",
                         flash->slot_size(flash->context), device->settings->policy.check_project, worker->inflates,
                         worker->decrypts, ota_ws_update_early_most(device));
}

static void put_other(ota_ws_reply_t *reply, const ota_ws_identity_t *identity) {
    const ota_ws_image_description_t *other = identity->other_valid ? &identity->other : NULL;
    if (identity->other_slot[0] == '\0') {
        return;
    }
    ota_ws_reply_members(reply, "other_slot:s other_image:s", identity->other_slot,
                         ota_ws_text_at(image_states, identity->other_state));
    if (other != NULL) {
        ota_ws_reply_members(reply, "other_project:s other_version:s other_elf_sha256:x", other->project,
                             other->version, other->elf_sha256);
    }
    ota_ws_reply_members(reply, "can_roll_back:t", identity->can_roll_back);
}

// The part of an unfinished upload that the other slot holds. What is encrypted cannot go on in the middle.
static void put_kept(ota_ws_reply_t *reply, const ota_ws_device_t *device) {
    ota_ws_progress_t progress;
    bool keeps = is_idle(device) && !device->ports.worker->decrypts &&
                 ota_ws_progress_load(device->ports.platform, &progress) && ota_ws_progress_keeps(&progress);
    if (keeps) {
        ota_ws_reply_members(reply, "kept:n kept_size:n kept_sha256:x kept_project:s kept_version:s", progress.offset,
                             progress.size, progress.sha256, progress.project, progress.version);
    }
}

// The newest update, as far as it concerns whoever looks at the state.
static void put_last(ota_ws_reply_t *reply, const ota_ws_history_entry_t *last) {
    size_t before = reply->length;
    if (last->outcome != OTA_WS_OUTCOME_NONE) {
        ota_ws_reply_members(reply, "last_outcome:s last_from:s last_to:s last_reset:s",
                             ota_ws_text_at(outcomes, last->outcome), last->from, last->to, reset_name(last->reset));
    }
    reply->length = reply->overflow ? before : reply->length; // all of it or nothing
}

void ota_ws_report_state(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    const ota_ws_platform_t *platform = device->ports.platform;
    ota_ws_identity_t identity;
    char boot[2 * sizeof device->boot + 1];
    platform->describe(platform->context, &identity);
    ota_ws_text_hex(boot, device->boot, sizeof device->boot);

    ota_ws_reply_t reply = begin(session, "state");
    ota_ws_reply_members(&reply, "boot:s id:s", boot, identity.id[0] != '\0' ? identity.id : NULL);
    put_update(&reply, session);
    put_running(&reply, &identity, device->on_trial);
    put_trial(&reply, device);
    put_device(&reply, device);
    put_other(&reply, &identity);
    ota_ws_reply_string(&reply, "device", identity.device_name);
    put_kept(&reply, device);
    put_last(&reply, &device->last);
    send(session, &reply);
}

// ---- history -------------------------------------------------------------------------------------------------------

static void say_entry(ota_ws_session_t *session, uint32_t count, uint32_t index, const ota_ws_history_entry_t *entry) {
    char peer[OTA_WS_TEXT_ADDRESS_SIZE];
    say(session, "history", "updates:n index:n outcome:s from:s to:s slot:s elf_sha256:x when:o peer:s reset:s", count,
        index, ota_ws_text_at(outcomes, entry->outcome), entry->from, entry->to, entry->slot, entry->elf, entry->when_s,
        peer_name(peer, entry->peer), reset_name(entry->reset));
}

void ota_ws_report_history(ota_ws_session_t *session) {
    ota_ws_history_t history;
    ota_ws_history_load(session->device->ports.platform, &history);
    for (uint32_t i = 0; i < history.count; i++) {
        say_entry(session, history.count, i, &history.entries[i]);
    }
    if (history.count == 0) {
        say(session, "history", "updates:n", 0);
    }
}

// ---- the update ----------------------------------------------------------------------------------------------------

static void report_ready(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    say(session, "ready", "offset:n chunk:n credit:n", device->written, device->settings->chunk,
        device->settings->credit);
}

static void report_progress(ota_ws_session_t *session) {
    const ota_ws_device_t *device = session->device;
    say(session, "progress", "received:n written:n size:n", device->received, device->written, device->size);
}

static void report_done(ota_ws_session_t *session) {
    const ota_ws_platform_t *platform = session->device->ports.platform;
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    say(session, "done", "slot:s project:s version:s elf_sha256:x", identity.other_slot, identity.other.project,
        identity.other.version, identity.other.elf_sha256);
}

// ---- what went wrong -----------------------------------------------------------------------------------------------

// `wait_ms` 0: there is nothing to wait for.
static void say_failure(ota_ws_session_t *session, const char *type, const ota_ws_failure_t *failure,
                        uint32_t wait_ms) {
    ota_ws_reply_t reply = begin(session, type);
    ota_ws_reply_failure(&reply, failure, session->device->settings->sentence);
    ota_ws_reply_members(&reply, "wait_s:o", (wait_ms + 999) / 1000);
    send(session, &reply);
}

void ota_ws_report_failed(ota_ws_session_t *session, const ota_ws_failure_t *failure) {
    say_failure(session, "failed", failure, 0);
}

void ota_ws_report_error(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms) {
    say_failure(session, "error", failure, wait_ms);
}

// ---- to many -------------------------------------------------------------------------------------------------------

static void to_all(const ota_ws_device_t *device, void (*report)(ota_ws_session_t *session)) {
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (session->state == OTA_WS_SESSION_WELCOME) {
            report(session);
        }
    }
}

static void state_to_all(ota_ws_device_t *device) {
    to_all(device, ota_ws_report_state);
}

static void progress_to_all(ota_ws_device_t *device) {
    to_all(device, report_progress);
}

static void report_restarting(ota_ws_session_t *session) {
    ota_ws_report_plain(session, "restarting");
}

static void restarting_to_all(ota_ws_device_t *device) {
    to_all(device, report_restarting);
}

const ota_ws_notices_t ota_ws_report_notices = {
    .ready = report_ready,
    .progress = report_progress,
    .done = report_done,
    .failed = ota_ws_report_failed,
    .state = state_to_all,
    .written = progress_to_all,
    .restarting = restarting_to_all,
};
