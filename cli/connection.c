// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <openssl/ssl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "literal.h"
#include "text.h"

#define GOODBYE_S 2 // how long a peer may take to answer our close frame

void connection_init(connection_t *connection, loop_t *loop, const connection_events_t *events) {
    connection->loop = loop;
    connection->events = *events;
    connection->wsi = NULL;
    connection->leaving = NULL;
    memset(&connection->report_timer, 0, sizeof connection->report_timer);
    loop_name_connection(loop, &connection->wsi, &connection->tls_name);
}

// ---- endings ----

static void report(lws_sorted_usec_list_t *report_timer) {
    connection_t *connection = lws_container_of(report_timer, connection_t, report_timer);
    connection->events.closed(connection->events.context, &connection->ending);
}

// The connection is gone: `closed` follows from the loop, with the problem that was noted first.
static void end(connection_t *connection, const problem_t *problem) {
    if (connection->ending.code == EXIT_CODE_OK) {
        connection->ending = *problem;
    }
    connection->wsi = NULL;
    lws_sul_schedule(connection->loop->lws, 0, &connection->report_timer, report, 1);
}

// One with the sentence `format`, which takes host and port.
static void end_with(connection_t *connection, const char *name, const char *format) {
    problem_t problem;
    problem_set(&problem, EXIT_CODE_UNREACHABLE, name, format, connection->request.address->where);
    end(connection, &problem);
}

// ---- what came ----

static void note_peer(connection_t *connection, struct lws *wsi) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    connection->peer.address[0] = '\0';
    if (getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&address, &length) == 0) {
        literal_of((const struct sockaddr *)&address, length, &connection->peer);
    }
}

static void note_answer(connection_t *connection, struct lws *wsi) {
    http_answer_t *answer = &connection->answer;
    char type[32];
    answer->status = lws_http_client_http_response(wsi);
    bool has_type = lws_hdr_copy(wsi, type, sizeof type, WSI_TOKEN_HTTP_CONTENT_TYPE) > 0;
    answer->is_html = has_type && strncasecmp(type, "text/html", 9) == 0;
    if (lws_hdr_copy(wsi, answer->location, sizeof answer->location, WSI_TOKEN_HTTP_LOCATION) <= 0) {
        answer->location[0] = '\0';
    }
    note_peer(connection, wsi);
}

// What libwebsockets says of a connection that failed, in words for people.
static int fail(connection_t *connection, struct lws *wsi, const char *reason) {
    const address_t *address = connection->request.address;
    problem_t problem;
    reason = reason == NULL ? "" : reason;
    if (strcasestr(reason, "ssl") != NULL) {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "no_tls",
                    "No TLS connection to %s came about: it does not speak https there.", address->where);
    } else if (strcasestr(reason, "upgrade") != NULL) {
        note_answer(connection, wsi);
        http_answer_to_upgrade(&problem, &connection->answer, address, connection->request.path);
    } else {
        problem_set(&problem, EXIT_CODE_UNREACHABLE, "no_connection",
                    "Nothing answers at %s. Is the device on, and are name and port right?", address->where);
    }
    end(connection, &problem);
    return 0;
}

// OpenSSL has an opinion on the peer's certificate. libwebsockets does not report it later, so it is noted now.
static int judge_certificate(connection_t *connection, X509_STORE_CTX *context, bool trusted) {
    if (!trusted && !connection->loop->tls.insecure) {
        problem_set(&connection->ending, EXIT_CODE_UNREACHABLE, "untrusted",
                    "The certificate of %s is not trusted: %s. (--ca FILE names one to trust, --insecure takes any.)",
                    connection->request.address->where,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    }
    return 0;
}

// A connection that has been given up: says goodbye and goes.
static int leave(connection_t *connection, struct lws *wsi, enum lws_callback_reasons reason) {
    switch (reason) {
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
        return -1;
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return -1;
    case LWS_CALLBACK_WSI_DESTROY:
        if (connection != NULL && connection->leaving == wsi) {
            connection->leaving = NULL;
            connection->events.left(connection->events.context);
        }
        return 0;
    default:
        return 0;
    }
}

void connection_close(connection_t *connection) {
    lws_sul_schedule(connection->loop->lws, 0, &connection->report_timer, report, LWS_SET_TIMER_USEC_CANCEL);
    if (connection->wsi == NULL) {
        return;
    }
    lws_callback_on_writable(connection->wsi);
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE, GOODBYE_S);
    connection->leaving = connection->wsi;
    connection->wsi = NULL;
}

bool connection_has_left(const connection_t *connection) {
    return connection->leaving == NULL;
}

// ---- beginnings ----

static int tls_flags(const connection_t *connection, const address_t *address) {
    if (!address->tls) {
        return 0;
    }
    loop_trust_system(connection->loop);
    int any =
        LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
    return LCCSCF_USE_SSL | (connection->loop->tls.insecure ? any : 0);
}

static void end_unresolved(connection_t *connection) {
    problem_t problem;
    problem_set(&problem, EXIT_CODE_UNREACHABLE, "unknown_name",
                "No address is known for the name '%s'. Is it right, and is the device on this network?",
                connection->request.address->name);
    end(connection, &problem);
}

