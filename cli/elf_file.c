// SPDX-License-Identifier: Apache-2.0
#include "elf_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "hash_openssl.h"
#include "text.h"

#define SIZE_MAX_FILE (256u * 1024 * 1024)
#define ADDRESSES_MAX 64
#define FIXED_WORDS 5

extern char **environ;

// ---- the file ----

static bool refuse(problem_t *problem, const char *path, const char *why) {
    problem_set(problem, EXIT_CODE_FILE_REFUSED, "bad_elf", "%.160s %s.", path, why);
    return false;
}

static bool read_all(elf_file_t *elf, FILE *file) {
    long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (length < (long)sizeof(Elf32_Ehdr) || length > (long)SIZE_MAX_FILE) {
        return false;
    }
    elf->length = (size_t)length;
    elf->bytes = malloc(elf->length);
    rewind(file);
    return elf->bytes != NULL && fread(elf->bytes, 1, elf->length, file) == elf->length;
}

static bool is_known(elf_file_t *elf) {
    Elf32_Ehdr header;
    memcpy(&header, elf->bytes, sizeof header);
    elf->machine = header.e_machine;
    return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS32 &&
           (header.e_machine == EM_RISCV || header.e_machine == EM_XTENSA);
}

bool elf_file_open(elf_file_t *elf, const char *path, problem_t *problem) {
    ota_ws_sha256_t state;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    *elf = (elf_file_t){.path = path};
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "unreadable", "%.160s: %s.", path, strerror(errno));
        return false;
    }
    bool is_read = read_all(elf, file);
    fclose(file);
    if (!is_read || !is_known(elf)) {
        elf_file_close(elf);
        return refuse(problem, path, "is no ELF file of an ESP32 application (build/<project>.elf)");
    }
    ota_ws_hash_openssl.start(&state);
    ota_ws_hash_openssl.update(&state, elf->bytes, elf->length);
    ota_ws_hash_openssl.finish(&state, digest);
    ota_ws_text_hex(elf->sha256, digest, sizeof digest);
    return true;
}

void elf_file_close(elf_file_t *elf) {
    free(elf->bytes);
    elf->bytes = NULL;
}

// ---- code ----

// The bytes of code at `address`, `length` of them; NULL when there is no code.
static const uint8_t *find_code(const elf_file_t *elf, uint32_t address, uint32_t length) {
    Elf32_Ehdr header;
    memcpy(&header, elf->bytes, sizeof header);
    for (size_t i = 0; i < header.e_shnum; i++) {
        Elf32_Shdr section;
        size_t at = header.e_shoff + i * sizeof section;
        if (at > elf->length - sizeof section) {
            return NULL;
        }
        memcpy(&section, elf->bytes + at, sizeof section);
        bool is_code = section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_EXECINSTR) != 0;
        bool is_there = address >= section.sh_addr && address - section.sh_addr < section.sh_size &&
                        section.sh_size - (address - section.sh_addr) >= length;
        uint64_t from = (uint64_t)section.sh_offset + (address - section.sh_addr);
        if (is_code && is_there && from + length <= elf->length) {
            return elf->bytes + from;
        }
    }
    return NULL;
}

bool elf_file_is_return(const elf_file_t *elf, uint32_t address) {
    const uint8_t *code = address % 2 == 0 ? find_code(elf, address - 4, 4) : NULL;
    if (elf->machine != EM_RISCV || code == NULL) {
        return false;
    }
    uint32_t word = ota_ws_read_u32(code);
    uint16_t half = ota_ws_read_u16(code + 2);
    bool jal = (word & 0xFFF) == 0x0EF;                             // jal ra
    bool jalr = (word & 0x7FFF) == 0x00E7;                          // jalr ra
    bool c_jal = (half & 0xE003) == 0x2001;                         // c.jal
    bool c_jalr = (half & 0xF07F) == 0x9002 && (half & 0xF80) != 0; // c.jalr
    return jal || jalr || c_jal || c_jalr;
}

// ---- functions and lines ----

static const char *const riscv_programs[] = {"riscv32-esp-elf-addr2line", "riscv64-unknown-elf-addr2line",
                                             "riscv-none-elf-addr2line", NULL};
static const char *const xtensa_programs[] = {"xtensa-esp-elf-addr2line", "xtensa-esp32-elf-addr2line",
                                              "xtensa-esp32s3-elf-addr2line", "xtensa-esp32s2-elf-addr2line", NULL};

// True when the program runs, and writes into `output`.
static bool spawn(pid_t *child, char **words, int output) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    bool runs = posix_spawnp(child, words[0], &actions, NULL, words, environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return runs;
}

static bool run(elf_lookup_t *lookup, char **words, const char *const *programs) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    bool runs = false;
    for (; *programs != NULL && !runs; programs++) {
        words[0] = (char *)*programs;
        runs = spawn(&lookup->child, words, ends[1]);
    }
    close(ends[1]);
    lookup->lines = fdopen(ends[0], "r");
    return runs && lookup->lines != NULL;
}

bool elf_lookup_start(elf_lookup_t *lookup, const elf_file_t *elf, const char *program, const uint32_t *addresses,
                      size_t count, problem_t *problem) {
    const char *const chosen[] = {program, NULL};
    const char *const *usual = elf->machine == EM_RISCV ? riscv_programs : xtensa_programs;
    char texts[ADDRESSES_MAX][12];
    char *words[FIXED_WORDS + ADDRESSES_MAX + 1] = {NULL, "-apfCi", "-e", (char *)elf->path, "--"};
    for (size_t i = 0; i < count && i < ADDRESSES_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "0x%08x", (unsigned)addresses[i]);
        words[FIXED_WORDS + i] = texts[i];
    }
    bool runs = run(lookup, words, program != NULL ? chosen : usual);
    if (!runs) {
        problem_set(
            problem, EXIT_CODE_TROUBLE, "no_addr2line",
            "%.80s cannot be run. It is a part of the toolchain: put that into PATH ('. export.sh' of ESP-IDF), "
            "or name the program with --addr2line.",
            program != NULL ? program : usual[0]);
    }
    return runs;
}

void elf_lookup_end(elf_lookup_t *lookup) {
    fclose(lookup->lines);
    waitpid(lookup->child, NULL, 0);
}
