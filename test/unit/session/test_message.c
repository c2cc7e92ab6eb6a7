// SPDX-License-Identifier: Apache-2.0
// Messages: what is read of a good one, the name under which each bad one is refused, and what is written. Inputs end
// where the readable memory ends.
#include "testing.h"

#include "guard.h"
#include "hash_openssl.h"
#include "session/message.h"

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BEGIN "{\"type\":\"begin\",\"size\":1,\"sha256\":\"" DIGEST "\""
#define MAC "0123456789abcdef0123456789abcdef"

static ota_ws_status_t read_bytes(const char *text, size_t length, ota_ws_request_t *request) {
    char *copy = (char *)guard_copy(text, length);
    memset(request, 0xAA, sizeof *request);
    const ota_ws_status_t status = ota_ws_request_read(copy, length, request);
    guard_free((uint8_t *)copy, length);
    return status;
}

static ota_ws_status_t read_text(const char *text, ota_ws_request_t *request) {
    return read_bytes(text, strlen(text), request);
}

static void assert_status(const char *text, ota_ws_status_t expected) {
    ota_ws_request_t request;
    const ota_ws_status_t status = read_text(text, &request);
    if (status != expected) {
        fail_msg("%s\n is %s, expected was %s", text, ota_ws_status_name(status), ota_ws_status_name(expected));
    }
}

// ---- good messages ----

static void hello_is_read(void **state) {
    (void)state;
    ota_ws_request_t request;
    assert_int_equal(read_text("{\"type\":\"hello\",\"version\":1,\"ticket\":\"0500000040e2010075f01c9ab3d2476e\","
                               "\"scram\":\"n,,n=ota,r=123456789012345678\"}",
                               &request),
                     OTA_WS_OK);
    assert_int_equal(request.type, OTA_WS_MSG_HELLO);
    assert_int_equal(request.version, 1);
    assert_string_equal(request.ticket, "0500000040e2010075f01c9ab3d2476e");
    assert_string_equal(request.scram, "n,,n=ota,r=123456789012345678");
    assert_false(request.has_count);
}

static void begin_is_read(void **state) {
    (void)state;
    ota_ws_request_t request;
    assert_int_equal(read_text("{\"type\":\"begin\",\"size\":1048576,\"sha256\":\"" DIGEST "\"}", &request), OTA_WS_OK);
    assert_int_equal(request.type, OTA_WS_MSG_BEGIN);
    assert_int_equal(request.upload.size, 1048576);
    assert_memory_equal(request.upload.sha256, "\x00\x11\x22\x33\x44\x55\x66\x77", 8);
    assert_false(request.upload.allow_downgrade);
    assert_int_equal(read_text(BEGIN ",\"allow_downgrade\":true}", &request), OTA_WS_OK);
    assert_true(request.upload.allow_downgrade);
}

static void messages_without_members_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        ota_ws_request_type_t type;
    } plain[] = {{"{\"type\":\"cancel\"}", OTA_WS_MSG_CANCEL},
                 {"{\"type\":\"restart\"}", OTA_WS_MSG_RESTART},
                 {"{\"type\":\"confirm\"}", OTA_WS_MSG_CONFIRM},
                 {"{\"type\":\"rollback\"}", OTA_WS_MSG_ROLLBACK},
                 {"{\"type\":\"ping\"}", OTA_WS_MSG_PING}};
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        ota_ws_request_t request;
        assert_int_equal(read_text(plain[i].text, &request), OTA_WS_OK);
        assert_int_equal(request.type, plain[i].type);
    }
}

static void order_and_white_space_are_free(void **state) {
    (void)state;
    ota_ws_request_t request;
    assert_int_equal(
        read_text(" \t\r\n{ \"size\" : 7 ,\n\"sha256\":\"" DIGEST "\",\"type\"\t:\"begin\" } \n", &request), OTA_WS_OK);
    assert_int_equal(request.upload.size, 7);
}

