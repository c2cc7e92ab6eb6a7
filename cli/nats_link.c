// SPDX-License-Identifier: Apache-2.0
#include "nats_link.h"

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "loop.h"
#include "nats_key.h"

#define CONNECT_MS 2000
#define RECONNECT_MS 500
#define PENDING_MESSAGES 1000000 // a message that libnats drops would look as if it had never come
#define PENDING_BYTES (64 * 1024 * 1024)

// Who waits for a message at INBOX.token.
typedef struct nats_waiter {
    uint32_t token;
    uint64_t until_ms;
    nats_handler_t *handler;
    void *context; // NULL: forgotten
} nats_waiter_t;

// ---- opening ----

static bool is_private(const char *file, problem_t *problem) {
    struct stat status;
    if (stat(file, &status) != 0) {
        problem_set(problem, EXIT_CODE_LOGIN, "nats_key", "The file %.160s cannot be read.", file);
        return false;
    }
    if ((status.st_mode & 077) != 0) {
        problem_set(problem, EXIT_CODE_LOGIN, "password_file_open",
                    "Other users of this machine may read %.160s: 'chmod 600' it.", file);
        return false;
    }
    return true;
}

static natsStatus set_login(natsOptions *options, const nats_settings_t *settings, problem_t *problem) {
    char key[NATS_KEY_SIZE];
    const char *file = settings->creds != NULL ? settings->creds : settings->nkey;
    if (file == NULL) {
        return NATS_OK;
    }
    if (!is_private(file, problem)) {
        return NATS_ERR;
    }
    if (settings->creds != NULL) {
        return natsOptions_SetUserCredentialsFromFiles(options, file, NULL);
    }
    return nats_key_of_seed(key, file, problem) ? natsOptions_SetNKeyFromSeed(options, key, file) : NATS_ERR;
}

static natsStatus set_tls(natsOptions *options, const nats_settings_t *settings) {
    bool is_tls = strncmp(settings->url, "tls://", 6) == 0 || settings->ca_file != NULL;
    natsStatus status = is_tls ? natsOptions_SetSecure(options, true) : NATS_OK;
    if (status == NATS_OK && settings->ca_file != NULL) {
        status = natsOptions_LoadCATrustedCertificates(options, settings->ca_file);
    }
    return status;
}

static natsStatus set_options(natsOptions *options, const nats_settings_t *settings, problem_t *problem) {
    natsStatus status = natsOptions_SetURL(options, settings->url);
    status = status != NATS_OK ? status : natsOptions_SetTimeout(options, CONNECT_MS);
    status = status != NATS_OK ? status : natsOptions_SetName(options, "ota-ws");
    status = status != NATS_OK ? status : natsOptions_SetMaxReconnect(options, -1);
    status = status != NATS_OK ? status : natsOptions_SetReconnectWait(options, RECONNECT_MS);
    status = status != NATS_OK ? status : natsOptions_SetPingInterval(options, 5000);
    status = status != NATS_OK ? status : set_tls(options, settings);
    return status != NATS_OK ? status : set_login(options, settings, problem);
}

static void explain(natsStatus status, const nats_settings_t *settings, problem_t *problem) {
    if (problem->code != EXIT_CODE_OK) {
        return; // it was said already
    }
    const char *text = natsStatus_GetText(status);
    switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        problem_set(problem, EXIT_CODE_LOGIN, "nats_login", "The NATS server %.120s does not let us in: %.80s.",
                    settings->url, text);
        break;
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_SECURE_CONNECTION_WANTED:
        problem_set(problem, EXIT_CODE_UNREACHABLE, "nats_tls", "No TLS connection to the NATS server %.120s: %.80s.",
                    settings->url, text);
        break;
    default:
        problem_set(problem, EXIT_CODE_UNREACHABLE, "nats_unreachable",
                    "No connection to the NATS server %.120s: %.80s.", settings->url, text);
    }
}

static natsStatus open_inbox(nats_link_t *link) {
    natsSubscription *subscription = NULL;
    natsInbox *inbox = NULL;
    char subject[sizeof link->inbox + 2];
    natsStatus status = natsInbox_Create(&inbox);
    if (status == NATS_OK) {
        snprintf(link->inbox, sizeof link->inbox, "%s", inbox);
        snprintf(subject, sizeof subject, "%s.*", link->inbox);
        natsInbox_Destroy(inbox);
        status = natsConnection_SubscribeSync(&subscription, link->connection, subject);
    }
    link->inbox_subscription = subscription;
    return status != NATS_OK ? status
                             : natsSubscription_SetPendingLimits(subscription, PENDING_MESSAGES, PENDING_BYTES);
}

