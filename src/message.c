// SPDX-License-Identifier: Apache-2.0
#include "message.h"

#include <string.h>

#include "text.h"

#define JSMN_STATIC
#define JSMN_STRICT
#include <jsmn.h>

#define MOST_MEMBERS 8
#define MOST_TOKENS (1 + 2 * MOST_MEMBERS)

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

static const char *const type_names[OTA_WS_SAYS_COUNT] = {
    [OTA_WS_SAYS_HELLO] = "hello",     [OTA_WS_SAYS_PROOF] = "proof",       [OTA_WS_SAYS_BEGIN] = "begin",
    [OTA_WS_SAYS_CANCEL] = "cancel",   [OTA_WS_SAYS_END] = "end",           [OTA_WS_SAYS_RESTART] = "restart",
    [OTA_WS_SAYS_CONFIRM] = "confirm", [OTA_WS_SAYS_ROLLBACK] = "rollback", [OTA_WS_SAYS_PING] = "ping",
    [OTA_WS_SAYS_HISTORY] = "history",
};

static const member_t members[] = {
    {"type", TYPE, FIELD(type), IN_ALL, 0},
    {"version", NUMBER, FIELD(version), IN(HELLO), 0},
    {"ticket", STRING, FIELD(ticket), IN(HELLO), 0},
    {"scram", STRING, FIELD(scram), IN(PROOF), IN(HELLO)},
    {"size", NUMBER, FIELD(size), IN(BEGIN), 0},
    {"sha256", HEX, FIELD(sha256), IN(BEGIN), 0},
    {"allow_downgrade", TRUE, FIELD(allow_downgrade), 0, IN(BEGIN)},
    {"deflate", TRUE, FIELD(deflate), 0, IN(BEGIN)},
    {"count", NUMBER, FIELD(count), 0, IN_ALL},
    {"mac", HEX, FIELD(mac), 0, IN_ALL},
};
#define MEMBER_COUNT (sizeof members / sizeof members[0])

// ---- the text: is it what section 2 of the protocol allows? --------------------------------------------------------

