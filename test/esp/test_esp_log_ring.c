// SPDX-License-Identifier: Apache-2.0
// esp/log_keeper.c and esp/core_dump.c over faked declarations of ESP-IDF: what the log prints comes into the ring and
// to the function that was set before, whoever has set one and whenever; interrupts leave nothing; a core dump becomes
// what the core wants, and its memory is given back.
#define FAKES
#include "testing.h"

#include <pthread.h>

#include "core_dump.h"
#include "idf.h"
#include "log_keeper.h"

static vprintf_like_t set; // what ESP-IDF's log calls
static char printed[4096], application[4096];
static bool in_interrupt;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int to_console(const char *format, va_list arguments) {
    char text[400];
    vsnprintf(text, sizeof text, format, arguments);
    strncat(printed, text, sizeof printed - strlen(printed) - 1);
    return 7;
}

vprintf_like_t esp_log_set_vprintf(vprintf_like_t function) {
    vprintf_like_t before = set != NULL ? set : to_console;
    set = function;
    return before;
}

BaseType_t xPortInIsrContext(void) {
    return in_interrupt;
}

void portENTER_CRITICAL(portMUX_TYPE *lock) {
    (void)lock;
    pthread_mutex_lock(&mutex);
}

void portEXIT_CRITICAL(portMUX_TYPE *lock) {
    (void)lock;
    pthread_mutex_unlock(&mutex);
}

const esp_app_desc_t *esp_app_get_description(void) {
    static const esp_app_desc_t description = {.app_elf_sha256 = "the running image"};
    return &description;
}

__attribute__((format(printf, 1, 2))) static int esp_log(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int result = set(format, arguments);
    va_end(arguments);
    return result;
}

static const char *lines(void) {
    static char all[4096];
    ota_ws_log_reader_t reader;
    ota_ws_log_piece_t piece;
    all[0] = '\0';
    ota_ws_log_reader_init(&reader, ota_ws_chip_log(NULL)->ring);
    while (ota_ws_log_reader_next(&reader, &piece)) {
        strcat(all, piece.text);
    }
    return all;
}

// Everything as at a start of the image: before main(), the ring has begun.
static int begin(void **state) {
    (void)state;
    const ota_ws_log_memory_t *memory = ota_ws_chip_log(NULL);
    memset(memory->ring, 0, memory->size);
    (void)ota_ws_log_ring_start(memory);
    printed[0] = application[0] = '\0';
    in_interrupt = false;
    return 0;
}

static void what_is_logged_is_printed_and_kept(void **state) {
    (void)state;
    assert_int_equal(esp_log("\033[0;32mI (%d) %s: up\033[0m\n", 12, "app"), 7);
    assert_string_equal(printed, "\033[0;32mI (12) app: up\033[0m\n");
    assert_string_equal(lines(), "I (12) app: up\n");
}

static void a_long_line_is_kept_in_part(void **state) {
    (void)state;
    char text[300];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    esp_log("%s\n", text);
    assert_int_equal(strlen(printed), sizeof text);
    assert_int_equal(strlen(lines()), OTA_WS_LOG_PIECE_SIZE);
    esp_log("%s", "");
    assert_int_equal(strlen(lines()), OTA_WS_LOG_PIECE_SIZE);
}

static void an_interrupt_leaves_nothing(void **state) {
    (void)state;
    in_interrupt = true;
    esp_log("from an interrupt\n");
    assert_string_equal(printed, "from an interrupt\n");
    assert_string_equal(lines(), "");
}

static void a_closed_ring_costs_nothing_and_prints(void **state) {
    (void)state;
    ota_ws_log_ring_settle(ota_ws_chip_log(NULL), false, NULL);
    esp_log("confirmed\n");
    assert_string_equal(printed, "confirmed\n");
    assert_null(ota_ws_log_ring_owner(ota_ws_chip_log(NULL)));
}

// ---- an application's own function ----

static vprintf_like_t passes_to;

static int own(const char *format, va_list arguments) {
    char text[400];
    va_list copy;
    va_copy(copy, arguments);
    vsnprintf(text, sizeof text, format, copy);
    va_end(copy);
    strncat(application, text, sizeof application - strlen(application) - 1);
    return passes_to != NULL ? passes_to(format, arguments) : 9;
}

static void nobody_between_start_and_registration(void **state) {
    (void)state;
    vprintf_like_t before = set;
    ota_ws_chip_log_join();
    ota_ws_chip_log_join();
    assert_ptr_equal(set, before);
    esp_log("one\n");
    assert_string_equal(lines(), "one\n");
    assert_string_equal(printed, "one\n");
}

static void an_application_that_passes_on(void **state) {
    (void)state;
    passes_to = esp_log_set_vprintf(own);
    esp_log("early\n");
    assert_string_equal(lines(), "early\n");
    ota_ws_chip_log_join();
    ota_ws_chip_log_join();
    esp_log("late\n");
    assert_string_equal(lines(), "early\nlate\n"); // once each
    assert_string_equal(application, "early\nlate\n");
    assert_string_equal(printed, "early\nlate\n");
}

