// SPDX-License-Identifier: Apache-2.0
#include "status.h"

#include <stddef.h>

typedef struct {
    const char *name;
    const char *sentence;
} words_t;

static const words_t words[OTA_WS_STATUS_COUNT] = {
    [OTA_WS_OK] = {"ok", "All is well."},

    [OTA_WS_BUSY] = {"busy", "Another client is updating this device. Wait until it has finished."},
    [OTA_WS_ON_TRIAL] = {"on_trial", "The running firmware is on trial. Confirm it or go back before the next update."},
    [OTA_WS_RESTART_PENDING] = {"restart_pending",
                                "A new image is ready. Restart into it or cancel it before the next update."},
    [OTA_WS_NO_UPDATE] = {"no_update", "There is no update to cancel."},
    [OTA_WS_NOT_ON_TRIAL] = {"not_on_trial", "The running firmware is not on trial; there is nothing to confirm."},
    [OTA_WS_NOTHING_TO_GO_BACK_TO] = {"nothing_to_go_back_to", "The other slot holds no image to go back to."},
    [OTA_WS_NO_SLOT] = {"no_slot", "This device has no free slot for an update. Its partition table needs two."},
    [OTA_WS_NO_MEMORY] = {"no_memory", "The device has not enough free memory for an update now. Try again later."},
    [OTA_WS_REFUSED_BY_APPLICATION] = {"refused_by_application", "The device's application refused: {device}."},
    [OTA_WS_COMPRESSION_DECLINED] = {"compression_declined",
                                     "The device cannot unpack compressed data now. Send the file as it is."},

    [OTA_WS_EMPTY] = {"empty", "The file is empty."},
    [OTA_WS_TOO_LARGE] = {"too_large", "The file has {image} bytes, the slot has room for {device}."},
    [OTA_WS_TOO_SHORT] = {"too_short", "The file is too short to be a firmware image."},
    [OTA_WS_NOT_AN_IMAGE] = {"not_an_image",
                             "The file is no ESP32 firmware image. Choose the application's .bin file."},
    [OTA_WS_ESP8266_IMAGE] = {"esp8266_image", "This is an image for ESP8266, which is another kind of chip."},
    [OTA_WS_BOOTLOADER_IMAGE] = {"bootloader_image", "This is a bootloader. Choose the application's .bin file."},
    [OTA_WS_MERGED_IMAGE] = {"merged_image",
                             "This is a merged image of the whole flash. Choose the application's .bin file."},
    [OTA_WS_NO_DESCRIPTION] = {"no_description",
                               "The image has no application description; it was not built by ESP-IDF."},
    [OTA_WS_ENCRYPTED_IMAGE] = {"encrypted_image", "This image is encrypted, but this device expects a plain one."},
    [OTA_WS_NOT_ENCRYPTED] = {"not_encrypted", "This device takes encrypted images only; this file is not one."},
    [OTA_WS_WRONG_KEY] = {"wrong_key", "The image was encrypted for another key than this device's."},
    [OTA_WS_BAD_TAG] = {"bad_tag", "The encrypted image is damaged: its authentication tag is wrong."},
    [OTA_WS_BAD_COMPRESSION] = {"bad_compression", "The compressed data is damaged, cut off or goes on after its end."},
    [OTA_WS_BAD_SEGMENTS] = {"bad_segments", "The image is damaged: its segment table makes no sense."},
    [OTA_WS_TRUNCATED] = {"truncated", "The image is cut off: its end is missing."},
    [OTA_WS_TRAILING_BYTES] = {"trailing_bytes",
                               "The file goes on after the end of the image. Use the file as it was built."},
    [OTA_WS_BAD_CHECKSUM] = {"bad_checksum", "The image is damaged: its checksum is wrong."},
    [OTA_WS_BAD_IMAGE_DIGEST] = {"bad_image_digest", "The image is damaged: its SHA-256 is wrong."},

    [OTA_WS_WRONG_CHIP] = {"wrong_chip", "This image is for {image}, this device is an {device}."},
    [OTA_WS_WRONG_REVISION] = {"wrong_revision", "This image needs chip revision {image}, this device has {device}."},
    [OTA_WS_WRONG_PROJECT] = {"wrong_project", "This image is of the project '{image}', this device runs '{device}'."},
    [OTA_WS_OLDER_VERSION] =
        {"older_version", "Version {image} is older than {device}, which runs. Allow the downgrade if you want it."},
    [OTA_WS_OLDER_SECURE_VERSION] = {"older_secure_version",
                                     "The image has secure version {image}, this device accepts {device} and later."},

    [OTA_WS_CANCELLED] = {"cancelled", "The update was cancelled. The firmware stays as it was."},
    [OTA_WS_STALLED] = {"stalled", "No data came for too long, so the update was ended. Try again."},
    [OTA_WS_LINK_LOST] = {"link_lost", "The connection was lost, so the update was ended. Try again."},
    [OTA_WS_DIGEST_MISMATCH] = {"digest_mismatch", "What arrived is not what was promised: the SHA-256 differs."},
    [OTA_WS_FLASH_READ] = {"flash_read", "The device could not read its flash."},
    [OTA_WS_FLASH_ERASE] = {"flash_erase", "The device could not erase its flash."},
    [OTA_WS_FLASH_PROGRAM] = {"flash_program", "The device could not write its flash."},
    [OTA_WS_FLASH_DIFFERS] = {"flash_differs", "The flash does not hold what was written to it. It may be worn out."},
    [OTA_WS_NOT_VERIFIED] = {"not_verified",
                             "The device's own check of the image in flash failed. The old firmware stays."},
    [OTA_WS_BOOT_RECORD] = {"boot_record", "The device could not write its boot record."},

    [OTA_WS_MESSAGE_TOO_LONG] = {"message_too_long", "A message may have 1024 bytes at most."},
    [OTA_WS_NOT_JSON] = {"not_json", "The message is not a JSON object."},
    [OTA_WS_NOT_UTF8] = {"not_utf8", "The message is not UTF-8."},
    [OTA_WS_NESTED] = {"nested", "The message has an object or array inside; it must be flat."},
    [OTA_WS_ESCAPED] = {"escaped", "The message has an escape in a string; none is needed here."},
    [OTA_WS_DUPLICATE_MEMBER] = {"duplicate_member", "The message has a member twice."},
    [OTA_WS_UNKNOWN_MESSAGE] = {"unknown_message", "There is no message of this type."},
    [OTA_WS_UNKNOWN_MEMBER] = {"unknown_member", "The message has a member that does not belong to its type."},
    [OTA_WS_MISSING_MEMBER] = {"missing_member", "The message lacks a member that its type needs."},
    [OTA_WS_BAD_VALUE] = {"bad_value", "A member of the message has a value of the wrong kind or size."},
    [OTA_WS_FRAGMENTED] = {"fragmented", "Each message must come in one WebSocket frame."},
    [OTA_WS_BAD_FRAME] = {"bad_frame", "This is not a WebSocket frame that the device understands."},
    [OTA_WS_FRAME_TOO_LONG] = {"frame_too_long", "The data frame is longer than the chunk size that 'ready' named."},
    [OTA_WS_UNEXPECTED_DATA] = {"unexpected_data", "Data came although no update of this session is running."},
    [OTA_WS_WRONG_OFFSET] = {"wrong_offset", "The data frame has offset {image}, expected was {device}."},
    [OTA_WS_TOO_MANY_BYTES] = {"too_many_bytes", "More data came than 'begin' had promised."},
    [OTA_WS_UNEXPECTED_MESSAGE] = {"unexpected_message", "This message may not come now."},
    [OTA_WS_BAD_MAC] = {"bad_mac",
                        "The message's count or mac is wrong: it was changed, repeated or left out on the way."},
    [OTA_WS_SILENT] = {"silent", "Nothing was heard from this client for too long."},
    [OTA_WS_TOO_MANY_SESSIONS] = {"too_many_sessions", "The device serves no more sessions at once. Try again later."},

    [OTA_WS_WRONG_VERSION] = {"wrong_version",
                              "The client speaks another version of the protocol. Load the page again."},
    [OTA_WS_FOREIGN_HOST] = {"foreign_host",
                             "The request names another host. Open the page by the device's own address."},
    [OTA_WS_FOREIGN_ORIGIN] = {"foreign_origin", "The request comes from a page of another site."},
    [OTA_WS_BAD_TICKET] = {"bad_ticket", "The ticket is spent, too old, or not for this peer. Ask for a new one."},
    [OTA_WS_BAD_LOGIN] = {"bad_login", "The login messages do not follow SCRAM-SHA-256 as this device expects it."},
    [OTA_WS_WRONG_PASSWORD] = {"wrong_password", "The password or pairing code is wrong."},
    [OTA_WS_TRY_LATER] = {"try_later", "Too many wrong passwords. Wait {device} s and try again."},
    [OTA_WS_LOGIN_BUSY] = {"login_busy", "Somebody else is logging in. Try again in {device} s."},
};

const char *ota_ws_status_name(ota_ws_status_t status) {
    return words[status].name;
}

const char *ota_ws_status_sentence(ota_ws_status_t status) {
    return words[status].sentence;
}
