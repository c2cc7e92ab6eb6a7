// SPDX-License-Identifier: Apache-2.0
#include "device_message.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#include <jsmn.h>

#include "printable.h"

#define MAX_TOKENS (1 + 2 * DEVICE_MESSAGE_MEMBERS)

// ---- reading ----

static bool is_number(const char *text, size_t length) {
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
        if (value > UINT32_MAX) {
            return false;
        }
    }
    return length > 0 && (length == 1 || text[0] != '0');
}

static bool is_word(const char *text, size_t length, const char *word) {
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

static bool is_plain_value(const char *text, size_t length) {
    return is_number(text, length) || is_word(text, length, "true") || is_word(text, length, "false");
}

static device_message_span_t span_of(const jsmntok_t *token) {
    return (device_message_span_t){(uint16_t)token->start, (uint16_t)(token->end - token->start)};
}

// Takes the two tokens of a member.
static bool take_member(device_message_t *message, const jsmntok_t *name, const jsmntok_t *value) {
    bool is_string = value->type == JSMN_STRING;
    if (name->type != JSMN_STRING || name->size != 1 || value->size != 0) {
        return false;
    }
    if (!is_string && (value->type != JSMN_PRIMITIVE ||
                       !is_plain_value(message->text + value->start, (size_t)(value->end - value->start)))) {
        return false;
    }
    message->members[message->count].name = span_of(name);
    message->members[message->count].value = span_of(value);
    message->members[message->count].is_string = is_string;
    message->count++;
    return true;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// jsmn forgives missing and superfluous commas and colons. Between two tokens stand quotes, spaces, and `separator`
// once; not at all when it is 0.
static bool is_separated(const char *text, int from, int to, char separator) {
    int count = 0;
    for (int i = from; i < to; i++) {
        if (text[i] == separator) {
            count++;
        } else if (!is_space(text[i]) && text[i] != '"') {
            return false;
        }
    }
    return count == (separator != 0);
}

static bool is_whole_object(const jsmntok_t *object, const char *text, size_t length, int token_count) {
    if (token_count < 1 || object->type != JSMN_OBJECT || 1 + 2 * object->size != token_count) {
        return false;
    }
    for (size_t i = (size_t)object->end; i < length; i++) {
        if (!is_space(text[i])) {
            return false;
        }
    }
    return true;
}

bool device_message_read(device_message_t *message, const char *text, size_t length) {
    jsmntok_t tokens[MAX_TOKENS];
    jsmn_parser parser;
    message->text = text;
    message->count = 0;
    if (length > DEVICE_MESSAGE_SIZE || memchr(text, '\0', length) != NULL) {
        return false;
    }
    jsmn_init(&parser);
    int token_count = jsmn_parse(&parser, text, length, tokens, MAX_TOKENS);
    if (!is_whole_object(tokens, text, length, token_count)) {
        return false;
    }
    int end = tokens[0].start + 1; // of the token before
    for (int i = 1; i < token_count; i += 2) {
        if (!is_separated(text, end, tokens[i].start, i == 1 ? 0 : ',') ||
            !is_separated(text, tokens[i].end, tokens[i + 1].start, ':') ||
            !take_member(message, &tokens[i], &tokens[i + 1])) {
            return false;
        }
        end = tokens[i + 1].end;
    }
    return is_separated(text, end, tokens[0].end - 1, 0);
}

// ---- text that is safe to show ----

// Where the value goes; a character that does not fit ends it.
typedef struct {
    char *text;
    size_t size, length;
    bool full;
    bool has_lines; // line ends stay
} value_t;

static void put(value_t *value, const char *character, size_t length) {
    if (value->full || value->length + length >= value->size) {
        value->full = true;
        return;
    }
    memcpy(value->text + value->length, character, length);
    value->length += length;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// U+0020 to U+00FF as UTF-8.
static void put_code_point(value_t *value, int code_point) {
    if (code_point == '\n' && value->has_lines) {
        put(value, "\n", 1);
    } else if (code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0) || code_point > 0xff) {
        put(value, "?", 1);
    } else if (code_point < 0x80) {
        put(value, (char[]){(char)code_point}, 1);
    } else {
        put(value, (char[]){(char)(0xC0 | code_point >> 6), (char)(0x80 | (code_point & 0x3F))}, 2);
    }
}

// Resolves the escape at `text` (which begins with '\') and returns its length.
static size_t put_escape(value_t *value, const char *text, size_t length) {
    if (length < 2) {
        put(value, "?", 1);
        return 1;
    }
    if (text[1] == 'n') {
        put_code_point(value, '\n');
        return 2;
    }
    if (text[1] != 'u' || length < 6) {
        bool itself = text[1] == '"' || text[1] == '\\' || text[1] == '/';
        put(value, itself ? text + 1 : "?", 1);
        return 2;
    }
    int code_point = 0;
    for (size_t i = 2; i < 6; i++) {
        code_point = code_point << 4 | (hex_digit(text[i]) & 15); // jsmn has seen four hex digits
    }
    put_code_point(value, code_point);
    return 6;
}

static size_t put_character(value_t *value, const char *text, size_t length) {
    if (text[0] == '\\') {
        return put_escape(value, text, length);
    }
    size_t size = printable_length(text, length);
    put(value, size > 0 ? text : "?", size > 0 ? size : 1);
    return size > 0 ? size : 1;
}

// ---- members ----

// Index of the member, or -1.
static int find(const device_message_t *message, const char *name, bool is_string) {
    for (size_t i = 0; i < message->count; i++) {
        device_message_span_t span = message->members[i].name;
        if (message->members[i].is_string == is_string && is_word(message->text + span.offset, span.length, name)) {
            return (int)i;
        }
    }
    return -1;
}

static bool get_string(const device_message_t *message, const char *name, value_t value) {
    int index = find(message, name, true);
    if (index >= 0) {
        device_message_span_t span = message->members[index].value;
        for (size_t i = 0; i < span.length;) {
            i += put_character(&value, message->text + span.offset + i, span.length - i);
        }
    }
    value.text[value.length] = '\0';
    return index >= 0;
}

bool device_message_string(const device_message_t *message, const char *name, char *to, size_t size) {
    return get_string(message, name, (value_t){to, size, 0, false, false});
}

bool device_message_lines(const device_message_t *message, const char *name, char *to, size_t size) {
    return get_string(message, name, (value_t){to, size, 0, false, true});
}

bool device_message_number(const device_message_t *message, const char *name, uint32_t *value) {
    *value = 0;
    int index = find(message, name, false);
    if (index < 0) {
        return false;
    }
    device_message_span_t span = message->members[index].value;
    const char *text = message->text + span.offset;
    if (!is_number(text, span.length)) {
        return false;
    }
    for (size_t i = 0; i < span.length; i++) {
        *value = *value * 10 + (uint32_t)(text[i] - '0');
    }
    return true;
}

bool device_message_true(const device_message_t *message, const char *name) {
    int index = find(message, name, false);
    return index >= 0 &&
           is_word(message->text + message->members[index].value.offset, message->members[index].value.length, "true");
}

bool device_message_is(const device_message_t *message, const char *type) {
    char found[24];
    return device_message_string(message, "type", found, sizeof found) && strcmp(found, type) == 0;
}
