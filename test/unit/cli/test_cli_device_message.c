// SPDX-License-Identifier: Apache-2.0
// What a device may send, and everything else that may arrive instead: nothing of it may crash the program or reach the
// terminal as it is.
#include "testing.h"

#include "device_message.h"
#include "device_state.h"
#include "guard.h"
#include "printable.h"

static const char state_message[] = "{\"type\":\"state\",\"device\":\"bench "
                                    "\\\"1\\\"\",\"chip_id\":5,\"trial_left_s\":4294967295,\"can_roll_back\":true,"
                                    "\"yours\":false,\"slot\":\"ota_0\"}";

// Reads from memory that ends where the text ends.
static bool reads(const char *text) {
    device_message_t message;
    size_t length = strlen(text);
    uint8_t *copy = guard_copy(text, length);
    bool result = device_message_read(&message, (const char *)copy, length);
    guard_free(copy, length);
    return result;
}

static void a_state_gives_its_members(void **state) {
    (void)state;
    device_message_t message;
    char text[32];
    uint32_t number;
    assert_true(device_message_read(&message, state_message, strlen(state_message)));
    assert_true(device_message_is(&message, "state"));
    assert_false(device_message_is(&message, "stat"));
    assert_true(device_message_string(&message, "device", text, sizeof text));
    assert_string_equal(text, "bench \"1\"");
    assert_true(device_message_number(&message, "trial_left_s", &number));
    assert_int_equal(number, UINT32_MAX);
    assert_true(device_message_true(&message, "can_roll_back"));
    assert_false(device_message_true(&message, "yours"));
}

static void a_member_of_another_kind_counts_as_absent(void **state) {
    (void)state;
    device_message_t message;
    char text[32] = "before";
    uint32_t number = 7;
    assert_true(device_message_read(&message, state_message, strlen(state_message)));
    assert_false(device_message_string(&message, "chip_id", text, sizeof text));
    assert_string_equal(text, "");
    assert_false(device_message_number(&message, "slot", &number));
    assert_int_equal(number, 0);
    assert_false(device_message_number(&message, "can_roll_back", &number));
    assert_false(device_message_true(&message, "slot"));
    assert_false(device_message_true(&message, "nothing"));
    assert_false(device_message_string(&message, "nothing", text, sizeof text));
}

static void no_prefix_of_a_message_is_one(void **state) {
    (void)state;
    for (size_t length = 0; length < strlen(state_message); length++) {
        char prefix[sizeof state_message];
        memcpy(prefix, state_message, length);
        prefix[length] = '\0';
        assert_false(reads(prefix));
    }
    assert_true(reads(state_message));
}

static void what_is_no_flat_object_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "[]",
        "7",
        "\"type\"",
        "null",
        "{\"a\":{}}",
        "{\"a\":[]}",
        "{\"a\":[1]}",
        "{\"a\":{\"b\":1}}",
        "{\"a\":null}",
        "{\"a\":-1}",
        "{\"a\":1.5}",
        "{\"a\":1e3}",
        "{\"a\":4294967296}",
        "{\"a\":99999999999999999999999999}",
        "{\"a\":007}",
        "{\"a\":tru}",
        "{\"a\":nope}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,\"b\"}",
        "{\"a\" 1}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{a:1}",
        "{},",
        "{}:",
        "{,}",
        "{,\"a\":1}",
        "{\"a\":1,}",
        "{\"a\"::1}",
        "{\"a\":1,,\"b\":1}",
        "{\"a\":1 \"b\":1}",
        "{\"a\",1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(reads(bad[i]));
    }
    assert_true(reads("{}"));
    assert_true(reads(" { \"a\" : 1 , \"b\" : true } \n"));
}

static void a_message_ends_at_1024_bytes_and_64_members(void **state) {
    (void)state;
    device_message_t message;
    char text[DEVICE_MESSAGE_SIZE + 2];
    memset(text, ' ', sizeof text);
    memcpy(text, "{}", 2);
    assert_true(device_message_read(&message, text, DEVICE_MESSAGE_SIZE));
    assert_false(device_message_read(&message, text, DEVICE_MESSAGE_SIZE + 1));

    char many[1024] = "{";
    for (int i = 0; i < DEVICE_MESSAGE_MEMBERS; i++) {
        strcat(many, i == 0 ? "\"a\":1" : ",\"a\":1");
    }
    size_t length = strlen(many);
    strcat(many, "}");
    assert_true(reads(many));
    strcpy(many + length, ",\"a\":1}");
    assert_false(reads(many));
}

static void show(const char *json, const char *expected) {
    device_message_t message;
    char text[64];
    assert_true(device_message_read(&message, json, strlen(json)));
    assert_true(device_message_string(&message, "a", text, sizeof text));
    assert_string_equal(text, expected);
}

static void escapes_are_resolved_and_what_could_steer_a_terminal_is_not_passed_on(void **state) {
    (void)state;
    show("{\"a\":\"\\\"\\\\\\/\"}", "\"\\/");
    show("{\"a\":\"\\u0041\\u00e9\\u00FF\"}", "A\xc3\xa9\xc3\xbf");
    show("{\"a\":\"\\u001b[31m\\u007f\\u0000\\u009b\\u20ac\"}", "?[31m????");
    show("{\"a\":\"\\n\\r\\t\\b\"}", "????");
    show("{\"a\":\"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80\"}",
         "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x98\x80");
    show("{\"a\":\"\x1b[2J\x7f\x80\xc3\"}", "?[2J???");
    show("{\"a\":\"\xc2\x9b\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\"}", "???????????");
}

