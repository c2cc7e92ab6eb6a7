// SPDX-License-Identifier: Apache-2.0
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "pairing_code.h"

static bool check(const credentials_t *credentials, problem_t *problem) {
    if (ota_ws_password_acceptable(credentials->password)) {
        return true;
    }
    problem_set(problem, EXIT_CODE_LOGIN, "bad_password",
                "A password has %d to %d printable ASCII characters; this one cannot be right.", OTA_WS_PASSWORD_MIN,
                OTA_WS_PASSWORD_MAX);
    return false;
}

// Takes a line of `length` bytes without its end. What is too long becomes what no password is.
static void keep_line(credentials_t *credentials, const char *line, size_t length) {
    length = strcspn(line, "\r\n") < length ? strcspn(line, "\r\n") : length;
    credentials->password[0] = '\0';
    if (length < sizeof credentials->password) {
        memcpy(credentials->password, line, length);
        credentials->password[length] = '\0';
    }
}

// Editors put a byte order mark before text; it would be a part of the password.
static bool begins_with_mark(const char *line) {
    static const char *const marks[] = {"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"}; // UTF-8, UTF-16 both ways
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strncmp(line, marks[i], strlen(marks[i])) == 0) {
            return true;
        }
    }
    return false;
}

// The first line of a file, with its end.
static bool read_file(char line[CREDENTIALS_LINE_SIZE], const char *path, problem_t *problem) {
    FILE *file = fopen(path, "r");
    bool was_read = file != NULL && fgets(line, CREDENTIALS_LINE_SIZE, file) != NULL;
    int error = errno;
    if (file != NULL) {
        fclose(file);
    }
    if (!was_read) {
        problem_set(problem, EXIT_CODE_LOGIN, "no_password", "The password file %.160s cannot be read: %s.", path,
                    file == NULL ? strerror(error) : "it is empty");
        return false;
    }
    if (begins_with_mark(line)) {
        explicit_bzero(line, CREDENTIALS_LINE_SIZE);
        problem_set(problem, EXIT_CODE_LOGIN, "byte_order_mark",
                    "The password file %.120s begins with a byte order mark (BOM). Save it as plain text without one.",
                    path);
        return false;
    }
    return true;
}

static bool load_file(credentials_t *credentials, const char *path, problem_t *problem) {
    char line[CREDENTIALS_LINE_SIZE];
    bool was_read = read_file(line, path, problem);
    if (was_read) {
        keep_line(credentials, line, strlen(line));
        explicit_bzero(line, sizeof line);
    }
    return was_read;
}

bool credentials_load(credentials_t *credentials, const char *file, problem_t *problem) {
    memset(credentials, 0, sizeof *credentials);
    const char *variable = getenv(CREDENTIALS_VARIABLE);
    if (file == NULL && variable == NULL) {
        return true;
    }
    if (file != NULL && !load_file(credentials, file, problem)) {
        return false;
    }
    if (file == NULL) {
        keep_line(credentials, variable, strlen(variable));
    }
    credentials->given = true;
    return check(credentials, problem);
}

// May only the owner read the file? A missing file passes here: the function that reads it reports the error.
static bool is_private(const char *file, problem_t *problem) {
    struct stat status;
    if (stat(file, &status) == 0 && (status.st_mode & 077) != 0) {
        problem_set(problem, EXIT_CODE_LOGIN, "password_file_open",
                    "Other users of this machine may read the password file %.120s: 'chmod 600' it.", file);
        return false;
    }
    return true;
}

bool credentials_load_private(credentials_t *credentials, const char *file, problem_t *problem) {
    return is_private(file, problem) && credentials_load(credentials, file, problem);
}

bool credentials_read_line(char line[CREDENTIALS_LINE_SIZE], const char *file, problem_t *problem) {
    if (!is_private(file, problem) || !read_file(line, file, problem)) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

// ---- asking ----

// Reads a line from the terminal. -1: something became readable at `interrupt_fd`, or the terminal is gone.
static ssize_t read_line(int terminal, int interrupt_fd, char *line, size_t size) {
    struct pollfd waits[] = {{.fd = terminal, .events = POLLIN}, {.fd = interrupt_fd, .events = POLLIN}};
    while (poll(waits, 2, -1) < 0 && errno == EINTR) {
    }
    return (waits[1].revents & POLLIN) != 0 ? -1 : read(terminal, line, size);
}

// The question comes after the echo is off, so that an answer that is typed at once is not shown.
static bool ask_without_echo(credentials_t *credentials, const char *device, int terminal, int interrupt_fd) {
    char line[256];
    struct termios before;
    if (tcgetattr(terminal, &before) != 0) {
        return false;
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(terminal, TCSAFLUSH, &silent);
    dprintf(terminal, "Password or pairing code of %s: ", device);
    ssize_t length = read_line(terminal, interrupt_fd, line, sizeof line);
    tcsetattr(terminal, TCSAFLUSH, &before);
    dprintf(terminal, "\n");
    if (length > 0) {
        keep_line(credentials, line, (size_t)length);
    }
    explicit_bzero(line, sizeof line);
    return length > 0;
}

bool credentials_ask(credentials_t *credentials, const char *device, int interrupt_fd, problem_t *problem) {
    int terminal = credentials->is_silent ? -1 : open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0) {
        problem_set(problem, EXIT_CODE_LOGIN, "no_password",
                    "The device asks for a password. Give it with --password-file or in " CREDENTIALS_VARIABLE ".");
        return false;
    }
    bool answered = ask_without_echo(credentials, device, terminal, interrupt_fd);
    close(terminal);
    if (!answered) {
        problem_set(problem, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted before a password was given.");
        return false;
    }
    credentials->asked = true;
    return check(credentials, problem);
}

const char *credentials_secret(credentials_t *credentials, bool is_code) {
    return is_code && pairing_code_read(credentials->password, credentials->code) ? credentials->code
                                                                                  : credentials->password;
}

void credentials_next_device(credentials_t *credentials) {
    if (!credentials->given) {
        credentials_wipe(credentials);
    }
}

void credentials_wipe(credentials_t *credentials) {
    explicit_bzero(credentials, sizeof *credentials);
}
