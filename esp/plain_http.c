// SPDX-License-Identifier: Apache-2.0
// The handler copies what it needs of the head and starts a task with the server's copy of the request
// (httpd_req_async_handler_begin: the server leaves the connection alone). The task reads the body of a POST, opens the
// request in the core, reads the file into the writer's ring, and sends the answer. It reads without the lock, into
// memory of its own: a slow client delays no other client. Then it shuts the connection down and gives it back; the
// server sees the end, closes the connection, and with that frees all of this (forget).
#include "plain_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "compat.h"
#include "core.h"
#include "link.h"
#include "lwip/sockets.h"
#include "own_task.h"
#include "request_gate.h"
#include "session/http_upload.h"
#include "text.h"
#include "worker.h"

#define HEADERS 5 // that the core reads: authorization to sealed
#define MOST 2    // requests at once: an update, and somebody who asks
#define STACK_SIZE 4096
#define PRIORITY (tskIDLE_PRIORITY + 4) // below the server's, as the writer's: the server gets the lock first
#define WAIT_MS 20                      // so long it waits for space with the lock held
#define HEAD_MS 10000                   // so long the body of a POST may take

// Needed until the core has the request.
typedef struct {
    ota_ws_request_gate_t gate;
    char values[HEADERS][176];
    char body[OTA_WS_LOGIN_SIZE + 1]; // of a POST
    ota_ws_http_request_t request;
} head_t;

typedef struct {
    httpd_handle_t server;
    httpd_req_t *async; // the task's
    ota_ws_task_t task;
    int socket;
    uint16_t port;  // at the client's end
    size_t left;    // of the body
    bool continues; // the client waits for 100 Continue
    bool is_gone;   // the connection is closed
    bool is_secure;
    bool is_plain; // what the server has read with the head is taken, and there is no TLS: the socket itself is read
    unsigned code;
    ota_ws_address_t peer;
    ota_ws_http_t http;
    union {
        head_t head;
        char text[2048]; // of the body; then the answer
    } space;
} upload_t;

static upload_t *uploads[MOST]; // between enter and leave

// ---- the head

// A POST with a form, or with a file, is none.
bool ota_ws_plain_http_is_asked(httpd_req_t *request) {
    char kind[96];
    bool is_post = request->method == HTTP_POST;
    if (request->method == HTTP_PUT) {
        return true;
    }
    if (is_post ? request->content_len - 1 >= OTA_WS_LOGIN_SIZE : request->method != HTTP_GET) {
        return false;
    }
    const char *found = ota_ws_request_header(request, is_post ? "Content-Type" : "Accept", kind, sizeof kind);
    return (found != NULL && strstr(found, "application/json") != NULL) ||
           (is_post && ota_ws_request_header(request, "Authorization", kind, sizeof kind) != NULL);
}

_Static_assert(offsetof(ota_ws_http_request_t, sealed) ==
                   offsetof(ota_ws_http_request_t, authorization) + (HEADERS - 1) * sizeof(char *),
               "the five stand side by side");

static void read_head(httpd_req_t *request, upload_t *upload) {
    static const char names[] = "Authorization\0OTA-SHA256\0Content-Range\0OTA-Allow-Downgrade\0OTA-Sealed";
    head_t *head = &upload->space.head;
    ota_ws_http_request_t *read = &head->request;
    const char **value = &read->authorization;
    ota_ws_request_gate(request, &head->gate);
    read->gate = head->gate.request;
    for (unsigned i = 0; i < HEADERS; i++) {
        value[i] = ota_ws_request_header(request, ota_ws_text_at(names, i), head->values[i], sizeof head->values[i]);
    }
    read->method = request->method == HTTP_PUT ? "PUT" : request->method == HTTP_POST ? "POST" : "GET";
    upload->continues = ota_ws_request_header(request, "Expect", head->body, sizeof head->body) != NULL;
    read->has_length = ota_ws_request_header(request, "Transfer-Encoding", head->body, sizeof head->body) == NULL;
    read->is_secure = upload->is_secure = ota_ws_request_is_secure(request);
    read->length = request->method == HTTP_GET ? 0 : request->content_len;
    read->body = head->body;
    upload->left = read->length;
}

// ---- the body

