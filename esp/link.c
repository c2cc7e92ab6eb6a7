// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "lwip/sockets.h"

#define HEADER_SIZE 4   // of a frame that we send: at most 65535 bytes, no mask
#define LENGTH_IN_2 126 // a frame's second byte: its length stands in the next 2 bytes, or 8
#define LENGTH_IN_8 127
#define HEAD_LEAST 6       // of every frame: two bytes and the mask
#define HEAD_OF_2 12       // of one with LENGTH_IN_2: two bytes, the length, the mask, and 4 of the 126 that follow
#define SLICE_MS 50        // so long one receive waits at most
#define LOGIN_FRAME_MS 250 // so long a frame may take before the login; the server serves nobody else meanwhile
#define OWNER_FRAME_MS 5000
#define SEND_MS 300
#define TRASH_SIZE 128
#define TRASH_ROUNDS 64
#define DRAIN_ROUNDS 10 // with the next line: 100 ms, in which the server serves nobody else
#define DRAIN_WAIT_MS 10

// Between enter and leave only.
static ota_ws_peer_t *peers;
static char *shared_text;    // received or to be sent; before it a header has space: both leave in one piece
static uint8_t text_holders; // besides the peers

// ---- find and close ----

ota_ws_peer_t *ota_ws_peer_find(httpd_handle_t server, int socket) {
    for (ota_ws_peer_t *peer = peers; peer != NULL; peer = peer->next) {
        if (peer->server == server && peer->socket == socket && !peer->gone) {
            return peer;
        }
    }
    return NULL;
}

bool ota_ws_peer_closes(const ota_ws_peer_t *peer) {
    return (peer->head[0] & 0x0F) == HTTPD_WS_TYPE_CLOSE;
}

bool ota_ws_peer_has_ended(const ota_ws_peer_t *peer) {
    return peer->session.state == OTA_WS_SESSION_ENDED;
}

char *ota_ws_peer_text(void) {
    return shared_text;
}

httpd_handle_t ota_ws_peer_any_server(void) {
    for (const ota_ws_peer_t *peer = peers; peer != NULL; peer = peer->next) {
        if (!peer->gone) {
            return peer->server;
        }
    }
    return NULL;
}

// The server sees the end of the stream and closes; a close through its queue could get lost. When the server has
// closed a connection, and we do not know it yet, the descriptor may be another connection already: it has another
// port.
void ota_ws_socket_end(int socket, uint16_t port) {
    ota_ws_address_t address;
    if (ota_ws_peer_address(socket, &address) == port) {
        shutdown(socket, SHUT_RDWR);
    }
}

static void close_link(void *context) {
    const ota_ws_peer_t *peer = context;
    ota_ws_socket_end(peer->socket, peer->port);
}

bool ota_ws_peer_close_all(httpd_handle_t server) {
    bool any = false;
    for (ota_ws_peer_t *peer = peers; peer != NULL; peer = peer->next) {
        if (peer->server == server && !peer->gone) {
            close_link(peer);
            any = true;
        }
    }
    return any;
}

// ---- send ----

// A part that did not leave would put the stream out of step: then it is over.
static void write_frame(ota_ws_peer_t *peer, const char *frame, size_t length) {
    int sent = httpd_socket_send(peer->server, peer->socket, frame, length, 0);
    if (sent < 0 || (size_t)sent != length) {
        close_link(peer);
    }
}

static size_t write_header(uint8_t *header, httpd_ws_type_t type, size_t length) {
    header[0] = (uint8_t)(0x80 | type);
    if (length < 126) {
        header[1] = (uint8_t)length;
        return 2;
    }
    header[1] = 126;
    header[2] = (uint8_t)(length >> 8);
    header[3] = (uint8_t)length;
    return HEADER_SIZE;
}

