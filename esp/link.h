// SPDX-License-Identifier: Apache-2.0
// One WebSocket connection of esp_http_server as a link of the core: opened, read with deadlines, written, closed.
// All but the receive function is called between enter and leave (core.h).
#pragma once

#include <stdbool.h>

#include "esp_http_server.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "session/session.h"

#define OTA_WS_HEAD_SIZE 14 // the longest header of a frame
#define OTA_WS_MASK_SIZE 4
#define OTA_WS_MAX_PEERS 5 // connections at once; esp_http_server has 7 sockets

typedef struct ota_ws_peer {
    struct ota_ws_peer *next;
    httpd_handle_t server;
    TaskHandle_t task; // the server's, the only one that may write to the socket
    int socket;
    uint16_t port;  // at the client's end
    bool plain;     // no TLS: bytes come through our own receive function
    bool gone;      // the connection is closed; kept because of `queued`
    bool left;      // the client has closed his side
    bool in_header; // of a frame
    bool in_frame;
    uint8_t head[OTA_WS_HEAD_SIZE]; // of the frame, as it came; where its length is long, the payload's first bytes too
    uint8_t head_length;
    uint8_t head_taken;
    uint8_t mask[OTA_WS_MASK_SIZE];
    uint32_t unmasked;      // bytes of the payload
    ota_ws_status_t broken; // what is wrong with the frame, OTA_WS_OK when nothing is
    uint32_t deadline_ms;   // for the whole frame
    int queued;             // messages that wait for the server's task
    ota_ws_link_t link;
    ota_ws_session_t session;
} ota_ws_peer_t;

// The connection of this request; NULL when it is none of ours.
ota_ws_peer_t *ota_ws_peer_find(httpd_handle_t server, int socket);

// Makes one of it. NULL: no memory, or too many.
ota_ws_peer_t *ota_ws_peer_open(httpd_req_t *request, ota_ws_device_t *device);

// The peer has logged in: over TLS he may take his time from now on.
void ota_ws_peer_trust(ota_ws_peer_t *peer);

// A frame's first byte has been read; our receive function does this itself.
void ota_ws_peer_begin_frame(ota_ws_peer_t *peer);

// The next bytes of the payload of a frame, `length` at most, as many as have come. 0: none will, in time. Without TLS
// only.
size_t ota_ws_peer_read(ota_ws_peer_t *peer, uint8_t *to, size_t length);

// The frame had to wait for us; its time begins again.
void ota_ws_peer_extend(ota_ws_peer_t *peer);

// The two ends of a connection, the client's with its port. 0, false: not known.
uint16_t ota_ws_peer_address(int socket, ota_ws_address_t *address);
bool ota_ws_own_address(int socket, ota_ws_address_t *address, uint16_t *port);

// Ends the connection of a socket if its client still has this port. The server closes it then.
void ota_ws_socket_end(int socket, uint16_t port);

// Throws away what the client still sends, for a short time: a connection that closes before that may lose its answer.
void ota_ws_socket_drain(int socket);

// Is the frame that begins a CLOSE? Without TLS only; the server does not know it.
bool ota_ws_peer_closes(const ota_ws_peer_t *peer);

bool ota_ws_peer_has_ended(const ota_ws_peer_t *peer);

// Space for one text, OTA_WS_MESSAGE_SIZE bytes, there while a connection is: of the one that is being received, then
// of those that answer it.
char *ota_ws_peer_text(void);

// Keeps that space, also while no connection is there, until it is released. False: there is no memory.
bool ota_ws_peer_hold_text(ota_ws_device_t *device);
void ota_ws_peer_release_text(void);

// Sends a control frame, or text that does not come from the core.
void ota_ws_peer_send(ota_ws_peer_t *peer, httpd_ws_type_t type, const void *bytes, size_t length);

// Closes all connections of a server; they are gone soon. False: there were none.
bool ota_ws_peer_close_all(httpd_handle_t server);

// A server that has a connection of ours, and therefore lives; NULL when there is none.
httpd_handle_t ota_ws_peer_any_server(void);
