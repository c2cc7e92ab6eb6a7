// SPDX-License-Identifier: Apache-2.0
#include "access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CODE_NAME "pairing_code"

static void fill_random(void *bytes, size_t length) {
    if (getrandom(bytes, length, 0) != (ssize_t)length) {
        abort(); // up to 256 bytes always come whole
    }
}

static void make_verifier(access_t *access, const char *password, const ota_ws_hash_t *hash) {
    uint8_t salt[OTA_WS_SCRAM_SALT_SIZE];
    fill_random(salt, sizeof salt);
    ota_ws_verifier_make(hash, password, salt, OTA_WS_SCRAM_ITERATIONS, &access->verifier);
}

static bool make_code(access_t *access, store_t *store, const console_t *console) {
    uint8_t random[8];
    fill_random(random, sizeof random);
    ota_ws_pairing_code(random, access->code);
    if (store_set(store, CODE_NAME, access->code)) {
        return true;
    }
    console_log(console, "login", "the pairing code cannot be kept in %s: %s", store->path, strerror(errno));
    return false;
}

bool access_pairing_code(access_t *access, store_t *store, const ota_ws_hash_t *hash, const console_t *console) {
    char text[STORE_TEXT_SIZE];
    memset(access, 0, sizeof *access);
    access->kind = ACCESS_PAIRING_CODE;
    if (store_get(store, CODE_NAME, text) && strlen(text) == sizeof access->code - 1) {
        strcpy(access->code, text);
    } else if (!make_code(access, store, console)) {
        return false;
    }
    make_verifier(access, access->code, hash);
    return true;
}

bool access_password(access_t *access, const char *path, const ota_ws_hash_t *hash, const console_t *console) {
    char password[OTA_WS_PASSWORD_MAX + 2] = "";
    memset(access, 0, sizeof *access);
    access->kind = ACCESS_PASSWORD;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        console_log(console, "login", "the password file %s cannot be read: %s", path, strerror(errno));
        return false;
    }
    bool ok = fgets(password, sizeof password, file) != NULL;
    fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    ok = ok && ota_ws_password_acceptable(password);
    if (ok) {
        make_verifier(access, password, hash);
    } else {
        console_log(console, "login", "the first line of %s is no password: %d to %d printable ASCII characters", path,
                    OTA_WS_PASSWORD_MIN, OTA_WS_PASSWORD_MAX);
    }
    explicit_bzero(password, sizeof password);
    return ok;
}

void access_open(access_t *access) {
    memset(access, 0, sizeof *access);
    access->kind = ACCESS_OPEN;
}

const ota_ws_verifier_t *access_verifier(const access_t *access) {
    return access->kind == ACCESS_OPEN ? NULL : &access->verifier;
}
