// SPDX-License-Identifier: Apache-2.0
// An HTTP answer that is no ticket and no session, in words: what came, from where, and what can be done about it.
#pragma once

#include "address.h"
#include "problem.h"

#define HTTP_LOCATION_SIZE 160

typedef struct {
    unsigned status;                   // 0: none came
    bool is_html;                      // by its Content-Type
    char location[HTTP_LOCATION_SIZE]; // of a redirect; "" when there was none
} http_answer_t;

// To the POST for a ticket.
void http_answer_to_ticket(problem_t *problem, const http_answer_t *answer, const address_t *address);

// To the upgrade of the WebSocket at `path`.
void http_answer_to_upgrade(problem_t *problem, const http_answer_t *answer, const address_t *address,
                            const char *path);
