// SPDX-License-Identifier: Apache-2.0
// Messages of multicast DNS (RFC 6762), which are those of DNS (RFC 1035): questions are written, answers are read.
// Names stay in the form of the wire, uncompressed: labels with their lengths, an empty one at the end. So a dot or a
// blank in the name of a service needs no escape. Knows no sockets.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MDNS_PORT 5353
#define MDNS_GROUP "224.0.0.251"
#define MDNS_MESSAGE_MAX 1400 // written: it fits into one packet of any network
#define MDNS_NAME_MAX 255
#define MDNS_LABEL_SIZE 64 // a label as text, terminated

enum { MDNS_A = 1, MDNS_PTR = 12, MDNS_TXT = 16, MDNS_SRV = 33, MDNS_ANY = 255 };

typedef struct {
    uint8_t bytes[MDNS_NAME_MAX];
    size_t length; // 0: no name
} mdns_name_t;

// "_ota-ws._tcp.local" as a name. False: it is none.
bool mdns_name_parse(mdns_name_t *name, const char *text);
bool mdns_name_equals(const mdns_name_t *one, const mdns_name_t *other);
// The first label as text; "" when there is none.
void mdns_name_label(const mdns_name_t *name, char text[MDNS_LABEL_SIZE]);

typedef struct {
    uint8_t bytes[MDNS_MESSAGE_MAX];
    size_t length;
} mdns_message_t;

// A query without questions. Then questions, then answers that are known already (section 7.1 of RFC 6762; pointers
// from one name to another). False: there is no space for it, and the message is as before.
void mdns_query(mdns_message_t *message, uint16_t id);
bool mdns_query_ask(mdns_message_t *message, const mdns_name_t *name, uint16_t type);
bool mdns_query_know(mdns_message_t *message, const mdns_name_t *name, const mdns_name_t *target);

typedef struct {
    mdns_name_t name;
    uint16_t type;
    uint32_t ttl;        // 0: the record is taken back
    mdns_name_t target;  // PTR, SRV
    uint16_t port;       // SRV
    uint8_t address[4];  // A
    const uint8_t *text; // TXT: strings with their lengths
    size_t text_length;
} mdns_record_t;

// Calls `take` for each record of the types above in an answer. False: what came is no answer; records before the
// fault were taken.
bool mdns_read(const uint8_t *bytes, size_t length, void (*take)(void *context, const mdns_record_t *record),
               void *context);

// The value of "key=value" in a TXT record, cut to `size`. False when there is no such key.
bool mdns_text_value(const mdns_record_t *record, const char *key, char *value, size_t size);
