// SPDX-License-Identifier: Apache-2.0
// The ring of the last log lines: what it keeps when it is full, what it makes of bytes that are no text, damage to
// every byte, a restart between any two stores, and whose lines they are over the life of two images.
#include "testing.h"

#include "record/log_ring.h"
#include "text.h"

#define MEMORY_SIZE 512

static const uint8_t old_elf[OTA_WS_LOG_ELF_SIZE] = "old elf";
static const uint8_t new_elf[OTA_WS_LOG_ELF_SIZE] = "new elf";
static const uint8_t next_elf[OTA_WS_LOG_ELF_SIZE] = "nextelf";

typedef struct {
    _Alignas(4) uint8_t bytes[MEMORY_SIZE];
    ota_ws_log_memory_t memory; // of the image that runs
} ram_t;

static void runs(ram_t *ram, const uint8_t *elf) {
    ram->memory = (ota_ws_log_memory_t){(ota_ws_log_ring_t *)(void *)ram->bytes, MEMORY_SIZE, elf};
}

static void power_on(ram_t *ram, const uint8_t *elf) {
    memset(ram->bytes, 0xA5, sizeof ram->bytes);
    runs(ram, elf);
    assert_true(ota_ws_log_ring_start(&ram->memory));
}

static bool restarts(ram_t *ram, const uint8_t *elf) {
    runs(ram, elf);
    return ota_ws_log_ring_start(&ram->memory);
}

static void put(ram_t *ram, const char *text) {
    ota_ws_log_piece_t piece;
    ota_ws_log_piece_make(&piece, text, strlen(text));
    ota_ws_log_ring_put(ram->memory.ring, &piece);
}

// All lines, one behind the other.
static const char *lines(const ram_t *ram) {
    static char all[2 * MEMORY_SIZE];
    ota_ws_log_reader_t reader;
    ota_ws_log_piece_t piece;
    all[0] = '\0';
    if (ota_ws_log_ring_owner(&ram->memory) != NULL) {
        ota_ws_log_reader_init(&reader, ram->memory.ring);
        while (ota_ws_log_reader_next(&reader, &piece)) {
            strcat(all, piece.text);
        }
    }
    return all;
}

// ---- pieces ----

static const char *made(const char *text, size_t length) {
    static ota_ws_log_piece_t piece;
    ota_ws_log_piece_make(&piece, text, length);
    piece.text[piece.length] = '\0';
    return piece.text;
}

static void a_piece_is_text(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"I (12) app: up\n", "I (12) app: up\n"},
        {"\033[0;32mI (12) app: up\033[0m\n", "I (12) app: up\n"},
        {"\033[0m", ""},
        {"\033[", ""},
        {"\033", ""},
        {"a\033[1", "a"},
        {"a\tb\r\n\x7f", "ab\n"},
        {"\xd0\x94\xd0\xb0", "\xd0\x94\xd0\xb0"},
        {"a\xd0", "a"},
        {"a\xd0(", "a?"},
        {"\xff\xfe", "??"},
        {"\xc0\x80", "??"},
        {"\xed\xa0\x80", "??"},
        {"\xf0\x9f\x94\xa5!", "\xf0\x9f\x94\xa5!"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_string_equal(made(cases[i][0], strlen(cases[i][0])), cases[i][1]);
    }
}

static void each_made_piece_is_utf8(void **state) {
    (void)state;
    unsigned random = 1;
    for (int run = 0; run < 20000; run++) {
        char bytes[200];
        for (size_t i = 0; i < sizeof bytes; i++) {
            random = random * 1103515245 + 12345;
            bytes[i] = (char)(random >> 16);
        }
        const char *text = made(bytes, (random >> 8) % sizeof bytes);
        ota_ws_utf8_t utf8 = {0};
        for (const char *at = text; *at != '\0'; at++) {
            assert_true(ota_ws_utf8_take(&utf8, (uint8_t)*at));
            assert_true((uint8_t)*at >= ' ' || *at == '\n');
        }
        assert_int_equal(utf8.missing, 0);
        assert_true(strlen(text) <= OTA_WS_LOG_PIECE_SIZE);
    }
}

