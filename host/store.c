// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"

#define LINE_SIZE (STORE_TEXT_SIZE + 32)
#define SUFFIX ".nvs"
#define NEW_SUFFIX ".new"

bool store_init(store_t *store, const char *flash_path) {
    pthread_mutex_init(&store->lock, NULL);
    int length = snprintf(store->path, sizeof store->path, "%s" SUFFIX, flash_path);
    return length > 0 && (size_t)length < sizeof store->path - sizeof NEW_SUFFIX;
}

// The value in a line "name=value\n", which is cut behind it; NULL when it is another one's.
static char *value_in(char *line, const char *name) {
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || line[length] != '=') {
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line + length + 1;
}

static bool get(const store_t *store, const char *name, char text[STORE_TEXT_SIZE]) {
    char line[LINE_SIZE];
    bool found = false;
    FILE *file = fopen(store->path, "re");
    while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
        const char *value = value_in(line, name);
        found = value != NULL && strlen(value) < STORE_TEXT_SIZE;
        if (found) {
            strcpy(text, value);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

// All lines but that of `name`.
static bool copy_others(const store_t *store, const char *name, FILE *to) {
    char line[LINE_SIZE];
    bool ok = true;
    FILE *from = fopen(store->path, "re");
    while (from != NULL && ok && fgets(line, sizeof line, from) != NULL) {
        char copy[LINE_SIZE];
        strcpy(copy, line);
        ok = value_in(copy, name) != NULL || fputs(line, to) != EOF;
    }
    if (from != NULL) {
        fclose(from);
    }
    return ok;
}

static FILE *open_new(const char *path) {
    int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (file == NULL && descriptor >= 0) {
        close(descriptor);
    }
    return file;
}

static bool set(const store_t *store, const char *name, const char *text) {
    char new_path[STORE_PATH_SIZE + sizeof NEW_SUFFIX];
    snprintf(new_path, sizeof new_path, "%s" NEW_SUFFIX, store->path);
    FILE *file = open_new(new_path);
    if (file == NULL) {
        return false;
    }
    bool ok = copy_others(store, name, file) && (text == NULL || fprintf(file, "%s=%s\n", name, text) > 0) &&
              fflush(file) == 0;
    int cause = errno;
    ok = fclose(file) == 0 && ok && rename(new_path, store->path) == 0;
    if (!ok) {
        unlink(new_path);
        errno = cause;
    }
    return ok;
}

bool store_get(store_t *store, const char *name, char text[STORE_TEXT_SIZE]) {
    pthread_mutex_lock(&store->lock);
    bool found = get(store, name, text);
    pthread_mutex_unlock(&store->lock);
    return found;
}

bool store_set(store_t *store, const char *name, const char *text) {
    pthread_mutex_lock(&store->lock);
    bool ok = set(store, name, text);
    int cause = errno;
    pthread_mutex_unlock(&store->lock);
    errno = cause;
    return ok;
}

size_t store_load(store_t *store, const char *name, void *value, size_t size) {
    char text[STORE_TEXT_SIZE];
    size_t length = store_get(store, name, text) ? strlen(text) / 2 : 0;
    return length > 0 && length <= size && ota_ws_text_unhex(text, value, length) ? length : 0;
}

void store_save(store_t *store, const char *name, const void *value, size_t size) {
    char text[STORE_TEXT_SIZE];
    if (size > OTA_WS_STORE_VALUE_MAX) {
        return;
    }
    ota_ws_text_hex(text, value, size);
    (void)store_set(store, name, size == 0 ? NULL : text);
}
