// SPDX-License-Identifier: Apache-2.0
// Encrypted images on a whole device: what it says, what it refuses and when, and that nothing that was changed is ever
// activated. With ENCRYPTED_EVERY=1 in the environment every byte of the header takes all its 255 other values.
#include "testing.h"

#include "built_features.h"

#include "decrypt_openssl.h"
#include "hash_openssl.h"
#include "image_inspection.h"
#include "rig.h"
#include "sample.h"
#include "vectors.h"

// A device that decrypts, with one client.
typedef struct {
    rig_t *rig;
    peer_t *peer;
    image_key_t key;
    decrypt_openssl_t decryptor;
    ota_ws_filter_t filter;
} bench_t;

typedef struct {
    const char *name, *vector, *key, *other_key;
} scheme_t;

static const scheme_t schemes[] = {
    {"RSA-3072", "rsa.bin", "rsa_private.pem", "rsa_other.pem"},
    {"ECIES-P256", "ecies.bin", "ecies_private.pem", "ecies_other.pem"},
};

// As a platform does it: the image in flash must be a sound one, its own digest too.
static ota_ws_status_t verify_and_activate(void *context, uint32_t image_size) {
    nor_model_t *nor = context;
    image_inspection_t inspection;
    image_inspection_start(&inspection, &ota_ws_hash_openssl);
    image_inspection_feed(&inspection, nor->bytes, image_size);
    if (image_inspection_finish(&inspection) != OTA_WS_OK) {
        return OTA_WS_NOT_VERIFIED;
    }
    nor->active = true;
    return OTA_WS_OK;
}

static void bench_open(bench_t *bench, const char *key) {
    memset(bench, 0, sizeof *bench);
    bench->key = vector_key(key);
    bench->decryptor.key = &bench->key;
    bench->filter = decrypt_openssl_filter(&bench->decryptor);
    bench->rig = rig_new();
    bench->rig->pipeline_ports.decrypt = &bench->filter;
    bench->rig->worker.decrypts = true;
    bench->rig->flash.activate = verify_and_activate;
    bench->rig->settings.sentence = ota_ws_sentence_reply;
    bench->peer = peer_welcome(bench->rig);
}

static void bench_close(bench_t *bench) {
    peer_free(bench->peer);
    rig_free(bench->rig);
    assert_null(bench->decryptor.decryption); // given back
    image_key_free(&bench->key);
}

// The name with which an update ends; "done" when the image is activated. The file is what `begin` promises.
static const char *update(bench_t *bench, const image_file_t *file) {
    static char name[64];
    bench->rig->nor->count = 0;
    if (peer_update(bench->peer, file->bytes, (uint32_t)file->length)) {
        assert_true(bench->rig->nor->active);
        return "done";
    }
    const char *failed = peer_received(bench->peer, "failed");
    assert_non_null(failed);
    assert_false(bench->rig->nor->active);
    assert_int_equal(sscanf(strstr(failed, "\"name\":\""), "\"name\":\"%63[a-z_0-9]", name), 1);
    return name;
}

static bool untouched(const bench_t *bench) {
    return nor_model_count(bench->rig->nor, NOR_ERASE) == 0 && nor_model_count(bench->rig->nor, NOR_PROGRAM) == 0;
}

static image_file_t encrypt_spec(const bench_t *bench, const image_spec_t *spec) {
    image_file_t plain = image_build(spec);
    image_file_t file = vector_encrypt(&plain, &bench->key);
    image_free(&plain);
    return file;
}

// ---- well ----

static void images_made_by_espressif_are_written_and_activated(void **state) {
    (void)state;
    image_file_t plain = vector_load("plain.bin");
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        bench_t bench;
        bench_open(&bench, schemes[i].key);
        image_file_t file = vector_load(schemes[i].vector);
        assert_string_equal(update(&bench, &file), "done");
        assert_memory_equal(bench.rig->nor->bytes, plain.bytes, plain.length);
        image_free(&file);
        bench_close(&bench);
    }
    image_free(&plain);
}

