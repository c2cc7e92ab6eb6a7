// SPDX-License-Identifier: Apache-2.0
// What WebSockets receive. libwebsockets upgrades a connection and sends; from then on it does not read it any more.
// The bytes are read here, when an epoll descriptor says so, and only as many as there is space for. libwebsockets' own
// way (it reads, and is stopped in the middle) keeps what it has read in a list; over TLS version 4.1 then
// takes the same bytes out of the list and puts them back for ever, and version 4.3 closes the connection. It also
// takes frames without a mask.
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "clock.h"
#include "receive.h"

#define READ_SIZE WORKER_RING_MIN // a `begin` makes the ring; the data behind it in the same read fit then
#define LEAST_SPACE 1024          // less is not worth a read
#define READY_MAX 16

// ---- which sockets are watched ----

bool receive_open(server_t *server) {
    server->ready = epoll_create1(EPOLL_CLOEXEC);
    lws_sock_file_fd_type watched = {.filefd = server->ready};
    return server->ready >= 0 &&
           lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, watched, "ota", NULL) != NULL;
}

bool receive_watch(const server_t *server, struct lws *wsi, connection_t *connection, bool on) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    return epoll_ctl(server->ready, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, lws_get_socket_fd(wsi), &event) == 0;
}

static void watch(const server_t *server, connection_t *connection) {
    connection->watched = receive_watch(server, connection->wsi, connection, true);
}

// A socket that is not read must leave: the end of its connection would be reported without a pause.
static void unwatch(const server_t *server, connection_t *connection) {
    if (connection->watched) {
        (void)receive_watch(server, connection->wsi, connection, false);
    }
    connection->watched = false;
}

void receive_end(const server_t *server, connection_t *connection) {
    if (connection == NULL || connection->wsi == NULL) {
        return; // the upgrade has failed: it never opened
    }
    unwatch(server, connection);
    connection->paused = false;
    connection->over = true;
    lws_rx_flow_control(connection->wsi, 1); // libwebsockets waits for the peer's end
}

void receive_kill(const server_t *server, connection_t *connection) {
    receive_end(server, connection);
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

// ---- frames ----

static void take_control(connection_t *connection, const ws_piece_t *piece) {
    if (piece->length > 0) {
        memcpy(connection->control + connection->control_length, piece->bytes, piece->length);
    }
    connection->control_length += piece->length;
    if (piece->remaining > 0) {
        return;
    }
    if (piece->kind == WS_PING) {
        link_pong(&connection->link, connection->control, connection->control_length);
    } else if (piece->kind == WS_CLOSE) {
        link_peer_closes(&connection->link, connection->control, connection->control_length);
    }
    connection->control_length = 0;
}

static void take_piece(connection_t *connection, const ws_piece_t *piece) {
    if (piece->kind != WS_TEXT && piece->kind != WS_BINARY) {
        take_control(connection, piece);
        return;
    }
    frames_piece_t part = {
        .kind = piece->kind == WS_BINARY ? OTA_WS_FRAME_DATA : OTA_WS_FRAME_TEXT,
        .bytes = piece->bytes,
        .length = piece->length,
        .remaining = piece->remaining,
    };
    frames_take(&connection->frames, &part, clock_now_ms());
}

// After a Close frame nothing counts any more (RFC 6455, section 5.5.1).
static void take_bytes(connection_t *connection, uint8_t *bytes, size_t length) {
    ws_piece_t piece;
    while (!connection->link.answered && ws_reader_next(&connection->reader, &bytes, &length, &piece)) {
        take_piece(connection, &piece);
    }
    if (connection->reader.broken != OTA_WS_OK) {
        ota_ws_session_broken(&connection->session, connection->reader.broken, clock_now_ms());
    }
}

// ---- bytes ----

static receive_result_t read_plain(int socket, uint8_t *to, size_t *length) {
    ssize_t got = recv(socket, to, *length, MSG_DONTWAIT);
    *length = got > 0 ? (size_t)got : 0;
    if (got > 0) {
        return RECEIVE_SOME;
    }
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? RECEIVE_NOTHING : RECEIVE_END;
}

static receive_result_t read_tls(SSL *tls, uint8_t *to, size_t *length) {
    ERR_clear_error();
    int got = SSL_read(tls, to, (int)*length);
    *length = got > 0 ? (size_t)got : 0;
    if (got > 0) {
        return RECEIVE_SOME;
    }
    int error = SSL_get_error(tls, got);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? RECEIVE_NOTHING : RECEIVE_END;
}

receive_result_t receive_bytes(struct lws *wsi, uint8_t *to, size_t *length) {
    SSL *tls = lws_get_ssl(wsi);
    return tls != NULL ? read_tls(tls, to, length) : read_plain(lws_get_socket_fd(wsi), to, length);
}

// So many bytes may be read now: data must find space in the ring.
static size_t readable(const server_t *server, const connection_t *connection) {
    if (!ota_ws_session_wants_data(&connection->session)) {
        return READ_SIZE;
    }
    uint32_t space = worker_free_space(server->parts.worker);
    return space < LEAST_SPACE ? 0 : space < READ_SIZE ? space : READ_SIZE;
}

// One read. False: there is nothing more to do now.
static bool read_once(server_t *server, connection_t *connection) {
    uint8_t bytes[READ_SIZE];
    size_t length = readable(server, connection);
    if (length == 0) {
        connection->paused = true;
        unwatch(server, connection);
        return false;
    }
    receive_result_t result = receive_bytes(connection->wsi, bytes, &length);
    if (result == RECEIVE_END) {
        receive_kill(server, connection);
    } else if (result == RECEIVE_SOME) {
        take_bytes(connection, bytes, length);
    }
    return result == RECEIVE_SOME;
}

// What TLS has deciphered is not reported again; otherwise others have their turn after each read.
static void receive(server_t *server, connection_t *connection) {
    bool more = !connection->over;
    while (more && read_once(server, connection)) {
        SSL *tls = lws_get_ssl(connection->wsi);
        more = !connection->over && tls != NULL && SSL_pending(tls) > 0;
    }
}

void receive_begin(const server_t *server, connection_t *connection) {
    lws_rx_flow_control(connection->wsi, 0);
    connection->receive = receive;
    watch(server, connection);
    if (!connection->watched) {
        receive_kill(server, connection);
    }
}

void receive_ready(server_t *server) {
    struct epoll_event events[READY_MAX];
    int count = epoll_wait(server->ready, events, READY_MAX, 0);
    for (int i = 0; i < count; i++) {
        connection_t *connection = events[i].data.ptr;
        connection->receive(server, connection);
    }
}

void receive_resume(server_t *server) {
    for (connection_t *at = server->sessions; at != NULL; at = at->next) {
        if (at->paused && readable(server, at) > 0) {
            at->paused = false;
            watch(server, at);
            receive(server, at);
        }
    }
}
