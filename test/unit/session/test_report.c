// SPDX-License-Identifier: Apache-2.0
// What `state` and `history` say, member by member: each one there when it has something to say, absent when not
// (docs/protocol.md, section 5).
#include "testing.h"

#include "built_features.h"

#include "hash_openssl.h"
#include "record/progress.h"
#include "rig.h"
#include "session/message.h"
#include "session/report.h"
#include "text.h"

// The first `state` that a client gets.
static const char *first_state(peer_t *peer) {
    ota_ws_scram_t scram;
    char text[1024];
    peer_hello(peer, &scram, text, sizeof text);
    peer_say(peer, text);
    return peer_received(peer, "state");
}

// `member` stands in the message, and nothing goes on behind its value.
static void assert_says(const char *message, const char *member) {
    const char *at = strstr(message, member);
    if (at == NULL || strchr(",}", at[strlen(member)]) == NULL) {
        fail_msg("%s is not in %s", member, message);
    }
}

static void assert_is_silent_about(const char *message, const char *name) {
    char member[64];
    snprintf(member, sizeof member, "\"%s\":", name);
    if (strstr(message, member) != NULL) {
        fail_msg("%s is in %s", name, message);
    }
}

static void a_signed_image_tells_by_whom_and_a_device_that_requires_it_says_so(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        rig_t *rig = rig_new();
        rig->identity.is_signed = (i & 1) != 0;
        rig->identity.requires_signed = (i & 2) != 0;
        memcpy(rig->identity.signer, "\x01\x23\x45\x67\x89\xab\xcd\xef\xff", 9);
        peer_t *peer = peer_new(rig);
        const char *said = first_state(peer);
        (i & 1) != 0 ? assert_says(said, "\"signed_by\":\"0123456789abcdef\"")
                     : assert_is_silent_about(said, "signed_by");
        (i & 2) != 0 ? assert_says(said, "\"requires_signed\":true") : assert_is_silent_about(said, "requires_signed");
        peer_free(peer);
        rig_free(rig);
    }
}

static void an_unknown_chip_is_called_so_beside_its_number(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    rig->identity.chip_id = 4711;
    peer_t *peer = peer_new(rig);
    const char *said = first_state(peer);
    assert_says(said, "\"chip\":\"unknown\"");
    assert_says(said, "\"chip_id\":4711");
    peer_free(peer);
    rig_free(rig);
}

static void control_characters_and_quotes_of_a_name_are_escaped(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    rig->identity.device_name = "\x1f \x7f\"\\\xc3\xa9~";
    peer_t *peer = peer_new(rig);
    assert_says(first_state(peer), "\"device\":\"\\u001f \\u007f\\\"\\\\\xc3\xa9~\"");
    peer_free(peer);
    rig_free(rig);
}

static ota_ws_reset_t say_panic(void *context) {
    (void)context;
    return OTA_WS_RESET_PANIC;
}

static void state_says_why_the_device_has_started(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_new(rig);
    assert_is_silent_about(first_state(peer), "reset");
    peer_free(peer);
    rig->platform.reset_reason = say_panic;
    peer = peer_new(rig);
    assert_says(first_state(peer), "\"reset\":\"panic\"");
    peer_free(peer);
    rig_free(rig);
}

static void state_says_what_the_device_can_and_checks(void **state) {
    (void)state;
    static const char *const names[] = {"check_project", "deflate", "encrypted"};
    for (int i = 0; i < 8; i++) {
        rig_t *rig = rig_new();
        rig->settings.policy.check_project = (i & 1) != 0;
        rig->worker.inflates = (i & 2) != 0;
        rig->worker.decrypts = (i & 4) != 0;
        peer_t *peer = peer_new(rig);
        const char *said = first_state(peer);
        for (int k = 0; k < 3; k++) {
            char member[32];
            snprintf(member, sizeof member, "\"%s\":true", names[k]);
            (i >> k & 1) != 0 ? assert_says(said, member) : assert_is_silent_about(said, names[k]);
        }
        peer_free(peer);
        rig_free(rig);
    }
}

