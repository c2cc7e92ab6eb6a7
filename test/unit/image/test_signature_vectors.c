// SPDX-License-Identifier: Apache-2.0
// Signatures of Secure Boot v2: what Espressif's espsecure made is right, and any altered byte makes it wrong, with the
// CRC put right again too.
#include "bytes.h"
#include "testing.h"

#include <openssl/sha.h>

#include "record/history.h"
#include "signature_openssl.h"
#include "text.h"

#define VECTORS SOURCE_DIR "/test/vectors/signed/"
#define FILE_SIZE 8192
#define SECTOR 4096
#define CRC_OFFSET 1196

static const struct {
    const char *file;
    unsigned count;
    const char *keys[2];
    const char *digests[2];
} vectors[] = {
    {"rsa.bin", 1, {"rsa-a.pem"}, {"f805153611c06b967ec2422b6ff30760688c517b0189f2cf26dee032ee509b19"}},
    {"ecdsa.bin", 1, {"ec-a.pem"}, {"826180bd93bb77d5a729b365b3ab2c1b13d400262bf9519c6561ced891fe3f92"}},
    {"rsa-three.bin",
     3,
     {"rsa-a.pem", "rsa-b.pem"},
     {"f805153611c06b967ec2422b6ff30760688c517b0189f2cf26dee032ee509b19",
      "05c8001bae641c7dac0391cfbb3ac9ae83d17ae951e1f4fcc7dc63a5abb87a23"}},
    {"ecdsa-two.bin",
     2,
     {"ec-a.pem", "ec-b.pem"},
     {"826180bd93bb77d5a729b365b3ab2c1b13d400262bf9519c6561ced891fe3f92",
      "585d298a2ca726025651256d69ea60f07f8fc0f2bcd83824f8988fce36cc1e4b"}},
};

static void load(const char *name, uint8_t bytes[FILE_SIZE]) {
    char path[1024];
    snprintf(path, sizeof path, VECTORS "%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, FILE_SIZE, file), FILE_SIZE);
    fclose(file);
}

static ota_ws_status_t verify(const uint8_t bytes[FILE_SIZE], signers_t *signers) {
    uint8_t digest[32];
    SHA256(bytes, SECTOR, digest);
    return signature_verify(bytes + SECTOR, digest, signers);
}

static signer_t load_key(const char *name) {
    char path[1024];
    signer_t signer;
    snprintf(path, sizeof path, VECTORS "%s", name);
    assert_null(signature_key_load(&signer, path));
    return signer;
}

static void what_espsecure_has_signed_is_right(void **state) {
    (void)state;
    uint8_t bytes[FILE_SIZE];
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        signers_t signers;
        load(vectors[i].file, bytes);
        assert_int_equal(verify(bytes, &signers), OTA_WS_OK);
        assert_int_equal(signers.count, vectors[i].count);
        for (size_t k = 0; k < 2 && vectors[i].keys[k] != NULL; k++) {
            char digest[65];
            const signer_t signer = load_key(vectors[i].keys[k]);
            ota_ws_text_hex(digest, signer.key_digest, 32);
            assert_string_equal(digest, vectors[i].digests[k]); // as espsecure names it
            assert_memory_equal(signers.signers[k].key_digest, signer.key_digest, 32);
            assert_int_equal(signers.signers[k].scheme, signer.scheme);
            assert_true(signature_is_by(&signers, &signer));
        }
        const signer_t other = load_key(i % 2 == 0 ? "ec-b.pem" : "rsa-b.pem");
        assert_false(signature_is_by(&signers, &other));
    }
}

