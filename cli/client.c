// SPDX-License-Identifier: Apache-2.0
// The machine: IDLE -> ASKING -> OPENING -> LOGIN -> OPEN -> IDLE. A ticket lives for 30 s only, so a password that has
// to be typed sends it back to ASKING.
#include "client.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "error_message.h"
#include "hash_openssl.h"
#include "text.h"

#define PHASE_MS 15000   // to connect, to open, to log in: a chip needs seconds for TLS
#define PING_MS 10000    // said when nothing else was for so long
#define SILENCE_MS 30000 // without any message for so long the connection is dead

static void end(client_t *client, const problem_t *problem) {
    client_close(client);
    client->events.ended(client->events.context, problem);
}

// With the sentence `format`, which takes host and port.
static void end_with(client_t *client, exit_code_t code, const char *name, const char *format) {
    problem_t problem;
    problem_set(&problem, code, name, format, client->address->where);
    end(client, &problem);
}

static void enter(client_t *client, client_phase_t phase) {
    client->phase = phase;
    client->deadline_ms = loop_now_ms() + PHASE_MS;
}

// ---- sending ----

static void queue(client_t *client, const char *text, size_t length) {
    if (client->queued == CLIENT_QUEUE_LENGTH) {
        end_with(client, EXIT_CODE_UNREACHABLE, "connection_lost", "%s takes nothing any more.");
        return;
    }
    memcpy(client->queue[client->queued].text, text, length);
    client->queue[client->queued++].length = length;
    client->sent_ms = loop_now_ms();
    connection_want_to_send(&client->connection);
}

void client_message(ota_ws_reply_t *message, char text[CHANNEL_TEXT_SIZE], const char *type) {
    ota_ws_reply_begin(message, text, CHANNEL_TEXT_SIZE, type);
}

void client_say(client_t *client, ota_ws_reply_t *message) {
    channel_add_mac(&client->channel, message);
    queue(client, message->text, message->length);
}

void client_say_type(client_t *client, const char *type) {
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, type);
    client_say(client, &message);
}

void client_offer_data(client_t *client) {
    client->has_data = true;
    connection_want_to_send(&client->connection);
}

static void send_data(client_t *client) {
    size_t length = client->events.fill(client->events.context, connection_data(&client->connection));
    client->has_data = length > 0;
    if (length > 0) {
        client->sent_ms = loop_now_ms();
        connection_send_data(&client->connection, length);
    }
}

static void on_writable(void *context) {
    client_t *client = context;
    if (client->queued > 0) {
        connection_send_text(&client->connection, client->queue[0].text, client->queue[0].length);
        client->queued--;
        memmove(&client->queue[0], &client->queue[1], client->queued * sizeof client->queue[0]);
    } else if (client->has_data) {
        send_data(client);
    }
    if (client->queued > 0 || client->has_data) {
        connection_want_to_send(&client->connection);
    }
}

// ---- ticket ----

static void ask(client_t *client) {
    const address_t *address = client->address;
    const connection_request_t request = {
        .address = address,
        .peer = client->by_ip ? client->peer.address : NULL,
        .host = client->host_header,
        .path = client->second_path ? address->second_path : address->path,
    };
    if (client->by_ip) {
        address_host_header(address, client->peer.host, client->host_header);
    } else {
        ota_ws_text_copy(client->host_header, sizeof client->host_header, address->host_header);
    }
    enter(client, CLIENT_ASKING);
    connection_post(&client->connection, &request);
}

// A browser must name the device as the user does: a web page could lead the name to another device. Nobody leads this
// program: where the device does not know the name, the program asks once more, by the IP address that it has reached.
static bool ask_by_ip(client_t *client) {
    char host[ADDRESS_HOST_SIZE];
    address_host_header(client->address, client->peer.host, host);
    if (client->by_ip || client->peer.address[0] == '\0' || strcmp(host, client->host_header) == 0) {
        return false;
    }
    client->by_ip = true;
    ask(client);
    return true;
}

static bool ask_at_second_path(client_t *client) {
    if (client->second_path || client->address->second_path[0] == '\0') {
        return false;
    }
    client->second_path = true;
    ask(client);
    return true;
}

// A device says why it gives no ticket.
static void take_refusal(client_t *client, const device_message_t *answer) {
    problem_t problem;
    error_message_read(&problem, EXIT_CODE_DEVICE_REFUSED, answer);
    if (strcmp(problem.name, "foreign_host") != 0 || !ask_by_ip(client)) {
        end(client, &problem);
    }
}

// Something else answers than a device.
static void take_foreign_answer(client_t *client) {
    problem_t problem;
    if (!ask_at_second_path(client)) {
        http_answer_to_ticket(&problem, &client->connection.answer, client->address);
        end(client, &problem);
    }
}

