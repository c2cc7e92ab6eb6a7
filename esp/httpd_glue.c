// SPDX-License-Identifier: Apache-2.0
// Requests and frames of esp_http_server in, calls of the core out. All rules of frames are here, because the server
// keeps none of them (docs/design.md, "On the chip"). Knows no update.
#include "httpd_glue.h"

#include <string.h>

#include "answer.h"
#include "bytes.h"
#include "compat.h"
#include "core.h"
#include "link.h"
#include "page.h"
#include "plain_http.h"
#include "request_gate.h"
#include "sdkconfig.h"
#include "text.h"
#include "worker.h"

#define HEADER_VALUE_SIZE 96
#define PATH_SIZE OTA_WS_REQUEST_PATH_SIZE
#define CONTROL_MAX 125     // RFC 6455, section 5.5
#define DISCARD_MAX 0x10000 // more is not worth reading: the connection closes
#define WAIT_SLICE_MS 20
#define PIECE_MAX 1024 // over TLS, where a piece is passed on when all of it is there

// ---- ticket ----

static bool has_body(httpd_req_t *request) {
    char coding[HEADER_VALUE_SIZE];
    return request->content_len > 0 ||
           ota_ws_request_header(request, "Transfer-Encoding", coding, sizeof coding) != NULL;
}

// ESP_FAIL closes the connection: the server would wait for a body that nobody reads.
static esp_err_t refuse_upload(httpd_req_t *request) {
    static const ota_ws_answer_t answer = {.status = "415 Unsupported Media Type",
                                           .headers = "Content-Type: text/plain; charset=utf-8",
                                           .body = OTA_WS_NO_UPLOAD,
                                           .length = sizeof OTA_WS_NO_UPLOAD - 1};
    (void)ota_ws_answer(request, &answer);
    ota_ws_socket_drain(httpd_req_to_sockfd(request));
    return ESP_FAIL;
}

static esp_err_t post_ticket(httpd_req_t *request) {
    ota_ws_request_gate_t gate;
    char body[OTA_WS_TICKET_BODY_SIZE];
    ota_ws_address_t peer;
    if (has_body(request)) {
        return refuse_upload(request);
    }
    ota_ws_request_gate(request, &gate);
    ota_ws_peer_address(httpd_req_to_sockfd(request), &peer);
    ota_ws_device_t *device = ota_ws_core_enter();
    ota_ws_status_t status =
        ota_ws_device_ticket(device, &gate.request, &peer, ota_ws_core_now_ms(), body, sizeof body);
    ota_ws_core_leave();
    const ota_ws_answer_t answer = {.status = status == OTA_WS_OK ? "200 OK" : "403 Forbidden",
                                    .headers = OTA_WS_JSON_HEADERS,
                                    .body = body,
                                    .length = strlen(body)};
    return ota_ws_answer(request, &answer);
}

static esp_err_t serve_page(httpd_req_t *request) {
    if (ota_ws_plain_http_is_asked(request)) {
        return ota_ws_plain_http_serve(request);
    }
    if (request->method == HTTP_POST) {
        return post_ticket(request);
    }
    if (request->method == HTTP_GET || request->method == HTTP_HEAD) {
        return ota_ws_page_get(request);
    }
    static const ota_ws_answer_t answer = {.status = "405 Method Not Allowed", .headers = "Allow: GET, HEAD, POST"};
    (void)ota_ws_answer(request, &answer);
    return ESP_FAIL; // it may have a body
}

// ---- frames ----

typedef struct {
    httpd_req_t *request;
    ota_ws_peer_t *peer;
    httpd_ws_frame_t head;
    size_t left;     // of the payload
    uint32_t offset; // of the data that come next
    bool is_taken;   // by the session; else the rest is thrown away
} frame_t;

// At most `*length` bytes, at least one; over TLS all of them.
static esp_err_t read_some(frame_t *frame, uint8_t *to, size_t *length) {
    esp_err_t error = ESP_OK;
    if (frame->peer->plain) {
        *length = ota_ws_peer_read(frame->peer, to, *length);
        error = *length > 0 ? ESP_OK : ESP_FAIL;
    } else {
        error = ota_ws_compat_read_payload(frame->request, &frame->head, to, *length);
    }
    frame->left -= error == ESP_OK ? *length : 0;
    return error;
}

static esp_err_t read_part(frame_t *frame, uint8_t *to, size_t length) {
    esp_err_t error = ESP_OK;
    while (length > 0 && error == ESP_OK) {
        size_t got = length;
        error = read_some(frame, to, &got);
        to += got;
        length -= got;
    }
    return error;
}