static void of_the_other_slot_is_told_what_is_known(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    rig->identity.other_state = OTA_WS_IMAGE_ABORTED;
    rig->identity.other = (ota_ws_image_description_t){.project = "oven", .version = "0.9.0", .elf_sha256 = {0xAB}};
    peer_t *peer = peer_new(rig);
    const char *said = first_state(peer);
    assert_says(said, "\"other_slot\":\"ota_1\"");
    assert_says(said, "\"other_image\":\"aborted\"");
    assert_is_silent_about(said, "other_version");
    assert_is_silent_about(said, "can_roll_back");
    peer_free(peer);
    rig->identity.other_valid = rig->identity.can_roll_back = true;
    peer = peer_new(rig);
    said = first_state(peer);
    assert_says(said, "\"other_project\":\"oven\"");
    assert_says(said, "\"other_version\":\"0.9.0\"");
    assert_says(said, "\"other_elf_sha256\":\"ab00000000000000\"");
    assert_says(said, "\"can_roll_back\":true");
    peer_free(peer);
    rig->identity.other_slot[0] = '\0';
    peer = peer_new(rig);
    said = first_state(peer);
    assert_is_silent_about(said, "other_slot");
    assert_is_silent_about(said, "other_version");
    peer_free(peer);
    rig_free(rig);
}

