// SPDX-License-Identifier: Apache-2.0
#include "image/encrypted.h"

#include <string.h>

#include "bytes.h"
#include "image/image.h"

#define IMAGE_MAGIC 0xE9
#define ESP8266_V2_MAGIC 0xEA
#define LARGEST_SPI_MODE 5 // esp_image_spi_mode_t
#define LARGEST_SPI_SIZE 9 // esp_image_flash_size_t, and ESP8266's
#define PLAUSIBLE_HEAD_SIZE 4

void ota_ws_encrypted_init(ota_ws_encrypted_t *header, uint32_t file_size) {
    memset(header, 0, sizeof *header);
    header->file_size = file_size;
}

// The magic is known, and that the file goes on behind it.
static ota_ws_status_t check_magic(const ota_ws_encrypted_t *header) {
    if (ota_ws_read_u32(header->gather) != OTA_WS_ENCRYPTED_MAGIC) {
        return OTA_WS_NOT_ENCRYPTED;
    }
    return header->file_size < OTA_WS_ENCRYPTED_HEADER_SIZE ? OTA_WS_TRUNCATED : OTA_WS_OK;
}

// The file is at least as long as a header.
static ota_ws_status_t check_length(ota_ws_encrypted_t *header) {
    uint32_t inside = header->file_size - OTA_WS_ENCRYPTED_HEADER_SIZE;
    header->length = ota_ws_read_u32(header->gather);
    if (header->length != inside) {
        return header->length > inside ? OTA_WS_TRUNCATED : OTA_WS_TRAILING_BYTES;
    }
    return inside < OTA_WS_IMAGE_HEAD_SIZE ? OTA_WS_TOO_SHORT : OTA_WS_OK;
}

// Only the magic and the length are looked at; both start at a multiple of 4.
static ota_ws_status_t take(ota_ws_encrypted_t *header, uint8_t byte) {
    header->gather[header->offset % 4] = byte;
    header->offset++;
    if (header->offset == sizeof header->gather) {
        return check_magic(header);
    }
    return header->offset == OTA_WS_ENCRYPTED_TAG_AT ? check_length(header) : OTA_WS_OK;
}

ota_ws_status_t ota_ws_encrypted_feed(ota_ws_encrypted_t *header, const uint8_t *bytes, size_t length) {
    ota_ws_status_t status = header->file_size < sizeof header->gather ? OTA_WS_NOT_ENCRYPTED : OTA_WS_OK;
    for (size_t i = 0; i < length && header->offset < OTA_WS_ENCRYPTED_TAG_AT && status == OTA_WS_OK; i++) {
        status = take(header, bytes[i]);
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
