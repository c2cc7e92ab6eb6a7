// SPDX-License-Identifier: Apache-2.0
// One request in, one answer out. The steps: the gate (Host and Origin), the login, the head, then the
// session does it (session.c). Every message of the session passes answer_by(): the first one that answers the request
// is handed to the transport, with the HTTP status that its name stands for. Knows no socket and no second way of
// updating.
#include "session/http_upload.h"

#include <string.h>

#include "engine/update.h"
#include "session/message.h"
#include "session/report.h"
#include "text.h"

#define OBEYED 0xFF
#define BASIC "Basic "
#define SCRAM "OTA-SCRAM ticket="
#define PROOF ", proof="
#define USER "ota:"
#define TICKET_SIZE 96        // with what the client puts behind it
#define AUTH_MESSAGE_SIZE 384 // without its zero

// ---- answers

// HTTP status of each failure: of those up to this one and behind the one before. 400 stands in two bytes, as 0x190:
// all of them begin with 1 but 200, which is for a `cancel` that was obeyed.
static const struct {
    uint8_t last;
    uint8_t low; // byte of the status
} codes[] = {
    {OTA_WS_NO_SLOT, 409 & 0xFF},
    {OTA_WS_NO_MEMORY, 503 & 0xFF},
    {OTA_WS_COMPRESSION_DECLINED, 409 & 0xFF},
    {OTA_WS_EMPTY, 422 & 0xFF},
    {OTA_WS_TOO_LARGE, 413 & 0xFF},
    {OTA_WS_BAD_SIGNATURE, 422 & 0xFF},
    {OTA_WS_CANCELLED, OBEYED},
    {OTA_WS_LINK_LOST, 408 & 0xFF},
    {OTA_WS_DIGEST_MISMATCH, 422 & 0xFF},
    {OTA_WS_BOOT_RECORD, 500 & 0xFF},
    {OTA_WS_BAD_MAC, 400 & 0xFF},
    {OTA_WS_SILENT, 408 & 0xFF},
    {OTA_WS_TOO_MANY_SESSIONS, 503 & 0xFF},
    {OTA_WS_FOREIGN_ORIGIN, 403 & 0xFF},
    {OTA_WS_WRONG_PASSWORD, 401 & 0xFF},
    {OTA_WS_LOGIN_BUSY, 429 & 0xFF},
    {OTA_WS_NEEDS_LOGIN, 401 & 0xFF},
    {OTA_WS_NEEDS_HTTPS, 403 & 0xFF},
    {OTA_WS_NEEDS_LENGTH, 411 & 0xFF},
};

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static unsigned code_of(ota_ws_status_t status) {
    size_t at = 0;
    while (codes[at].last < status) {
        at++;
    }
    return codes[at].low == OBEYED ? 200 : 0x100U + codes[at].low;
}

// Which HTTP status does the session's last message give? 0: it does not answer the request.
static unsigned judge(ota_ws_http_t *http) {
    const ota_ws_device_t *device = http->session.device;
    switch (http->session.said) {
    case OTA_WS_SAID_failed:
    case OTA_WS_SAID_error:
        return code_of(http->session.failed_as);
    case OTA_WS_SAID_ready:
        http->kept = device->expected;
        http->is_ready = !http->only_asks && http->position <= http->kept;
        return http->is_ready ? 0 : 308;
    case OTA_WS_SAID_done:
        return 200;
    case OTA_WS_SAID_state: // not before a job is done
        return http->asks && device->owner != &http->session ? 200 : 0;
    case OTA_WS_SAID_restarting:
        return http->asks ? 200 : 0;
    default:
        return 0;
    }
}

static void answer_by(void *context, const char *text, size_t length) {
    ota_ws_http_t *http = context;
    unsigned code = http->is_answered ? 0 : judge(http);
    if (code != 0) {
        http->is_answered = true;
        http->answer(http->context, code, text, length);
    }
}

// The connection closes when the answer has left, without being asked.
static void ignore_close(void *context) {
    (void)context;
}