static void an_image_that_fills_the_slot_is_written(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "ecies_private.pem");
    image_spec_t spec = image_spec_default;
    spec.size = bench.rig->nor->size;
    image_file_t file = encrypt_spec(&bench, &spec);
    assert_string_equal(update(&bench, &file), "done");
    assert_int_equal(bench.rig->nor->operations[0].kind, NOR_OPEN);
    assert_int_equal(bench.rig->nor->operations[0].length, spec.size);
    image_free(&file);
    bench_close(&bench);
    bench_open(&bench, "ecies_private.pem");
    spec.size += 16;
    file = encrypt_spec(&bench, &spec);
    assert_string_equal(update(&bench, &file), "too_large");
    image_free(&file);
    bench_close(&bench);
}

static void real_images_of_its_chip_are_written(void **state) {
    (void)state;
    size_t written = 0;
    for (size_t i = 0; i < sample_count; i++) {
        bench_t bench;
        bench_open(&bench, schemes[i % 2].key);
        image_file_t plain = sample_load(&sample_list[i]);
        image_file_t file = vector_encrypt(&plain, &bench.key);
        bench.rig->identity.chip_id = sample_list[i].chip_id;
        bench.rig->identity.chip_revision = (uint16_t)(plain.bytes[15] | plain.bytes[16] << 8);
        bench.rig->settings.policy = (ota_ws_policy_t){false, false};
        const bool fits = plain.length <= bench.rig->nor->size;
        const bool is_sound = strcmp(sample_list[i].status, "ok") == 0;
        const char *name = update(&bench, &file);
        if (!fits) {
            assert_string_equal(name, "too_large");
        } else if (is_sound) {
            assert_string_equal(name, "done");
            assert_memory_equal(bench.rig->nor->bytes, plain.bytes, plain.length);
            written++;
        } else {
            assert_string_not_equal(name, "done");
            assert_true(untouched(&bench));
        }
        image_free(&plain);
        image_free(&file);
        bench_close(&bench);
    }
    print_message("%zu real images encrypted, written and activated\n", written);
    assert_true(written >= 8);
}

static void the_device_says_that_it_wants_encrypted_images_and_what_comes(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "rsa_private.pem");
    image_file_t file = vector_load("rsa.bin");
    peer_begin(bench.peer, (uint32_t)file.length, file.bytes, false);
    rig_settle(bench.rig);
    assert_non_null(strstr(peer_received(bench.peer, "state"), "\"encrypted\":true"));
    assert_null(strstr(peer_received(bench.peer, "state"), "new_version"));
    peer_data(bench.peer, 0, file.bytes, 512 + 287);
    rig_settle(bench.rig);
    assert_null(strstr(peer_received(bench.peer, "state"), "new_version"));
    peer_data(bench.peer, 512 + 287, file.bytes + 512 + 287, 1);
    rig_settle(bench.rig);
    assert_non_null(strstr(peer_received(bench.peer, "state"), "\"new_project\":\"demo\",\"new_version\":\"2.0.0\""));
    peer_say(bench.peer, "{\"type\":\"cancel\"");
    rig_settle(bench.rig);
    assert_true(peer_failed(bench.peer, "cancelled"));
    assert_null(strstr(peer_received(bench.peer, "state"), "new_version"));
    image_free(&file);
    bench_close(&bench);

    rig_t *plain = rig_new();
    peer_t *peer = peer_new(plain);
    ota_ws_scram_t scram;
    char text[OTA_WS_MESSAGE_SIZE];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    assert_null(strstr(peer_received(peer, "state"), "encrypted"));
    peer_free(peer);
    rig_free(plain);
}

// ---- five sentences ----

static void the_five_failures_of_the_format_have_five_sentences(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        char sentences[5][256];
        for (int failure = 0; failure < 5; failure++) {
            static const char *const names[] = {"wrong_key", "bad_tag", "truncated", "trailing_bytes", "not_encrypted"};
            bench_t bench;
            bench_open(&bench, failure == 0 ? schemes[i].other_key : schemes[i].key);
            image_file_t file = vector_load(failure == 4 ? "plain.bin" : schemes[i].vector);
            if (failure == 1) {
                file.bytes[408] ^= 1;
            } else if (failure == 2) {
                file.length -= 100;
            } else if (failure == 3) {
                file.bytes[file.length++] = 0;
            }
            assert_string_equal(update(&bench, &file), names[failure]);
            assert_int_equal(untouched(&bench), failure != 1); // the tag is known when all has come
            const char *text = strstr(peer_received(bench.peer, "failed"), "\"text\":\"");
            assert_int_equal(sscanf(text, "\"text\":\"%255[^\"]", sentences[failure]), 1);
            for (int k = 0; k < failure; k++) {
                assert_string_not_equal(sentences[k], sentences[failure]);
            }
            image_free(&file);
            bench_close(&bench);
        }
    }
}

