// SPDX-License-Identifier: Apache-2.0
// Connects the devices of a plan with Home Assistant. fleet_run.h drives the devices: a rollout of one wave, in which a
// device begins only when Home Assistant orders the installation. broker.h carries the messages, and home_assistant.h
// writes them. A device gets its entity when it has reported its id. This program asks each device without a job for
// its state every `look_s`. It writes nothing to disk: the broker keeps the state of each device, and that state says
// whether an installation is under way. So this program goes on with the installation after it was killed.
#include "mqtt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker.h"
#include "credentials.h"
#include "fleet_run.h"
#include "fleet_view.h"
#include "home_assistant.h"
#include "printable.h"
#include "recognise.h"
#include "text.h"

#define IMAGE_EVERY_MS 500
#define LOCKED_OUT_MS 600000 // a device that knows another password counts each try, and keeps its owner out after some
#define SUMMARY_SIZE 256     // as Home Assistant wants it
#define PAGE_SIZE (ADDRESS_HOST_SIZE + ADDRESS_PATH_SIZE + 8)

// A device, as Home Assistant sees it.
typedef struct {
    char id[FLEET_ID_SIZE]; // "": it has no entity yet
    char name[DEVICE_TEXT_SIZE], chip[DEVICE_TEXT_SIZE], project[DEVICE_TEXT_SIZE];
    char installed[DEVICE_TEXT_SIZE]; // the version that runs, confirmed
    char page[PAGE_SIZE];
    char summary[SUMMARY_SIZE];
    char trouble[33];   // name of the last problem that was printed; "": the device has none
    char sentence[384]; // what the last job has ended with; ""
    bool is_online;
    bool fits;        // the device would take the image
    bool is_wanted;   // an installation begins as soon as the device has no job
    bool is_resumed;  // and an earlier process had begun with it
    bool had_job;     // an installation, of this process
    bool is_changed;  // something may have to be published
    uint64_t look_ms; // the next look
    int percent;
    char *config, *state; // } as they were published on this connection; NULL: not yet
    bool is_announced;    // } its availability, `was_online`
    bool was_online;
} entity_t;

typedef struct {
    const arguments_t *arguments;
    const output_t *output;
    fleet_plan_t plan;
    fleet_list_t list;
    fleet_device_t *devices;
    entity_t *entities;
    firmware_t images[2]; // the one that counts is `run.firmware`
    bool has_plan, has_image;
    struct stat image_status, seen_status; // of the file: as it was read, as it was at the last look
    bool image_is_due;
    uint64_t image_ms;
    fleet_run_t run;
    fleet_view_t view;
    loop_t loop;
    broker_t broker;
    char will[HOME_ASSISTANT_TOPIC_SIZE];
    int lock;
    problem_t problem; // why it ends; code EXIT_CODE_OK: it does not
} mqtt_t;

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

// ---- what people see ----

