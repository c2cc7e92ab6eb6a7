// SPDX-License-Identifier: Apache-2.0
// The ELF file of an image: its digest, by which a core dump names it, its code, and functions and lines by the
// toolchain's addr2line.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "problem.h"

typedef struct {
    const char *path;
    uint8_t *bytes; // malloc'ed
    size_t length;
    uint16_t machine;
    char sha256[65];
} elf_file_t;

// False: `problem` says why. A 32-bit ELF file of RISC-V or Xtensa is taken.
bool elf_file_open(elf_file_t *elf, const char *path, problem_t *problem);
void elf_file_close(elf_file_t *elf);

// Does the instruction before `address` call a function? RISC-V only: its stack holds such addresses among other words.
bool elf_file_is_return(const elf_file_t *elf, uint32_t address);

// Starts addr2line for these addresses. It prints for each a line "0x...: function at file:line", and further ones for
// functions that the compiler has put into it. `program` NULL: one of those that toolchains have for this machine, in
// PATH. False: `problem` says why. After true elf_lookup_end() follows, once.
typedef struct {
    FILE *lines;
    pid_t child;
} elf_lookup_t;

bool elf_lookup_start(elf_lookup_t *lookup, const elf_file_t *elf, const char *program, const uint32_t *addresses,
                      size_t count, problem_t *problem);
void elf_lookup_end(elf_lookup_t *lookup);
