// SPDX-License-Identifier: Apache-2.0
// Is this image one for this device? Decided from the image's head alone, before the first erase. Pure: values in, a
// verdict out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "ports.h"
#include "status.h"

typedef struct {
    bool check_project; // refuse an image whose project name is not the running one's
    bool check_version; // refuse a lower version unless the promise allows it
} ota_ws_policy_t;

// What `begin` promised of the file.
typedef struct {
    uint32_t size;
    uint8_t sha256[OTA_WS_SHA256_SIZE];
    bool allow_downgrade;
    bool deflate;   // the data frames carry the file from `ready.offset` on as one raw deflate stream (RFC 1951)
    uint32_t early; // so many bytes of data from offset 0 follow at once; they count when the device begins there
} ota_ws_promise_t;

// Is this a name that a build tool gives to everything it builds ("arduino-lib-builder": Arduino's libraries,
// "libespidf": Rust's esp-idf-sys)? Two images that bear it may be of different projects. Such a name neither proves
// nor refuses: an image with the running image's name is allowed, because no other image could ever be, and who shows
// the decision to people says that the name proves nothing. Every other difference of names is refused as always.
bool ota_ws_policy_is_tool_name(const char *project);

// `failure` says what fits and what does not; its status is OTA_WS_OK when the image may be written.
void ota_ws_policy_decide(const ota_ws_policy_t *policy, const ota_ws_identity_t *device,
                          const ota_ws_promise_t *promise, const ota_ws_image_header_t *header,
                          const ota_ws_image_description_t *description, ota_ws_failure_t *failure);

// Does the application allow it? `failure` is OTA_WS_OK or OTA_WS_REFUSED_BY_APPLICATION with its reason.
void ota_ws_policy_ask(const ota_ws_platform_t *platform, ota_ws_question_t question, ota_ws_failure_t *failure);