bool nats_link_open(nats_link_t *link, const nats_settings_t *settings, problem_t *problem) {
    natsOptions *options = NULL;
    natsConnection *connection = NULL;
    memset(link, 0, sizeof *link);
    memset(problem, 0, sizeof *problem);
    natsStatus status = natsOptions_Create(&options);
    status = status != NATS_OK ? status : set_options(options, settings, problem);
    status = status != NATS_OK ? status : natsConnection_Connect(&connection, options);
    link->connection = connection;
    status = status != NATS_OK ? status : open_inbox(link);
    natsOptions_Destroy(options);
    if (status != NATS_OK) {
        explain(status, settings, problem);
        nats_link_close(link);
    }
    return status == NATS_OK;
}

void nats_link_close(nats_link_t *link) {
    if (link->connection == NULL) {
        return;
    }
    natsConnection_FlushTimeout(link->connection, 500);
    for (size_t i = 0; i < NATS_LISTENERS; i++) {
        natsSubscription_Destroy(link->listeners[i].subscription);
    }
    natsSubscription_Destroy(link->inbox_subscription);
    natsConnection_Destroy(link->connection);
    free(link->waiters);
    memset(link, 0, sizeof *link);
}

bool nats_link_is_connected(const nats_link_t *link) {
    return natsConnection_Status(link->connection) == NATS_CONN_STATUS_CONNECTED;
}

bool nats_link_is_closed(const nats_link_t *link) {
    return natsConnection_IsClosed(link->connection);
}

size_t nats_link_largest(const nats_link_t *link) {
    return (size_t)natsConnection_GetMaxPayload(link->connection);
}

// ---- who waits ----

static uint32_t add_waiter(nats_link_t *link, uint64_t until_ms, nats_handler_t *handler, void *context) {
    if (link->waiter_count == link->waiter_space) {
        size_t space = link->waiter_space == 0 ? 64 : 2 * link->waiter_space;
        nats_waiter_t *waiters = realloc(link->waiters, space * sizeof *waiters);
        if (waiters == NULL) {
            abort(); // a few bytes; without them no error can be reported
        }
        link->waiters = waiters;
        link->waiter_space = space;
    }
    link->waiters[link->waiter_count++] = (nats_waiter_t){++link->next_token, until_ms, handler, context};
    return link->next_token;
}

void nats_link_forget(nats_link_t *link, const void *context) {
    for (size_t i = 0; i < link->waiter_count; i++) {
        if (link->waiters[i].context == context) {
            link->waiters[i].context = NULL;
        }
    }
    for (size_t i = 0; i < NATS_LISTENERS; i++) {
        if (link->listeners[i].context == context) {
            link->listeners[i].context = NULL; // a handler of its own may be the caller
        }
    }
}

static void drop_forgotten(nats_link_t *link) {
    size_t kept = 0;
    for (size_t i = 0; i < link->waiter_count; i++) {
        if (link->waiters[i].context != NULL) {
            link->waiters[kept++] = link->waiters[i];
        }
    }
    link->waiter_count = kept;
    for (size_t i = 0; i < NATS_LISTENERS; i++) {
        if (link->listeners[i].subscription != NULL && link->listeners[i].context == NULL) {
            natsSubscription_Destroy(link->listeners[i].subscription);
            link->listeners[i].subscription = NULL;
        }
    }
}

// The handler may add waiters, so the array may move.
static void tell(nats_link_t *link, size_t i, const nats_message_t *message) {
    nats_waiter_t waiter = link->waiters[i];
    link->waiters[i].context = NULL;
    if (waiter.context != NULL) {
        waiter.handler(waiter.context, message);
    }
}

static void tell_late(nats_link_t *link) {
    uint64_t now_ms = loop_now_ms();
    for (size_t i = 0; i < link->waiter_count; i++) {
        if (now_ms >= link->waiters[i].until_ms) {
            tell(link, i, NULL);
        }
    }
    drop_forgotten(link);
}

// ---- coming in ----

static const char *header_of(natsMsg *message, const char *name) {
    const char *value = NULL;
    return natsMsgHeader_Get(message, name, &value) == NATS_OK && value != NULL ? value : "";
}

static const char *text_or_none(const char *text) {
    return text == NULL ? "" : text;
}

