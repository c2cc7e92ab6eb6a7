// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "exit_codes.h"
#include "hash_openssl.h"
#include "image/chip.h"
#include "partition_csv.h"

#define DEFAULT_FLASH_SIZE 0x400000
#define DEFAULT_SLOTS_BEHIND_TABLE 0x8000 // at least: nvs, otadata, phy
#define LAST_TABLE 0x40000
#define PROGRAM_UNIT 16 // the strictest that a chip asks for: with flash encryption
#define DEFAULT_CHIP 0x0005

// ---- the chip ----

typedef struct {
    uint16_t chip_id;
    uint16_t revision;
} revision_t;

// A revision of each chip that is sold, and that ESP-IDF's default settings build for.
static uint16_t usual_revision(uint16_t chip_id) {
    static const revision_t revisions[] = {
        {0x0000, 301}, {0x0002, 100}, {0x0005, 4}, {0x0009, 2}, {0x000C, 100}, {0x000D, 2}, {0x0010, 2}, {0x0012, 100},
    };
    for (size_t i = 0; i < sizeof revisions / sizeof revisions[0]; i++) {
        if (revisions[i].chip_id == chip_id) {
            return revisions[i].revision;
        }
    }
    return 0;
}

// The chip that the first image in flash was built for.
static uint16_t chip_of_images(board_t *board) {
    for (size_t i = 0; i < board->table.count; i++) {
        app_image_t app;
        if (board->table.rows[i].type == PARTITION_APP &&
            app_image_describe(&board->nor, &board->table.rows[i], &app)) {
            return app.header.chip_id;
        }
    }
    return DEFAULT_CHIP;
}

static void choose_chip(board_t *board, const options_t *options) {
    uint16_t chip_id = options->chip >= 0 ? (uint16_t)options->chip : chip_of_images(board);
    board->target = (app_target_t){
        .chip_id = chip_id,
        .chip_revision = options->revision >= 0 ? (uint16_t)options->revision : usual_revision(chip_id),
        .checks_efuse = options->efuse_revision >= 0,
        .efuse_revision = options->efuse_revision >= 0 ? (uint16_t)options->efuse_revision : 0,
        .mmu_page_bits = options->mmu_page_size > 0 ? (uint8_t)__builtin_ctz(options->mmu_page_size) : 0,
        .secure_version = options->secure_version,
    };
}

// ---- a new flash file ----

// Of a chip, or 0x1000 or 0x2000 later: SOC_ESP_ROM_BOOTLOADER_OFFSET.
static uint32_t bootloader_address(uint16_t chip_id) {
    static const uint16_t at_0x1000[] = {0x0000, 0x0002};                 // ESP32, S2
    static const uint16_t at_0x2000[] = {0x0012, 0x0017, 0x001C, 0x0020}; // P4, C5, H4, S31
    for (size_t i = 0; i < sizeof at_0x1000 / sizeof at_0x1000[0]; i++) {
        if (chip_id == at_0x1000[i]) {
            return 0x1000;
        }
    }
    for (size_t i = 0; i < sizeof at_0x2000 / sizeof at_0x2000[0]; i++) {
        if (chip_id == at_0x2000[i]) {
            return 0x2000;
        }
    }
    return 0;
}

// The chip of a new device: the one that was asked for, or that of the image.
static uint16_t chip_of_new(const options_t *options) {
    uint8_t head[OTA_WS_IMAGE_HEAD_SIZE];
    ota_ws_image_t image;
    FILE *file = options->chip < 0 ? fopen(options->image, "rbe") : NULL;
    size_t length = file == NULL ? 0 : fread(head, 1, sizeof head, file);
    if (file != NULL) {
        fclose(file);
    }
    ota_ws_image_init(&image);
    ota_ws_image_feed(&image, head, length);
    uint16_t of_image = ota_ws_image_head_known(&image) ? image.header.chip_id : DEFAULT_CHIP;
    return options->chip >= 0 ? (uint16_t)options->chip : of_image;
}

static partition_layout_t layout_of_new(const options_t *options) {
    return (partition_layout_t){
        .table = options->table_offset,
        .bootloader = bootloader_address(chip_of_new(options)),
        .recovery = options->recovery_offset != 0 ? options->recovery_offset : PARTITION_NOWHERE,
    };
}