// Header right before the text, so that both leave in one segment.
static void send_now(ota_ws_peer_t *peer, httpd_ws_type_t type, char *text, size_t length) {
    uint8_t header[HEADER_SIZE];
    size_t size = write_header(header, type, length);
    memcpy(text - size, header, size);
    write_frame(peer, text - size, size + length);
}

typedef struct {
    ota_ws_peer_t *peer;
    size_t length;
    char frame[HEADER_SIZE]; // and the text
} queued_t;

static void free_peer(ota_ws_peer_t *peer);

static void send_queued(void *context) {
    queued_t *queued = context;
    ota_ws_peer_t *peer = queued->peer;
    ota_ws_core_enter();
    peer->queued--;
    if (!peer->gone) {
        send_now(peer, HTTPD_WS_TYPE_TEXT, queued->frame + HEADER_SIZE, queued->length);
    } else if (peer->queued == 0) {
        free_peer(peer);
    }
    ota_ws_core_leave();
    free(queued);
}

// From another task, or after a message that still waits: the order must stay.
static void send_later(ota_ws_peer_t *peer, const char *text, size_t length) {
    queued_t *queued = malloc(sizeof *queued + length);
    if (queued == NULL) {
        close_link(peer);
        return;
    }
    queued->peer = peer;
    queued->length = length;
    memcpy(queued->frame + HEADER_SIZE, text, length);
    if (httpd_queue_work(peer->server, send_queued, queued) != ESP_OK) {
        free(queued);
        close_link(peer);
        return;
    }
    peer->queued++;
}

// `text` lies in the shared one, in which the core builds all its messages: before it a header has space.
static void send_text(void *context, const char *text, size_t length) {
    ota_ws_peer_t *peer = context;
    if (peer->gone) {
        return;
    }
    if (peer->queued == 0 && xTaskGetCurrentTaskHandle() == peer->task) {
        send_now(peer, HTTPD_WS_TYPE_TEXT, shared_text + (text - shared_text), length);
    } else {
        send_later(peer, text, length);
    }
}

void ota_ws_peer_send(ota_ws_peer_t *peer, httpd_ws_type_t type, const void *bytes, size_t length) {
    char *text = shared_text;
    memcpy(text, bytes, length);
    send_now(peer, type, text, length);
}

// ---- receive ----

// The server must not see the end of a connection, nor a CLOSE: it would queue a close of the connection's place in its
// table, our handler would close at once, and the queued one would hit the next connection in that place. So the server
// sees the first byte of a data frame instead. (5.5.5, 6.0.2; 5.1.4 spares one without a request so far.)
static const char shown = (char)(0x80 | HTTPD_WS_TYPE_BINARY);

// The session has ended: its bytes are thrown away.
static int receive_trash(ota_ws_peer_t *peer, char *byte) {
    char trash[TRASH_SIZE];
    int got = 1;
    for (int i = 0; i < TRASH_ROUNDS && got > 0; i++) {
        got = recv(peer->socket, trash, sizeof trash, MSG_DONTWAIT);
    }
    peer->left = got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
    *byte = shown;
    return 1;
}

void ota_ws_peer_begin_frame(ota_ws_peer_t *peer) {
    bool known = peer->session.state == OTA_WS_SESSION_WELCOME;
    peer->deadline_ms = ota_ws_core_now_ms() + (known ? OWNER_FRAME_MS : LOGIN_FRAME_MS);
    peer->in_frame = true;
    peer->in_header = true;
    peer->head_length = 1;
    peer->head_taken = 1;
    peer->unmasked = 0;
    peer->broken = OTA_WS_OK;
}

static int receive_first(ota_ws_peer_t *peer, char *byte) {
    if (ota_ws_peer_has_ended(peer)) {
        return receive_trash(peer, byte);
    }
    int got = recv(peer->socket, peer->head, HEAD_LEAST, 0);
    *byte = shown;
    if (got <= 0) {
        peer->left = true;
        return 1;
    }
    ota_ws_peer_begin_frame(peer);
    peer->head_length = (uint8_t)got;
    if ((peer->head[0] & 0x70) != 0) { // reserved bits: no extension was agreed
        peer->broken = OTA_WS_BAD_FRAME;
    } else if (!ota_ws_peer_closes(peer)) {
        *byte = (char)peer->head[0];
    }
    return 1;
}

