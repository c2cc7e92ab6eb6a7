// SPDX-License-Identifier: Apache-2.0
// A flash chip in a file: the bytes as they lie in flash, from address 0. All its disk space is taken when it is made
// or opened, so that a full disk shows then and not in the middle of an erase. One process at a time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nor.h"

#define FLASH_FILE_ERROR_SIZE 256

typedef struct {
    int file; // -1: closed
    uint32_t size;
    uint32_t present;                  // bytes of the file when it was opened; the rest reads as erased
    char error[FLASH_FILE_ERROR_SIZE]; // why the last function failed, a sentence
} flash_file_t;

typedef enum {
    FLASH_FILE_OPENED,
    FLASH_FILE_ABSENT,
    FLASH_FILE_FAILED, // `error` says why
} flash_file_result_t;

// Opens an existing one. `size` is what it must have; 0: whatever it has. A file that is no whole number of blocks may
// be a dump without its erased end: `present` is less than `size` then, which is what was asked for or the next power
// of two. Reading gives 0xFF behind `present`; flash_file_complete() must come before the first write.
flash_file_result_t flash_file_open(flash_file_t *flash, const char *path, uint32_t size);

// Writes the erased end of a dump, once it is certain that the file is one.
flash_file_result_t flash_file_complete(flash_file_t *flash, const char *path);

// Opens an existing one to read only, also while another process uses it.
flash_file_result_t flash_file_view(flash_file_t *flash, const char *path);

// Makes one of `size` erased bytes; none is left when that fails.
flash_file_result_t flash_file_create(flash_file_t *flash, const char *path, uint32_t size);

void flash_file_close(flash_file_t *flash);

nor_medium_t flash_file_medium(flash_file_t *flash);