// otadata and two equal OTA slots that fill the flash.
static bool make_default_table(partition_table_t *table, uint32_t flash_size, const partition_layout_t *layout,
                               partition_error_t *error) {
    char text[256];
    int64_t unit = PARTITION_APP_ALIGNMENT;
    int64_t start = (layout->table + DEFAULT_SLOTS_BEHIND_TABLE + unit - 1) / unit * unit;
    uint32_t space = flash_size > start ? (uint32_t)(flash_size - start) : 0;
    uint32_t slot = space / 2 / PARTITION_APP_ALIGNMENT * PARTITION_APP_ALIGNMENT;
    int length = snprintf(text, sizeof text,
                          "nvs,data,nvs,,0x4000\notadata,data,ota,,0x2000\nphy_init,data,phy,,0x1000\n"
                          "ota_0,app,ota_0,,0x%" PRIx32 "\nota_1,app,ota_1,,0x%" PRIx32 "\n",
                          slot, slot);
    const partition_csv_t csv = {text, (size_t)length, *layout};
    return partition_csv_parse_at(table, &csv, error);
}

static int make_table(board_t *board, const options_t *options, const console_t *console) {
    partition_error_t error = {""};
    uint8_t bytes[PARTITION_TABLE_SIZE];
    const partition_layout_t layout = layout_of_new(options);
    bool ok = options->partitions != NULL ? partition_csv_load(&board->table, options->partitions, &layout, &error)
                                          : make_default_table(&board->table, board->nor.size, &layout, &error);
    if (!ok || !partition_table_check(&board->table, board->nor.size, &error)) {
        console_log(console, "flash", "%s%s%s", options->partitions != NULL ? options->partitions : "",
                    options->partitions != NULL ? ": " : "", error.text);
        return EXIT_PARTITIONS;
    }
    partition_table_encode(&board->table, bytes);
    ota_ws_status_t status = nor_program(&board->nor, board->table_address, bytes, sizeof bytes);
    return status == OTA_WS_OK ? EXIT_ENDED : EXIT_FLASH_FILE;
}

static bool write_file(board_t *board, const partition_t *partition, FILE *file) {
    uint8_t bytes[NOR_SECTOR_SIZE];
    uint32_t offset = 0;
    size_t length;
    memset(bytes, 0xFF, sizeof bytes);
    while ((length = fread(bytes, 1, sizeof bytes, file)) > 0) {
        size_t padded = (length + PROGRAM_UNIT - 1) / PROGRAM_UNIT * PROGRAM_UNIT;
        if (padded > partition->size - offset ||
            nor_program(&board->nor, partition->address + offset, bytes, padded) != OTA_WS_OK) {
            return false;
        }
        offset += (uint32_t)padded;
        memset(bytes, 0xFF, sizeof bytes);
    }
    return ferror(file) == 0;
}

static int write_image(board_t *board, const options_t *options, const console_t *console) {
    const partition_t *factory = partition_table_find(&board->table, PARTITION_APP, PARTITION_FACTORY);
    const partition_t *partition = factory != NULL ? factory : partition_table_ota(&board->table, 0);
    FILE *file = fopen(options->image, "rbe");
    if (file == NULL) {
        console_log(console, "flash", "%s cannot be read: %s", options->image, strerror(errno));
        return EXIT_IMAGE;
    }
    bool written = write_file(board, partition, file);
    fclose(file);
    if (!written) {
        console_log(console, "flash", "%s cannot be written to %s (%" PRIu32 " KiB)", options->image, partition->label,
                    partition->size / 1024);
        return EXIT_IMAGE;
    }
    choose_chip(board, options);
    ota_ws_status_t status = app_image_verify(&board->nor, partition, &board->target, &ota_ws_hash_openssl);
    if (status != OTA_WS_OK) {
        const char *chip = ota_ws_chip_name(board->target.chip_id);
        console_log(console, "flash", "%s does not start on this device (%s): %s", options->image,
                    chip != NULL ? chip : "an unknown chip", ota_ws_status_name(status));
        return EXIT_IMAGE;
    }
    console_log(console, "flash", "%s is in %s", options->image, partition->label);
    return EXIT_ENDED;
}

static void init_nor(board_t *board) {
    board->nor =
        (nor_t){.medium = flash_file_medium(&board->file), .size = board->file.size, .program_unit = PROGRAM_UNIT};
}

static int make_flash(board_t *board, const options_t *options, const console_t *console) {
    if (options->image == NULL) {
        console_log(console, "flash", "there is no %s; with --image FILE a new one is made", options->flash);
        return EXIT_IMAGE;
    }
    uint32_t size = options->flash_size != 0 ? options->flash_size : DEFAULT_FLASH_SIZE;
    if (flash_file_create(&board->file, options->flash, size) != FLASH_FILE_OPENED) {
        console_log(console, "flash", "%s", board->file.error);
        return EXIT_FLASH_FILE;
    }
    init_nor(board);
    console_log(console, "flash", "%s is new, %" PRIu32 " KiB", options->flash, size / 1024);
    int code = make_table(board, options, console);
    if (code == EXIT_ENDED) {
        code = write_image(board, options, console);
    }
    if (code != EXIT_ENDED) {
        unlink(options->flash);
        board_close(board);
    }
    return code;
}

