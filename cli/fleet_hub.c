// SPDX-License-Identifier: Apache-2.0
#include "fleet_hub.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet_message.h"
#include "loop.h"
#include "text.h"

#define READ_MS 10000 // so long without a message of a journal

// ---- opening ----

// Each part between two dots becomes a part of a subject.
static bool is_subject(const char *name) {
    size_t length = strlen(name);
    return name[0] != '.' && name[length - 1] != '.' && strstr(name, "..") == NULL;
}

static bool is_hub(fleet_hub_t *hub, const nats_settings_t *settings, problem_t *problem) {
    char domain[64];
    if (!jetstream_domain(&hub->link, domain, sizeof domain, problem)) {
        return false;
    }
    if (strcmp(domain, "hub") != 0) {
        problem_set(problem, EXIT_CODE_USAGE, "not_hub",
                    "The NATS server %.120s is not the hub: its JetStream domain is '%.40s', and not 'hub'.",
                    settings->url, domain);
    }
    return strcmp(domain, "hub") == 0;
}

bool fleet_hub_open(fleet_hub_t *hub, const nats_settings_t *settings, const char *rollout, problem_t *problem) {
    memset(hub, 0, sizeof *hub);
    ota_ws_text_copy(hub->rollout, sizeof hub->rollout, rollout);
    snprintf(hub->subject, sizeof hub->subject, "otaws.journal.%s", rollout);
    if (!is_subject(rollout)) {
        problem_set(
            problem, EXIT_CODE_FILE_REFUSED, "plan_bad_value",
            "\"rollout\" may not begin or end with a dot, or have two together, for it names subjects of NATS.");
        return false;
    }
    if (!nats_link_open(&hub->link, settings, problem)) {
        return false;
    }
    if (!is_hub(hub, settings, problem)) {
        fleet_hub_close(hub);
        return false;
    }
    return true;
}

void fleet_hub_close(fleet_hub_t *hub) {
    nats_link_close(&hub->link);
}

// ---- streams ----

static json_t *stream(const char *name, int days) {
    return json_pack("{ss ss ss si sb sI sI s[]}", "name", name, "retention", "limits", "storage", "file",
                     "num_replicas", 1, "allow_direct", true, "max_age", days * (json_int_t)JETSTREAM_DAY_NS,
                     "duplicate_window", (json_int_t)JETSTREAM_DAY_NS, "subjects");
}

static json_t *stream_of(const char *name, const char *subject, int days) {
    json_t *config = stream(name, days);
    json_array_append_new(json_object_get(config, "subjects"), json_string(subject));
    return config;
}

static bool has_source(const json_t *sources, const json_t *source) {
    size_t i;
    json_t *each;
    json_array_foreach(sources, i, each) {
        const json_t *external = json_object_get(each, "external");
        if (external == json_object_get(source, "external") ||
            json_equal(external, json_object_get(source, "external"))) {
            return true;
        }
    }
    return false;
}

// Adds what is missing. True: nothing was.
static bool add_sources(json_t *config, const fleet_plan_t *plan) {
    json_t *sources = json_object_get(config, "sources");
    bool complete = true;
    if (sources == NULL) {
        sources = json_array();
        json_object_set_new(config, "sources", sources);
    }
    for (size_t i = 0; i < plan->site_count; i++) {
        char deliver[80];
        const char *site = plan->sites[i];
        snprintf(deliver, sizeof deliver, "otaws-deliver.events.%s", site);
        json_t *source = jetstream_source("OTAWS_EV", NULL, strcmp(site, "hub") == 0 ? NULL : site, deliver);
        if (!has_source(sources, source)) {
            json_array_append(sources, source);
            complete = false;
        }
        json_decref(source);
    }
    return complete;
}

// The same of the subjects of jobs. One of all sites, "otaws.*.job.>", would overlap those of other streams.
static bool add_subjects(json_t *config, const fleet_plan_t *plan) {
    json_t *subjects = json_object_get(config, "subjects");
    bool complete = true;
    for (size_t i = 0; i < plan->site_count; i++) {
        size_t n = 0;
        json_t *subject = json_sprintf("otaws.%s.job.>", plan->sites[i]);
        while (n < json_array_size(subjects) && !json_equal(json_array_get(subjects, n), subject)) {
            n++;
        }
        if (n == json_array_size(subjects)) {
            json_array_append(subjects, subject);
            complete = false;
        }
        json_decref(subject);
    }
    return complete;
}