static void a_long_line_is_cut(void **state) {
    (void)state;
    char line[300];
    memset(line, 'x', sizeof line);
    assert_int_equal(strlen(made(line, sizeof line)), OTA_WS_LOG_PIECE_SIZE);
    memset(line, '\xd0', sizeof line); // a cut in the middle of a character
    for (size_t i = 0; i < sizeof line / 2; i++) {
        line[2 * i + 1] = '\xb0';
    }
    assert_int_equal(strlen(made(line + 1, sizeof line - 1)) % 2, 1);
}

// ---- the ring ----

static void lines_come_back_in_their_order(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    assert_string_equal(lines(&ram), "");
    put(&ram, "one\n");
    put(&ram, "two\n");
    assert_string_equal(lines(&ram), "one\ntwo\n");
}

static void a_full_ring_keeps_the_newest_lines(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    for (int i = 0; i < 3000; i++) {
        char line[OTA_WS_LOG_PIECE_SIZE + 1] = "";
        snprintf(line, sizeof line, "%d%.*s\n", i, i * 7 % 100,
                 "....................................................."
                 ".....................................................");
        put(&ram, line);
        const char *all = lines(&ram);
        size_t length = strlen(all);
        assert_true(length >= strlen(line) && strcmp(all + length - strlen(line), line) == 0);
        if (i > 100) {
            assert_true(length > MEMORY_SIZE - sizeof(ota_ws_log_ring_t) - 260);
        }
    }
}

static void each_damaged_byte_is_noticed(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    put(&ram, "one\n");
    put(&ram, "two\n");
    for (size_t at = 0; at < sizeof(ota_ws_log_ring_t) + 14; at++) {
        for (int bit = 0; bit < 8; bit++) {
            ram_t hurt = ram;
            hurt.bytes[at] ^= (uint8_t)(1 << bit);
            runs(&hurt, new_elf);
            const char *all = lines(&hurt);
            bool is_one = strcmp(all, "one\n") == 0 || strcmp(all, "two\n") == 0;
            bool is_whole = is_one || strcmp(all, "") == 0 || strcmp(all, "one\ntwo\n") == 0; // as it was, or less
            bool is_magic = at < 4; // one bit away is another state of the same ring
            assert_true(is_magic || is_whole);
        }
    }
}

static void anything_may_lie_in_the_memory(void **state) {
    (void)state;
    unsigned random = 1;
    for (int run = 0; run < 20000; run++) {
        ram_t ram;
        power_on(&ram, old_elf);
        for (int i = 0; i < 9; i++) {
            put(&ram, "a line\n");
        }
        for (size_t i = run % 2 == 0 ? sizeof(ota_ws_log_ring_t) - 4 : sizeof(ota_ws_log_ring_t); i < MEMORY_SIZE;
             i++) {
            random = random * 1103515245 + 12345;
            ram.bytes[i] = (uint8_t)(random >> 16);
        }
        (void)lines(&ram);
        if (restarts(&ram, old_elf)) {
            put(&ram, "the next\n"); // finds its way through damaged lengths
            put(&ram, "and the last\n");
        }
        (void)lines(&ram);
    }
}

// Only what is stored before the positions counts; the positions are one store.
static void a_restart_within_a_write_costs_old_lines_only(void **state) {
    (void)state;
    ram_t before, after;
    power_on(&before, new_elf);
    for (int i = 0; i < 40; i++) {
        char line[32];
        snprintf(line, sizeof line, "line %d\n", i);
        put(&before, line);
    }
    after = before;
    runs(&after, new_elf);
    put(&after, "the one that is cut off, longer than the others\n");
    const size_t head = sizeof(ota_ws_log_ring_t);
    // First the oldest lines are left out, then bytes change, one after the other.
    ram_t torn = before;
    torn.memory.ring = (ota_ws_log_ring_t *)(void *)torn.bytes;
    torn.memory.ring->positions =
        (after.memory.ring->positions & 0xFFFF0000u) | (before.memory.ring->positions & 0xFFFF);
    for (size_t at = head; at <= MEMORY_SIZE; at++) {
        const char *all = lines(&torn);
        assert_non_null(strstr(all, "line 39\n"));
        assert_null(strstr(all, "cut off"));
        assert_true(strncmp(all, "line ", 5) == 0);
        if (at < MEMORY_SIZE) {
            torn.bytes[at] = after.bytes[at];
        }
    }
    assert_non_null(strstr(lines(&after), "cut off"));
}

