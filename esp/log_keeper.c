// SPDX-License-Identifier: Apache-2.0
// Keeps what ESP_LOG prints in a ring that outlives a restart (record/log_ring.h). ESP-IDF's log calls our function,
// and our function calls the one that was set before: the console, or the application's own. The ring lies in RTC
// memory; a chip without it has the ring in internal RAM, where it outlives a restart only when both images have it at
// the same place.
//
// A line is formatted on the stack of the task that logs, in a function that has returned before the console's is
// called. Only the copy into the ring is a critical section: some microseconds. Nothing is kept that an interrupt logs.
#include <stdio.h>

#include "esp_app_desc.h"
#include "esp_attr.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "log_keeper.h"
#include "sdkconfig.h"
#include "soc/soc.h"

#define LINE_SIZE (OTA_WS_LOG_PIECE_SIZE + 16) // with the sequences that colour it

_Static_assert(CONFIG_OTA_WS_LOG_RING >= OTA_WS_LOG_RING_MIN, "OTA_WS_LOG_RING is 0, or 256 and more");

#if CONFIG_SOC_RTC_MEM_SUPPORTED
static RTC_NOINIT_ATTR uint32_t bytes[CONFIG_OTA_WS_LOG_RING / sizeof(uint32_t)];
#else
static __NOINIT_ATTR uint32_t bytes[CONFIG_OTA_WS_LOG_RING / sizeof(uint32_t)];
#endif

static ota_ws_log_memory_t memory;
static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
static vprintf_like_t before; // the function that was set when the image started
static vprintf_like_t joined; // the application's, set between our start and our registration; NULL: none

const ota_ws_log_memory_t *ota_ws_chip_log(void *context) {
    (void)context;
    return &memory;
}

static __attribute__((noinline)) void keep(const char *format, va_list arguments) {
    char line[LINE_SIZE];
    ota_ws_log_piece_t piece;
    int length = vsnprintf(line, sizeof line, format, arguments);
    if (length <= 0) {
        return;
    }
    ota_ws_log_piece_make(&piece, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
    if (piece.length == 0) {
        return;
    }
    portENTER_CRITICAL(&lock);
    if (ota_ws_log_ring_is_open(memory.ring)) {
        ota_ws_log_ring_put(memory.ring, &piece);
    }
    portEXIT_CRITICAL(&lock);
}

static void keep_of_task(const char *format, va_list arguments) {
    if (ota_ws_log_ring_is_open(memory.ring) && !xPortInIsrContext()) {
        va_list copy;
        va_copy(copy, arguments);
        keep(format, copy);
        va_end(copy);
    }
}

static int print(const char *format, va_list arguments) {
    if (joined == NULL) { // else the line has been kept, or the application has more to print
        keep_of_task(format, arguments);
    }
    return before(format, arguments);
}

static int print_and_pass_on(const char *format, va_list arguments) {
    keep_of_task(format, arguments);
    return joined(format, arguments);
}

// Before app_main(): the lines of an image that does not come as far as to our registration count most.
static __attribute__((constructor)) void start(void) {
    memory = (ota_ws_log_memory_t){(ota_ws_log_ring_t *)bytes, sizeof bytes, esp_app_get_description()->app_elf_sha256};
#if CONFIG_SOC_RTC_MEM_SUPPORTED
    if ((uintptr_t)bytes >= SOC_RTC_DATA_LOW && (uintptr_t)bytes < SOC_RTC_DATA_HIGH) {
        ota_ws_log_ring_fetch(&memory, (const uint8_t *)SOC_RTC_DATA_LOW, (const uint8_t *)SOC_RTC_DATA_HIGH);
    }
#endif
    (void)ota_ws_log_ring_start(&memory);
    before = esp_log_set_vprintf(print);
}

void ota_ws_chip_log_join(void) {
    vprintf_like_t found = esp_log_set_vprintf(print_and_pass_on);
    if (found == print || found == print_and_pass_on) {
        esp_log_set_vprintf(found);
    } else {
        joined = found;
    }
}