// ---- the head of a request

typedef struct {
    const ota_ws_http_request_t *request;
    ota_ws_upload_request_t upload; // of a POST and a GET: size and digest of the body
    uint32_t start;                 // of the body in the file
    bool only_asks;                 // Content-Range: bytes */n
} head_t;

static uint32_t read_number(const char *at) {
    uint32_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        value = value * 10 + (uint32_t)(*at - '0');
    }
    return value;
}

// "bytes A-B/N": the body is the file's rest from A on, so B follows from N; "bytes */N": there is no body.
static bool read_range(head_t *head, const char *range) {
    const char *slash = strchr(range, '/');
    if (!starts_with(range, "bytes ") || slash == NULL) {
        return false;
    }
    head->only_asks = range[6] == '*';
    head->start = read_number(range + 6);
    uint32_t size = head->upload.size = read_number(slash + 1);
    return head->only_asks ? head->request->length == 0
                           : head->start < size && head->request->length == size - head->start;
}

// A header that is absent, or "true".
static bool read_true(const char *value, bool *is_true) {
    *is_true = value != NULL;
    return value == NULL || strcmp(value, "true") == 0;
}

static ota_ws_status_t read_put(head_t *head) {
    const ota_ws_http_request_t *request = head->request;
    ota_ws_upload_request_t *upload = &head->upload;
    if (!request->has_length) {
        return OTA_WS_NEEDS_LENGTH;
    }
    upload->size = request->length;
    upload->any_digest = request->sha256 == NULL;
    bool is_right = (request->range == NULL || read_range(head, request->range)) &&
                    read_true(request->downgrade, &upload->allow_downgrade) &&
                    read_true(request->sealed, &upload->sealed) &&
                    (upload->any_digest || ota_ws_text_unhex(request->sha256, upload->sha256, sizeof upload->sha256));
    return is_right ? OTA_WS_OK : OTA_WS_BAD_VALUE;
}

static ota_ws_status_t read_head(head_t *head, const ota_ws_hash_t *hash) {
    const ota_ws_http_request_t *request = head->request;
    ota_ws_sha256_t digest;
    if (request->method[1] == 'U') {
        return read_put(head);
    }
    head->upload.size = request->length;
    hash->start(&digest);
    hash->update(&digest, request->body, request->length);
    hash->finish(&digest, head->upload.sha256);
    return OTA_WS_OK;
}

// ---- login

static const char *find_value(const char *authorization, const char *scheme) {
    bool found = authorization != NULL && starts_with(authorization, scheme);
    return found ? authorization + strlen(scheme) : NULL;
}

bool ota_ws_http_password(const ota_ws_device_t *device, const ota_ws_http_request_t *request,
                          const ota_ws_address_t *peer, uint32_t now_ms, char password[OTA_WS_PASSWORD_MAX + 1]) {
    uint8_t text[sizeof USER + OTA_WS_PASSWORD_MAX] = {0};
    const char *basic = find_value(request->authorization, BASIC);
    if (basic == NULL || !request->is_secure || device->verifier == NULL ||
        ota_ws_login_wait_ms(&device->login, peer, now_ms) > 0) {
        return false;
    }
    size_t length = strlen(basic);
    size_t bytes = length / 4 * 3 - (length - strcspn(basic, "="));
    bool is_text = bytes < sizeof text && ota_ws_unbase64(basic, length, text, bytes);
    const char *value = is_text ? find_value((const char *)text, USER) : NULL;
    ota_ws_text_copy(password, OTA_WS_PASSWORD_MAX + 1, value != NULL ? value : ""); // "" is nobody's
    ota_ws_wipe(text, sizeof text);
    return true;
}

