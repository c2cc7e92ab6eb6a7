// SPDX-License-Identifier: Apache-2.0
#include "keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image_key.h"
#include "printable.h"

#define PATH_SIZE 4096

typedef struct {
    image_key_t key;
    uint8_t hmac[IMAGE_KEY_HMAC_SIZE];
    char private_path[PATH_SIZE], public_path[PATH_SIZE], hmac_path[PATH_SIZE];
} keygen_t;

static bool name_files(keygen_t *keygen, const char *path) {
    int length = snprintf(keygen->hmac_path, PATH_SIZE, "%s.hmac", path);
    snprintf(keygen->public_path, PATH_SIZE, "%s.pub", path);
    snprintf(keygen->private_path, PATH_SIZE, "%s", path);
    return length < PATH_SIZE;
}

static bool make_key(keygen_t *keygen, bool ecies) {
    return ecies ? RAND_bytes(keygen->hmac, sizeof keygen->hmac) == 1 && image_key_from_hmac(&keygen->key, keygen->hmac)
                 : image_key_make_rsa(&keygen->key);
}

// ---- files ----

typedef bool (*write_t)(FILE *file, const keygen_t *keygen);

static bool write_private(FILE *file, const keygen_t *keygen) {
    return PEM_write_PrivateKey(file, keygen->key.pkey, NULL, NULL, 0, NULL, NULL) == 1;
}

static bool write_public(FILE *file, const keygen_t *keygen) {
    return PEM_write_PUBKEY(file, keygen->key.pkey) == 1;
}

static bool write_hmac(FILE *file, const keygen_t *keygen) {
    return fwrite(keygen->hmac, 1, sizeof keygen->hmac, file) == sizeof keygen->hmac;
}

static bool cannot_write(problem_t *problem, const char *path, const char *why) {
    problem_set(problem, EXIT_CODE_TROUBLE, "cannot_write", "%.160s cannot be written: %s.", path, why);
    return false;
}

// A file that was not there before.
static bool make_file(const keygen_t *keygen, const char *path, int mode, write_t write_it, problem_t *problem) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) {
        return cannot_write(problem, path, strerror(errno));
    }
    FILE *file = fdopen(descriptor, "wb");
    bool ok = file != NULL && write_it(file, keygen);
    ok = (file != NULL ? fclose(file) : close(descriptor)) == 0 && ok;
    if (!ok) {
        unlink(path);
        return cannot_write(problem, path, "not all of it");
    }
    return true;
}

static bool make_files(const keygen_t *keygen, bool ecies, problem_t *problem) {
    if (!make_file(keygen, keygen->private_path, 0600, write_private, problem)) {
        return false;
    }
    if (!make_file(keygen, keygen->public_path, 0644, write_public, problem)) {
        unlink(keygen->private_path);
        return false;
    }
    if (ecies && !make_file(keygen, keygen->hmac_path, 0600, write_hmac, problem)) {
        unlink(keygen->private_path);
        unlink(keygen->public_path);
        return false;
    }
    return true;
}

// ---- output ----

static void add_path(ota_ws_reply_t *object, const char *name, const char *path) {
    char text[1024];
    printable_copy(text, sizeof text, path);
    ota_ws_reply_string(object, name, text);
}

static void print_json(const keygen_t *keygen, bool ecies) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "key", NULL);
    ota_ws_reply_string(&object, "scheme", ecies ? "ecies-p256" : "rsa-3072");
    add_path(&object, "private", keygen->private_path);
    add_path(&object, "public", keygen->public_path);
    if (ecies) {
        add_path(&object, "hmac", keygen->hmac_path);
    }
    output_print(&object);
}

static void print_text(const keygen_t *keygen, bool ecies) {
    printf("%s: the device's private key, %s. Keep it secret\n", keygen->private_path,
           ecies ? "EC on P-256" : "RSA with 3072 bits");
    printf("%s: the public key, for 'ota-ws encrypt'\n", keygen->public_path);
    if (ecies) {
        printf("%s: what goes into a key block of the chip's eFuse (HMAC_UP). Keep it secret\n", keygen->hmac_path);
    }
}

bool keygen_make(const output_t *output, const char *path, bool ecies, problem_t *problem) {
    keygen_t keygen = {0};
    if (!name_files(&keygen, path)) {
        return cannot_write(problem, path, strerror(ENAMETOOLONG));
    }
    if (!make_key(&keygen, ecies)) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_key", "OpenSSL could not make a key.");
        return false;
    }
    bool ok = make_files(&keygen, ecies, problem);
    if (ok && output->json) {
        print_json(&keygen, ecies);
    } else if (ok) {
        print_text(&keygen, ecies);
    }
    image_key_free(&keygen.key);
    OPENSSL_cleanse(&keygen, sizeof keygen);
    return ok;
}
