// SPDX-License-Identifier: Apache-2.0
// One request: libwebsockets reads the head and writes the answer; in between the body is read here, as that of a
// WebSocket (receive.c), only when there is space for it. Its steps: the body of a POST comes whole, then the core is
// asked (ota_ws_http_open); a PUT is the other way round. Then what the core says is done until it has answered. What
// the client still sends after that is thrown away for a while, so that he reads the answer.
#include "http_upload.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "hash_openssl.h"
#include "receive.h"
#include "response.h"
#include "session/http_upload.h"
#include "text.h"

#define HEADER_SIZE 512 // the longest one that is looked at
#define TRASH_SIZE 8192
#define BODY_MS 10000  // so long the body of a POST may take
#define DRAIN_MS 10000 // so long what comes after an answer is thrown away

struct http_upload {
    struct http_upload *next;
    server_t *server;
    struct lws *wsi;
    uint32_t left; // of the body, still to be read
    uint32_t since_ms;
    uint8_t *first; // what libwebsockets has read of the body
    size_t first_length;
    size_t first_at;
    char body[OTA_WS_LOGIN_SIZE + 1]; // of a POST
    uint32_t body_length;
    bool is_post;
    bool is_open;   // the core has the request
    bool continues; // the client waits for 100 Continue
    bool is_answered;
    bool is_written;
    bool is_over;
    unsigned code;
    char range[40];
    char answer[OTA_WS_MESSAGE_SIZE + 1];
    ota_ws_http_t http;
    // The head.
    char method[8], path[64], host[HEADER_SIZE], origin[HEADER_SIZE];
    char authorization[HEADER_SIZE], sha256[HEADER_SIZE], content_range[HEADER_SIZE], downgrade[HEADER_SIZE],
        sealed[HEADER_SIZE];
    ota_ws_http_request_t request;
};

// ---- the head

static bool has_text(struct lws *wsi, enum lws_token_indexes token, const char *text) {
    char value[HEADER_SIZE];
    const char *found = response_header(wsi, token, value, sizeof value);
    return found != NULL && strstr(found, text) != NULL;
}

static bool is_short_json(struct lws *wsi) {
    char value[HEADER_SIZE];
    const char *length = response_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, sizeof value);
    bool is_json = has_text(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, "application/json") ||
                   lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION) > 0;
    return is_json && length != NULL && atoll(length) > 0 && atoll(length) <= OTA_WS_LOGIN_SIZE;
}

bool http_upload_is_asked(struct lws *wsi) {
    char *uri;
    int length;
    switch (lws_http_get_uri_and_method(wsi, &uri, &length)) {
    case LWSHUMETH_PUT:
        return true;
    case LWSHUMETH_POST:
        return is_short_json(wsi);
    case LWSHUMETH_GET:
        return has_text(wsi, WSI_TOKEN_HTTP_ACCEPT, "application/json");
    default:
        return false;
    }
}

// As response_header(), of one that libwebsockets does not know.
static const char *copy_custom(struct lws *wsi, const char *name, char value[HEADER_SIZE]) {
    int length = lws_hdr_custom_length(wsi, name, (int)strlen(name));
    value[0] = '\0';
    if (length < 0) {
        return NULL;
    }
    if (length >= HEADER_SIZE || lws_hdr_custom_copy(wsi, value, HEADER_SIZE, name, (int)strlen(name)) < 0) {
        value[0] = '\0';
    }
    return value;
}

static const char *copy_text(char *to, size_t size, const char *from) {
    ota_ws_text_copy(to, size, from != NULL ? from : "");
    return from != NULL ? to : NULL;
}

static void read_length(struct lws *wsi, ota_ws_http_request_t *request) {
    char value[HEADER_SIZE];
    char *end = value;
    const char *length = response_header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, value, sizeof value);
    unsigned long long number = length != NULL ? strtoull(length, &end, 10) : 0;
    bool is_number = length != NULL && length[0] >= '0' && length[0] <= '9' && *end == '\0' && number <= UINT32_MAX;
    request->has_length = is_number && lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) == 0;
    request->length = request->has_length ? (uint32_t)number : 0;
}

static void read_head(struct http_upload *upload, struct lws *wsi, const ota_ws_gate_request_t *gate) {
    static const char *const methods[] = {[LWSHUMETH_GET] = "GET", [LWSHUMETH_POST] = "POST", [LWSHUMETH_PUT] = "PUT"};
    ota_ws_http_request_t *request = &upload->request;
    char *uri;
    int length;
    strcpy(upload->method, methods[lws_http_get_uri_and_method(wsi, &uri, &length)]);
    request->gate = *gate;
    request->gate.host = copy_text(upload->host, sizeof upload->host, gate->host);
    request->gate.origin = copy_text(upload->origin, sizeof upload->origin, gate->origin);
    request->gate.path = gate->path != NULL && strlen(gate->path) < sizeof upload->path
                             ? copy_text(upload->path, sizeof upload->path, gate->path)
                             : NULL;
    request->gate.own_page = NULL;
    request->method = upload->method;
    request->is_secure = upload->server->settings.certificate != NULL;
    request->authorization =
        response_header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, upload->authorization, sizeof upload->authorization);
    request->range =
        response_header(wsi, WSI_TOKEN_HTTP_CONTENT_RANGE, upload->content_range, sizeof upload->content_range);
    request->sha256 = copy_custom(wsi, "ota-sha256:", upload->sha256);
    request->downgrade = copy_custom(wsi, "ota-allow-downgrade:", upload->downgrade);
    request->sealed = copy_custom(wsi, "ota-sealed:", upload->sealed);
    request->body = upload->body;
    read_length(wsi, request);
    upload->is_post = upload->method[1] == 'O';
    upload->left = upload->method[0] == 'G' ? 0 : request->length;
    request->length = upload->method[0] == 'G' ? 0 : request->length;
    upload->continues = has_text(wsi, WSI_TOKEN_HTTP_EXPECT, "100-continue");
}

