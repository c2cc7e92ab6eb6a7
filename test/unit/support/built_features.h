// SPDX-License-Identifier: Apache-2.0
// Which features of the core this program was linked with (src/feature.h). A test that needs one is listed with
// unit_test_of(): it is no test where the feature was left out.
#pragma once

#include "feature.h"

#define FEATURE(name) extern const ota_ws_feature_t ota_ws_feature_##name[] __attribute__((weak));
FEATURE(resume)
FEATURE(history)
FEATURE(viewers)
FEATURE(version_order)
FEATURE(sealed)
FEATURE(log_ring)
FEATURE(delta)
FEATURE(prepare)
#undef FEATURE

#define unit_test_of(feature, function)                                                                                \
    { #function, ota_ws_feature_##feature != NULL ? function : NULL, NULL, NULL, NULL }
