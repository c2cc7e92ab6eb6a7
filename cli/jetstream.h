// SPDX-License-Identifier: Apache-2.0
// What is used of JetStream, as requests of nats_link.h: streams are made, read in their order, and a key is taken as a
// lease. Written for server 2.9; docs/fleet.md lists the streams.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "nats_link.h"

#define JETSTREAM_SUBJECT_SIZE 256
#define JETSTREAM_DAY_NS INT64_C(86400000000000)
#define JETSTREAM_TIMEOUT_MS 2000

// ---- calls that wait, at most JETSTREAM_TIMEOUT_MS; messages for others are handed out meanwhile ----

// Sends it, and waits for the answer, which has to be JSON. NULL: `problem` ("nats_no_answer", "nats_refused" ...).
// `json` is taken over, NULL for none.
json_t *jetstream_call(nats_link_t *link, const char *subject, json_t *json, problem_t *problem);

// The server's JetStream domain. False: `problem`, also when the server has no JetStream.
bool jetstream_domain(nats_link_t *link, char *domain, size_t size, problem_t *problem);

// Makes the stream; one of this name that is there stays as it is. `config` is taken over.
bool jetstream_make_stream(nats_link_t *link, json_t *config, problem_t *problem);

// Makes a bucket of keys that are gone `ttl_s` after they were written. One that is there with another time is a
// problem: "lease_differs".
bool jetstream_make_bucket(nats_link_t *link, const char *bucket, uint32_t ttl_s, problem_t *problem);

// Stores a message. The sequence it has got, or 0: `problem`; "nats_conflict" when `expected` was not the last one.
uint64_t jetstream_store(nats_link_t *link, const nats_request_t *request, problem_t *problem);

// `config` of a stream that takes all messages of another one, which may lie in another domain (NULL: in the same).
// `filter` NULL: all subjects. `deliver` names the subjects on which they come over.
json_t *jetstream_source(const char *stream, const char *filter, const char *domain, const char *deliver);

// Does the answer to a request say that something else was stored meanwhile?
bool jetstream_is_conflict(const nats_message_t *message);

// Asks for the last message of a subject. The answer has `status` 404 when there is none.
void jetstream_get_last(nats_link_t *link, const char *stream, const char *subject, nats_handler_t *handler,
                        void *context);

// ---- reading a stream ----

// Hands out all messages of `filter` from sequence `next` on, each once, in their order, as they come. A consumer that
// is lost is made again.
typedef struct {
    nats_link_t *link;
    const char *stream, *filter; // stay the caller's; `filter` NULL: all subjects
    uint64_t next;               // sequence in the stream
    nats_handler_t *handler;     // its messages have the sequence
    void *context;
    uint64_t count;    // messages that this consumer has delivered
    uint64_t alive_ms; // when the last one came, or a sign of life
    bool is_open;
    bool is_at_end; // nothing was left when the last message came, or there was none
} jetstream_reader_t;

void jetstream_read(jetstream_reader_t *reader, nats_link_t *link, const char *stream, const char *filter,
                    uint64_t next, nats_handler_t *handler, void *context);
void jetstream_reader_tick(jetstream_reader_t *reader, uint64_t now_ms);
void jetstream_reader_close(jetstream_reader_t *reader);

// ---- a lease ----

typedef enum { LEASE_FREE, LEASE_ASKING, LEASE_TAKING, LEASE_HELD, LEASE_TAKEN, LEASE_LOST } lease_state_t;

// A key of a bucket with the name of its holder. It is taken when nobody has it, and written again each third of its
// time. It counts as lost before the server lets somebody else have it.
typedef struct {
    nats_link_t *link;
    const char *bucket;
    char key[96], holder[192];
    uint32_t ttl_ms;
    lease_state_t state; // TAKEN: somebody else has it
    uint64_t revision;
    uint64_t written_ms; // when the request left that was successful last
    uint64_t sent_ms;    // when the last one left
    uint64_t next_ms;
    bool is_writing;
} lease_t;

void lease_take(lease_t *lease, nats_link_t *link, const char *bucket, const char *key, const char *holder,
                uint32_t ttl_s);
void lease_tick(lease_t *lease, uint64_t now_ms);
void lease_release(lease_t *lease); // whatever its state
