// SPDX-License-Identifier: Apache-2.0
// Reads a message of the client in the order that docs/protocol.md, section 2, gives for its checks: the bytes, the
// object, members that come twice, the type, the members in the order of the text, members that are missing, the place
// of count and mac. The rows of schema.def say which members a message has, and where their values go.
#include "session/message.h"

#include <string.h>

#include "text.h"

// ---- the table ----

typedef enum { TYPE, NUMBER, TRUE, STRING, DIGITS, NEEDED = 0x80 } kind_t;

typedef struct {
    uint8_t kind;
    uint8_t size;   // of the field
    uint8_t offset; // in ota_ws_request_t
} row_t;

// clang-format off
#define ROW(kind, field) {kind, sizeof(((ota_ws_request_t *)0)->field), offsetof(ota_ws_request_t, field)},

// The members of every message, then those of each message.
static const row_t rows[] = {
#define EVERY(name, kind, field) ROW(kind, field)
#define NEED(type, name, kind, field) ROW(kind | NEEDED, field)
#define MAY(type, name, kind, field) ROW(kind, field)
#include "schema.def"
};

// Of each row, in the same order.
static const char names[] =
#define EVERY(name, kind, field) #name "\0"
#define NEED(type, name, kind, field) #name "\0"
#define MAY(type, name, kind, field) #name "\0"
#include "schema.def"
    ;

static const char types[] =
#define CLIENT(symbol, type, state) #type "\0"
#include "schema.def"
    ;

enum {
#define EVERY(name, kind, field) ROW_##name,
#define CLIENT(symbol, type, state) FIRST_##type, BEFORE_##type = FIRST_##type - 1,
#define NEED(type, name, kind, field) ROW_##type##_##name,
#define MAY(type, name, kind, field) ROW_##type##_##name,
#include "schema.def"
    ROWS
};
_Static_assert(ROWS <= 32, "read_members() has one bit for each");

// The first row of each message; the message ends where the next one begins.
static const uint8_t first_rows[] = {
#define CLIENT(symbol, type, state) FIRST_##type,
#include "schema.def"
    ROWS
};

// As many bytes as each message has members, with those that every message has; the longest one counts.
struct members_of_none {
    char none;
#define CLIENT(symbol, type, state) }; struct members_of_##type { char every[FIRST_hello];
#define NEED(type, name, kind, field) char name;
#define MAY(type, name, kind, field) char name;
#include "schema.def"
};
union members_of_any {
#define CLIENT(symbol, type, state) struct members_of_##type type;
#include "schema.def"
};
#define MOST_MEMBERS sizeof(union members_of_any)
// clang-format on

// ---- the bytes: are they what section 2 of the protocol allows? ----

// Escapes, control characters in strings, objects in the object: each has its own name. Bytes that are not UTF-8 go
// first.
static ota_ws_status_t check_bytes(const char *text, size_t length) {
    ota_ws_status_t status = OTA_WS_OK;
    ota_ws_utf8_t utf8 = {0};
    bool in_string = false;
    unsigned opened = 0;
    for (; length > 0; text++, length--) {
        if (!ota_ws_utf8_take(&utf8, (uint8_t)*text)) {
            return OTA_WS_NOT_UTF8;
        }
        if (status != OTA_WS_OK) {
            continue;
        }
        if (*text == '\\') {
            status = OTA_WS_ESCAPED;
        } else if (*text == '"') {
            in_string = !in_string;
        } else if (in_string) {
            status = (uint8_t)*text < 0x20 ? OTA_WS_NOT_JSON : OTA_WS_OK;
        } else if ((*text == '{' || *text == '[') && opened++ > 0) {
            status = OTA_WS_NESTED;
        }
    }
    return utf8.missing > 0 ? OTA_WS_NOT_UTF8 : status;
}

// ---- the object: its names and values, as they stand in the text ----

typedef struct {
    const char *start;
    size_t length;
    bool is_string; // without its quotes
} word_t;

typedef struct {
    word_t name, value;
} member_t;

