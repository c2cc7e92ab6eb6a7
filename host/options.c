// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exit_codes.h"
#include "image/chip.h"
#include "nor.h"
#include "nor_timing.h"
#include "partition_table.h"
#include "session/device.h"
#include "worker.h"

static const char help[] =
    "ota-ws-device: a virtual ESP32 with ota_ws_update on its web server.\n"
    "\n"
    "usage: ota-ws-device --flash FILE --image FILE [options]   the first time\n"
    "       ota-ws-device --flash FILE [options]                afterwards\n"
    "       ota-ws-device --flash FILE --show\n"
    "\n"
    "The chip\n"
    "  --flash FILE          the flash chip: a file in the layout of a real one. --image makes a new one;\n"
    "                        a dump of a chip's flash works too. FILE.nvs beside it keeps the pairing code\n"
    "  --flash-size SIZE     4M when it is made; else the file must have this size\n"
    "  --partitions FILE     partitions.csv for a new flash file; default: otadata and two equal OTA slots\n"
    "  --partition-table-offset ADDRESS  where the table lies in flash, each time (0x8000)\n"
    "  --recovery-bootloader-offset ADDRESS  for a row of that kind in the partitions.csv\n"
    "  --image FILE          application image for a new flash file, in factory or ota_0\n"
    "  --chip NAME           esp32, esp32s2, esp32s3, esp32c2, esp32c3, esp32c5, esp32c6, esp32c61, esp32h2,\n"
    "                        esp32p4 ...; default: the chip that the image in flash is for\n"
    "  --chip-revision N     3.1 for example\n"
    "  --efuse-revision N    revision of the eFuse block that images must fit; default: not looked at\n"
    "  --mmu-page-size SIZE  8K, 16K, 32K or 64K: pages of the flash MMU that images must be built for; default: any\n"
    "  --secure-version N    lowest secure version that may start (0)\n"
    "  --timing PART         none, w25q32jv or gd25q32: as slow as this flash chip\n"
    "  --boot-time MS        how long a restart takes (1000)\n"
    "  --show                print partitions, boot record and images, and end\n"
    "\n"
    "The network\n"
    "  --bind ADDRESS        address to listen on (127.0.0.1)\n"
    "  --port N              port (8070); 0: any free one, the console says which\n"
    "  --cert FILE --key FILE  PEM files: https and wss instead of http and ws\n"
    "  --name NAME           host name of the device (ota-demo.local)\n"
    "                        Not on loopback, Avahi announces the device under that name, for 'ota-ws discover'\n"
    "  --uri PATH            path of the update page (" OPTIONS_URI "); the WebSocket stays at /ota/ws\n"
    "  --small-page          the small update page (OTA_WS_PAGE_SMALL), in place of the full one\n"
    "\n"
    "Updates\n"
    "  --password-file FILE  first line: the password; default: a pairing code, made at the first start\n"
    "  --unprotected         no password: everybody who reaches the device can replace its firmware. Loopback only\n"
    "  --trial-timeout S     a new image goes back when not confirmed in S seconds (300); 0: it waits\n"
    "  --stall-timeout S     an update without data fails after S seconds (30)\n"
    "  --health FILE         asked once a second during a trial, as an application would be: \"good\" in FILE\n"
    "                        confirms the new image, \"bad\" goes back, anything else waits\n"
    "  --prepare             keep the slot of the next update blank, as 'ota-ws prepare --yes' would; the way back\n"
    "                        to the image in it goes with that\n"
    "  --any-project         accept images of other projects\n"
    "  --signing-key FILE    public key (PEM, RSA-3072 or P-256): only images signed with it are taken\n"
    "  --encrypted-key FILE  private key (PEM, RSA-3072 or P-256): only images encrypted for it are taken\n"
    "  --chunk BYTES         largest data frame (8192)\n"
    "  --credit BYTES        bytes that may be under way (32768)\n"
    "  --ring SIZE           bytes that wait for flash at most (17664)\n"
    "\n"
    "  --help                this\n"
    "  --version             the release\n"
    "\n"
    "SIGINT and SIGTERM end it. " EXIT_CODES_HELP;

typedef enum { TEXT, FLAG, NUMBER, SIZE, POWER, PORT, CHIP, REVISION, TIMING, NAME, URI } kind_t;

// One option: how its value is read, and where it goes.
typedef struct {
    const char *name;
    kind_t kind;
    size_t offset;
    uint32_t low; // NUMBER, SIZE, POWER
    uint32_t high;
    uint32_t unit; // SIZE: a multiple of it
} row_t;

#define AT(member) offsetof(options_t, member)

