// SPDX-License-Identifier: Apache-2.0
#include "ledger.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/param.h>

#include "esp_attr.h"
#include "esp_heap_caps.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define ENTRIES 384

typedef struct {
    void *block;
    uint32_t size;
    bool network;
} entry_t;

static DRAM_ATTR entry_t entries[ENTRIES];
static DRAM_ATTR uint32_t sums[2];
static DRAM_ATTR ledger_peaks_t peaks;
static DRAM_ATTR bool counts;
static DRAM_ATTR portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;

// lwIP's task is "tiT", from 6.0 on "tcpip"; the driver's is "emac_rx".
static IRAM_ATTR bool is_network(void) {
    const char *task = pcTaskGetName(NULL);
    return (task[0] == 't' && ((task[1] == 'i' && task[2] == 'T') || (task[1] == 'c' && task[2] == 'p'))) ||
           (task[0] == 'e' && task[1] == 'm');
}

static IRAM_ATTR void note(void *block, uint32_t size, bool network) {
    for (int i = 0; i < ENTRIES; i++) {
        if (entries[i].block == NULL) {
            entries[i] = (entry_t){block, size, network};
            sums[network] += size;
            peaks.network = MAX(peaks.network, sums[1]);
            peaks.others = MAX(peaks.others, sums[0]);
            return;
        }
    }
    peaks.lost++;
}

// ESP-IDF declares both hooks, with their place in memory.
void esp_heap_trace_alloc_hook(void *block, size_t size, uint32_t caps) {
    if (counts && block != NULL) {
        portENTER_CRITICAL_SAFE(&lock);
        note(block, size, is_network());
        portEXIT_CRITICAL_SAFE(&lock);
    }
}

void esp_heap_trace_free_hook(void *block) {
    if (!counts || block == NULL) {
        return;
    }
    portENTER_CRITICAL_SAFE(&lock);
    for (int i = 0; i < ENTRIES; i++) {
        if (entries[i].block == block) {
            sums[entries[i].network] -= entries[i].size;
            entries[i].block = NULL;
            break;
        }
    }
    portEXIT_CRITICAL_SAFE(&lock);
}

void ledger_start(void) {
    portENTER_CRITICAL(&lock);
    memset(entries, 0, sizeof entries);
    memset(sums, 0, sizeof sums);
    memset(&peaks, 0, sizeof peaks);
    counts = true;
    portEXIT_CRITICAL(&lock);
}

ledger_peaks_t ledger_peaks(void) {
    counts = false;
    return peaks;
}
