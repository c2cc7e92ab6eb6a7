// SPDX-License-Identifier: Apache-2.0
// ota-ws-device --show: what lies in the flash file, as text on standard output.
#pragma once

#include "board.h"

void show_board(board_t *board);
