// SPDX-License-Identifier: Apache-2.0
#include "session/session.h"

#include <string.h>

#include "engine/control.h"
#include "engine/update.h"
#include "feature.h"
#include "session/message.h"
#include "session/report.h"
#include "text.h"

#define LINGER_MS 1000 // so long an ended session stays, for the error to arrive before the connection closes
#define LOGIN_RETRY_MS 2000

// ---- the end ----

// A login that ends without success, for whatever reason, counts as a guess: else it could be held open for ever.
static void leave_login(const ota_ws_session_t *session) {
    if (session->state == OTA_WS_SESSION_LOGIN) {
        ota_ws_login_failed(&session->device->login, &session->peer, session->device->now_ms);
    }
}

static void end_session(ota_ws_session_t *session, const ota_ws_failure_t *failure, uint32_t wait_ms) {
    if (session->state == OTA_WS_SESSION_ENDED) {
        return;
    }
    if (failure->status != OTA_WS_TOO_MANY_SESSIONS) {
        leave_login(session); // a session that had to end for another one has guessed nothing
    }
    ota_ws_report_error(session, failure, wait_ms);
    ota_ws_wipe(&session->secret, sizeof session->secret);
    session->state = OTA_WS_SESSION_ENDED;
    session->since_ms = session->device->now_ms;
    ota_ws_update_session_gone(session, failure->status);
}

// TRY_LATER, LOGIN_BUSY: the sentence names the seconds.
void ota_ws_session_refuse(ota_ws_session_t *session, ota_ws_status_t status, uint32_t wait_ms) {
    ota_ws_failure_t failure = {.status = status};
    if (wait_ms > 0) {
        ota_ws_text_number(failure.device, (wait_ms + 999) / 1000);
    }
    end_session(session, &failure, wait_ms);
}

static void end_with(ota_ws_session_t *session, ota_ws_status_t status) {
    ota_ws_session_refuse(session, status, 0);
}

// ---- open and closed ----

void ota_ws_session_open(ota_ws_session_t *session, ota_ws_device_t *device, const ota_ws_link_t *link,
                         const ota_ws_address_t *peer, uint32_t now_ms) {
    memset(session, 0, sizeof *session);
    session->device = device;
    session->link = link;
    session->peer = *peer;
    device->now_ms = now_ms;
    session->since_ms = now_ms;
    session->next = device->sessions;
    device->sessions = session;
}

void ota_ws_session_closed(ota_ws_session_t *session, uint32_t now_ms) {
    session->device->now_ms = now_ms;
    ota_ws_session_t **at = &session->device->sessions;
    while (*at != session) {
        at = &(*at)->next;
    }
    *at = session->next;
    leave_login(session);
    session->state = OTA_WS_SESSION_ENDED;
    ota_ws_update_session_gone(session, OTA_WS_LINK_LOST);
    ota_ws_wipe(&session->secret, sizeof session->secret);
}

void ota_ws_session_tick(ota_ws_session_t *session) {
    const ota_ws_settings_t *settings = session->device->settings;
    uint32_t passed_ms = session->device->now_ms - session->since_ms;
    bool logged_in = session->state == OTA_WS_SESSION_WELCOME;
    if (session->state == OTA_WS_SESSION_ENDED) {
        if (passed_ms >= LINGER_MS) {
            session->link->close(session->link->context);
        }
    } else if (passed_ms >= (logged_in ? settings->silence_timeout_ms : settings->login_timeout_ms)) {
        end_with(session, OTA_WS_SILENT);
    }
}

// ---- login ----

static ota_ws_session_t *find_login(const ota_ws_device_t *device) {
    ota_ws_session_t *session = device->sessions;
    while (session != NULL && session->state != OTA_WS_SESSION_LOGIN) {
        session = session->next;
    }
    return session;
}

// One login runs at a time. Who holds the place for too long, or is of a lower rank than who comes, has to leave it.
static bool claim_login(ota_ws_session_t *session) {
    const ota_ws_login_t *login = &session->device->login;
    uint32_t now_ms = session->device->now_ms;
    ota_ws_session_t *holder = find_login(session->device);
    if (holder == NULL) {
        return true;
    }
    bool outranked = ota_ws_login_rank(login, &session->peer, now_ms) > ota_ws_login_rank(login, &holder->peer, now_ms);
    if (!outranked && now_ms - holder->challenged_ms < ota_ws_login_hold_ms(login, now_ms)) {
        return false;
    }
    end_with(holder, OTA_WS_SILENT);
    return true;
}