// ---- what the first issue calls bad, now encrypted ----

static const char *name_when_encrypted(const image_defect_t *defect) {
    static const struct {
        const char *defect, *name;
    } others[] = {
        {"wrong-magic", "wrong_key"},
        {"text", "wrong_key"},
        {"elf", "wrong_key"},
        {"gzip", "wrong_key"},
        {"zeros", "wrong_key"},
        {"encrypted", "not_an_image"},
        {"flash-encrypted", "wrong_key"},
        {"empty", "too_short"},
        {"bootloader", "merged_image"}, // one of this size is none
    };
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        if (strcmp(others[i].defect, defect->name) == 0) {
            return others[i].name;
        }
    }
    return defect->status;
}

static void no_bad_image_is_activated_when_it_is_encrypted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t free_of_cost = 0;
        for (size_t k = 0; k < image_defect_count; k++) {
            bench_t bench;
            bench_open(&bench, schemes[i].key);
            image_file_t plain = image_build_defective(&image_spec_default, &image_defects[k]);
            image_file_t file = vector_encrypt(&plain, &bench.key);
            const char *name = update(&bench, &file);
            if (strcmp(name, name_when_encrypted(&image_defects[k])) != 0) {
                fail_msg("%s: %s", image_defects[k].name, name);
            }
            free_of_cost += untouched(&bench);
            image_free(&plain);
            image_free(&file);
            bench_close(&bench);
        }
        print_message("%s: %zu defects inside, 0 activated, %zu of them found before the erase\n", schemes[i].name,
                      image_defect_count, free_of_cost);
        assert_true(free_of_cost >= 17);
    }
}

static void no_bad_image_is_activated_when_it_is_not_encrypted(void **state) {
    (void)state;
    for (size_t k = 0; k < image_defect_count; k++) {
        bench_t bench;
        bench_open(&bench, "rsa_private.pem");
        image_file_t file = image_build_defective(&image_spec_default, &image_defects[k]);
        const char *name = update(&bench, &file);
        if (strcmp(image_defects[k].name, "encrypted") == 0) {
            assert_true(strcmp(name, "truncated") == 0 ||
                        strcmp(name, "trailing_bytes") == 0); // it lies about its size
        } else {
            assert_string_equal(name, file.length > 0 ? "not_encrypted" : "empty");
        }
        assert_true(untouched(&bench));
        image_free(&file);
        bench_close(&bench);
    }
    print_message("%zu defects as plain files, 0 activated, all found before the erase\n", image_defect_count);
}