static size_t length_without_slash(const char *path) {
    size_t length = strlen(path);
    return length > 1 && path[length - 1] == '/' ? length - 1 : length;
}

// A proxy may serve the device below a prefix: what the device calls `page` was asked as prefix + page, and the
// WebSocket is at prefix + ws. docs/protocol.md, section 1. False when it is too long.
static bool place_websocket(client_t *client, const char *page, const char *ws) {
    const char *asked = client->second_path ? client->address->second_path : client->address->path;
    size_t asked_length = length_without_slash(asked), page_length = length_without_slash(page), prefix = 0;
    if (strcmp(page, "/") == 0) {
        prefix = asked_length > 1 ? asked_length : 0;
    } else if (page_length > 0 && asked_length >= page_length &&
               strncmp(asked + asked_length - page_length, page, page_length) == 0) {
        prefix = asked_length - page_length;
    }
    return snprintf(client->path, sizeof client->path, "%.*s%s", (int)prefix, asked, ws) < (int)sizeof client->path;
}

// A path that goes into a request as it is.
static bool is_path(const char *text) {
    size_t length = 0;
    while (text[length] > ' ' && text[length] <= '~') {
        length++;
    }
    return text[0] == '/' && text[length] == '\0';
}

static bool read_ticket(client_t *client, const device_message_t *answer) {
    char login[24], ws[ADDRESS_PATH_SIZE], page[ADDRESS_PATH_SIZE];
    uint32_t version;
    device_message_string(answer, "page", page, sizeof page);
    if (!device_message_number(answer, "version", &version) ||
        !device_message_string(answer, "ticket", client->ticket, sizeof client->ticket) ||
        !device_message_string(answer, "login", login, sizeof login) ||
        !device_message_string(answer, "ws", ws, sizeof ws) || !is_path(ws) || !place_websocket(client, page, ws)) {
        take_foreign_answer(client);
        return false;
    }
    client->login = strcmp(login, "scram-sha-256") == 0;
    client->is_code = device_message_true(answer, "code");
    if (version != 1 || (!client->login && strcmp(login, "none") != 0)) {
        end_with(client, EXIT_CODE_UNREACHABLE, "wrong_version",
                 "%s speaks another version of the protocol than this ota-ws. Use the ota-ws of its release.");
        return false;
    }
    return true;
}

// Is there what the login needs? False: the session has ended.
static bool have_password(client_t *client) {
    problem_t problem;
    const credentials_t *credentials = client->credentials;
    if (!client->login && credentials->given) {
        end_with(client, EXIT_CODE_LOGIN, "no_login",
                 "A password was given, but what answers at %s asks for none. It may not be your device.");
        return false;
    }
    if (!client->login || credentials->given || credentials->asked) {
        return true;
    }
    if (!credentials_ask(client->credentials, client->address->host_header, client->connection.loop->signal_fd,
                         &problem)) {
        end(client, &problem);
        return false;
    }
    return true;
}

static void open_session(client_t *client) {
    const connection_request_t request = {
        .address = client->address,
        .peer = client->peer.address[0] != '\0' ? client->peer.address : NULL,
        .host = client->host_header,
        .path = client->path,
    };
    enter(client, CLIENT_OPENING);
    connection_open(&client->connection, &request);
}

static void on_answered(void *context, const char *body, size_t length) {
    client_t *client = context;
    device_message_t answer;
    client->peer = client->connection.peer;
    if (!device_message_read(&answer, body, length)) {
        answer.count = 0;
    }
    if (client->connection.answer.status != 200 && device_message_is(&answer, "error")) {
        take_refusal(client, &answer);
        return;
    }
    if (client->connection.answer.status != 200) {
        take_foreign_answer(client);
        return;
    }
    bool asked = client->credentials->asked;
    if (!read_ticket(client, &answer) || !have_password(client)) {
        return;
    }
    if (client->credentials->asked != asked) {
        client_connect(client); // typing took its time: a fresh ticket
        return;
    }
    open_session(client);
}

// ---- login ----

static void on_opened(void *context) {
    client_t *client = context;
    uint8_t random[18];
    char text[CHANNEL_TEXT_SIZE];
    if (RAND_bytes(random, sizeof random) != 1) {
        end_with(client, EXIT_CODE_TROUBLE, "no_random", "This machine has no random numbers.");
        return;
    }
    channel_start(&client->channel, &ota_ws_hash_openssl, client->ticket, client->login, random, text);
    enter(client, CLIENT_LOGIN);
    queue(client, text, strlen(text));
}