static void members_that_are_not_there_are_zero(void **state) {
    (void)state;
    ota_ws_request_t request;
    assert_int_equal(read_text("{\"type\":\"proof\",\"scram\":\"c=biws\"}", &request), OTA_WS_OK);
    assert_int_equal(request.version, 0);
    assert_string_equal(request.ticket, "");
    assert_int_equal(request.upload.size, 0);
    assert_false(request.upload.allow_downgrade);
}

static void numbers_reach_from_0_to_4294967295(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t value; // -1: refused
    } numbers[] = {{"0", 0},
                   {"1", 1},
                   {"4294967295", UINT32_MAX},
                   {"4294967296", -1},
                   {"9999999999", -1},
                   {"42949672950", -1},
                   {"18446744073709551617", -1},
                   {"-1", -1},
                   {"-0", -1},
                   {"+1", -1},
                   {"01", -1},
                   {"00", -1},
                   {"1.0", -1},
                   {"1e3", -1},
                   {"1E0", -1},
                   {"0x1", -1},
                   {"true", -1},
                   {"null", -1},
                   {"\"1\"", -1},
                   {"\"\"", -1}};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        char text[256];
        ota_ws_request_t request;
        snprintf(text, sizeof text, "{\"type\":\"begin\",\"sha256\":\"" DIGEST "\",\"size\":%s}", numbers[i].text);
        const ota_ws_status_t status = read_text(text, &request);
        if (numbers[i].value >= 0) {
            assert_int_equal(status, OTA_WS_OK);
            assert_int_equal(request.upload.size, numbers[i].value);
        } else if (status != OTA_WS_BAD_VALUE && status != OTA_WS_NOT_JSON) {
            fail_msg("%s: %s", numbers[i].text, ota_ws_status_name(status));
        }
    }
}

static void count_and_mac_are_read_and_what_the_mac_covers(void **state) {
    (void)state;
    static const char text[] = "{\"type\":\"ping\",\"count\":7,\"mac\":\"" MAC "\"}";
    ota_ws_request_t request;
    assert_int_equal(read_text(text, &request), OTA_WS_OK);
    assert_true(request.has_count);
    assert_int_equal(request.count, 7);
    assert_memory_equal(request.mac, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
    assert_int_equal(request.covered, strlen("{\"type\":\"ping\",\"count\":7"));
}

// ---- bad ones ----

static void what_is_no_json_object_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        "{",
                                        "}",
                                        "[]",
                                        "[1]",
                                        "\"type\"",
                                        "1",
                                        "true",
                                        "null",
                                        "ping",
                                        "{\"type\"}",
                                        "{\"type\":}",
                                        "{:\"ping\"}",
                                        "{\"type\":\"ping\"",
                                        "{\"type\":\"ping",
                                        "{\"type\":\"ping}",
                                        "\"type\":\"ping\"}",
                                        "{'type':'ping'}",
                                        "{type:\"ping\"}",
                                        "{1:\"ping\"}",
                                        "{\"type\":\"ping\"}}",
                                        "{\"type\":\"ping\"]",
                                        "{\"type\":\"ping\"} x",
                                        "{\"type\":\"ping\"} 1",
                                        "{\"type\":\"ping\"}\"x\"",
                                        "{\"type\":\"ping\"} \"x\":1",
                                        "{\"type\":\"ping\"},",
                                        ",{\"type\":\"ping\"}",
                                        "x{\"type\":\"ping\"}",
                                        "{\"type\":\"pi\tng\"}",
                                        "{\"type\":\"pi\nng\"}",
                                        "{\"type\":\"pi\x1fng\"}",
                                        "{\"type\":\"ping\"}\v",
                                        "{\"type\"\f:\"ping\"}",
                                        "/**/{\"type\":\"ping\"}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_NOT_JSON);
    }
}

