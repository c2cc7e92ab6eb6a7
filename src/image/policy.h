// SPDX-License-Identifier: Apache-2.0
// Is this image one for this device? Decided from the image's head alone, before the first erase. Pure: values in, a
// verdict out.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "ports.h"
#include "status.h"

#define OTA_WS_BASE_DIGEST_SIZE 8

// The running image as the base of patches: its bytes up to and with the SHA-256 that ends an image, which is also the
// name of these bytes. What follows, a signature, does not belong to it.
typedef struct {
    uint32_t size;                           // 0: no patch is taken
    uint8_t digest[OTA_WS_BASE_DIGEST_SIZE]; // the first bytes of that SHA-256
} ota_ws_base_t;

typedef struct {
    bool check_project; // refuse an image whose project name is not the running one's. A recovery application compares
                        // with the application in the slot; where none is whole, with nothing. Likewise the version
    bool check_version; // refuse a lower version unless the request allows it
} ota_ws_policy_t;

// The file as `begin` describes it.
typedef struct {
    uint32_t size;
    uint8_t sha256[OTA_WS_SHA256_SIZE];
    bool any_digest; // `sha256` is not known: TLS alone looks after the bytes (session/http_upload.h)
    bool allow_downgrade;
    bool deflate;    // the data frames carry the file from `ready.offset` on as one raw deflate stream (RFC 1951)
    uint32_t window; // of that stream: it refers back to so many bytes at most; 0: 32 KiB
    bool sealed;     // the data frames are sealed with a key of the session (seal.h)
    bool delta;      // the deflated bytes are a patch for the file from there on (features/delta.c)
    uint8_t base[OTA_WS_BASE_DIGEST_SIZE]; // of the patch
    uint32_t early; // so many bytes of data from offset 0 follow at once; they count when the device begins there
    bool is_blank;  // not of the client: the device has found all of the slot blank, or made it so
} ota_ws_upload_request_t;

// Two versions to be compared (feature.h).
typedef struct {
    const char *image, *running;
    bool is_lower; // the image's version, and both are versions
} ota_ws_versions_t;

// Is the image's version lower than the running one? False in a device that knows no order of versions.
bool ota_ws_policy_is_downgrade(const char *image, const char *running);

// Is this a name that a build tool gives to everything it builds ("arduino-lib-builder": Arduino's libraries,
// "libespidf": Rust's esp-idf-sys)? Two images that bear it may be of different projects. Such a name neither proves
// nor refuses: an image with the running image's name is allowed, because no other image could ever be, and a client
// that shows the decision to people adds that the name proves nothing. Every other difference of names is refused as
// always.
bool ota_ws_policy_is_tool_name(const char *project);

// `failure` has the two values that do not agree; its status is OTA_WS_OK when the image may be written.
void ota_ws_policy_decide(const ota_ws_policy_t *policy, const ota_ws_identity_t *device,
                          const ota_ws_upload_request_t *request, const ota_ws_image_header_t *header,
                          const ota_ws_image_description_t *description, ota_ws_failure_t *failure);

// Does the application allow it? `failure` is OTA_WS_OK or OTA_WS_REFUSED_BY_APPLICATION with its reason.
void ota_ws_policy_ask(const ota_ws_platform_t *platform, ota_ws_question_t question, ota_ws_failure_t *failure);