static void connect_to(connection_t *connection, const connection_request_t *request, const char *method) {
    const address_t *address = request->address;
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof info);
    info.context = connection->loop->lws;
    info.vhost = connection->loop->vhost;
    info.address = request->peer != NULL ? request->peer : address->via[0] != '\0' ? address->via : address->name;
    info.port = address->port;
    info.ssl_connection = tls_flags(connection, address) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
    info.path = request->path;
    info.host = request->host;
    info.method = method;
    info.alpn = "http/1.1";
    info.local_protocol_name = method != NULL ? "ota-ws-post" : "ota-ws-session";
    info.opaque_user_data = connection;
    info.pwsi = &connection->wsi;
    connection->request = *request;
    connection->length = 0;
    memset(&connection->answer, 0, sizeof connection->answer);
    memset(&connection->ending, 0, sizeof connection->ending);
    connection->tls_name = address->name;
    connection->loop->tls_name = address->name;

    literal_t literal;
    bool asks_dns = literal_read(info.address, &literal) != LITERAL_YES; // which may take long
    if (asks_dns) {
        loop_let_signals_through(connection->loop, true);
    }
    struct lws *wsi = lws_client_connect_via_info(&info);
    if (asks_dns) {
        loop_let_signals_through(connection->loop, false);
    }
    if (wsi == NULL) {
        end_unresolved(connection); // unless a callback has said more
    }
}

void connection_post(connection_t *connection, const connection_request_t *request) {
    connect_to(connection, request, "POST");
}

void connection_open(connection_t *connection, const connection_request_t *request) {
    connect_to(connection, request, NULL);
}

// ---- the POST ----

static int add_content_length(struct lws *wsi, void *in, size_t length) {
    unsigned char **at = in;
    return lws_add_http_header_content_length(wsi, 0, at, *at + length);
}

// Lets libwebsockets hand over what has arrived, by LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ.
static int read_body(struct lws *wsi) {
    char buffer[LWS_PRE + DEVICE_MESSAGE_SIZE];
    char *at = buffer + LWS_PRE;
    int length = DEVICE_MESSAGE_SIZE;
    return lws_http_client_read(wsi, &at, &length) < 0 ? -1 : 0;
}

static int complete(connection_t *connection) {
    connection->wsi = NULL;
    connection->text[connection->length] = '\0';
    connection->events.answered(connection->events.context, connection->text, connection->length);
    return -1; // one request per connection: a device has few sockets
}

// False when it becomes too long.
static bool gather(connection_t *connection, const void *in, size_t length) {
    if (length > DEVICE_MESSAGE_SIZE - connection->length) {
        return false;
    }
    memcpy(connection->text + connection->length, in, length);
    connection->length += length;
    connection->text[connection->length] = '\0';
    return true;
}

static int gather_body(connection_t *connection, const void *in, size_t length) {
    if (gather(connection, in, length)) {
        return 0;
    }
    connection->length = 0; // too long for a device's answer: what it says does not matter
    return complete(connection);
}

int connection_on_post(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_CLIENT_VERIFY_CERTS) { // of no connection; all that is asked of us
        loop_adopt_tls(lws_context_user(lws_get_context(wsi)), user);
        return 0;
    }
    connection_t *connection = lws_get_opaque_user_data(wsi);
    if (connection == NULL || connection->wsi != wsi) {
        return leave(connection, wsi, reason);
    }
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return add_content_length(wsi, in, length);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        note_answer(connection, wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
        return read_body(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
        return gather_body(connection, in, length);
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
        return complete(connection);
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        return judge_certificate(connection, user, length != 0);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        return fail(connection, wsi, in);
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        end_with(connection, "no_device", "What answers at %s is no ota_ws device: its answer breaks off.");
        return 0;
    default:
        return 0;
    }
}

// ---- the WebSocket ----

// Messages are text; they may come in pieces.
static int take_text(connection_t *connection, struct lws *wsi, const void *in, size_t length) {
    if (lws_is_first_fragment(wsi)) {
        connection->length = 0;
    }
    if (lws_frame_is_binary(wsi) || !gather(connection, in, length)) {
        end_with(connection, "nonsense", "%s says what no ota_ws device says.");
        return -1;
    }
    if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
        connection->events.text(connection->events.context, connection->text, connection->length);
    }
    return 0;
}

int connection_on_session(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    connection_t *connection = lws_get_opaque_user_data(wsi);
    if (connection == NULL || connection->wsi != wsi) {
        return leave(connection, wsi, reason);
    }
    switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        connection->events.opened(connection->events.context);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return take_text(connection, wsi, in, length);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        connection->events.writable(connection->events.context);
        return 0;
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        return judge_certificate(connection, user, length != 0);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        return fail(connection, wsi, in);
    case LWS_CALLBACK_CLIENT_CLOSED:
        end_with(connection, "connection_lost", "The connection to %s was lost.");
        return 0;
    default:
        return 0;
    }
}

void connection_want_to_send(connection_t *connection) {
    if (connection->wsi != NULL) {
        lws_callback_on_writable(connection->wsi);
    }
}

unsigned char *connection_data(connection_t *connection) {
    return connection->frame + LWS_PRE;
}

static void send_frame(connection_t *connection, size_t length, enum lws_write_protocol kind) {
    if (lws_write(connection->wsi, connection_data(connection), length, kind) < (int)length) {
        lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    }
}

void connection_send_text(connection_t *connection, const char *text, size_t length) {
    memcpy(connection_data(connection), text, length);
    send_frame(connection, length, LWS_WRITE_TEXT);
}

void connection_send_data(connection_t *connection, size_t length) {
    send_frame(connection, length, LWS_WRITE_BINARY);
}
