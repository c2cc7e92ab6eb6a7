// SPDX-License-Identifier: Apache-2.0
// esp_http_server as far as esp/ can see: one frame per readable socket and turn, control frames to who wants them,
// and the ways of both generations.
#define FAKES
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "fake.h"

#define MOST 8

typedef struct {
    int socket; // -1: free
    void *context;
    httpd_free_ctx_fn_t free_context;
    httpd_recv_func_t receive;
    const httpd_uri_t *uri;
    bool closing;       // a CLOSE was seen
    _Atomic bool async; // another task has its request
    size_t left;        // of the request's body
} connection_t;

typedef struct {
    httpd_uri_t uris[MOST];
    int uri_count;
    connection_t connections[MOST];
    pthread_mutex_t mutex;
    struct {
        void (*work)(void *);
        void *context;
    } queue[64];
    int queued;
    // the request that runs
    connection_t *now;
    const char *asked; // address of the request
    const char *host, *origin;
    uint8_t first;
    uint8_t mask[4];
} server_t;

httpd_handle_t fake_server(void) {
    server_t *server = calloc(1, sizeof *server);
    pthread_mutex_init(&server->mutex, NULL);
    for (int i = 0; i < MOST; i++) {
        server->connections[i].socket = -1;
    }
    return server;
}

int fake_connections(httpd_handle_t handle) {
    const server_t *server = handle;
    int count = 0;
    for (int i = 0; i < MOST; i++) {
        count += server->connections[i].socket >= 0;
    }
    return count;
}

static connection_t *find(server_t *server, int socket) {
    for (int i = 0; i < MOST; i++) {
        if (server->connections[i].socket == socket) {
            return &server->connections[i];
        }
    }
    return NULL;
}

// ---- sockets ----

ssize_t fake_recv(int socket, void *bytes, size_t length, int flags) {
    fake.receives++;
    if (fake.fail_recv_at > 0 && --fake.fail_recv_at == 0) {
        errno = ECONNRESET;
        fake.fail_recv_at = 1;
        return -1;
    }
    fake_reads(socket);
    ssize_t got = recv(socket, bytes, length, flags);
    fake_has_read(socket);
    return got;
}

int fake_setsockopt(int socket, int level, int option, const void *value, socklen_t size) {
    fake.no_delays += level == IPPROTO_TCP && option == TCP_NODELAY;
    return level == SOL_SOCKET ? setsockopt(socket, level, option, value, size) : 0;
}

int fake_getsockname(int socket, struct sockaddr *address, socklen_t *size) {
    (void)socket;
    struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(8070)};
    inet_pton(AF_INET6, "::ffff:192.168.1.7", &own.sin6_addr);
    memcpy(address, &own, sizeof own);
    *size = sizeof own;
    return 0;
}

// Each connection comes from a port of its own; a descriptor that is none of the server's has none.
int fake_getpeername(int socket, struct sockaddr *address, socklen_t *size) {
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(fake.ports[socket % FAKE_DESCRIPTORS])};
    inet_pton(AF_INET6, "::ffff:192.168.1.99", &from.sin6_addr);
    memcpy(address, &from, sizeof from);
    *size = sizeof from;
    return 0;
}

static int default_receive(httpd_handle_t server, int socket, char *bytes, size_t length, int flags) {
    (void)server;
    return (int)recv(socket, bytes, length, flags);
}

int httpd_socket_send(httpd_handle_t server, int socket, const char *bytes, size_t length, int flags) {
    (void)server;
    return fake.send_fails ? -1 : (int)send(socket, bytes, length, flags | MSG_NOSIGNAL);
}

esp_err_t httpd_sess_set_recv_override(httpd_handle_t server, int socket, httpd_recv_func_t receive) {
    find(server, socket)->receive = receive;
    return ESP_OK;
}

void *httpd_sess_get_transport_ctx(httpd_handle_t server, int socket) {
    (void)server;
    (void)socket;
    return fake.tls ? &fake : NULL;
}

// ---- requests ----

static int find_route(const server_t *server, const char *uri, httpd_method_t method) {
    for (int i = 0; i < (int)server->uri_count; i++) {
        if (server->uris[i].method == method && strcmp(server->uris[i].uri, uri) == 0) {
            return i;
        }
    }
    return -1;
}

esp_err_t httpd_register_uri_handler(httpd_handle_t handle, const httpd_uri_t *uri) {
    server_t *server = handle;
    if (find_route(server, uri->uri, uri->method) >= 0) {
        return ESP_ERR_HTTPD_HANDLER_EXISTS;
    }
    if (fake.max_routes > 0 && server->uri_count >= fake.max_routes) {
        return ESP_ERR_HTTPD_HANDLERS_FULL;
    }
    if (!fake_has_memory()) {
        return ESP_ERR_NO_MEM;
    }
    server->uris[server->uri_count] = *uri;
    server->uris[server->uri_count++].uri = strdup(uri->uri); // as the server does
    return ESP_OK;
}

