// SPDX-License-Identifier: Apache-2.0
// Near copies of routines that every source calls often. A call within flash takes 4 bytes. A call from flash into ROM
// or internal RAM takes 8, and that is where ESP-IDF has libgcc's routines for -msave-restore (with which functions
// begin and end) and memcpy, memset, memcmp and strlen. With the near ones the component takes 3 KB less. riscv_calls.h
// makes the names in this component's objects mean the near routines.
//
// The convention of save and restore is GCC's: t0 holds the return address of a save; the frame has 16, 32, 48 or 64
// bytes for up to 4, 8, 12 or 13 registers; ra lies in its last word, s0 before it, and so on downwards. A restore
// returns for the function.
    .section .text.ota_ws_riscv_calls, "ax", @progbits
    .globl ota_ws_save_12, ota_ws_save_8, ota_ws_save_4, ota_ws_save_0
    .globl ota_ws_restore_12, ota_ws_restore_8, ota_ws_restore_4, ota_ws_restore_0
    .globl ota_ws_near_memcpy, ota_ws_near_memset, ota_ws_near_memcmp, ota_ws_near_strlen

ota_ws_save_12:
    addi sp, sp, -64
    li t1, 0
    sw s11, 12(sp)
    j 1f
ota_ws_save_8:
    addi sp, sp, -64
    li t1, 16 // of these 64 bytes are given back
1:
    sw s10, 16(sp)
    sw s9, 20(sp)
    sw s8, 24(sp)
    sw s7, 28(sp)
    j 2f
ota_ws_save_4:
    addi sp, sp, -64
    li t1, 32
2:
    sw s6, 32(sp)
    sw s5, 36(sp)
    sw s4, 40(sp)
    sw s3, 44(sp)
    sw s2, 48(sp)
    sw s1, 52(sp)
    sw s0, 56(sp)
    sw ra, 60(sp)
    add sp, sp, t1
    jr t0
ota_ws_save_0:
    addi sp, sp, -16
    sw s2, 0(sp)
    sw s1, 4(sp)
    sw s0, 8(sp)
    sw ra, 12(sp)
    jr t0

ota_ws_restore_12:
    lw s11, 12(sp)
    addi sp, sp, 16
ota_ws_restore_8:
    lw s10, 0(sp)
    lw s9, 4(sp)
    lw s8, 8(sp)
    lw s7, 12(sp)
    addi sp, sp, 16
ota_ws_restore_4:
    lw s6, 0(sp)
    lw s5, 4(sp)
    lw s4, 8(sp)
    lw s3, 12(sp)
    addi sp, sp, 16
ota_ws_restore_0:
    lw s2, 0(sp)
    lw s1, 4(sp)
    lw s0, 8(sp)
    lw ra, 12(sp)
    addi sp, sp, 16
    ret

ota_ws_near_memcpy:
    tail memcpy
ota_ws_near_memset:
    tail memset
ota_ws_near_memcmp:
    tail memcmp
ota_ws_near_strlen:
    tail strlen