static const row_t rows[] = {
    {"flash", TEXT, AT(flash), 0, 0, 0},
    {"flash-size", SIZE, AT(flash_size), NOR_BLOCK_SIZE, INT32_MAX, NOR_BLOCK_SIZE},
    {"partitions", TEXT, AT(partitions), 0, 0, 0},
    {"partition-table-offset", SIZE, AT(table_offset), NOR_SECTOR_SIZE, INT32_MAX, NOR_SECTOR_SIZE},
    {"recovery-bootloader-offset", SIZE, AT(recovery_offset), NOR_SECTOR_SIZE, INT32_MAX, NOR_SECTOR_SIZE},
    {"image", TEXT, AT(image), 0, 0, 0},
    {"chip", CHIP, AT(chip), 0, 0, 0},
    {"chip-revision", REVISION, AT(revision), 0, 0, 0},
    {"efuse-revision", REVISION, AT(efuse_revision), 0, 0, 0},
    {"mmu-page-size", POWER, AT(mmu_page_size), 0x2000, 0x10000, 1},
    {"secure-version", NUMBER, AT(secure_version), 0, UINT32_MAX, 0},
    {"timing", TIMING, AT(timing), 0, 0, 0},
    {"boot-time", NUMBER, AT(boot_time_ms), 0, 3600000, 0},
    {"show", FLAG, AT(show), 0, 0, 0},
    {"bind", TEXT, AT(bind), 0, 0, 0},
    {"port", PORT, AT(port), 0, UINT16_MAX, 0},
    {"cert", TEXT, AT(certificate), 0, 0, 0},
    {"key", TEXT, AT(key), 0, 0, 0},
    {"name", NAME, AT(name), 0, 0, 0},
    {"uri", URI, AT(uri), 0, 0, 0},
    {"small-page", FLAG, AT(small_page), 0, 0, 0},
    {"password-file", TEXT, AT(password_file), 0, 0, 0},
    {"unprotected", FLAG, AT(unprotected), 0, 0, 0},
    {"trial-timeout", NUMBER, AT(trial_timeout_s), 0, INT32_MAX / 1000, 0},
    {"stall-timeout", NUMBER, AT(stall_timeout_s), 1, INT32_MAX / 1000, 0},
    {"health", TEXT, AT(health), 0, 0, 0},
    {"prepare", FLAG, AT(prepare), 0, 0, 0},
    {"any-project", FLAG, AT(any_project), 0, 0, 0},
    {"signing-key", TEXT, AT(signing_key), 0, 0, 0},
    {"encrypted-key", TEXT, AT(encrypted_key), 0, 0, 0},
    {"chunk", SIZE, AT(chunk), OTA_WS_CHUNK_MIN, OTA_WS_CHUNK_MAX, 1},
    {"credit", SIZE, AT(credit), 2 * OTA_WS_CHUNK_MIN, INT32_MAX, 1},
    {"ring", SIZE, AT(ring), WORKER_RING_MIN, WORKER_RING_MAX, 1},
    {"help", FLAG, AT(help), 0, 0, 0},
    {"version", FLAG, AT(version), 0, 0, 0},
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

// ---- values ----

static bool read_number(const char *text, uint32_t limit, uint32_t *value) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || number > limit) {
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

bool options_size(const char *text, uint32_t *size) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 0);
    if (!isdigit((unsigned char)text[0]) || errno != 0) {
        return false;
    }
    unsigned long long unit = 1;
    if (*end == 'K' || *end == 'k') {
        unit = 1024;
    } else if (*end == 'M' || *end == 'm') {
        unit = 1024 * 1024;
    }
    const char *rest = unit == 1 ? end : end + 1;
    bool is_end = *rest == '\0' || (unit > 1 && strcasecmp(rest, "B") == 0);
    if (!is_end || number == 0 || number > INT32_MAX / unit) {
        return false;
    }
    *size = (uint32_t)(number * unit);
    return true;
}

// "3.1" or "301".
static bool read_revision(const char *text, int *revision) {
    uint32_t major;
    uint32_t minor = 0;
    char copy[16];
    if (strlen(text) >= sizeof copy) {
        return false;
    }
    strcpy(copy, text);
    char *point = strchr(copy, '.');
    if (point == NULL) {
        bool ok = read_number(copy, 9999, &minor);
        *revision = (int)minor;
        return ok;
    }
    *point = '\0';
    bool ok = read_number(copy, 99, &major) && read_number(point + 1, 99, &minor);
    *revision = ok ? (int)(major * 100 + minor) : -1;
    return ok;
}

static bool read_size(const row_t *row, const char *text, uint32_t *size) {
    return options_size(text, size) && *size >= row->low && *size <= row->high && *size % row->unit == 0;
}

