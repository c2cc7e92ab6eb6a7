// SPDX-License-Identifier: Apache-2.0
// Who may see the dashboard and give orders there. A code or a password is exchanged for a token, once; each request
// then carries the token. The token is 32 random bytes of this process, so nobody guesses it, and it ends with the
// process. A wrong code makes everybody wait before the next one is looked at: 1, 2, 4, then 8 seconds. Who is logged
// in already does not wait.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "login/scram.h"
#include "problem.h"

#define DASHBOARD_TOKEN_SIZE 65 // 64 hexadecimal digits, terminated
#define DASHBOARD_WORDS_MAX 128 // longest code that is looked at

typedef struct {
    uint8_t secret[32]; // SHA-256 of the code or password
    bool is_code;       // random, and taken as people type it
    char token[DASHBOARD_TOKEN_SIZE];
    uint32_t wrong; // codes since the last right one
    uint64_t until_ms;
} dashboard_login_t;

// Takes the password from the first line of `file`, which only its owner may read. `file` NULL: makes a random code,
// and writes it into `code`; otherwise `code` becomes "". False: `problem`.
bool dashboard_login_open(dashboard_login_t *login, const char *file, char code[OTA_WS_PAIRING_CODE_SIZE],
                          problem_t *problem);

// Are these the right words? False: `wrong_code`, or `login_waits` while nobody's code is looked at; both with the
// seconds to wait.
bool dashboard_login_try(dashboard_login_t *login, const char *words, uint64_t now_ms, problem_t *problem);

bool dashboard_login_knows(const dashboard_login_t *login, const char *token);