// ---- an existing one ----

static bool table_lies_at(board_t *board, uint32_t address, partition_error_t *error) {
    uint8_t bytes[PARTITION_TABLE_SIZE];
    return nor_read(&board->nor, address, bytes, sizeof bytes) == OTA_WS_OK &&
           partition_table_decode(&board->table, bytes, error);
}

// Where a table lies, if it is at none of the usual places; 0: nowhere.
static uint32_t search_table(board_t *board) {
    partition_error_t unused;
    for (uint32_t at = NOR_SECTOR_SIZE; at <= LAST_TABLE && at < board->nor.size; at += NOR_SECTOR_SIZE) {
        if (table_lies_at(board, at, &unused)) {
            return at;
        }
    }
    return 0;
}

static int read_table(board_t *board, const console_t *console) {
    partition_error_t error = {"this lies behind its end"};
    if (board->table_address < board->nor.size && table_lies_at(board, board->table_address, &error)) {
        return EXIT_ENDED;
    }
    console_log(console, "flash", "at 0x%" PRIx32 ": %s", board->table_address, error.text);
    uint32_t found = search_table(board);
    if (found != 0) {
        console_log(console, "flash", "there is one at 0x%" PRIx32 ": --partition-table-offset 0x%" PRIx32, found,
                    found);
    }
    return EXIT_PARTITIONS;
}

static int check_table(board_t *board, const console_t *console) {
    partition_error_t error = {""};
    if (!partition_table_check(&board->table, board->nor.size, &error)) {
        console_log(console, "flash", "%s", error.text);
        return EXIT_PARTITIONS;
    }
    return EXIT_ENDED;
}

static int complete_dump(board_t *board, const options_t *options, const console_t *console) {
    uint32_t present = board->file.present;
    if (present == board->file.size) {
        return EXIT_ENDED;
    }
    if (flash_file_complete(&board->file, options->flash) != FLASH_FILE_OPENED) {
        console_log(console, "flash", "%s", board->file.error);
        return EXIT_FLASH_FILE;
    }
    console_log(console, "flash", "%s had %" PRIu32 " bytes; it is filled up with 0xFF to %" PRIu32 " KiB",
                options->flash, present, board->file.size / 1024);
    return EXIT_ENDED;
}

static int use_flash(board_t *board, const options_t *options, const console_t *console) {
    init_nor(board);
    if (options->image != NULL || options->partitions != NULL) {
        console_log(console, "flash", "%s exists: --image and --partitions are for a new one, not used",
                    options->flash);
    }
    int code = read_table(board, console);
    if (code == EXIT_ENDED) {
        code = check_table(board, console);
    } else if (board->file.present < board->file.size) {
        console_log(console, "flash", "%s has %" PRIu32 " bytes: that is no size of a flash chip", options->flash,
                    board->file.present);
        code = EXIT_FLASH_FILE;
    }
    if (code == EXIT_ENDED) {
        code = complete_dump(board, options, console);
    }
    if (code != EXIT_ENDED) {
        board_close(board);
    }
    return code;
}

int board_open(board_t *board, const options_t *options, const console_t *console) {
    memset(board, 0, sizeof *board);
    board->table_address = options->table_offset;
    int code = EXIT_FLASH_FILE;
    switch (flash_file_open(&board->file, options->flash, options->flash_size)) {
    case FLASH_FILE_OPENED:
        code = use_flash(board, options, console);
        break;
    case FLASH_FILE_ABSENT:
        code = make_flash(board, options, console);
        break;
    case FLASH_FILE_FAILED:
    default:
        console_log(console, "flash", "%s", board->file.error);
        break;
    }
    if (code != EXIT_ENDED) {
        return code;
    }
    choose_chip(board, options);
    if (options->timing != NULL) {
        nor_timing_init(&board->timing, nor_part_find(options->timing));
        board->nor.watch = &board->timing.watch;
    }
    return EXIT_ENDED;
}

int board_view(board_t *board, const options_t *options, const console_t *console) {
    memset(board, 0, sizeof *board);
    board->table_address = options->table_offset;
    if (flash_file_view(&board->file, options->flash) != FLASH_FILE_OPENED) {
        console_log(console, "flash", "%s", board->file.error);
        return EXIT_FLASH_FILE;
    }
    init_nor(board);
    int code = read_table(board, console);
    if (code == EXIT_ENDED) {
        choose_chip(board, options);
    } else {
        board_close(board);
    }
    return code;
}

void board_close(board_t *board) {
    flash_file_close(&board->file);
}
