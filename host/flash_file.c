// SPDX-License-Identifier: Apache-2.0
#include "flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALLEST_CHIP 0x100000

__attribute__((format(printf, 2, 3))) static flash_file_result_t fail(flash_file_t *flash, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(flash->error, sizeof flash->error, format, arguments);
    va_end(arguments);
    flash_file_close(flash);
    return FLASH_FILE_FAILED;
}

static flash_file_result_t lock(flash_file_t *flash, const char *path) {
    if (flock(flash->file, LOCK_EX | LOCK_NB) != 0) {
        return fail(flash, "%s is in use by another virtual device", path);
    }
    return FLASH_FILE_OPENED;
}

static flash_file_result_t take_space(flash_file_t *flash, const char *path) {
    int status = posix_fallocate(flash->file, 0, flash->size);
    if (status != 0) {
        return fail(flash, "there is no room for %s (%u KiB): %s", path, (unsigned)(flash->size / 1024),
                    strerror(status));
    }
    return FLASH_FILE_OPENED;
}

static uint32_t next_chip_size(off_t present) {
    uint32_t size = SMALLEST_CHIP;
    while (size < present) {
        size *= 2;
    }
    return size;
}

static flash_file_result_t check_size(flash_file_t *flash, const char *path, uint32_t size) {
    struct stat info;
    if (fstat(flash->file, &info) != 0 || !S_ISREG(info.st_mode)) {
        return fail(flash, "%s is no regular file", path);
    }
    bool is_dump = info.st_size > 0 && info.st_size <= INT32_MAX / 2 && info.st_size % NOR_BLOCK_SIZE != 0;
    flash->present = (uint32_t)info.st_size;
    if (is_dump && (size == 0 || info.st_size < (off_t)size)) {
        flash->size = size != 0 ? size : next_chip_size(info.st_size);
        return FLASH_FILE_OPENED;
    }
    if (size != 0 && info.st_size != (off_t)size) {
        return fail(flash, "%s has %lld bytes, a flash of %u KiB has %u; another --flash-size, or another file", path,
                    (long long)info.st_size, (unsigned)(size / 1024), (unsigned)size);
    }
    if (info.st_size == 0 || info.st_size > INT32_MAX || info.st_size % NOR_BLOCK_SIZE != 0) {
        return fail(flash, "%s has %lld bytes: that is no size of a flash chip", path, (long long)info.st_size);
    }
    flash->size = (uint32_t)info.st_size;
    return FLASH_FILE_OPENED;
}

static bool write_all(int file, uint32_t address, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = pwrite(file, at, length, (off_t)address);
        if (written <= 0) {
            return false;
        }
        at += written;
        address += (uint32_t)written;
        length -= (size_t)written;
    }
    return true;
}

// From what is there to the end.
static flash_file_result_t fill_erased(flash_file_t *flash, const char *path) {
    uint8_t ones[NOR_SECTOR_SIZE];
    memset(ones, 0xFF, sizeof ones);
    while (flash->present < flash->size) {
        uint32_t length = (uint32_t)sizeof ones - flash->present % (uint32_t)sizeof ones;
        if (!write_all(flash->file, flash->present, ones, length)) {
            return fail(flash, "%s cannot be written: %s", path, strerror(errno));
        }
        flash->present += length;
    }
    return FLASH_FILE_OPENED;
}

flash_file_result_t flash_file_open(flash_file_t *flash, const char *path, uint32_t size) {
    *flash = (flash_file_t){.file = open(path, O_RDWR | O_CLOEXEC)};
    if (flash->file < 0) {
        return errno == ENOENT ? FLASH_FILE_ABSENT : fail(flash, "%s cannot be opened: %s", path, strerror(errno));
    }
    flash_file_result_t result = lock(flash, path);
    if (result == FLASH_FILE_OPENED) {
        result = check_size(flash, path, size);
    }
    bool is_whole = result == FLASH_FILE_OPENED && flash->present == flash->size;
    return is_whole ? take_space(flash, path) : result;
}

flash_file_result_t flash_file_complete(flash_file_t *flash, const char *path) {
    if (flash->present == flash->size) {
        return FLASH_FILE_OPENED;
    }
    flash_file_result_t result = take_space(flash, path);
    return result == FLASH_FILE_OPENED ? fill_erased(flash, path) : result;
}

flash_file_result_t flash_file_view(flash_file_t *flash, const char *path) {
    *flash = (flash_file_t){.file = open(path, O_RDONLY | O_CLOEXEC)};
    return flash->file < 0 ? fail(flash, "%s cannot be opened: %s", path, strerror(errno)) : check_size(flash, path, 0);
}

flash_file_result_t flash_file_create(flash_file_t *flash, const char *path, uint32_t size) {
    *flash = (flash_file_t){.file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644), .size = size};
    if (flash->file < 0) {
        return fail(flash, "%s cannot be made: %s", path, strerror(errno));
    }
    flash_file_result_t result = lock(flash, path);
    if (result == FLASH_FILE_OPENED) {
        result = take_space(flash, path);
    }
    if (result == FLASH_FILE_OPENED) {
        result = fill_erased(flash, path);
    }
    if (result != FLASH_FILE_OPENED) {
        unlink(path);
    }
    return result;
}

void flash_file_close(flash_file_t *flash) {
    if (flash->file >= 0) {
        close(flash->file);
    }
    flash->file = -1;
}

// ---- the medium ----

static bool read_file(void *context, uint32_t address, void *bytes, size_t length) {
    const flash_file_t *flash = context;
    char *at = bytes;
    if (length > 0 && address + length > flash->present) { // seen only by who reads a dump and may not change it
        size_t behind = address >= flash->present ? length : address + length - flash->present;
        memset(at + (length - behind), 0xFF, behind);
        length -= behind;
    }
    while (length > 0) {
        ssize_t got = pread(flash->file, at, length, (off_t)address);
        if (got <= 0) {
            return false;
        }
        at += got;
        address += (uint32_t)got;
        length -= (size_t)got;
    }
    return true;
}

static bool write_file(void *context, uint32_t address, const void *bytes, size_t length) {
    const flash_file_t *flash = context;
    return write_all(flash->file, address, bytes, length);
}

nor_medium_t flash_file_medium(flash_file_t *flash) {
    return (nor_medium_t){flash, read_file, write_file};
}