// Is the time for this frame over? Then it is a broken one.
static bool is_late(ota_ws_peer_t *peer) {
    if ((int32_t)(ota_ws_core_now_ms() - peer->deadline_ms) < 0) {
        return false;
    }
    peer->broken = OTA_WS_SILENT;
    return true;
}

// At least one byte; 0: none will come in time.
static size_t receive_some(ota_ws_peer_t *peer, uint8_t *bytes, size_t length) {
    while (!is_late(peer)) {
        int got = recv(peer->socket, bytes, length, 0);
        if (got > 0) {
            return (size_t)got;
        }
        if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
            return 0;
        }
    }
    return 0;
}

// Up to where the frame's bytes may be read without reading into the next frame.
static size_t head_end(const ota_ws_peer_t *peer) {
    uint8_t code = peer->head_length > 1 ? peer->head[1] & 0x7F : 0;
    return code == LENGTH_IN_2 ? HEAD_OF_2 : code == LENGTH_IN_8 ? OTA_WS_HEAD_SIZE : HEAD_LEAST;
}

static size_t take_head(ota_ws_peer_t *peer, void *bytes, size_t length) {
    size_t there = peer->head_length - peer->head_taken;
    size_t taken = length < there ? length : there;
    memcpy(bytes, peer->head + peer->head_taken, taken);
    peer->head_taken = (uint8_t)(peer->head_taken + taken);
    return taken;
}

// All of a header's field: before 5.3.4 the server takes half a length for a length. What follows it is read with it,
// because every read costs a turn of lwIP's task.
static bool receive_field(ota_ws_peer_t *peer, char *bytes, size_t length) {
    while (peer->head_length - peer->head_taken < (int)length) {
        size_t got = receive_some(peer, peer->head + peer->head_length, head_end(peer) - peer->head_length);
        if (got == 0) {
            return false;
        }
        peer->head_length = (uint8_t)(peer->head_length + got);
    }
    take_head(peer, bytes, length);
    return true;
}

// What the server does not see to: lengths beyond 32 bits, of which it keeps the lower ones, and a short length in the
// place of a long one, behind which the next frame may have been read.
static void judge_field(ota_ws_peer_t *peer, const char *bytes, size_t length) {
    if (length == 8 && (bytes[0] | bytes[1] | bytes[2] | bytes[3]) != 0) {
        peer->broken = OTA_WS_FRAME_TOO_LONG;
    }
    if (length == 2 && bytes[0] == 0 && (uint8_t)bytes[1] < LENGTH_IN_2) {
        peer->broken = OTA_WS_BAD_FRAME;
    }
    if (length == OTA_WS_MASK_SIZE) {
        memcpy(peer->mask, bytes, length);
    }
}

static int receive_more(ota_ws_peer_t *peer, char *bytes, size_t length) {
    if (!peer->in_header || !receive_field(peer, bytes, length)) {
        return HTTPD_SOCK_ERR_FAIL;
    }
    judge_field(peer, bytes, length);
    return (int)length;
}