static nats_message_t read_message(natsMsg *message) {
    const char *operation = header_of(message, "KV-Operation");
    return (nats_message_t){
        .subject = text_or_none(natsMsg_GetSubject(message)),
        .reply = text_or_none(natsMsg_GetReply(message)),
        .data = text_or_none(natsMsg_GetData(message)),
        .length = (size_t)natsMsg_GetDataLength(message),
        .status = atoi(header_of(message, "Status")),
        .sequence = strtoull(header_of(message, "Nats-Sequence"), NULL, 10),
        .is_deletion = strcmp(operation, "DEL") == 0 || strcmp(operation, "PURGE") == 0,
    };
}

static void hand_out(nats_link_t *link, natsMsg *message) {
    const nats_message_t read = read_message(message);
    const char *dot = strrchr(read.subject, '.');
    uint32_t token = dot == NULL ? 0 : (uint32_t)strtoul(dot + 1, NULL, 10);
    for (size_t i = 0; i < link->waiter_count; i++) {
        if (link->waiters[i].token == token) {
            tell(link, i, &read);
            break;
        }
    }
    natsMsg_Destroy(message);
}

static void take_messages(nats_listener_t *listener) {
    natsMsg *message;
    while (listener->subscription != NULL && listener->context != NULL &&
           natsSubscription_NextMsg(&message, listener->subscription, 0) == NATS_OK) {
        const nats_message_t read = read_message(message);
        listener->handler(listener->context, &read);
        natsMsg_Destroy(message);
    }
}

void nats_link_poll(nats_link_t *link, uint32_t wait_ms) {
    natsMsg *message;
    while (natsSubscription_NextMsg(&message, link->inbox_subscription, wait_ms) == NATS_OK) {
        hand_out(link, message);
        wait_ms = 0;
    }
    for (size_t i = 0; i < NATS_LISTENERS; i++) {
        take_messages(&link->listeners[i]);
    }
    tell_late(link);
}

// ---- going out ----

static void set_number(natsMsg *message, const char *name, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    natsMsgHeader_Set(message, name, text);
}

// What a connection that is lost has kept would be sent later, when nobody waits for it any more.
static void send_message(nats_link_t *link, const nats_request_t *request, const char *reply) {
    natsMsg *message = NULL;
    if (!nats_link_is_connected(link) ||
        natsMsg_Create(&message, request->subject, reply, request->data, (int)request->length) != NATS_OK) {
        return;
    }
    if (request->message_id != NULL) {
        natsMsgHeader_Set(message, "Nats-Msg-Id", request->message_id);
    }
    if (request->has_expected) {
        set_number(message, "Nats-Expected-Last-Subject-Sequence", request->expected);
    }
    if (request->is_deletion) {
        natsMsgHeader_Set(message, "KV-Operation", "DEL");
    }
    natsConnection_PublishMsg(link->connection, message);
    natsMsg_Destroy(message);
}

void nats_link_request(nats_link_t *link, const nats_request_t *request, uint32_t timeout_ms, nats_handler_t *handler,
                       void *context) {
    char reply[sizeof link->inbox + 12];
    uint32_t token = add_waiter(link, loop_now_ms() + timeout_ms, handler, context);
    snprintf(reply, sizeof reply, "%s.%u", link->inbox, token);
    send_message(link, request, reply);
}

bool nats_link_subscribe(nats_link_t *link, const char *subject, nats_handler_t *handler, void *context) {
    size_t i = 0;
    natsSubscription *subscription = NULL;
    while (i < NATS_LISTENERS && link->listeners[i].subscription != NULL) {
        i++;
    }
    if (i == NATS_LISTENERS || natsConnection_SubscribeSync(&subscription, link->connection, subject) != NATS_OK) {
        return false;
    }
    natsSubscription_SetPendingLimits(subscription, PENDING_MESSAGES, PENDING_BYTES);
    link->listeners[i] = (nats_listener_t){subscription, handler, context};
    return true;
}

bool nats_link_inbox(nats_link_t *link, nats_handler_t *handler, void *context, char *subject, size_t size) {
    snprintf(subject, size, "%s-stream.%u", link->inbox, ++link->next_token);
    return nats_link_subscribe(link, subject, handler, context);
}

bool nats_link_ask(nats_link_t *link, const char *subject, const char *text, nats_handler_t *handler, void *context) {
    char reply[sizeof link->inbox + 20];
    const nats_request_t request = {.subject = subject, .data = text, .length = strlen(text)};
    if (!nats_link_inbox(link, handler, context, reply, sizeof reply)) {
        return false;
    }
    send_message(link, &request, reply);
    return true;
}

void nats_link_publish(nats_link_t *link, const char *subject, const char *text) {
    const nats_request_t request = {.subject = subject, .data = text, .length = strlen(text)};
    send_message(link, &request, NULL);
}