// ---- the core

// Its status, and what a failure is called.
static void log_answer(const struct http_upload *upload) {
    static const char start[] = "\"name\":\"";
    const char *name = strstr(upload->answer, start);
    name = name != NULL ? name + sizeof start - 1 : "";
    console_log(upload->server->parts.console, "http", "%s is answered: %u %.*s", upload->method, upload->code,
                (int)strcspn(name, "\""), name);
}

// The answer of the core; it leaves when libwebsockets can write. From now on libwebsockets reads again.
static void take_answer(void *context, unsigned code, const char *text, size_t length) {
    struct http_upload *upload = context;
    upload->code = code;
    memcpy(upload->answer, text, length);
    upload->answer[length] = '\0';
    if (code == 308 && upload->http.kept > 0) {
        snprintf(upload->range, sizeof upload->range, "bytes=0-%u", upload->http.kept - 1);
    }
    upload->is_answered = true;
    log_answer(upload);
    upload->since_ms = clock_now_ms();
    lws_rx_flow_control(upload->wsi, 1); // libwebsockets writes only where it reads
    lws_callback_on_writable(upload->wsi);
}

static void open_request(struct http_upload *upload) {
    server_t *server = upload->server;
    ota_ws_device_t *device = server->parts.device;
    ota_ws_http_request_t *request = &upload->request;
    ota_ws_address_t peer;
    char peer_text[ADDRESS_TEXT_SIZE];
    char password[OTA_WS_PASSWORD_MAX + 1];
    ota_ws_verifier_t derived;
    (void)connection_peer(upload->wsi, &peer, peer_text);
    if (ota_ws_http_password(device, request, &peer, clock_now_ms(), password)) {
        const ota_ws_verifier_t *verifier = device->verifier;
        ota_ws_verifier_make(&ota_ws_hash_openssl, password, verifier->salt, verifier->iterations, &derived);
        request->derived_key = derived.stored_key;
        explicit_bzero(password, sizeof password);
    }
    upload->is_open = true;
    console_log(server->parts.console, "http", "%s from %s", upload->method, peer_text);
    ota_ws_http_open(&upload->http, device, request, &peer, clock_now_ms(), take_answer, upload);
    if (!upload->is_answered) {
        visitors_remove(&server->visitors, upload->wsi); // a client that has logged in is not closed for a new one
    }
}

// ---- bytes

// Takes at most `length` bytes: those that libwebsockets has read, then those of the socket.
static receive_result_t read_bytes(struct http_upload *upload, uint8_t *to, size_t *length) {
    size_t first = upload->first_length - upload->first_at;
    *length = *length < upload->left ? *length : upload->left;
    if (first == 0) {
        return receive_bytes(upload->wsi, to, length);
    }
    *length = *length < first ? *length : first;
    memcpy(to, upload->first + upload->first_at, *length);
    upload->first_at += *length;
    return RECEIVE_SOME;
}

// Where the next bytes go. NULL: nothing is to be read now.
static uint8_t *find_place(struct http_upload *upload, uint8_t trash[TRASH_SIZE], size_t *length) {
    uint32_t most = TRASH_SIZE;
    if (upload->left == 0 || upload->is_answered) {
        return NULL;
    }
    if (!upload->is_open) { // a POST
        *length = sizeof upload->body - 1 - upload->body_length;
        return (uint8_t *)upload->body + upload->body_length;
    }
    ota_ws_http_step_t step = ota_ws_http_next(&upload->http, &most);
    uint8_t *place = step == OTA_WS_HTTP_SKIP ? trash : NULL;
    *length = TRASH_SIZE;
    if (step == OTA_WS_HTTP_TAKE) {
        place = worker_space(upload->server->parts.worker, length);
    }
    *length = *length < most ? *length : most;
    return *length > 0 ? place : NULL;
}

static void pass_on(struct http_upload *upload, size_t length) {
    upload->left -= (uint32_t)length;
    if (upload->is_open) {
        ota_ws_http_body(&upload->http, (uint32_t)length, clock_now_ms());
        return;
    }
    upload->body_length += (uint32_t)length;
    if (upload->left == 0) {
        open_request(upload);
    }
}

