// SPDX-License-Identifier: Apache-2.0
#include "nor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static ota_ws_status_t fail(nor_t *nor, ota_ws_status_t status,
                                                                  const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(nor->fault, sizeof nor->fault, format, arguments);
    va_end(arguments);
    return status;
}

static bool inside(const nor_t *nor, uint32_t address, size_t length) {
    return address <= nor->size && length <= nor->size - address;
}

static bool may_begin(nor_t *nor, const nor_operation_t *operation) {
    const nor_watch_t *watch = nor->watch;
    return watch == NULL || watch->before == NULL || watch->before(watch->context, operation);
}

static ota_ws_status_t ended(nor_t *nor, const nor_operation_t *operation) {
    const nor_watch_t *watch = nor->watch;
    if (watch != NULL && watch->after != NULL) {
        watch->after(watch->context, operation);
    }
    return OTA_WS_OK;
}

ota_ws_status_t nor_read(nor_t *nor, uint32_t address, void *bytes, size_t length) {
    if (!inside(nor, address, length)) {
        return fail(nor, OTA_WS_FLASH_READ, "read of 0x%" PRIx32 ", %zu bytes: outside of the flash", address, length);
    }
    nor_operation_t operation = {NOR_READ, address, (uint32_t)length, NULL};
    if (!may_begin(nor, &operation)) {
        return fail(nor, OTA_WS_FLASH_READ, "read of 0x%" PRIx32 ": refused", address);
    }
    if (!nor->medium.read(nor->medium.context, address, bytes, length)) {
        return fail(nor, OTA_WS_FLASH_READ, "read of 0x%" PRIx32 ": the flash file cannot be read", address);
    }
    return ended(nor, &operation);
}

static bool fill_erased(nor_t *nor, uint32_t address, uint32_t length) {
    uint8_t ones[NOR_SECTOR_SIZE];
    memset(ones, 0xFF, sizeof ones);
    for (uint32_t done = 0; done < length; done += NOR_SECTOR_SIZE) {
        if (!nor->medium.write(nor->medium.context, address + done, ones, sizeof ones)) {
            return false;
        }
    }
    return true;
}

ota_ws_status_t nor_erase(nor_t *nor, uint32_t address, uint32_t length) {
    bool is_whole = length % NOR_SECTOR_SIZE == 0 && address % NOR_SECTOR_SIZE == 0;
    if (length == 0 || length > NOR_BLOCK_SIZE || !is_whole) {
        return fail(nor, OTA_WS_FLASH_ERASE, "erase of 0x%" PRIx32 ", %" PRIu32 " bytes: no whole sectors or block",
                    address, length);
    }
    if (!inside(nor, address, length)) {
        return fail(nor, OTA_WS_FLASH_ERASE, "erase of 0x%" PRIx32 ": outside of the flash", address);
    }
    nor_operation_t operation = {NOR_ERASE, address, length, NULL};
    if (!may_begin(nor, &operation)) {
        return fail(nor, OTA_WS_FLASH_ERASE, "erase of 0x%" PRIx32 ": refused", address);
    }
    if (!fill_erased(nor, address, length)) {
        return fail(nor, OTA_WS_FLASH_ERASE, "erase of 0x%" PRIx32 ": the flash file cannot be written", address);
    }
    return ended(nor, &operation);
}

// True when every bit that is to be 1 is still 1.
static bool only_clears(const uint8_t *old, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if ((bytes[i] & ~old[i]) != 0) {
            return false;
        }
    }
    return true;
}

static ota_ws_status_t program_part(nor_t *nor, uint32_t address, const uint8_t *bytes, size_t length) {
    uint8_t old[NOR_PAGE_SIZE];
    if (!nor->medium.read(nor->medium.context, address, old, length)) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ": the flash file cannot be read", address);
    }
    if (!only_clears(old, bytes, length)) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ": it would set bits, erase first", address);
    }
    if (!nor->medium.write(nor->medium.context, address, bytes, length)) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ": the flash file cannot be written", address);
    }
    return OTA_WS_OK;
}

ota_ws_status_t nor_program(nor_t *nor, uint32_t address, const void *bytes, size_t length) {
    if (!inside(nor, address, length)) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ": outside of the flash", address);
    }
    if (address % nor->program_unit != 0 || length % nor->program_unit != 0) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ", %zu bytes: no whole units of %" PRIu32,
                    address, length, nor->program_unit);
    }
    nor_operation_t operation = {NOR_PROGRAM, address, (uint32_t)length, bytes};
    if (!may_begin(nor, &operation)) {
        return fail(nor, OTA_WS_FLASH_PROGRAM, "program at 0x%" PRIx32 ": refused", address);
    }
    for (size_t done = 0; done < length;) {
        size_t part = length - done < NOR_PAGE_SIZE ? length - done : NOR_PAGE_SIZE;
        ota_ws_status_t status = program_part(nor, address + (uint32_t)done, operation.bytes + done, part);
        if (status != OTA_WS_OK) {
            return status;
        }
        done += part;
    }
    return ended(nor, &operation);
}

// ---- a medium in memory ----

static bool read_memory(void *context, uint32_t address, void *bytes, size_t length) {
    memcpy(bytes, (const uint8_t *)context + address, length);
    return true;
}

static bool write_memory(void *context, uint32_t address, const void *bytes, size_t length) {
    memcpy((uint8_t *)context + address, bytes, length);
    return true;
}

nor_medium_t nor_memory(uint8_t *memory, size_t size) {
    memset(memory, 0xFF, size);
    return (nor_medium_t){memory, read_memory, write_memory};
}
