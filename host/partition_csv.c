// SPDX-License-Identifier: Apache-2.0
// Three passes, as ESP-IDF's tool makes them: each line into a row, then missing offsets and sizes "up to an address",
// then what must hold between and in the rows. Read beside gen_esp32part.py of v5.1.4, v5.5.5 and v6.0.2, of which the
// later ones take all that the earlier ones do but app sizes that are no multiple of 0x1000. What the tool takes is
// taken, with two exceptions: a table without a partition, and a NUL outside a comment.
// test/partitions/compare.py compares the two over a folder of tables.
#include "partition_csv.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition_names.h"
#include "partition_text.h"

#define FIELD_COUNT 6
#define WORD_SIZE 24
#define FILE_MAX 0x400000
#define LARGEST (INT64_C(1) << 40)
#define NVS_MIN 0x3000 // of one that is written to
#define APP_SIZE_UNIT 0x1000

enum { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS };

// What a row says beside what is in the table.
typedef struct {
    char *name; // whole; the table has its first 16 bytes
    int line;
    bool open_offset; // the offset was left empty
    int64_t address;
    int64_t size; // negative: up to that address
} extra_t;

typedef struct {
    partition_table_t *table;
    const partition_layout_t *layout;
    partition_error_t *error;
    int line;
    extra_t extras[PARTITION_MAX];
} csv_t;

__attribute__((format(printf, 2, 3))) static bool refuse(csv_t *csv, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(csv->error->text, sizeof csv->error->text, "line %d: ", csv->line);
    vsnprintf(csv->error->text + length, sizeof csv->error->text - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

// ---- fields ----

// Missing fields are "", those behind the sixth are not looked at. Each is terminated in `line`.
static void split(char *line, char *fields[FIELD_COUNT]) {
    char *end = line + strlen(line);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        char *comma = strchr(line, ',');
        span_t field = partition_text_trim((span_t){line, comma == NULL ? end : comma});
        char *next = comma == NULL ? end : comma + 1;
        fields[i] = (char *)field.start;
        *(char *)field.end = '\0';
        line = next;
    }
}

// Takes K and M off the end: each multiplies by 1024, or 1024 * 1024.
static span_t take_units(span_t text, int64_t *factor) {
    *factor = 1;
    while (text.end > text.start) {
        char last = (char)tolower((unsigned char)text.end[-1]);
        if (last != 'k' && last != 'm') {
            break;
        }
        *factor *= *factor > UINT32_MAX ? 1 : last == 'k' ? 1024 : 1024 * 1024;
        text.end--;
    }
    return text;
}

// The numbers of words, or -1.
typedef int (*word_number_t)(uint8_t type, const char *word);

static int type_number(uint8_t type, const char *word) {
    (void)type;
    return partition_type_number(word);
}

static int no_number(uint8_t type, const char *word) {
    (void)type;
    (void)word;
    return -1;
}

// A number, or else a word. What is larger than LARGEST is LARGEST.
static bool read_value(const char *field, word_number_t known, uint8_t type, int64_t *value) {
    int64_t factor;
    span_t text = take_units((span_t){field, field + strlen(field)}, &factor);
    if (!partition_text_number(text, value)) {
        char word[WORD_SIZE];
        size_t length = (size_t)(text.end - text.start);
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : 0), text.start);
        *value = known(type, word);
        if (*value < 0) {
            return false;
        }
    }
    int64_t most = LARGEST / factor;
    *value = *value > most ? LARGEST : *value < -most ? -LARGEST : *value * factor;
    return true;
}

// The sentence for a field that is no number, no word.
static bool refuse_field(csv_t *csv, const char *field, const char *what) {
    if (strchr(field, '$') != NULL) {
        return refuse(csv, "'%.40s' is %s; is the environment variable set?", field, what);
    }
    return refuse(csv, "'%.40s' is %s", field, what);
}