static void welcome(ota_ws_session_t *session, const char *scram) {
    ota_ws_report_login(session, OTA_WS_SAID_welcome, scram);
    session->state = OTA_WS_SESSION_WELCOME;
    session->since_ms = session->device->now_ms;
    ota_ws_report_state(session);
}

static void challenge(ota_ws_session_t *session, const ota_ws_request_t *request) {
    ota_ws_device_t *device = session->device;
    const ota_ws_platform_t *platform = device->ports.platform;
    uint8_t random[18];
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    uint32_t wait_ms = ota_ws_login_wait_ms(&device->login, &session->peer, device->now_ms);
    if (wait_ms > 0) {
        ota_ws_session_refuse(session, OTA_WS_TRY_LATER, wait_ms);
        return;
    }
    platform->random(platform->context, random, sizeof random);
    ota_ws_status_t status =
        ota_ws_scram_challenge(&session->secret.scram, device->verifier, request->scram, random, reply);
    if (status != OTA_WS_OK) {
        end_with(session, status);
        return;
    }
    if (!claim_login(session)) {
        ota_ws_session_refuse(session, OTA_WS_LOGIN_BUSY, LOGIN_RETRY_MS);
        return;
    }
    ota_ws_report_login(session, OTA_WS_SAID_challenge, reply);
    session->state = OTA_WS_SESSION_LOGIN;
    session->challenged_ms = device->now_ms;
}

static void on_hello(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    ota_ws_device_t *device = session->device;
    if (request->version != OTA_WS_PROTOCOL_VERSION) {
        end_with(session, OTA_WS_WRONG_VERSION);
        return;
    }
    ota_ws_status_t status = ota_ws_login_spend(&device->login, &session->peer, request->ticket, device->now_ms);
    if (status != OTA_WS_OK) {
        end_with(session, status);
    } else if (device->verifier == NULL) {
        welcome(session, NULL);
    } else {
        challenge(session, request);
    }
}

static void on_proof(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    ota_ws_device_t *device = session->device;
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_status_t status = ota_ws_scram_verify(&session->secret.scram, device->verifier, device->ports.hash,
                                                 request->scram, reply, &session->secret.keys);
    if (status != OTA_WS_OK) {
        end_with(session, status);
        return;
    }
    ota_ws_login_succeeded(&device->login, &session->peer, device->now_ms);
    welcome(session, reply);
}

// ---- after the login ----

// Nobody can send so many bytes at once, or the file has not so many. How long a deflate stream is, only its maker
// knows.
static bool is_early_too_much(const ota_ws_device_t *device, const ota_ws_upload_request_t *request) {
    return request->early > ota_ws_update_early_most(device) || (!request->deflate && request->early > request->size);
}

static void on_begin(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    bool is_sealed = request->upload.sealed;
    if (ota_ws_update_is_of(session)) {
        end_with(session, OTA_WS_UNEXPECTED_MESSAGE); // a second begin
    } else if (is_early_too_much(session->device, &request->upload) || (is_sealed && !ota_ws_report_seals(session))) {
        end_with(session, OTA_WS_BAD_VALUE);
    } else {
        session->is_sealed = is_sealed;
        session->begun_count = session->received_count;
        ota_ws_update_begin(session, &request->upload, failure);
    }
}

static void on_end(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    (void)request;
    ota_ws_update_end(session);
}

static void on_cancel(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)request;
    failure->status = ota_ws_update_cancel(session);
}

static void on_restart(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    const char *into = request->into;
    if (into[0] == '\0' || strcmp(into, "recovery") == 0 || strcmp(into, "application") == 0) {
        ota_ws_control_restart(session, into, failure);
    } else {
        end_with(session, OTA_WS_BAD_VALUE);
    }
}

static void on_confirm(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)request;
    failure->status = ota_ws_control_confirm(session);
}

static void on_rollback(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)request;
    ota_ws_control_roll_back(session, failure);
}

