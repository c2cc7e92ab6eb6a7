// SPDX-License-Identifier: Apache-2.0
// The hardware of the virtual device: a flash chip with its partition table, and the chip beside it. Lasts from power
// on to power off, over all restarts.
#pragma once

#include "app_image.h"
#include "console.h"
#include "flash_file.h"
#include "nor_timing.h"
#include "options.h"

typedef struct {
    flash_file_t file;
    nor_t nor;
    nor_timing_t timing;
    partition_table_t table;
    uint32_t table_address;
    app_target_t target;
} board_t;

// Opens the flash file, or makes it with its table and image. `board` must stay where it is. Returns an exit code
// (exit_codes.h): EXIT_ENDED when all is well; else the console has said why, and nothing is open.
int board_open(board_t *board, const options_t *options, const console_t *console);

// For --show: reads only, also beside a device that runs on it. `table` may turn out not to be fit for updates.
int board_view(board_t *board, const options_t *options, const console_t *console);

void board_close(board_t *board);