// Reads the rest of the payload and throws it away.
static esp_err_t discard(frame_t *frame) {
    uint8_t *text = (uint8_t *)ota_ws_peer_text();
    esp_err_t error = frame->left > DISCARD_MAX ? ESP_ERR_INVALID_SIZE : ESP_OK;
    while (frame->left > 0 && error == ESP_OK) {
        error = read_part(frame, text, frame->left < OTA_WS_MESSAGE_SIZE ? frame->left : OTA_WS_MESSAGE_SIZE);
    }
    return error;
}

// The session has ended, its error is sent. Without TLS the rest is drained until the client has read it; with TLS the
// stream would have to be understood for that.
static esp_err_t linger(frame_t *frame) {
    return frame->peer->plain ? ESP_OK : discard(frame);
}

static esp_err_t refuse(frame_t *frame, ota_ws_status_t status) {
    ota_ws_session_broken(&frame->peer->session, status, ota_ws_core_now_ms());
    return linger(frame);
}

// What came does not arrive whole: said when it is the peer's fault and he is still there.
static esp_err_t give_up(frame_t *frame) {
    if (frame->peer->broken == OTA_WS_OK) {
        return ESP_FAIL;
    }
    return refuse(frame, frame->peer->broken);
}

static esp_err_t take_text(frame_t *frame) {
    ota_ws_session_t *session = &frame->peer->session;
    char *text = ota_ws_peer_text();
    size_t length = frame->left;
    if (ota_ws_session_admit(session, OTA_WS_FRAME_TEXT, length, ota_ws_core_now_ms()) != OTA_WS_ADMIT_TAKE) {
        return linger(frame);
    }
    if (length > 0 && read_part(frame, (uint8_t *)text, length) != ESP_OK) {
        return give_up(frame);
    }
    bool unauthenticated = session->state != OTA_WS_SESSION_WELCOME;
    ota_ws_session_message(session, text, length, ota_ws_core_now_ms());
    if (unauthenticated && session->state == OTA_WS_SESSION_WELCOME) {
        ota_ws_peer_trust(frame->peer);
    }
    return ESP_OK;
}

// ---- data ----
// The payload goes from the socket into the writer's ring, piece by piece.

// Waits for the writer, which takes as long as one flash operation. NULL: the update has ended meanwhile.
static uint8_t *wait_for_space(frame_t *frame, size_t *length) {
    uint8_t *space = ota_ws_chip_worker_space(length, WAIT_SLICE_MS);
    while (space == NULL && ota_ws_session_takes_data(&frame->peer->session)) {
        ota_ws_core_drain();
        space = ota_ws_chip_worker_space(length, WAIT_SLICE_MS);
    }
    ota_ws_peer_extend(frame->peer);
    return space;
}

static esp_err_t read_offset(frame_t *frame) {
    uint8_t bytes[OTA_WS_OFFSET_SIZE];
    esp_err_t error = read_part(frame, bytes, sizeof bytes);
    frame->offset = ota_ws_read_u32(bytes);
    return error;
}

// The core sees each piece, which lies in the ring's space, with the offset that belongs to it. `left`: bytes of the
// frame that are still to be passed on.
static void pass_on(frame_t *frame, size_t length, size_t left) {
    ota_ws_data_t data = {frame->offset, (uint32_t)length, left == 0};
    frame->offset += data.length;
    frame->is_taken = ota_ws_session_data(&frame->peer->session, &data, ota_ws_core_now_ms());
}

// The ring has less than a mask in one piece, at its end or because it is nearly full.
static esp_err_t take_few(frame_t *frame) {
    uint8_t bytes[OTA_WS_MASK_SIZE];
    size_t length = frame->left < sizeof bytes ? frame->left : sizeof bytes;
    esp_err_t error = read_part(frame, bytes, length);
    for (size_t i = 0; i < length && error == ESP_OK && frame->is_taken; i++) {
        size_t space_length;
        uint8_t *space = wait_for_space(frame, &space_length);
        if (space == NULL) {
            break;
        }
        *space = bytes[i];
        pass_on(frame, 1, frame->left + length - i - 1);
    }
    return error;
}

// How many bytes to ask for. Over TLS all parts of a payload but the last are multiples of the mask (compat.c): 0,
// where less than that has space.
static size_t portion(const frame_t *frame, size_t space) {
    size_t length = space < frame->left ? space : frame->left;
    if (frame->peer->plain) {
        return length;
    }
    length = length < PIECE_MAX ? length : PIECE_MAX;
    return length < frame->left ? length - length % OTA_WS_MASK_SIZE : length;
}