// Comes after the test before: there the application's function has been joined.
static void an_application_that_passes_nothing_on(void **state) {
    (void)state;
    passes_to = NULL;
    assert_int_equal(esp_log("alone\n"), 9);
    assert_string_equal(lines(), "alone\n");
    assert_string_equal(application, "alone\n");
    assert_string_equal(printed, "");
}

// ---- the core dump ----

static esp_core_dump_summary_t summary;
static esp_err_t check, read_summary, read_reason;
static int allocations;
static bool no_memory;

void *fake_calloc(size_t count, size_t size) {
    allocations += !no_memory;
    return no_memory ? NULL : calloc(count, size);
}

void *fake_malloc(size_t size) {
    return fake_calloc(1, size);
}

esp_err_t esp_core_dump_image_check(void) {
    return check;
}

esp_err_t esp_core_dump_get_summary(esp_core_dump_summary_t *to) {
    *to = summary;
    return read_summary;
}

esp_err_t esp_core_dump_get_panic_reason(char *reason, size_t size) {
    if (read_reason == ESP_OK) {
        snprintf(reason, size, "abort() was called at PC 0x42008a3c on core 0");
    }
    return read_reason;
}

static int begin_dump(void **state) {
    (void)state;
    memset(&summary, 0, sizeof summary);
    strcpy(summary.exc_task, "httpd");
    strcpy((char *)summary.app_elf_sha256, "c13ecabde");
    summary.exc_pc = 0x42008a3c;
#if CONFIG_IDF_TARGET_ARCH_RISCV
    summary.ex_info.mcause = 5;
    summary.ex_info.mtval = 8;
    summary.ex_info.ra = 0x42008a10;
    summary.exc_bt_info.dump_size = 1024;
    summary.exc_bt_info.stackdump[1023] = 0x77;
#else
    summary.ex_info.exc_cause = 5;
    summary.ex_info.exc_vaddr = 8;
    summary.exc_bt_info.depth = 3;
    summary.exc_bt_info.bt[0] = 0x42008a3c;
    summary.exc_bt_info.bt[1] = 0x42008a10;
    summary.exc_bt_info.bt[2] = 0x4200123e;
#endif
    check = read_summary = read_reason = ESP_OK;
    allocations = 0;
    no_memory = false;
    return 0;
}

static void a_summary_becomes_what_the_core_wants(void **state) {
    (void)state;
    ota_ws_core_dump_t core = {0};
    assert_true(ota_ws_chip_open_core(NULL, &core));
    assert_string_equal(core.task, "httpd");
    assert_string_equal(core.elf, "c13ecabde");
    assert_string_equal(core.reason, "abort() was called at PC 0x42008a3c on core 0");
    assert_int_equal(core.pc, 0x42008a3c);
    assert_int_equal(core.cause, 5);
    assert_int_equal(core.address, 8);
    assert_int_equal(core.calls[0], 0x42008a10);
#if CONFIG_IDF_TARGET_ARCH_RISCV
    assert_int_equal(core.call_count, 1);
    assert_int_equal(core.stack_size, 1024);
    assert_int_equal(core.stack[1023], 0x77);
#else
    assert_int_equal(core.call_count, 2);
    assert_int_equal(core.calls[1], 0x4200123e);
    assert_int_equal(core.stack_size, 0);
#endif
    ota_ws_chip_close_core(NULL, &core);
    assert_int_equal(allocations, 1);
}

static void a_dump_that_is_damaged_or_strange(void **state) {
    (void)state;
    ota_ws_core_dump_t core = {0};
    check = ESP_ERR_NOT_FOUND;
    assert_false(ota_ws_chip_open_core(NULL, &core));
    assert_int_equal(allocations, 0);
    check = ESP_OK;
    read_summary = ESP_FAIL;
    assert_false(ota_ws_chip_open_core(NULL, &core));
    no_memory = true;
    assert_false(ota_ws_chip_open_core(NULL, &core));
    no_memory = false;
    read_summary = ESP_OK;
    read_reason = ESP_ERR_NOT_FOUND;
#if CONFIG_IDF_TARGET_ARCH_RISCV
    summary.exc_bt_info.dump_size = 4000; // more than there is
#else
    summary.exc_bt_info.depth = 4000;
#endif
    assert_true(ota_ws_chip_open_core(NULL, &core));
    assert_string_equal(core.reason, "");
    assert_true(core.stack_size <= 1024 && core.call_count <= OTA_WS_CORE_CALLS);
    ota_ws_chip_close_core(NULL, &core);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_logged_is_printed_and_kept, begin),
        cmocka_unit_test_setup(a_long_line_is_kept_in_part, begin),
        cmocka_unit_test_setup(an_interrupt_leaves_nothing, begin),
        cmocka_unit_test_setup(a_closed_ring_costs_nothing_and_prints, begin),
        cmocka_unit_test_setup(nobody_between_start_and_registration, begin),
        cmocka_unit_test_setup(an_application_that_passes_on, begin),
        cmocka_unit_test_setup(an_application_that_passes_nothing_on, begin),
        cmocka_unit_test_setup(a_summary_becomes_what_the_core_wants, begin_dump),
        cmocka_unit_test_setup(a_dump_that_is_damaged_or_strange, begin_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