// Four at a time where they are aligned: the server's own way, byte by byte, costs as much as all else that receives.
static void unmask(ota_ws_peer_t *peer, uint8_t *bytes, size_t length) {
    uint8_t *end = bytes + length;
    uint32_t at = peer->unmasked;
    uint32_t word;
    peer->unmasked += (uint32_t)length;
    while (bytes < end && (uintptr_t)bytes % sizeof word != 0) {
        *bytes++ ^= peer->mask[at++ % OTA_WS_MASK_SIZE];
    }
    const uint8_t turned[OTA_WS_MASK_SIZE] = {
        peer->mask[at % OTA_WS_MASK_SIZE], peer->mask[(at + 1) % OTA_WS_MASK_SIZE],
        peer->mask[(at + 2) % OTA_WS_MASK_SIZE], peer->mask[(at + 3) % OTA_WS_MASK_SIZE]};
    uint32_t mask;
    memcpy(&mask, turned, sizeof mask);
    for (uint8_t *last = end - (end - bytes) % (int)sizeof word; bytes < last; bytes += sizeof word) {
        uint8_t *aligned = __builtin_assume_aligned(bytes, sizeof word);
        memcpy(&word, aligned, sizeof word);
        word ^= mask;
        memcpy(aligned, &word, sizeof word);
    }
    while (bytes < end) {
        *bytes++ ^= peer->mask[at++ % OTA_WS_MASK_SIZE];
    }
}

size_t ota_ws_peer_read(ota_ws_peer_t *peer, uint8_t *to, size_t length) {
    size_t got = take_head(peer, to, length);
    if (got == 0) {
        got = receive_some(peer, to, length);
    }
    unmask(peer, to, got);
    return got;
}

// In the server's task, with or without the lock.
static int receive(httpd_handle_t server, int socket, char *bytes, size_t length, int flags) {
    (void)flags;
    int got = HTTPD_SOCK_ERR_FAIL;
    ota_ws_core_lock();
    ota_ws_peer_t *peer = ota_ws_peer_find(server, socket);
    if (peer != NULL && length > 0) {
        got = peer->in_frame ? receive_more(peer, bytes, length) : receive_first(peer, bytes);
    }
    ota_ws_core_unlock();
    return got;
}

// ---- open and gone ----

static void drop_text(void) {
    if (peers == NULL && text_holders == 0 && shared_text != NULL) {
        free(shared_text - HEADER_SIZE);
        shared_text = NULL;
    }
}

static void free_peer(ota_ws_peer_t *peer) {
    ota_ws_peer_t **at = &peers;
    while (*at != peer) {
        at = &(*at)->next;
    }
    *at = peer->next;
    free(peer);
    drop_text();
}

// The server has closed the connection.
static void forget(void *context) {
    ota_ws_peer_t *peer = context;
    ota_ws_core_lock();
    peer->gone = true; // before anything is sent: the descriptor may be another connection already
    ota_ws_core_drain();
    ota_ws_session_closed(&peer->session, ota_ws_core_now_ms());
    if (peer->queued == 0) {
        free_peer(peer);
    }
    ota_ws_core_leave();
}

static void set_time_limit(int socket, int option, uint32_t limit_ms) {
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = (long)(limit_ms % 1000) * 1000};
    setsockopt(socket, SOL_SOCKET, option, &limit, sizeof limit);
}

void ota_ws_peer_trust(ota_ws_peer_t *peer) {
    if (!peer->plain) {
        set_time_limit(peer->socket, SO_RCVTIMEO, OWNER_FRAME_MS);
    }
}

void ota_ws_peer_extend(ota_ws_peer_t *peer) {
    peer->deadline_ms = ota_ws_core_now_ms() + OWNER_FRAME_MS;
}

