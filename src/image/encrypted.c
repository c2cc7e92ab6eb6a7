// SPDX-License-Identifier: Apache-2.0
#include "image/encrypted.h"

#include <string.h>

#include "image/image.h"

#define MAGIC_SIZE 4
#define IMAGE_MAGIC 0xE9
#define ESP8266_V2_MAGIC 0xEA
#define LARGEST_SPI_MODE 5 // esp_image_spi_mode_t
#define LARGEST_SPI_SIZE 9 // esp_image_flash_size_t, and ESP8266's
#define PLAUSIBLE_HEAD_SIZE 4

void ota_ws_encrypted_init(ota_ws_encrypted_t *header, uint32_t file_size) {
    memset(header, 0, sizeof *header);
    header->file_size = file_size;
}

// The file goes on behind its magic.
static ota_ws_status_t check_magic(const ota_ws_encrypted_t *header) {
    if (header->word != OTA_WS_ENCRYPTED_MAGIC) {
        return OTA_WS_NOT_ENCRYPTED;
    }
    return header->file_size < OTA_WS_ENCRYPTED_HEADER_SIZE ? OTA_WS_TRUNCATED : OTA_WS_OK;
}

// The file is at least as long as a header.
static ota_ws_status_t check_length(ota_ws_encrypted_t *header) {
    uint32_t inside = header->file_size - OTA_WS_ENCRYPTED_HEADER_SIZE;
    header->length = header->word;
    if (header->length != inside) {
        return header->length > inside ? OTA_WS_TRUNCATED : OTA_WS_TRAILING_BYTES;
    }
    return inside < OTA_WS_IMAGE_HEAD_SIZE ? OTA_WS_TOO_SHORT : OTA_WS_OK;
}

// Only the magic and the length are looked at: the word is the one or the other when its last byte has come.
ota_ws_status_t ota_ws_encrypted_feed(ota_ws_encrypted_t *header, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = header->file_size < MAGIC_SIZE ? OTA_WS_NOT_ENCRYPTED : OTA_WS_OK;
    const uint8_t *end = bytes + length;
    while (bytes < end && header->offset < OTA_WS_ENCRYPTED_TAG_AT && status == OTA_WS_OK) {
        header->word = header->word >> 8 | (uint32_t)*bytes++ << 24;
        header->offset++;
        if (header->offset == MAGIC_SIZE) {
            status = check_magic(header);
        } else if (header->offset == OTA_WS_ENCRYPTED_TAG_AT) {
            status = check_length(header);
        }
    }
    return status;
}

// Of random bytes one in 9000 looks like this.
static bool is_plausible(const uint8_t *bytes, size_t length) {
    return length >= PLAUSIBLE_HEAD_SIZE && (bytes[0] == IMAGE_MAGIC || bytes[0] == ESP8266_V2_MAGIC) &&
           bytes[2] <= LARGEST_SPI_MODE && bytes[3] >> 4 <= LARGEST_SPI_SIZE;
}

ota_ws_status_t ota_ws_encrypted_judge(ota_ws_status_t status, const uint8_t *bytes, size_t length) {
    if (status == OTA_WS_ENCRYPTED_IMAGE) {
        return OTA_WS_NOT_AN_IMAGE; // encrypted twice
    }
    return status == OTA_WS_MERGED_IMAGE || is_plausible(bytes, length) ? status : OTA_WS_WRONG_KEY;
}
