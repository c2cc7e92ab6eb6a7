// SPDX-License-Identifier: Apache-2.0
#include "base.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hash_openssl.h"
#include "text.h"

#define PATH_SIZE 4096
#define NAME_LENGTH (2 * OTA_WS_SHA256_SIZE)
#define FILES_MAX 1024
#define TEMPORARY ".new-XXXXXX"

void base_free(base_t *base) {
    free(base->bytes);
    memset(base, 0, sizeof *base);
}

static void write_digits(const uint8_t digest[OTA_WS_SHA256_SIZE], char digits[NAME_LENGTH + 1]) {
    for (size_t i = 0; i < OTA_WS_SHA256_SIZE; i++) {
        snprintf(digits + 2 * i, 3, "%02x", digest[i]);
    }
}

// The digest at the end of the image, as digits.
static bool read_digits(const firmware_t *firmware, char digits[NAME_LENGTH + 1]) {
    const ota_ws_image_t *image = &firmware->inspection.image;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    bool has_digest = firmware->fault.code == EXIT_CODE_OK && !firmware->is_encrypted && image->header.hash_appended &&
                      image->length > sizeof digest && image->length <= firmware->size &&
                      firmware_read(firmware, image->length - OTA_WS_SHA256_SIZE, digest, sizeof digest);
    if (has_digest) {
        write_digits(digest, digits);
    }
    return has_digest;
}

bool base_is(const firmware_t *firmware, const char *digits) {
    char own[NAME_LENGTH + 1];
    return read_digits(firmware, own) && strncmp(own, digits, strlen(digits)) == 0;
}

static bool take_bytes(base_t *base, const firmware_t *firmware) {
    uint32_t length = firmware->inspection.image.length;
    base->bytes = malloc(length);
    base->length = length;
    if (base->bytes != NULL && !firmware_read(firmware, 0, base->bytes, length)) {
        base_free(base);
    }
    return base->bytes != NULL;
}

bool base_read(base_t *base, const char *path, const char *digits) {
    firmware_t firmware;
    memset(base, 0, sizeof *base);
    if (!firmware_open(&firmware, path)) {
        return false;
    }
    bool is_read = base_is(&firmware, digits) && take_bytes(base, &firmware);
    firmware_close(&firmware);
    return is_read;
}

// ---- the cache ----

static bool find_folder(char path[PATH_SIZE]) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (cache != NULL && cache[0] == '/') { // the specification: a relative path does not count
        length = snprintf(path, PATH_SIZE, "%s", cache);
    } else if (home != NULL && home[0] == '/') {
        length = snprintf(path, PATH_SIZE, "%s/.cache", home);
    } else {
        return false;
    }
    return length < PATH_SIZE - (int)(sizeof "/ota-ws/" + NAME_LENGTH);
}

