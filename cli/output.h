// SPDX-License-Identifier: Apache-2.0
// All that the program prints, but for help and usage errors: results to standard output; progress and notes to
// standard error, or as JSON objects, one a line, to standard output. docs/cli.md is the contract.
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "device_state.h"
#include "meter.h"
#include "outcome.h"
#include "session/message.h"
#include "window.h"

#define OUTPUT_JSON_SIZE 4096

typedef struct {
    bool json;
    bool quiet;    // no progress, no notes
    bool terminal; // standard error is one
    bool several;  // devices: lines begin with the device
    bool bar;      // one stands on the terminal's current line
    uint64_t shown_ms;
    uint32_t shown_percent;
} output_t;

void output_init(output_t *output, bool json, bool quiet, bool several);

// Something the user should know on the way.
void output_note(output_t *output, const char *device, const char *format, ...) __attribute__((format(printf, 3, 4)));

// A line of a program that runs on (`mqtt`, `fleet gateway`), to standard output: a sentence with its name, or an
// object `note`. `name` "": no trouble, and not printed with `quiet`. `device` NULL: about none of the devices.
void output_line(const output_t *output, const char *device, const char *name, const char *format, va_list values)
    __attribute__((format(printf, 4, 0)));

// Progress of an update; shown as often as it is good for the reader. output_progress_end() says how it went.
void output_progress(output_t *output, const char *device, const meter_t *progress, const window_t *window);
void output_progress_end(output_t *output, const meter_t *progress);

// The truth at the end.
void output_result(output_t *output, const char *device, const outcome_t *outcome);

// JSON: begins an object, for ota_ws_reply_*() to go on with, and prints it.
void output_object(ota_ws_reply_t *object, char text[OUTPUT_JSON_SIZE], const char *type, const char *device);
void output_string(ota_ws_reply_t *object, const char *name, const char *value); // a member; none when `value` is ""
void output_print(ota_ws_reply_t *object);

// False when standard output could not take everything.
bool output_finish(output_t *output);