static bool read_kind(csv_t *csv, char *fields[FIELD_COUNT], partition_t *row) {
    int64_t number;
    if (fields[TYPE][0] == '\0') {
        return refuse(csv, "the type must not be empty");
    }
    if (!read_value(fields[TYPE], type_number, 0, &number)) {
        return refuse_field(csv, fields[TYPE], "no type that is known");
    }
    if (number < 0 || number > UINT8_MAX) {
        return refuse(csv, "type '%.40s' is not between 0 and 255", fields[TYPE]);
    }
    row->type = (uint8_t)number;
    number = partition_subtype_number(PARTITION_DATA, "undefined");
    if (fields[SUBTYPE][0] == '\0' && row->type == PARTITION_APP) {
        return refuse(csv, "an app partition needs a subtype");
    }
    if (fields[SUBTYPE][0] != '\0' && !read_value(fields[SUBTYPE], partition_subtype_number, row->type, &number)) {
        return refuse_field(csv, fields[SUBTYPE], "no subtype that is known");
    }
    if (number < 0 || number > UINT8_MAX) {
        return refuse(csv, "subtype '%.40s' is not between 0 and 255", fields[SUBTYPE]);
    }
    row->subtype = (uint8_t)number;
    return true;
}

static bool is_primary(const partition_t *row) {
    return (row->type == PARTITION_BOOTLOADER || row->type == PARTITION_TABLE) && row->subtype == PARTITION_PRIMARY;
}

// Where the build puts bootloader and table: what the row says of it does not count.
static bool has_fixed_address(const partition_t *row) {
    return is_primary(row) || (row->type == PARTITION_BOOTLOADER && row->subtype == PARTITION_RECOVERY);
}

static bool read_fixed_address(csv_t *csv, const partition_t *row, int64_t *address) {
    const partition_layout_t *layout = csv->layout;
    *address = row->type == PARTITION_TABLE        ? layout->table
               : row->subtype == PARTITION_PRIMARY ? layout->bootloader
                                                   : layout->recovery;
    return *address != PARTITION_NOWHERE ||
           refuse(csv, "a recovery bootloader needs its place (--recovery-bootloader-offset)");
}

static bool read_address(csv_t *csv, const char *field, const partition_t *row, extra_t *extra) {
    if (has_fixed_address(row)) {
        return read_fixed_address(csv, row, &extra->address);
    }
    extra->open_offset = field[0] == '\0';
    if (!extra->open_offset && (!read_value(field, no_number, 0, &extra->address) || extra->address < 0)) {
        return refuse_field(csv, field, "no offset");
    }
    return true;
}

static bool read_size(csv_t *csv, const char *field, const partition_t *row, extra_t *extra) {
    if (row->type == PARTITION_BOOTLOADER) {
        extra->size = (int64_t)csv->layout->table - csv->layout->bootloader;
        return true;
    }
    if (row->type == PARTITION_TABLE) {
        extra->size = PARTITION_TABLE_SECTOR;
        return true;
    }
    if (field[0] == '\0') {
        return refuse(csv, "the size must not be empty");
    }
    bool is_size = read_value(field, no_number, 0, &extra->size) && extra->size <= UINT32_MAX;
    return is_size || refuse_field(csv, field, "no size");
}

static bool read_flags(csv_t *csv, char *field, partition_t *row) {
    char *rest;
    for (char *flag = strtok_r(field, ":", &rest); flag != NULL; flag = strtok_r(NULL, ":", &rest)) {
        if (strcmp(flag, "encrypted") == 0) {
            row->flags |= PARTITION_ENCRYPTED;
        } else if (strcmp(flag, "readonly") == 0) {
            row->flags |= PARTITION_READONLY;
        } else {
            return refuse(csv, "'%.40s' is no flag that is known (encrypted, readonly)", flag);
        }
    }
    return true;
}

