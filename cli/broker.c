// SPDX-License-Identifier: Apache-2.0
// PAUSED -> CONNECTING -> CONNECTED -> PAUSED. All messages have QoS 0 or are asked for with QoS 1: a message that is
// lost with its connection is published again after the next one.
#include "broker.h"

#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <string.h>

#include "loop.h"
#include "text.h"

#define KEEPALIVE_S 15
#define CONNECT_MS 15000
#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 30000
#define GOODBYE_MS 1000
#define PACKETS_AT_ONCE 200 // in one tick
#define SYSTEM_CERTIFICATES "/etc/ssl/certs"

// ---- the connection ----

static void pause_connection(broker_t *broker) {
    broker->phase = BROKER_PAUSED;
    broker->next_ms = loop_now_ms() + broker->pause_ms;
    broker->pause_ms = broker->pause_ms * 2 < PAUSE_MAX_MS ? broker->pause_ms * 2 : PAUSE_MAX_MS;
}

static void report_loss(broker_t *broker, const problem_t *problem) {
    if (!broker->is_reported) {
        broker->is_reported = true;
        broker->events.lost(broker->events.context, problem, broker->is_final);
    }
}

static void describe(const broker_t *broker, int status, int error, problem_t *problem) {
    bool is_tls = status == MOSQ_ERR_TLS || status == MOSQ_ERR_TLS_HANDSHAKE;
    const char *why = status == MOSQ_ERR_ERRNO ? strerror(error)
                      : status == MOSQ_ERR_EAI ? "its name is not known"
                                               : mosquitto_strerror(status);
    char reason[128];
    ota_ws_text_copy(reason, sizeof reason, why);
    reason[strcspn(reason, ".")] = '\0'; // some of these sentences end with one
    if (is_tls) {
        problem_set(
            problem, EXIT_CODE_UNREACHABLE, "broker_tls",
            "No TLS connection to the broker %.120s: its certificate is not trusted (--cafile), or it speaks no "
            "TLS at this port. It is tried again.",
            broker->address.where);
    } else if (broker->phase == BROKER_CONNECTED) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "broker_lost",
                    "The connection to the broker %.120s is lost: %s. It is tried again.", broker->address.where,
                    reason);
    } else {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "broker_unreachable",
                    "No connection to the broker %.120s: %s. It is tried again.", broker->address.where, reason);
    }
}

static void lose(broker_t *broker, int status, int error) {
    problem_t problem = broker->refusal;
    if (problem.code == EXIT_CODE_OK) {
        describe(broker, status, error, &problem);
    }
    broker->is_final = broker->refusal.code == EXIT_CODE_LOGIN && !broker->was_connected;
    report_loss(broker, &problem);
    pause_connection(broker);
}

static void connect_now(broker_t *broker) {
    const broker_address_t *address = &broker->address;
    broker->phase = BROKER_CONNECTING;
    broker->next_ms = loop_now_ms() + CONNECT_MS;
    broker->refusal.code = EXIT_CODE_OK;
    int status = broker->has_begun ? mosquitto_reconnect_async(broker->client)
                                   : mosquitto_connect_async(broker->client, address->name, address->port, KEEPALIVE_S);
    broker->has_begun = true;
    if (status != MOSQ_ERR_SUCCESS) {
        lose(broker, status, errno);
    }
}

static bool has_work(const broker_t *broker) {
    struct pollfd wait = {.fd = mosquitto_socket(broker->client), .events = POLLIN};
    return mosquitto_want_write(broker->client) || (wait.fd >= 0 && poll(&wait, 1, 0) > 0);
}

// With TLS the library does not notice that its connection was refused.
static bool is_refused(const broker_t *broker) {
    struct pollfd wait = {.fd = mosquitto_socket(broker->client)};
    return wait.fd >= 0 && poll(&wait, 1, 0) > 0 && (wait.revents & (POLLERR | POLLHUP)) != 0;
}

void broker_tick(broker_t *broker, uint64_t now_ms) {
    if (broker->is_final) {
        return;
    }
    if (broker->phase == BROKER_PAUSED) {
        if (now_ms >= broker->next_ms) {
            connect_now(broker);
        }
        return;
    }
    if (broker->phase == BROKER_CONNECTING && broker->address.tls && is_refused(broker)) {
        lose(broker, MOSQ_ERR_ERRNO, ECONNREFUSED);
        return;
    }
    int status = MOSQ_ERR_SUCCESS;
    for (int i = 0; i < PACKETS_AT_ONCE && status == MOSQ_ERR_SUCCESS && (i == 0 || has_work(broker)); i++) {
        status = mosquitto_loop(broker->client, 0, 1);
    }
    if (status != MOSQ_ERR_SUCCESS) {
        lose(broker, status, errno);
    } else if (broker->phase == BROKER_CONNECTING && now_ms >= broker->next_ms) {
        lose(broker, MOSQ_ERR_ERRNO, ETIMEDOUT);
    }
}

