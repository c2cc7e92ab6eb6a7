// SPDX-License-Identifier: Apache-2.0
#include "nor_model.h"

#include "testing.h"

#define OLD_BYTE 0x5A

// Records it; OTA_WS_OK, or what the test has ordered.
static ota_ws_status_t record(nor_model_t *nor, nor_kind_t kind, uint32_t offset, uint32_t length) {
    assert_true(nor->count < NOR_OPERATIONS_MAX);
    nor->operations[nor->count++] = (nor_operation_t){kind, offset, length};
    if (kind != nor->failing || nor->fail_after < 0) {
        return OTA_WS_OK;
    }
    return nor->fail_after-- > 0 ? OTA_WS_OK : (nor->fail_after = 0, nor->status);
}

static uint32_t slot_size(void *context) {
    return ((nor_model_t *)context)->size;
}

static ota_ws_status_t open_slot(void *context, uint32_t image_size) {
    nor_model_t *nor = context;
    assert_false(nor->open);
    const ota_ws_status_t status = record(nor, NOR_OPEN, 0, image_size);
    nor->open = status == OTA_WS_OK;
    return status;
}

static ota_ws_status_t read_slot(void *context, uint32_t offset, void *bytes, size_t length) {
    nor_model_t *nor = context;
    assert_true(nor->open);
    assert_true(offset <= nor->size && length <= nor->size - offset);
    memcpy(bytes, nor->bytes + offset, length);
    return record(nor, NOR_READ, offset, (uint32_t)length);
}

static ota_ws_status_t read_base(void *context, uint32_t offset, void *bytes, size_t length) {
    nor_model_t *nor = context;
    bool is_inside = offset <= nor->base_size && length <= nor->base_size - offset;
    nor->base_misses += !is_inside;
    if (!is_inside || nor->base_fails) {
        return OTA_WS_FLASH_READ;
    }
    memcpy(bytes, nor->base + offset, length);
    return OTA_WS_OK;
}

static ota_ws_status_t erase_slot(void *context, uint32_t offset, uint32_t length) {
    nor_model_t *nor = context;
    assert_true(nor->open);
    assert_true(length == nor->port.sector_size || length == nor->port.block_size);
    assert_int_equal(offset % length, 0);
    assert_true(offset <= nor->size && length <= nor->size - offset);
    const ota_ws_status_t status = record(nor, NOR_ERASE, offset, length);
    if (status == OTA_WS_OK) {
        memset(nor->bytes + offset, 0xFF, length);
    }
    return status;
}

static ota_ws_status_t program_slot(void *context, uint32_t offset, const void *bytes, size_t length) {
    nor_model_t *nor = context;
    assert_true(nor->open);
    assert_true(length > 0 && offset % nor->port.program_unit == 0 && length % nor->port.program_unit == 0);
    assert_true(offset <= nor->size && length <= nor->size - offset);
    const ota_ws_status_t status = record(nor, NOR_PROGRAM, offset, (uint32_t)length);
    for (size_t i = 0; i < length; i++) {
        assert_int_equal(nor->bytes[offset + i], 0xFF);
    }
    if (status == OTA_WS_OK) {
        memcpy(nor->bytes + offset, bytes, length);
    }
    return status;
}

static ota_ws_status_t activate(void *context, uint32_t image_size) {
    nor_model_t *nor = context;
    assert_true(nor->open);
    const ota_ws_status_t status = record(nor, NOR_ACTIVATE, 0, image_size);
    nor->active = status == OTA_WS_OK;
    return status;
}

static ota_ws_status_t deactivate(void *context) {
    nor_model_t *nor = context;
    const ota_ws_status_t status = record(nor, NOR_DEACTIVATE, 0, 0);
    nor->active = nor->active && status != OTA_WS_OK;
    return status;
}

static void close_slot(void *context) {
    nor_model_t *nor = context;
    assert_true(nor->open);
    record(nor, NOR_CLOSE, 0, 0);
    nor->open = false;
}

nor_model_t *nor_model_new(uint32_t size, uint32_t program_unit) {
    nor_model_t *nor = calloc(1, sizeof *nor);
    assert_non_null(nor);
    nor->port = (ota_ws_flash_t){.context = nor,
                                 .sector_size = 4096,
                                 .block_size = 65536,
                                 .program_unit = program_unit,
                                 .slot_size = slot_size,
                                 .open = open_slot,
                                 .read = read_slot,
                                 .read_base = read_base,
                                 .erase = erase_slot,
                                 .program = program_slot,
                                 .activate = activate,
                                 .deactivate = deactivate,
                                 .close = close_slot};
    nor->size = size;
    nor->bytes = malloc(size > 0 ? size : 1);
    assert_non_null(nor->bytes);
    memset(nor->bytes, OLD_BYTE, size);
    nor->fail_after = -1;
    return nor;
}

void nor_model_free(nor_model_t *nor) {
    free(nor->bytes);
    free(nor);
}

size_t nor_model_count(const nor_model_t *nor, nor_kind_t kind) {
    size_t count = 0;
    for (size_t i = 0; i < nor->count; i++) {
        count += nor->operations[i].kind == kind;
    }
    return count;
}

bool nor_model_untouched(const nor_model_t *nor) {
    for (uint32_t i = 0; i < nor->size; i++) {
        if (nor->bytes[i] != OLD_BYTE) {
            return false;
        }
    }
    return nor_model_count(nor, NOR_ERASE) == 0 && nor_model_count(nor, NOR_PROGRAM) == 0;
}