static void an_encrypted_image_for_another_device_costs_nothing(void **state) {
    (void)state;
    static const struct {
        uint16_t chip, min_revision;
        uint32_t secure_version;
        const char *project, *version, *name;
    } cases[] = {{9, 0, 1, "demo", "2.0.0", "wrong_chip"},
                 {5, 100, 1, "demo", "2.0.0", "wrong_revision"},
                 {5, 0, 1, "lamp", "2.0.0", "wrong_project"},
                 {5, 0, 1, "demo", "0.9.0", "older_version"},
                 {5, 0, 0, "demo", "2.0.0", "older_secure_version"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        bench_t bench;
        bench_open(&bench, schemes[i % 2].key);
        bench.rig->identity.secure_version = 1;
        image_spec_t spec = image_spec_default;
        spec.chip_id = cases[i].chip;
        spec.min_revision = cases[i].min_revision;
        spec.secure_version = cases[i].secure_version;
        spec.project = cases[i].project;
        spec.version = cases[i].version;
        image_file_t file = encrypt_spec(&bench, &spec);
        assert_string_equal(update(&bench, &file), cases[i].name);
        assert_true(untouched(&bench));
        image_free(&file);
        bench_close(&bench);
    }
}

static void an_encrypted_image_is_refused_by_a_device_that_wants_plain_ones(void **state) {
    (void)state;
    image_file_t file = vector_load("rsa.bin");
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    assert_false(peer_update(peer, file.bytes, (uint32_t)file.length));
    assert_true(peer_failed(peer, "encrypted_image"));
    assert_true(nor_model_untouched(rig->nor));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- changed bytes ----

// Updates with a file one of whose bytes was changed; `begin` promises just that file.
static void assert_change_is_found(bench_t *bench, const image_file_t *file, size_t at, uint8_t value) {
    const uint8_t right = file->bytes[at];
    file->bytes[at] = value;
    const char *name = update(bench, file);
    if (strcmp(name, "done") == 0) {
        fail_msg("byte %zu changed from %02x to %02x: activated", at, right, value);
    }
    file->bytes[at] = right;
}

static void no_change_of_the_header_is_activated(void **state) {
    (void)state;
    static const uint8_t some[] = {0x01, 0x80, 0xFF};
    const bool every = getenv("ENCRYPTED_EVERY") != NULL;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        bench_t bench;
        bench_open(&bench, schemes[i].key);
        image_file_t file = vector_load(schemes[i].vector);
        unsigned tried = 0;
        for (size_t at = 0; at < 424; at++) {
            for (unsigned k = 0; k < (every ? 255 : COUNT_OF(some)); k++) {
                assert_change_is_found(&bench, &file, at, file.bytes[at] ^ (uint8_t)(every ? k + 1 : some[k]));
                tried++;
            }
        }
        print_message("%s: %u changes of one of the 424 bytes of the header, 0 activated\n", schemes[i].name, tried);
        assert_string_equal(update(&bench, &file), "done");
        image_free(&file);
        bench_close(&bench);
    }
}

static void no_change_of_the_body_is_activated(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        bench_t bench;
        bench_open(&bench, schemes[i].key);
        image_file_t file = vector_load(schemes[i].vector);
        uint32_t random = 2024;
        for (unsigned k = 0; k < 1000; k++) {
            random = random * 1664525 + 1013904223;
            const size_t at = 512 + (random >> 8) % (file.length - 512);
            const uint8_t change = (uint8_t)(1 + (random >> 24) % 255);
            assert_change_is_found(&bench, &file, at, file.bytes[at] ^ change);
        }
        print_message("%s: 1000 changes of the body, 0 activated\n", schemes[i].name);
        assert_string_equal(update(&bench, &file), "done");
        image_free(&file);
        bench_close(&bench);
    }
}

// Nothing in the format authenticates them: said in docs/encrypted.md, and seen here.
static void the_reserved_rest_of_the_header_counts_for_nothing(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "ecies_private.pem");
    image_file_t file = vector_load("ecies.bin");
    for (size_t at = 424; at < 512; at++) {
        file.bytes[at] ^= 0xFF;
        bench.rig->nor->active = false;
        assert_string_equal(update(&bench, &file), "done");
        peer_say(bench.peer, "{\"type\":\"cancel\""); // it waits for a restart
        rig_settle(bench.rig);
    }
    image_free(&file);
    bench_close(&bench);
}

static void a_file_changed_on_the_way_is_not_what_was_promised(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "ecies_private.pem");
    image_file_t file = vector_load("ecies.bin");
    peer_begin(bench.peer, (uint32_t)file.length, file.bytes, false);
    rig_settle(bench.rig);
    file.bytes[500] ^= 1; // reserved: only the digest sees it
    for (uint32_t at = 0; at < file.length; at += 1152) {
        peer_data(bench.peer, at, file.bytes + at, 1152);
        rig_settle(bench.rig);
    }
    assert_true(peer_failed(bench.peer, "digest_mismatch"));
    assert_false(bench.rig->nor->active);
    image_free(&file);
    bench_close(&bench);
}

// ---- interrupted ----