static void a_value_is_cut_between_characters(void **state) {
    (void)state;
    device_message_t message;
    static const char json[] = "{\"a\":\"ab\xe2\x82\xac\x64\"}";
    static const char *const cut[] = {"", "a", "ab", "ab", "ab", "ab\xe2\x82\xac", "ab\xe2\x82\xac\x64"};
    assert_true(device_message_read(&message, json, strlen(json)));
    for (size_t size = 1; size <= COUNT_OF(cut); size++) {
        char text[16];
        assert_true(device_message_string(&message, "a", text, size));
        assert_string_equal(text, cut[size - 1]);
    }
}

static bool is_shown_safely(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = printable_length(text, left);
        if (length == 0) {
            return false;
        }
        text += length;
        left -= length;
    }
    return true;
}

static void changed_messages_never_read_outside_or_show_control_characters(void **state) {
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 20000; round++) {
        size_t length = strlen(state_message);
        uint8_t *copy = guard_copy(state_message, length);
        for (int change = 0; change < 3; change++) {
            random = random * 1664525 + 1013904223;
            copy[(random >> 8) % length] = (uint8_t)(random >> 24);
        }
        device_message_t message;
        if (device_message_read(&message, (const char *)copy, length)) {
            char text[16];
            uint32_t number;
            device_message_string(&message, "device", text, sizeof text);
            assert_true(is_shown_safely(text));
            device_message_number(&message, "chip_id", &number);
            device_message_true(&message, "can_roll_back");
        }
        guard_free(copy, length);
    }
}

static void a_character_that_is_cut_off_is_not_read_on(void **state) {
    (void)state;
    static const char *const whole[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        for (size_t length = 1; length <= strlen(whole[i]); length++) {
            uint8_t *copy = guard_copy(whole[i], length);
            size_t expected = length == strlen(whole[i]) ? length : 0;
            assert_int_equal(printable_length((const char *)copy, length), expected);
            guard_free(copy, length);
        }
    }
}

static void copied_text_is_printable_and_cut_between_characters(void **state) {
    (void)state;
    char text[8];
    printable_copy(text, sizeof text, "a\x1b\x80z");
    assert_string_equal(text, "a??z");
    printable_copy(text, 5, "ab\xe2\x82\xac");
    assert_string_equal(text, "ab");
    printable_copy(text, 6, "ab\xe2\x82\xac");
    assert_string_equal(text, "ab\xe2\x82\xac");
}

static const char *last_letter(const char *name) {
    return name + strlen(name) - 1;
}

// A value of each member of `state`, short enough for all of them in one message, by its kind in src/schema.def.
#define DEVICE_TEXT_SEND(name) ota_ws_reply_string(&object, #name, last_letter(#name));
#define DEVICE_NUMBER_SEND(name) ota_ws_reply_number(&object, #name, sizeof #name);
#define DEVICE_TRUE_SEND(name) ota_ws_reply_true(&object, #name);

static void every_member_of_state_is_read_and_printed(void **state) {
    (void)state;
    char sent[4096], printed[4096];
    ota_ws_reply_t object;
    device_message_t message;
    device_state_t device;
    ota_ws_reply_begin(&object, sent, sizeof sent, "state");
#define STATE(name, kind, source, field) DEVICE_AS(kind, SEND)(name)
#include "schema.def"
    ota_ws_reply_end(&object, NULL, NULL, 0);
    sent[object.length] = '\0';
    assert_true(device_message_read(&message, sent, strlen(sent)));
    assert_true(device_state_read(&device, &message));
    ota_ws_reply_begin(&object, printed, sizeof printed, "state");
    device_state_write(&object, &device);
    ota_ws_reply_end(&object, NULL, NULL, 0);
    printed[object.length] = '\0';
    assert_string_equal(printed, sent);
    assert_string_equal(device.running.version, "n");
    assert_string_equal(device.other.version, "n");
    assert_string_equal(device.last.to, "o");
}

static void a_state_without_what_every_device_says_is_none(void **state) {
    (void)state;
    static const char *const members[] = {"\"slot\":\"a\"", "\"version\":\"\"", "\"boot\":\"b\"", "\"chip_id\":5"};
    for (size_t missing = 0; missing <= COUNT_OF(members); missing++) {
        char text[128] = "{\"type\":\"state\"";
        device_message_t message;
        device_state_t device;
        for (size_t i = 0; i < COUNT_OF(members); i++) {
            if (i != missing) {
                strcat(strcat(text, ","), members[i]);
            }
        }
        strcat(text, "}");
        assert_true(device_message_read(&message, text, strlen(text)));
        assert_int_equal(device_state_read(&device, &message), missing == COUNT_OF(members));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_gives_its_members),
        cmocka_unit_test(a_member_of_another_kind_counts_as_absent),
        cmocka_unit_test(every_member_of_state_is_read_and_printed),
        cmocka_unit_test(a_state_without_what_every_device_says_is_none),
        cmocka_unit_test(no_prefix_of_a_message_is_one),
        cmocka_unit_test(what_is_no_flat_object_is_refused),
        cmocka_unit_test(a_message_ends_at_1024_bytes_and_64_members),
        cmocka_unit_test(escapes_are_resolved_and_what_could_steer_a_terminal_is_not_passed_on),
        cmocka_unit_test(a_value_is_cut_between_characters),
        cmocka_unit_test(changed_messages_never_read_outside_or_show_control_characters),
        cmocka_unit_test(a_character_that_is_cut_off_is_not_read_on),
        cmocka_unit_test(copied_text_is_printable_and_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