// What the proof covers: a flat object, like a message. Returns its length, 0 when it does not fit.
static size_t write_auth_message(const head_t *head, const char *ticket, char *text, size_t size) {
    ota_ws_reply_t reply;
    ota_ws_reply_begin(&reply, text, size, head->request->method);
    ota_ws_reply_string(&reply, "path", head->request->gate.path);
    ota_ws_reply_number(&reply, "size", head->upload.size);
    ota_ws_reply_hex(&reply, "sha256", head->upload.sha256, OTA_WS_SHA256_SIZE);
    if (head->upload.allow_downgrade) {
        ota_ws_reply_true(&reply, "allow_downgrade");
    }
    if (head->upload.sealed) {
        ota_ws_reply_true(&reply, "sealed");
    }
    ota_ws_reply_string(&reply, "ticket", ticket);
    bool fits = !reply.overflow;
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    text[reply.length] = '\0';
    return fits;
}

// "T, proof=P". What stands behind the ticket T is the client's, and covered with it.
static ota_ws_status_t check_proof(ota_ws_http_t *http, const head_t *head, const char *value) {
    ota_ws_device_t *device = http->session.device;
    const char *behind = strstr(value, PROOF);
    size_t length = behind != NULL ? (size_t)(behind - value) : 0;
    char ticket[TICKET_SIZE];
    char text[AUTH_MESSAGE_SIZE + 1];
    uint8_t proof[OTA_WS_SHA256_SIZE];
    if (length < OTA_WS_TICKET_TEXT_SIZE - 1 || length >= sizeof ticket || head->request->gate.path == NULL) {
        return OTA_WS_BAD_LOGIN;
    }
    ota_ws_text_copy(ticket, length + 1, value);
    bool is_whole = write_auth_message(head, ticket, text, AUTH_MESSAGE_SIZE) &&
                    ota_ws_unbase64(behind + strlen(PROOF), strlen(behind + strlen(PROOF)), proof, sizeof proof);
    ticket[OTA_WS_TICKET_TEXT_SIZE - 1] = '\0';
    ota_ws_status_t status = ota_ws_login_spend(&device->login, &http->session.peer, ticket, device->now_ms);
    if (status != OTA_WS_OK || !is_whole) {
        return status != OTA_WS_OK ? status : OTA_WS_BAD_LOGIN;
    }
    status = ota_ws_scram_check(device->verifier, device->ports.hash, text, proof, &http->session.secret.keys);
    return status == OTA_WS_OK && !ota_ws_login_obey(&device->login) ? OTA_WS_BAD_TICKET : status;
}

static ota_ws_status_t check_login(ota_ws_http_t *http, const head_t *head) {
    const ota_ws_http_request_t *request = head->request;
    const ota_ws_device_t *device = http->session.device;
    const char *scram = find_value(request->authorization, SCRAM);
    if (scram != NULL) {
        return head->upload.any_digest ? OTA_WS_MISSING_MEMBER : check_proof(http, head, scram);
    }
    if (find_value(request->authorization, BASIC) == NULL) {
        return OTA_WS_NEEDS_LOGIN;
    }
    if (!request->is_secure) {
        return OTA_WS_NEEDS_HTTPS;
    }
    http->session.has_no_keys = true;
    bool is_right = request->derived_key != NULL &&
                    ota_ws_bytes_equal(request->derived_key, device->verifier->stored_key, OTA_WS_SHA256_SIZE);
    return is_right ? OTA_WS_OK : OTA_WS_WRONG_PASSWORD;
}

// False: refused.
static bool log_in(ota_ws_http_t *http, const head_t *head) {
    ota_ws_device_t *device = http->session.device;
    ota_ws_address_t *peer = &http->session.peer;
    if (device->verifier == NULL) {
        return true;
    }
    uint32_t wait_ms = ota_ws_login_wait_ms(&device->login, peer, device->now_ms);
    ota_ws_status_t status = wait_ms > 0 ? OTA_WS_TRY_LATER : check_login(http, head);
    if (status == OTA_WS_OK) {
        ota_ws_login_succeeded(&device->login, peer, device->now_ms);
    } else {
        if (status == OTA_WS_WRONG_PASSWORD) {
            ota_ws_login_failed(&device->login, peer, device->now_ms);
        }
        ota_ws_session_refuse(&http->session, status, wait_ms);
    }
    return status == OTA_WS_OK;
}

