// SPDX-License-Identifier: Apache-2.0
#include "session/message.h"

#include <string.h>

#include "text.h"

#define MOST_MEMBERS 8

// ---- which members belong to which message -------------------------------------------------------------------------

typedef enum { TYPE, NUMBER, STRING, HEX, TRUE } member_kind_t;

typedef struct {
    const char *name;
    member_kind_t kind;
    uint16_t offset;   // in ota_ws_request_t
    uint16_t size;     // STRING: of the field; HEX: bytes
    uint16_t required; // set of messages, one bit a type
    uint16_t optional; // likewise
} member_t;

#define IN(type) (1U << OTA_WS_SAYS_##type)
#define IN_ALL ((1U << OTA_WS_SAYS_COUNT) - 1)
#define FIELD(name) offsetof(ota_ws_request_t, name), sizeof(((ota_ws_request_t *)0)->name)

// In the order of ota_ws_request_type_t.
static const char type_names[] = "hello\0proof\0begin\0end\0cancel\0restart\0confirm\0rollback\0ping\0history";

static const member_t members[] = {
    {"type", TYPE, FIELD(type), IN_ALL, 0},
    {"version", NUMBER, FIELD(version), IN(HELLO), 0},
    {"ticket", STRING, FIELD(ticket), IN(HELLO), 0},
    {"scram", STRING, FIELD(scram), IN(PROOF), IN(HELLO)},
    {"size", NUMBER, FIELD(size), IN(BEGIN), 0},
    {"sha256", HEX, FIELD(sha256), IN(BEGIN), 0},
    {"allow_downgrade", TRUE, FIELD(allow_downgrade), 0, IN(BEGIN)},
    {"deflate", TRUE, FIELD(deflate), 0, IN(BEGIN)},
    {"early", NUMBER, FIELD(early), 0, IN(BEGIN)},
    {"count", NUMBER, FIELD(count), 0, IN_ALL},
    {"mac", HEX, FIELD(mac), 0, IN_ALL},
};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

// ---- the bytes: are they what section 2 of the protocol allows? ----------------------------------------------------

// Length of the UTF-8 sequence that starts here (RFC 3629), 0 when it is none.
static size_t utf8_length(const uint8_t *at, size_t left) {
    static const uint8_t fewest_bits[] = {[2] = 7, [3] = 11, [4] = 16}; // what is below fits into a shorter sequence
    size_t length = 0;
    for (unsigned lead = at[0]; (lead & 0x80) != 0; lead <<= 1) {
        length++;
    }
    if (length == 0) {
        return 1;
    }
    if (length == 1 || length > 4 || length > left) {
        return 0;
    }
    uint32_t code = at[0] & (0x7FU >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3FU);
    }
    bool surrogate = code >> 11 == 0x1B;
    return code >> fewest_bits[length] == 0 || surrogate || code > 0x10FFFF ? 0 : length;
}

static bool is_utf8(const char *text, size_t length) {
    size_t step = 1;
    for (size_t at = 0; at < length && step > 0; at += step) {
        step = utf8_length((const uint8_t *)text + at, length - at);
    }
    return step > 0;
}

// Escapes, control characters in strings, objects in the object: each is told by its name.
static ota_ws_status_t scan(const char *text, size_t length) {
    bool in_string = false;
    unsigned opened = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '\\') {
            return OTA_WS_ESCAPED;
        }
        if (c == '"') {
            in_string = !in_string;
        } else if (in_string && (uint8_t)c < 0x20) {
            return OTA_WS_NOT_JSON;
        } else if (!in_string && (c == '{' || c == '[') && opened++ > 0) {
            return OTA_WS_NESTED;
        }
    }
    return OTA_WS_OK;
}

// ---- the object: its names and values, as they stand in the text ---------------------------------------------------

typedef struct {
    const char *start;
    size_t length;
    bool is_string; // without its quotes
} word_t;

typedef struct {
    const char *at, *end; // what is left of the text
    size_t count;
    word_t names[MOST_MEMBERS];
    word_t values[MOST_MEMBERS];
} object_t;

static void skip_blanks(object_t *object) {
    while (object->at < object->end && memchr(" \t\r\n", *object->at, 4) != NULL) {
        object->at++;
    }
}

static bool take(object_t *object, char c) {
    skip_blanks(object);
    bool found = object->at < object->end && *object->at == c;
    object->at += found;
    return found;
}

// It has no escapes: scan() has looked.
static bool take_string(object_t *object, word_t *word) {
    if (!take(object, '"')) {
        return false;
    }
    const char *quote = memchr(object->at, '"', (size_t)(object->end - object->at));
    if (quote == NULL) {
        return false;
    }
    *word = (word_t){object->at, (size_t)(quote - object->at), true};
    object->at = quote + 1;
    return true;
}

static bool is_bare(char c) {
    char lower = (char)(c | 0x20);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '-' || c == '+' || c == '.';
}

// A number or `true`. Whether it is one is seen when it is read.
static bool take_bare(object_t *object, word_t *word) {
    const char *start = object->at; // no blank, after take_string() has looked
    while (object->at < object->end && is_bare(*object->at)) {
        object->at++;
    }
    *word = (word_t){start, (size_t)(object->at - start), false};
    return word->length > 0;
}

static bool take_member(object_t *object) {
    word_t *name = &object->names[object->count];
    word_t *value = &object->values[object->count];
    object->count++;
    return take_string(object, name) && take(object, ':') && (take_string(object, value) || take_bare(object, value));
}

