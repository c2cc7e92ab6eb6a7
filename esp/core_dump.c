// SPDX-License-Identifier: Apache-2.0
// The summary of the core dump. On Xtensa ESP-IDF finds the calls; on RISC-V it hands out the task's stack, which the
// client searches with the image's ELF file at hand.
#include "core_dump.h"

#include <stdlib.h>

#include "esp_core_dump.h"
#include "sdkconfig.h"
#include "text.h"

#if CONFIG_IDF_TARGET_ARCH_RISCV

static void take_calls(ota_ws_core_dump_t *core, const esp_core_dump_summary_t *summary) {
    core->cause = summary->ex_info.mcause;
    core->address = summary->ex_info.mtval;
    core->calls[0] = summary->ex_info.ra;
    core->call_count = 1;
    core->stack = summary->exc_bt_info.stackdump;
    uint32_t size = summary->exc_bt_info.dump_size;
    core->stack_size = size < sizeof summary->exc_bt_info.stackdump ? size : sizeof summary->exc_bt_info.stackdump;
}

#else

// The first address is the program counter.
static void take_calls(ota_ws_core_dump_t *core, const esp_core_dump_summary_t *summary) {
    const esp_core_dump_bt_info_t *found = &summary->exc_bt_info;
    core->cause = summary->ex_info.exc_cause;
    core->address = summary->ex_info.exc_vaddr;
    for (uint32_t i = 1; i < found->depth && i < sizeof found->bt / sizeof found->bt[0]; i++) {
        core->calls[core->call_count++] = found->bt[i];
    }
}

#endif

bool ota_ws_chip_open_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    esp_core_dump_summary_t *summary;
    if (esp_core_dump_image_check() != ESP_OK || (summary = calloc(1, sizeof *summary)) == NULL) {
        return false;
    }
    if (esp_core_dump_get_summary(summary) != ESP_OK) {
        free(summary);
        return false;
    }
    core->owned = summary;
    core->pc = summary->exc_pc;
    ota_ws_text_copy(core->task, sizeof core->task, summary->exc_task);
    ota_ws_text_copy(core->elf, sizeof core->elf, (const char *)summary->app_elf_sha256);
    (void)esp_core_dump_get_panic_reason(core->reason, sizeof core->reason); // "" where there is none
    take_calls(core, summary);
    return true;
}

void ota_ws_chip_close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    free(core->owned);
}
