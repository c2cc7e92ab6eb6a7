// SPDX-License-Identifier: Apache-2.0
// Included first in every source of the component on RISC-V chips (CMakeLists.txt). In the object that is being
// compiled, and nowhere else, the names of these routines mean those of riscv_calls.S, which says why.
#pragma once

#ifndef __ASSEMBLER__
#define OTA_WS_SAVE_IS(count, own)                                                                                     \
    __asm__(".set __riscv_save_" #count ", ota_ws_save_" #own);                                                        \
    __asm__(".set __riscv_restore_" #count ", ota_ws_restore_" #own)

OTA_WS_SAVE_IS(0, 0);
OTA_WS_SAVE_IS(1, 0);
OTA_WS_SAVE_IS(2, 0);
OTA_WS_SAVE_IS(3, 0);
OTA_WS_SAVE_IS(4, 4);
OTA_WS_SAVE_IS(5, 4);
OTA_WS_SAVE_IS(6, 4);
OTA_WS_SAVE_IS(7, 4);
OTA_WS_SAVE_IS(8, 8);
OTA_WS_SAVE_IS(9, 8);
OTA_WS_SAVE_IS(10, 8);
OTA_WS_SAVE_IS(11, 8);
OTA_WS_SAVE_IS(12, 12);

__asm__(".set memcpy, ota_ws_near_memcpy");
__asm__(".set memset, ota_ws_near_memset");
__asm__(".set memcmp, ota_ws_near_memcmp");
__asm__(".set strlen, ota_ws_near_strlen");
#endif