// Opens the folder; makes it where `makes`. -1: there is none.
static int open_folder(bool makes) {
    char path[PATH_SIZE];
    if (!find_folder(path)) {
        return -1;
    }
    if (makes) {
        (void)mkdir(path, 0700);
    }
    strcat(path, "/ota-ws");
    if (makes) {
        (void)mkdir(path, 0700);
    }
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_name(const char *name) {
    return strlen(name) == NAME_LENGTH && strspn(name, "0123456789abcdef") == NAME_LENGTH;
}

static bool read_file(base_t *base, int folder, const char *name) {
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool is_read = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
                   status.st_size > OTA_WS_SHA256_SIZE && status.st_size <= BASE_CACHE_MAX;
    base->length = is_read ? (uint32_t)status.st_size : 0;
    base->bytes = is_read ? malloc(base->length) : NULL;
    for (size_t done = 0; base->bytes != NULL && done < base->length;) {
        ssize_t length = read(file, base->bytes + done, base->length - done);
        if (length <= 0) {
            base_free(base);
            break;
        }
        done += (size_t)length;
    }
    if (file >= 0) {
        close(file);
    }
    return base->bytes != NULL;
}

// Has the file the digest that is its name?
static bool is_whole(const base_t *base, const char *name) {
    const ota_ws_hash_t *hash = &ota_ws_hash_openssl;
    ota_ws_sha256_t sha256;
    uint8_t digest[OTA_WS_SHA256_SIZE];
    char digits[NAME_LENGTH + 1];
    uint32_t end = base->length - OTA_WS_SHA256_SIZE;
    hash->start(&sha256);
    hash->update(&sha256, base->bytes, end);
    hash->finish(&sha256, digest);
    write_digits(digest, digits);
    return memcmp(digest, base->bytes + end, sizeof digest) == 0 && strcmp(digits, name) == 0;
}

static bool find_name(int folder, const char *digits, char name[NAME_LENGTH + 1]) {
    int copy = dup(folder);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    bool found = false;
    if (list == NULL) {
        return false;
    }
    for (struct dirent *entry; !found && (entry = readdir(list)) != NULL;) {
        found = is_name(entry->d_name) && strncmp(entry->d_name, digits, strlen(digits)) == 0;
        if (found) {
            memcpy(name, entry->d_name, NAME_LENGTH + 1);
        }
    }
    closedir(list);
    return found;
}

bool base_find(base_t *base, const char *digits) {
    char name[NAME_LENGTH + 1];
    int folder = open_folder(false);
    memset(base, 0, sizeof *base);
    if (folder < 0) {
        return false;
    }
    if (find_name(folder, digits, name) && read_file(base, folder, name)) {
        (void)utimensat(folder, name, NULL, 0); // it was used now
        if (!is_whole(base, name)) {
            (void)unlinkat(folder, name, 0);
            base_free(base);
        }
    }
    close(folder);
    return base->bytes != NULL;
}

// ---- keeping ----

typedef struct {
    char name[NAME_LENGTH + 1];
    struct timespec used;
    uint64_t size;
} kept_t;

static int by_age(const void *a, const void *b) {
    const struct timespec *first = &((const kept_t *)a)->used, *second = &((const kept_t *)b)->used;
    if (first->tv_sec != second->tv_sec) {
        return first->tv_sec < second->tv_sec ? -1 : 1;
    }
    return first->tv_nsec < second->tv_nsec ? -1 : first->tv_nsec > second->tv_nsec;
}

// Lists the images, and removes files that a killed program has left half-written a day ago or earlier.
static size_t list_kept(int folder, kept_t kept[FILES_MAX]) {
    int copy = dup(folder);
    DIR *list = copy >= 0 ? fdopendir(copy) : NULL;
    size_t count = 0;
    if (list == NULL) {
        return 0;
    }
    rewinddir(list);
    for (struct dirent *entry; count < FILES_MAX && (entry = readdir(list)) != NULL;) {
        struct stat status;
        if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (is_name(entry->d_name)) {
            kept[count].used = status.st_mtim;
            kept[count].size = (uint64_t)status.st_size;
            memcpy(kept[count++].name, entry->d_name, NAME_LENGTH + 1);
        } else if (strncmp(entry->d_name, TEMPORARY, 5) == 0 && status.st_mtime + 86400 < time(NULL)) {
            (void)unlinkat(folder, entry->d_name, 0);
        }
    }
    closedir(list);
    return count;
}

// Makes space for `more` bytes.
static void make_space(int folder, uint32_t more) {
    kept_t *kept = calloc(FILES_MAX, sizeof *kept);
    size_t count = kept != NULL ? list_kept(folder, kept) : 0;
    uint64_t sum = more;
    for (size_t i = 0; i < count; i++) {
        sum += kept[i].size;
    }
    qsort(kept, count, sizeof *kept, by_age);
    for (size_t i = 0; i < count && (sum > BASE_CACHE_MAX || count - i >= FILES_MAX); i++) {
        sum -= kept[i].size;
        (void)unlinkat(folder, kept[i].name, 0);
    }
    free(kept);
}

static bool write_all(int file, const base_t *base) {
    for (size_t done = 0; done < base->length;) {
        ssize_t length = write(file, base->bytes + done, base->length - done);
        if (length <= 0) {
            return false;
        }
        done += (size_t)length;
    }
    return true;
}

// Whole or not at all: the name is given to it when all of it is there.
static void write_file(int folder, const base_t *base, const char *name) {
    char path[PATH_SIZE + sizeof TEMPORARY], temporary[] = TEMPORARY;
    if (!find_folder(path)) {
        return;
    }
    snprintf(path + strlen(path), sizeof path - strlen(path), "/ota-ws/%s", temporary);
    int file = mkostemp(path, O_CLOEXEC); // 0600
    if (file < 0) {
        return;
    }
    bool is_written = write_all(file, base);
    is_written = close(file) == 0 && is_written;
    if (!is_written || renameat(AT_FDCWD, path, folder, name) != 0) {
        (void)unlink(path);
    }
}

void base_keep(const firmware_t *firmware) {
    char name[NAME_LENGTH + 1];
    base_t base;
    if (!read_digits(firmware, name) || firmware->inspection.image.length > BASE_CACHE_MAX) {
        return;
    }
    int folder = open_folder(true);
    if (folder < 0) {
        return;
    }
    bool is_there = utimensat(folder, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there && take_bytes(&base, firmware)) {
        make_space(folder, base.length);
        write_file(folder, &base, name);
        base_free(&base);
    }
    close(folder);
}
