// SPDX-License-Identifier: Apache-2.0
// Every way in which something can go wrong, one value per cause. Each has a name that never changes (docs/protocol.md,
// section 7) and a sentence for people. A failure carries the two values that do not agree, when the sentence has them.
#pragma once

#include <stddef.h>

// Symbol and name of each.
#define OTA_WS_STATUSES(STATUS)                                                                                        \
    STATUS(OK, "ok")                                                                                                   \
    /* What was asked for cannot be done now. */                                                                       \
    STATUS(BUSY, "busy")                                                                                               \
    STATUS(DEVICE_BUSY, "device_busy")                                                                                 \
    STATUS(ON_TRIAL, "on_trial")                                                                                       \
    STATUS(RESTART_PENDING, "restart_pending")                                                                         \
    STATUS(NO_UPDATE, "no_update")                                                                                     \
    STATUS(NOT_ON_TRIAL, "not_on_trial")                                                                               \
    STATUS(NOTHING_TO_GO_BACK_TO, "nothing_to_go_back_to")                                                             \
    STATUS(NO_SLOT, "no_slot")                                                                                         \
    STATUS(NO_MEMORY, "no_memory")                                                                                     \
    STATUS(REFUSED_BY_APPLICATION, "refused_by_application")                                                           \
    STATUS(COMPRESSION_DECLINED, "compression_declined")                                                               \
    /* The file. */                                                                                                    \
    STATUS(EMPTY, "empty")                                                                                             \
    STATUS(TOO_LARGE, "too_large")                                                                                     \
    STATUS(TOO_SHORT, "too_short")                                                                                     \
    STATUS(NOT_AN_IMAGE, "not_an_image")                                                                               \
    STATUS(ESP8266_IMAGE, "esp8266_image")                                                                             \
    STATUS(BOOTLOADER_IMAGE, "bootloader_image")                                                                       \
    STATUS(MERGED_IMAGE, "merged_image")                                                                               \
    STATUS(NO_DESCRIPTION, "no_description")                                                                           \
    STATUS(ENCRYPTED_IMAGE, "encrypted_image")                                                                         \
    STATUS(FLASH_ENCRYPTED, "flash_encrypted")                                                                         \
    STATUS(SECURE_BOOT_V1, "secure_boot_v1")                                                                           \
    STATUS(NOT_ENCRYPTED, "not_encrypted")                                                                             \
    STATUS(WRONG_KEY, "wrong_key")                                                                                     \
    STATUS(BAD_TAG, "bad_tag")                                                                                         \
    STATUS(BAD_COMPRESSION, "bad_compression")                                                                         \
    STATUS(BAD_SEGMENTS, "bad_segments")                                                                               \
    STATUS(TRUNCATED, "truncated")                                                                                     \
    STATUS(TRAILING_BYTES, "trailing_bytes")                                                                           \
    STATUS(BAD_CHECKSUM, "bad_checksum")                                                                               \
    STATUS(BAD_IMAGE_DIGEST, "bad_image_digest")                                                                       \
    /* The file is sound, but not for this device. */                                                                  \
    STATUS(WRONG_CHIP, "wrong_chip")                                                                                   \
    STATUS(WRONG_REVISION, "wrong_revision")                                                                           \
    STATUS(WRONG_EFUSE_REVISION, "wrong_efuse_revision")                                                               \
    STATUS(WRONG_MMU_PAGE_SIZE, "wrong_mmu_page_size")                                                                 \
    STATUS(WRONG_PROJECT, "wrong_project")                                                                             \
    STATUS(OLDER_VERSION, "older_version")                                                                             \
    STATUS(OLDER_SECURE_VERSION, "older_secure_version")                                                               \
    STATUS(NOT_SIGNED, "not_signed")                                                                                   \
    STATUS(BAD_SIGNATURE, "bad_signature")                                                                             \
    /* The update. */                                                                                                  \
    STATUS(CANCELLED, "cancelled")                                                                                     \
    STATUS(STALLED, "stalled")                                                                                         \
    STATUS(LINK_LOST, "link_lost")                                                                                     \
    STATUS(DIGEST_MISMATCH, "digest_mismatch")                                                                         \
    STATUS(FLASH_READ, "flash_read")                                                                                   \
    STATUS(FLASH_ERASE, "flash_erase")                                                                                 \
    STATUS(FLASH_PROGRAM, "flash_program")                                                                             \
    STATUS(FLASH_DIFFERS, "flash_differs")                                                                             \
    STATUS(NOT_VERIFIED, "not_verified")                                                                               \
    STATUS(BOOT_RECORD, "boot_record")                                                                                 \
    /* The conversation. These end the session. */                                                                     \
    STATUS(MESSAGE_TOO_LONG, "message_too_long")                                                                       \
    STATUS(NOT_JSON, "not_json")                                                                                       \
    STATUS(NOT_UTF8, "not_utf8")                                                                                       \
    STATUS(NESTED, "nested")                                                                                           \
    STATUS(ESCAPED, "escaped")                                                                                         \
    STATUS(DUPLICATE_MEMBER, "duplicate_member")                                                                       \
    STATUS(UNKNOWN_MESSAGE, "unknown_message")                                                                         \
    STATUS(UNKNOWN_MEMBER, "unknown_member")                                                                           \
    STATUS(MISSING_MEMBER, "missing_member")                                                                           \
    STATUS(BAD_VALUE, "bad_value")                                                                                     \
    STATUS(FRAGMENTED, "fragmented")                                                                                   \
    STATUS(BAD_FRAME, "bad_frame")                                                                                     \
    STATUS(FRAME_TOO_LONG, "frame_too_long")                                                                           \
    STATUS(UNEXPECTED_DATA, "unexpected_data")                                                                         \
    STATUS(WRONG_OFFSET, "wrong_offset")                                                                               \
    STATUS(TOO_MANY_BYTES, "too_many_bytes")                                                                           \
    STATUS(UNEXPECTED_MESSAGE, "unexpected_message")                                                                   \
    STATUS(BAD_MAC, "bad_mac")                                                                                         \
    STATUS(SILENT, "silent")                                                                                           \
    STATUS(TOO_MANY_SESSIONS, "too_many_sessions")                                                                     \
    /* The way in. */                                                                                                  \
    STATUS(WRONG_VERSION, "wrong_version")                                                                             \
    STATUS(FOREIGN_HOST, "foreign_host")                                                                               \
    STATUS(FOREIGN_ORIGIN, "foreign_origin")                                                                           \
    STATUS(BAD_TICKET, "bad_ticket")                                                                                   \
    STATUS(BAD_LOGIN, "bad_login")                                                                                     \
    STATUS(WRONG_PASSWORD, "wrong_password")                                                                           \
    STATUS(TRY_LATER, "try_later")                                                                                     \
    STATUS(LOGIN_BUSY, "login_busy")

#define OTA_WS_STATUS_SYMBOL(symbol, name) OTA_WS_##symbol,

typedef enum { OTA_WS_STATUSES(OTA_WS_STATUS_SYMBOL) OTA_WS_STATUS_COUNT } ota_ws_status_t;

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
// is sentence.c, which a device without room for it does not link.
const char *ota_ws_status_sentence(ota_ws_status_t status);

// Writes the sentence with the failure's values, cut to `size` - 1 characters and terminated.
void ota_ws_sentence(char *text, size_t size, const ota_ws_failure_t *failure);

// Appends the sentence as member `text`, for who wants it there (device.h, settings).
struct ota_ws_reply;
typedef void (*ota_ws_sentence_t)(struct ota_ws_reply *reply, const ota_ws_failure_t *failure);
void ota_ws_sentence_reply(struct ota_ws_reply *reply, const ota_ws_failure_t *failure);