static esp_err_t take_piece(frame_t *frame, uint8_t *space, size_t length) {
    length = portion(frame, length);
    if (length == 0) {
        return take_few(frame);
    }
    esp_err_t error = read_some(frame, space, &length);
    if (error == ESP_OK) {
        pass_on(frame, length, frame->left);
    }
    return error;
}

// As long as the session takes them.
static esp_err_t take_payload(frame_t *frame) {
    size_t length;
    esp_err_t error = read_offset(frame);
    while (error == ESP_OK && frame->is_taken && frame->left > 0) {
        uint8_t *space = wait_for_space(frame, &length);
        if (space == NULL) {
            break;
        }
        error = take_piece(frame, space, length);
        if (error == ESP_OK) {
            ota_ws_core_drain();
        }
    }
    return error;
}

static esp_err_t take_data(frame_t *frame) {
    ota_ws_session_t *session = &frame->peer->session;
    frame->is_taken =
        ota_ws_session_admit(session, OTA_WS_FRAME_DATA, frame->left, ota_ws_core_now_ms()) == OTA_WS_ADMIT_TAKE;
    if (OTA_WS_TAKES_UPDATES && frame->is_taken && take_payload(frame) != ESP_OK) {
        return give_up(frame);
    }
    return ota_ws_peer_has_ended(frame->peer) ? linger(frame) : discard(frame);
}

// ---- control frames ----

static esp_err_t take_control(frame_t *frame) {
    uint8_t payload[CONTROL_MAX];
    size_t length = frame->left;
    if (length > CONTROL_MAX || !frame->head.final) {
        return refuse(frame, OTA_WS_BAD_FRAME);
    }
    if (length > 0 && read_part(frame, payload, length) != ESP_OK) {
        return give_up(frame);
    }
    if (frame->head.type == HTTPD_WS_TYPE_PING) {
        ota_ws_peer_send(frame->peer, HTTPD_WS_TYPE_PONG, payload, length);
    }
    if (frame->head.type == HTTPD_WS_TYPE_CLOSE) {
        ota_ws_peer_send(frame->peer, HTTPD_WS_TYPE_CLOSE, payload, length < 2 ? length : 2);
        return ESP_FAIL; // this makes the server close
    }
    return ESP_OK;
}

// The server has read this CLOSE, or the end of the connection, itself, and queues its own close when we return.
// ESP_FAIL would be a second one, and the queued close would hit the next connection (link.c).
static esp_err_t answer_close(frame_t *frame, esp_err_t error) {
    if (error == ESP_OK) {
        (void)take_control(frame);
    }
    return ESP_OK;
}

static esp_err_t take_frame(frame_t *frame) {
    switch (frame->head.type) {
    case HTTPD_WS_TYPE_CLOSE:
    case HTTPD_WS_TYPE_PING:
    case HTTPD_WS_TYPE_PONG:
        return take_control(frame);
    case HTTPD_WS_TYPE_TEXT:
        return frame->head.final ? take_text(frame) : refuse(frame, OTA_WS_FRAGMENTED);
    case HTTPD_WS_TYPE_BINARY:
        return frame->head.final ? take_data(frame) : refuse(frame, OTA_WS_FRAGMENTED);
    case HTTPD_WS_TYPE_CONTINUE:
        return refuse(frame, OTA_WS_FRAGMENTED);
    default:
        return refuse(frame, OTA_WS_BAD_FRAME);
    }
}

// Between enter and leave. The server has read the frame's first byte.
static esp_err_t receive_frame(httpd_req_t *request, ota_ws_peer_t *peer) {
    frame_t frame = {.request = request, .peer = peer};
    if (peer->left) {
        return ESP_FAIL;
    }
    if (ota_ws_peer_has_ended(peer) && peer->plain) {
        return ESP_OK; // its bytes were drained before we were called
    }
    esp_err_t error = peer->broken == OTA_WS_OK ? httpd_ws_recv_frame(request, &frame.head, 0) : ESP_OK;
    peer->in_header = false;
    frame.left = frame.head.len;
    if (frame.head.type == HTTPD_WS_TYPE_CLOSE) {
        return answer_close(&frame, error);
    }
    if (ota_ws_peer_closes(peer)) {
        frame.head.type = HTTPD_WS_TYPE_CLOSE;
    }
    if (error == ESP_ERR_INVALID_STATE) {
        frame.left = 0;
        return refuse(&frame, OTA_WS_BAD_FRAME); // not masked
    }
    if (error != ESP_OK || peer->broken != OTA_WS_OK) {
        return give_up(&frame);
    }
    return take_frame(&frame);
}

// ---- WebSocket ----