esp_err_t httpd_unregister_uri_handler(httpd_handle_t handle, const char *uri, httpd_method_t method) {
    server_t *server = handle;
    int at = find_route(server, uri, method);
    if (at < 0) {
        return ESP_ERR_NOT_FOUND;
    }
    free((char *)server->uris[at].uri);
    server->uri_count--;
    for (; at < server->uri_count; at++) { // the order stays
        server->uris[at] = server->uris[at + 1];
    }
    return ESP_OK;
}

int httpd_req_to_sockfd(httpd_req_t *request) {
    return ((connection_t *)request->aux)->socket;
}

esp_err_t httpd_req_get_hdr_value_str(httpd_req_t *request, const char *name, char *value, size_t size) {
    const server_t *server = request->handle;
    const char *text = strcmp(name, "Host") == 0 ? server->host : strcmp(name, "Origin") == 0 ? server->origin : NULL;
    for (int i = 0; fake.headers[i][0] != NULL; i++) {
        text = strcmp(name, fake.headers[i][0]) == 0 ? fake.headers[i][1] : text;
    }
    if (text == NULL) {
        return ESP_ERR_NOT_FOUND;
    }
    snprintf(value, size, "%s", text);
    return strlen(text) < size ? ESP_OK : ESP_ERR_HTTPD_RESULT_TRUNC;
}

static void read_header(const char *name, char *value, size_t size) {
    char line[40];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *at = strstr(fake.head, line);
    if (at != NULL) {
        at += strlen(line);
        snprintf(value, size, "%.*s", (int)strcspn(at, "\r"), at);
    }
}

static void read_head(void) {
    snprintf(fake.status, sizeof fake.status, "%.*s", (int)strcspn(fake.head + 9, "\r"), fake.head + 9);
    read_header("ETag", fake.etag, sizeof fake.etag);
    read_header("Range", fake.range, sizeof fake.range);
}

// The first piece of an answer is its head; then comes its body, at most 100 bytes at once.
int httpd_send(httpd_req_t *request, const char *bytes, size_t length) {
    (void)request;
    if (strncmp(bytes, "HTTP/1.1 100 ", 13) == 0) {
        fake.continues++;
        return (int)length;
    }
    if (strncmp(bytes, "HTTP/1.1 ", 9) == 0) {
        snprintf(fake.head, sizeof fake.head, "%.*s", (int)length, bytes);
        fake.body[0] = '\0';
        read_head();
        return (int)length;
    }
    size_t used = strlen(fake.body);
    length = length < 100 ? length : 100;
    snprintf(fake.body + used, sizeof fake.body - used, "%.*s", (int)length, bytes);
    return (int)length;
}

// As the server does: first the descriptor, then the context.
static void close_connection(connection_t *connection) {
    fake.ports[connection->socket % FAKE_DESCRIPTORS] = 0;
    close(connection->socket);
    fake.closes++;
    if (fake.after_close != NULL) {
        fake.after_close(connection->socket);
    }
    if (connection->context != NULL && connection->free_context != NULL) {
        connection->free_context(connection->context);
    }
    *connection = (connection_t){.socket = -1};
}

// Calls a handler as the server does, and closes when it says so.
static void call(server_t *server, connection_t *connection, int method, esp_err_t (*handler)(httpd_req_t *)) {
    httpd_req_t request = {.handle = server,
                           .aux = connection,
                           .method = method,
                           .uri = server->asked != NULL ? server->asked : "",
                           .content_len = fake.content_length,
                           .sess_ctx = connection->context,
                           .free_ctx = connection->free_context};
    server->now = connection;
    esp_err_t error = handler(&request);
    connection->context = request.sess_ctx;
    connection->free_context = request.free_ctx;
    if (error != ESP_OK) {
        close_connection(connection);
    }
}

int httpd_req_recv(httpd_req_t *request, char *bytes, size_t length) {
    connection_t *connection = request->aux;
    struct pollfd readable = {.fd = connection->socket, .events = POLLIN};
    length = length < connection->left ? length : connection->left;
    if (length > 0 && poll(&readable, 1, 5) == 0) {
        return HTTPD_SOCK_ERR_TIMEOUT;
    }
    int got = length > 0 ? (int)fake_recv(connection->socket, bytes, length, 0) : 0;
    connection->left -= got > 0 ? (size_t)got : 0;
    return got;
}

esp_err_t httpd_req_async_handler_begin(httpd_req_t *request, httpd_req_t **async) {
    if (!fake_has_memory()) {
        return ESP_ERR_NO_MEM;
    }
    *async = malloc(sizeof **async);
    **async = *request;
    ((connection_t *)request->aux)->async = true;
    return ESP_OK;
}

