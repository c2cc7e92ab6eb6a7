// SPDX-License-Identifier: Apache-2.0
// The policy: which image may be written to which device, and the values that a refusal names.
#include "testing.h"

#include "built_features.h"

#include "image/policy.h"

typedef struct {
    ota_ws_policy_t policy;
    ota_ws_identity_t device;
    ota_ws_upload_request_t request;
    ota_ws_image_header_t header;
    ota_ws_image_description_t description;
    ota_ws_failure_t failure;
} ota_case_t;

// An image that fits.
static ota_case_t fitting(void) {
    ota_case_t it;
    memset(&it, 0, sizeof it);
    it.policy = (ota_ws_policy_t){.check_project = true, .check_version = true};
    it.device.chip_id = it.header.chip_id = 0x0005;
    it.device.chip_revision = 101;
    strcpy(it.device.running.project, "demo");
    strcpy(it.device.running.version, "1.0.0");
    strcpy(it.description.project, "demo");
    strcpy(it.description.version, "1.1.0");
    memset(&it.failure, 0xAA, sizeof it.failure);
    return it;
}

static ota_ws_status_t decide(ota_case_t *it) {
    ota_ws_policy_decide(&it->policy, &it->device, &it->request, &it->header, &it->description, &it->failure);
    return it->failure.status;
}

static void an_image_that_fits_is_allowed(void **state) {
    (void)state;
    ota_case_t it = fitting();
    assert_int_equal(decide(&it), OTA_WS_OK);
    assert_string_equal(it.failure.image, "");
    assert_string_equal(it.failure.device, "");
}

static void another_chip_is_refused_by_both_names(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.header.chip_id = 0x0009;
    assert_int_equal(decide(&it), OTA_WS_WRONG_CHIP);
    assert_string_equal(it.failure.image, "ESP32-S3");
    assert_string_equal(it.failure.device, "ESP32-C3");
}

static void a_chip_without_a_name_is_refused_by_its_number(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.header.chip_id = 0xFFFE;
    assert_int_equal(decide(&it), OTA_WS_WRONG_CHIP);
    assert_non_null(strstr(it.failure.image, "65534"));
}

static void assert_revision(uint16_t device, uint16_t min, uint16_t max, bool allowed) {
    ota_case_t it = fitting();
    it.device.chip_revision = device;
    it.header.min_revision = min;
    it.header.max_revision = max;
    assert_int_equal(decide(&it), allowed ? OTA_WS_OK : OTA_WS_WRONG_REVISION);
}

static void the_revision_must_lie_within_the_images_limits(void **state) {
    (void)state;
    assert_revision(101, 101, 101, true);
    assert_revision(100, 101, 199, false);
    assert_revision(200, 101, 199, false);
    assert_revision(199, 101, 199, true);
    assert_revision(0, 0, 99, true);
    assert_revision(0, 1, 99, false);
}

static void a_highest_revision_of_0_or_65535_is_no_limit(void **state) {
    (void)state;
    assert_revision(399, 0, 0, true);
    assert_revision(399, 0, 65535, true);
    assert_revision(399, 300, 0, true);
    assert_revision(299, 300, 65535, false);
}

static void a_refused_revision_is_named_as_people_write_it(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.header.min_revision = 301;
    it.header.max_revision = 65535;
    assert_int_equal(decide(&it), OTA_WS_WRONG_REVISION);
    assert_non_null(strstr(it.failure.image, "3.1"));
    assert_string_equal(it.failure.device, "1.1");
    it.header.max_revision = 65534; // the longest text that there is
    it.header.min_revision = 65533;
    assert_int_equal(decide(&it), OTA_WS_WRONG_REVISION);
    assert_non_null(strstr(it.failure.image, "655.34"));
}