// Another controller, of another rollout, may do the same now: so it is read again until nothing is missing.
static bool take_sites(fleet_hub_t *hub, const char *name, bool (*add)(json_t *config, const fleet_plan_t *plan),
                       const fleet_plan_t *plan, problem_t *problem) {
    char subject[80];
    for (int tries = 0; tries < 10; tries++) {
        snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", name);
        json_t *info = jetstream_call(&hub->link, subject, NULL, problem);
        json_t *config = json_incref(json_object_get(info, "config"));
        json_decref(info);
        if (config == NULL || add(config, plan)) {
            json_decref(config);
            return config != NULL;
        }
        snprintf(subject, sizeof subject, "$JS.API.STREAM.UPDATE.%s", name);
        json_t *answer = jetstream_call(&hub->link, subject, config, problem);
        json_decref(answer);
        if (answer == NULL) {
            return false;
        }
    }
    problem_set(problem, EXIT_CODE_TROUBLE, "nats_refused", "The stream %.40s does not take the plan's sites.", name);
    return false;
}

// A stream of what comes from the sites, or goes there, is made with those of the plan.
static bool make_for_sites(fleet_hub_t *hub, const char *name, bool (*add)(json_t *config, const fleet_plan_t *plan),
                           const fleet_plan_t *plan, problem_t *problem) {
    json_t *config = stream(name, 30);
    add(config, plan);
    return jetstream_make_stream(&hub->link, config, problem) && take_sites(hub, name, add, plan, problem);
}

bool fleet_hub_set_up(fleet_hub_t *hub, const fleet_plan_t *plan, uint32_t lease_s, problem_t *problem) {
    nats_link_t *link = &hub->link;
    return jetstream_make_stream(link, stream_of("OTAWS_IMG", "otaws.img.>", 30), problem) &&
           jetstream_make_stream(link, stream_of("OTAWS_ORDERS", "otaws.order.>", 30), problem) &&
           jetstream_make_stream(link, stream_of("OTAWS_JOURNAL", "otaws.journal.>", 0), problem) &&
           make_for_sites(hub, "OTAWS_OUT", add_subjects, plan, problem) &&
           make_for_sites(hub, "OTAWS_EVENTS", add_sources, plan, problem) &&
           jetstream_make_bucket(link, "otaws_rollouts", lease_s, problem);
}

// ---- writing ----

static bool store_json(fleet_hub_t *hub, json_t *json, problem_t *problem) {
    char id[160];
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
        return false;
    }
    snprintf(id, sizeof id, "%s/%llu/%d-%u", hub->rollout, (unsigned long long)hub->last, (int)getpid(), hub->written);
    const nats_request_t request = {.subject = hub->subject,
                                    .data = text,
                                    .length = strlen(text),
                                    .message_id = id,
                                    .has_expected = true,
                                    .expected = hub->last};
    uint64_t sequence = 0;
    if (request.length + 1024 > nats_link_largest(&hub->link)) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "rollout_too_large",
                    "The plan with its devices has %zu bytes, more than the NATS server takes in one message "
                    "(max_payload).",
                    request.length);
    } else {
        sequence = jetstream_store(&hub->link, &request, problem);
    }
    free(text);
    hub->written += sequence != 0;
    hub->first = hub->first == 0 ? sequence : hub->first;
    hub->last = sequence != 0 ? sequence : hub->last;
    return sequence != 0;
}

static bool read_last(fleet_hub_t *hub, const char *name, uint64_t *last, problem_t *problem) {
    char subject[80];
    snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s", name);
    json_t *info = jetstream_call(&hub->link, subject, NULL, problem);
    *last = (uint64_t)json_integer_value(json_object_get(json_object_get(info, "state"), "last_seq"));
    json_decref(info);
    return info != NULL;
}

