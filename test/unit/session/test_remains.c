// SPDX-License-Identifier: Apache-2.0
// What a device says of an image that has failed its trial: `logs` and `crash`, whatever the memory and the dump hold;
// and whose lines it keeps over its own starts.
#include "testing.h"

#include "built_features.h"

#include "record/log_ring.h"
#include "rig.h"
#include "session/report.h"
#include "text.h"

#define MEMORY_SIZE 2048

static const uint8_t own_elf[OTA_WS_LOG_ELF_SIZE] = "own elf";
static const uint8_t new_elf[OTA_WS_LOG_ELF_SIZE] = "new elf";

static _Alignas(4) uint8_t bytes[MEMORY_SIZE];
static ota_ws_log_memory_t memory;
static ota_ws_core_dump_t dump;
static bool has_dump;
static int open_dumps;

static const ota_ws_log_memory_t *get_log(void *context) {
    (void)context;
    return &memory;
}

static bool open_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    *core = dump;
    open_dumps += has_dump;
    return has_dump;
}

static void close_core(void *context, ota_ws_core_dump_t *core) {
    (void)context;
    (void)core;
    open_dumps--;
}

// Each test runs twice: with a device without a login, and with a client that has the answers sealed.
static bool is_sealed;

static peer_t *ask(peer_t *peer, const char *request) {
    char text[64];
    peer_forget(peer);
    snprintf(text, sizeof text, "%s%s", request, is_sealed ? ",\"sealed\":true" : "");
    peer_say(peer, text);
    assert_true(peer->log_count > 0);
    assert_int_equal(peer->opened, is_sealed ? peer->log_count : 0);
    peer->opened = 0;
    return peer;
}

static void runs(const uint8_t *elf) {
    memory = (ota_ws_log_memory_t){(ota_ws_log_ring_t *)(void *)bytes, MEMORY_SIZE, elf};
    (void)ota_ws_log_ring_start(&memory);
}

static void put(const char *text, size_t length) {
    ota_ws_log_piece_t piece;
    ota_ws_log_piece_make(&piece, text, length);
    if (piece.length > 0) {
        ota_ws_log_ring_put(memory.ring, &piece);
    }
}

static void log_line(const char *text) {
    put(text, strlen(text));
}

// A device whose newest update has this outcome, once its image has logged and is gone.
static rig_t *rig_after(ota_ws_outcome_t outcome, void (*logs)(void)) {
    rig_t *rig = is_sealed ? rig_new_locked() : rig_new();
    ota_ws_history_entry_t entry = {.from = "1.0.0", .to = "2.0.0", .slot = "ota_1", .outcome = (uint8_t)outcome};
    memcpy(entry.elf, new_elf, sizeof entry.elf);
    memset(bytes, 0, sizeof bytes);
    runs(new_elf);
    logs();
    runs(own_elf);
    rig->platform.log = get_log;
    rig->platform.open_core = open_core;
    rig->platform.close_core = close_core;
    assert_true(ota_ws_history_add(&rig->platform, &entry));
    const ota_ws_ports_t ports = rig->device.ports;
    ota_ws_device_init(&rig->device, &ports, &rig->settings, rig->device.verifier, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    return rig;
}

static void log_two_lines(void) {
    log_line("I (10) app: one\n");
    log_line("E (20) app: \"two\"\n");
}

// All `text` of the answer in the order of the messages, as JSON has it; looks at `more` on the way.
static const char *said_lines(peer_t *peer) {
    static char all[8 * MEMORY_SIZE];
    all[0] = '\0';
    ask(peer, "{\"type\":\"logs\"");
    for (size_t i = 0; i < peer->log_count; i++) {
        const char *said = peer->log[i];
        const char *from = strstr(said, "\"text\":\"");
        const char *end = strstr(said, "\",\"more\":true");
        bool is_last = i + 1 == peer->log_count;
        assert_memory_equal(said, "{\"type\":\"logs\"", 14);
        assert_int_equal(end == NULL, is_last);
        end = end != NULL ? end : strrchr(said, '"');
        if (from != NULL) {
            strncat(all, from + 8, (size_t)(end - from - 8));
        }
    }
    return all;
}

static void the_lines_of_a_failed_trial_are_said(void **state) {
    (void)state;
    static const ota_ws_outcome_t outcomes[] = {OTA_WS_OUTCOME_TRIAL, OTA_WS_OUTCOME_STAGED, OTA_WS_OUTCOME_EXPIRING,
                                                OTA_WS_OUTCOME_ROLLING_BACK, OTA_WS_OUTCOME_ABORTING};
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        rig_t *rig = rig_after(outcomes[i], log_two_lines);
        peer_t *peer = peer_welcome(rig);
        ota_ws_report_state(peer->session);
        assert_non_null(strstr(peer_received(peer, "state"), "\"logs\":true"));
        assert_string_equal(said_lines(peer), "I (10) app: one\\nE (20) app: \\\"two\\\"\\n");
        assert_non_null(strstr(peer->log[0], "\"elf_sha256\":\"6e657720656c6600\",\"newest\":true"));
        peer_free(peer);
        rig_free(rig);
    }
}

