// SPDX-License-Identifier: Apache-2.0
// ota-ws-image: writes one image of the image builder into a file. Options in, a file out; exit 0, or 2 after a
// sentence on stderr.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/chip.h"
#include "image_builder.h"
#include "text.h"

typedef struct {
    image_spec_t spec;
    uint8_t elf_sha256[32];
    const image_defect_t *defect;
    const char *path;
    const char *fault; // host/fault.h; NULL: none
} request_t;

static const struct option options[] = {
    {"size", required_argument, NULL, 's'},
    {"chip", required_argument, NULL, 'c'},
    {"min-revision", required_argument, NULL, 'm'},
    {"max-revision", required_argument, NULL, 'M'},
    {"min-efuse-revision", required_argument, NULL, 'f'},
    {"max-efuse-revision", required_argument, NULL, 'F'},
    {"mmu-page-size", required_argument, NULL, 'u'},
    {"version", required_argument, NULL, 'v'},
    {"project", required_argument, NULL, 'p'},
    {"idf", required_argument, NULL, 'i'},
    {"secure-version", required_argument, NULL, 'S'},
    {"elf-sha256", required_argument, NULL, 'e'},
    {"segments", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 'r'},
    {"no-digest", no_argument, NULL, 'D'},
    {"signature", no_argument, NULL, 'G'},
    {"defect", required_argument, NULL, 'd'},
    {"fault", required_argument, NULL, 't'},
    {"list", no_argument, NULL, 'l'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: ota-ws-image [OPTION...] FILE\n"
    "Writes an ESP application image that runs nowhere but passes every check.\n"
    "  --size BYTES         of the image with checksum and digest (65536); takes K and M\n"
    "  --chip NAME          esp32, esp32c3, ... (esp32c3)\n"
    "  --version TEXT       (1.0.0)         --project TEXT  (demo)\n"
    "  --idf TEXT           (v5.4.1)        --segments N    1 to 16 (4)\n"
    "  --min-revision N     major * 100 + minor (0)\n"
    "  --max-revision N     (0: no limit)\n"
    "  --min-efuse-revision N, --max-efuse-revision N  of the eFuse block (0, 199)\n"
    "  --mmu-page-size BYTES  a power of two (64K); 1: not said\n"
    "  --secure-version N   (0)             --elf-sha256 64 hex digits\n"
    "  --seed N             other content (1)\n"
    "  --no-digest          without the appended SHA-256\n"
    "  --signature          with a sector that looks like Secure Boot v2's\n"
    "  --fault TEXT         fail on trial in the virtual device: panic, hang or memory, and for a core\n"
    "                       dump hexadecimal addresses: 'panic PC CALLER ...', the innermost first\n"
    "  --defect NAME        spoil it; --list shows the names and what a device calls them\n";

static int complain(const char *what, const char *value) {
    fprintf(stderr, "ota-ws-image: %s: %s\n", what, value);
    return 2;
}

static uint32_t number(const char *text) {
    char *end;
    const unsigned long value = strtoul(text, &end, 0);
    const unsigned long unit = *end == 'K' ? 1024 : *end == 'M' ? 1048576 : 1;
    return (uint32_t)(value * unit);
}

static void list_defects(void) {
    for (size_t i = 0; i < image_defect_count; i++) {
        printf("%s %s\n", image_defects[i].name, image_defects[i].status);
    }
}

static int take_chip(request_t *request, const char *name) {
    const int id = ota_ws_chip_id(name);
    if (id < 0) {
        return complain("no such chip", name);
    }
    request->spec.chip_id = (uint16_t)id;
    return 0;
}

static int take_elf_sha256(request_t *request, const char *text) {
    if (!ota_ws_text_unhex(text, request->elf_sha256, sizeof request->elf_sha256)) {
        return complain("not 64 hex digits", text);
    }
    request->spec.elf_sha256 = request->elf_sha256;
    return 0;
}

static int take_defect(request_t *request, const char *name) {
    request->defect = image_defect_find(name);
    return request->defect != NULL ? 0 : complain("no such defect", name);
}

static int take_option(request_t *request, int option, const char *value) {
    image_spec_t *spec = &request->spec;
    switch (option) {
    case 's':
        spec->size = number(value);
        return 0;
    case 'c':
        return take_chip(request, value);
    case 'm':
        spec->min_revision = (uint16_t)number(value);
        return 0;
    case 'M':
        spec->max_revision = (uint16_t)number(value);
        return 0;
    case 'f':
        spec->min_efuse_revision = (uint16_t)number(value);
        return 0;
    case 'F':
        spec->max_efuse_revision = (uint16_t)number(value);
        return 0;
    case 'u':
        spec->mmu_page_bits = (uint8_t)__builtin_ctz(number(value) | 0x80000000);
        return 0;
    case 'v':
        spec->version = value;
        return 0;
    case 'p':
        spec->project = value;
        return 0;
    case 'i':
        spec->idf = value;
        return 0;
    case 'S':
        spec->secure_version = number(value);
        return 0;
    case 'e':
        return take_elf_sha256(request, value);
    case 'n':
        spec->segments = (uint8_t)number(value);
        return 0;
    case 'r':
        spec->seed = number(value);
        return 0;
    case 'D':
        spec->digest = false;
        return 0;
    case 'G':
        spec->signature = true;
        return 0;
    case 't':
        request->fault = value;
        return 0;
    case 'd':
        return take_defect(request, value);
    default:
        fputs(help, stderr);
        return 2;
    }
}

static int write_file(const char *path, const image_file_t *image) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return complain(path, strerror(errno));
    }
    const size_t written = image->length > 0 ? fwrite(image->bytes, 1, image->length, file) : 0;
    return fclose(file) == 0 && written == image->length ? 0 : complain(path, strerror(errno));
}

// Right behind the application description, where an application may have data of its own.
static void put_fault(const request_t *request, image_file_t *image) {
    snprintf((char *)image->bytes + 288, 256, "ota-ws-fault:%s", request->fault);
    image_seal(&request->spec, image);
}

static int build(const request_t *request) {
    image_file_t image =
        request->defect != NULL ? image_build_defective(&request->spec, request->defect) : image_build(&request->spec);
    if (image.bytes == NULL) {
        return complain("cannot build that", request->path);
    }
    if (request->fault != NULL) {
        put_fault(request, &image);
    }
    const int result = write_file(request->path, &image);
    image_free(&image);
    return result;
}

int main(int argc, char **argv) {
    request_t request = {.spec = image_spec_default};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == 'l') {
            list_defects();
            return 0;
        }
        const int result = take_option(&request, option, optarg);
        if (result != 0) {
            return result;
        }
    }
    if (optind + 1 != argc) {
        fputs(help, stderr);
        return 2;
    }
    request.path = argv[optind];
    return build(&request);
}
