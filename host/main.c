// SPDX-License-Identifier: Apache-2.0
// ota-ws-device: a virtual ESP32. Options in options.c, its life in life.c.
#include <signal.h>
#include <string.h>

#include "exit_codes.h"
#include "hash_openssl.h"
#include "life.h"
#include "show.h"

static void block_signals(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static bool load_access(access_t *access, store_t *store, const options_t *options, const console_t *console) {
    if (options->unprotected) {
        access_open(access);
        return true;
    }
    if (options->password_file != NULL) {
        return access_password(access, options->password_file, &ota_ws_hash_openssl, console);
    }
    return access_pairing_code(access, store, &ota_ws_hash_openssl, console);
}

static int show(const options_t *options, const console_t *console) {
    board_t board;
    int code = board_view(&board, options, console);
    if (code == EXIT_ENDED) {
        show_board(&board);
        board_close(&board);
    }
    return code;
}

// Without a path there is no key to load.
static bool load_key(image_key_t *key, const char *path, const console_t *console) {
    *key = (image_key_t){0};
    const char *wrong = path != NULL ? image_key_load(key, path) : NULL;
    if (key->pkey != NULL && !key->is_private) {
        wrong = "holds a public key; decrypting needs the private one";
        image_key_free(key);
    }
    if (wrong != NULL) {
        console_log(console, "page", "%s %s", path, wrong);
    }
    return wrong == NULL;
}

// Likewise.
static bool load_signer(signer_t *signer, const char *path, const console_t *console) {
    const char *wrong = path != NULL ? signature_key_load(signer, path) : NULL;
    if (wrong != NULL) {
        console_log(console, "page", "%s %s", path, wrong);
    }
    return wrong == NULL;
}

static int serve(board_t *board, store_t *store, const options_t *options, console_t *console) {
    remains_t remains;
    access_t access;
    image_key_t key;
    signer_t signer;
    int code = EXIT_ACCESS;
    if (!load_signer(&signer, options->signing_key, console) || !load_key(&key, options->encrypted_key, console)) {
        return code;
    }
    remains_open(&remains, options->flash);
    console->remains = &remains;
    if (load_access(&access, store, options, console)) {
        life_parts_t parts = {
            board,   store,   &access, key.pkey != NULL ? &key : NULL, options->signing_key != NULL ? &signer : NULL,
            options, console, &remains};
        code = life_run(&parts);
    }
    console->remains = NULL;
    remains_close(&remains);
    image_key_free(&key);
    return code;
}

static int run(const options_t *options, console_t *console) {
    board_t board;
    store_t store;
    if (!store_init(&store, options->flash)) {
        console_log(console, "flash", "the path %s is too long", options->flash);
        return EXIT_FLASH_FILE;
    }
    int code = board_open(&board, options, console);
    if (code != EXIT_ENDED) {
        return code;
    }
    code = serve(&board, &store, options, console);
    board_close(&board);
    return code;
}

int main(int count, char *arguments[]) {
    options_t options;
    console_t console;
    switch (options_parse(&options, count, arguments)) {
    case OPTIONS_RUN:
        break;
    case OPTIONS_HELP:
        return EXIT_ENDED;
    case OPTIONS_WRONG:
    default:
        return EXIT_USAGE;
    }
    block_signals();
    console_init(&console, options.show ? stderr : stdout);
    return options.show ? show(&options, &console) : run(&options, &console);
}