static esp_err_t refuse_peer(httpd_req_t *request) {
    static const char text[] = "{\"type\":\"error\",\"name\":\"too_many_sessions\"}";
    httpd_ws_frame_t frame = {.type = HTTPD_WS_TYPE_TEXT, .payload = (uint8_t *)text, .len = sizeof text - 1};
    httpd_ws_send_frame(request, &frame);
    return ESP_FAIL;
}

// The connection has been upgraded; where the server does not say so, the first frame does.
static esp_err_t open_session(httpd_req_t *request) {
    ota_ws_device_t *device = ota_ws_core_enter();
    bool open = ota_ws_peer_open(request, device) != NULL;
    ota_ws_core_leave();
    return open ? ESP_OK : refuse_peer(request);
}

static esp_err_t ask_for_upgrade(httpd_req_t *request) {
    static const ota_ws_answer_t answer = {.status = "426 Upgrade Required",
                                           .headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13"};
    return ota_ws_answer(request, &answer);
}

static esp_err_t serve_frame(httpd_req_t *request) {
    ota_ws_device_t *device = ota_ws_core_enter();
    esp_err_t error = ESP_OK;
    ota_ws_peer_t *peer = ota_ws_peer_find(request->handle, httpd_req_to_sockfd(request));
    if (peer == NULL) {
        peer = ota_ws_peer_open(request, device);
        if (peer != NULL) {
            ota_ws_peer_begin_frame(peer);
        }
    }
    if (peer == NULL) {
        error = refuse_peer(request);
    } else {
        error = receive_frame(request, peer);
        peer->in_frame = false;
    }
    ota_ws_core_leave();
    return error;
}

// Up to 5.5.4 and in 6.0 the server calls this once more, with method GET, when the upgrade is done.
static esp_err_t serve_socket(httpd_req_t *request) {
    if (request->method != HTTP_GET) {
        return serve_frame(request);
    }
    bool upgraded = httpd_ws_get_fd_info(request->handle, httpd_req_to_sockfd(request)) == HTTPD_WS_CLIENT_WEBSOCKET;
    return upgraded ? open_session(request) : ask_for_upgrade(request);
}

// ---- register ----

#define HANDLERS 3 // of the eight that a server has by default

// The page with a slash behind it too, where one handler can answer all methods. `slash` has space for the path.
static size_t list_handlers(const char *uri, const char *ws_uri, char slash[PATH_SIZE], httpd_uri_t list[HANDLERS]) {
    list[0] = (httpd_uri_t){.uri = ws_uri,
                            .method = HTTP_GET,
                            .handler = serve_socket,
                            .is_websocket = true,
                            .handle_ws_control_frames = true};
    ota_ws_compat_on_handshake(&list[0], open_session); // control frames: the server would read them without a deadline
    list[1] = (httpd_uri_t){.uri = uri, .method = HTTP_GET, .handler = serve_page};
    list[2] = (httpd_uri_t){.uri = uri, .method = HTTP_POST, .handler = serve_page};
    size_t length = strlen(uri);
    if (!ota_ws_compat_any_method(&list[1])) {
        return HANDLERS;
    }
    if (length + 1 >= PATH_SIZE || uri[length - 1] == '/') {
        return HANDLERS - 1;
    }
    memcpy(slash, uri, length);
    memcpy(slash + length, "/", 2);
    list[2] = (httpd_uri_t){.uri = slash, .method = list[1].method, .handler = serve_page};
    return HANDLERS;
}

// Returns how it went with the last one.
static esp_err_t unregister(httpd_handle_t server, const httpd_uri_t *list, size_t count) {
    esp_err_t error = ESP_OK;
    for (size_t i = 0; i < count; i++) {
        error = httpd_unregister_uri_handler(server, list[i].uri, list[i].method);
    }
    return error;
}

esp_err_t ota_ws_glue_unregister(httpd_handle_t server, const char *uri, const char *ws_uri) {
    char slash[PATH_SIZE];
    httpd_uri_t list[HANDLERS];
    return unregister(server, list, list_handlers(uri, ws_uri, slash, list));
}

esp_err_t ota_ws_glue_register(httpd_handle_t server, const char *uri, const char *ws_uri) {
    char slash[PATH_SIZE];
    httpd_uri_t list[HANDLERS];
    size_t count = list_handlers(uri, ws_uri, slash, list);
    for (size_t i = 0; i < count; i++) {
        esp_err_t error = httpd_register_uri_handler(server, &list[i]);
        if (error != ESP_OK) {
            (void)unregister(server, list, i);
            return error;
        }
    }
    return ESP_OK;
}