static void any_altered_byte_is_found(void **state) {
    (void)state;
    unsigned tries = 0;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        uint8_t bytes[FILE_SIZE];
        signers_t signers;
        load(vectors[i].file, bytes);
        for (size_t at = 0; at < FILE_SIZE; at++, tries++) {
            bytes[at] ^= (uint8_t)(1 << at % 8);
            assert_int_equal(verify(bytes, &signers), OTA_WS_BAD_SIGNATURE);
            assert_int_equal(signers.count, 0);
            bytes[at] ^= (uint8_t)(1 << at % 8);
        }
        assert_int_equal(verify(bytes, &signers), OTA_WS_OK);
    }
    printf("%u images signed by espsecure are right; %u altered bytes: 0 right\n", (unsigned)COUNT_OF(vectors), tries);
}

static void set_crc(uint8_t *block) {
    const uint32_t crc = ota_ws_crc32(block, CRC_OFFSET);
    for (int i = 0; i < 4; i++) {
        block[CRC_OFFSET + i] = (uint8_t)(crc >> 8 * i);
    }
}

// Who alters a block can compute its CRC as well.
static void any_altered_byte_of_a_block_is_found_under_a_right_crc(void **state) {
    (void)state;
    unsigned tries = 0;
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[FILE_SIZE];
        signers_t signers;
        load(vectors[i].file, bytes);
        for (size_t at = 0; at < CRC_OFFSET; at++, tries++) {
            bytes[SECTOR + at] ^= (uint8_t)(1 << at % 8);
            set_crc(bytes + SECTOR);
            assert_int_equal(verify(bytes, &signers), OTA_WS_BAD_SIGNATURE);
            bytes[SECTOR + at] ^= (uint8_t)(1 << at % 8);
        }
        set_crc(bytes + SECTOR);
        assert_int_equal(verify(bytes, &signers), OTA_WS_OK);
    }
    printf("%u bytes of a signature block altered, its CRC put right: 0 right\n", tries);
}

// One good signature does not make up for a bad one beside it.
static void every_block_of_a_sector_counts(void **state) {
    (void)state;
    uint8_t three[FILE_SIZE], other[FILE_SIZE];
    signers_t signers;
    load("rsa-three.bin", three);
    load("ecdsa-two.bin", other);
    memcpy(three + SECTOR + 2432, other + SECTOR, 1216); // mixed kinds, all right
    assert_int_equal(verify(three, &signers), OTA_WS_OK);
    three[SECTOR + 2432 + 110] ^= 1; // the last one's signature
    set_crc(three + SECTOR + 2432);
    assert_int_equal(verify(three, &signers), OTA_WS_BAD_SIGNATURE);
}

static void an_empty_sector_is_no_signature(void **state) {
    (void)state;
    uint8_t sector[SECTOR], digest[32] = {0};
    signers_t signers;
    memset(sector, 0xFF, sizeof sector);
    assert_int_equal(signature_verify(sector, digest, &signers), OTA_WS_BAD_SIGNATURE);
    memset(sector, 0, sizeof sector);
    assert_int_equal(signature_verify(sector, digest, &signers), OTA_WS_BAD_SIGNATURE);
}

static void each_scheme_has_its_name(void **state) {
    (void)state;
    assert_string_equal(ota_ws_signature_scheme_name(OTA_WS_SIGNATURE_RSA_3072), "RSA-3072");
    assert_string_equal(ota_ws_signature_scheme_name(OTA_WS_SIGNATURE_ECDSA_P256), "ECDSA-P256");
}

static void what_is_no_key_is_said(void **state) {
    (void)state;
    signer_t signer;
    assert_string_equal(signature_key_load(&signer, VECTORS "none.pem"), "cannot be read");
    assert_string_equal(signature_key_load(&signer, VECTORS "rsa.bin"), "holds no key in PEM");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_espsecure_has_signed_is_right),
        cmocka_unit_test(any_altered_byte_is_found),
        cmocka_unit_test(any_altered_byte_of_a_block_is_found_under_a_right_crc),
        cmocka_unit_test(every_block_of_a_sector_counts),
        cmocka_unit_test(an_empty_sector_is_no_signature),
        cmocka_unit_test(each_scheme_has_its_name),
        cmocka_unit_test(what_is_no_key_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