// All these pass a lenient parser like jsmn, even in its strict mode.
static void what_only_a_lenient_parser_takes_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"type\":\"begin\" \"size\":1,\"sha256\":\"" DIGEST "\"}",
                                        "{\"type\":\"begin\"\"size\":1,\"sha256\":\"" DIGEST "\"}",
                                        BEGIN ",}",
                                        "{,\"type\":\"ping\"}",
                                        "{\"type\":\"ping\",,\"count\":1}",
                                        "{\"type\"::\"ping\"}",
                                        "{\"type\",\"ping\"}",
                                        "{\"type\":\"ping\":\"x\"}",
                                        "{\"type\":\"ping\",\"count\"}",
                                        "{\"type\":\"ping\" : 1}",
                                        "{\"type\" \"ping\"}",
                                        "{\"type\":\"ping\",true:1}",
                                        "{\"type\":\"ping\",1:1}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_NOT_JSON);
    }
}

static void a_zero_byte_is_no_end(void **state) {
    (void)state;
    static const char after[] = "{\"type\":\"ping\"}\0{\"type\":\"restart\"}";
    static const char within[] = "{\"type\":\"ping\"\0}";
    static const char in_a_string[] = "{\"type\":\"ping\0\"}";
    ota_ws_request_t request;
    assert_int_not_equal(read_bytes(after, sizeof after - 1, &request), OTA_WS_OK);
    assert_int_equal(read_bytes(after, 16, &request), OTA_WS_NOT_JSON);
    assert_int_equal(read_bytes(within, sizeof within - 1, &request), OTA_WS_NOT_JSON);
    assert_int_equal(read_bytes(in_a_string, sizeof in_a_string - 1, &request), OTA_WS_NOT_JSON);
}

static void nested_values_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"type\":{}}",
                                        "{\"type\":[]}",
                                        "{\"type\":\"ping\",\"x\":{\"y\":1}}",
                                        "{\"type\":[\"ping\"]}",
                                        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
                                        "{\"a\":{\"a\":{",
                                        "[{\"type\":\"ping\"}]",
                                        "{{\"type\":\"ping\"}}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_NESTED);
    }
}

static void brackets_in_a_string_are_no_nesting(void **state) {
    (void)state;
    assert_status("{\"type\":\"proof\",\"scram\":\"{[{[\"}", OTA_WS_OK);
    assert_status("{\"type\":\"proof\",\"scram\":\"}]}]\"}", OTA_WS_OK);
}

static void escapes_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"type\":\"p\\u0069ng\"}", "{\"ty\\u0070e\":\"ping\"}",
                                        "{\"type\":\"ping\\n\"}",    "{\"type\":\"\\\"ping\"}",
                                        "{\"type\":\"ping\\",        "\\{\"type\":\"ping\"}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_ESCAPED);
    }
}

static void a_member_twice_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"type\":\"ping\",\"type\":\"ping\"}",
                                        "{\"type\":\"ping\",\"type\":\"restart\"}",
                                        "{\"type\":\"ping\",\"x\":1,\"x\":1}", BEGIN ",\"size\":2}",
                                        "{\"size\":1,\"type\":\"begin\",\"sha256\":\"" DIGEST "\",\"size\":1}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_DUPLICATE_MEMBER);
    }
}

static void what_is_not_utf8_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "\x80",             // a continuation alone
        "\xbf",             //
        "\xc3",             // a lead alone
        "\xc3(",            //
        "\xc0\x80",         // overlong zero
        "\xc1\xbf",         //
        "\xe0\x80\xaf",     // overlong slash
        "\xe0\x9f\xbf",     //
        "\xf0\x8f\xbf\xbf", //
        "\xf0\x80\x80\xaf", //
        "\xed\xa0\x80",     // surrogates
        "\xed\xbf\xbf",     //
        "\xf4\x90\x80\x80", // beyond U+10FFFF
        "\xf5\x80\x80\x80", //
        "\xf8\x88\x80\x80", //
        "\xfe",             //
        "\xff",             //
        "\xe2\x82",         // cut off
        "\xf0\x9f\x98",     //
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", wrong[i]);
        assert_status(text, OTA_WS_NOT_UTF8);
        assert_status(wrong[i], OTA_WS_NOT_UTF8); // the same at the end of the text
    }
}

