// SPDX-License-Identifier: Apache-2.0
// The device's console: one line per event, "[   12.345] update: ...", seconds since it was switched on. Any thread.
#pragma once

#include <stdio.h>
#include <time.h>

#include "remains.h"

typedef struct {
    FILE *stream; // NULL: silent
    struct timespec start;
    remains_t *remains; // get each line too, as a chip's log ring does; NULL: they do not
} console_t;

void console_init(console_t *console, FILE *stream);

// `topic` is who speaks: "boot", "update", "session" ...
__attribute__((format(printf, 3, 4))) void console_log(const console_t *console, const char *topic, const char *format,
                                                       ...);

// The same in red, where the stream is a terminal: what its owner must not overlook.
void console_alarm(const console_t *console, const char *topic, const char *text);