// Flat, and all of the text.
static ota_ws_status_t take_object(object_t *object) {
    if (!take(object, '{')) {
        return OTA_WS_NOT_JSON;
    }
    bool closed = take(object, '}');
    while (!closed) {
        if (object->count == MOST_MEMBERS) {
            return OTA_WS_UNKNOWN_MEMBER; // more members than any message has
        }
        if (!take_member(object)) {
            return OTA_WS_NOT_JSON;
        }
        closed = take(object, '}');
        if (!closed && !take(object, ',')) {
            return OTA_WS_NOT_JSON;
        }
    }
    skip_blanks(object);
    return object->at == object->end ? OTA_WS_OK : OTA_WS_NOT_JSON;
}

static bool is_text(const word_t *word, const char *text) {
    return strlen(text) == word->length && memcmp(word->start, text, word->length) == 0;
}

static const word_t *find_value(const object_t *object, const char *name) {
    for (size_t i = 0; i < object->count; i++) {
        if (is_text(&object->names[i], name)) {
            return &object->values[i];
        }
    }
    return NULL;
}

static bool has_duplicates(const object_t *object) {
    for (size_t i = 0; i < object->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const word_t *a = &object->names[i];
            const word_t *b = &object->names[j];
            if (a->length == b->length && memcmp(a->start, b->start, a->length) == 0) {
                return true;
            }
        }
    }
    return false;
}

// ---- values --------------------------------------------------------------------------------------------------------

static bool read_number(const word_t *word, uint32_t *number) {
    uint64_t value = 0;
    if (word->is_string || word->length > 10 || (word->start[0] == '0' && word->length > 1)) {
        return false;
    }
    for (size_t i = 0; i < word->length; i++) {
        unsigned digit = (unsigned)word->start[i] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool read_string(const word_t *word, char *to, size_t size) {
    if (!word->is_string || word->length >= size) {
        return false;
    }
    memcpy(to, word->start, word->length);
    to[word->length] = '\0';
    return true;
}

static bool read_hex(const word_t *word, uint8_t *to, size_t size) {
    char digits[2 * OTA_WS_SHA256_SIZE + 1];
    return word->length == 2 * size && read_string(word, digits, sizeof digits) && ota_ws_text_unhex(digits, to, size);
}

static bool read_value(const word_t *word, const member_t *member, ota_ws_request_t *request) {
    void *field = (uint8_t *)request + member->offset;
    switch (member->kind) {
    case TYPE:
        return true; // was read before
    case NUMBER:
        return read_number(word, field);
    case STRING:
        return read_string(word, field, member->size);
    case HEX:
        return read_hex(word, field, member->size);
    default: // TRUE
        *(bool *)field = true;
        return !word->is_string && is_text(word, "true");
    }
}

// ---- the message ---------------------------------------------------------------------------------------------------

static ota_ws_status_t read_type(const object_t *object, ota_ws_request_t *request) {
    const word_t *value = find_value(object, "type");
    if (value == NULL) {
        return OTA_WS_MISSING_MEMBER;
    }
    if (!value->is_string) {
        return OTA_WS_BAD_VALUE;
    }
    for (unsigned i = 0; i < OTA_WS_SAYS_COUNT; i++) {
        if (is_text(value, ota_ws_text_at(type_names, i))) {
            request->type = (ota_ws_request_type_t)i;
            return OTA_WS_OK;
        }
    }
    return OTA_WS_UNKNOWN_MESSAGE;
}

static const member_t *find_member(const word_t *name, unsigned type_bit) {
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (((members[i].required | members[i].optional) & type_bit) != 0 && is_text(name, members[i].name)) {
            return &members[i];
        }
    }
    return NULL;
}

static ota_ws_status_t read_members(const object_t *object, ota_ws_request_t *request) {
    unsigned type_bit = 1U << request->type;
    for (size_t i = 0; i < object->count; i++) {
        const member_t *member = find_member(&object->names[i], type_bit);
        if (member == NULL) {
            return OTA_WS_UNKNOWN_MEMBER;
        }
        if (!read_value(&object->values[i], member, request)) {
            return OTA_WS_BAD_VALUE;
        }
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if ((members[i].required & type_bit) != 0 && find_value(object, members[i].name) == NULL) {
            return OTA_WS_MISSING_MEMBER;
        }
    }
    return OTA_WS_OK;
}

// `count` and `mac` come together, and the mac is the last thing in the text: `,"mac":"` 32 digits `"}`.
static ota_ws_status_t read_mac(const object_t *object, const char *text, ota_ws_request_t *request) {
    static const char start[] = ",\"mac\":\"";
    const size_t tail = sizeof start - 1 + 2 * OTA_WS_MAC_SIZE + 2;
    size_t length = (size_t)(object->end - text);
    bool has_mac = find_value(object, "mac") != NULL;
    request->has_count = find_value(object, "count") != NULL;
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
    object_t object = {.at = text, .end = text + length};
    memset(request, 0, sizeof *request);
    ota_ws_status_t status = is_utf8(text, length) ? scan(text, length) : OTA_WS_NOT_UTF8;
    if (status == OTA_WS_OK) {
        status = take_object(&object);
    }
    if (status == OTA_WS_OK) {
        status = has_duplicates(&object) ? OTA_WS_DUPLICATE_MEMBER : read_type(&object, request);
    }
    if (status == OTA_WS_OK) {
        status = read_members(&object, request);
    }
    return status == OTA_WS_OK ? read_mac(&object, text, request) : status;
}
