// SPDX-License-Identifier: Apache-2.0
#include "jetstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "text.h"

#define ERROR_WRONG_SEQUENCE 10071
#define ERROR_NAME_IN_USE 10058
#define HEARTBEAT_NS INT64_C(1000000000)
#define ALIVE_MS 4000 // without a sign of life for so long, a consumer counts as lost

// ---- calls that wait ----

typedef struct {
    json_t *json;
    bool done, refused;
} call_t;

static void on_answer(void *context, const nats_message_t *message) {
    call_t *call = context;
    call->done = true;
    call->refused = message != NULL && message->status == 503;
    call->json = message == NULL ? NULL : json_loadb(message->data, message->length, 0, NULL);
}

static bool ask(nats_link_t *link, const nats_request_t *request, call_t *call, problem_t *problem) {
    nats_link_request(link, request, JETSTREAM_TIMEOUT_MS, on_answer, call);
    while (!call->done) {
        nats_link_poll(link, 20);
    }
    if (call->json == NULL) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, call->refused ? "nats_no_jetstream" : "nats_no_answer",
                    call->refused ? "The NATS server has no JetStream here, or not this stream (%.120s)."
                                  : "The NATS server does not answer (%.120s).",
                    request->subject);
    }
    return call->json != NULL;
}

static int error_of(const json_t *answer, const char **text) {
    const json_t *error = json_object_get(answer, "error");
    *text = json_string_value(json_object_get(error, "description"));
    *text = *text == NULL ? "it says no reason" : *text;
    return error == NULL ? 0 : (int)json_integer_value(json_object_get(error, "err_code"));
}

static bool is_refusal(const json_t *answer, problem_t *problem) {
    const char *text;
    int error = error_of(answer, &text);
    if (json_object_get(answer, "error") == NULL) {
        return false;
    }
    problem_set(problem, EXIT_CODE_TROUBLE, error == ERROR_WRONG_SEQUENCE ? "nats_conflict" : "nats_refused",
                "The NATS server refuses: %.200s.", text);
    return true;
}

static json_t *call_raw(nats_link_t *link, const char *subject, json_t *json, problem_t *problem) {
    call_t call = {0};
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    const nats_request_t request = {.subject = subject, .data = text, .length = text == NULL ? 0 : strlen(text)};
    ask(link, &request, &call, problem);
    free(text);
    json_decref(json);
    return call.json;
}

json_t *jetstream_call(nats_link_t *link, const char *subject, json_t *json, problem_t *problem) {
    json_t *answer = call_raw(link, subject, json, problem);
    if (answer != NULL && is_refusal(answer, problem)) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

bool jetstream_domain(nats_link_t *link, char *domain, size_t size, problem_t *problem) {
    json_t *answer = jetstream_call(link, "$JS.API.INFO", NULL, problem);
    const char *text = json_string_value(json_object_get(answer, "domain"));
    ota_ws_text_copy(domain, size, text == NULL ? "" : text);
    json_decref(answer);
    return answer != NULL;
}

bool jetstream_make_stream(nats_link_t *link, json_t *config, problem_t *problem) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    const char *text;
    snprintf(subject, sizeof subject, "$JS.API.STREAM.CREATE.%s", json_string_value(json_object_get(config, "name")));
    json_t *answer = call_raw(link, subject, config, problem);
    bool done = answer != NULL && (error_of(answer, &text) == ERROR_NAME_IN_USE || !is_refusal(answer, problem));
    json_decref(answer);
    return done;
}

bool jetstream_make_bucket(nats_link_t *link, const char *bucket, uint32_t ttl_s, problem_t *problem) {
    char name[64], subject[96];
    json_int_t ttl_ns = (json_int_t)ttl_s * 1000000000;
    snprintf(name, sizeof name, "KV_%s", bucket);
    snprintf(subject, sizeof subject, "$KV.%s.>", bucket);
    json_t *config = json_pack("{ss s[s] si sI sI ss sb sb sb ss si}", "name", name, "subjects", subject,
                               "max_msgs_per_subject", 1, "max_age", ttl_ns, "duplicate_window",
                               ttl_ns < 120 * 1000000000LL ? ttl_ns : (json_int_t)(120 * 1000000000LL), "discard",
                               "new", "allow_rollup_hdrs", true, "deny_delete", true, "allow_direct", true, "storage",
                               "file", "num_replicas", 1);
    if (!jetstream_make_stream(link, config, problem)) {
        return false;
    }
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", name);
    json_t *info = jetstream_call(link, subject, NULL, problem);
    json_int_t found_ns = json_integer_value(json_object_get(json_object_get(info, "config"), "max_age"));
    json_decref(info);
    if (info != NULL && found_ns != ttl_ns) {
        problem_set(problem, EXIT_CODE_USAGE, "lease_differs",
                    "The bucket %s was made with a lease of %u s, and not %u s: all processes need the same --lease.",
                    bucket, (unsigned)(found_ns / 1000000000), ttl_s);
    }
    return info != NULL && found_ns == ttl_ns;
}

uint64_t jetstream_store(nats_link_t *link, const nats_request_t *request, problem_t *problem) {
    call_t call = {0};
    ask(link, request, &call, problem);
    bool done = call.json != NULL && !is_refusal(call.json, problem);
    uint64_t sequence = done ? (uint64_t)json_integer_value(json_object_get(call.json, "seq")) : 0;
    json_decref(call.json);
    return sequence;
}