static bool read_row(csv_t *csv, char *text) {
    if (csv->table->count == PARTITION_MAX) {
        return refuse(csv, "there are more than %d partitions", PARTITION_MAX);
    }
    char *fields[FIELD_COUNT];
    split(text, fields);
    partition_t *row = &csv->table->rows[csv->table->count];
    extra_t *extra = &csv->extras[csv->table->count++];
    extra->line = csv->line;
    extra->name = strdup(fields[NAME]);
    memcpy(row->label, fields[NAME], strnlen(fields[NAME], PARTITION_LABEL_SIZE - 1)); // cut, as ESP-IDF does
    return (extra->name != NULL || refuse(csv, "there is no memory for it")) && read_kind(csv, fields, row) &&
           read_address(csv, fields[OFFSET], row, extra) && read_size(csv, fields[SIZE], row, extra) &&
           read_flags(csv, fields[FLAGS], row);
}

// Variables are filled in first, in comments too.
static bool read_line(csv_t *csv, span_t line) {
    char *expanded = partition_text_expand(line);
    if (expanded == NULL) {
        return refuse(csv, "there is no memory for it");
    }
    span_t text = partition_text_trim((span_t){expanded, expanded + strlen(expanded)});
    bool is_row = text.start < text.end && *text.start != '#';
    *(char *)text.end = '\0';
    bool ok = !is_row || read_row(csv, (char *)text.start);
    free(expanded);
    return ok;
}

// ---- between the rows ----

static uint32_t alignment(const partition_t *row) {
    return row->type == PARTITION_APP ? PARTITION_APP_ALIGNMENT : PARTITION_DATA_ALIGNMENT;
}

static bool store_place(csv_t *csv, size_t index) {
    partition_t *row = &csv->table->rows[index];
    const extra_t *extra = &csv->extras[index];
    if (extra->address > UINT32_MAX) {
        return refuse(csv, "partition '%s' does not fit into 4 GiB", row->label);
    }
    if (extra->size < 0 || extra->size > UINT32_MAX) {
        return refuse(csv, "the size of partition '%s' does not fit", row->label);
    }
    row->address = (uint32_t)extra->address;
    row->size = (uint32_t)extra->size;
    return true;
}

static bool place_row(csv_t *csv, size_t index, int64_t *end) {
    partition_t *row = &csv->table->rows[index];
    extra_t *extra = &csv->extras[index];
    csv->line = extra->line;
    if (is_primary(row)) {
        return store_place(csv, index);
    }
    if (!extra->open_offset && extra->address < *end) {
        return refuse(csv, "partition '%s' at 0x%" PRIx64 " overlaps what ends at 0x%" PRIx64 "%s", row->label,
                      (uint64_t)extra->address, (uint64_t)*end,
                      *end == (int64_t)csv->layout->table + PARTITION_TABLE_SECTOR ? " (the partition table)" : "");
    }
    int64_t unit = alignment(row);
    extra->address = extra->open_offset ? (*end + unit - 1) / unit * unit : extra->address;
    extra->size = extra->size < 0 ? -extra->size - extra->address : extra->size;
    *end = extra->address + extra->size;
    return store_place(csv, index);
}