static void assert_efuse(uint16_t device, uint16_t min, uint16_t max, bool allowed) {
    ota_case_t it = fitting();
    it.device.checks_efuse = true;
    it.device.efuse_revision = device;
    it.description.min_efuse_revision = min;
    it.description.max_efuse_revision = max;
    assert_int_equal(decide(&it), allowed ? OTA_WS_OK : OTA_WS_WRONG_EFUSE_REVISION);
    it.device.checks_efuse = false;
    assert_int_equal(decide(&it), OTA_WS_OK);
}

static void the_efuse_block_must_lie_within_the_images_limits(void **state) {
    (void)state;
    assert_efuse(103, 103, 199, true);
    assert_efuse(102, 103, 199, false);
    assert_efuse(200, 0, 199, false);
    assert_efuse(200, 0, 0, true);
    assert_efuse(200, 0, 65535, true);
    assert_efuse(0, 65535, 0, true); // not set
    assert_efuse(0, 1, 0, false);
}

static void a_refused_efuse_block_is_named_as_people_write_it(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.device.checks_efuse = true;
    it.device.efuse_revision = 203;
    it.description.min_efuse_revision = 100;
    it.description.max_efuse_revision = 199;
    assert_int_equal(decide(&it), OTA_WS_WRONG_EFUSE_REVISION);
    assert_string_equal(it.failure.image, "1.0 to 1.99");
    assert_string_equal(it.failure.device, "2.3");
    it.device.any_efuse_maximum = true;
    assert_int_equal(decide(&it), OTA_WS_OK);
    it.device.efuse_revision = 3;
    assert_int_equal(decide(&it), OTA_WS_WRONG_EFUSE_REVISION);
    assert_string_equal(it.failure.image, "1.0 or later");
}

static void an_image_for_other_flash_pages_is_refused(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.description.mmu_page_bits = 15;
    assert_int_equal(decide(&it), OTA_WS_OK); // the device takes any
    it.device.mmu_page_bits = 16;
    assert_int_equal(decide(&it), OTA_WS_WRONG_MMU_PAGE_SIZE);
    assert_string_equal(it.failure.image, "32 KB");
    assert_string_equal(it.failure.device, "64 KB");
    it.description.mmu_page_bits = 16;
    assert_int_equal(decide(&it), OTA_WS_OK);
    it.description.mmu_page_bits = 0; // older ESP-IDF did not say it
    assert_int_equal(decide(&it), OTA_WS_OK);
    it.description.mmu_page_bits = 31;
    assert_int_equal(decide(&it), OTA_WS_WRONG_MMU_PAGE_SIZE);
    assert_string_equal(it.failure.image, "2097152 KB");
}

static void another_project_is_refused_unless_the_policy_lets_it_pass(void **state) {
    (void)state;
    ota_case_t it = fitting();
    strcpy(it.description.project, "demo2");
    assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
    assert_string_equal(it.failure.image, "demo2");
    assert_string_equal(it.failure.device, "demo");
    it.policy.check_project = false;
    assert_int_equal(decide(&it), OTA_WS_OK);
}

static void the_name_of_a_build_tool_neither_proves_nor_refuses(void **state) {
    (void)state;
    static const char *const names[] = {"arduino-lib-builder", "libespidf"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        ota_case_t it = fitting();
        assert_true(ota_ws_policy_is_tool_name(names[i]));
        strcpy(it.description.project, names[i]);
        assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT); // the device has a name of its own
        strcpy(it.device.running.project, names[i]);
        assert_int_equal(decide(&it), OTA_WS_OK);
        strcpy(it.description.project, names[1 - i]);
        assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
    }
    assert_false(ota_ws_policy_is_tool_name("demo"));
    assert_false(ota_ws_policy_is_tool_name("arduino-lib-builder2"));
    assert_false(ota_ws_policy_is_tool_name(""));
}

static void a_prefix_of_the_projects_name_is_another_project(void **state) {
    (void)state;
    ota_case_t it = fitting();
    strcpy(it.description.project, "dem");
    assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
    strcpy(it.description.project, "");
    assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
    strcpy(it.description.project, "Demo");
    assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
}

