// SPDX-License-Identifier: Apache-2.0
// The list of the last updates, for people to read. The newest entry is the record of intent, which the core keeps by
// itself (record/history.h); this feature keeps the entries before it, and answers the request `history`. Without it
// the store holds one entry.
#include "record/history.h"

#include <string.h>

#include "feature.h"
#include "session/report.h"

static void keep_older(void *subject) {
    ota_ws_history_t *history = subject;
    memmove(history->entries + 1, history->entries, sizeof history->entries - sizeof history->entries[0]);
    history->count = (uint8_t)(history->count < OTA_WS_HISTORY_MAX ? history->count : OTA_WS_HISTORY_MAX - 1);
}

static void answer(void *subject) {
    ota_ws_report_history(subject);
}

const ota_ws_feature_t ota_ws_feature_history[] = {
    {OTA_WS_HISTORY_GROWS, keep_older},
    {OTA_WS_HISTORY_ASKED, answer},
    {0},
};
