// SPDX-License-Identifier: Apache-2.0
#include "encrypt.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encrypt_openssl.h"
#include "printable.h"

#define PIECE_SIZE 65536
#define PATH_SIZE 4096

static bool cannot_write(problem_t *problem, const char *path, const char *why) {
    problem_set(problem, EXIT_CODE_TROUBLE, "cannot_write", "%.160s cannot be written: %s.", path, why);
    return false;
}

static bool can_be_encrypted(const firmware_t *firmware, problem_t *problem) {
    if (firmware->is_encrypted) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "encrypted_image", "This image is encrypted already.");
        return false;
    }
    *problem = firmware->fault;
    return firmware->fault.code == EXIT_CODE_OK;
}

static bool load_key(image_key_t *key, const char *path, problem_t *problem) {
    const char *wrong = image_key_load(key, path);
    if (wrong != NULL) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "no_key", "%.160s %s.", path, wrong);
    }
    return wrong == NULL;
}

// "app.bin" -> "app_secure.bin".
static bool name_output(char path[PATH_SIZE], const char *wanted, const char *image) {
    size_t length = strlen(image);
    bool is_bin = length > 4 && strcmp(image + length - 4, ".bin") == 0;
    int written = wanted != NULL
                      ? snprintf(path, PATH_SIZE, "%s", wanted)
                      : snprintf(path, PATH_SIZE, "%.*s_secure.bin", (int)(is_bin ? length - 4 : length), image);
    return written < PATH_SIZE;
}

// ---- the file ----

// NULL, or what went wrong.
static const char *write_ciphertext(FILE *file, encrypt_openssl_t *encryption, const firmware_t *firmware) {
    uint8_t piece[PIECE_SIZE];
    for (uint32_t offset = 0; offset < firmware->size;) {
        uint32_t left = firmware->size - offset;
        uint32_t length = left < sizeof piece ? left : (uint32_t)sizeof piece;
        if (!firmware_read(firmware, offset, piece, length)) {
            return "the image ends while it is read";
        }
        if (!encrypt_openssl_update(encryption, piece, piece, length)) {
            return "OpenSSL failed";
        }
        if (fwrite(piece, 1, length, file) != length) {
            return strerror(errno);
        }
        offset += length;
    }
    return encrypt_openssl_finish(encryption) ? NULL : "OpenSSL failed";
}

// The header is known when all is encrypted. Until then its place in the file is empty.
static const char *write_file(FILE *file, encrypt_openssl_t *encryption, const firmware_t *firmware) {
    size_t size = sizeof encryption->header;
    if (fseek(file, (long)size, SEEK_SET) != 0) {
        return strerror(errno);
    }
    const char *wrong = write_ciphertext(file, encryption, firmware);
    if (wrong != NULL) {
        return wrong;
    }
    bool ok = fseek(file, 0, SEEK_SET) == 0 && fwrite(encryption->header, 1, size, file) == size && fflush(file) == 0;
    return ok ? NULL : strerror(errno);
}

static bool make_file(const char *path, encrypt_openssl_t *encryption, const firmware_t *firmware, problem_t *problem) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return cannot_write(problem, path, strerror(errno));
    }
    const char *wrong = write_file(file, encryption, firmware);
    if (fclose(file) != 0 && wrong == NULL) {
        wrong = strerror(errno);
    }
    if (wrong != NULL) {
        unlink(path);
        return cannot_write(problem, path, wrong);
    }
    return true;
}

static bool is_same_file(const firmware_t *firmware, const char *path) {
    struct stat image, other;
    return fstat(fileno(firmware->file), &image) == 0 && stat(path, &other) == 0 && image.st_dev == other.st_dev &&
           image.st_ino == other.st_ino;
}

static bool encrypt_to(const char *path, const firmware_t *firmware, const image_key_t *key, problem_t *problem) {
    encrypt_openssl_t encryption;
    if (is_same_file(firmware, path)) {
        return cannot_write(problem, path, "it is the image itself");
    }
    if (!encrypt_openssl_begin(&encryption, key, firmware->size)) {
        return cannot_write(problem, path, "OpenSSL failed");
    }
    bool ok = make_file(path, &encryption, firmware, problem);
    encrypt_openssl_end(&encryption);
    return ok;
}

// ---- the command ----

static void print_result(const output_t *output, const char *path, const firmware_t *firmware, const image_key_t *key) {
    uint32_t size = firmware->size + OTA_WS_ENCRYPTED_HEADER_SIZE;
    bool is_rsa = key->scheme == IMAGE_KEY_RSA;
    if (!output->json) {
        printf("%s: %s %s, encrypted for this %s key, %u bytes\n", path, firmware->inspection.image.description.project,
               firmware->inspection.image.description.version, is_rsa ? "RSA-3072" : "ECIES-P256", size);
        return;
    }
    char json[OUTPUT_JSON_SIZE], text[1024];
    ota_ws_reply_t object;
    printable_copy(text, sizeof text, path);
    output_object(&object, json, "encrypted", NULL);
    ota_ws_reply_string(&object, "path", text);
    ota_ws_reply_number(&object, "size", size);
    ota_ws_reply_string(&object, "scheme", is_rsa ? "rsa-3072" : "ecies-p256");
    output_print(&object);
}

bool encrypt_file(const output_t *output, const firmware_t *firmware, const char *key_path, const char *wanted,
                  problem_t *problem) {
    char path[PATH_SIZE];
    image_key_t key;
    if (!name_output(path, wanted, firmware->path)) {
        return cannot_write(problem, firmware->path, strerror(ENAMETOOLONG));
    }
    if (!can_be_encrypted(firmware, problem) || !load_key(&key, key_path, problem)) {
        return false;
    }
    bool ok = encrypt_to(path, firmware, &key, problem);
    if (ok) {
        print_result(output, path, firmware, &key);
    }
    image_key_free(&key);
    return ok;
}