// What concerns the login has an exit code of its own.
static exit_code_t code_of_error(const char *name) {
    static const char *const login[] = {"wrong_password", "try_later", "login_busy", "bad_login"};
    for (size_t i = 0; i < sizeof login / sizeof login[0]; i++) {
        if (strcmp(name, login[i]) == 0) {
            return EXIT_CODE_LOGIN;
        }
    }
    return EXIT_CODE_DEVICE_REFUSED;
}

// `error` ends the session, whatever it says.
static void end_by_device(client_t *client, const device_message_t *message) {
    problem_t problem;
    error_message_read(&problem, EXIT_CODE_DEVICE_REFUSED, message);
    problem.code = code_of_error(problem.name);
    end(client, &problem);
}

static void end_nonsense(client_t *client) {
    end_with(client, EXIT_CODE_UNREACHABLE, "nonsense", "%s says what no ota_ws device says.");
}

static void measure_round_trip(client_t *client) {
    uint64_t answer_ms = client->received_ms - client->sent_ms;
    if (answer_ms < client->round_trip_ms) {
        client->round_trip_ms = (uint32_t)answer_ms;
    }
}

static void log_in(client_t *client, const device_message_t *message) {
    problem_t problem;
    char text[CHANNEL_TEXT_SIZE];
    measure_round_trip(client);
    if (device_message_is(message, "challenge")) {
        const char *secret = credentials_secret(client->credentials, client->is_code);
        if (!channel_answer(&client->channel, message, secret, text, &problem)) {
            end(client, &problem);
            return;
        }
        queue(client, text, strlen(text));
    } else if (device_message_is(message, "welcome")) {
        if (!channel_welcome(&client->channel, message, &problem)) {
            end(client, &problem);
            return;
        }
        enter(client, CLIENT_OPEN);
    } else {
        end_nonsense(client);
    }
}

// ---- receiving ----

// What is sealed is taken out and stands in the place of `message`; `opened` holds its text.
static bool open_sealed(const client_t *client, device_message_t *message, char opened[CHANNEL_TEXT_SIZE]) {
    if (!device_message_is(message, "sealed")) {
        return true;
    }
    size_t length = channel_open(&client->channel, message, opened);
    return length > 0 && device_message_read(message, opened, length);
}

static void on_text(void *context, const char *text, size_t length) {
    client_t *client = context;
    device_message_t message;
    char opened[CHANNEL_TEXT_SIZE];
    client->received_ms = loop_now_ms();
    if (!channel_check(&client->channel, text, length)) {
        end_with(client, EXIT_CODE_LOGIN, "bad_mac", "A message from %s was changed, repeated or left out on the way.");
    } else if (!device_message_read(&message, text, length) || !open_sealed(client, &message, opened)) {
        end_nonsense(client);
    } else if (device_message_is(&message, "error")) {
        end_by_device(client, &message);
    } else if (client->phase == CLIENT_LOGIN) {
        log_in(client, &message);
    } else if (!device_message_is(&message, "pong")) {
        client->events.on_message(client->events.context, &message);
    }
}

static void on_closed(void *context, const problem_t *problem) {
    end(context, problem);
}

static void on_left(void *context) {
    client_t *client = context;
    client->events.left(client->events.context);
}

// ---- life ----

void client_init(client_t *client, loop_t *loop, const address_t *address, credentials_t *credentials,
                 const client_events_t *events) {
    memset(client, 0, sizeof *client);
    client->events = *events;
    client->address = address;
    client->credentials = credentials;
    const connection_events_t connection_events = {client,      on_answered, on_opened, on_text,
                                                   on_writable, on_closed,   on_left};
    connection_init(&client->connection, loop, &connection_events);
}

void client_connect(client_t *client) {
    client->round_trip_ms = UINT32_MAX;
    client->by_ip = false;
    ask(client);
}

void client_close(client_t *client) {
    connection_close(&client->connection);
    channel_wipe(&client->channel);
    client->phase = CLIENT_IDLE;
    client->queued = 0;
    client->has_data = false;
}

bool client_has_left(const client_t *client) {
    return connection_has_left(&client->connection);
}

void client_tick(client_t *client, uint64_t now_ms) {
    if (client->phase == CLIENT_IDLE) {
        return;
    }
    if (client->phase != CLIENT_OPEN) {
        if (now_ms >= client->deadline_ms) {
            end_with(client, EXIT_CODE_UNREACHABLE, "no_answer", "%s does not answer.");
        }
        return;
    }
    if (now_ms >= client->received_ms + SILENCE_MS) {
        end_with(client, EXIT_CODE_UNREACHABLE, "connection_lost", "Nothing has come from %s for 30 s.");
    } else if (now_ms >= client->sent_ms + PING_MS) {
        client_say_type(client, "ping");
    }
}
