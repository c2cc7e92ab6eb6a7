// SPDX-License-Identifier: Apache-2.0
// Digests of equal length are compared, in constant time: neither the length of a guess nor its first wrong letter
// shows in the time that an answer takes.
#include "dashboard_login.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "credentials.h"
#include "pairing_code.h"
#include "text.h"

#define FIRST_WAIT_MS 1000
#define DOUBLED_AT_MOST 3 // 1, 2, 4, 8 seconds

static void digest_of(const char *words, uint8_t digest[32]) {
    SHA256((const unsigned char *)words, strlen(words), digest);
}

static bool load_password(dashboard_login_t *login, const char *file, problem_t *problem) {
    credentials_t credentials;
    bool good = credentials_load_private(&credentials, file, problem);
    digest_of(good ? credentials.password : "", login->secret);
    credentials_wipe(&credentials);
    return good;
}

bool dashboard_login_open(dashboard_login_t *login, const char *file, char code[OTA_WS_PAIRING_CODE_SIZE],
                          problem_t *problem) {
    uint8_t random[32], chosen[8];
    memset(login, 0, sizeof *login);
    code[0] = '\0';
    if (RAND_bytes(random, sizeof random) != 1 || RAND_bytes(chosen, sizeof chosen) != 1) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_random", "OpenSSL has no random numbers.");
        return false;
    }
    ota_ws_text_hex(login->token, random, sizeof random);
    login->is_code = file == NULL;
    if (login->is_code) {
        ota_ws_pairing_code(chosen, code);
        digest_of(code, login->secret);
    }
    return login->is_code || load_password(login, file, problem);
}

static bool is_right(const dashboard_login_t *login, const char *words) {
    char code[OTA_WS_PAIRING_CODE_SIZE];
    uint8_t digest[32];
    bool is_typed_code = login->is_code && pairing_code_read(words, code);
    digest_of(is_typed_code ? code : words, digest);
    return CRYPTO_memcmp(digest, login->secret, sizeof digest) == 0;
}

static void set_wait(problem_t *problem, uint64_t wait_ms) {
    problem->wait_s = (uint32_t)((wait_ms + 999) / 1000);
}

bool dashboard_login_try(dashboard_login_t *login, const char *words, uint64_t now_ms, problem_t *problem) {
    if (now_ms < login->until_ms) {
        problem_set(problem, EXIT_CODE_LOGIN, "login_waits",
                    "A wrong code was tried just now: no code is looked at before the wait is over.");
        set_wait(problem, login->until_ms - now_ms);
        return false;
    }
    if (is_right(login, words)) {
        login->wrong = 0;
        return true;
    }
    uint32_t wait_ms = FIRST_WAIT_MS << (login->wrong < DOUBLED_AT_MOST ? login->wrong : DOUBLED_AT_MOST);
    login->wrong++;
    login->until_ms = now_ms + wait_ms;
    problem_set(problem, EXIT_CODE_LOGIN, "wrong_code",
                login->is_code ? "This is not the code. The console of ota-ws shows it, in the link to this page."
                               : "This is not the password in the file of --dashboard-password-file.");
    set_wait(problem, wait_ms);
    return false;
}

bool dashboard_login_knows(const dashboard_login_t *login, const char *token) {
    return strlen(token) == DASHBOARD_TOKEN_SIZE - 1 &&
           CRYPTO_memcmp(token, login->token, DASHBOARD_TOKEN_SIZE - 1) == 0;
}
