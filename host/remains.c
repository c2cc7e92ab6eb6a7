// SPDX-License-Identifier: Apache-2.0
#include "remains.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "store.h"

#define SUFFIX ".rtc"
#define DUMP_MAGIC 0x43445730u

// The core dump in the file. Pointers of `core` mean nothing there.
typedef struct {
    uint32_t magic;
    uint32_t crc; // of what follows
    ota_ws_core_dump_t core;
    uint8_t stack[REMAINS_STACK_SIZE];
} dump_t;

typedef struct {
    uint8_t ring[REMAINS_RING_SIZE];
    dump_t dump;
} map_t;

static uint32_t checksum(const dump_t *dump) {
    return ota_ws_crc32(&dump->core, sizeof *dump - offsetof(dump_t, core));
}

void remains_open(remains_t *remains, const char *flash_path) {
    char path[STORE_PATH_SIZE + sizeof SUFFIX];
    snprintf(path, sizeof path, "%s" SUFFIX, flash_path);
    *remains = (remains_t){0};
    pthread_mutex_init(&remains->lock, NULL);
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
        return;
    }
    void *map = ftruncate(file, sizeof(map_t)) == 0
                    ? mmap(NULL, sizeof(map_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                    : MAP_FAILED;
    remains->map = map != MAP_FAILED ? map : NULL;
    close(file);
}

void remains_close(remains_t *remains) {
    if (remains->map != NULL) {
        munmap(remains->map, sizeof(map_t));
    }
    pthread_mutex_destroy(&remains->lock);
}

void remains_start(remains_t *remains, const uint8_t *elf_sha256) {
    if (remains->map == NULL) {
        return;
    }
    memcpy(remains->elf, elf_sha256, sizeof remains->elf);
    remains->memory = (ota_ws_log_memory_t){remains->map, REMAINS_RING_SIZE, remains->elf};
    (void)ota_ws_log_ring_start(&remains->memory);
}

void remains_stop(remains_t *remains) {
    pthread_mutex_lock(&remains->lock);
    remains->memory.ring = NULL;
    pthread_mutex_unlock(&remains->lock);
}

void remains_log(remains_t *remains, const char *line) {
    ota_ws_log_piece_t piece;
    ota_ws_log_piece_make(&piece, line, strlen(line));
    pthread_mutex_lock(&remains->lock);
    ota_ws_log_ring_t *ring = remains->memory.ring;
    if (ring != NULL && ota_ws_log_ring_is_open(ring) && piece.length > 0) {
        ota_ws_log_ring_put(ring, &piece);
    }
    pthread_mutex_unlock(&remains->lock);
}

void remains_dump(remains_t *remains, const ota_ws_core_dump_t *core) {
    if (remains->map == NULL) {
        return;
    }
    dump_t *dump = &((map_t *)remains->map)->dump;
    memset(dump, 0, sizeof *dump);
    dump->core = *core;
    dump->core.stack = NULL;
    memcpy(dump->stack, core->stack, core->stack_size);
    dump->crc = checksum(dump);
    dump->magic = DUMP_MAGIC;
}

const ota_ws_log_memory_t *remains_memory(remains_t *remains) {
    return remains->memory.ring != NULL ? &remains->memory : NULL;
}

bool remains_open_core(remains_t *remains, ota_ws_core_dump_t *core) {
    const dump_t *dump = remains->map != NULL ? &((const map_t *)remains->map)->dump : NULL;
    if (dump == NULL || dump->magic != DUMP_MAGIC || dump->crc != checksum(dump)) {
        return false;
    }
    *core = dump->core;
    core->stack = dump->stack;
    return true;
}
