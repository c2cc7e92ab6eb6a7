// SPDX-License-Identifier: Apache-2.0
#include "console.h"

#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

#define LINE_SIZE 512

void console_init(console_t *console, FILE *stream) {
    console->stream = stream;
    console->remains = NULL;
    clock_gettime(CLOCK_MONOTONIC, &console->start);
}

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

void console_log(const console_t *console, const char *topic, const char *format, ...) {
    if (console->stream == NULL) {
        return;
    }
    char line[LINE_SIZE], whole[LINE_SIZE + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    snprintf(whole, sizeof whole, "[%9.3f] %s: %s\n", seconds_since(&console->start), topic, line);
    fputs(whole, console->stream);
    fflush(console->stream);
    if (console->remains != NULL) {
        remains_log(console->remains, whole);
    }
}

void console_alarm(const console_t *console, const char *topic, const char *text) {
    bool is_terminal = console->stream != NULL && isatty(fileno(console->stream)) == 1;
    console_log(console, topic, "%s%s%s", is_terminal ? "\033[1;31m" : "", text, is_terminal ? "\033[0m" : "");
}