// All may see it in `state`. A device that prepares no slot answers with its `state` as well.
static void on_prepare(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    ota_ws_device_t *device = session->device;
    if (device->prepare != NULL) {
        device->prepares = request->on;
        (void)ota_ws_features_run(OTA_WS_PREPARE_ASKED, device);
    }
    device->notices->state(device);
}

static void on_ping(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    (void)request;
    ota_ws_report_plain(session, OTA_WS_SAID_pong);
}

// A device that was built without the list says that it has none.
static void on_history(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)request;
    (void)failure;
    if (!ota_ws_features_run(OTA_WS_HISTORY_ASKED, session)) {
        ota_ws_report_plain(session, OTA_WS_SAID_history); // without an update
    }
}

// Log lines and core dumps may hold secrets, so a client may ask for a sealed answer. A device that was built without
// `logs` and `crash` answers with an empty message.
static void answer_remains(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_hook_t hook,
                           void *subject) {
    if (request->sealed && !ota_ws_report_seals(session)) {
        end_with(session, OTA_WS_BAD_VALUE);
        return;
    }
    session->seals_answer = request->sealed;
    if (!ota_ws_features_run(hook, subject)) {
        ota_ws_report_plain(session, hook == OTA_WS_LOGS_ASKED ? OTA_WS_SAID_logs : OTA_WS_SAID_crash);
    }
    session->seals_answer = false;
}

static void on_logs(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    answer_remains(session, request, OTA_WS_LOGS_ASKED, session);
}

static void on_crash(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure) {
    (void)failure;
    ota_ws_crash_question_t question = {session, request->stack};
    answer_remains(session, request, OTA_WS_CRASH_ASKED, &question);
}

// What cannot be done is put into `failure`; the session goes on.
typedef void (*handler_t)(ota_ws_session_t *session, const ota_ws_request_t *request, ota_ws_failure_t *failure);

// The gate of all messages, in the order of ota_ws_request_type_t: what is not in these tables is not reachable.
// clang-format off
static const handler_t handlers[] = {
#define CLIENT(symbol, type, state) on_##type,
#include "schema.def"
};

// The state of the session in which the message may come.
static const uint8_t states[] = {
#define CLIENT(symbol, type, state) OTA_WS_SESSION_##state,
#include "schema.def"
};
// clang-format on

// ---- frames ----

static ota_ws_admission_t refuse_frame(ota_ws_session_t *session, ota_ws_status_t status) {
    end_with(session, status);
    return OTA_WS_ADMIT_DISCARD;
}

static ota_ws_admission_t admit_data(ota_ws_session_t *session, uint64_t length) {
    const ota_ws_device_t *device = session->device;
    if (!ota_ws_update_wants_data(session)) {
        return session->draining ? OTA_WS_ADMIT_DISCARD : refuse_frame(session, OTA_WS_UNEXPECTED_DATA);
    }
    if (length > device->settings->chunk + OTA_WS_OFFSET_SIZE) {
        return refuse_frame(session, OTA_WS_FRAME_TOO_LONG);
    }
    if (length <= OTA_WS_OFFSET_SIZE) {
        return refuse_frame(session, OTA_WS_BAD_FRAME);
    }
    if (device->early > 0 && length - OTA_WS_OFFSET_SIZE > device->early - device->expected) {
        return refuse_frame(session, OTA_WS_TOO_MANY_BYTES);
    }
    return OTA_WS_ADMIT_TAKE;
}

ota_ws_admission_t ota_ws_session_admit(ota_ws_session_t *session, ota_ws_frame_kind_t kind, uint64_t length,
                                        uint32_t now_ms) {
    session->device->now_ms = now_ms;
    if (session->state == OTA_WS_SESSION_ENDED) {
        return OTA_WS_ADMIT_DISCARD;
    }
    if (kind == OTA_WS_FRAME_DATA) {
        return admit_data(session, length);
    }
    size_t limit = session->state == OTA_WS_SESSION_WELCOME ? OTA_WS_MESSAGE_SIZE : OTA_WS_LOGIN_SIZE;
    return length > limit ? refuse_frame(session, OTA_WS_MESSAGE_TOO_LONG) : OTA_WS_ADMIT_TAKE;
}