// ---- events of the library ----

static void note_refusal(broker_t *broker, int answer) {
    const broker_address_t *address = &broker->address;
    bool is_login = answer == 4 || answer == 5; // CONNACK of MQTT 3.1.1: bad user or password, not authorised
    if (is_login) {
        problem_set(&broker->refusal, EXIT_CODE_LOGIN, "broker_login",
                    "The broker %.120s refuses %s%.100s%s: compare the user in --broker and the password in "
                    "--broker-password-file.",
                    address->where, address->user[0] != '\0' ? "the user '" : "a client without a user", address->user,
                    address->user[0] != '\0' ? "' with this password" : "");
    } else {
        problem_set(&broker->refusal, EXIT_CODE_UNREACHABLE, "broker_refused",
                    "The broker %.120s refuses the connection: %s It is tried again.", address->where,
                    mosquitto_connack_string(answer));
    }
}

static void on_connect(struct mosquitto *client, void *context, int answer) {
    broker_t *broker = context;
    (void)client;
    if (answer != 0) {
        note_refusal(broker, answer);
        return;
    }
    broker->phase = BROKER_CONNECTED;
    broker->was_connected = true;
    broker->is_reported = false;
    broker->pause_ms = PAUSE_MIN_MS;
    broker->events.connected(broker->events.context);
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message) {
    broker_t *broker = context;
    char text[BROKER_TEXT_SIZE];
    (void)client;
    size_t length = message->payloadlen < 0 ? 0 : (size_t)message->payloadlen;
    length = length < sizeof text ? length : sizeof text - 1;
    if (length > 0) {
        memcpy(text, message->payload, length);
    }
    text[length] = '\0';
    broker->events.message(broker->events.context, message->topic, text, message->retain);
}

// ---- life ----

static bool set_up(broker_t *broker, const broker_settings_t *settings) {
    const char *user = broker->address.user;
    const char *certificates = settings->ca_file == NULL ? SYSTEM_CERTIFICATES : NULL;
    mosquitto_connect_callback_set(broker->client, on_connect);
    mosquitto_message_callback_set(broker->client, on_message);
    return (user[0] == '\0' ||
            mosquitto_username_pw_set(broker->client, user, settings->password) == MOSQ_ERR_SUCCESS) &&
           mosquitto_will_set(broker->client, settings->will, 7, "offline", 1, true) == MOSQ_ERR_SUCCESS &&
           (!broker->address.tls ||
            mosquitto_tls_set(broker->client, settings->ca_file, certificates, NULL, NULL, NULL) == MOSQ_ERR_SUCCESS);
}

bool broker_open(broker_t *broker, const broker_address_t *address, const broker_settings_t *settings,
                 problem_t *problem) {
    memset(broker, 0, sizeof *broker);
    broker->address = *address;
    broker->events = settings->events;
    broker->will = settings->will;
    broker->pause_ms = PAUSE_MIN_MS;
    mosquitto_lib_init();
    broker->client = mosquitto_new(NULL, true, broker);
    if (broker->client != NULL && set_up(broker, settings)) {
        return true;
    }
    broker_close(broker);
    problem_set(problem, EXIT_CODE_TROUBLE, "no_network", "libmosquitto does not start.");
    return false;
}

void broker_publish(broker_t *broker, const char *topic, const char *text) {
    if (broker->phase == BROKER_CONNECTED) {
        mosquitto_publish(broker->client, NULL, topic, (int)strlen(text), text, 0, true);
    }
}

void broker_subscribe(broker_t *broker, const char *topic) {
    if (broker->phase == BROKER_CONNECTED) {
        mosquitto_subscribe(broker->client, NULL, topic, 1);
    }
}

// The library's own loop ends with an error when the broker has closed the connection.
static void take_leave(broker_t *broker) {
    uint64_t end_ms = loop_now_ms() + GOODBYE_MS;
    broker_publish(broker, broker->will, "offline");
    while (mosquitto_want_write(broker->client) && loop_now_ms() < end_ms &&
           mosquitto_loop(broker->client, 50, 1) == MOSQ_ERR_SUCCESS) {
    }
    mosquitto_disconnect(broker->client);
    while (loop_now_ms() < end_ms && mosquitto_loop(broker->client, 50, 1) == MOSQ_ERR_SUCCESS) {
    }
}

void broker_close(broker_t *broker) {
    if (broker->client != NULL && broker->phase == BROKER_CONNECTED) {
        take_leave(broker);
    }
    mosquitto_destroy(broker->client);
    mosquitto_lib_cleanup();
    broker->client = NULL;
}