static void utf8_of_every_length_is_a_type_that_is_not_known(void **state) {
    (void)state;
    static const char *const good[] = {"\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\x7f"};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", good[i]);
        assert_status(text, OTA_WS_UNKNOWN_MESSAGE);
    }
}

static void unknown_messages_are_refused(void **state) {
    (void)state;
    static const char *const types[] = {"", "Ping", "pin", "pings", "welcome", "state", "ready", "otaSize", "hello "};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", types[i]);
        assert_status(text, OTA_WS_UNKNOWN_MESSAGE);
    }
    assert_status("{\"type\":1}", OTA_WS_BAD_VALUE);
    assert_status("{\"type\":true}", OTA_WS_BAD_VALUE);
    assert_status("{}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"Type\":\"ping\"}", OTA_WS_MISSING_MEMBER);
}

static void members_of_other_messages_are_refused(void **state) {
    (void)state;
    assert_status("{\"type\":\"ping\",\"size\":1}", OTA_WS_UNKNOWN_MEMBER);
    assert_status("{\"type\":\"cancel\",\"allow_downgrade\":true}", OTA_WS_UNKNOWN_MEMBER);
    assert_status(BEGIN ",\"scram\":\"x\"}", OTA_WS_UNKNOWN_MEMBER);
    assert_status(BEGIN ",\"\":1}", OTA_WS_UNKNOWN_MEMBER);
    assert_status(BEGIN ",\"early\":zebra}", OTA_WS_BAD_VALUE);
    assert_status(BEGIN ",\"sizes\":1}", OTA_WS_UNKNOWN_MEMBER);
    assert_status("{\"type\":\"ping\",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1}",
                  OTA_WS_UNKNOWN_MEMBER);
}

// The table of docs/protocol.md, section 4: each member in each message, in turn.
static void each_member_belongs_to_its_messages_only(void **state) {
    (void)state;
    static const char *const members[] = {"\"version\":1",
                                          "\"ticket\":\"x\"",
                                          "\"scram\":\"x\"",
                                          "\"size\":1",
                                          "\"sha256\":\"" DIGEST "\"",
                                          "\"allow_downgrade\":true",
                                          "\"deflate\":true",
                                          "\"stack\":true"};
    static const struct {
        const char *needed, *allowed; // digits: places in `members`
    } types[] = {{"hello 01", "2"}, {"proof 2", ""},  {"begin 34", "56"}, {"end ", ""},
                 {"cancel ", ""},   {"restart ", ""}, {"confirm ", ""},   {"rollback ", ""},
                 {"ping ", ""},     {"history ", ""}, {"logs ", ""},      {"crash ", "7"}};
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const char *needed = strchr(types[i].needed, ' ') + 1;
        for (size_t k = 0; k < COUNT_OF(members); k++) {
            char text[512];
            int length =
                snprintf(text, sizeof text, "{\"type\":\"%.*s\"", (int)(needed - 1 - types[i].needed), types[i].needed);
            for (const char *digit = needed; *digit != '\0'; digit++) {
                length += snprintf(text + length, sizeof text - (size_t)length, ",%s", members[*digit - '0']);
            }
            const char place = (char)('0' + k);
            ota_ws_status_t expected = strchr(needed, place) != NULL             ? OTA_WS_DUPLICATE_MEMBER
                                       : strchr(types[i].allowed, place) != NULL ? OTA_WS_OK
                                                                                 : OTA_WS_UNKNOWN_MEMBER;
            snprintf(text + length, sizeof text - (size_t)length, ",%s}", members[k]);
            assert_status(text, expected);
        }
    }
}

