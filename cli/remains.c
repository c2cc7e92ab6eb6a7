// SPDX-License-Identifier: Apache-2.0
#include "remains.h"

#include <string.h>

#include "text.h"

bool device_logs_read(device_logs_t *logs, const device_message_t *message) {
    device_message_string(message, "elf_sha256", logs->elf_sha256, sizeof logs->elf_sha256);
    logs->newest = device_message_true(message, "newest");
    device_message_lines(message, "text", logs->lines + logs->length, sizeof logs->lines - logs->length);
    logs->length += strlen(logs->lines + logs->length);
    return device_message_true(message, "more") && logs->length < sizeof logs->lines - 1;
}

static void read_summary(device_crash_t *crash, const device_message_t *message) {
    device_message_string(message, "pc", crash->pc, sizeof crash->pc);
    device_message_string(message, "elf_sha256", crash->elf_sha256, sizeof crash->elf_sha256);
    device_message_string(message, "task", crash->task, sizeof crash->task);
    device_message_string(message, "reason", crash->reason, sizeof crash->reason);
    device_message_string(message, "backtrace", crash->backtrace, sizeof crash->backtrace);
    device_message_string(message, "address", crash->address, sizeof crash->address);
    device_message_number(message, "cause", &crash->cause);
    crash->newest = device_message_true(message, "newest");
}

bool device_crash_read(device_crash_t *crash, const device_message_t *message) {
    char digits[DEVICE_MESSAGE_SIZE];
    if (device_message_string(message, "stack", digits, sizeof digits)) {
        size_t length = strlen(digits) / 2;
        bool fits = length <= sizeof crash->stack - crash->stack_size;
        if (!fits || !ota_ws_text_unhex(digits, crash->stack + crash->stack_size, length)) {
            return false;
        }
        crash->stack_size += length;
    } else {
        read_summary(crash, message);
    }
    return device_message_true(message, "more");
}