static void a_lost_entry_is_a_way_back_for_an_image_on_trial(void **state) {
    (void)state;
    for (int is_confirmed = 0; is_confirmed < 2; is_confirmed++) {
        rig_t *rig = rig_new();
        rig->identity.entry_is_lost = true;
        rig->device.last.outcome = OTA_WS_OUTCOME_TRIAL;
        rig->device.last.confirmed = (uint8_t)is_confirmed;
        ota_ws_text_copy(rig->device.last.slot, sizeof rig->device.last.slot, rig->identity.slot);
        memcpy(rig->device.last.elf, rig->identity.running.elf_sha256, sizeof rig->device.last.elf);
        peer_t *peer = peer_new(rig);
        const char *said = first_state(peer);
        is_confirmed ? assert_is_silent_about(said, "can_roll_back") : assert_says(said, "\"can_roll_back\":true");
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_trial_says_how_long_it_lasts_and_who_watches(void **state) {
    (void)state;
    static const struct {
        uint32_t passed_ms;
        const char *left;
    } cases[] = {{0, "\"trial_left_s\":300"},    {1, "\"trial_left_s\":300"},    {1000, "\"trial_left_s\":299"},
                 {299999, "\"trial_left_s\":1"}, {300000, "\"trial_left_s\":0"}, {400000, "\"trial_left_s\":0"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new();
        rig->device.on_trial = true;
        rig->device.trial_since_ms = rig->now_ms - cases[i].passed_ms;
        rig->identity.image_state = i % 2 == 0 ? OTA_WS_IMAGE_TRIAL : OTA_WS_IMAGE_UNWATCHED;
        peer_t *peer = peer_new(rig);
        const char *said = first_state(peer);
        assert_says(said, cases[i].left);
        assert_says(said, "\"image\":\"trial\"");
        i % 2 == 0 ? assert_is_silent_about(said, "unwatched") : assert_says(said, "\"unwatched\":true");
        peer_free(peer);
        rig_free(rig);
    }
}

// ---- the update that runs, and the one that was not finished ----

static image_file_t image_of(const char *project, const char *version) {
    image_spec_t spec = image_spec_default;
    spec.project = project;
    spec.version = version;
    spec.size = 100000;
    return image_build(&spec);
}

// Begins and sends the first bytes of the file.
static void start(peer_t *peer, const image_file_t *file) {
    peer_begin_image(peer, file);
    peer_send(peer, file, 0, 40960);
}

// Writes the member that names the file by the first digits of its digest.
static const char *digest_member(char member[64], const char *name, const image_file_t *file) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    char hex[17];
    ota_ws_sha256_t state;
    ota_ws_hash_openssl.start(&state);
    ota_ws_hash_openssl.update(&state, file->bytes, file->length);
    ota_ws_hash_openssl.finish(&state, digest);
    ota_ws_text_hex(hex, digest, 8);
    snprintf(member, 64, "\"%s\":\"%s\"", name, hex);
    return member;
}

static void a_viewer_sees_who_runs_the_update_and_what_is_written(void **state) {
    (void)state;
    char member[64];
    rig_t *rig = rig_new();
    image_file_t file = image_of("demo", "2.0.0");
    peer_t *owner = peer_welcome(rig);
    start(owner, &file);
    peer_t *viewer = peer_new(rig);
    const char *said = first_state(viewer);
    assert_says(said, "\"peer\":\"::1\"");
    assert_says(said, "\"size\":100000");
    assert_says(said, "\"new_version\":\"2.0.0\"");
    assert_says(said, digest_member(member, "sha256", &file));
    assert_is_silent_about(said, "yours");
    assert_is_silent_about(said, "kept");
    peer_free(viewer);
    peer_free(owner);
    rig_settle(rig);
    rig_free(rig);
    image_free(&file);
}

static void an_image_that_is_ready_says_which_file_it_is(void **state) {
    (void)state;
    char member[64];
    rig_t *rig = rig_new();
    image_file_t file = rig_image("2.0.0");
    peer_t *peer = peer_welcome(rig);
    assert_true(peer_update(peer, file.bytes, (uint32_t)file.length));
    peer_free(peer);
    peer = peer_new(rig);
    const char *said = first_state(peer);
    assert_says(said, "\"update\":\"ready\"");
    assert_says(said, "\"peer\":\"::1\"");
    assert_says(said, digest_member(member, "sha256", &file));
    peer_free(peer);
    rig_free(rig);
    image_free(&file);
}

static void assert_tells_what_is_kept(rig_t *rig, const image_file_t *file) {
    char member[64];
    peer_t *peer = peer_new(rig);
    assert_null(peer_received(peer, "state")); // nothing before the login
    const char *said = first_state(peer);
    assert_says(said, "\"update\":\"idle\"");
    assert_says(said, "\"kept\":40960");
    assert_says(said, "\"kept_size\":100000");
    assert_says(said, "\"kept_project\":\"demo\"");
    assert_says(said, "\"kept_version\":\"2.0.0\"");
    assert_says(said, digest_member(member, "kept_sha256", file));
    assert_is_silent_about(said, "peer");
    peer_free(peer);
}

// After a lost link, and after a restart.
static void an_unfinished_upload_is_told_with_the_file_it_needs(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    image_file_t file = image_of("demo", "2.0.0");
    peer_t *peer = peer_welcome(rig);
    start(peer, &file);
    peer_free(peer);
    rig_settle(rig);
    assert_tells_what_is_kept(rig, &file);
    const ota_ws_ports_t ports = rig->device.ports;
    ota_ws_device_init(&rig->device, &ports, &rig->settings, NULL, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    assert_tells_what_is_kept(rig, &file);
    rig_free(rig);
    image_free(&file);
}

static void nothing_is_told_as_kept_where_nothing_goes_on(void **state) {
    (void)state;
    image_file_t file = image_of("demo", "2.0.0");
    for (int i = 0; i < 3; i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_begin_image(peer, &file);
        if (i == 0) {
            peer_data(peer, 0, file.bytes, 100); // less than the head
            rig_settle(rig);
        } else if (i == 1) {
            for (uint32_t at = 0; at < file.length; at += 4096) {
                peer_forget(peer); // keeps the log short
                peer_data(peer, at, file.bytes + at, file.length - at < 4096 ? file.length - at : 4096);
                rig_settle(rig);
            }
            assert_non_null(peer_received(peer, "done"));
        }
        peer_free(peer);
        rig_settle(rig);
        rig->worker.decrypts = i == 2; // such a device goes on in the middle of no file
        peer = peer_new(rig);
        assert_is_silent_about(first_state(peer), "kept");
        peer_free(peer);
        rig_free(rig);
    }
    image_free(&file);
}

// ---- a message that is full ----

#define LONGEST_TEXT "0123456789abcdefghijklmnopqrstu" // as esp_app_desc_t holds

static void give_long_names(rig_t *rig) {
    ota_ws_identity_t *identity = &rig->identity;
    ota_ws_history_entry_t *last = &rig->device.last;
    identity->device_name = "kitchen-lamp-01.example";
    identity->is_signed = identity->requires_signed = identity->can_roll_back = true;
    identity->other_state = OTA_WS_IMAGE_ROLLED_BACK;
    strcpy(identity->running.project, LONGEST_TEXT);
    strcpy(identity->running.version, LONGEST_TEXT);
    strcpy(identity->running.idf, "v5.1.4-100-gabcdef012");
    strcpy(identity->running.date, "Nov 22 2026");
    strcpy(identity->running.time, "12:00:00");
    strcpy(identity->other.project, LONGEST_TEXT);
    strcpy(identity->other.version, LONGEST_TEXT);
    rig->worker.inflates = true;
    last->outcome = OTA_WS_OUTCOME_ROLLED_BACK;
    strcpy(last->from, LONGEST_TEXT);
    strcpy(last->to, LONGEST_TEXT);
    memset(last->peer, 0xAB, sizeof last->peer);
}

// While an update is written, and while a part of one is kept, the other slot holds no image that counts.
static void the_state_is_whole_with_names_as_long_as_idf_allows(void **state) {
    (void)state;
    ota_ws_image_description_t image = {.project = LONGEST_TEXT, .version = LONGEST_TEXT};
    ota_ws_progress_t kept = {.size = 4000000, .offset = 3999999, .erased = 3999999};
    strcpy(kept.project, LONGEST_TEXT);
    strcpy(kept.version, LONGEST_TEXT);
    static const ota_ws_update_state_t updates[] = {OTA_WS_UPDATE_IDLE, OTA_WS_UPDATE_IDLE, OTA_WS_UPDATE_RECEIVING,
                                                    OTA_WS_UPDATE_VERIFYING, OTA_WS_UPDATE_READY};
    for (size_t i = 0; i < COUNT_OF(updates); i++) {
        const bool written = updates[i] == OTA_WS_UPDATE_RECEIVING || updates[i] == OTA_WS_UPDATE_VERIFYING;
        rig_t *rig = rig_new_locked();
        give_long_names(rig);
        if (i == 1) {
            rig->platform.save(rig->platform.context, "progress", &kept, sizeof kept);
        }
        peer_t *peer = peer_welcome(rig);
        rig->identity.other_valid = i != 1 && !written;
        rig->device.update = updates[i];
        rig->device.size = rig->device.received = rig->device.written = 4000000;
        rig->device.image = written ? &image : NULL;
        rig->device.owner = written ? peer->session : NULL;
        memset(peer->session->peer.bytes, 0xAB, sizeof peer->session->peer.bytes);
        peer_forget(peer);
        ota_ws_report_state(peer->session);
        assert_says(peer_received(peer, "state"), "\"last_to\":\"" LONGEST_TEXT "\"");
        rig->device.update = OTA_WS_UPDATE_IDLE;
        rig->device.owner = NULL;
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_member_that_does_not_fit_is_left_out_whole_and_the_message_ends_well(void **state) {
    (void)state;
    static const uint8_t key[32] = {1};
    for (size_t size = 120; size <= 200; size++) {
        char text[256];
        ota_ws_reply_t reply;
        memset(text, 'x', sizeof text);
        ota_ws_reply_begin(&reply, text, size, "state");
        ota_ws_reply_string(&reply, "first", "0123456789");
        const size_t before = reply.length;
        ota_ws_reply_string(&reply, "second", "0123456789012345678901234567890123456789");
        assert_true(reply.length == before || memcmp(text + reply.length - 5, "6789\"", 5) == 0);
        const size_t after = reply.length;
        ota_ws_reply_hex(&reply, "third", key, sizeof key);
        assert_true(reply.length == after || memcmp(text + reply.length - 5, "0000\"", 5) == 0);
        ota_ws_reply_end(&reply, &ota_ws_hash_openssl, key, UINT32_MAX);
        assert_true(reply.length <= size);
        assert_int_equal(text[reply.length], 'x');
        assert_memory_equal(text + reply.length - 2, "\"}", 2);
        text[reply.length] = '\0';
        assert_non_null(strstr(text, ",\"count\":4294967295,\"mac\":\""));
    }
}

// ---- history ----

static ota_ws_history_entry_t aborted_entry(void) {
    ota_ws_history_entry_t entry = {.from = "1.0.0", .to = "2.0.0", .slot = "ota_1"};
    entry.outcome = OTA_WS_OUTCOME_ABORTED;
    return entry;
}

// Puts the entry on record and lets a client ask.
static peer_t *ask_history(rig_t *rig, const ota_ws_history_entry_t *entry) {
    assert_true(ota_ws_history_add(&rig->platform, entry));
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"history\"");
    return peer;
}

static void an_entry_says_what_is_known_and_no_more(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    ota_ws_history_entry_t entry = aborted_entry();
    peer_t *peer = ask_history(rig, &entry);
    const char *said = peer_received(peer, "history");
    static const char *const absent[] = {"when", "peer", "reset"};
    for (size_t i = 0; i < COUNT_OF(absent); i++) {
        assert_is_silent_about(said, absent[i]);
    }
    static const char *const members[] = {"\"updates\":1",
                                          "\"index\":0",
                                          "\"outcome\":\"aborted\"",
                                          "\"from\":\"1.0.0\"",
                                          "\"to\":\"2.0.0\"",
                                          "\"slot\":\"ota_1\"",
                                          "\"elf_sha256\":\"0000000000000000\""};
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        assert_says(said, members[i]);
    }
    peer_free(peer);
    rig_free(rig);
}

static void an_entry_says_when_and_why_it_restarted(void **state) {
    (void)state;
    static const char *const resets[] = {"unknown", "power_on", "external",   "software",
                                         "panic",   "watchdog", "deep_sleep", "brownout"};
    for (uint8_t reset = OTA_WS_RESET_UNKNOWN; reset < OTA_WS_RESET_COUNT; reset++) {
        rig_t *rig = rig_new();
        ota_ws_history_entry_t entry = aborted_entry();
        char member[64];
        entry.when_s = 1767225600;
        entry.reset = reset;
        peer_t *peer = ask_history(rig, &entry);
        assert_says(peer_received(peer, "history"), "\"when\":1767225600");
        snprintf(member, sizeof member, "\"reset\":\"%s\"", resets[reset - OTA_WS_RESET_UNKNOWN]);
        assert_says(peer_received(peer, "history"), member);
        peer_free(peer);
        rig_free(rig);
    }
}

// Written by a later version of this component, perhaps.
static void a_reason_that_has_no_name_is_left_out(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    ota_ws_history_entry_t entry = aborted_entry();
    entry.reset = OTA_WS_RESET_COUNT;
    peer_t *peer = ask_history(rig, &entry);
    assert_is_silent_about(peer_received(peer, "history"), "reset");
    peer_free(peer);
    rig->device.last = entry;
    peer = peer_new(rig);
    const char *said = first_state(peer);
    assert_says(said, "\"last_outcome\":\"aborted\"");
    assert_is_silent_about(said, "last_reset");
    peer_free(peer);
    rig->device.last.reset = OTA_WS_RESET_BROWNOUT;
    peer = peer_new(rig);
    assert_says(first_state(peer), "\"last_reset\":\"brownout\"");
    peer_free(peer);
    rig_free(rig);
}

static void addresses_are_written_as_people_know_them(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[16];
        const char *text;
    } cases[] = {
        {{[10] = 0xFF, 0xFF, 192, 168, 1, 20}, "\"peer\":\"192.168.1.20\""},
        {{[10] = 0xFF, 0xFF, 0, 0, 0, 0}, "\"peer\":\"0.0.0.0\""},
        {{[15] = 1}, "\"peer\":\"::1\""},
        {{[10] = 0xFF, 0xFE, 1, 2, 3, 4}, "\"peer\":\"::fffe:102:304\""},
        {{[9] = 1, 0xFF, 0xFF, 1, 2, 3, 4}, "\"peer\":\"::1:ffff:102:304\""},
        {{0xFE, 0x80, [8] = 0xAB, 0xCD, 0x0A, 0x00, 0x00, 0x10, 0x10, 0x00}, "\"peer\":\"fe80::abcd:a00:10:1000\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rig_t *rig = rig_new();
        ota_ws_history_entry_t entry = aborted_entry();
        memcpy(entry.peer, cases[i].bytes, sizeof entry.peer);
        peer_t *peer = ask_history(rig, &entry);
        assert_says(peer_received(peer, "history"), cases[i].text);
        peer_free(peer);
        rig_free(rig);
    }
}

static void without_an_update_history_says_none(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"history\"");
    assert_int_equal(peer->log_count, 1);
    assert_string_equal(peer_received(peer, "history"), "{\"type\":\"history\",\"updates\":0}");
    peer_free(peer);
    rig_free(rig);
}

// Newest first, each in a message of its own, as many as the device remembers.
static void each_update_has_a_message_of_its_own(void **state) {
    (void)state;
    rig_t *rig = rig_new();
    ota_ws_history_entry_t entry = aborted_entry();
    for (char i = '1'; i <= '5'; i++) {
        entry.to[0] = i;
        assert_true(ota_ws_history_add(&rig->platform, &entry));
    }
    peer_t *peer = peer_welcome(rig);
    peer_say(peer, "{\"type\":\"history\"");
    assert_int_equal(peer->log_count, OTA_WS_HISTORY_MAX);
    for (size_t i = 0; i < OTA_WS_HISTORY_MAX; i++) {
        char member[64];
        assert_says(peer->log[i], "\"updates\":4");
        snprintf(member, sizeof member, "\"index\":%zu", i);
        assert_says(peer->log[i], member);
        snprintf(member, sizeof member, "\"to\":\"%c.0.0\"", (char)('5' - (char)i));
        assert_says(peer->log[i], member);
    }
    peer_free(peer);
    rig_free(rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_image_tells_by_whom_and_a_device_that_requires_it_says_so),
        cmocka_unit_test(an_unknown_chip_is_called_so_beside_its_number),
        cmocka_unit_test(control_characters_and_quotes_of_a_name_are_escaped),
        cmocka_unit_test(state_says_why_the_device_has_started),
        cmocka_unit_test(state_says_what_the_device_can_and_checks),
        cmocka_unit_test(a_lost_entry_is_a_way_back_for_an_image_on_trial),
        cmocka_unit_test(of_the_other_slot_is_told_what_is_known),
        cmocka_unit_test(a_trial_says_how_long_it_lasts_and_who_watches),
        cmocka_unit_test(a_viewer_sees_who_runs_the_update_and_what_is_written),
        cmocka_unit_test(an_image_that_is_ready_says_which_file_it_is),
        unit_test_of(resume, an_unfinished_upload_is_told_with_the_file_it_needs),
        cmocka_unit_test(nothing_is_told_as_kept_where_nothing_goes_on),
        cmocka_unit_test(the_state_is_whole_with_names_as_long_as_idf_allows),
        cmocka_unit_test(a_member_that_does_not_fit_is_left_out_whole_and_the_message_ends_well),
        unit_test_of(history, an_entry_says_what_is_known_and_no_more),
        unit_test_of(history, an_entry_says_when_and_why_it_restarted),
        unit_test_of(history, a_reason_that_has_no_name_is_left_out),
        unit_test_of(history, addresses_are_written_as_people_know_them),
        unit_test_of(history, without_an_update_history_says_none),
        unit_test_of(history, each_update_has_a_message_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