#define WHOLE_BEGIN                                                                                                    \
    BEGIN ",\"allow_downgrade\":true,\"deflate\":true,\"window\":4096,\"delta\":true,\"base\":\"0011223344556677\","   \
          "\"early\":1,\"sealed\":true"

static void a_message_may_have_all_its_members(void **state) {
    (void)state;
    assert_status(WHOLE_BEGIN ",\"count\":7,\"mac\":\"" MAC "\"}", OTA_WS_OK);
}

// As many members as the longest message has are looked at one by one; of more it is known that one does not belong.
static void a_message_has_twelve_members_at_most(void **state) {
    (void)state;
    assert_status(WHOLE_BEGIN ",\"a\":1,\"a\":1}", OTA_WS_DUPLICATE_MEMBER);
    assert_status(WHOLE_BEGIN ",\"a\":1,\"b\":1,\"b\":1}", OTA_WS_UNKNOWN_MEMBER);
}

static void missing_members_are_refused(void **state) {
    (void)state;
    assert_status("{\"type\":\"begin\",\"sha256\":\"" DIGEST "\"}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"begin\",\"size\":1}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"hello\",\"version\":1}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"hello\",\"ticket\":\"x\"}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"proof\"}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"ping\",\"count\":1}", OTA_WS_MISSING_MEMBER);
    assert_status("{\"type\":\"ping\",\"mac\":\"" MAC "\"}", OTA_WS_MISSING_MEMBER);
}

static void values_of_the_wrong_kind_or_size_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "{\"type\":\"begin\",\"size\":1,\"sha256\":\"" DIGEST "0\"}",
        "{\"type\":\"begin\",\"size\":1,\"sha256\":\"" DIGEST "00\"}",
        "{\"type\":\"begin\",\"size\":1,\"sha256\":\"00\"}",
        "{\"type\":\"begin\",\"size\":1,\"sha256\":\"\"}",
        "{\"type\":\"begin\",\"size\":1,\"sha256\":"
        "\"g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
        "{\"type\":\"begin\",\"size\":1,\"sha256\":1}",
        BEGIN ",\"allow_downgrade\":false}",
        BEGIN ",\"allow_downgrade\":1}",
        BEGIN ",\"allow_downgrade\":\"true\"}",
        BEGIN ",\"allow_downgrade\":tru}",
        BEGIN ",\"allow_downgrade\":truee}",
        "{\"type\":\"hello\",\"version\":\"1\",\"ticket\":\"x\"}",
        "{\"type\":\"hello\",\"version\":1,\"ticket\":1}",
        "{\"type\":\"hello\",\"version\":1,\"ticket\":\"012345678901234567890123456789012\"}",
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        ota_ws_request_t request;
        const ota_ws_status_t status = read_text(wrong[i], &request);
        if (status != OTA_WS_BAD_VALUE) {
            fail_msg("%s: %s", wrong[i], ota_ws_status_name(status));
        }
    }
}

static void a_string_must_fit_its_field(void **state) {
    (void)state;
    for (size_t length = OTA_WS_SCRAM_MESSAGE_SIZE - 2; length < 900; length += 1 + length / 9) {
        char text[1024];
        ota_ws_request_t request;
        snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"%0*d\"}", (int)length, 0);
        assert_int_equal(read_text(text, &request), length < OTA_WS_SCRAM_MESSAGE_SIZE ? OTA_WS_OK : OTA_WS_BAD_VALUE);
    }
}

