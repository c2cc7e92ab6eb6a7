// SPDX-License-Identifier: Apache-2.0
// All features. A build that leaves some out puts a list of its own before this one (sources.cmake).
#pragma once

#define OTA_WS_FEATURES(FEATURE)                                                                                       \
    FEATURE(resume)                                                                                                    \
    FEATURE(history)                                                                                                   \
    FEATURE(viewers)                                                                                                   \
    FEATURE(version_order) FEATURE(sealed) FEATURE(log_ring) FEATURE(recovery) FEATURE(delta) FEATURE(prepare)
