// SPDX-License-Identifier: Apache-2.0
#include "mdns_message.h"

#include <string.h>
#include <strings.h>

#define HEADER_SIZE 12
#define CLASS_IN 1
#define FLAG_RESPONSE 0x80
#define KNOWN_TTL 4500 // s, of records that name no host (RFC 6762, section 10)

// ---- names ----

bool mdns_name_parse(mdns_name_t *name, const char *text) {
    name->length = 0;
    while (*text != '\0') {
        size_t label = strcspn(text, ".");
        if (label == 0 || label >= MDNS_LABEL_SIZE || name->length + label + 2 > MDNS_NAME_MAX) {
            return false;
        }
        name->bytes[name->length++] = (uint8_t)label;
        memcpy(name->bytes + name->length, text, label);
        name->length += label;
        text += label + (text[label] == '.');
    }
    name->bytes[name->length++] = 0;
    return true;
}

bool mdns_name_equals(const mdns_name_t *one, const mdns_name_t *other) {
    return one->length == other->length &&
           strncasecmp((const char *)one->bytes, (const char *)other->bytes, one->length) == 0;
}

void mdns_name_label(const mdns_name_t *name, char text[MDNS_LABEL_SIZE]) {
    size_t length = name->length > 0 ? name->bytes[0] : 0;
    memcpy(text, name->bytes + 1, length);
    text[length] = '\0';
}

// ---- questions ----

static uint8_t *write_u16(uint8_t *to, uint32_t value) {
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
    return to + 2;
}

static void count_up(mdns_message_t *message, size_t at) {
    uint32_t count = (uint32_t)(message->bytes[at] << 8 | message->bytes[at + 1]);
    write_u16(message->bytes + at, count + 1);
}

void mdns_query(mdns_message_t *message, uint16_t id) {
    memset(message->bytes, 0, HEADER_SIZE);
    write_u16(message->bytes, id);
    message->length = HEADER_SIZE;
}

bool mdns_query_ask(mdns_message_t *message, const mdns_name_t *name, uint16_t type) {
    if (message->length + name->length + 4 > MDNS_MESSAGE_MAX) {
        return false;
    }
    uint8_t *at = message->bytes + message->length;
    memcpy(at, name->bytes, name->length);
    at = write_u16(at + name->length, type);
    at = write_u16(at, CLASS_IN);
    message->length = (size_t)(at - message->bytes);
    count_up(message, 4);
    return true;
}

bool mdns_query_know(mdns_message_t *message, const mdns_name_t *name, const mdns_name_t *target) {
    if (message->length + name->length + 10 + target->length > MDNS_MESSAGE_MAX) {
        return false;
    }
    uint8_t *at = message->bytes + message->length;
    memcpy(at, name->bytes, name->length);
    at = write_u16(at + name->length, MDNS_PTR);
    at = write_u16(at, CLASS_IN);
    at = write_u16(at, 0);
    at = write_u16(at, KNOWN_TTL);
    at = write_u16(at, (uint32_t)target->length);
    memcpy(at, target->bytes, target->length);
    message->length = (size_t)(at - message->bytes) + target->length;
    count_up(message, 6);
    return true;
}

// ---- answers ----

// What is read; `at` is beyond `length` after a fault.
typedef struct {
    const uint8_t *bytes;
    size_t length, at;
} reader_t;

static void fail(reader_t *reader) {
    reader->at = reader->length + 1;
}

static bool has_failed(const reader_t *reader) {
    return reader->at > reader->length;
}

static const uint8_t *read_bytes(reader_t *reader, size_t length) {
    if (has_failed(reader) || reader->length - reader->at < length) {
        fail(reader);
        return NULL;
    }
    reader->at += length;
    return reader->bytes + reader->at - length;
}