static bool place_rows(csv_t *csv) {
    int64_t end = (int64_t)csv->layout->table + PARTITION_TABLE_SECTOR;
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

static bool is_otadata(const partition_t *row) {
    return is_data(row, PARTITION_OTADATA) || is_data(row, PARTITION_TEE_OTADATA);
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
    if (is_otadata(row) && row->size != PARTITION_OTADATA_SIZE) {
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
        if (strcmp(csv->extras[i].name, csv->extras[index].name) == 0) {
            return refuse(csv, "the name '%.40s' is taken by line %d", csv->extras[i].name, csv->extras[i].line);
        }
        if (is_otadata(row) && is_otadata(earlier) && row->subtype == earlier->subtype) {
            return refuse(csv, "there is an otadata partition already, in line %d", csv->extras[i].line);
        }
    }
    return true;
}

// By address; of equal ones the earlier row first.
static void sort_rows(const csv_t *csv, size_t order[PARTITION_MAX]) {
    for (size_t i = 0; i < csv->table->count; i++) {
        size_t at = i;
        while (at > 0 && csv->table->rows[order[at - 1]].address > csv->table->rows[i].address) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
}

// Rows with an address of their own follow each other already; bootloader and table may lie anywhere.
static bool verify_overlaps(csv_t *csv) {
    size_t order[PARTITION_MAX];
    sort_rows(csv, order);
    for (size_t i = 1; i < csv->table->count; i++) {
        const partition_t *row = &csv->table->rows[order[i]];
        const partition_t *before = &csv->table->rows[order[i - 1]];
        if (row->address < (uint64_t)before->address + before->size) {
            csv->line = csv->extras[order[i]].line;
            return refuse(csv, "partition '%s' at 0x%" PRIx32 " overlaps '%s'", row->label, row->address,
                          before->label);
        }
    }
    return true;
}

static bool verify_rows(csv_t *csv) {
    for (size_t i = 0; i < csv->table->count; i++) {
        csv->line = csv->extras[i].line;
        if (!verify_row(csv, &csv->table->rows[i]) || !verify_against_earlier(csv, i)) {
            return false;
        }
    }
    return (csv->table->count > 0 || refuse(csv, "there is no partition in it")) && verify_overlaps(csv);
}

// ---- text ----

static bool is_comment(span_t line) {
    line = partition_text_trim(line);
    return line.start < line.end && *line.start == '#';
}

static bool read_lines(csv_t *csv, span_t rest) {
    span_t line;
    while (partition_text_line(&rest, &line)) {
        size_t length = (size_t)(line.end - line.start);
        bool has_zero = length > 0 && memchr(line.start, '\0', length) != NULL;
        csv->line++;
        if (has_zero && !is_comment(line)) {
            return refuse(csv, "this is no line of a partition table");
        }
        if (!has_zero && !read_line(csv, line)) {
            return false;
        }
    }
    return true;
}

bool partition_csv_parse_at(partition_table_t *table, const partition_csv_t *text, partition_error_t *error) {
    csv_t *csv = calloc(1, sizeof *csv);
    const char *why = "there is no memory for it";
    size_t length = 0;
    memset(table, 0, sizeof *table);
    memset(error, 0, sizeof *error);
    char *decoded =
        csv == NULL ? NULL : partition_text_decode((const uint8_t *)text->bytes, text->length, &length, &why);
    bool ok = decoded != NULL;
    if (!ok) {
        snprintf(error->text, sizeof error->text, "%s", why);
    } else if (text->layout.bootloader >= text->layout.table) {
        ok = false;
        snprintf(error->text, sizeof error->text,
                 "a partition table at 0x%" PRIx64 " does not lie behind the bootloader", (uint64_t)text->layout.table);
    } else {
        *csv = (csv_t){.table = table, .layout = &text->layout, .error = error};
        ok = read_lines(csv, (span_t){decoded, decoded + length}) && place_rows(csv) && verify_rows(csv);
    }
    for (size_t i = 0; csv != NULL && i < PARTITION_MAX; i++) {
        free(csv->extras[i].name);
    }
    free(decoded);
    free(csv);
    return ok;
}

bool partition_csv_parse(partition_table_t *table, const char *text, size_t length, partition_error_t *error) {
    const partition_csv_t csv = {text, length, partition_layout_default};
    return partition_csv_parse_at(table, &csv, error);
}

const partition_layout_t partition_layout_default = {PARTITION_TABLE_ADDRESS, 0, PARTITION_NOWHERE};

bool partition_csv_load(partition_table_t *table, const char *path, const partition_layout_t *layout,
                        partition_error_t *error) {
    FILE *file = fopen(path, "rb");
    char *text = malloc(FILE_MAX);
    size_t length = file == NULL || text == NULL ? 0 : fread(text, 1, FILE_MAX, file);
    bool ok = file != NULL && text != NULL && length < FILE_MAX && !ferror(file);
    if (!ok) {
        const char *why = file != NULL && length == FILE_MAX ? "it is too long" : strerror(errno);
        snprintf(error->text, sizeof error->text, "%.120s cannot be read: %.60s", path, why);
    } else {
        const partition_csv_t csv = {text, length, *layout};
        ok = partition_csv_parse_at(table, &csv, error);
    }
    free(text);
    if (file != NULL) {
        fclose(file);
    }
    return ok;
}
