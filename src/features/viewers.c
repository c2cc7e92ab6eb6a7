// SPDX-License-Identifier: Apache-2.0
// Progress for clients that only look on: each of them gets a `progress` when the owner of the update gets one for what
// was written. Without this feature they get `state` when an update begins and when it ends, and nothing between.
#include "feature.h"
#include "session/report.h"

static void report_to_viewers(void *subject) {
    const ota_ws_device_t *device = subject;
    for (ota_ws_session_t *session = device->sessions; session != NULL; session = session->next) {
        if (session->state == OTA_WS_SESSION_WELCOME && session != device->owner) {
            ota_ws_report_progress(session);
        }
    }
}

const ota_ws_feature_t ota_ws_feature_viewers[] = {
    {OTA_WS_UPDATE_WRITTEN, report_to_viewers},
    {0},
};