// Without TCP_NODELAY a message waits for the acknowledgement of the one before.
static void prepare_socket(ota_ws_peer_t *peer) {
    int on = 1;
    setsockopt(peer->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_time_limit(peer->socket, SO_SNDTIMEO, SEND_MS);
    peer->plain = httpd_sess_get_transport_ctx(peer->server, peer->socket) == NULL;
    set_time_limit(peer->socket, SO_RCVTIMEO, peer->plain ? SLICE_MS : LOGIN_FRAME_MS);
    if (peer->plain) {
        httpd_sess_set_recv_override(peer->server, peer->socket, receive);
    }
}

// Returns the port.
static uint16_t take_address(const struct sockaddr_storage *from, ota_ws_address_t *address) {
    memset(address, 0, sizeof *address);
#if CONFIG_LWIP_IPV6
    if (from->ss_family == AF_INET6) {
        memcpy(address->bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, sizeof address->bytes);
        return ntohs(((const struct sockaddr_in6 *)from)->sin6_port);
    }
#endif
    address->bytes[10] = 0xFF;
    address->bytes[11] = 0xFF;
    memcpy(address->bytes + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
    return ntohs(((const struct sockaddr_in *)from)->sin_port);
}

uint16_t ota_ws_peer_address(int socket, ota_ws_address_t *address) {
    struct sockaddr_storage from = {0};
    socklen_t size = sizeof from;
    getpeername(socket, (struct sockaddr *)&from, &size);
    return take_address(&from, address);
}

bool ota_ws_own_address(int socket, ota_ws_address_t *address, uint16_t *port) {
    struct sockaddr_storage own = {0};
    socklen_t size = sizeof own;
    bool known = getsockname(socket, (struct sockaddr *)&own, &size) == 0;
    *port = take_address(&own, address);
    return known;
}

void ota_ws_socket_drain(int socket) {
    char trash[TRASH_SIZE];
    int got = 1;
    for (int i = 0; i < DRAIN_ROUNDS && got != 0; i++) {
        for (int j = 0; j < TRASH_ROUNDS && got > 0; j++) {
            got = recv(socket, trash, sizeof trash, MSG_DONTWAIT);
        }
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            vTaskDelay(pdMS_TO_TICKS(DRAIN_WAIT_MS));
            got = 1;
        }
    }
}

static int count_peers(bool open_only) {
    int count = 0;
    for (const ota_ws_peer_t *peer = peers; peer != NULL; peer = peer->next) {
        count += !open_only || !ota_ws_peer_has_ended(peer);
    }
    return count;
}

// Too many are open: one of them ends, which may be the one that has just come.
static void make_space(const ota_ws_device_t *device) {
    ota_ws_session_t *leaves = count_peers(true) > OTA_WS_MAX_PEERS ? ota_ws_session_to_leave(device) : NULL;
    for (ota_ws_peer_t *peer = peers; peer != NULL && leaves != NULL; peer = peer->next) {
        if (&peer->session == leaves) {
            ota_ws_session_broken(leaves, OTA_WS_TOO_MANY_SESSIONS, ota_ws_core_now_ms());
            close_link(peer);
            return;
        }
    }
}

static bool make_text(void) {
    if (shared_text == NULL) {
        char *block = malloc(HEADER_SIZE + OTA_WS_MESSAGE_SIZE);
        shared_text = block != NULL ? block + HEADER_SIZE : NULL;
    }
    return shared_text != NULL;
}

bool ota_ws_peer_hold_text(ota_ws_device_t *device) {
    if (!make_text()) {
        return false;
    }
    text_holders++;
    ota_ws_device_scratch(device, shared_text);
    return true;
}

void ota_ws_peer_release_text(void) {
    text_holders--;
    drop_text();
}

ota_ws_peer_t *ota_ws_peer_open(httpd_req_t *request, ota_ws_device_t *device) {
    ota_ws_address_t address;
    ota_ws_peer_t *peer = !make_text() || count_peers(false) > OTA_WS_MAX_PEERS ? NULL : calloc(1, sizeof *peer);
    if (peer == NULL) {
        return NULL;
    }
    peer->server = request->handle;
    peer->task = xTaskGetCurrentTaskHandle();
    peer->socket = httpd_req_to_sockfd(request);
    peer->link = (ota_ws_link_t){.context = peer, .send = send_text, .close = close_link};
    peer->next = peers;
    peers = peer;
    prepare_socket(peer);
    request->sess_ctx = peer;
    request->free_ctx = forget;
    peer->port = ota_ws_peer_address(peer->socket, &address);
    ota_ws_device_scratch(device, shared_text);
    ota_ws_session_open(&peer->session, device, &peer->link, &address, ota_ws_core_now_ms());
    make_space(device);
    return peer;
}