// ---- what is asked for

_Static_assert(OTA_WS_MSG_RESTART - OTA_WS_MSG_CANCEL == 1 && OTA_WS_MSG_CONFIRM - OTA_WS_MSG_CANCEL == 2 &&
                   OTA_WS_MSG_ROLLBACK - OTA_WS_MSG_CANCEL == 3,
               "the four stand side by side");

// Of the body of a POST: `cancel`, `restart`, `confirm`, `rollback`, without count and mac.
static ota_ws_status_t read_command(const ota_ws_http_request_t *request, ota_ws_request_t *wanted) {
    ota_ws_status_t status = ota_ws_request_read(request->body, request->length, wanted);
    bool is_one = wanted->type >= OTA_WS_MSG_CANCEL && wanted->type <= OTA_WS_MSG_ROLLBACK;
    return status == OTA_WS_OK && (!is_one || wanted->has_count) ? OTA_WS_UNEXPECTED_MESSAGE : status;
}

static void perform(ota_ws_http_t *http, const head_t *head) {
    ota_ws_request_t wanted = {.type = OTA_WS_MSG_BEGIN, .upload = head->upload};
    ota_ws_status_t status = OTA_WS_OK;
    http->session.state = OTA_WS_SESSION_WELCOME;
    http->asks = head->request->method[1] != 'U';
    if (head->request->method[0] == 'G') {
        ota_ws_report_state(&http->session);
        return;
    }
    if (http->asks) {
        status = read_command(head->request, &wanted);
    }
    if (status == OTA_WS_OK) {
        ota_ws_session_perform(&http->session, &wanted);
    } else {
        ota_ws_session_refuse(&http->session, status, 0);
    }
}

void ota_ws_http_open(ota_ws_http_t *http, ota_ws_device_t *device, const ota_ws_http_request_t *request,
                      const ota_ws_address_t *peer, uint32_t now_ms, ota_ws_http_answer_t *answer, void *context) {
    head_t head = {.request = request};
    memset(http, 0, sizeof *http);
    http->link = (ota_ws_link_t){http, answer_by, ignore_close};
    http->answer = answer;
    http->context = context;
    ota_ws_session_open(&http->session, device, &http->link, peer, now_ms);
    ota_ws_status_t status = ota_ws_gate_check(&request->gate);
    if (status == OTA_WS_OK) {
        status = device->restarting ? OTA_WS_DEVICE_BUSY : read_head(&head, device->ports.hash);
    }
    http->position = head.start;
    http->only_asks = head.only_asks;
    if (status != OTA_WS_OK) {
        ota_ws_session_refuse(&http->session, status, 0);
    } else if (log_in(http, &head)) {
        perform(http, &head);
    }
}

// ---- the body

ota_ws_http_step_t ota_ws_http_next(const ota_ws_http_t *http, uint32_t *most) {
    const ota_ws_device_t *device = http->session.device;
    if (http->is_answered) {
        return OTA_WS_HTTP_ANSWERED;
    }
    if (!http->is_ready || !ota_ws_session_takes_data(&http->session)) {
        return OTA_WS_HTTP_WAIT;
    }
    bool skips = http->position < http->kept;
    *most = (skips ? http->kept : device->size) - http->position;
    return skips ? OTA_WS_HTTP_SKIP : *most > 0 ? OTA_WS_HTTP_TAKE : OTA_WS_HTTP_WAIT;
}

void ota_ws_http_body(ota_ws_http_t *http, uint32_t length, uint32_t now_ms) {
    ota_ws_data_t data = {.offset = http->position, .length = length};
    http->position += length;
    if (data.offset >= http->kept) {
        (void)ota_ws_session_data(&http->session, &data, now_ms);
    }
}

void ota_ws_http_close(ota_ws_http_t *http, uint32_t now_ms) {
    ota_ws_session_closed(&http->session, now_ms);
}