static void without_a_failed_trial_nothing_is_said(void **state) {
    (void)state;
    static const ota_ws_outcome_t outcomes[] = {OTA_WS_OUTCOME_CONFIRMED, OTA_WS_OUTCOME_CANCELLED,
                                                OTA_WS_OUTCOME_FAILED};
    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        rig_t *rig = rig_after(outcomes[i], log_two_lines);
        peer_t *peer = peer_welcome(rig);
        assert_string_equal(said_lines(peer), "");
        assert_string_equal(peer->log[0], "{\"type\":\"logs\"}");
        peer_free(peer);
        rig_free(rig);
    }
}

static void log_anything(void) {
    static unsigned random = 1;
    for (int i = 0; i < 400; i++) {
        char text[160];
        for (size_t at = 0; at < sizeof text; at++) {
            random = random * 1103515245 + 12345;
            text[at] = (char)(random >> 16);
        }
        put(text, (random >> 8) % sizeof text);
    }
}

static void log_line_ends(void) {
    char text[OTA_WS_LOG_PIECE_SIZE];
    memset(text, '\n', sizeof text);
    for (int i = 0; i < 40; i++) {
        put(text, sizeof text);
    }
}

static void log_quotes(void) {
    for (int i = 0; i < 1000; i++) {
        put("\"\\\"\\\"", 5);
    }
}

// The rig checks that each message has at most 1,024 bytes.
static void messages_keep_to_their_length(void **state) {
    (void)state;
    static void (*const logs[])(void) = {log_anything, log_line_ends, log_quotes};
    for (int run = 0; run < 60; run++) {
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, logs[run % COUNT_OF(logs)]);
        peer_t *peer = peer_welcome(rig);
        const char *all = said_lines(peer);
        ota_ws_utf8_t utf8 = {0};
        for (const char *at = all; *at != '\0'; at++) {
            assert_true(ota_ws_utf8_take(&utf8, (uint8_t)*at));
        }
        assert_true(strlen(all) > MEMORY_SIZE / 2);
        peer_free(peer);
        rig_free(rig);
    }
}

