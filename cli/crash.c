// SPDX-License-Identifier: Apache-2.0
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "elf_file.h"
#include "printable.h"
#include "session/message.h"

#define FRAMES_MAX 48
#define LINE_SIZE 512
#define INLINED " (inlined by) "

typedef enum { FRAME_PC, FRAME_CALLER, FRAME_STACK } frame_kind_t;

typedef struct {
    uint32_t address;
    frame_kind_t kind;
} frame_t;

typedef struct {
    frame_t frames[FRAMES_MAX];
    size_t count;
} frames_t;

static const char *const labels[] = {[FRAME_PC] = "crashed", [FRAME_CALLER] = "called by", [FRAME_STACK] = "on stack"};
static const char *const kinds[] = {[FRAME_PC] = "pc", [FRAME_CALLER] = "caller", [FRAME_STACK] = "stack"};

// ---- the addresses ----

static void add(frames_t *frames, uint32_t address, frame_kind_t kind) {
    if (frames->count < FRAMES_MAX) {
        frames->frames[frames->count++] = (frame_t){address, kind};
    }
}

static void gather_known(frames_t *frames, const device_crash_t *crash) {
    char *end;
    const char *at = crash->backtrace;
    frames->count = 0;
    add(frames, (uint32_t)strtoul(crash->pc, NULL, 16), FRAME_PC);
    for (unsigned long call = strtoul(at, &end, 16); end != at; call = strtoul(at, &end, 16)) {
        add(frames, (uint32_t)call, FRAME_CALLER);
        at = end;
    }
}

// What stands on the stack and would be a return address. The innermost one is known already.
static void search_stack(frames_t *frames, const device_crash_t *crash, const elf_file_t *elf) {
    uint32_t before = frames->count > 1 ? frames->frames[1].address : 0;
    for (size_t at = 0; at + 4 <= crash->stack_size; at += 4) {
        uint32_t word = ota_ws_read_u32(crash->stack + at);
        if (word != before && elf_file_is_return(elf, word)) {
            add(frames, word, FRAME_STACK);
            before = word;
        }
    }
}

// ---- printing ----

static const char *meaning_of(uint32_t cause, bool is_riscv) {
    static const char *const riscv[] = {
        "instruction address misaligned", "instruction access fault", "illegal instruction",      "breakpoint",
        "load address misaligned",        "load access fault",        "store address misaligned", "store access fault"};
    return is_riscv && cause < sizeof riscv / sizeof riscv[0] ? riscv[cause] : NULL;
}

static void print_summary(const device_crash_t *crash) {
    const char *meaning = meaning_of(crash->cause, crash->stack_size > 0);
    printf("task      %s\n", crash->task);
    if (crash->reason[0] != '\0') {
        printf("reason    %s\n", crash->reason);
    }
    printf("exception %u%s%s%s, about address %s\n", crash->cause, meaning != NULL ? " (" : "",
           meaning != NULL ? meaning : "", meaning != NULL ? ")" : "", crash->address);
    printf("ELF       %s... (SHA-256), %s\n", crash->elf_sha256,
           crash->newest ? "the image of the newest update" : "not the image of the newest update");
}

