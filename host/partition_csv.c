// SPDX-License-Identifier: Apache-2.0
// Three passes, as ESP-IDF's tool makes them: each line into a row, then missing offsets and sizes "up to an address",
// then what must hold between and in the rows. Stricter in nothing: what ESP-IDF takes is taken.
#include "partition_csv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "partition_names.h"

#define FIELD_COUNT 6
#define LINE_SIZE 256
#define FILE_MAX 65536
#define NVS_MIN 0x3000 // of one that is written to
#define APP_SIZE_UNIT 0x1000

enum { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS };

typedef struct {
    partition_table_t *table;
    partition_error_t *error;
    int line;
    int lines[PARTITION_MAX];        // where each row stands
    bool open_offset[PARTITION_MAX]; // the offset was left empty
    int64_t sizes[PARTITION_MAX];    // negative: up to that address
} csv_t;

__attribute__((format(printf, 2, 3))) static bool refuse(csv_t *csv, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(csv->error->text, sizeof csv->error->text, "line %d: ", csv->line);
    vsnprintf(csv->error->text + length, sizeof csv->error->text - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

// ---- fields --------------------------------------------------------------------------------------------------------

static char *trim(char *text) {
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = '\0';
    }
    return text;
}

// Missing fields are "", those behind the sixth are not looked at.
static void split(char *line, char *fields[FIELD_COUNT]) {
    char *end = line + strlen(line);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char *comma = strchr(line, ',');
        if (comma != NULL) {
            *comma = '\0';
        }
        fields[i] = trim(line);
        line = comma == NULL ? end : comma + 1;
    }
}

static int64_t multiplier(char *text) {
    size_t length = strlen(text);
    char last = (char)(length > 0 ? tolower((unsigned char)text[length - 1]) : '\0');
    if (last != 'k' && last != 'm') {
        return 1;
    }
    text[length - 1] = '\0';
    return last == 'k' ? 1024 : 1024 * 1024;
}

static int base_of(const char *digits) {
    if (digits[0] != '0' || digits[1] == '\0') {
        return 10;
    }
    char mark = (char)tolower((unsigned char)digits[1]);
    return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
}