// Before the login messages have no mac; after it each has the next count and the right mac. Counts never turn over.
static bool mac_is_right(ota_ws_session_t *session, const char *text, const ota_ws_request_t *request) {
    const ota_ws_device_t *device = session->device;
    uint8_t mac[OTA_WS_MAC_SIZE];
    if (session->state != OTA_WS_SESSION_WELCOME || device->verifier == NULL) {
        return !request->has_count;
    }
    if (!request->has_count || request->count == 0 || request->count != session->received_count + 1) {
        return false;
    }
    ota_ws_mac(device->ports.hash, session->secret.keys.client, text, request->covered, mac);
    session->received_count = request->count;
    return ota_ws_bytes_equal(mac, request->mac, sizeof mac);
}

void ota_ws_session_perform(ota_ws_session_t *session, const ota_ws_request_t *request) {
    ota_ws_failure_t failure = {.status = OTA_WS_OK};
    if (states[request->type] != session->state) {
        end_with(session, OTA_WS_UNEXPECTED_MESSAGE);
        return;
    }
    if (session->state == OTA_WS_SESSION_WELCOME) {
        session->since_ms = session->device->now_ms;
    }
    handlers[request->type](session, request, &failure);
    if (failure.status != OTA_WS_OK) {
        ota_ws_report_failed(session, &failure);
    }
}

void ota_ws_session_message(ota_ws_session_t *session, const char *text, size_t length, uint32_t now_ms) {
    session->device->now_ms = now_ms;
    ota_ws_request_t request;
    if (session->state == OTA_WS_SESSION_ENDED || session->device->restarting) {
        return;
    }
    ota_ws_status_t status = ota_ws_request_read(text, length, &request);
    if (status == OTA_WS_OK && !mac_is_right(session, text, &request)) {
        status = OTA_WS_BAD_MAC;
    }
    if (status != OTA_WS_OK) {
        end_with(session, status);
        return;
    }
    ota_ws_session_perform(session, &request);
}

bool ota_ws_session_wants_data(const ota_ws_session_t *session) {
    return ota_ws_update_wants_data(session);
}

bool ota_ws_session_takes_data(const ota_ws_session_t *session) {
    return session->state == OTA_WS_SESSION_WELCOME && ota_ws_update_wants_data(session);
}

bool ota_ws_session_data(ota_ws_session_t *session, const ota_ws_data_t *data, uint32_t now_ms) {
    session->device->now_ms = now_ms;
    ota_ws_failure_t failure;
    if (session->state != OTA_WS_SESSION_WELCOME || !ota_ws_update_wants_data(session)) {
        return false; // the update, or the session, has ended while the frame came
    }
    session->since_ms = session->device->now_ms;
    bool taken = ota_ws_update_data(session, data, &failure);
    if (!taken) {
        end_session(session, &failure, 0);
    }
    return taken;
}

void ota_ws_session_broken(ota_ws_session_t *session, ota_ws_status_t status, uint32_t now_ms) {
    session->device->now_ms = now_ms;
    end_with(session, status);
}

// ---- which session ends ----

static unsigned count_alike(const ota_ws_device_t *device, const ota_ws_session_t *session) {
    unsigned count = 0;
    for (const ota_ws_session_t *at = device->sessions; at != NULL; at = at->next) {
        count += at->state == OTA_WS_SESSION_NEW && memcmp(&at->peer, &session->peer, sizeof at->peer) == 0;
    }
    return count;
}

// The list is in order of age, the youngest first.
ota_ws_session_t *ota_ws_session_to_leave(const ota_ws_device_t *device) {
    ota_ws_session_t *leaves = NULL;
    ota_ws_rank_t lowest = OTA_WS_RANK_OWNER;
    unsigned most = 0;
    for (ota_ws_session_t *at = device->sessions; at != NULL; at = at->next) {
        if (at->state != OTA_WS_SESSION_NEW) {
            continue;
        }
        ota_ws_rank_t rank = ota_ws_login_rank(&device->login, &at->peer, device->now_ms);
        unsigned alike = count_alike(device, at);
        if (leaves == NULL || rank < lowest || (rank == lowest && alike >= most)) {
            leaves = at;
            lowest = rank;
            most = alike;
        }
    }
    return leaves;
}