typedef struct {
    const char *at, *end; // what is left of the text
    size_t count;
    member_t members[MOST_MEMBERS];
} object_t;

enum { END = 256, BARE, BROKEN };

// Of a number or `true`.
static bool is_bare(char c) {
    char lower = (char)(c | 0x20);
    return (c >= '+' && c <= '9' && c != ',' && c != '/') || (lower >= 'a' && lower <= 'z');
}

// Takes what comes next. Returns '"' for a string, which has no escapes (check_bytes() has looked); BARE for what may
// be a number or `true` (read_value() looks whether it is); otherwise the character, or END.
static int take(object_t *object, word_t *word) {
    const char *at = object->at;
    while (at < object->end && memchr(" \t\r\n", *at, 4) != NULL) {
        at++;
    }
    if (at == object->end) {
        return END;
    }
    int kind = (uint8_t)*at;
    bool is_string = kind == '"';
    word->start = at += is_string;
    while (at < object->end && (is_string ? *at != '"' : is_bare(*at))) {
        at++;
    }
    word->length = (size_t)(at - word->start);
    word->is_string = is_string;
    if (!is_string && word->length > 0) {
        object->at = at;
        return BARE;
    }
    object->at = at + 1;
    return at < object->end ? kind : BROKEN; // a string that is not closed
}

// Flat, and all of the text.
static ota_ws_status_t take_object(object_t *object) {
    word_t sign;
    bool is_open = take(object, &sign) == '{';
    int next = is_open ? take(object, &object->members[0].name) : BROKEN;
    while (next != '}') {
        member_t *member = &object->members[object->count];
        int value = next == '"' && take(object, &sign) == ':' ? take(object, &member->value) : BROKEN;
        next = value == '"' || value == BARE ? take(object, &sign) : BROKEN;
        object->count++;
        if (next == ',') {
            if (object->count == MOST_MEMBERS) {
                return OTA_WS_UNKNOWN_MEMBER; // more members than any message has
            }
            next = take(object, &member[1].name);
            if (next == '}') {
                next = BROKEN;
            }
        } else if (next != '}') {
            return OTA_WS_NOT_JSON;
        }
    }
    return take(object, &sign) == END ? OTA_WS_OK : OTA_WS_NOT_JSON;
}

static bool is_same(const word_t *word, const char *text) {
    return word->length == strlen(text) && memcmp(word->start, text, word->length) == 0;
}

static bool has_duplicates(const object_t *object) {
    for (size_t i = 0; i < object->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const word_t *one = &object->members[i].name;
            const word_t *other = &object->members[j].name;
            if (one->length == other->length && memcmp(one->start, other->start, one->length) == 0) {
                return true;
            }
        }
    }
    return false;
}

// ---- values ----

static bool read_number(const word_t *word, uint32_t *number) {
    if (word->is_string || (word->start[0] == '0' && word->length > 1)) {
        return false;
    }
    for (size_t i = 0; i < word->length; i++) {
        unsigned digit = (unsigned)word->start[i] - '0';
        if (digit > 9 || *number > (UINT32_MAX - digit) / 10) {
            return false;
        }
        *number = *number * 10 + digit;
    }
    return true;
}

static bool read_digits(const word_t *word, uint8_t *to, size_t size) {
    if (!word->is_string || word->length != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < word->length; i++) {
        unsigned digit = ota_ws_text_digit(word->start[i]);
        if (digit > 15) {
            return false;
        }
        to[i / 2] = (uint8_t)(to[i / 2] << 4 | digit);
    }
    return true;
}

// The field is zero before.
static bool read_value(const word_t *word, const row_t *row, ota_ws_request_t *request) {
    uint8_t *field = (uint8_t *)request + row->offset;
    switch (row->kind & ~NEEDED) {
    case NUMBER:
        return read_number(word, (uint32_t *)(void *)field);
    case TRUE:
        *field = true;
        return !word->is_string && is_same(word, "true");
    case STRING:
        if (!word->is_string || word->length >= row->size) {
            return false;
        }
        memcpy(field, word->start, word->length);
        return true;
    case DIGITS:
        return read_digits(word, field, row->size);
    default: // TYPE: was read before
        return true;
    }
}