// Decimal, 0x, 0o or 0b, with K or M behind and a minus before it. Below 2^32 in size.
static bool read_number(const char *field, int64_t *value) {
    char text[40];
    if (strlen(field) >= sizeof text) {
        return false;
    }
    strcpy(text, field);
    int64_t factor = multiplier(text);
    const char *digits = text[0] == '-' ? text + 1 : text;
    int base = base_of(digits);
    const char *start = base == 10 ? digits : digits + 2;
    if (!isxdigit((unsigned char)start[0])) {
        return false;
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(start, &end, base);
    if (*end != '\0' || errno != 0 || number > UINT32_MAX || number * (uint64_t)factor > UINT32_MAX) {
        return false;
    }
    *value = (int64_t)number * factor * (text[0] == '-' ? -1 : 1);
    return true;
}

static bool read_byte(csv_t *csv, const char *what, const char *field, int known, uint8_t *value) {
    int64_t number = known;
    if (known < 0 && !read_number(field, &number)) {
        return refuse(csv, "'%s' is no %s that is known", field, what);
    }
    if (number < 0 || number > UINT8_MAX) {
        return refuse(csv, "%s '%s' is not between 0 and 255", what, field);
    }
    *value = (uint8_t)number;
    return true;
}

static bool read_kind(csv_t *csv, char *fields[FIELD_COUNT], partition_t *row) {
    if (fields[TYPE][0] == '\0') {
        return refuse(csv, "the type must not be empty");
    }
    if (!read_byte(csv, "type", fields[TYPE], partition_type_number(fields[TYPE]), &row->type)) {
        return false;
    }
    if (fields[SUBTYPE][0] == '\0') {
        row->subtype = (uint8_t)partition_subtype_number(PARTITION_DATA, "undefined");
        return row->type != PARTITION_APP || refuse(csv, "an app partition needs a subtype");
    }
    return read_byte(csv, "subtype", fields[SUBTYPE], partition_subtype_number(row->type, fields[SUBTYPE]),
                     &row->subtype);
}

static bool read_place(csv_t *csv, char *fields[FIELD_COUNT], partition_t *row) {
    size_t index = csv->table->count;
    int64_t offset = 0;
    csv->open_offset[index] = fields[OFFSET][0] == '\0';
    if (!csv->open_offset[index] && (!read_number(fields[OFFSET], &offset) || offset < 0)) {
        return refuse(csv, "'%s' is no offset", fields[OFFSET]);
    }
    row->address = (uint32_t)offset;
    if (fields[SIZE][0] == '\0') {
        return refuse(csv, "the size must not be empty");
    }
    return read_number(fields[SIZE], &csv->sizes[index]) || refuse(csv, "'%s' is no size", fields[SIZE]);
}

static bool read_flags(csv_t *csv, char *field, partition_t *row) {
    char *rest;
    for (char *flag = strtok_r(field, ":", &rest); flag != NULL; flag = strtok_r(NULL, ":", &rest)) {
        if (strcmp(flag, "encrypted") == 0) {
            row->flags |= PARTITION_ENCRYPTED;
        } else if (strcmp(flag, "readonly") == 0) {
            row->flags |= PARTITION_READONLY;
        } else {
            return refuse(csv, "'%s' is no flag that is known (encrypted, readonly)", flag);
        }
    }
    return true;
}

static bool read_line(csv_t *csv, char *line) {
    char *text = trim(line);
    if (text[0] == '\0' || text[0] == '#') {
        return true;
    }
    if (csv->table->count == PARTITION_MAX) {
        return refuse(csv, "there are more than %d partitions", PARTITION_MAX);
    }
    char *fields[FIELD_COUNT];
    split(text, fields);
    partition_t *row = &csv->table->rows[csv->table->count];
    memcpy(row->label, fields[NAME], strnlen(fields[NAME], PARTITION_LABEL_SIZE - 1)); // cut, as ESP-IDF does
    if (!read_kind(csv, fields, row) || !read_place(csv, fields, row) || !read_flags(csv, fields[FLAGS], row)) {
        return false;
    }
    csv->lines[csv->table->count++] = csv->line;
    return true;
}

// ---- between the rows ----------------------------------------------------------------------------------------------

static uint32_t alignment(const partition_t *row) {
    return row->type == PARTITION_APP ? PARTITION_APP_ALIGNMENT : PARTITION_DATA_ALIGNMENT;
}

static bool place_row(csv_t *csv, size_t index, int64_t *end) {
    partition_t *row = &csv->table->rows[index];
    csv->line = csv->lines[index];
    if (!csv->open_offset[index] && row->address < *end) {
        return refuse(csv, "partition '%s' at 0x%" PRIx32 " overlaps what ends at 0x%" PRIx64 "%s", row->label,
                      row->address, (uint64_t)*end, index == 0 ? " (the partition table)" : "");
    }
    int64_t unit = alignment(row);
    int64_t address = csv->open_offset[index] ? (*end + unit - 1) / unit * unit : row->address;
    int64_t size = csv->sizes[index] < 0 ? -csv->sizes[index] - address : csv->sizes[index];
    if (size < 0 || address + size > UINT32_MAX) {
        return refuse(csv, "the size of partition '%s' does not fit", row->label);
    }
    row->address = (uint32_t)address;
    row->size = (uint32_t)size;
    *end = address + size;
    return true;
}

static bool place_rows(csv_t *csv) {
    int64_t end = PARTITION_TABLE_ADDRESS + PARTITION_TABLE_SECTOR;
    for (size_t i = 0; i < csv->table->count; i++) {
        if (!place_row(csv, i, &end)) {
            return false;
        }
    }
    return true;
}

static bool is_data(const partition_t *row, uint8_t subtype) {
    return row->type == PARTITION_DATA && row->subtype == subtype;
}

static bool verify_row(csv_t *csv, const partition_t *row) {
    bool readonly = (row->flags & PARTITION_READONLY) != 0;
    if (row->address % alignment(row) != 0) {
        return refuse(csv, "the offset 0x%" PRIx32 " of partition '%s' is no multiple of 0x%" PRIx32, row->address,
                      row->label, alignment(row));
    }
    if (row->type == PARTITION_APP && row->size % APP_SIZE_UNIT != 0) {
        return refuse(csv, "the size 0x%" PRIx32 " of app partition '%s' is no multiple of 0x%x", row->size, row->label,
                      APP_SIZE_UNIT);
    }
    if (is_data(row, PARTITION_OTADATA) && row->size != PARTITION_OTADATA_SIZE) {
        return refuse(csv, "the otadata partition '%s' must have the size 0x2000", row->label);
    }
    if (readonly && (is_data(row, PARTITION_OTADATA) || is_data(row, PARTITION_COREDUMP))) {
        return refuse(csv, "partition '%s' is always written to and cannot be readonly", row->label);
    }
    if (!readonly && is_data(row, PARTITION_NVS) && row->size < NVS_MIN) {
        return refuse(csv, "the nvs partition '%s' is smaller than 0x%x and must be readonly", row->label, NVS_MIN);
    }
    return true;
}

static bool verify_against_earlier(csv_t *csv, size_t index) {
    const partition_t *row = &csv->table->rows[index];
    for (size_t i = 0; i < index; i++) {
        const partition_t *earlier = &csv->table->rows[i];
        if (strcmp(earlier->label, row->label) == 0) {
            return refuse(csv, "the name '%s' is taken by line %d", row->label, csv->lines[i]);
        }
        if (is_data(row, PARTITION_OTADATA) && is_data(earlier, PARTITION_OTADATA)) {
            return refuse(csv, "there is an otadata partition already, in line %d", csv->lines[i]);
        }
    }
    return true;
}

static bool verify_rows(csv_t *csv) {
    for (size_t i = 0; i < csv->table->count; i++) {
        csv->line = csv->lines[i];
        if (!verify_row(csv, &csv->table->rows[i]) || !verify_against_earlier(csv, i)) {
            return false;
        }
    }
    return csv->table->count > 0 || refuse(csv, "there is no partition in it");
}

// ---- text ----------------------------------------------------------------------------------------------------------

static bool read_lines(csv_t *csv, const char *text, size_t length) {
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t size = newline == NULL ? length : (size_t)(newline - text);
        char line[LINE_SIZE];
        csv->line++;
        if (size >= sizeof line || memchr(text, '\0', size) != NULL) {
            return refuse(csv, "this is no line of a partition table");
        }
        memcpy(line, text, size);
        line[size] = '\0';
        if (!read_line(csv, line)) {
            return false;
        }
        size_t taken = newline == NULL ? size : size + 1;
        text += taken;
        length -= taken;
    }
    return true;
}

bool partition_csv_parse(partition_table_t *table, const char *text, size_t length, partition_error_t *error) {
    csv_t csv = {.table = table, .error = error};
    memset(table, 0, sizeof *table);
    memset(error, 0, sizeof *error);
    return read_lines(&csv, text, length) && place_rows(&csv) && verify_rows(&csv);
}

bool partition_csv_load(partition_table_t *table, const char *path, partition_error_t *error) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(FILE_MAX);
    size_t length = file == NULL || text == NULL ? 0 : fread(text, 1, FILE_MAX, file);
    bool ok = file != NULL && text != NULL && length < FILE_MAX && !ferror(file);
    if (!ok) {
        const char *why = file != NULL && length == FILE_MAX ? "it is too long" : strerror(errno);
        snprintf(error->text, sizeof error->text, "%.120s cannot be read: %.60s", path, why);
    } else {
        ok = partition_csv_parse(table, text, length, error);
    }
    free(text);
    if (file != NULL) {
        fclose(file);
    }
    return ok;
}