static void the_mac_must_be_the_last_thing_in_the_text(void **state) {
    (void)state;
    static const char *const wrong[] = {"{\"type\":\"ping\",\"mac\":\"" MAC "\",\"count\":7}",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\":\"" MAC "\"} ",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\":\"" MAC "\" }",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\": \"" MAC "\"}",
                                        "{\"type\":\"ping\",\"count\":7, \"mac\":\"" MAC "\"}",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\":\"" MAC "00\"}",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\":\"0123\"}",
                                        "{\"type\":\"ping\",\"count\":-7,\"mac\":\"" MAC "\"}",
                                        "{\"type\":\"ping\",\"count\":7,\"mac\":1}"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_status(wrong[i], OTA_WS_BAD_VALUE);
    }
}

static void a_message_cut_anywhere_is_refused(void **state) {
    (void)state;
    static const char text[] = BEGIN ",\"allow_downgrade\":true,\"count\":12,\"mac\":\"" MAC "\"}";
    for (size_t length = 0; length < sizeof text - 1; length++) {
        ota_ws_request_t request;
        assert_int_equal(read_bytes(text, length, &request), OTA_WS_NOT_JSON);
    }
}

static void one_byte_changed_anywhere_never_reads_too_far(void **state) {
    (void)state;
    char text[] = BEGIN ",\"count\":12,\"mac\":\"" MAC "\"}";
    for (size_t at = 0; at < sizeof text - 1; at++) {
        const char before = text[at];
        for (int value = 0; value < 256; value++) {
            ota_ws_request_t request;
            text[at] = (char)value;
            const ota_ws_status_t status = ota_ws_request_read(text, sizeof text - 1, &request);
            assert_true(status == OTA_WS_OK || (status >= OTA_WS_NOT_JSON && status <= OTA_WS_BAD_VALUE));
        }
        text[at] = before;
    }
}

// ---- writing ----

static void a_reply_is_a_json_object(void **state) {
    (void)state;
    char text[256];
    ota_ws_reply_t reply;
    ota_ws_reply_begin(&reply, text, sizeof text, "progress");
    ota_ws_reply_number(&reply, "received", UINT32_MAX);
    ota_ws_reply_number(&reply, "written", 0);
    ota_ws_reply_true(&reply, "yours");
    ota_ws_reply_hex(&reply, "elf", (const uint8_t *)"\x01\xfe", 2);
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    text[reply.length] = '\0';
    assert_string_equal(text, "{\"type\":\"progress\",\"received\":4294967295,\"written\":0,\"yours\":true,"
                              "\"elf\":\"01fe\"}");
}

static void strings_are_escaped_where_json_wants_it(void **state) {
    (void)state;
    char text[256];
    ota_ws_reply_t reply;
    ota_ws_reply_begin(&reply, text, sizeof text, "x");
    ota_ws_reply_string(&reply, "s", "a\"b\\c\x01\x1f\nd/\xc3\xa9");
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    text[reply.length] = '\0';
    assert_string_equal(text, "{\"type\":\"x\",\"s\":\"a\\\"b\\\\c\\u0001\\u001f\\nd/\xc3\xa9\"}");
}

static void a_sentence_has_the_failures_values_in_their_places(void **state) {
    (void)state;
    char text[512];
    ota_ws_reply_t reply;
    const ota_ws_failure_t failure = {OTA_WS_WRONG_CHIP, "ESP32-S3", "an \"odd\" one"};
    ota_ws_reply_begin(&reply, text, sizeof text, "failed");
    ota_ws_sentence_reply(&reply, &failure);
    ota_ws_reply_end(&reply, NULL, NULL, 0);
    text[reply.length] = '\0';
    assert_non_null(strstr(text, "ESP32-S3"));
    assert_non_null(strstr(text, "an \\\"odd\\\" one"));
    assert_null(strchr(text + 1, '{'));
}

