// SPDX-License-Identifier: Apache-2.0
// Multicast DNS: what is asked, and what is read of any answer, whole, cut and damaged.
#include "testing.h"

#include "mdns_message.h"

typedef struct {
    size_t records;
    mdns_record_t last;
} taken_t;

static void take(void *context, const mdns_record_t *record) {
    taken_t *taken = context;
    taken->records++;
    taken->last = *record;
}

// A response with the question and PTR, SRV, TXT and A; names point back to earlier ones.
static const uint8_t answer[] =
    "\0\0\x84\0\0\1\0\1\0\0\0\3"
    "\7_ota-ws\4_tcp\5local\0\0\x0c\0\1"                                // at 12: the question
    "\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\7\4lamp\xc0\x0c"                    // at 36: PTR; its instance at 48
    "\xc0\x30\0\x21\x80\1\0\0\0\x0a\0\x0c\0\0\0\0\x1f\x90\3one\xc0\x19" // SRV: port 8080, one.local at 73
    "\xc0\x30\0\x10\x80\1\0\0\0\x0a\0\x17\3v=1\x0fid=020304050607\2x="  // TXT
    "\xc0\x49\0\1\x80\1\0\0\0\x0a\0\4\x0a\x4d\0\1";                     // A: 10.77.0.1
#define ANSWER_SIZE (sizeof answer - 1)

static mdns_name_t name(const char *text) {
    mdns_name_t result;
    assert_true(mdns_name_parse(&result, text));
    return result;
}

static void an_answer_is_read_whole(void **state) {
    (void)state;
    taken_t taken = {0};
    const mdns_name_t host = name("ONE.local");
    assert_true(mdns_read(answer, ANSWER_SIZE, take, &taken));
    assert_int_equal(taken.records, 4);
    assert_int_equal(taken.last.type, MDNS_A);
    assert_memory_equal(taken.last.address, "\x0a\x4d\0\1", 4);
    assert_true(mdns_name_equals(&taken.last.name, &host));
}

static void take_text(void *context, const mdns_record_t *record) {
    if (record->type == MDNS_TXT) {
        char value[13], *id = context;
        assert_true(mdns_text_value(record, "id", id, 13));
        assert_true(mdns_text_value(record, "X", value, sizeof value));
        assert_string_equal(value, "");
        assert_false(mdns_text_value(record, "path", value, sizeof value));
    }
}

static void values_of_a_text_are_found_by_their_key(void **state) {
    (void)state;
    char id[13] = "";
    assert_true(mdns_read(answer, ANSWER_SIZE, take_text, id));
    assert_string_equal(id, "020304050607");
}

// On the heap, so that a sanitizer sees each byte that is read beyond the end.
static bool read_copy(const uint8_t *bytes, size_t length, taken_t *taken) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    memcpy(copy, bytes, length);
    bool whole = mdns_read(copy, length, take, taken);
    free(copy);
    return whole;
}

static void an_answer_that_is_cut_is_no_answer(void **state) {
    (void)state;
    for (size_t length = 0; length < ANSWER_SIZE; length++) {
        taken_t taken = {0};
        assert_false(read_copy(answer, length, &taken));
        assert_true(taken.records < 4);
    }
}

static void every_other_byte_at_every_place_is_survived(void **state) {
    (void)state;
    uint8_t damaged[ANSWER_SIZE];
    for (size_t at = 0; at < ANSWER_SIZE; at++) {
        for (unsigned value = 0; value < 256; value++) {
            taken_t taken = {0};
            memcpy(damaged, answer, ANSWER_SIZE);
            damaged[at] = (uint8_t)value;
            read_copy(damaged, ANSWER_SIZE, &taken);
        }
    }
}

static void names_that_point_in_circles_end(void **state) {
    (void)state;
    static const uint8_t itself[] = "\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0c\0\x0c\0\1\0\0\0\x0a\0\2\xc0\x0c";
    static const uint8_t ahead[] = "\0\0\x84\0\0\0\0\1\0\0\0\0\xc0\x0e\xc0\x0c\0\1\0\0\0\x0a\0\2\xc0\x0c";
    taken_t taken = {0};
    assert_false(read_copy(itself, sizeof itself - 1, &taken));
    assert_false(read_copy(ahead, sizeof ahead - 1, &taken));
    assert_int_equal(taken.records, 0);
}

static void a_query_is_no_answer(void **state) {
    (void)state;
    taken_t taken = {0};
    mdns_message_t query;
    const mdns_name_t service = name("_ota-ws._tcp.local");
    mdns_query(&query, 7);
    assert_true(mdns_query_ask(&query, &service, MDNS_PTR));
    assert_memory_equal(query.bytes, "\0\7\0\0\0\1\0\0\0\0\0\0\7_ota-ws\4_tcp\5local\0\0\x0c\0\1", query.length);
    assert_false(mdns_read(query.bytes, query.length, take, &taken));
}

static void a_query_takes_what_it_has_space_for(void **state) {
    (void)state;
    mdns_message_t query;
    const mdns_name_t service = name("_ota-ws._tcp.local"), instance = name("lamp._ota-ws._tcp.local");
    size_t known = 0;
    mdns_query(&query, 0);
    while (mdns_query_know(&query, &service, &instance)) {
        known++;
    }
    assert_true(known > 10 && query.length <= MDNS_MESSAGE_MAX);
    query.bytes[2] = 0x84; // read as if it were an answer
    taken_t taken = {0};
    assert_true(mdns_read(query.bytes, query.length, take, &taken));
    assert_int_equal(taken.records, known);
    assert_true(mdns_name_equals(&taken.last.target, &instance));
}

static void names_that_are_none_are_refused(void **state) {
    (void)state;
    mdns_name_t result;
    char text[400], label[MDNS_LABEL_SIZE];
    assert_false(mdns_name_parse(&result, "a..b"));
    assert_false(mdns_name_parse(&result, ".a"));
    memset(text, 'a', sizeof text);
    text[64] = '\0';
    assert_false(mdns_name_parse(&result, text));
    text[63] = '\0';
    assert_true(mdns_name_parse(&result, text));
    mdns_name_label(&result, label);
    assert_string_equal(label, text);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        text[i] = i % 2 == 0 ? 'a' : '.';
    }
    text[sizeof text - 1] = '\0';
    assert_false(mdns_name_parse(&result, text));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_read_whole),
        cmocka_unit_test(values_of_a_text_are_found_by_their_key),
        cmocka_unit_test(an_answer_that_is_cut_is_no_answer),
        cmocka_unit_test(every_other_byte_at_every_place_is_survived),
        cmocka_unit_test(names_that_point_in_circles_end),
        cmocka_unit_test(a_query_is_no_answer),
        cmocka_unit_test(a_query_takes_what_it_has_space_for),
        cmocka_unit_test(names_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
