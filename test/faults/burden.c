// SPDX-License-Identifier: Apache-2.0
#include "burden.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "memory.h"

static unsigned count_descriptors(void) {
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        count++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return count;
}

static long resident_kib(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;
    if (file != NULL) {
        pages = fscanf(file, "%*d %ld", &pages) == 1 ? pages : 0;
        fclose(file);
    }
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

burden_t burden_weigh(const board_t *board) {
    burden_t burden = {memory_blocks(), count_descriptors(), 0, resident_kib()};
    for (int i = 0; i < BOARD_STORE_MAX; i++) {
        burden.stored += board->store[i].key[0] != '\0' ? board->store[i].size : 0;
    }
    return burden;
}
