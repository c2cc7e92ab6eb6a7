// SPDX-License-Identifier: Apache-2.0
// FREE -> ASKING (who has it?) -> TAKING -> HELD -> LOST; ASKING, TAKING -> TAKEN. Each write names the revision that
// it replaces, so of two who write only one succeeds. A write whose answer was lost on the way may have succeeded: then
// the key has our name, and ASKING finds that.
#include <stdio.h>
#include <string.h>

#include "jetstream.h"
#include "loop.h"
#include "text.h"

#define RETRY_MS 500

static void write_subject(const lease_t *lease, char subject[JETSTREAM_SUBJECT_SIZE]) {
    snprintf(subject, JETSTREAM_SUBJECT_SIZE, "$KV.%s.%s", lease->bucket, lease->key);
}

static void ask_who(lease_t *lease);

static uint64_t sequence_of(const nats_message_t *message) {
    json_t *answer = json_loadb(message->data, message->length, 0, NULL);
    json_t *sequence = json_object_get(answer, "seq");
    uint64_t value = json_is_integer(sequence) ? (uint64_t)json_integer_value(sequence) : 0;
    json_decref(answer);
    return value;
}

static void on_written(void *context, const nats_message_t *message) {
    lease_t *lease = context;
    uint64_t sequence = message == NULL ? 0 : sequence_of(message);
    lease->is_writing = false;
    if (sequence != 0) {
        lease->state = LEASE_HELD;
        lease->revision = sequence;
        lease->written_ms = lease->sent_ms;
        lease->next_ms = lease->sent_ms + lease->ttl_ms / 3;
    } else if (message != NULL && jetstream_is_conflict(message)) {
        ask_who(lease);
    } else {
        lease->next_ms = loop_now_ms() + RETRY_MS;
    }
}

static void write_key(lease_t *lease) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    write_subject(lease, subject);
    const nats_request_t request = {.subject = subject,
                                    .data = lease->holder,
                                    .length = strlen(lease->holder),
                                    .has_expected = true,
                                    .expected = lease->revision};
    lease->is_writing = true;
    lease->sent_ms = loop_now_ms();
    nats_link_request(lease->link, &request, JETSTREAM_TIMEOUT_MS, on_written, lease);
}

static void on_known(void *context, const nats_message_t *message) {
    lease_t *lease = context;
    lease->is_writing = false;
    bool is_free = message != NULL && (message->status == 404 || message->is_deletion);
    bool is_there = message != NULL && message->status == 0 && !message->is_deletion;
    bool is_ours = is_there && message->length == strlen(lease->holder) &&
                   memcmp(message->data, lease->holder, message->length) == 0;
    if (is_free && lease->state == LEASE_ASKING) {
        lease->revision = message->sequence;
        lease->state = LEASE_TAKING;
        write_key(lease);
    } else if (is_ours) {
        lease->revision = message->sequence;
        write_key(lease);
    } else if (is_free || is_there) {
        lease->state = lease->state == LEASE_HELD ? LEASE_LOST : LEASE_TAKEN;
    } else {
        lease->next_ms = loop_now_ms() + RETRY_MS;
    }
}

static void ask_who(lease_t *lease) {
    char subject[JETSTREAM_SUBJECT_SIZE], stream[64];
    write_subject(lease, subject);
    snprintf(stream, sizeof stream, "KV_%s", lease->bucket);
    lease->state = lease->state == LEASE_HELD ? LEASE_HELD : LEASE_ASKING;
    lease->is_writing = true;
    jetstream_get_last(lease->link, stream, subject, on_known, lease);
}

void lease_take(lease_t *lease, nats_link_t *link, const char *bucket, const char *key, const char *holder,
                uint32_t ttl_s) {
    *lease = (lease_t){.link = link, .bucket = bucket, .ttl_ms = ttl_s * 1000, .state = LEASE_ASKING};
    ota_ws_text_copy(lease->key, sizeof lease->key, key);
    ota_ws_text_copy(lease->holder, sizeof lease->holder, holder);
    ask_who(lease);
}

// The server counts from when it has stored the key, which is later than when we have sent it.
void lease_tick(lease_t *lease, uint64_t now_ms) {
    if (lease->state == LEASE_HELD && now_ms >= lease->written_ms + lease->ttl_ms / 6 * 5) {
        lease->state = LEASE_LOST;
        nats_link_forget(lease->link, lease);
    } else if (!lease->is_writing && now_ms >= lease->next_ms) {
        if (lease->state == LEASE_HELD) {
            write_key(lease);
        } else if (lease->state == LEASE_ASKING || lease->state == LEASE_TAKING) {
            ask_who(lease);
        }
    }
}

static void on_released(void *context, const nats_message_t *message) {
    (void)context;
    (void)message;
}

void lease_release(lease_t *lease) {
    static char nobody;
    char subject[JETSTREAM_SUBJECT_SIZE];
    if (lease->link == NULL) {
        return;
    }
    nats_link_forget(lease->link, lease);
    if (lease->state == LEASE_HELD) {
        write_subject(lease, subject);
        const nats_request_t request = {
            .subject = subject, .has_expected = true, .expected = lease->revision, .is_deletion = true};
        nats_link_request(lease->link, &request, JETSTREAM_TIMEOUT_MS, on_released, &nobody);
    }
    lease->state = LEASE_FREE;
}
