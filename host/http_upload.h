// SPDX-License-Identifier: Apache-2.0
// Plain HTTP at the page's address (session/http_upload.h) on libwebsockets: reads heads and bodies, writes answers.
#pragma once

#include "connection.h"

// Is this a request for it: a PUT, a POST with JSON, a GET that asks for JSON?
bool http_upload_is_asked(struct lws *wsi);

// Takes the request over. Returns what a libwebsockets callback returns; so do the next three.
int http_upload_open(server_t *server, connection_t *connection, struct lws *wsi, const ota_ws_gate_request_t *gate);

// What libwebsockets has read of the body: with the head, and after the answer.
int http_upload_body(connection_t *connection, const void *bytes, size_t length);

int http_upload_writable(connection_t *connection);
void http_upload_closed(server_t *server, connection_t *connection);

// Goes on where there is space, and ends what has lasted too long.
void http_upload_resume(server_t *server);

unsigned http_upload_count(const server_t *server);

// Have all answers left?
bool http_upload_is_flushed(const server_t *server);