json_t *jetstream_source(const char *stream, const char *filter, const char *domain, const char *deliver) {
    char api[64];
    json_t *source = json_pack("{ss}", "name", stream);
    if (filter != NULL) {
        json_object_set_new(source, "filter_subject", json_string(filter));
    }
    if (domain != NULL) {
        snprintf(api, sizeof api, "$JS.%s.API", domain);
        json_object_set_new(source, "external", json_pack("{ss ss}", "api", api, "deliver", deliver));
    }
    return source;
}

bool jetstream_is_conflict(const nats_message_t *message) {
    const char *text;
    json_t *answer = json_loadb(message->data, message->length, 0, NULL);
    int error = answer == NULL ? 0 : error_of(answer, &text);
    json_decref(answer);
    return error == ERROR_WRONG_SEQUENCE;
}

void jetstream_get_last(nats_link_t *link, const char *stream, const char *subject, nats_handler_t *handler,
                        void *context) {
    char where[JETSTREAM_SUBJECT_SIZE], what[JETSTREAM_SUBJECT_SIZE + 24];
    snprintf(where, sizeof where, "$JS.API.DIRECT.GET.%s", stream);
    snprintf(what, sizeof what, "{\"last_by_subj\":\"%s\"}", subject);
    const nats_request_t request = {.subject = where, .data = what, .length = strlen(what)};
    nats_link_request(link, &request, JETSTREAM_TIMEOUT_MS, handler, context);
}

// ---- reading a stream ----

// "$JS.ACK.stream.consumer.deliveries.sequence.count.time.left" at `reply`; a domain and an account may stand before
// the stream.
static bool read_place(const char *reply, uint64_t *sequence, uint64_t *count, uint64_t *left) {
    const char *words[16];
    size_t dots = 0;
    for (const char *at = reply; (at = strchr(at, '.')) != NULL && dots < 16; at++) {
        words[dots++] = at + 1;
    }
    size_t first = dots == 8 ? 4 : 6; // of `sequence`, behind its dot
    if (dots < 8) {
        return false;
    }
    *sequence = strtoull(words[first], NULL, 10);
    *count = strtoull(words[first + 1], NULL, 10);
    *left = strtoull(words[first + 3], NULL, 10);
    return true;
}

static void open_again(jetstream_reader_t *reader);

static void on_read(void *context, const nats_message_t *message) {
    jetstream_reader_t *reader = context;
    uint64_t sequence, count, left;
    reader->alive_ms = loop_now_ms();
    if (message->status == 0 && read_place(message->reply, &sequence, &count, &left)) {
        if (count != reader->count + 1) { // one was lost on the way
            open_again(reader);
            return;
        }
        nats_message_t numbered = *message;
        numbered.sequence = sequence;
        reader->count = count;
        reader->next = sequence + 1;
        reader->is_at_end = left == 0;
        reader->handler(reader->context, &numbered);
    } else if (message->status == 100 && message->reply[0] != '\0') { // flow control wants an answer
        nats_link_publish(reader->link, message->reply, "");
    }
}

static void on_made(void *context, const nats_message_t *message) {
    jetstream_reader_t *reader = context;
    json_t *answer = message == NULL ? NULL : json_loadb(message->data, message->length, 0, NULL);
    const json_t *pending = json_object_get(answer, "num_pending");
    reader->is_open = json_is_integer(pending);
    reader->is_at_end = reader->is_open && json_integer_value(pending) == 0;
    reader->alive_ms = loop_now_ms();
    json_decref(answer);
}

// The consumer before, if there is one, ends by itself: nobody takes its messages any more.
static void open_again(jetstream_reader_t *reader) {
    char inbox[128], subject[JETSTREAM_SUBJECT_SIZE];
    nats_link_forget(reader->link, reader);
    nats_link_inbox(reader->link, on_read, reader, inbox, sizeof inbox);
    json_t *json =
        json_pack("{ss s{ss ss sI ss ss* sI sb sI}}", "stream_name", reader->stream, "config", "deliver_policy",
                  "by_start_sequence", "deliver_subject", inbox, "opt_start_seq", (json_int_t)reader->next,
                  "ack_policy", "none", "filter_subject", reader->filter, "idle_heartbeat", (json_int_t)HEARTBEAT_NS,
                  "flow_control", true, "inactive_threshold", (json_int_t)(10 * HEARTBEAT_NS));
    char *text = json_dumps(json, JSON_COMPACT);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.CREATE.%s", reader->stream);
    const nats_request_t request = {.subject = subject, .data = text, .length = strlen(text)};
    reader->count = 0;
    reader->is_open = reader->is_at_end = false;
    reader->alive_ms = loop_now_ms();
    nats_link_request(reader->link, &request, JETSTREAM_TIMEOUT_MS, on_made, reader);
    free(text);
    json_decref(json);
}

void jetstream_read(jetstream_reader_t *reader, nats_link_t *link, const char *stream, const char *filter,
                    uint64_t next, nats_handler_t *handler, void *context) {
    *reader = (jetstream_reader_t){.link = link,
                                   .stream = stream,
                                   .filter = filter,
                                   .next = next == 0 ? 1 : next,
                                   .handler = handler,
                                   .context = context};
    open_again(reader);
}

void jetstream_reader_tick(jetstream_reader_t *reader, uint64_t now_ms) {
    if (now_ms - reader->alive_ms > ALIVE_MS && now_ms > reader->alive_ms) {
        open_again(reader);
    }
}

void jetstream_reader_close(jetstream_reader_t *reader) {
    if (reader->link != NULL) {
        nats_link_forget(reader->link, reader);
    }
}
