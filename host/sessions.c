// SPDX-License-Identifier: Apache-2.0
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"
#include "receive.h"
#include "sessions.h"

// ---- which session ends ----

static unsigned count_open(const server_t *server) {
    unsigned count = 0;
    for (const connection_t *at = server->sessions; at != NULL; at = at->next) {
        count += at->session.state != OTA_WS_SESSION_ENDED;
    }
    return count;
}

// Many connections that say nothing must not keep out one that does.
static void make_space(server_t *server) {
    if (count_open(server) <= SERVER_SESSION_MAX) {
        return;
    }
    ota_ws_session_t *leaves = ota_ws_session_to_leave(server->parts.device); // the one that has just opened is new
    ota_ws_session_broken(leaves, OTA_WS_TOO_MANY_SESSIONS, clock_now_ms());
}

// Those that have ended stay for a second, for their peers to read why; but not any number of them.
static void end_lingering(const server_t *server) {
    unsigned count = 0;
    for (connection_t *at = server->sessions; at != NULL; at = at->next) {
        if (at->session.state == OTA_WS_SESSION_ENDED && ++count > server->visitors.limit / 4) {
            receive_kill(server, at);
        }
    }
}

// ---- the link port ----

// Copies the string member `name` of a message of the core's into `value`; "" when it has none.
static void copy_member(const char *message, const char *name, char *value, size_t size) {
    char start[24];
    snprintf(start, sizeof start, "\"%s\":\"", name);
    const char *found = strstr(message, start);
    size_t length = 0;
    for (const char *at = found == NULL ? "" : found + strlen(start); *at != '\0' && *at != '"'; at++) {
        at += at[0] == '\\' && at[1] != '\0';
        if (length + 1 < size) {
            value[length++] = *at;
        }
    }
    value[length] = '\0';
}

// Errors and logins are events for the console too.
static void report(const connection_t *connection, const char *text, size_t length) {
    char message[OTA_WS_MESSAGE_SIZE + 1];
    char type[16];
    char name[40];
    char sentence[256];
    snprintf(message, sizeof message, "%.*s", (int)length, text);
    copy_member(message, "type", type, sizeof type);
    if (strcmp(type, "welcome") == 0) {
        console_log(connection->console, "session", "%u logged in", connection->number);
    } else if (strcmp(type, "failed") == 0 || strcmp(type, "error") == 0) {
        copy_member(message, "name", name, sizeof name);
        copy_member(message, "text", sentence, sizeof sentence);
        console_log(connection->console, "session", "%u %s, %s: %s", connection->number,
                    strcmp(type, "error") == 0 ? "ends" : "failed", name, sentence);
    }
}

static void send_message(void *context, const char *text, size_t length) {
    connection_t *connection = context;
    report(connection, text, length);
    link_send(&connection->link, text, length);
}

static void close_connection(void *context) {
    connection_t *connection = context;
    link_close(&connection->link);
}

// ---- life ----

// Small messages leave at once instead of waiting for an acknowledgement.
static void send_without_delay(struct lws *wsi) {
    int on = 1;
    (void)setsockopt(lws_get_socket_fd(wsi), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void sessions_open(server_t *server, connection_t *connection, struct lws *wsi) {
    ota_ws_address_t peer;
    memset(connection, 0, sizeof *connection);
    connection->wsi = wsi;
    connection->console = server->parts.console;
    connection->number = ++server->last_number;
    (void)connection_peer(wsi, &peer, connection->peer);
    send_without_delay(wsi);
    link_init(&connection->link, wsi);
    connection->port = (ota_ws_link_t){connection, send_message, close_connection};
    connection->next = server->sessions;
    server->sessions = connection;
    ota_ws_session_open(&connection->session, server->parts.device, &connection->port, &peer, clock_now_ms());
    visitors_remove(&server->visitors, wsi);
    frames_init(&connection->frames, &connection->session, server->parts.worker);
    console_log(server->parts.console, "session", "%u opened by %s", connection->number, connection->peer);
    receive_begin(server, connection);
    make_space(server);
    end_lingering(server);
}

int sessions_writable(connection_t *connection) {
    return link_writable(&connection->link) ? 0 : -1;
}

void sessions_closed(server_t *server, connection_t *connection) {
    connection_t **at = &server->sessions;
    while (*at != NULL && *at != connection) {
        at = &(*at)->next;
    }
    if (*at == NULL) {
        return; // it never opened
    }
    *at = connection->next;
    ota_ws_session_closed(&connection->session, clock_now_ms());
    frames_free(&connection->frames);
    link_free(&connection->link);
    console_log(server->parts.console, "session", "%u closed", connection->number);
}

unsigned sessions_count(const server_t *server) {
    unsigned count = 0;
    for (const connection_t *at = server->sessions; at != NULL; at = at->next) {
        count++;
    }
    return count;
}

bool sessions_are_flushed(const server_t *server) {
    for (const connection_t *at = server->sessions; at != NULL; at = at->next) {
        if (at->link.first != NULL && !at->link.broken) {
            return false;
        }
    }
    return true;
}