static void damaged_memory_says_less(void **state) {
    (void)state;
    unsigned random = 1;
    for (int run = 0; run < 500; run++) {
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_anything);
        peer_t *peer = peer_welcome(rig);
        for (size_t at = sizeof(ota_ws_log_ring_t); at < MEMORY_SIZE; at++) {
            random = random * 1103515245 + 12345;
            bytes[at] ^= (uint8_t)((random >> 16 & 63) == 0 ? random >> 8 : 0);
        }
        (void)said_lines(peer);
        memset(bytes, 0, sizeof bytes);
        assert_string_equal(said_lines(peer), "");
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_trial_says_its_own_lines_and_ends_with_none(void **state) {
    (void)state;
    rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    memset(bytes, 0, sizeof bytes);
    runs(own_elf);
    const ota_ws_ports_t ports = rig->device.ports;
    ota_ws_device_init(&rig->device, &ports, &rig->settings, rig->device.verifier, rig->now_ms);
    ota_ws_device_scratch(&rig->device, rig->scratch);
    log_line("I (5) app: on trial\n");
    peer_t *peer = peer_welcome(rig);
    assert_string_equal(said_lines(peer), "I (5) app: on trial\\n");
    peer_say(peer, "{\"type\":\"confirm\"");
    rig_settle(rig);
    assert_false(rig->device.on_trial);
    assert_false(ota_ws_log_ring_is_open(memory.ring));
    assert_string_equal(said_lines(peer), "");
    peer_free(peer);
    rig_free(rig);
}

// ---- crash ----

static uint8_t stack[1000];

static void make_dump(void) {
    dump = (ota_ws_core_dump_t){.pc = 0x42008a3c,
                                .cause = 5,
                                .address = 8,
                                .calls = {0x42008a10, 0x4200123e},
                                .call_count = 2,
                                .stack = stack,
                                .stack_size = sizeof stack};
    strcpy(dump.task, "main");
    strcpy(dump.elf, "6e657720656c");
    for (size_t i = 0; i < sizeof stack; i++) {
        stack[i] = (uint8_t)i;
    }
    has_dump = true;
    open_dumps = 0;
}

static peer_t *ask_crash(rig_t *rig, const char *request) {
    peer_t *peer = ask(peer_welcome(rig), request);
    assert_int_equal(open_dumps, 0);
    return peer;
}

static void a_core_dump_is_said(void **state) {
    (void)state;
    make_dump();
    rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
    peer_t *peer = ask_crash(rig, "{\"type\":\"crash\"");
    assert_int_equal(peer->log_count, 1);
    assert_string_equal(peer->log[0],
                        "{\"type\":\"crash\",\"elf_sha256\":\"6e657720656c\",\"newest\":true,"
                        "\"task\":\"main\",\"pc\":\"0x42008a3c\","
                        "\"backtrace\":\"0x42008a10 0x4200123e\",\"cause\":5,\"address\":\"0x00000008\"}");
    peer_free(peer);
    rig_free(rig);
}

static void the_stack_comes_in_pieces_when_asked_for(void **state) {
    (void)state;
    static const uint32_t sizes[] = {0, 1, 239, 240, 241, 480, 1000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        make_dump();
        dump.stack_size = sizes[i];
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
        peer_t *peer = ask_crash(rig, "{\"type\":\"crash\",\"stack\":true");
        char digits[2 * sizeof stack + 1] = "", expected[2 * sizeof stack + 1];
        for (size_t at = 1; at < peer->log_count; at++) {
            const char *from = strstr(peer->log[at], "\"stack\":\"") + 9;
            strncat(digits, from, strcspn(from, "\""));
        }
        for (size_t at = 0; at < peer->log_count; at++) {
            assert_int_equal(strstr(peer->log[at], "\"more\":true") != NULL, at + 1 < peer->log_count);
        }
        ota_ws_text_hex(expected, stack, sizes[i]);
        assert_string_equal(digits, expected);
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_dump_of_another_image_is_not_the_newest(void **state) {
    (void)state;
    static const char *const others[] = {"6e657720656d", "", "6e65772", "nonsense"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        make_dump();
        strcpy(dump.elf, others[i]);
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
        peer_t *peer = ask_crash(rig, "{\"type\":\"crash\"");
        assert_null(strstr(peer->log[0], "newest"));
        peer_free(peer);
        rig_free(rig);
    }
}

static void a_device_without_a_dump_says_so(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        make_dump();
        has_dump = false;
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
        rig->platform.open_core = i == 0 ? open_core : NULL;
        peer_t *peer = ask_crash(rig, "{\"type\":\"crash\",\"stack\":true");
        assert_int_equal(peer->log_count, 1);
        assert_string_equal(peer->log[0], "{\"type\":\"crash\"}");
        peer_free(peer);
        rig_free(rig);
    }
}

static void texts_of_a_dump_are_made_text(void **state) {
    (void)state;
    make_dump();
    memset(dump.task, '\xff', sizeof dump.task - 1);
    memset(dump.reason, '"', sizeof dump.reason - 1);
    memset(dump.elf, '\\', sizeof dump.elf - 1);
    dump.call_count = 1000;
    rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
    peer_t *peer = ask_crash(rig, "{\"type\":\"crash\",\"stack\":true");
    assert_non_null(strstr(peer->log[0], "\"task\":\"????????????????\""));
    assert_non_null(strstr(peer->log[0], "\"more\":true"));
    peer_free(peer);
    rig_free(rig);
}

static void before_the_login_nothing_is_said(void **state) {
    (void)state;
    static const char *const requests[] = {"{\"type\":\"logs\"", "{\"type\":\"crash\"",
                                           "{\"type\":\"crash\",\"stack\":true", "{\"type\":\"logs\",\"sealed\":true"};
    make_dump();
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
        peer_t *peer = peer_new(rig);
        peer_say(peer, requests[i]);
        assert_true(peer_ended(peer, "unexpected_message"));
        assert_int_equal(peer->log_count, 1);
        assert_null(strstr(peer->log[0], "app"));
        peer_free(peer);
        rig_free(rig);
    }
}

// A build without the feature.
static void a_device_without_the_ring_has_nothing(void **state) {
    (void)state;
    make_dump();
    rig_t *rig = is_sealed ? rig_new_locked() : rig_new();
    peer_t *peer = peer_welcome(rig);
    assert_memory_equal(ask(peer, "{\"type\":\"logs\"")->log[0], "{\"type\":\"logs\"}", 16);
    assert_memory_equal(ask(peer, "{\"type\":\"crash\"")->log[0], "{\"type\":\"crash\"}", 17);
    peer_free(peer);
    rig_free(rig);
}

// ---- sealed ----

static void only_who_has_keys_may_have_it_sealed(void **state) {
    (void)state;
    static const char *const requests[] = {"{\"type\":\"logs\",\"sealed\":true", "{\"type\":\"crash\",\"sealed\":true"};
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        rig_t *rig = rig_new();
        peer_t *peer = peer_welcome(rig);
        peer_say(peer, requests[i]);
        assert_true(peer_ended(peer, "bad_value"));
        assert_int_equal(peer->log_count, 1);
        peer_free(peer);
        rig_free(rig);
    }
}