static void kill_connection(struct http_upload *upload) {
    upload->is_over = true;
    receive_watch(upload->server, upload->wsi, NULL, false);
    lws_set_timeout(upload->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static bool say_continue(struct http_upload *upload) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    unsigned char bytes[LWS_PRE + sizeof text];
    bool is_asked = upload->continues;
    upload->continues = false;
    memcpy(bytes + LWS_PRE, text, sizeof text - 1);
    return !is_asked || lws_write(upload->wsi, bytes + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP) >= 0;
}

// Until nothing more comes, or may be read.
static void pump(server_t *server, connection_t *connection) {
    struct http_upload *upload = connection->upload;
    uint8_t trash[TRASH_SIZE];
    receive_result_t result = RECEIVE_SOME;
    uint8_t *place = NULL;
    size_t length;
    while (result == RECEIVE_SOME && (place = find_place(upload, trash, &length)) != NULL) {
        result = say_continue(upload) ? read_bytes(upload, place, &length) : RECEIVE_END;
        if (result == RECEIVE_SOME) {
            pass_on(upload, length);
        }
    }
    receive_watch(server, upload->wsi, connection, place != NULL);
    if (result == RECEIVE_END) {
        kill_connection(upload);
    }
}

static bool is_late(const struct http_upload *upload) {
    uint32_t passed_ms = clock_now_ms() - upload->since_ms;
    bool drains = upload->is_answered && passed_ms >= DRAIN_MS;
    return drains || (!upload->is_open && passed_ms >= BODY_MS);
}

void http_upload_resume(server_t *server) {
    connection_t *next;
    for (connection_t *at = server->uploads; at != NULL; at = next) {
        next = at->next;
        if (at->upload->is_over || is_late(at->upload)) {
            kill_connection(at->upload); // again: a request at the same moment makes libwebsockets forget it
        } else {
            lws_set_timeout(at->upload->wsi, NO_PENDING_TIMEOUT, 0); // the core's limits count
            pump(server, at);
        }
    }
}

// ---- life

int http_upload_open(server_t *server, connection_t *connection, struct lws *wsi, const ota_ws_gate_request_t *gate) {
    struct http_upload *upload = calloc(1, sizeof *upload);
    if (upload == NULL || connection == NULL) {
        free(upload);
        return -1;
    }
    upload->server = server;
    upload->wsi = wsi;
    upload->since_ms = clock_now_ms();
    connection->upload = upload;
    connection->wsi = wsi;
    connection->receive = pump;
    connection->next = server->uploads;
    server->uploads = connection;
    read_head(upload, wsi, gate);
    lws_rx_flow_control(wsi, 0);
    if (!upload->is_post) {
        open_request(upload);
    }
    lws_cancel_service(server->context); // pumps when the first bytes have come
    return 0;
}

int http_upload_body(connection_t *connection, const void *bytes, size_t length) {
    struct http_upload *upload = connection->upload;
    if (upload->is_answered) { // what comes now is thrown away
        upload->left -= length < upload->left ? (uint32_t)length : upload->left;
        return upload->is_written && upload->left == 0 ? -1 : 0;
    }
    uint8_t *more = realloc(upload->first, upload->first_length + length);
    if (more == NULL) {
        return -1;
    }
    memcpy(more + upload->first_length, bytes, length);
    upload->first = more;
    upload->first_length += length;
    return 0;
}

int http_upload_writable(connection_t *connection) {
    struct http_upload *upload = connection->upload;
    if (!upload->is_answered || upload->is_written) {
        return 0;
    }
    response_t response = response_text(upload->code, "application/json", upload->answer);
    response.range = upload->range[0] != '\0' ? upload->range : NULL;
    response.challenge = upload->code == HTTP_STATUS_UNAUTHORIZED ? "OTA-SCRAM" : NULL;
    response.close = true;
    upload->is_written = true;
    return response_write(upload->wsi, &response) && upload->left > 0 ? 0 : -1;
}

void http_upload_closed(server_t *server, connection_t *connection) {
    struct http_upload *upload = connection != NULL ? connection->upload : NULL;
    if (upload == NULL) {
        return;
    }
    connection_t **at = &server->uploads;
    while (*at != connection) {
        at = &(*at)->next;
    }
    *at = connection->next;
    receive_watch(server, upload->wsi, NULL, false);
    if (upload->is_open) {
        ota_ws_http_close(&upload->http, clock_now_ms());
    }
    if (!upload->is_answered) {
        console_log(server->parts.console, "http", "%s is gone", upload->method);
    }
    connection->upload = NULL;
    free(upload->first);
    explicit_bzero(upload, sizeof *upload);
    free(upload);
}

unsigned http_upload_count(const server_t *server) {
    unsigned count = 0;
    for (const connection_t *at = server->uploads; at != NULL; at = at->next) {
        count++;
    }
    return count;
}

bool http_upload_is_flushed(const server_t *server) {
    for (const connection_t *at = server->uploads; at != NULL; at = at->next) {
        if (at->upload->is_answered && !at->upload->is_written) {
            return false;
        }
    }
    return true;
}