// Its tag is at its end: what ends before that is cut off, whatever the tag would have been.
static void an_end_that_is_said_too_early_is_a_file_that_is_cut_off(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "ecies_private.pem");
    image_file_t file = vector_load("ecies.bin");
    peer_begin_image(bench.peer, &file);
    peer_data(bench.peer, 0, file.bytes, 4096);
    rig_settle(bench.rig);
    peer_say(bench.peer, "{\"type\":\"end\"");
    rig_settle(bench.rig);
    assert_true(peer_failed(bench.peer, "truncated"));
    assert_string_equal(update(&bench, &file), "done");
    image_free(&file);
    bench_close(&bench);
}

static void a_lost_connection_starts_from_0_again(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "rsa_private.pem");
    image_spec_t spec = image_spec_default;
    spec.size = 200000;
    image_file_t file = encrypt_spec(&bench, &spec);
    for (uint32_t length = 0; length < file.length; length += 33333) {
        peer_begin(bench.peer, (uint32_t)file.length, file.bytes, false);
        rig_settle(bench.rig);
        assert_non_null(strstr(peer_received(bench.peer, "ready"), "\"offset\":0,"));
        for (uint32_t at = 0; at < length; at += 4096) {
            peer_forget(bench.peer);
            peer_data(bench.peer, at, file.bytes + at, length - at < 4096 ? length - at : 4096);
            rig_settle(bench.rig);
        }
        peer_free(bench.peer);
        rig_settle(bench.rig);
        assert_null(bench.decryptor.decryption);
        bench.peer = peer_welcome(bench.rig);
    }
    assert_string_equal(update(&bench, &file), "done");
    image_free(&file);
    bench_close(&bench);
}

static void compression_is_declined(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "rsa_private.pem");
    peer_say(bench.peer, "{\"type\":\"begin\",\"size\":4608,\"sha256\":"
                         "\"0000000000000000000000000000000000000000000000000000000000000000\",\"deflate\":true");
    rig_settle(bench.rig);
    assert_true(peer_failed(bench.peer, "compression_declined"));
    image_file_t file = vector_load("rsa.bin");
    assert_string_equal(update(&bench, &file), "done");
    image_free(&file);
    bench_close(&bench);
}

static ota_ws_status_t have_no_memory(void *context, uint32_t window) {
    (void)window;
    (void)context;
    return OTA_WS_NO_MEMORY;
}

static void without_memory_the_update_is_refused_and_the_next_one_works(void **state) {
    (void)state;
    bench_t bench;
    bench_open(&bench, "rsa_private.pem");
    image_file_t file = vector_load("rsa.bin");
    ota_ws_filter_t works = bench.filter;
    bench.filter.start = have_no_memory;
    assert_string_equal(update(&bench, &file), "no_memory");
    assert_true(untouched(&bench));
    bench.filter = works;
    assert_string_equal(update(&bench, &file), "done");
    image_free(&file);
    bench_close(&bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_made_by_espressif_are_written_and_activated),
        cmocka_unit_test(an_image_that_fills_the_slot_is_written),
        cmocka_unit_test(real_images_of_its_chip_are_written),
        cmocka_unit_test(the_device_says_that_it_wants_encrypted_images_and_what_comes),
        cmocka_unit_test(the_five_failures_of_the_format_have_five_sentences),
        cmocka_unit_test(no_bad_image_is_activated_when_it_is_encrypted),
        cmocka_unit_test(no_bad_image_is_activated_when_it_is_not_encrypted),
        unit_test_of(version_order, an_encrypted_image_for_another_device_costs_nothing),
        cmocka_unit_test(an_encrypted_image_is_refused_by_a_device_that_wants_plain_ones),
        cmocka_unit_test(no_change_of_the_header_is_activated),
        cmocka_unit_test(no_change_of_the_body_is_activated),
        cmocka_unit_test(the_reserved_rest_of_the_header_counts_for_nothing),
        cmocka_unit_test(a_file_changed_on_the_way_is_not_what_was_promised),
        cmocka_unit_test(an_end_that_is_said_too_early_is_a_file_that_is_cut_off),
        cmocka_unit_test(a_lost_connection_starts_from_0_again),
        cmocka_unit_test(compression_is_declined),
        cmocka_unit_test(without_memory_the_update_is_refused_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
