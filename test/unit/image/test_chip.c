// SPDX-License-Identifier: Apache-2.0
// The chip table, against the ids of ESP-IDF's esp_chip_id_t and of esptool.
#include "testing.h"

#include "image/chip.h"

static const struct {
    uint16_t id;
    const char *name;
    const char *target; // what idf.py set-target takes
} chips[] = {
    {0x0000, "ESP32", "esp32"},        {0x0002, "ESP32-S2", "esp32s2"},   {0x0005, "ESP32-C3", "esp32c3"},
    {0x0009, "ESP32-S3", "esp32s3"},   {0x000C, "ESP32-C2", "esp32c2"},   {0x000D, "ESP32-C6", "esp32c6"},
    {0x0010, "ESP32-H2", "esp32h2"},   {0x0012, "ESP32-P4", "esp32p4"},   {0x0014, "ESP32-C61", "esp32c61"},
    {0x0017, "ESP32-C5", "esp32c5"},   {0x0019, "ESP32-H21", "esp32h21"}, {0x001C, "ESP32-H4", "esp32h4"},
    {0x001F, "ESP32-E22", "esp32e22"}, {0x0020, "ESP32-S31", "esp32s31"},
};

static void every_chip_has_its_id_and_name(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(chips); i++) {
        assert_string_equal(ota_ws_chip_name(chips[i].id), chips[i].name);
        assert_int_equal(ota_ws_chip_id(chips[i].name), chips[i].id);
        assert_int_equal(ota_ws_chip_id(chips[i].target), chips[i].id);
    }
}

static void no_other_id_has_a_name(void **state) {
    (void)state;
    size_t named = 0;
    for (uint32_t id = 0; id <= UINT16_MAX; id++) {
        named += ota_ws_chip_name((uint16_t)id) != NULL;
    }
    assert_int_equal(named, COUNT_OF(chips));
}

static void names_that_are_only_nearly_right_are_no_chips(void **state) {
    (void)state;
    static const char *const wrong[] = {"",         "-",        "esp", "esp3",    "esp32c", "esp32c33",
                                        "esp32 c3", "esp32_c3", "c3",  "esp8266", "xesp32", "esp32c3x"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(ota_ws_chip_id(wrong[i]), -1);
    }
}

static void case_and_hyphens_do_not_matter(void **state) {
    (void)state;
    assert_int_equal(ota_ws_chip_id("Esp32-c3"), 5);
    assert_int_equal(ota_ws_chip_id("ESP32C3"), 5);
    assert_int_equal(ota_ws_chip_id("esp-32-c61"), 0x14);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chip_has_its_id_and_name),
        cmocka_unit_test(no_other_id_has_a_name),
        cmocka_unit_test(names_that_are_only_nearly_right_are_no_chips),
        cmocka_unit_test(case_and_hyphens_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