// An answer that was sealed leaves the next one as it is asked for.
static void sealed_and_open_answers_take_turns(void **state) {
    (void)state;
    make_dump();
    rig_t *rig = rig_after(OTA_WS_OUTCOME_TRIAL, log_two_lines);
    peer_t *peer = peer_welcome(rig);
    for (unsigned i = 0; i < 4; i++) {
        peer_forget(peer);
        peer->opened = 0;
        peer_say(peer, i % 2 == 0 ? "{\"type\":\"logs\",\"sealed\":true" : "{\"type\":\"logs\"");
        assert_int_equal(peer->log_count, 1);
        assert_int_equal(peer->opened, i % 2 == 0);
        assert_non_null(strstr(peer->log[0], "E (20) app"));
        peer_say(peer, "{\"type\":\"ping\"");
        assert_memory_equal(peer->log[1], "{\"type\":\"pong\"", 14);
    }
    peer_free(peer);
    rig_free(rig);
}

static int begin_sealed(void **state) {
    (void)state;
    is_sealed = true;
    return 0;
}

static int end_sealed(void **state) {
    (void)state;
    is_sealed = false;
    return 0;
}

#define sealed_test_of(feature, function)                                                                              \
    {                                                                                                                  \
#function "_sealed", ota_ws_feature_##feature &&ota_ws_feature_sealed ? function : NULL, begin_sealed,         \
            end_sealed, NULL                                                                                           \
    }

int main(void) {
    const struct CMUnitTest tests[] = {
        unit_test_of(log_ring, the_lines_of_a_failed_trial_are_said),
        sealed_test_of(log_ring, the_lines_of_a_failed_trial_are_said),
        unit_test_of(log_ring, without_a_failed_trial_nothing_is_said),
        sealed_test_of(log_ring, without_a_failed_trial_nothing_is_said),
        unit_test_of(log_ring, messages_keep_to_their_length),
        sealed_test_of(log_ring, messages_keep_to_their_length),
        unit_test_of(log_ring, damaged_memory_says_less),
        sealed_test_of(log_ring, damaged_memory_says_less),
        unit_test_of(log_ring, a_trial_says_its_own_lines_and_ends_with_none),
        sealed_test_of(log_ring, a_trial_says_its_own_lines_and_ends_with_none),
        unit_test_of(log_ring, a_core_dump_is_said),
        sealed_test_of(log_ring, a_core_dump_is_said),
        unit_test_of(log_ring, the_stack_comes_in_pieces_when_asked_for),
        sealed_test_of(log_ring, the_stack_comes_in_pieces_when_asked_for),
        unit_test_of(log_ring, a_dump_of_another_image_is_not_the_newest),
        sealed_test_of(log_ring, a_dump_of_another_image_is_not_the_newest),
        unit_test_of(log_ring, a_device_without_a_dump_says_so),
        sealed_test_of(log_ring, a_device_without_a_dump_says_so),
        unit_test_of(log_ring, texts_of_a_dump_are_made_text),
        sealed_test_of(log_ring, texts_of_a_dump_are_made_text),
        cmocka_unit_test(a_device_without_the_ring_has_nothing),
        sealed_test_of(sealed, a_device_without_the_ring_has_nothing),
        cmocka_unit_test(before_the_login_nothing_is_said),
        cmocka_unit_test(only_who_has_keys_may_have_it_sealed),
        sealed_test_of(log_ring, sealed_and_open_answers_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