static void a_lower_version_is_refused_unless_allowed(void **state) {
    (void)state;
    ota_case_t it = fitting();
    strcpy(it.description.version, "0.9.9");
    assert_int_equal(decide(&it), OTA_WS_OLDER_VERSION);
    assert_string_equal(it.failure.image, "0.9.9");
    assert_string_equal(it.failure.device, "1.0.0");
    it.request.allow_downgrade = true;
    assert_int_equal(decide(&it), OTA_WS_OK);
    it.request.allow_downgrade = false;
    it.policy.check_version = false;
    assert_int_equal(decide(&it), OTA_WS_OK);
}

static void the_same_version_and_what_cannot_be_compared_are_allowed(void **state) {
    (void)state;
    ota_case_t it = fitting();
    strcpy(it.description.version, "1.0.0");
    assert_int_equal(decide(&it), OTA_WS_OK);
    strcpy(it.description.version, "build-77");
    assert_int_equal(decide(&it), OTA_WS_OK);
}

static void a_lower_secure_version_is_refused_whatever_is_allowed(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.policy = (ota_ws_policy_t){false, false};
    it.request.allow_downgrade = true;
    it.device.secure_version = 4;
    it.description.secure_version = 3;
    assert_int_equal(decide(&it), OTA_WS_OLDER_SECURE_VERSION);
    assert_string_equal(it.failure.image, "3");
    assert_string_equal(it.failure.device, "4");
    it.description.secure_version = 4;
    assert_int_equal(decide(&it), OTA_WS_OK);
    it.description.secure_version = UINT32_MAX;
    assert_int_equal(decide(&it), OTA_WS_OK);
}

static void the_longest_names_fit_into_a_failure(void **state) {
    (void)state;
    ota_case_t it = fitting();
    memset(it.description.project, 'p', 32);
    memset(it.device.running.project, 'q', 32);
    assert_int_equal(decide(&it), OTA_WS_WRONG_PROJECT);
    assert_int_equal(strlen(it.failure.image), 32);
    assert_int_equal(strlen(it.failure.device), 32);
}

// The chip is the reason that helps most, whatever else is wrong too.
static void the_chip_is_judged_first(void **state) {
    (void)state;
    ota_case_t it = fitting();
    it.header.chip_id = 0;
    it.header.min_revision = 999;
    it.device.secure_version = 9;
    strcpy(it.description.project, "other");
    strcpy(it.description.version, "0.1.0");
    assert_int_equal(decide(&it), OTA_WS_WRONG_CHIP);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_that_fits_is_allowed),
        cmocka_unit_test(another_chip_is_refused_by_both_names),
        cmocka_unit_test(a_chip_without_a_name_is_refused_by_its_number),
        cmocka_unit_test(the_revision_must_lie_within_the_images_limits),
        cmocka_unit_test(a_highest_revision_of_0_or_65535_is_no_limit),
        cmocka_unit_test(a_refused_revision_is_named_as_people_write_it),
        cmocka_unit_test(the_efuse_block_must_lie_within_the_images_limits),
        cmocka_unit_test(a_refused_efuse_block_is_named_as_people_write_it),
        cmocka_unit_test(an_image_for_other_flash_pages_is_refused),
        cmocka_unit_test(another_project_is_refused_unless_the_policy_lets_it_pass),
        cmocka_unit_test(the_name_of_a_build_tool_neither_proves_nor_refuses),
        cmocka_unit_test(a_prefix_of_the_projects_name_is_another_project),
        unit_test_of(version_order, a_lower_version_is_refused_unless_allowed),
        cmocka_unit_test(the_same_version_and_what_cannot_be_compared_are_allowed),
        cmocka_unit_test(a_lower_secure_version_is_refused_whatever_is_allowed),
        cmocka_unit_test(the_longest_names_fit_into_a_failure),
        cmocka_unit_test(the_chip_is_judged_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
