// SPDX-License-Identifier: Apache-2.0
// The end of a file that has come whole: three lines stand next to each other. What came is what was promised; flash
// holds it; the platform selects it. A part of the pipeline.
#pragma once

#include "flow/file.h"

// The head goes to flash only when everything before it was found right; an image that is refused after that has its
// head erased.
ota_ws_status_t ota_ws_commit_image(ota_ws_pipeline_t *pipeline);
