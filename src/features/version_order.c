// SPDX-License-Identifier: Apache-2.0
// The order of versions: an image of a lower version than the running one is refused unless the request allows a
// downgrade (image/policy.c), and an allowed downgrade is logged.
#include "feature.h"
#include "image/policy.h"
#include "image/version.h"

static void compare(void *subject) {
    ota_ws_versions_t *versions = subject;
    versions->is_lower = ota_ws_version_compare(versions->image, versions->running) == -1;
}

const ota_ws_feature_t ota_ws_feature_version_order[] = {
    {OTA_WS_VERSIONS_COMPARED, compare},
    {0},
};