// What has come of it, `length` bytes at most. 0: nothing will come any more; less: nothing in a while. The server's
// own function has what was read with the head, and knows TLS; but it posts an event for each call.
static int receive(upload_t *upload, char *to, size_t length) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    length = length < upload->left ? length : upload->left;
    if (upload->continues) {
        upload->continues = false;
        httpd_send(upload->async, text, sizeof text - 1);
    }
    if (upload->is_gone) {
        return 0;
    }
    int got;
    if (upload->is_plain) {
        got = recv(upload->socket, to, length, 0);
        got = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? HTTPD_SOCK_ERR_TIMEOUT : got;
    } else {
        got = httpd_req_recv(upload->async, to, length);
        upload->is_plain = got > 0 && !upload->is_secure;
    }
    upload->left -= got > 0 ? (size_t)got : 0;
    return got > 0 || got == HTTPD_SOCK_ERR_TIMEOUT ? got : 0;
}

static bool receive_post(upload_t *upload) {
    char *at = upload->space.head.body;
    uint32_t since_ms = ota_ws_core_now_ms();
    int got = 1;
    while (upload->left > 0 && got > 0 && ota_ws_core_now_ms() - since_ms < HEAD_MS) {
        got = receive(upload, at, upload->left);
        at += got;
    }
    return upload->left == 0;
}

// Between enter and leave, but while it waits: from `text` into the writer's ring, whose space lies in up to two
// pieces.
static void pass_on(upload_t *upload, const char *bytes, size_t length) {
    while (length > 0 && ota_ws_session_takes_data(&upload->http.session)) {
        size_t piece;
        uint8_t *space = ota_ws_chip_worker_space(&piece, WAIT_MS);
        if (space == NULL) {
            ota_ws_core_leave();
            vTaskDelay(1);
            ota_ws_core_enter();
            continue;
        }
        piece = piece < length ? piece : length;
        memcpy(space, bytes, piece);
        ota_ws_http_body(&upload->http, (uint32_t)piece, ota_ws_core_now_ms());
        bytes += piece;
        length -= piece;
    }
}

// One step of the request. False: it is over.
static bool serve(upload_t *upload) {
    char *text = upload->space.text;
    uint32_t most = 0;
    ota_ws_core_enter();
    ota_ws_http_step_t step = ota_ws_http_next(&upload->http, &most);
    ota_ws_core_leave();
    if (step == OTA_WS_HTTP_ANSWERED) {
        return false;
    }
    if (step == OTA_WS_HTTP_WAIT) {
        vTaskDelay(1);
        return !upload->is_gone;
    }
    int got = receive(upload, text, most < sizeof upload->space.text ? most : sizeof upload->space.text);
    if (got <= 0) {
        return got != 0;
    }
    ota_ws_core_enter();
    if (step == OTA_WS_HTTP_SKIP) {
        ota_ws_http_body(&upload->http, (uint32_t)got, ota_ws_core_now_ms());
    } else {
        pass_on(upload, text, (size_t)got);
    }
    ota_ws_core_leave();
    return true;
}

// ---- the answer

// The core's; by now nobody needs the head or bytes of the body. The task sends it.
static void take_answer(void *context, unsigned code, const char *text, size_t length) {
    upload_t *upload = context;
    memcpy(upload->space.text, text, length);
    upload->space.text[length] = '\0';
    upload->code = code;
}

static void send_answer(upload_t *upload) {
    char status[16];
    char headers[OTA_WS_ANSWER_HEADERS_SIZE];
    const ota_ws_answer_t answer = {
        .status = status, .headers = headers, .body = upload->space.text, .length = strlen(upload->space.text)};
    char *end = ota_ws_text_append(headers, OTA_WS_JSON_HEADERS);
    strcpy(ota_ws_text_number(status, upload->code), " ");
    if (upload->code == 308 && upload->http.kept > 0) {
        ota_ws_text_number(ota_ws_text_append(end, "\r\nRange: bytes=0-"), upload->http.kept - 1);
    }
    if (upload->code == 401) {
        ota_ws_text_append(end, "\r\nWWW-Authenticate: OTA-SCRAM");
    }
    (void)ota_ws_answer(upload->async, &answer);
    if (upload->left > 0) {
        ota_ws_socket_drain(upload->socket);
    }
}

// ---- the task