// ---- whose lines they are ----

static void a_failed_image_leaves_its_lines(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, old_elf);
    put(&ram, "old\n");
    ota_ws_log_ring_settle(&ram.memory, false, NULL);
    assert_null(ota_ws_log_ring_owner(&ram.memory));
    assert_false(ota_ws_log_ring_is_open(ram.memory.ring));

    assert_true(restarts(&ram, new_elf));
    put(&ram, "new\n");
    ota_ws_log_ring_settle(&ram.memory, true, NULL);
    put(&ram, "crash\n");
    assert_true(ota_ws_log_ring_is_open(ram.memory.ring));

    for (int start = 0; start < 3; start++) {
        assert_false(restarts(&ram, old_elf));
        assert_false(ota_ws_log_ring_is_open(ram.memory.ring));
        ota_ws_log_ring_settle(&ram.memory, false, new_elf);
        assert_memory_equal(ota_ws_log_ring_owner(&ram.memory), new_elf, sizeof new_elf);
        assert_string_equal(lines(&ram), "new\ncrash\n");
    }
}

static void the_next_image_logs_from_its_first_line(void **state) {
    (void)state;
    static const uint8_t *const nexts[] = {next_elf, new_elf};
    for (size_t i = 0; i < COUNT_OF(nexts); i++) { // another one, and the same once more
        ram_t ram;
        power_on(&ram, new_elf);
        put(&ram, "crash\n");
        restarts(&ram, old_elf);
        ota_ws_log_ring_settle(&ram.memory, false, new_elf);
        assert_true(restarts(&ram, nexts[i]));
        assert_string_equal(lines(&ram), "");
        put(&ram, "first\n");
        ota_ws_log_ring_settle(&ram.memory, true, NULL);
        assert_string_equal(lines(&ram), "first\n");
    }
}

static void lines_of_a_wrong_image_go(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    put(&ram, "crash\n");
    restarts(&ram, old_elf);
    ota_ws_log_ring_settle(&ram.memory, false, next_elf); // what has failed is another one
    assert_null(ota_ws_log_ring_owner(&ram.memory));
}

static void a_confirmed_image_leaves_none(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    put(&ram, "start\n");
    ota_ws_log_ring_settle(&ram.memory, true, NULL);
    ota_ws_log_ring_settle(&ram.memory, false, NULL);
    assert_null(ota_ws_log_ring_owner(&ram.memory));
    assert_false(ota_ws_log_ring_is_open(ram.memory.ring));
}

static void a_second_start_of_a_trial_goes_on(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    put(&ram, "first start\n");
    ota_ws_log_ring_settle(&ram.memory, true, NULL);
    assert_true(restarts(&ram, new_elf)); // where the bootloader does not watch over the trial
    put(&ram, "second start\n");
    assert_string_equal(lines(&ram), "first start\nsecond start\n");
}

static void a_trial_takes_the_lines_of_others(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    put(&ram, "crash\n");
    assert_false(restarts(&ram, next_elf)); // nobody has looked at them so far
    ota_ws_log_ring_settle(&ram.memory, true, NULL);
    assert_true(ota_ws_log_ring_is_open(ram.memory.ring));
    assert_string_equal(lines(&ram), "");
    assert_memory_equal(ota_ws_log_ring_owner(&ram.memory), next_elf, sizeof next_elf);
}