// ---- the message ----

static ota_ws_status_t read_type(const object_t *object, ota_ws_request_t *request) {
    const word_t *value = NULL;
    for (size_t i = 0; i < object->count; i++) {
        if (is_same(&object->members[i].name, names)) {
            value = &object->members[i].value; // the first row is `type`
        }
    }
    if (value == NULL) {
        return OTA_WS_MISSING_MEMBER;
    }
    if (!value->is_string) {
        return OTA_WS_BAD_VALUE;
    }
    for (unsigned type = 0; type < OTA_WS_MSG_COUNT; type++) {
        if (is_same(value, ota_ws_text_at(types, type))) {
            request->type = (ota_ws_request_type_t)type;
            return OTA_WS_OK;
        }
    }
    return OTA_WS_UNKNOWN_MESSAGE;
}

// The row of this name from `at` on and before `end`; `end` when there is none.
static unsigned find_row(const word_t *name, unsigned at, unsigned end) {
    while (at < end && !is_same(name, ota_ws_text_at(names, at))) {
        at++;
    }
    return at;
}

// `seen` gets a bit for each row.
static ota_ws_status_t read_members(const object_t *object, ota_ws_request_t *request, uint32_t *seen) {
    unsigned first = first_rows[request->type];
    unsigned end = first_rows[request->type + 1];
    for (size_t i = 0; i < object->count; i++) {
        unsigned at = find_row(&object->members[i].name, 0, first_rows[0]);
        if (at == first_rows[0]) {
            at = find_row(&object->members[i].name, first, end);
        }
        if (at == end) {
            return OTA_WS_UNKNOWN_MEMBER;
        }
        if (!read_value(&object->members[i].value, &rows[at], request)) {
            return OTA_WS_BAD_VALUE;
        }
        *seen |= UINT32_C(1) << at;
    }
    for (unsigned at = first; at < end; at++) {
        if ((rows[at].kind & NEEDED) != 0 && (*seen >> at & 1) == 0) {
            return OTA_WS_MISSING_MEMBER;
        }
    }
    return OTA_WS_OK;
}

// `count` and `mac` come together, and the mac is the last thing in the text: `,"mac":"` 32 digits `"}`.
static ota_ws_status_t check_mac(const char *text, size_t length, uint32_t seen, ota_ws_request_t *request) {
    static const char start[] = ",\"mac\":\"";
    const size_t tail = sizeof start - 1 + 2 * OTA_WS_MAC_SIZE + 2;
    bool has_mac = (seen >> ROW_mac & 1) != 0;
    request->has_count = (seen >> ROW_count & 1) != 0;
    if (has_mac != request->has_count) {
        return OTA_WS_MISSING_MEMBER;
    }
    if (!has_mac) {
        return OTA_WS_OK;
    }
    if (length < tail || memcmp(text + length - tail, start, sizeof start - 1) != 0) {
        return OTA_WS_BAD_VALUE;
    }
    request->covered = length - tail;
    return OTA_WS_OK;
}

ota_ws_status_t ota_ws_request_read(const char *text, size_t length, ota_ws_request_t *request) {
    object_t object;
    uint32_t seen = 0;
    object.at = text;
    object.end = text + length;
    object.count = 0;
    memset(request, 0, sizeof *request);
    ota_ws_status_t status = check_bytes(text, length);
    if (status == OTA_WS_OK) {
        status = take_object(&object);
    }
    if (status == OTA_WS_OK) {
        status = has_duplicates(&object) ? OTA_WS_DUPLICATE_MEMBER : read_type(&object, request);
    }
    if (status == OTA_WS_OK) {
        status = read_members(&object, request, &seen);
    }
    return status == OTA_WS_OK ? check_mac(text, length, seen, request) : status;
}