// A size that is a power of two.
static bool read_power(const row_t *row, const char *text, uint32_t *size) {
    return read_size(row, text, size) && (*size & (*size - 1)) == 0;
}

static bool read_port(const row_t *row, const char *text, int *port) {
    uint32_t number = 0;
    bool ok = read_number(text, row->high, &number);
    *port = (int)number;
    return ok;
}

static bool read_chip(const char *text, int *chip) {
    *chip = ota_ws_chip_id(text);
    return *chip >= 0;
}

static bool read_timing(const char *text, const char **timing) {
    *timing = strcmp(text, "none") == 0 ? NULL : text;
    return *timing == NULL || nor_part_find(text) != NULL;
}

// A path without a query, and without a '/' at its end but the one of "/".
static bool read_uri(const char *text, const char **uri) {
    size_t length = strlen(text);
    *uri = text;
    return text[0] == '/' && length <= OPTIONS_URI_MAX && (length == 1 || text[length - 1] != '/') &&
           strspn(text, "/-_.~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == length &&
           strstr(text, "//") == NULL && strcmp(text, ota_ws_default_settings.ws_uri) != 0;
}

static bool read_value(const row_t *row, const char *text, options_t *options) {
    void *to = (char *)options + row->offset;
    switch (row->kind) {
    case FLAG:
        *(bool *)to = true;
        return true;
    case NUMBER:
        return read_number(text, row->high, to);
    case SIZE:
        return read_size(row, text, to);
    case POWER:
        return read_power(row, text, to);
    case PORT:
        return read_port(row, text, to);
    case CHIP:
        return read_chip(text, to);
    case REVISION:
        return read_revision(text, to);
    case TIMING:
        return read_timing(text, to);
    case NAME:
        *(const char **)to = text;
        return text[0] != '\0' && strlen(text) <= OPTIONS_NAME_MAX;
    case URI:
        return read_uri(text, to);
    case TEXT:
    default:
        *(const char **)to = text;
        return true;
    }
}

// ---- between the options ----

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static const char *find_contradiction(const options_t *options) {
    if (options->flash == NULL) {
        return "--flash FILE is needed (--help says more)";
    }
    if ((options->certificate == NULL) != (options->key == NULL)) {
        return "--cert and --key belong together";
    }
    if (options->unprotected && options->password_file != NULL) {
        return "--unprotected and --password-file contradict each other";
    }
    if (options->unprotected && !is_loopback(options->bind)) {
        return "--unprotected is for loopback addresses only: --bind another one";
    }
    if (options->credit < 2 * options->chunk) {
        return "--credit must be at least two chunks";
    }
    return NULL;
}

static bool read_all(options_t *options, int count, char *const arguments[]) {
    struct option known[ROW_COUNT + 1] = {0};
    for (size_t i = 0; i < ROW_COUNT; i++) {
        known[i] = (struct option){rows[i].name, rows[i].kind == FLAG ? no_argument : required_argument, NULL, 0};
    }
    int index = 0;
    int found;
    optind = 1;
    while ((found = getopt_long(count, arguments, "", known, &index)) != -1) {
        if (found == '?') {
            return false; // getopt has said it
        }
        if (!read_value(&rows[index], optarg, options)) {
            fprintf(stderr, "ota-ws-device: --%s cannot be '%s' (--help says more)\n", rows[index].name, optarg);
            return false;
        }
    }
    if (optind < count) {
        fprintf(stderr, "ota-ws-device: '%s' is no option (--help says more)\n", arguments[optind]);
        return false;
    }
    return true;
}

options_result_t options_parse(options_t *options, int count, char *const arguments[]) {
    *options = (options_t){
        .table_offset = PARTITION_TABLE_ADDRESS,
        .chip = -1,
        .revision = -1,
        .efuse_revision = -1,
        .bind = "127.0.0.1",
        .port = 8070,
        .name = "ota-demo.local",
        .uri = OPTIONS_URI,
        .trial_timeout_s = ota_ws_default_settings.trial_timeout_ms / 1000,
        .stall_timeout_s = ota_ws_default_settings.stall_timeout_ms / 1000,
        .boot_time_ms = 1000,
        .chunk = ota_ws_default_settings.chunk,
        .credit = ota_ws_default_settings.credit,
        .ring = 17664,
    };
    if (!read_all(options, count, arguments)) {
        return OPTIONS_WRONG;
    }
    if (options->help) {
        fputs(help, stdout);
        return OPTIONS_HELP;
    }
    if (options->version) {
        puts("ota-ws-device " OTA_WS_RELEASE " (protocol version 1)");
        return OPTIONS_HELP;
    }
    const char *wrong = find_contradiction(options);
    if (wrong != NULL) {
        fprintf(stderr, "ota-ws-device: %s\n", wrong);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
