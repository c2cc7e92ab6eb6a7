// SPDX-License-Identifier: Apache-2.0
// The password: from a file, from the environment, or asked for on the terminal, without echo. Never an argument.
#pragma once

#include <stdbool.h>

#include "login/scram.h"
#include "problem.h"

#define CREDENTIALS_VARIABLE "OTA_WS_PASSWORD"
#define CREDENTIALS_LINE_SIZE 256

typedef struct {
    bool given;                             // by file or environment, so it is meant for every device
    bool asked;                             // on the terminal, for one device
    bool is_silent;                         // never asks on the terminal: `no_password` instead
    char password[OTA_WS_PASSWORD_MAX + 1]; // as it was typed
    char code[OTA_WS_PAIRING_CODE_SIZE];    // what credentials_secret() has made of it
} credentials_t;

// Takes the password from `file` (its first line), or from the environment; neither is no failure. False: `problem`.
bool credentials_load(credentials_t *credentials, const char *file, problem_t *problem);

// As above from a file that must be readable by its owner alone: `password_file_open` otherwise.
bool credentials_load_private(credentials_t *credentials, const char *file, problem_t *problem);

// The first line of such a file, whatever it is: for a password that is no device's. To be wiped by the caller.
bool credentials_read_line(char line[CREDENTIALS_LINE_SIZE], const char *file, problem_t *problem);

// Asks on the terminal for the password of `device`. What becomes readable at `interrupt_fd` ends the question. False:
// `problem` says that there is no terminal, that it was interrupted, or that the answer can be no password.
bool credentials_ask(credentials_t *credentials, const char *device, int interrupt_fd, problem_t *problem);

// The words to log in with. Where the device's password is its own pairing code (`is_code`) and what was typed has the
// form of one, they are the code as the device knows it ("k7mq 2rtx 9wpd" is "K7MQ-2RTX-9WPD"). Otherwise they are as
// they were typed: a chosen password may have that form too.
const char *credentials_secret(credentials_t *credentials, bool is_code);

// Forgets what was asked for one device, and everything.
void credentials_next_device(credentials_t *credentials);
void credentials_wipe(credentials_t *credentials);
