// SPDX-License-Identifier: Apache-2.0
// What an image that has failed its trial has left behind: the messages `logs` and `crash` (docs/protocol.md, section
// 5), put together. Whatever a device sends, what comes out is safe to show on a terminal, and has a limit.
#pragma once

#include "device_message.h"

#define REMAINS_LINES_SIZE 20480 // of a device: 16,384 bytes at most
#define REMAINS_STACK_MAX 4096

typedef struct {
    char elf_sha256[65];
    bool newest; // of the newest update's image
    size_t length;
    char lines[REMAINS_LINES_SIZE];
} device_logs_t;

typedef struct {
    char elf_sha256[65];
    bool newest;
    char task[33], reason[129], pc[16], backtrace[256], address[16];
    uint32_t cause;
    size_t stack_size;
    uint8_t stack[REMAINS_STACK_MAX];
} device_crash_t;

// Takes one message of the answer; what was there before is kept. True when another one follows.
bool device_logs_read(device_logs_t *logs, const device_message_t *message);
bool device_crash_read(device_crash_t *crash, const device_message_t *message);