bool fleet_hub_create(fleet_hub_t *hub, const fleet_plan_t *plan, const char *image_sha256,
                      const fleet_entry_t *entries, uint32_t count, problem_t *problem) {
    if (!read_last(hub, "OTAWS_EVENTS", &hub->events, problem) ||
        !read_last(hub, "OTAWS_ORDERS", &hub->orders, problem)) {
        return false;
    }
    json_t *devices = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(devices, json_pack("[ss]", entries[i].host, entries[i].labels));
    }
    return store_json(hub,
                      json_pack("{ss ss so sI sI}", "plan", plan->text, "image", image_sha256, "devices", devices,
                                "seen", (json_int_t)hub->events, "orders", (json_int_t)hub->orders),
                      problem);
}

bool fleet_hub_append(fleet_hub_t *hub, const fleet_event_t *events, uint32_t count, problem_t *problem) {
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, fleet_event_pack(&events[i]));
    }
    return store_json(
        hub,
        json_pack("{so sI sI}", "events", list, "seen", (json_int_t)hub->events, "orders", (json_int_t)hub->orders),
        problem);
}

bool fleet_hub_order(fleet_hub_t *hub, const fleet_event_t *order, problem_t *problem) {
    char subject[96];
    json_t *json = fleet_event_pack(order);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    snprintf(subject, sizeof subject, "otaws.order.%s", hub->rollout);
    const nats_request_t request = {.subject = subject, .data = text, .length = text == NULL ? 0 : strlen(text)};
    bool done = text != NULL && jetstream_store(&hub->link, &request, problem) != 0;
    free(text);
    return done;
}

// ---- one message ----

typedef struct {
    bool done, found;
    uint64_t sequence;
    json_t *json;
} found_t;

static void on_found(void *context, const nats_message_t *message) {
    found_t *found = context;
    found->done = true;
    found->found = message != NULL && message->status == 0 && !message->is_deletion;
    if (found->found) {
        found->sequence = message->sequence;
        found->json = json_loadb(message->data, message->length, 0, NULL);
    }
}

static found_t wait_for(fleet_hub_t *hub, found_t *found) {
    while (!found->done) {
        nats_link_poll(&hub->link, 20);
    }
    return *found;
}

static bool is_there(fleet_hub_t *hub, const char *stream_name, const char *subject) {
    found_t found = {0};
    jetstream_get_last(&hub->link, stream_name, subject, on_found, &found);
    wait_for(hub, &found);
    json_decref(found.json);
    return found.found;
}

bool fleet_hub_is_led(fleet_hub_t *hub) {
    char subject[128];
    snprintf(subject, sizeof subject, "$KV.otaws_rollouts.lead.%s", hub->rollout);
    return is_there(hub, "KV_otaws_rollouts", subject);
}

// ---- reading ----

static bool read_devices(const json_t *list, fleet_entry_t **entries, uint32_t *count) {
    size_t i;
    json_t *each;
    *entries = calloc(json_array_size(list) + 1, sizeof **entries);
    *count = 0;
    json_array_foreach(list, i, each) {
        const char *host = json_string_value(json_array_get(each, 0));
        const char *labels = json_string_value(json_array_get(each, 1));
        if (*entries != NULL && host != NULL && labels != NULL) {
            fleet_entry_t *entry = &(*entries)[(*count)++];
            ota_ws_text_copy(entry->host, sizeof entry->host, host);
            ota_ws_text_copy(entry->labels, sizeof entry->labels, labels);
        }
    }
    return *entries != NULL && *count > 0 && *count == json_array_size(list);
}