static uint32_t read_number(reader_t *reader, size_t size) {
    const uint8_t *bytes = read_bytes(reader, size);
    uint32_t value = 0;
    for (size_t i = 0; bytes != NULL && i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

// Reads a name. Each pointer of the compression must lead to an earlier place than the one before: so it ends.
static void read_name(reader_t *reader, mdns_name_t *name) {
    reader_t place = *reader;
    size_t earliest = reader->at;
    bool jumped = false;
    name->length = 0;
    for (;;) {
        uint32_t size = read_number(&place, 1);
        bool is_pointer = (size & 0xC0) == 0xC0;
        if (is_pointer) {
            size_t target = (size & 0x3F) << 8 | read_number(&place, 1);
            if (!jumped) {
                *reader = place;
            }
            jumped = true;
            if (has_failed(&place) || target >= earliest) {
                break;
            }
            place.at = earliest = target;
            continue;
        }
        const uint8_t *label = size < MDNS_LABEL_SIZE ? read_bytes(&place, size) : NULL;
        if (has_failed(&place) || label == NULL || name->length + 1 + size > MDNS_NAME_MAX - (size > 0)) {
            break;
        }
        name->bytes[name->length++] = (uint8_t)size;
        memcpy(name->bytes + name->length, label, size);
        name->length += size;
        if (size == 0) {
            reader->at = jumped ? reader->at : place.at;
            return;
        }
    }
    name->length = 0;
    fail(reader);
}

static void read_data(reader_t *reader, mdns_record_t *record, size_t length) {
    if (record->type == MDNS_PTR) {
        read_name(reader, &record->target);
    } else if (record->type == MDNS_SRV) {
        read_number(reader, 4); // priority and weight
        record->port = (uint16_t)read_number(reader, 2);
        read_name(reader, &record->target);
    } else if (record->type == MDNS_A) {
        const uint8_t *address = read_bytes(reader, sizeof record->address);
        if (address != NULL) {
            memcpy(record->address, address, sizeof record->address);
        }
    } else if (record->type == MDNS_TXT) {
        record->text = read_bytes(reader, length);
        record->text_length = length;
    }
}

static bool read_record(reader_t *reader, void (*take)(void *context, const mdns_record_t *record), void *context) {
    mdns_record_t record = {0};
    read_name(reader, &record.name);
    record.type = (uint16_t)read_number(reader, 2);
    bool is_internet = (read_number(reader, 2) & 0x7FFF) == CLASS_IN; // the first bit says: forget older ones
    record.ttl = read_number(reader, 4);
    size_t length = read_number(reader, 2);
    reader_t data = *reader;
    if (read_bytes(reader, length) == NULL) {
        return false;
    }
    data.length = reader->at; // of the message up to the end of this record
    read_data(&data, &record, length);
    bool is_known =
        record.type == MDNS_A || record.type == MDNS_PTR || record.type == MDNS_SRV || record.type == MDNS_TXT;
    if (is_known && is_internet && !has_failed(&data)) {
        take(context, &record);
    }
    return !has_failed(&data);
}

bool mdns_read(const uint8_t *bytes, size_t length, void (*take)(void *context, const mdns_record_t *record),
               void *context) {
    reader_t reader = {bytes, length, 2};
    mdns_name_t name;
    bool is_response = (read_number(&reader, 1) & FLAG_RESPONSE) != 0;
    read_number(&reader, 1);
    size_t questions = read_number(&reader, 2);
    size_t records = read_number(&reader, 2) + read_number(&reader, 2) + read_number(&reader, 2);
    if (has_failed(&reader) || !is_response) {
        return false;
    }
    for (size_t i = 0; i < questions && !has_failed(&reader); i++) {
        read_name(&reader, &name);
        read_number(&reader, 4);
    }
    for (size_t i = 0; i < records; i++) {
        if (has_failed(&reader) || !read_record(&reader, take, context)) {
            return false;
        }
    }
    return true;
}

bool mdns_text_value(const mdns_record_t *record, const char *key, char *value, size_t size) {
    size_t key_length = strlen(key);
    for (size_t at = 0; at < record->text_length; at += 1u + record->text[at]) {
        const char *entry = (const char *)record->text + at + 1;
        size_t length = record->text[at];
        length = length < record->text_length - at ? length : record->text_length - at - 1;
        if (length > key_length && strncasecmp(entry, key, key_length) == 0 && entry[key_length] == '=') {
            size_t wanted = length - key_length - 1;
            wanted = wanted < size ? wanted : size - 1;
            memcpy(value, entry + key_length + 1, wanted);
            value[wanted] = '\0';
            return true;
        }
    }
    return false;
}
