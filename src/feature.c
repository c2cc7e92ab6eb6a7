// SPDX-License-Identifier: Apache-2.0
#include "feature.h"

#include <feature_list.h>

#define DECLARE(name) extern const ota_ws_feature_t ota_ws_feature_##name[];
#define POINT_TO(name) ota_ws_feature_##name,

OTA_WS_FEATURES(DECLARE)
static const ota_ws_feature_t *const features[] = {OTA_WS_FEATURES(POINT_TO) NULL};

bool ota_ws_features_run(ota_ws_hook_t hook, void *subject) {
    bool found = false;
    for (const ota_ws_feature_t *const *feature = features; *feature != NULL; feature++) {
        for (const ota_ws_feature_t *at = *feature; at->function != NULL; at++) {
            if (at->hook == hook) {
                found = true;
                if (subject != NULL) {
                    at->function(subject);
                }
            }
        }
    }
    return found;
}
