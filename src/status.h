// SPDX-License-Identifier: Apache-2.0
// Every way in which something can go wrong, one value per cause. Each has a name that never changes (schema.def;
// docs/protocol.md, section 7) and a sentence for people. A failure carries the two values that do not agree, when the
// sentence has them.
#pragma once

#include <stddef.h>

typedef enum {
#define STATUS(symbol, name, way, sentence) OTA_WS_##symbol,
#include "schema.def"
    OTA_WS_STATUS_COUNT
} ota_ws_status_t;

// Longest value that a failure carries, with its terminating zero.
#define OTA_WS_DETAIL_SIZE 33

typedef struct {
    ota_ws_status_t status;
    char image[OTA_WS_DETAIL_SIZE];  // what the image or the request has; "" where the sentence needs none
    char device[OTA_WS_DETAIL_SIZE]; // what the device has, or allows
} ota_ws_failure_t;

// The name on the wire: lower-case words joined by '_', for example "wrong_chip". "ok" for OTA_WS_OK.
const char *ota_ws_status_name(ota_ws_status_t status);

// The sentence in English. Where {image} or {device} stands in it, the failure's values belong. This and what follows
// is sentence.c, which a device without space for it does not link.
const char *ota_ws_status_sentence(ota_ws_status_t status);

// Writes the sentence with the failure's values, cut to `size` - 1 characters and terminated.
void ota_ws_sentence(char *text, size_t size, const ota_ws_failure_t *failure);

// Appends the sentence as member `text`, where the settings ask for it (device.h).
struct ota_ws_reply;
typedef void (*ota_ws_sentence_t)(struct ota_ws_reply *reply, const ota_ws_failure_t *failure);
void ota_ws_sentence_reply(struct ota_ws_reply *reply, const ota_ws_failure_t *failure);
