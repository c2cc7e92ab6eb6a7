// SPDX-License-Identifier: Apache-2.0
#include "image/signature.h"

#include "bytes.h"

#define MAGIC 0xE7
#define VERSION_RSA 2
#define VERSION_ECDSA 3
#define DIGEST_OFFSET 4
#define KEY_OFFSET (DIGEST_OFFSET + OTA_WS_SHA256_SIZE)
#define CRC_OFFSET 1196

uint32_t ota_ws_signature_offset(uint32_t image_length) {
    return (image_length + OTA_WS_SIGNATURE_SECTOR_SIZE - 1) / OTA_WS_SIGNATURE_SECTOR_SIZE *
           OTA_WS_SIGNATURE_SECTOR_SIZE;
}

static bool is_filled_with(const uint8_t *from, const uint8_t *to, uint8_t value) {
    while (from < to && *from == value) {
        from++;
    }
    return from == to;
}

static void read_rsa(const uint8_t *bytes, ota_ws_signature_block_t *block) {
    block->scheme = OTA_WS_SIGNATURE_RSA_3072;
    block->key = bytes + KEY_OFFSET;
    block->key_size = OTA_WS_SIGNATURE_RSA_KEY_SIZE;
    block->signature = block->key + block->key_size;
}

// Only the curve that the chips' documentation recommends.
static bool read_ecdsa(const uint8_t *bytes, ota_ws_signature_block_t *block) {
    block->scheme = OTA_WS_SIGNATURE_ECDSA_P256;
    block->key = bytes + KEY_OFFSET;
    block->key_size = OTA_WS_SIGNATURE_EC_KEY_SIZE;
    block->signature = block->key + block->key_size;
    return block->key[0] == OTA_WS_SIGNATURE_CURVE_P256 &&
           is_filled_with(block->signature + 2UL * OTA_WS_SIGNATURE_EC_SIZE, bytes + CRC_OFFSET, 0);
}

static bool read_block(const uint8_t *bytes, ota_ws_signature_block_t *block) {
    if (bytes[0] != MAGIC || bytes[2] != 0 || bytes[3] != 0 ||
        ota_ws_read_u32(bytes + CRC_OFFSET) != ota_ws_crc32(bytes, CRC_OFFSET) ||
        !is_filled_with(bytes + CRC_OFFSET + 4, bytes + OTA_WS_SIGNATURE_BLOCK_SIZE, 0)) {
        return false;
    }
    block->image_digest = bytes + DIGEST_OFFSET;
    if (bytes[1] == VERSION_RSA) {
        read_rsa(bytes, block);
        return true;
    }
    return bytes[1] == VERSION_ECDSA && read_ecdsa(bytes, block);
}

unsigned ota_ws_signature_read(const uint8_t sector[OTA_WS_SIGNATURE_SECTOR_SIZE],
                               ota_ws_signature_block_t blocks[OTA_WS_SIGNATURE_BLOCK_MAX]) {
    const uint8_t *at = sector;
    unsigned count = 0;
    while (count < OTA_WS_SIGNATURE_BLOCK_MAX && *at != 0xFF) {
        if (!read_block(at, &blocks[count])) {
            return 0;
        }
        at += OTA_WS_SIGNATURE_BLOCK_SIZE;
        count++;
    }
    return is_filled_with(at, sector + OTA_WS_SIGNATURE_SECTOR_SIZE, 0xFF) ? count : 0;
}

void ota_ws_signature_key_digest(const ota_ws_signature_block_t *block, const ota_ws_hash_t *hash,
                                 uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_sha256_t state;
    hash->start(&state);
    hash->update(&state, block->key, block->key_size);
    hash->finish(&state, digest);
}

const char *ota_ws_signature_scheme_name(ota_ws_signature_scheme_t scheme) {
    return scheme == OTA_WS_SIGNATURE_RSA_3072 ? "RSA-3072" : "ECDSA-P256";
}