esp_err_t httpd_req_async_handler_complete(httpd_req_t *async) {
    ((connection_t *)async->aux)->async = false;
    free(async);
    return ESP_OK;
}

static const httpd_uri_t *find_uri(const server_t *server, const char *uri, httpd_method_t method) {
    for (int i = 0; i < server->uri_count; i++) {
        bool any = (int)server->uris[i].method == INT_MAX;
        if (strcmp(server->uris[i].uri, uri) == 0 && (any || server->uris[i].method == method)) {
            return &server->uris[i];
        }
    }
    return NULL;
}

// The server's end; the client's goes to `client`.
static connection_t *accept_client(server_t *server, int *client) {
    int ends[2];
    connection_t *connection = find(server, -1);
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    *connection = (connection_t){.socket = ends[0], .receive = default_receive};
    fake.ports[ends[0] % FAKE_DESCRIPTORS] = ++fake.last_port;
    *client = ends[1];
    return connection;
}

const httpd_uri_t *fake_route(httpd_handle_t handle, int number) {
    const server_t *server = handle;
    return number < server->uri_count ? &server->uris[number] : NULL;
}

// The handler is called, and the client's end stays.
static connection_t *request_on(server_t *server, int *client, httpd_method_t method, const char *uri, const char *host,
                                const char *origin) {
    connection_t *connection = accept_client(server, client);
    char path[64];
    const struct timeval limit = {.tv_usec = 5000}; // a chip's server waits for 5 s
    connection->left = fake.content_length;
    setsockopt(connection->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    snprintf(path, sizeof path, "%.*s", (int)strcspn(uri, "?"), uri);
    strcpy(fake.status, "200 OK");
    fake.head[0] = '\0';
    fake.body[0] = '\0';
    server->asked = uri;
    server->host = host;
    server->origin = origin;
    call(server, connection, method, find_uri(server, path, method)->handler);
    server->asked = NULL;
    return connection;
}

int fake_request_open(httpd_handle_t handle, httpd_method_t method, const char *uri, size_t length) {
    int client;
    fake.content_length = length;
    fake.range[0] = '\0';
    (void)request_on(handle, &client, method, uri, "192.168.1.7", NULL);
    fake.content_length = 0;
    return client;
}

void fake_request(httpd_handle_t handle, httpd_method_t method, const char *uri, const char *host, const char *origin) {
    int client;
    connection_t *connection = request_on(handle, &client, method, uri, host, origin);
    if (connection->socket >= 0) {
        close_connection(connection);
    }
    close(client);
}

int fake_connect(httpd_handle_t handle) {
    server_t *server = handle;
    int client;
    connection_t *connection = accept_client(server, &client);
    connection->uri = find_uri(server, CONFIG_OTA_DEFAULT_WS_URI, HTTP_GET);
    if (fake.no_handshake_call) {
        return client;
    }
    call(server, connection, HTTP_GET,
         GENERATION == 6 ? connection->uri->ws_post_handshake_cb : connection->uri->handler);
    return client;
}

httpd_ws_client_info_t httpd_ws_get_fd_info(httpd_handle_t server, int socket) {
    return find(server, socket)->uri != NULL ? HTTPD_WS_CLIENT_WEBSOCKET : HTTPD_WS_CLIENT_HTTP;
}

// ---- frames ----

static int receive(server_t *server, void *bytes, size_t length) {
    return server->now->receive(server, server->now->socket, bytes, length, 0);
}

// Generation 5 takes what came of a field for the whole field.
static bool receive_field(server_t *server, void *bytes, size_t length) {
    int got = receive(server, bytes, length);
    return GENERATION == 6 ? got == (int)length : got > 0;
}

static esp_err_t receive_head(server_t *server, httpd_ws_frame_t *frame) {
    uint8_t second, extended[8] = {0};
    frame->type = server->first & 15;
    frame->final = server->first & 0x80;
    if (!receive_field(server, &second, 1)) {
        return ESP_FAIL;
    }
    size_t size = (second & 127) == 127 ? 8 : (second & 127) == 126 ? 2 : 0;
    if (size > 0 && !receive_field(server, extended, size)) {
        return ESP_FAIL;
    }
    uint32_t length = size == 0 ? second & 127 : 0; // as on a chip: 32 bits
    for (size_t i = 0; i < size; i++) {
        length = length << 8 | extended[i];
    }
    frame->len = length;
    frame->left_len = length;
    if (!(second & 128)) {
        return ESP_ERR_INVALID_STATE;
    }
    return receive_field(server, server->mask, 4) ? ESP_OK : ESP_FAIL;
}

static esp_err_t receive_payload(server_t *server, uint8_t *to, size_t length, size_t mask_from) {
    for (size_t done = 0; done < length;) {
        int got = receive(server, to + done, length - done);
        if (got <= 0) {
            return ESP_FAIL;
        }
        done += (size_t)got;
    }
    for (size_t i = 0; i < length; i++) {
        to[i] ^= server->mask[(mask_from + i) % 4];
    }
    return ESP_OK;
}

// A frame whose length is 0 counts as one whose header was not read yet.
esp_err_t httpd_ws_recv_frame(httpd_req_t *request, httpd_ws_frame_t *frame, size_t max_length) {
    server_t *server = request->handle;
    if (frame->len == 0) {
        esp_err_t error = receive_head(server, frame);
        if (error != ESP_OK) {
            return error;
        }
    }
    if (max_length == 0) {
        return ESP_OK;
    }
    if (frame->len > max_length) {
        return ESP_ERR_INVALID_SIZE;
    }
    if (GENERATION == 6 && frame->left_len == 0) {
        return ESP_OK;
    }
    return receive_payload(server, frame->payload, frame->len, 0);
}

esp_err_t httpd_ws_recv_frame_part(httpd_req_t *request, httpd_ws_frame_t *frame, size_t max_length) {
    size_t length = max_length < frame->left_len ? max_length : frame->left_len;
    esp_err_t error = receive_payload(request->handle, frame->payload, length, frame->len - frame->left_len);
    frame->left_len -= error == ESP_OK ? length : 0;
    return error;
}

esp_err_t httpd_ws_send_frame(httpd_req_t *request, httpd_ws_frame_t *frame) {
    uint8_t head[2] = {(uint8_t)(0x80 | frame->type), (uint8_t)frame->len};
    int socket = httpd_req_to_sockfd(request);
    send(socket, head, sizeof head, MSG_NOSIGNAL);
    send(socket, frame->payload, frame->len, MSG_NOSIGNAL);
    return ESP_OK;
}

// A close that the server has queued goes to whatever connection is in that place by then.
static void close_place(void *context) {
    connection_t *connection = context;
    if (connection->socket >= 0) {
        close_connection(connection);
    } else {
        fake.stale_closes++;
    }
}

static void queue(server_t *server, void (*work)(void *), void *context) {
    pthread_mutex_lock(&server->mutex);
    server->queue[server->queued].work = work;
    server->queue[server->queued++].context = context;
    pthread_mutex_unlock(&server->mutex);
}

static void serve_connection(server_t *server, connection_t *connection) {
    char first = 0;
    if (connection->uri == NULL) { // no WebSocket: what comes is the next request, and none comes
        close_connection(connection);
        return;
    }
    server->now = connection;
    int got = connection->receive(server, connection->socket, &first, 1, 0);
    server->first = got <= 0 ? 0x80 | HTTPD_WS_TYPE_CLOSE : (uint8_t)first;
    connection->closing = (server->first & 15) == HTTPD_WS_TYPE_CLOSE;
    bool closing = connection->closing;
    call(server, connection, 0, connection->uri->handler);
    if (closing) {
        queue(server, close_place, connection);
    }
}

static bool is_readable(const connection_t *connection) {
    struct pollfd poll_it = {.fd = connection->socket, .events = POLLIN};
    return connection->socket >= 0 && !connection->closing && !connection->async && poll(&poll_it, 1, 0) > 0;
}

esp_err_t httpd_queue_work(httpd_handle_t handle, void (*work)(void *), void *context) {
    server_t *server = handle;
    if (fake.queue_is_full || fake.queue_loses) {
        return fake.queue_is_full ? ESP_FAIL : ESP_OK;
    }
    queue(server, work, context);
    return ESP_OK;
}

static bool serve_queue(server_t *server) {
    pthread_mutex_lock(&server->mutex);
    bool any = server->queued > 0;
    void (*work)(void *) = server->queue[0].work;
    void *context = server->queue[0].context;
    if (any) {
        memmove(server->queue, server->queue + 1, (size_t)--server->queued * sizeof server->queue[0]);
    }
    pthread_mutex_unlock(&server->mutex);
    if (any) {
        work(context);
    }
    return any;
}

void fake_serve(httpd_handle_t handle) {
    server_t *server = handle;
    bool busy = true;
    while (busy) {
        busy = serve_queue(server);
        for (int i = 0; i < MOST; i++) {
            if (is_readable(&server->connections[i])) {
                serve_connection(server, &server->connections[i]);
                busy = true;
            }
        }
    }
}

void fake_server_free(httpd_handle_t handle) {
    server_t *server = handle;
    for (int i = 0; i < MOST; i++) {
        if (server->connections[i].socket >= 0) {
            close_connection(&server->connections[i]);
        }
    }
    for (int i = 0; i < server->uri_count; i++) {
        free((char *)server->uris[i].uri);
    }
    pthread_mutex_destroy(&server->mutex);
    free(server);
}
