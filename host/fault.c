// SPDX-License-Identifier: Apache-2.0
#include "fault.h"

#include <stdlib.h>
#include <string.h>

#include "little_endian.h"
#include "text.h"

#define OFFSET 288 // behind image header, segment header and application description
#define TEXT_SIZE 256
#define ELF_DIGITS 16         // as many as ESP-IDF keeps by default
#define LOAD_ACCESS_FAULT 5   // mcause
#define BREAKPOINT 3          // of abort()
#define WORDS_BETWEEN_CALLS 3 // saved registers, on a stack like a compiler's

static const char *take_kind(const char *text, fault_t *fault) {
    static const struct {
        const char *start;
        fault_kind_t kind;
    } kinds[] = {
        {"ota-ws-fault:panic", FAULT_PANIC}, {"ota-ws-fault:hang", FAULT_HANG}, {"ota-ws-fault:memory", FAULT_MEMORY}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *behind = ota_ws_text_behind(text, kinds[i].start);
        if (behind != NULL) {
            fault->kind = kinds[i].kind;
            return behind;
        }
    }
    return NULL;
}

static bool take_address(const char **text, uint32_t *address) {
    char *end;
    unsigned long value = strtoul(*text, &end, 16);
    bool taken = end != *text;
    *text = end;
    *address = (uint32_t)value;
    return taken;
}

fault_t fault_read(nor_t *nor, const partition_t *partition) {
    char text[TEXT_SIZE + 1] = "";
    fault_t fault = {.kind = FAULT_NONE};
    if (nor_read(nor, partition->address + OFFSET, text, TEXT_SIZE) != OTA_WS_OK) {
        return fault;
    }
    const char *at = take_kind(text, &fault);
    if (at != NULL && take_address(&at, &fault.pc)) {
        while (fault.call_count < OTA_WS_CORE_CALLS && take_address(&at, &fault.calls[fault.call_count])) {
            fault.call_count++;
        }
    }
    return fault;
}

// ---- what an application would log ----

static void log_lines(fault_kind_t kind, const console_t *console) {
    console_log(console, "app", "Wi-Fi connected, 192.168.1.50");
    console_log(console, "app", "sensor: looking for it at 0x76");
    if (kind == FAULT_HANG) {
        console_log(console, "app", "sensor: waiting until it is ready");
    } else if (kind == FAULT_MEMORY) {
        console_log(console, "app", "history: 65536 bytes for the samples, 41216 are free");
        console_log(console, "app", "history: no memory, ESP_ERR_NO_MEM");
    } else {
        console_log(console, "app", "sensor: no answer, reading its calibration all the same");
    }
}

// ---- the core dump of a RISC-V chip ----

// Return addresses among other words, as a client has to find them.
static uint32_t fill_stack(uint8_t *stack, const fault_t *fault) {
    uint32_t length = 0;
    for (uint32_t i = 0; i < fault->call_count; i++) {
        for (uint32_t word = 0; word < WORDS_BETWEEN_CALLS; word++, length += 4) {
            write_u32(stack + length, 0x3fc90000u + 16 * length);
        }
        write_u32(stack + length, fault->calls[i]);
        length += 4;
    }
    return length;
}

static void dump(const fault_t *fault, const uint8_t *elf_sha256, remains_t *remains) {
    uint8_t stack[REMAINS_STACK_SIZE];
    bool aborts = fault->kind == FAULT_MEMORY;
    ota_ws_core_dump_t core = {
        .pc = fault->pc,
        .cause = aborts ? BREAKPOINT : LOAD_ACCESS_FAULT,
        .calls = {fault->calls[0]},
        .call_count = fault->call_count > 0,
        .stack = stack,
        .stack_size = fill_stack(stack, fault),
    };
    ota_ws_text_copy(core.task, sizeof core.task, "main");
    ota_ws_text_hex(core.elf, elf_sha256, ELF_DIGITS / 2);
    if (aborts) {
        snprintf(core.reason, sizeof core.reason, "abort() was called at PC 0x%08x on core 0", (unsigned)fault->pc);
    }
    remains_dump(remains, &core);
}

ota_ws_reset_t fault_happen(const fault_t *fault, const uint8_t *elf_sha256, remains_t *remains,
                            const console_t *console) {
    log_lines(fault->kind, console);
    remains_stop(remains);
    if (fault->kind == FAULT_HANG) {
        console_log(console, "boot", "the watchdog resets the chip");
        return OTA_WS_RESET_WATCHDOG;
    }
    dump(fault, elf_sha256, remains);
    console_log(console, "boot", "the image has crashed at 0x%08x", (unsigned)fault->pc);
    return OTA_WS_RESET_PANIC;
}