static void print_json_summary(const char *name, const device_crash_t *crash) {
    char json[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    output_object(&object, json, "crash", name);
    output_string(&object, "elf_sha256", crash->elf_sha256);
    if (crash->newest) {
        ota_ws_reply_true(&object, "newest");
    }
    output_string(&object, "task", crash->task);
    output_string(&object, "reason", crash->reason);
    output_string(&object, "pc", crash->pc);
    output_string(&object, "backtrace", crash->backtrace);
    ota_ws_reply_number(&object, "cause", crash->cause);
    output_string(&object, "address", crash->address);
    output_print(&object);
}

// `where` NULL: not known.
static void print_frame(const output_t *output, const char *name, const frame_t *frame, const char *where) {
    char json[OUTPUT_JSON_SIZE], address[12];
    ota_ws_reply_t object;
    snprintf(address, sizeof address, "0x%08x", (unsigned)frame->address);
    if (!output->json) {
        printf("%-9s %s%s%s\n", labels[frame->kind], address, where != NULL ? "  " : "", where != NULL ? where : "");
        return;
    }
    output_object(&object, json, "frame", name);
    ota_ws_reply_string(&object, "kind", kinds[frame->kind]);
    ota_ws_reply_string(&object, "address", address);
    if (where != NULL) {
        ota_ws_reply_string(&object, "where", where);
    }
    output_print(&object);
}

static void print_inlined(const output_t *output, const char *where) {
    if (!output->json) {
        printf("          in          %s\n", where);
    }
}

// The line of an address begins with it. A return address is looked up one byte before: that belongs to the call.
static void print_lookup(const output_t *output, const char *name, const frames_t *frames, FILE *lines) {
    char line[LINE_SIZE], shown[LINE_SIZE];
    size_t next = 0;
    while (fgets(line, sizeof line, lines) != NULL) {
        const char *where = strstr(line, ": ");
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, INLINED, sizeof INLINED - 1) == 0) {
            printable_copy(shown, sizeof shown, line + sizeof INLINED - 1);
            print_inlined(output, shown);
        } else if (next < frames->count && where != NULL) {
            printable_copy(shown, sizeof shown, where + 2);
            print_frame(output, name, &frames->frames[next++], shown);
        }
    }
}

static void print_addresses(const output_t *output, const char *name, const frames_t *frames) {
    for (size_t i = 0; i < frames->count; i++) {
        print_frame(output, name, &frames->frames[i], NULL);
    }
}

// ---- with the ELF file ----

static bool fits(const elf_file_t *elf, const device_crash_t *crash, problem_t *problem) {
    size_t length = strlen(crash->elf_sha256);
    if (length >= 8 && strncmp(elf->sha256, crash->elf_sha256, length) == 0) {
        return true;
    }
    problem_set(
        problem, EXIT_CODE_FILE_REFUSED, "wrong_elf",
        "%.120s is not the ELF file of the image that has crashed: the core dump names SHA-256 %.16s..., this file "
        "has %.16s.... Functions and lines would be wrong.",
        elf->path, crash->elf_sha256, elf->sha256);
    return false;
}

static bool look_up(const output_t *output, const char *name, frames_t *frames, const elf_file_t *elf,
                    const char *addr2line, problem_t *problem) {
    elf_lookup_t lookup;
    uint32_t addresses[FRAMES_MAX];
    for (size_t i = 0; i < frames->count; i++) {
        addresses[i] = frames->frames[i].address - (frames->frames[i].kind != FRAME_PC);
    }
    if (!elf_lookup_start(&lookup, elf, addr2line, addresses, frames->count, problem)) {
        return false;
    }
    print_lookup(output, name, frames, lookup.lines);
    elf_lookup_end(&lookup);
    return true;
}

static void print_with_elf(const output_t *output, const char *name, const device_crash_t *crash, const char *path,
                           const char *addr2line, problem_t *problem) {
    frames_t frames;
    elf_file_t elf;
    gather_known(&frames, crash);
    bool is_open = path != NULL && elf_file_open(&elf, path, problem);
    bool is_right = is_open && fits(&elf, crash, problem);
    if (is_right) {
        search_stack(&frames, crash, &elf);
    }
    if (!is_right || !look_up(output, name, &frames, &elf, addr2line, problem)) {
        print_addresses(output, name, &frames);
    }
    if (is_open) {
        elf_file_close(&elf);
    }
}

exit_code_t crash_print(output_t *output, const char *name, const device_crash_t *crash, const char *elf,
                        const char *addr2line, problem_t *problem) {
    *problem = (problem_t){.code = EXIT_CODE_OK};
    if (output->json) {
        print_json_summary(name, crash);
    } else {
        print_summary(crash);
    }
    print_with_elf(output, name, crash, elf, addr2line, problem);
    return problem->code;
}