// What a password in the head comes to is calculated without the lock: it takes as long as that takes.
static void open_request(upload_t *upload) {
    ota_ws_http_request_t *request = &upload->space.head.request;
    char password[OTA_WS_PASSWORD_MAX + 1];
    ota_ws_verifier_t derived;
    ota_ws_device_t *device = ota_ws_core_enter();
    bool derives = ota_ws_http_password(device, request, &upload->peer, ota_ws_core_now_ms(), password);
    if (derives) {
        derived = *device->verifier;
        ota_ws_core_leave();
        ota_ws_verifier_make(&ota_ws_compat_hash, password, derived.salt, derived.iterations, &derived);
        request->derived_key = derived.stored_key;
        ota_ws_core_enter();
    }
    ota_ws_http_open(&upload->http, device, request, &upload->peer, ota_ws_core_now_ms(), take_answer, upload);
    ota_ws_core_leave();
    ota_ws_wipe(password, sizeof password);
}

// The server may have slept since it has handed the connection over: up to 5.4 nothing else wakes it.
static void wake(void *context) {
    (void)context;
}

static void run(void *context) {
    upload_t *upload = context;
    if (upload->space.head.request.method[1] != 'O' || receive_post(upload)) {
        open_request(upload);
        while (serve(upload)) {
        }
        if (upload->code != 0) {
            send_answer(upload);
        }
        ota_ws_core_enter();
        ota_ws_http_close(&upload->http, ota_ws_core_now_ms());
        ota_ws_core_leave();
    }
    ota_ws_socket_end(upload->socket, upload->port);
    httpd_req_async_handler_complete(upload->async);
    httpd_queue_work(upload->server, wake, NULL);
}

// ---- open and gone

// One of `uploads`; with `old` NULL a free one. NULL: there is none.
static upload_t **find_place(const upload_t *old) {
    for (int i = 0; i < MOST; i++) {
        if (uploads[i] == old) {
            return &uploads[i];
        }
    }
    return NULL;
}

// NULL: there are too many, or there is no memory.
static upload_t *make_upload(void) {
    ota_ws_device_t *device = ota_ws_core_enter();
    upload_t **place = find_place(NULL);
    upload_t *upload = place != NULL ? calloc(1, sizeof *upload) : NULL;
    if (upload != NULL && ota_ws_peer_hold_text(device)) {
        *place = upload;
    } else {
        free(upload);
        upload = NULL;
    }
    ota_ws_core_leave();
    return upload;
}

static void free_upload(upload_t *upload) {
    ota_ws_core_enter();
    *find_place(upload) = NULL;
    ota_ws_peer_release_text();
    ota_ws_core_leave();
    free(upload);
}

// The server has closed the connection; its task waits for ours.
static void forget(void *context) {
    upload_t *upload = context;
    upload->is_gone = true;
    (void)ota_ws_task_end(&upload->task);
    free_upload(upload);
}

static bool start(httpd_req_t *request, upload_t *upload) {
    upload->server = request->handle;
    upload->socket = httpd_req_to_sockfd(request);
    upload->port = ota_ws_peer_address(upload->socket, &upload->peer);
    upload->task = (ota_ws_task_t){.body = run, .context = upload};
    read_head(request, upload);
    if (httpd_req_async_handler_begin(request, &upload->async) != ESP_OK) {
        return false;
    }
    request->sess_ctx = upload;
    request->free_ctx = forget;
    if (ota_ws_task_start(&upload->task, "ota_ws_http", STACK_SIZE, PRIORITY)) {
        return true;
    }
    request->sess_ctx = NULL;
    httpd_req_async_handler_complete(upload->async);
    return false;
}

esp_err_t ota_ws_plain_http_serve(httpd_req_t *request) {
    static const char text[] = "{\"type\":\"error\",\"name\":\"no_memory\"}";
    static const ota_ws_answer_t no_memory = {
        .status = "503 ", .headers = OTA_WS_JSON_HEADERS, .body = text, .length = sizeof text - 1};
    upload_t *upload = make_upload();
    if (upload != NULL && start(request, upload)) {
        return ESP_OK;
    }
    if (upload != NULL) {
        free_upload(upload);
    }
    (void)ota_ws_answer(request, &no_memory);
    ota_ws_socket_drain(httpd_req_to_sockfd(request));
    return ESP_FAIL;
}

bool ota_ws_plain_http_close_all(httpd_handle_t server) {
    bool any = false;
    for (int i = 0; i < MOST; i++) {
        const upload_t *at = uploads[i];
        if (at != NULL && at->server == server && !at->is_gone) {
            ota_ws_socket_end(at->socket, at->port);
            any = true;
        }
    }
    return any;
}

void ota_ws_plain_http_note(void) {
}