// Length of the UTF-8 sequence that starts here (RFC 3629), 0 when it is none.
static size_t utf8_length(const uint8_t *at, size_t left) {
    static const struct { uint8_t mask, lead, length; } forms[] = {{0xE0, 0xC0, 2}, {0xF0, 0xE0, 3}, {0xF8, 0xF0, 4}};
    if (at[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < 3; i++) {
        if ((at[0] & forms[i].mask) != forms[i].lead) {
            continue;
        }
        size_t length = forms[i].length;
        if (length > left || at[0] < 0xC2 || at[0] > 0xF4) {
            return 0;
        }
        for (size_t j = 1; j < length; j++) {
            if ((at[j] & 0xC0) != 0x80) {
                return 0;
            }
        }
        bool overlong = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
        bool surrogate = at[0] == 0xED && at[1] >= 0xA0;
        bool beyond = at[0] == 0xF4 && at[1] >= 0x90;
        return overlong || surrogate || beyond ? 0 : length;
    }
    return 0;
}

static bool is_utf8(const char *text, size_t length) {
    size_t at = 0;
    while (at < length) {
        size_t step = utf8_length((const uint8_t *)text + at, length - at);
        if (step == 0) {
            return false;
        }
        at += step;
    }
    return true;
}

// Escapes, control characters in strings, objects in the object: what jsmn would let through or give up on.
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

// Between two tokens there is white space and exactly one `mark`.
static bool only_between(const char *text, int from, int to, char mark) {
    int marks = 0;
    for (int i = from; i < to; i++) {
        if (text[i] == mark) {
            marks++;
        } else if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return marks == 1;
}

static int outer_start(const jsmntok_t *token) {
    return token->start - (token->type == JSMN_STRING);
}

static int outer_end(const jsmntok_t *token) {
    return token->end + (token->type == JSMN_STRING);
}

static bool is_blank(const char *text, size_t from, size_t to) {
    for (size_t i = from; i < to; i++) {
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

// jsmn accepts more than JSON: forgotten commas, names without values, text after the end. This does not.
static bool is_flat_object(const char *text, size_t length, const jsmntok_t *tokens, int count) {
    if (count < 1 || count % 2 == 0 || tokens[0].type != JSMN_OBJECT) {
        return false;
    }
    int at = tokens[0].start + 1;
    for (int i = 1; i < count; i += 2) {
        const jsmntok_t *name = &tokens[i];
        const jsmntok_t *value = &tokens[i + 1];
        bool follows = i == 1 ? is_blank(text, (size_t)at, (size_t)outer_start(name))
                              : only_between(text, at, outer_start(name), ',');
        if (!follows || name->type != JSMN_STRING || !only_between(text, outer_end(name), outer_start(value), ':')) {
            return false;
        }
        at = outer_end(value);
    }
    return is_blank(text, (size_t)at, (size_t)tokens[0].end - 1) && is_blank(text, (size_t)tokens[0].end, length) &&
           is_blank(text, 0, (size_t)tokens[0].start);
}

static bool is_text(const char *text, const jsmntok_t *token, const char *expected) {
    size_t length = (size_t)(token->end - token->start);
    return strlen(expected) == length && memcmp(text + token->start, expected, length) == 0;
}

static bool same_text(const char *text, const jsmntok_t *a, const jsmntok_t *b) {
    return a->end - a->start == b->end - b->start &&
           memcmp(text + a->start, text + b->start, (size_t)(a->end - a->start)) == 0;
}

static bool has_duplicates(const char *text, const jsmntok_t *tokens, int count) {
    for (int i = 1; i < count; i += 2) {
        for (int j = i + 2; j < count; j += 2) {
            if (same_text(text, &tokens[i], &tokens[j])) {
                return true;
            }
        }
    }
    return false;
}

// ---- values --------------------------------------------------------------------------------------------------------

static bool read_number(const char *text, const jsmntok_t *token, uint32_t *number) {
    uint64_t value = 0;
    int length = token->end - token->start;
    if (token->type != JSMN_PRIMITIVE || length > 10 || (text[token->start] == '0' && length > 1)) {
        return false;
    }
    for (int i = token->start; i < token->end; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *number = (uint32_t)value;
    return value <= UINT32_MAX;
}

static bool read_string(const char *text, const jsmntok_t *token, char *to, size_t size) {
    size_t length = (size_t)(token->end - token->start);
    if (token->type != JSMN_STRING || length >= size) {
        return false;
    }
    memcpy(to, text + token->start, length);
    to[length] = '\0';
    return true;
}

static bool read_hex(const char *text, const jsmntok_t *token, uint8_t *to, size_t size) {
    char digits[2 * OTA_WS_SHA256_SIZE + 1];
    return read_string(text, token, digits, sizeof digits) && strlen(digits) == 2 * size &&
           ota_ws_text_unhex(digits, to, size);
}

static bool read_value(const char *text, const jsmntok_t *token, const member_t *member, ota_ws_request_t *request) {
    void *field = (uint8_t *)request + member->offset;
    switch (member->kind) {
    case TYPE:
        return true; // was read before
    case NUMBER:
        return read_number(text, token, field);
    case STRING:
        return read_string(text, token, field, member->size);
    case HEX:
        return read_hex(text, token, field, member->size);
    case TRUE:
        *(bool *)field = true;
        return token->type == JSMN_PRIMITIVE && is_text(text, token, "true");
    }
    return false;
}

// ---- the message ---------------------------------------------------------------------------------------------------

static const jsmntok_t *find_value(const char *text, const jsmntok_t *tokens, int count, const char *name) {
    for (int i = 1; i < count; i += 2) {
        if (is_text(text, &tokens[i], name)) {
            return &tokens[i + 1];
        }
    }
    return NULL;
}

static ota_ws_status_t read_type(const char *text, const jsmntok_t *tokens, int count, ota_ws_request_t *request) {
    const jsmntok_t *value = find_value(text, tokens, count, "type");
    if (value == NULL) {
        return OTA_WS_MISSING_MEMBER;
    }
    if (value->type != JSMN_STRING) {
        return OTA_WS_BAD_VALUE;
    }
    for (int i = 0; i < OTA_WS_SAYS_COUNT; i++) {
        if (is_text(text, value, type_names[i])) {
            request->type = (ota_ws_request_type_t)i;
            return OTA_WS_OK;
        }
    }
    return OTA_WS_UNKNOWN_MESSAGE;
}

static const member_t *find_member(const char *text, const jsmntok_t *name, unsigned type_bit) {
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (((members[i].required | members[i].optional) & type_bit) != 0 && is_text(text, name, members[i].name)) {
            return &members[i];
        }
    }
    return NULL;
}

static ota_ws_status_t read_members(const char *text, const jsmntok_t *tokens, int count, ota_ws_request_t *request) {
    unsigned type_bit = 1U << request->type;
    for (int i = 1; i < count; i += 2) {
        const member_t *member = find_member(text, &tokens[i], type_bit);
        if (member == NULL) {
            return OTA_WS_UNKNOWN_MEMBER;
        }
        if (!read_value(text, &tokens[i + 1], member, request)) {
            return OTA_WS_BAD_VALUE;
        }
    }
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if ((members[i].required & type_bit) != 0 && find_value(text, tokens, count, members[i].name) == NULL) {
            return OTA_WS_MISSING_MEMBER;
        }
    }
    return OTA_WS_OK;
}

// `count` and `mac` come together, and the mac is the last thing in the text: `,"mac":"` 32 digits `"}`.
static ota_ws_status_t read_mac(const char *text, size_t length, const jsmntok_t *tokens, int count,
                                ota_ws_request_t *request) {
    static const char start[] = ",\"mac\":\"";
    const size_t tail = sizeof start - 1 + 2 * OTA_WS_MAC_SIZE + 2;
    bool has_mac = find_value(text, tokens, count, "mac") != NULL;
    request->has_count = find_value(text, tokens, count, "count") != NULL;
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

static ota_ws_status_t tokenize(const char *text, size_t length, jsmntok_t *tokens, int *count) {
    jsmn_parser parser;
    jsmn_init(&parser);
    *count = jsmn_parse(&parser, text, length, tokens, MOST_TOKENS);
    if (*count == JSMN_ERROR_NOMEM) {
        return OTA_WS_UNKNOWN_MEMBER; // more members than any message has
    }
    if (!is_flat_object(text, length, tokens, *count)) {
        return OTA_WS_NOT_JSON;
    }
    return has_duplicates(text, tokens, *count) ? OTA_WS_DUPLICATE_MEMBER : OTA_WS_OK;
}

ota_ws_status_t ota_ws_request_read(const char *text, size_t length, ota_ws_request_t *request) {
    jsmntok_t tokens[MOST_TOKENS];
    int count = 0;
    memset(request, 0, sizeof *request);
    if (!is_utf8(text, length)) {
        return OTA_WS_NOT_UTF8;
    }
    ota_ws_status_t status = scan(text, length);
    if (status == OTA_WS_OK) {
        status = tokenize(text, length, tokens, &count);
    }
    if (status == OTA_WS_OK) {
        status = read_type(text, tokens, count, request);
    }
    if (status == OTA_WS_OK) {
        status = read_members(text, tokens, count, request);
    }
    if (status == OTA_WS_OK) {
        status = read_mac(text, length, tokens, count, request);
    }
    return status;
}