static void what_does_not_fit_is_left_out_and_the_text_stays_whole(void **state) {
    (void)state;
    for (size_t size = 120; size < 700; size++) {
        char text[700];
        const uint8_t key[32] = {1};
        ota_ws_reply_t reply;
        char long_value[200];
        memset(text, '#', sizeof text);
        memset(long_value, '"', sizeof long_value - 1);
        long_value[sizeof long_value - 1] = '\0';
        ota_ws_reply_begin(&reply, text, size, "state");
        ota_ws_reply_string(&reply, "one", long_value);
        ota_ws_reply_number(&reply, "two", 2);
        ota_ws_reply_hex(&reply, "three", (const uint8_t *)long_value, 32);
        ota_ws_reply_true(&reply, "four");
        ota_ws_reply_end(&reply, &ota_ws_hash_openssl, key, UINT32_MAX);
        assert_true(reply.length <= size);
        assert_int_equal(text[reply.length - 1], '}');
        assert_memory_equal(text + reply.length - 42, ",\"mac\":\"", 8);
        text[reply.length] = '\0';
        static const char *const members[] = {"\"type\"", "\"one\"", "\"two\"", "\"three\"", "\"four\""};
        for (size_t i = 1; i < COUNT_OF(members); i++) {
            assert_true(strstr(text, members[i]) == NULL || strstr(text, members[i - 1]) != NULL);
        }
    }
}

// What the device writes with its key, a reader with the same key finds right.
static void a_reply_with_a_key_ends_with_its_count_and_mac(void **state) {
    (void)state;
    char text[256];
    const uint8_t key[32] = {9, 8, 7};
    uint8_t mac[16];
    ota_ws_reply_t reply;
    ota_ws_request_t request;
    ota_ws_reply_begin(&reply, text, sizeof text, "ping");
    ota_ws_reply_end(&reply, &ota_ws_hash_openssl, key, 41);
    assert_int_equal(ota_ws_request_read(text, reply.length, &request), OTA_WS_OK);
    assert_int_equal(request.count, 41);
    ota_ws_mac(&ota_ws_hash_openssl, key, text, request.covered, mac);
    assert_memory_equal(mac, request.mac, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_is_read),
        cmocka_unit_test(begin_is_read),
        cmocka_unit_test(messages_without_members_are_read),
        cmocka_unit_test(order_and_white_space_are_free),
        cmocka_unit_test(members_that_are_not_there_are_zero),
        cmocka_unit_test(numbers_reach_from_0_to_4294967295),
        cmocka_unit_test(count_and_mac_are_read_and_what_the_mac_covers),
        cmocka_unit_test(what_is_no_json_object_is_refused),
        cmocka_unit_test(what_only_a_lenient_parser_takes_is_refused),
        cmocka_unit_test(a_zero_byte_is_no_end),
        cmocka_unit_test(nested_values_are_refused),
        cmocka_unit_test(brackets_in_a_string_are_no_nesting),
        cmocka_unit_test(escapes_are_refused),
        cmocka_unit_test(a_member_twice_is_refused),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(utf8_of_every_length_is_a_type_that_is_not_known),
        cmocka_unit_test(unknown_messages_are_refused),
        cmocka_unit_test(members_of_other_messages_are_refused),
        cmocka_unit_test(each_member_belongs_to_its_messages_only),
        cmocka_unit_test(a_message_may_have_all_its_members),
        cmocka_unit_test(a_message_has_twelve_members_at_most),
        cmocka_unit_test(missing_members_are_refused),
        cmocka_unit_test(values_of_the_wrong_kind_or_size_are_refused),
        cmocka_unit_test(a_string_must_fit_its_field),
        cmocka_unit_test(the_mac_must_be_the_last_thing_in_the_text),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(one_byte_changed_anywhere_never_reads_too_far),
        cmocka_unit_test(a_reply_is_a_json_object),
        cmocka_unit_test(strings_are_escaped_where_json_wants_it),
        cmocka_unit_test(a_sentence_has_the_failures_values_in_their_places),
        cmocka_unit_test(what_does_not_fit_is_left_out_and_the_text_stays_whole),
        cmocka_unit_test(a_reply_with_a_key_ends_with_its_count_and_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