static void a_ring_of_another_size_is_read_by_its_own(void **state) {
    (void)state;
    ram_t ram;
    power_on(&ram, new_elf);
    ram.memory.size = OTA_WS_LOG_RING_MIN;
    ota_ws_log_ring_settle(&ram.memory, true, NULL);
    ram.memory.ring->magic = 0;
    assert_true(ota_ws_log_ring_start(&ram.memory));
    for (int i = 0; i < 100; i++) {
        put(&ram, "a line of the small ring\n");
    }
    restarts(&ram, old_elf);
    ota_ws_log_ring_settle(&ram.memory, false, new_elf);
    assert_non_null(strstr(lines(&ram), "a line of the small ring\n"));

    ram.memory.size = OTA_WS_LOG_RING_MIN - 1; // a ring that is longer than the memory
    assert_null(ota_ws_log_ring_owner(&ram.memory));
}

// ---- at another place ----

static void a_ring_is_found_where_another_image_had_it(void **state) {
    (void)state;
    static _Alignas(4) uint8_t space[4096];
    static const size_t places[][2] = {{0, 100}, {100, 0}, {0, 2000}, {3000, 40}, {200, 200}};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        memset(space, 0, sizeof space);
        ota_ws_log_memory_t old = {(ota_ws_log_ring_t *)(void *)(space + places[i][0]), MEMORY_SIZE, old_elf};
        ota_ws_log_memory_t new = {(ota_ws_log_ring_t *)(void *)(space + places[i][1]), MEMORY_SIZE, new_elf};
        ram_t ram;
        for (int round = 0; round < 3; round++) { // what is left of the rounds before is older
            ota_ws_log_ring_fetch(&old, space, space + sizeof space);
            (void)ota_ws_log_ring_start(&old);
            ota_ws_log_ring_settle(&old, false, NULL);
            assert_null(ota_ws_log_ring_owner(&old));

            ota_ws_log_ring_fetch(&new, space, space + sizeof space);
            assert_true(ota_ws_log_ring_start(&new));
            ram.memory = new;
            char line[32];
            snprintf(line, sizeof line, "round %d\n", round);
            put(&ram, line);
            ota_ws_log_ring_settle(&new, true, NULL);

            for (int start = 0; start < 2; start++) {
                ota_ws_log_ring_fetch(&old, space, space + sizeof space);
                assert_false(ota_ws_log_ring_start(&old));
                ota_ws_log_ring_settle(&old, false, new_elf);
                ram.memory = old;
                assert_string_equal(lines(&ram), line);
            }
        }
    }
}

static void no_ring_is_found_in_other_bytes(void **state) {
    (void)state;
    static _Alignas(4) uint8_t space[4096];
    ram_t ram;
    unsigned random = 1;
    for (size_t i = 0; i < sizeof space; i++) {
        random = random * 1103515245 + 12345;
        space[i] = (uint8_t)(random >> 16);
    }
    memcpy(space + sizeof space - 8, "GLWO", 4); // a magic at the end
    power_on(&ram, old_elf);
    ota_ws_log_ring_settle(&ram.memory, false, NULL);
    ram_t before = ram;
    ota_ws_log_ring_fetch(&ram.memory, space, space + sizeof space);
    assert_memory_equal(ram.bytes, before.bytes, sizeof ram.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_piece_is_text),
        cmocka_unit_test(each_made_piece_is_utf8),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(lines_come_back_in_their_order),
        cmocka_unit_test(a_full_ring_keeps_the_newest_lines),
        cmocka_unit_test(each_damaged_byte_is_noticed),
        cmocka_unit_test(anything_may_lie_in_the_memory),
        cmocka_unit_test(a_restart_within_a_write_costs_old_lines_only),
        cmocka_unit_test(a_failed_image_leaves_its_lines),
        cmocka_unit_test(the_next_image_logs_from_its_first_line),
        cmocka_unit_test(lines_of_a_wrong_image_go),
        cmocka_unit_test(a_confirmed_image_leaves_none),
        cmocka_unit_test(a_second_start_of_a_trial_goes_on),
        cmocka_unit_test(a_trial_takes_the_lines_of_others),
        cmocka_unit_test(a_ring_of_another_size_is_read_by_its_own),
        cmocka_unit_test(a_ring_is_found_where_another_image_had_it),
        cmocka_unit_test(no_ring_is_found_in_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