bool fleet_hub_read(fleet_hub_t *hub, char **plan, char image_sha256[65], fleet_entry_t **entries, uint32_t *count,
                    problem_t *problem) {
    char text[160];
    found_t found = {0};
    *plan = NULL;
    *entries = NULL;
    snprintf(text, sizeof text, "{\"seq\":1,\"next_by_subj\":\"%s\"}", hub->subject);
    const nats_request_t request = {
        .subject = "$JS.API.DIRECT.GET.OTAWS_JOURNAL", .data = text, .length = strlen(text)};
    nats_link_request(&hub->link, &request, JETSTREAM_TIMEOUT_MS, on_found, &found);
    wait_for(hub, &found);
    if (!found.found) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "journal_none",
                    "The hub has no rollout %.64s: it has not begun ('ota-ws fleet serve' begins it).", hub->rollout);
        return false;
    }
    const char *written = json_string_value(json_object_get(found.json, "plan"));
    const char *image = json_string_value(json_object_get(found.json, "image"));
    *plan = written == NULL ? NULL : strdup(written);
    ota_ws_text_copy(image_sha256, 65, image == NULL ? "" : image);
    bool good = *plan != NULL && read_devices(json_object_get(found.json, "devices"), entries, count);
    hub->events = (uint64_t)json_integer_value(json_object_get(found.json, "seen"));
    hub->orders = (uint64_t)json_integer_value(json_object_get(found.json, "orders"));
    hub->first = hub->last = found.sequence;
    json_decref(found.json);
    if (!good) {
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_damaged", "The journal %.80s is none of a rollout.",
                    hub->subject);
    }
    return good;
}

typedef struct {
    fleet_hub_t *hub;
    fleet_rollout_t *rollout;
    void (*each)(void *context, const fleet_event_t *event);
    void *context;
} replay_t;

static void on_batch(void *context, const nats_message_t *message) {
    const replay_t *replay = context;
    fleet_hub_t *hub = replay->hub;
    size_t i;
    json_t *each, *json = json_loadb(message->data, message->length, 0, NULL);
    fleet_event_t event;
    json_array_foreach(json_object_get(json, "events"), i, each) {
        if (fleet_event_unpack(&event, each)) {
            fleet_apply(replay->rollout, &event);
            if (replay->each != NULL) {
                replay->each(replay->context, &event);
            }
        }
    }
    hub->events = (uint64_t)json_integer_value(json_object_get(json, "seen"));
    hub->orders = (uint64_t)json_integer_value(json_object_get(json, "orders"));
    hub->last = message->sequence;
    json_decref(json);
}

bool fleet_hub_replay(fleet_hub_t *hub, fleet_rollout_t *rollout,
                      void (*each)(void *context, const fleet_event_t *event), void *context, problem_t *problem) {
    replay_t replay = {hub, rollout, each, context};
    jetstream_reader_t reader;
    uint64_t last = hub->last, alive_ms = loop_now_ms();
    jetstream_read(&reader, &hub->link, "OTAWS_JOURNAL", hub->subject, hub->first + 1, on_batch, &replay);
    while (!reader.is_at_end && loop_now_ms() - alive_ms < READ_MS) {
        nats_link_poll(&hub->link, 20);
        jetstream_reader_tick(&reader, loop_now_ms());
        alive_ms = hub->last != last ? loop_now_ms() : alive_ms;
        last = hub->last;
    }
    jetstream_reader_close(&reader);
    if (!reader.is_at_end) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "nats_no_answer", "The journal of the rollout cannot be read.");
    }
    return reader.is_at_end;
}

// ---- the image ----

static bool put_piece(fleet_hub_t *hub, const firmware_t *firmware, const char *subject, uint32_t offset,
                      problem_t *problem) {
    static uint8_t bytes[FLEET_PIECE_SIZE];
    uint32_t left = firmware->size - offset;
    const nats_request_t request = {
        .subject = subject, .data = bytes, .length = left < sizeof bytes ? left : sizeof bytes};
    if (!firmware_read(firmware, offset, bytes, request.length)) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "image_changed", "The image has become shorter meanwhile.");
        return false;
    }
    return jetstream_store(&hub->link, &request, problem) != 0;
}

// The first piece is stored last: it says that all are there.
bool fleet_hub_put_image(fleet_hub_t *hub, const firmware_t *firmware, const char *sha256, problem_t *problem) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    uint32_t pieces = (firmware->size + FLEET_PIECE_SIZE - 1) / FLEET_PIECE_SIZE;
    snprintf(subject, sizeof subject, "otaws.img.%s.0", sha256);
    if (is_there(hub, "OTAWS_IMG", subject)) {
        return true;
    }
    for (uint32_t i = pieces; i-- > 0;) {
        snprintf(subject, sizeof subject, "otaws.img.%s.%u", sha256, i);
        if (!put_piece(hub, firmware, subject, i * FLEET_PIECE_SIZE, problem)) {
            return false;
        }
    }
    return true;
}