// A sentence with its name; "" for one that is no trouble. `host` NULL: about none of the devices.
static void note(const mqtt_t *mqtt, const char *host, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void note(const mqtt_t *mqtt, const char *host, const char *name, const char *format, ...) {
    va_list values;
    va_start(values, format);
    output_line(mqtt->output, host, name, format, values);
    va_end(values);
}

static const char *host_of(const mqtt_t *mqtt, uint32_t device) {
    return mqtt->list.entries[device].host;
}

// Prints a problem of a device once, not at every look.
static void print_trouble(mqtt_t *mqtt, uint32_t device, const char *name, const char *text) {
    entity_t *entity = &mqtt->entities[device];
    if (!same(entity->trouble, name)) {
        ota_ws_text_copy(entity->trouble, sizeof entity->trouble, name);
        if (name[0] != '\0') {
            note(mqtt, host_of(mqtt, device), name, "%s", text);
        }
    }
}

// ---- what is published ----

static bool is_under_way(const mqtt_t *mqtt, uint32_t device) {
    return mqtt->entities[device].is_wanted || !fleet_has_ended(mqtt->devices[device].state);
}

// An update that the device would refuse is not offered.
static home_assistant_entity_t describe(const mqtt_t *mqtt, uint32_t device) {
    const entity_t *entity = &mqtt->entities[device];
    return (home_assistant_entity_t){
        .rollout = mqtt->plan.rollout,
        .id = entity->id,
        .name = entity->name,
        .chip = entity->chip,
        .project = entity->project,
        .page = entity->page,
        .installed = entity->installed,
        .latest = entity->fits ? mqtt->run.firmware->inspection.image.description.version : entity->installed,
        .summary = entity->summary,
        .in_progress = is_under_way(mqtt, device),
        .percent = entity->percent,
    };
}

// What has not changed since it was published is not published again.
static void publish_text(mqtt_t *mqtt, const char *topic, char *text, char **before) {
    if (text == NULL || (*before != NULL && same(text, *before))) {
        free(text);
        return;
    }
    broker_publish(&mqtt->broker, topic, text);
    free(*before);
    *before = text;
}

static void publish_availability(mqtt_t *mqtt, const char *id, bool is_online) {
    char topic[HOME_ASSISTANT_TOPIC_SIZE];
    home_assistant_topic(topic, mqtt->plan.rollout, id, "availability");
    broker_publish(&mqtt->broker, topic, is_online ? "online" : "offline");
}

static void publish(mqtt_t *mqtt, uint32_t device) {
    entity_t *entity = &mqtt->entities[device];
    char topic[HOME_ASSISTANT_TOPIC_SIZE];
    if (mqtt->broker.phase != BROKER_CONNECTED || entity->id[0] == '\0') {
        return;
    }
    const home_assistant_entity_t description = describe(mqtt, device);
    home_assistant_config_topic(topic, entity->id);
    publish_text(mqtt, topic, home_assistant_config(&description), &entity->config);
    home_assistant_topic(topic, mqtt->plan.rollout, entity->id, "state");
    publish_text(mqtt, topic, home_assistant_state(&description), &entity->state);
    if (!entity->is_announced || entity->was_online != entity->is_online) {
        publish_availability(mqtt, entity->id, entity->is_online);
        entity->is_announced = true;
        entity->was_online = entity->is_online;
    }
    entity->is_changed = false;
}

static void forget_published(entity_t *entity) {
    free(entity->config);
    free(entity->state);
    entity->config = entity->state = NULL;
    entity->is_announced = false;
    entity->is_changed = true;
}

// Asked for before anything is published there: the answer is what an earlier process has left.
static void ask_for_state(mqtt_t *mqtt, const char *id) {
    char topic[HOME_ASSISTANT_TOPIC_SIZE];
    home_assistant_topic(topic, mqtt->plan.rollout, id, "state");
    broker_subscribe(&mqtt->broker, topic);
}

// ---- what a device says ----

static bool has_twin(const mqtt_t *mqtt, uint32_t device, const char *id) {
    for (uint32_t i = 0; i < mqtt->list.count; i++) {
        if (i != device && same(mqtt->entities[i].id, id)) {
            return true;
        }
    }
    return false;
}

// A device without an entity: why it gets none. NULL: it gets one.
static const char *find_obstacle(const mqtt_t *mqtt, uint32_t device, const device_state_t *state, const char **name) {
    if (!fleet_chooses(&mqtt->plan, state)) {
        *name = "not_chosen";
        return "The plan chooses another project or chip; this device gets no entity.";
    }
    if (strlen(state->id) != FLEET_ID_SIZE - 1 || strspn(state->id, "0123456789abcdef") != FLEET_ID_SIZE - 1) {
        *name = "no_id";
        return "The device says no id; it gets no entity.";
    }
    *name = "duplicate_device";
    return has_twin(mqtt, device, state->id) ? "This is a device that the list has twice; it has one entity." : NULL;
}

// Another device at this address gets an entity of its own.
static void identify(mqtt_t *mqtt, uint32_t device, const char *id) {
    entity_t *entity = &mqtt->entities[device];
    if (same(entity->id, id)) {
        return;
    }
    if (entity->id[0] != '\0') {
        note(mqtt, host_of(mqtt, device), "id_changed", "Another device answers here now: %s, and no more %s.", id,
             entity->id);
        publish_availability(mqtt, entity->id, false);
    }
    note(mqtt, host_of(mqtt, device), "", "It has an entity now, with the id %s.", id);
    memcpy(entity->id, id, sizeof entity->id);
    memcpy(mqtt->devices[device].id, id, sizeof mqtt->devices[device].id);
    entity->summary[0] = '\0';
    forget_published(entity);
    ask_for_state(mqtt, id);
}

static void write_page(entity_t *entity, const address_t *address) {
    bool is_link = strchr(address->where, '%') == NULL; // a zone has no meaning elsewhere
    snprintf(entity->page, sizeof entity->page, "%s://%s%s", address->tls ? "https" : "http", address->where,
             address->path);
    entity->page[0] = is_link ? entity->page[0] : '\0';
}

// The image on trial counts when it is confirmed. Until then the other one is what the device has.
static void take_versions(entity_t *entity, const device_state_t *state) {
    bool on_trial = same(state->running.image, "trial") && state->other.version[0] != '\0';
    printable_copy(entity->name, sizeof entity->name, state->device);
    printable_copy(entity->chip, sizeof entity->chip, state->chip);
    printable_copy(entity->project, sizeof entity->project, state->project);
    printable_copy(entity->installed, sizeof entity->installed, on_trial ? state->other.version : state->version);
}

static void take_state(mqtt_t *mqtt, uint32_t device, const device_state_t *state) {
    entity_t *entity = &mqtt->entities[device];
    problem_t problem;
    const char *name, *obstacle = find_obstacle(mqtt, device, state, &name);
    if (obstacle != NULL) {
        entity->is_online = false;
        print_trouble(mqtt, device, name, obstacle);
        return;
    }
    if (fleet_has_ended(mqtt->devices[device].state)) { // a job has compared the id already
        identify(mqtt, device, state->id);
    }
    if (entity->trouble[0] != '\0' && !entity->is_online) {
        note(mqtt, host_of(mqtt, device), "", "It answers again.");
    }
    take_versions(entity, state);
    write_page(entity, &mqtt->run.targets[device].address);
    entity->is_online = true;
    entity->fits = recognise_running(mqtt->run.firmware, state) ||
                   firmware_fits(mqtt->run.firmware, state, mqtt->plan.allow_downgrade, &problem);
    print_trouble(mqtt, device, entity->fits ? "" : problem.name, problem.text);
}

static void on_seen(void *context, uint32_t device, const outcome_t *outcome) {
    mqtt_t *mqtt = context;
    entity_t *entity = &mqtt->entities[device];
    const problem_t *problem = &outcome->problem;
    uint64_t look_ms = (uint64_t)mqtt->plan.rules.look_s * 1000;
    entity->look_ms = loop_now_ms() + (problem->code == EXIT_CODE_LOGIN ? LOCKED_OUT_MS : look_ms);
    entity->is_changed = true;
    ota_ws_text_copy(entity->sentence, sizeof entity->sentence, problem->code != EXIT_CODE_OK ? problem->text : "");
    if (outcome->state.version[0] != '\0') {
        take_state(mqtt, device, &outcome->state);
    } else if (problem->code != EXIT_CODE_OK) {
        entity->is_online = false;
        print_trouble(mqtt, device, problem->name, problem->text);
    }
}

// ---- installations ----

// How the last one has ended, for the dialog of Home Assistant.
static void summarise(mqtt_t *mqtt, uint32_t device) {
    entity_t *entity = &mqtt->entities[device];
    const fleet_device_t *state = &mqtt->devices[device];
    char text[sizeof entity->sentence + 128];
    bool has_reason = state->reason[0] != '\0';
    entity->summary[0] = '\0';
    if (fleet_has_failed(state->state)) {
        snprintf(text, sizeof text, "The last installation has failed: %s%s%s%s. %s", fleet_state_name(state->state),
                 has_reason ? " (" : "", state->reason, has_reason ? ")" : "", entity->sentence);
        printable_copy(entity->summary, sizeof entity->summary, text);
    }
}

static void on_happened(void *context, const fleet_event_t *event) {
    mqtt_t *mqtt = context;
    if (event->device >= mqtt->list.count) {
        return;
    }
    if (fleet_has_ended(mqtt->devices[event->device].state)) {
        summarise(mqtt, event->device);
    }
    mqtt->entities[event->device].is_changed = true;
    fleet_view_event(&mqtt->view, event);
}

// The device is queued as an operator's "retry" does it; fleet_run.c does the rest.
static void begin_installation(mqtt_t *mqtt, uint32_t device) {
    entity_t *entity = &mqtt->entities[device];
    fleet_device_t *state = &mqtt->devices[device];
    const fleet_event_t order = {.kind = FLEET_RETRY, .device = device, .time_s = fleet_time().time_s};
    state->state = FLEET_CANCELLED; // whatever the last installation has ended as
    entity->is_wanted = false;
    entity->summary[0] = '\0';
    if (fleet_apply(&mqtt->run.rollout, &order)) {
        state->interrupted = state->restarted = state->touched = entity->is_resumed;
        entity->is_resumed = false;
        on_happened(mqtt, &order);
    }
}

// ---- messages ----

static uint32_t find_entity(const mqtt_t *mqtt, const char *id) {
    uint32_t device = 0;
    while (device < mqtt->list.count && !same(mqtt->entities[device].id, id)) {
        device++;
    }
    return device;
}

static void on_install(mqtt_t *mqtt, const char *id, const char *text, bool retained) {
    char shown[41], whose[FLEET_ID_SIZE];
    uint32_t device = find_entity(mqtt, id);
    bool is_known = device < mqtt->list.count;
    printable_copy(whose, sizeof whose, id);
    const char *host = is_known ? host_of(mqtt, device) : whose;
    if (retained) { // it would count again after each connection
        note(mqtt, host, "retained_install",
             "An 'install' that the broker has kept is ignored: publish it without 'retain'.");
    } else if (!is_known) {
        note(mqtt, host, "unknown_device", "No device of this id has answered here; the message is ignored.");
    } else if (!same(text, HOME_ASSISTANT_INSTALL)) {
        printable_copy(shown, sizeof shown, text);
        note(mqtt, host, "not_install",
             "'%s' is no order that is known here, only '" HOME_ASSISTANT_INSTALL "' is; ignored.", shown);
    } else if (is_under_way(mqtt, device)) {
        note(mqtt, host, "install_running", "The device is being updated already; the second 'install' is ignored.");
    } else {
        mqtt->entities[device].is_wanted = mqtt->entities[device].had_job = true;
        mqtt->entities[device].is_changed = true;
    }
}

// An earlier process was killed, or interrupted, while the device was being updated.
static void on_old_state(mqtt_t *mqtt, const char *id, const char *text) {
    uint32_t device = find_entity(mqtt, id);
    entity_t *entity = device < mqtt->list.count ? &mqtt->entities[device] : NULL;
    if (entity != NULL && !entity->had_job && home_assistant_is_in_progress(text)) {
        entity->is_wanted = entity->is_resumed = entity->had_job = entity->is_changed = true;
        note(mqtt, host_of(mqtt, device), "", "An installation was under way; it goes on.");
    }
}

static void on_message(void *context, const char *topic, const char *text, bool retained) {
    mqtt_t *mqtt = context;
    char prefix[HOME_ASSISTANT_TOPIC_SIZE], id[FLEET_ID_SIZE];
    home_assistant_topic(prefix, mqtt->plan.rollout, NULL, "");
    const char *rest = ota_ws_text_behind(topic, prefix);
    const char *what = rest == NULL ? NULL : strchr(rest, '/');
    if (what == NULL) {
        return;
    }
    snprintf(id, sizeof id, "%.*s", (int)(what - rest), rest);
    if (same(what, "/install")) {
        on_install(mqtt, id, text, retained);
    } else if (same(what, "/state") && retained) {
        on_old_state(mqtt, id, text);
    } else if (same(what, "/availability") && retained && same(text, "online") &&
               find_entity(mqtt, id) == mqtt->list.count) { // has not answered to this process
        broker_publish(&mqtt->broker, topic, "offline");
    }
}

static void on_connected(void *context) {
    mqtt_t *mqtt = context;
    char topic[HOME_ASSISTANT_TOPIC_SIZE];
    note(mqtt, NULL, "", "Connected to the broker %s.", mqtt->arguments->broker.where);
    home_assistant_topic(topic, mqtt->plan.rollout, "+", "install");
    broker_subscribe(&mqtt->broker, topic);
    home_assistant_topic(topic, mqtt->plan.rollout, "+", "availability");
    broker_subscribe(&mqtt->broker, topic);
    for (uint32_t i = 0; i < mqtt->list.count; i++) {
        forget_published(&mqtt->entities[i]);
        if (mqtt->entities[i].id[0] != '\0') {
            ask_for_state(mqtt, mqtt->entities[i].id);
        }
        publish(mqtt, i);
    }
    broker_publish(&mqtt->broker, mqtt->will, "online");
}

static void on_lost(void *context, const problem_t *problem, bool is_final) {
    mqtt_t *mqtt = context;
    if (is_final) {
        mqtt->problem = *problem;
        loop_stop(&mqtt->loop);
    } else {
        note(mqtt, NULL, problem->name, "%s", problem->text);
    }
}

// ---- the image ----

static bool is_same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// A file that is still being written changes from one look to the next.
static void look_at_image(mqtt_t *mqtt, uint64_t now_ms) {
    struct stat status;
    if (now_ms < mqtt->image_ms || stat(mqtt->plan.image, &status) != 0) {
        return;
    }
    mqtt->image_ms = now_ms + IMAGE_EVERY_MS;
    mqtt->image_is_due = !is_same_file(&status, &mqtt->image_status) && is_same_file(&status, &mqtt->seen_status);
    mqtt->seen_status = status;
}

// All devices are looked at again: some of them may take the new image that have not taken the old one.
static void read_image_again(mqtt_t *mqtt) {
    fleet_run_t *run = &mqtt->run;
    firmware_t *fresh = run->firmware == &mqtt->images[0] ? &mqtt->images[1] : &mqtt->images[0];
    problem_t problem;
    mqtt->image_is_due = false;
    mqtt->image_status = mqtt->seen_status;
    if (!fleet_image_open(fresh, mqtt->plan.image, &problem)) {
        note(mqtt, NULL, problem.name, "The image has changed and cannot be used: %s", problem.text);
        return;
    }
    firmware_close(run->firmware);
    run->firmware = fresh;
    note(mqtt, NULL, "", "The image has changed: %s %s.", fresh->inspection.image.description.project,
         fresh->inspection.image.description.version);
    for (uint32_t i = 0; i < mqtt->list.count; i++) {
        mqtt->entities[i].look_ms = 0;
        mqtt->entities[i].is_changed = true;
    }
}

// ---- the order of things ----

static bool is_at_rest(const mqtt_t *mqtt) {
    for (uint32_t i = 0; i < mqtt->list.count; i++) {
        if (!fleet_has_ended(mqtt->devices[i].state)) {
            return false;
        }
    }
    return mqtt->run.busy_jobs == 0;
}

static void tick_device(mqtt_t *mqtt, uint32_t device, uint64_t now_ms) {
    entity_t *entity = &mqtt->entities[device];
    const fleet_job_t *job = mqtt->run.targets[device].job;
    bool is_free = job == NULL && fleet_has_ended(mqtt->devices[device].state) && !mqtt->image_is_due;
    bool is_sending = job != NULL && mqtt->devices[device].state == FLEET_SENDING && job->push.progress.size > 0;
    int percent = is_sending ? (int)meter_percent(&job->push.progress) : -1;
    if (is_free && entity->is_wanted) {
        begin_installation(mqtt, device);
    } else if (is_free && now_ms >= entity->look_ms) {
        fleet_run_look(&mqtt->run, device);
    }
    entity->is_changed |= percent != entity->percent;
    entity->percent = percent;
    if (entity->is_changed) {
        publish(mqtt, device);
    }
}

static void on_ticked(fleet_run_t *run, uint64_t now_ms) {
    mqtt_t *mqtt = run->view;
    broker_tick(&mqtt->broker, now_ms);
    look_at_image(mqtt, now_ms);
    if (mqtt->image_is_due && is_at_rest(mqtt)) {
        read_image_again(mqtt);
    }
    for (uint32_t i = 0; i < mqtt->list.count; i++) {
        tick_device(mqtt, i, now_ms);
    }
}

// ---- life ----

static bool trouble(mqtt_t *mqtt, exit_code_t code, const char *name, const char *sentence) {
    problem_set(&mqtt->problem, code, name, "%s", sentence);
    return false;
}

// Two programs would both take each 'install'.
static bool lock_plan(mqtt_t *mqtt) {
    mqtt->lock = open(mqtt->arguments->file, O_RDONLY | O_CLOEXEC);
    return mqtt->lock < 0 || flock(mqtt->lock, LOCK_EX | LOCK_NB) == 0 ||
           trouble(mqtt, EXIT_CODE_TROUBLE, "already_run", "Another 'ota-ws mqtt' runs with this plan.");
}

// One device at a time is chosen by a person: waves, approvals and rules say nothing. It stays well for the longest of
// the plan's soak times.
static void make_rules(fleet_rules_t *rules) {
    uint32_t soak_s = 0;
    for (uint32_t i = 0; i < rules->wave_count; i++) {
        soak_s = rules->waves[i].soak_s > soak_s ? rules->waves[i].soak_s : soak_s;
    }
    rules->waves[0] = (fleet_wave_t){.percent = 100, .soak_s = soak_s};
    rules->wave_count = 1;
    rules->approve = rules->failed_percent = rules->failed_count = 0;
    rules->has_window = false;
}

static bool make_entities(mqtt_t *mqtt) {
    uint32_t count = mqtt->list.count;
    mqtt->devices = calloc(count, sizeof *mqtt->devices);
    mqtt->entities = calloc(count, sizeof *mqtt->entities);
    if (mqtt->devices == NULL || mqtt->entities == NULL) {
        return trouble(mqtt, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
    }
    make_rules(&mqtt->plan.rules);
    fleet_init(&mqtt->run.rollout, &mqtt->plan.rules, mqtt->devices, count);
    mqtt->run.rollout.phase = FLEET_FINISHED;
    for (uint32_t i = 0; i < count; i++) {
        mqtt->devices[i].state = FLEET_CANCELLED;
        mqtt->entities[i].percent = -1;
    }
    return true;
}

static bool load(mqtt_t *mqtt) {
    const arguments_t *arguments = mqtt->arguments;
    mqtt->has_plan = fleet_plan_load(&mqtt->plan, arguments->file, &mqtt->problem);
    if (!mqtt->has_plan || !lock_plan(mqtt)) {
        return false;
    }
    stat(mqtt->plan.image, &mqtt->image_status);
    mqtt->has_image = fleet_image_open(&mqtt->images[0], mqtt->plan.image, &mqtt->problem);
    return mqtt->has_image && fleet_list_select(&mqtt->list, &mqtt->plan, &mqtt->problem) &&
           fleet_passwords_are_sound(&mqtt->plan, arguments->password_file, &mqtt->list, &mqtt->problem) &&
           make_entities(mqtt);
}

static bool open_broker(mqtt_t *mqtt) {
    const arguments_t *arguments = mqtt->arguments;
    char password[CREDENTIALS_LINE_SIZE] = "";
    bool has_password = arguments->broker_password_file != NULL;
    if (has_password && !credentials_read_line(password, arguments->broker_password_file, &mqtt->problem)) {
        return false;
    }
    home_assistant_topic(mqtt->will, mqtt->plan.rollout, NULL, "availability");
    const broker_settings_t settings = {.password = has_password ? password : NULL,
                                        .ca_file = arguments->broker_ca_file,
                                        .will = mqtt->will,
                                        .events = {mqtt, on_connected, on_message, on_lost}};
    bool good = broker_open(&mqtt->broker, &arguments->broker, &settings, &mqtt->problem);
    explicit_bzero(password, sizeof password);
    return good;
}

static void run_on_loop(mqtt_t *mqtt) {
    fleet_run_t *run = &mqtt->run;
    const ota_ws_image_description_t *image = &mqtt->images[0].inspection.image.description;
    run->plan = &mqtt->plan;
    run->entries = mqtt->list.entries;
    run->devices = mqtt->devices;
    run->firmware = &mqtt->images[0];
    run->loop = &mqtt->loop;
    run->password_file = mqtt->arguments->password_file;
    run->happened = on_happened;
    run->seen = on_seen;
    run->ticked = on_ticked;
    run->view = mqtt;
    mqtt->view = (fleet_view_t){.plan = &mqtt->plan,
                                .entries = mqtt->list.entries,
                                .rollout = &run->rollout,
                                .json = mqtt->arguments->json,
                                .quiet = mqtt->arguments->quiet};
    note(mqtt, NULL, "", "%s: %s %s for %u device%s, through the broker %s.", mqtt->plan.rollout, image->project,
         image->version, mqtt->list.count, mqtt->list.count == 1 ? "" : "s", mqtt->arguments->broker.where);
    fleet_run(run);
    if (!run->interrupted && mqtt->problem.code == EXIT_CODE_OK) {
        mqtt->problem = run->problem;
    } else if (run->interrupted) {
        note(mqtt, NULL, "",
             "Stopped: Home Assistant sees the devices as unavailable. What was under way goes on after "
             "the next start.");
    }
}

static void run_until_stopped(mqtt_t *mqtt) {
    static const loop_callbacks_t callbacks = {connection_on_post, connection_on_session};
    if (!loop_open(&mqtt->loop, &callbacks, &mqtt->arguments->tls, &mqtt->problem)) {
        return;
    }
    if (open_broker(mqtt)) {
        run_on_loop(mqtt);
        broker_close(&mqtt->broker);
    }
    loop_close(&mqtt->loop);
    fleet_run_free(&mqtt->run);
}

static void close_all(mqtt_t *mqtt) {
    for (uint32_t i = 0; mqtt->entities != NULL && i < mqtt->list.count; i++) {
        forget_published(&mqtt->entities[i]);
    }
    if (mqtt->has_image) {
        firmware_close(mqtt->run.firmware != NULL ? mqtt->run.firmware : &mqtt->images[0]);
    }
    if (mqtt->has_plan) {
        fleet_plan_free(&mqtt->plan);
    }
    fleet_list_free(&mqtt->list);
    free(mqtt->devices);
    free(mqtt->entities);
    if (mqtt->lock >= 0) {
        close(mqtt->lock);
    }
}

exit_code_t mqtt_command(const arguments_t *arguments, output_t *output) {
    mqtt_t *mqtt = calloc(1, sizeof *mqtt);
    if (mqtt == NULL) {
        return EXIT_CODE_TROUBLE;
    }
    mqtt->arguments = arguments;
    mqtt->output = output;
    mqtt->lock = -1;
    if (load(mqtt)) {
        run_until_stopped(mqtt);
    }
    exit_code_t code = mqtt->problem.code;
    if (code != EXIT_CODE_OK) {
        outcome_t outcome;
        outcome_from_problem(&outcome, &mqtt->problem, NULL);
        outcome.kind = code == EXIT_CODE_FILE_REFUSED ? OUTCOME_REFUSED : OUTCOME_FAILED;
        output_result(output, NULL, &outcome);
    }
    close_all(mqtt);
    free(mqtt);
    return code;
}
