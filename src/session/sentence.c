// SPDX-License-Identifier: Apache-2.0
// The sentences are a file of their own, so that a device without room for them does not link them.
#include <string.h>

#include "session/message.h"
#include "text.h"

#define LONGEST 256

static const char *const sentences[OTA_WS_STATUS_COUNT] = {
    [OTA_WS_OK] = "All is well.",
    [OTA_WS_BUSY] = "Another client is updating this device. Wait until it has finished.",
    [OTA_WS_DEVICE_BUSY] = "The device is finishing an earlier step. Try again in a few seconds.",
    [OTA_WS_ON_TRIAL] = "The running firmware is on trial. Confirm it or go back before the next update.",
    [OTA_WS_RESTART_PENDING] = "A new image is ready. Restart into it or cancel it before the next update.",
    [OTA_WS_NO_UPDATE] = "There is no update to cancel.",
    [OTA_WS_NOT_ON_TRIAL] = "The running firmware is not on trial; there is nothing to confirm.",
    [OTA_WS_NOTHING_TO_GO_BACK_TO] = "The other slot holds no image to go back to.",
    [OTA_WS_NO_SLOT] = "This device has no free slot for an update. Its partition table needs two.",
    [OTA_WS_NO_MEMORY] = "The device has not enough free memory for an update now. Try again later.",
    [OTA_WS_REFUSED_BY_APPLICATION] = "The device's application refused: {device}.",
    [OTA_WS_COMPRESSION_DECLINED] = "The device cannot unpack compressed data now. Send the file as it is.",
    [OTA_WS_EMPTY] = "The file is empty.",
    [OTA_WS_TOO_LARGE] = "The file has {image} bytes, the slot has room for {device}.",
    [OTA_WS_TOO_SHORT] = "The file is too short to be a firmware image.",
    [OTA_WS_NOT_AN_IMAGE] = "The file is no ESP32 firmware image. Choose the application's .bin file.",
    [OTA_WS_ESP8266_IMAGE] = "This is an image for ESP8266, which is another kind of chip.",
    [OTA_WS_BOOTLOADER_IMAGE] = "This is a bootloader. Choose the application's .bin file.",
    [OTA_WS_MERGED_IMAGE] = "This is a merged image of the whole flash. Choose the application's .bin file.",
    [OTA_WS_NO_DESCRIPTION] = "The image has no application description, which ESP-IDF puts into every application. "
                              "Choose the application's .bin file.",
    [OTA_WS_ENCRYPTED_IMAGE] = "This image is encrypted, but this device expects a plain one.",
    [OTA_WS_FLASH_ENCRYPTED] = "The file looks random: it was encrypted for one chip's flash, or packed. Choose the "
                               "plain .bin file of the application; the device encrypts its flash itself.",
    [OTA_WS_SECURE_BOOT_V1] = "The image is signed for Secure Boot V1, which is not supported here. Sign it for Secure "
                              "Boot V2, or build it without a signature.",
    [OTA_WS_NOT_ENCRYPTED] = "This device takes encrypted images only; this file is not one.",
    [OTA_WS_WRONG_KEY] =
        "This device's key does not open the image: it was encrypted for another key, or its beginning is damaged.",
    [OTA_WS_BAD_TAG] = "The encrypted image is damaged: its authentication tag is wrong.",
    [OTA_WS_BAD_COMPRESSION] = "The compressed data is damaged, cut off or goes on after its end.",
    [OTA_WS_BAD_SEGMENTS] = "The image is damaged: its segment table makes no sense.",
    [OTA_WS_TRUNCATED] = "The image is cut off: its end is missing.",
    [OTA_WS_TRAILING_BYTES] = "The file goes on after the end of the image. Use the file as it was built.",
    [OTA_WS_BAD_CHECKSUM] = "The image is damaged: its checksum is wrong.",
    [OTA_WS_BAD_IMAGE_DIGEST] = "The image is damaged: its SHA-256 is wrong.",
    [OTA_WS_WRONG_CHIP] = "This image is for {image}, this device is an {device}.",
    [OTA_WS_WRONG_REVISION] = "This image needs chip revision {image}, this device has {device}.",
    [OTA_WS_WRONG_EFUSE_REVISION] = "This image needs eFuse block revision {image}, this device has {device}. Build it "
                                    "for older eFuse blocks (ESP_EFUSE_BLOCK_REV_MIN).",
    [OTA_WS_WRONG_MMU_PAGE_SIZE] = "This image was built for flash pages of {image}, this device uses {device}. Build "
                                   "it with the same MMU_PAGE_SIZE.",
    [OTA_WS_WRONG_PROJECT] = "This image is of the project '{image}', this device runs '{device}'.",
    [OTA_WS_OLDER_VERSION] = "Version {image} is older than {device}, which runs. Allow the downgrade if you want it.",
    [OTA_WS_OLDER_SECURE_VERSION] = "The image has secure version {image}, this device accepts {device} and later.",
    [OTA_WS_NOT_SIGNED] = "This device takes signed images only; this one is not signed.",
    [OTA_WS_BAD_SIGNATURE] = "The image's signature is damaged, or was made with another key than this device's.",
    [OTA_WS_CANCELLED] = "The update was cancelled. The firmware stays as it was.",
    [OTA_WS_STALLED] = "No data came for too long, so the update was ended. Try again.",
    [OTA_WS_LINK_LOST] = "The connection was lost, so the update was ended. Try again.",
    [OTA_WS_DIGEST_MISMATCH] = "What arrived is not what was promised: the SHA-256 differs.",
    [OTA_WS_FLASH_READ] = "The device could not read its flash.",
    [OTA_WS_FLASH_ERASE] = "The device could not erase its flash.",
    [OTA_WS_FLASH_PROGRAM] = "The device could not write its flash.",
    [OTA_WS_FLASH_DIFFERS] = "The flash does not hold what was written to it. It may be worn out.",
    [OTA_WS_NOT_VERIFIED] = "The device's own check of the image in flash failed. The old firmware stays.",
    [OTA_WS_BOOT_RECORD] = "The device could not write its boot record.",
    [OTA_WS_MESSAGE_TOO_LONG] = "A message may have 1024 bytes at most.",
    [OTA_WS_NOT_JSON] = "The message is not a JSON object.",
    [OTA_WS_NOT_UTF8] = "The message is not UTF-8.",
    [OTA_WS_NESTED] = "The message has an object or array inside; it must be flat.",
    [OTA_WS_ESCAPED] = "The message has an escape in a string; none is needed here.",
    [OTA_WS_DUPLICATE_MEMBER] = "The message has a member twice.",
    [OTA_WS_UNKNOWN_MESSAGE] = "There is no message of this type.",
    [OTA_WS_UNKNOWN_MEMBER] = "The message has a member that does not belong to its type.",
    [OTA_WS_MISSING_MEMBER] = "The message lacks a member that its type needs.",
    [OTA_WS_BAD_VALUE] = "A member of the message has a value of the wrong kind or size.",
    [OTA_WS_FRAGMENTED] = "Each message must come in one WebSocket frame.",
    [OTA_WS_BAD_FRAME] = "This is not a WebSocket frame that the device understands.",
    [OTA_WS_FRAME_TOO_LONG] = "The data frame is longer than the chunk size that 'ready' named.",
    [OTA_WS_UNEXPECTED_DATA] = "Data came although no update of this session is running.",
    [OTA_WS_WRONG_OFFSET] = "The data frame has offset {image}, expected was {device}.",
    [OTA_WS_TOO_MANY_BYTES] = "More data came than 'begin' had promised.",
    [OTA_WS_UNEXPECTED_MESSAGE] = "This message may not come now.",
    [OTA_WS_BAD_MAC] = "The message's count or mac is wrong: it was changed, repeated or left out on the way.",
    [OTA_WS_SILENT] = "Nothing was heard from this client for too long.",
    [OTA_WS_TOO_MANY_SESSIONS] = "The device serves no more sessions at once. Try again later.",
    [OTA_WS_WRONG_VERSION] = "The client speaks another version of the protocol. Load the page again.",
    [OTA_WS_FOREIGN_HOST] = "The request names another host. Open the page by the device's own address.",
    [OTA_WS_FOREIGN_ORIGIN] = "The request comes from a page of another site.",
    [OTA_WS_BAD_TICKET] = "The ticket is spent, too old, or not for this peer. Ask for a new one.",
    [OTA_WS_BAD_LOGIN] = "The login messages do not follow SCRAM-SHA-256 as this device expects it.",
    [OTA_WS_WRONG_PASSWORD] = "The password or pairing code is wrong.",
    [OTA_WS_TRY_LATER] = "Too many wrong passwords. Wait {device} s and try again.",
    [OTA_WS_LOGIN_BUSY] = "Somebody else is logging in. Try again in {device} s.",
};

const char *ota_ws_status_sentence(ota_ws_status_t status) {
    return sentences[status];
}

// The value whose mark stands at `at`; NULL where there is none.
static const char *value_at(const char *at, const ota_ws_failure_t *failure) {
    return strncmp(at, "{image}", 7) == 0 ? failure->image : strncmp(at, "{device}", 8) == 0 ? failure->device : NULL;
}

void ota_ws_sentence(char *text, size_t size, const ota_ws_failure_t *failure) {
    const char *at = sentences[failure->status];
    size_t length = 0;
    while (*at != '\0' && length + 1 < size) {
        const char *value = value_at(at, failure);
        if (value == NULL) {
            text[length++] = *at++;
            continue;
        }
        ota_ws_text_copy(text + length, size - length, value);
        length += strlen(text + length);
        at = strchr(at, '}') + 1;
    }
    text[length] = '\0';
}

void ota_ws_sentence_reply(ota_ws_reply_t *reply, const ota_ws_failure_t *failure) {
    char text[LONGEST];
    ota_ws_sentence(text, sizeof text, failure);
    ota_ws_reply_string(reply, "text", text);
}
