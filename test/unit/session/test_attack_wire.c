// SPDX-License-Identifier: Apache-2.0
// A man in the middle without the password, frame by frame: every message with each of its bytes changed, in both
// directions; data changed, moved, dropped, repeated; his own image in the place of ours, up to a power cut at the
// worst moment. And the gate: what every message does in every state of a session. Prints counts.
#include "testing.h"

#include "channel.h"
#include "hash_openssl.h"
#include "image_builder.h"
#include "image_inspection.h"
#include "rig.h"
#include "text.h"

static const char digest_text[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

static const char *const after_login[] = {
    "{\"type\":\"begin\",\"size\":65536,\"sha256\":"
    "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"",
    "{\"type\":\"begin\",\"size\":65536,\"sha256\":"
    "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
    "\"allow_downgrade\":true,\"deflate\":true",
    "{\"type\":\"end\"",
    "{\"type\":\"cancel\"",
    "{\"type\":\"restart\"",
    "{\"type\":\"restart\",\"into\":\"recovery\"",
    "{\"type\":\"restart\",\"into\":\"application\"",
    "{\"type\":\"confirm\"",
    "{\"type\":\"rollback\"",
    "{\"type\":\"ping\"",
    "{\"type\":\"history\"",
    "{\"type\":\"logs\"",
    "{\"type\":\"crash\",\"stack\":true",
};

static void assert_untouched(const rig_t *rig) {
    assert_int_equal(rig->job_count, 0);
    assert_int_equal(rig->restarts, 0);
    assert_int_equal(rig->recoveries, 0);
    assert_int_equal(rig->confirms, 0);
    assert_int_equal(rig->roll_backs, 0);
    assert_false(rig->nor->active);
    assert_true(nor_model_untouched(rig->nor));
}

// ---- messages of the client ----

typedef struct {
    rig_t *rig;
    peer_t *peer;
    ota_ws_session_t session; // as it was after the login
    unsigned long tries;
} wire_t;

static wire_t wire_open(void) {
    wire_t wire = {.rig = rig_new_locked()};
    wire.rig->device.on_trial = true; // there is something to confirm and to go back from
    wire.rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    wire.peer = peer_welcome(wire.rig);
    wire.session = *wire.peer->session;
    return wire;
}

static void wire_close(wire_t *wire) {
    peer_free(wire->peer);
    rig_free(wire->rig);
}

// Delivers the text to the session as it was after the login: it must end, and nothing else must happen.
static void assert_refused(wire_t *wire, const char *text, size_t length) {
    *wire->peer->session = wire->session;
    peer_forget(wire->peer);
    wire->peer->received = wire->session.sent_count;
    peer_say_raw(wire->peer, text, length);
    assert_int_equal(wire->peer->session->state, OTA_WS_SESSION_ENDED);
    assert_int_equal(wire->peer->log_count, 1);
    assert_non_null(peer_received(wire->peer, "error"));
    assert_untouched(wire->rig);
    wire->tries++;
}

// What the honest client says as its first message.
static size_t add_mac(const wire_t *wire, const char *open_text, char text[OTA_WS_MESSAGE_SIZE]) {
    uint8_t mac[OTA_WS_MAC_SIZE];
    size_t length = (size_t)snprintf(text, OTA_WS_MESSAGE_SIZE, "%s,\"count\":1", open_text);
    ota_ws_mac(&ota_ws_hash_openssl, wire->peer->keys.client, text, length, mac);
    length += (size_t)snprintf(text + length, OTA_WS_MESSAGE_SIZE - length, ",\"mac\":\"");
    ota_ws_text_hex(text + length, mac, sizeof mac);
    strcat(text, "\"}");
    return strlen(text);
}

// The mac's digits may be of either case: that is the same message.
static bool is_same_digit(size_t at, size_t length, char before, char after) {
    return at >= length - 34 && at < length - 2 && (before ^ after) == 0x20 && before >= 'A';
}

static void change_each_byte(wire_t *wire, const char *text, size_t length) {
    char changed[OTA_WS_MESSAGE_SIZE + 1];
    for (size_t at = 0; at < length; at++) {
        memcpy(changed, text, length);
        for (unsigned bit = 0; bit < 8; bit++) {
            changed[at] = (char)(text[at] ^ 1 << bit);
            if (!is_same_digit(at, length, text[at], changed[at])) {
                assert_refused(wire, changed, length);
            }
        }
    }
}

static void cut_insert_and_repeat(wire_t *wire, const char *text, size_t length) {
    char changed[2 * OTA_WS_MESSAGE_SIZE];
    for (size_t at = 0; at < length; at++) {
        assert_refused(wire, text, at); // cut off
        memcpy(changed, text, at);      // one byte left out
        memcpy(changed + at, text + at + 1, length - at - 1);
        assert_refused(wire, changed, length - 1);
        memcpy(changed, text, at + 1); // one byte twice
        memcpy(changed + at + 1, text + at, length - at);
        assert_refused(wire, changed, length + 1);
        changed[at] = ' '; // a blank inserted
        assert_refused(wire, changed, length + 1);
    }
}

static void no_changed_message_of_the_client_does_anything(void **state) {
    (void)state;
    wire_t wire = wire_open();
    for (size_t i = 0; i < COUNT_OF(after_login); i++) {
        char text[OTA_WS_MESSAGE_SIZE];
        const size_t length = add_mac(&wire, after_login[i], text);
        change_each_byte(&wire, text, length);
        cut_insert_and_repeat(&wire, text, length);
    }
    printf("%lu changes of the %zu messages of a client: 0 obeyed\n", wire.tries, COUNT_OF(after_login));
    wire_close(&wire);
}

// Dropped, repeated, in another order, without a mac, with the mac of another session, of the other direction.
static void no_message_counts_twice_or_elsewhere(void **state) {
    (void)state;
    wire_t wire = wire_open();
    wire_t other = wire_open();
    const ota_ws_session_keys_t keys = wire.peer->keys;
    assert_memory_equal(&keys, &wire.session.secret.keys, sizeof keys);
    other.peer->keys.client[0] ^= 1; // the rig's dice fall the same way every time
    for (size_t i = 0; i < COUNT_OF(after_login); i++) {
        char text[OTA_WS_MESSAGE_SIZE], open_text[OTA_WS_MESSAGE_SIZE];
        snprintf(open_text, sizeof open_text, "%s}", after_login[i]);
        assert_refused(&wire, open_text, strlen(open_text)); // injected

        size_t length = add_mac(&wire, after_login[i], text);
        wire.session.received_count = 1; // repeated: the device has received it before
        assert_refused(&wire, text, length);
        wire.session.received_count = 0;
        strstr(text, "\"count\":1")[8] = '2'; // the one before it was dropped
        assert_refused(&wire, text, length);

        memcpy(wire.peer->keys.client, keys.device, sizeof keys.device); // sent back to where it came from
        length = add_mac(&wire, after_login[i], text);
        assert_refused(&wire, text, length);
        wire.peer->keys = keys;

        length = add_mac(&other, after_login[i], text); // another session's
        assert_refused(&wire, text, length);
    }
    printf("%lu messages injected, repeated, out of order, from another session, sent back: 0 obeyed\n", wire.tries);
    wire_close(&other);
    wire_close(&wire);
}

// ---- messages of the device, received by ota-ws ----

static void no_changed_message_of_the_device_is_believed(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    image_file_t file = image_build(&image_spec_default);
    char said[RIG_LOG_MAX][OTA_WS_MESSAGE_SIZE + 1];
    size_t count = 0;
    unsigned long tries = 0;
    const uint32_t seen = peer->received;
    peer_say(peer, "{\"type\":\"ping\"");
    peer_say(peer, "{\"type\":\"cancel\"");
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    rig_settle(rig);
    for (uint32_t at = 0; at < file.length; at += 4096) {
        peer_data(peer, at, file.bytes + at, 4096 < file.length - at ? 4096 : file.length - at);
        rig_settle(rig);
    }
    assert_non_null(peer_received(peer, "done"));
    peer_say(peer, "{\"type\":\"restart\"");
    count = peer->log_count;
    memcpy(said, peer->log, sizeof said);
    for (size_t i = 0; i < count; i++) {
        channel_t channel = {.hash = &ota_ws_hash_openssl, .login = true, .open = true, .keys = peer->keys};
        char *text = said[i];
        const size_t length = strlen(text);
        for (size_t at = 0; at < length; at++) {
            const char before = text[at];
            for (unsigned bit = 0; bit < 8; bit++) {
                text[at] = (char)(before ^ 1 << bit);
                channel.received = seen + (uint32_t)i;
                if (!is_same_digit(at, length, before, text[at])) {
                    assert_false(channel_check(&channel, text, length));
                    tries++;
                }
            }
            text[at] = before;
            channel.received = seen + (uint32_t)i;
            assert_false(channel_check(&channel, text, at));
            tries++;
        }
        for (uint32_t received = 0; received < seen + count; received++) {
            channel.received = received; // dropped, repeated, in another order: only at its own place it is right
            assert_int_equal(channel_check(&channel, text, length), received == seen + i);
            tries++;
        }
    }
    printf("%lu changes of %zu messages of a device: 0 believed by ota-ws\n", tries, count);
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// ---- data ----

// Would a bootloader take what lies in the slot for an image?
static bool is_bootable(const rig_t *rig, size_t length) {
    image_inspection_t inspection;
    image_inspection_start(&inspection, &ota_ws_hash_openssl);
    image_inspection_feed(&inspection, rig->nor->bytes, length);
    return image_inspection_finish(&inspection) == OTA_WS_OK;
}

// The client promises `file`, the man in the middle delivers `forged`. After all data, when `cut` is set, the power
// fails before the device looks at the whole.
static void deliver(rig_t *rig, peer_t *peer, const image_file_t *file, const uint8_t *forged, bool cut) {
    peer_forget(peer);
    peer_begin(peer, (uint32_t)file->length, file->bytes, false);
    rig_settle(rig);
    assert_non_null(peer_received(peer, "ready"));
    for (uint32_t at = rig->device.received; at < file->length && peer_received(peer, "failed") == NULL; at += 4096) {
        peer_forget(peer);
        const uint32_t left = (uint32_t)file->length - at;
        peer_data(peer, at, forged + at, left < 4096 ? left : 4096);
        for (bool last = at + 4096 >= file->length; rig->job_count > 0;) {
            if (cut && last && rig->jobs[0].kind == OTA_WS_JOB_FINISH) {
                assert_false(is_bootable(rig, file->length)); // nothing was lost but a moment, and no image is there
            }
            rig_work(rig);
        }
    }
    assert_null(peer_received(peer, "done"));
    assert_non_null(peer_received(peer, "failed"));
    assert_false(rig->nor->active);
    assert_int_equal(nor_model_count(rig->nor, NOR_ACTIVATE), 0);
    assert_false(is_bootable(rig, file->length));
    rig->nor->count = 0;
}

static image_file_t demo(uint32_t seed) {
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = 8192;
    spec.seed = seed;
    return image_build(&spec);
}

static void no_changed_byte_of_the_data_is_selected(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    image_file_t file = demo(1);
    unsigned tries = 0;
    for (size_t at = 0; at < file.length; at += at < 512 ? 1 : 11, tries++) {
        file.bytes[at] ^= (uint8_t)(1 << at % 8);
        uint8_t *forged = malloc(file.length);
        memcpy(forged, file.bytes, file.length);
        file.bytes[at] ^= (uint8_t)(1 << at % 8);
        deliver(rig, peer, &file, forged, false);
        free(forged);
    }
    printf("%u single changes of the data: 0 selected, 0 left in the slot as an image\n", tries);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

// A whole and sound image of the attacker's, of the same size: at no moment does it lie in the slot as one that boots.
static void an_image_of_the_attackers_own_is_never_bootable(void **state) {
    (void)state;
    image_file_t file = demo(1);
    image_file_t evil = demo(666);
    assert_int_equal(file.length, evil.length);
    for (int was_there = 0; was_there < 2; was_there++) {
        rig_t *rig = rig_new_locked();
        peer_t *peer = peer_welcome(rig);
        if (was_there == 1) {
            memcpy(rig->nor->bytes, evil.bytes, evil.length); // its head, at least, from an earlier life
        }
        deliver(rig, peer, &file, evil.bytes, true);
        assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
        assert_true(is_bootable(rig, file.length));
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
    image_free(&evil);
}

// He delivers a short image of his own, whole, and then keeps the rest back until the link is given up.
static void a_shorter_image_of_the_attackers_own_is_never_bootable(void **state) {
    (void)state;
    image_file_t evil = demo(666);
    image_file_t file = rig_image("2.0.0");
    rig_t *rig = rig_new_locked();
    peer_t *peer = peer_welcome(rig);
    peer_begin(peer, (uint32_t)file.length, file.bytes, false);
    rig_settle(rig);
    for (uint32_t at = 0; at < evil.length; at += 4096) {
        peer_data(peer, at, evil.bytes + at, 4096 < evil.length - at ? 4096 : evil.length - at);
        rig_settle(rig);
        assert_false(is_bootable(rig, evil.length));
    }
    peer_close(peer);
    rig_settle(rig);
    assert_false(is_bootable(rig, evil.length));
    peer_t *again = peer_welcome(rig);
    uint8_t *forged = malloc(file.length);
    memcpy(forged, file.bytes, file.length);
    forged[40000] ^= 1;
    deliver(rig, again, &file, forged, false);
    assert_true(peer_update(again, file.bytes, (uint32_t)file.length)); // and the poisoned record is gone
    peer_free(again);
    peer_free(peer);
    rig_free(rig);
    free(forged);
    image_free(&file);
    image_free(&evil);
}

// ---- the gate ----

static void every_message_has_its_state_and_no_other(void **state) {
    (void)state;
    char begin[256], proof[] = "{\"type\":\"proof\",\"scram\":\"c=biws,r=x,p=x\"";
    snprintf(begin, sizeof begin, "{\"type\":\"begin\",\"size\":65536,\"sha256\":\"%s\"", digest_text);
    const char *messages[OTA_WS_MSG_COUNT] = {
        [OTA_WS_MSG_HELLO] = "{\"type\":\"hello\",\"version\":1,\"ticket\":\"00000000000000000000000000000000\"",
        [OTA_WS_MSG_PROOF] = proof,
        [OTA_WS_MSG_BEGIN] = begin,
        [OTA_WS_MSG_END] = "{\"type\":\"end\"",
        [OTA_WS_MSG_CANCEL] = "{\"type\":\"cancel\"",
        [OTA_WS_MSG_RESTART] = "{\"type\":\"restart\"",
        [OTA_WS_MSG_CONFIRM] = "{\"type\":\"confirm\"",
        [OTA_WS_MSG_ROLLBACK] = "{\"type\":\"rollback\"",
        [OTA_WS_MSG_PREPARE] = "{\"type\":\"prepare\",\"on\":true",
        [OTA_WS_MSG_PING] = "{\"type\":\"ping\"",
        [OTA_WS_MSG_HISTORY] = "{\"type\":\"history\"",
        [OTA_WS_MSG_LOGS] = "{\"type\":\"logs\"",
        [OTA_WS_MSG_CRASH] = "{\"type\":\"crash\",\"stack\":true",
    };
    unsigned tries = 0;
    for (int locked = 0; locked < 2; locked++) {
        for (int type = 0; type < OTA_WS_MSG_COUNT; type++) {
            for (int at = OTA_WS_SESSION_NEW; at <= OTA_WS_SESSION_LOGIN; at++) {
                assert_non_null(messages[type]); // a new message must find its place here
                rig_t *rig = locked == 1 ? rig_new_locked() : rig_new();
                peer_t *peer = peer_new(rig);
                rig->device.on_trial = true;
                if (at == OTA_WS_SESSION_LOGIN && locked == 1) {
                    ota_ws_scram_t scram;
                    char text[OTA_WS_MESSAGE_SIZE];
                    peer_hello(peer, &scram, text, sizeof text);
                    peer_say(peer, text);
                    assert_int_equal(peer->session->state, OTA_WS_SESSION_LOGIN);
                }
                peer_forget(peer);
                peer_say(peer, messages[type]);
                assert_int_equal(peer->session->state, OTA_WS_SESSION_ENDED);
                assert_int_equal(peer->log_count, 1);
                const bool is_its_state = type == OTA_WS_MSG_HELLO
                                              ? peer_ended(peer, "bad_ticket")
                                              : type == OTA_WS_MSG_PROOF && peer_ended(peer, "bad_login");
                assert_true(is_its_state || peer_ended(peer, "unexpected_message"));
                assert_false(peer_data(peer, 0, NULL, 10));
                assert_untouched(rig);
                peer_free(peer);
                rig_free(rig);
                tries++;
            }
        }
    }
    printf("%u pairs of message and state before the login, locked and open: 0 reach anything\n", tries);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_changed_message_of_the_client_does_anything),
        cmocka_unit_test(no_message_counts_twice_or_elsewhere),
        cmocka_unit_test(no_changed_message_of_the_device_is_believed),
        cmocka_unit_test(no_changed_byte_of_the_data_is_selected),
        cmocka_unit_test(an_image_of_the_attackers_own_is_never_bootable),
        cmocka_unit_test(a_shorter_image_of_the_attackers_own_is_never_bootable),
        cmocka_unit_test(every_message_has_its_state_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
