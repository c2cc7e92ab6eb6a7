// SPDX-License-Identifier: Apache-2.0
// Every way in which something can go wrong, one value per cause. Each has a name that never changes (docs/protocol.md,
// section 7) and a sentence for people. A failure carries the two values that do not agree, when the sentence has them.
#pragma once

typedef enum {
    OTA_WS_OK = 0,

    // What was asked for cannot be done now.
    OTA_WS_BUSY,
    OTA_WS_ON_TRIAL,
    OTA_WS_RESTART_PENDING,
    OTA_WS_NO_UPDATE,
    OTA_WS_NOT_ON_TRIAL,
    OTA_WS_NOTHING_TO_GO_BACK_TO,
    OTA_WS_NO_SLOT,
    OTA_WS_NO_MEMORY,
    OTA_WS_REFUSED_BY_APPLICATION,
    OTA_WS_COMPRESSION_DECLINED,

    // The file.
    OTA_WS_EMPTY,
    OTA_WS_TOO_LARGE,
    OTA_WS_TOO_SHORT,
    OTA_WS_NOT_AN_IMAGE,
    OTA_WS_ESP8266_IMAGE,
    OTA_WS_BOOTLOADER_IMAGE,
    OTA_WS_MERGED_IMAGE,
    OTA_WS_NO_DESCRIPTION,
    OTA_WS_ENCRYPTED_IMAGE,
    OTA_WS_NOT_ENCRYPTED,
    OTA_WS_WRONG_KEY,
    OTA_WS_BAD_TAG,
    OTA_WS_BAD_COMPRESSION,
    OTA_WS_BAD_SEGMENTS,
    OTA_WS_TRUNCATED,
    OTA_WS_TRAILING_BYTES,
    OTA_WS_BAD_CHECKSUM,
    OTA_WS_BAD_IMAGE_DIGEST,

    // The file is sound, but not for this device.
    OTA_WS_WRONG_CHIP,
    OTA_WS_WRONG_REVISION,
    OTA_WS_WRONG_PROJECT,
    OTA_WS_OLDER_VERSION,
    OTA_WS_OLDER_SECURE_VERSION,
    OTA_WS_NOT_SIGNED,
    OTA_WS_BAD_SIGNATURE,

    // The update.
    OTA_WS_CANCELLED,
    OTA_WS_STALLED,
    OTA_WS_LINK_LOST,
    OTA_WS_DIGEST_MISMATCH,
    OTA_WS_FLASH_READ,
    OTA_WS_FLASH_ERASE,
    OTA_WS_FLASH_PROGRAM,
    OTA_WS_FLASH_DIFFERS,
    OTA_WS_NOT_VERIFIED,
    OTA_WS_BOOT_RECORD,

    // The conversation. These end the session.
    OTA_WS_MESSAGE_TOO_LONG,
    OTA_WS_NOT_JSON,
    OTA_WS_NOT_UTF8,
    OTA_WS_NESTED,
    OTA_WS_ESCAPED,
    OTA_WS_DUPLICATE_MEMBER,
    OTA_WS_UNKNOWN_MESSAGE,
    OTA_WS_UNKNOWN_MEMBER,
    OTA_WS_MISSING_MEMBER,
    OTA_WS_BAD_VALUE,
    OTA_WS_FRAGMENTED,
    OTA_WS_BAD_FRAME,
    OTA_WS_FRAME_TOO_LONG,
    OTA_WS_UNEXPECTED_DATA,
    OTA_WS_WRONG_OFFSET,
    OTA_WS_TOO_MANY_BYTES,
    OTA_WS_UNEXPECTED_MESSAGE,
    OTA_WS_BAD_MAC,
    OTA_WS_SILENT,
    OTA_WS_TOO_MANY_SESSIONS,

    // The way in.
    OTA_WS_WRONG_VERSION,
    OTA_WS_FOREIGN_HOST,
    OTA_WS_FOREIGN_ORIGIN,
    OTA_WS_BAD_TICKET,
    OTA_WS_BAD_LOGIN,
    OTA_WS_WRONG_PASSWORD,
    OTA_WS_TRY_LATER,
    OTA_WS_LOGIN_BUSY,

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

// The sentence in English (sentence.c). Where {image} or {device} stands in it, the failure's values belong.
const char *ota_ws_status_sentence(ota_ws_status_t status);
