// SPDX-License-Identifier: Apache-2.0
#include "device_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash_openssl.h"
#include "text.h"

#define OTADATA_ADDRESS 0xd000
#define FIRST_APP_ADDRESS 0x10000
#define RESTARTS_MAX 5

const life_geometry_t life_geometries[] = {
    {"two slots, unit 1", 1, 1024, 0x10000, {9008, 14000, 6000, 10000}, false, 2},
    {"two slots, unit 16, images over one block", 16, 4096, 0x20000, {68000, 70000, 67008, 71008}, false, 2},
    {"factory and two slots, unit 4", 4, 2048, 0x10000, {8208, 12304, 5008, 16400}, true, 2},
    {"three slots, unit 32", 32, 1024, 0x10000, {7008, 9008, 11008, 5120}, false, 3},
};
const size_t life_geometry_count = sizeof life_geometries / sizeof *life_geometries;

void life_build_images(const life_geometry_t *geometry, image_file_t images[LIFE_IMAGES]) {
    static const char *const versions[LIFE_IMAGES] = {"1.0.0", "2.0.0", "3.0.0", "4.0.0"};
    for (unsigned i = 0; i < LIFE_IMAGES; i++) {
        image_spec_t spec = image_spec_default;
        spec.size = geometry->image_sizes[i];
        spec.version = versions[i];
        spec.seed = 77 + i;
        images[i] = image_build(&spec);
    }
}

// ---- ports ---------------------------------------------------------------------------------------------------------

static size_t load(void *context, const char *key, void *value, size_t size) {
    return board_load(((life_t *)context)->board, key, value, size);
}

static void save(void *context, const char *key, const void *value, size_t size) {
    board_save(((life_t *)context)->board, key, value, size);
}

static void want_restart(void *context) {
    ((life_t *)context)->wants_restart = true;
}

static void fill_random(void *context, uint8_t *bytes, size_t length) {
    (void)context;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
    }
}

static uint32_t clock_s(void *context) {
    (void)context;
    return 1790000000;
}

static ota_ws_status_t start_worker(void *context) {
    life_t *life = context;
    ota_ws_writer_init(&life->writer, &life->pipeline_ports);
    life->is_working = true;
    return OTA_WS_OK;
}

static void submit(void *context, const ota_ws_job_t *job) {
    life_t *life = context;
    if (life->job_count == LIFE_JOBS_MAX) {
        abort();
    }
    life->jobs[life->job_count++] = *job;
}

static void stop_worker(void *context) {
    ((life_t *)context)->is_working = false;
}

static void work(life_t *life) {
    while (life->job_count > 0 && !life->board->dead) {
        ota_ws_job_result_t result;
        ota_ws_job_t job = life->jobs[0];
        memmove(life->jobs, life->jobs + 1, --life->job_count * sizeof job);
        ota_ws_writer_perform(&life->writer, &job, &result);
        if (!life->board->dead) {
            ota_ws_device_completed(&life->device, &result, life->now_ms);
        }
    }
    if (life->is_working && !life->board->dead) {
        ota_ws_writer_idle(&life->writer);
    }
}

// ---- what the device says ------------------------------------------------------------------------------------------

static bool find_member(const char *message, const char *name, char *value, size_t size) {
    char start[48];
    snprintf(start, sizeof start, "\"%s\":", name);
    const char *at = strstr(message, start);
    if (at == NULL) {
        return false;
    }
    at += strlen(start);
    at += *at == '"';
    size_t length = strcspn(at, "\",}");
    snprintf(value, size, "%.*s", (int)(length < size ? length : size - 1), at);
    return true;
}

static bool is_type(const char *message, const char *type) {
    return strncmp(message + 9, type, strlen(type)) == 0 && message[9 + strlen(type)] == '"';
}

static void hear(void *context, const char *text, size_t length) {
    life_t *life = context;
    char message[OTA_WS_MESSAGE_SIZE + 1];
    char value[16];
    if (life->board->dead) {
        return; // no message leaves any more
    }
    memcpy(message, text, length);
    message[length] = '\0';
    if (is_type(message, "state")) {
        strcpy(life->state, message);
    } else if (is_type(message, "failed") || is_type(message, "error")) {
        strcpy(life->failure, message);
    } else if (is_type(message, "ready") && find_member(message, "offset", value, sizeof value)) {
        life->is_ready = true;
        life->ready_offset = (uint32_t)atoi(value);
    } else if (is_type(message, "progress") && find_member(message, "written", value, sizeof value)) {
        life->ledger.written = (uint32_t)atoi(value);
    } else if (is_type(message, "done")) {
        life->is_done = true;
        life->ledger.written = 0;
    } else if (is_type(message, "restarting")) {
        life->is_restarting = true;
    }
}

static void close_link(void *context) {
    (void)context;
}

bool life_told(const life_t *life, const char *name, char *value, size_t size) {
    return find_member(life->state, name, value, size);
}

// ---- the board's layout --------------------------------------------------------------------------------------------

static void add_partition(partition_table_t *table, partition_t partition, const char *label) {
    ota_ws_text_copy(partition.label, sizeof partition.label, label);
    table->rows[table->count++] = partition;
}

static void build_table(partition_table_t *table, const life_geometry_t *geometry) {
    static const char *const labels[] = {"ota_0", "ota_1", "ota_2"};
    uint32_t address = FIRST_APP_ADDRESS;
    memset(table, 0, sizeof *table);
    add_partition(table,
                  (partition_t){.type = PARTITION_DATA,
                                .subtype = PARTITION_OTADATA,
                                .address = OTADATA_ADDRESS,
                                .size = PARTITION_OTADATA_SIZE},
                  "otadata");
    if (geometry->has_factory) {
        add_partition(
            table,
            (partition_t){
                .type = PARTITION_APP, .subtype = PARTITION_FACTORY, .address = address, .size = geometry->slot_size},
            "factory");
        address += geometry->slot_size;
    }
    for (unsigned i = 0; i < geometry->slots; i++) {
        add_partition(table,
                      (partition_t){.type = PARTITION_APP,
                                    .subtype = (uint8_t)(PARTITION_OTA_0 + i),
                                    .address = address,
                                    .size = geometry->slot_size},
                      labels[i]);
        address += geometry->slot_size;
    }
}

uint32_t life_slot_address(const life_t *life, unsigned slot) {
    return partition_table_ota(&life->table, slot)->address;
}

void life_init(life_t *life, board_t *board, const life_geometry_t *geometry, const image_file_t *images) {
    memset(life, 0, sizeof *life);
    life->board = board;
    life->geometry = geometry;
    life->images = images;
    life->hash = &ota_ws_hash_openssl;
    life->boot_hash = &ota_ws_hash_openssl;
    life->ledger.incoming = -1;
    console_init(&life->console, getenv("CUTS_CONSOLE") != NULL ? stderr : NULL);
    build_table(&life->table, geometry);
}

static int image_at(const life_t *life, uint32_t address) {
    for (int i = 0; i < LIFE_IMAGES; i++) {
        if (memcmp(life->board->flash + address, life->images[i].bytes, life->images[i].length) == 0) {
            return i;
        }
    }
    return -1;
}

int life_running_image(const life_t *life) {
    return image_at(life, life->machine.running->address);
}

int life_other_image(const life_t *life) {
    return image_at(life, life->machine.other->address);
}

// ---- power ---------------------------------------------------------------------------------------------------------

static void wire_ports(life_t *life) {
    life->flash = machine_flash(&life->machine);
    life->platform = machine_platform(&life->machine);
    life->platform.load = load;
    life->platform.save = save;
    life->platform.restart = want_restart;
    life->platform.random = fill_random;
    life->platform.clock_s = clock_s;
    life->worker_port =
        (ota_ws_worker_t){.context = life, .start = start_worker, .submit = submit, .stop = stop_worker};
    life->settings = ota_ws_default_settings;
    life->settings.chunk = life->geometry->chunk;
    life->settings.credit = 2 * life->geometry->chunk;
    life->settings.trial_timeout_ms = LIFE_TRIAL_MS;
    life->settings.policy.check_version = false;
    life->pipeline_ports = (ota_ws_pipeline_ports_t){.flash = &life->flash,
                                                     .platform = &life->platform,
                                                     .hash = life->hash,
                                                     .policy = &life->settings.policy,
                                                     .scratch = life->pipeline_scratch,
                                                     .scratch_size = sizeof life->pipeline_scratch};
}

// A bootloader without rollback chooses as one with it, but leaves the boot record alone.
static bool boot_old_loader(life_t *life, const machine_parts_t *parts) {
    uint8_t record[PARTITION_OTADATA_SIZE];
    uint8_t *otadata = life->board->flash + OTADATA_ADDRESS;
    board_weak_t weak[BOARD_WEAK_MAX];
    size_t weak_count = life->board->weak_count;
    memcpy(record, otadata, sizeof record);
    memcpy(weak, life->board->weak, sizeof weak);
    life->board->is_quiet = true;
    bool boots = machine_start(&life->machine, parts);
    life->board->is_quiet = false;
    memcpy(otadata, record, sizeof record);
    memcpy(life->board->weak, weak, sizeof weak);
    life->board->weak_count = weak_count;
    if (boots) {
        machine_look(&life->machine);
    }
    return boots;
}

static bool boot(life_t *life, ota_ws_reset_t reset) {
    machine_parts_t parts = {.nor = &life->board->nor,
                             .table = &life->table,
                             .hash = life->boot_hash,
                             .console = &life->console,
                             .target = {.chip_id = 5},
                             .reset = reset,
                             .name = "cut"};
    bool boots = life->ledger.has_old_loader ? boot_old_loader(life, &parts) : machine_start(&life->machine, &parts);
    life->is_on = boots;
    life->boots++;
    if (!boots || life->board->dead) {
        return boots || life->board->dead;
    }
    wire_ports(life);
    const ota_ws_ports_t ports = {&life->flash, &life->platform, &life->worker_port, &ota_ws_hash_openssl};
    life->job_count = 0;
    life->is_connected = false;
    life->is_working = false;
    life->wants_restart = false;
    life->is_restarting = false;
    ota_ws_device_init(&life->device, &ports, &life->settings, NULL, life->now_ms);
    ota_ws_device_scratch(&life->device, life->message);
    life_pass(life, 50);
    return true;
}

bool life_power_on(life_t *life, ota_ws_reset_t reset) {
    board_power(life->board);
    life->boots = 0;
    life->wants_restart = true;
    while (life->wants_restart && !life->board->dead) {
        life->wants_restart = false;
        if (life->boots == RESTARTS_MAX || !boot(life, reset)) {
            return life->board->dead;
        }
        reset = OTA_WS_RESET_SOFTWARE;
        if (life->wants_restart) {
            life_power_off(life);
        }
    }
    return true;
}

// The memory of an update that was under way; nothing reaches the board any more.
static void drop_update(life_t *life) {
    const ota_ws_job_t job = {.kind = OTA_WS_JOB_ABORT};
    ota_ws_job_result_t result;
    bool was_dead = life->board->dead;
    life->board->dead = true;
    ota_ws_writer_perform(&life->writer, &job, &result);
    life->board->dead = was_dead;
    life->is_working = false;
}

void life_power_off(life_t *life) {
    if (life->is_working) {
        drop_update(life);
    }
    if (life->is_on) {
        machine_stop(&life->machine);
    }
    life->is_on = false;
    life->is_connected = false;
}

bool life_restart_if_wanted(life_t *life) {
    if (!life->wants_restart || life->board->dead) {
        return true;
    }
    life_power_off(life);
    return life_power_on(life, OTA_WS_RESET_SOFTWARE);
}

// ---- steps ---------------------------------------------------------------------------------------------------------

void life_pass(life_t *life, uint32_t ms) {
    if (life->board->dead) {
        return;
    }
    life->now_ms += ms;
    ota_ws_device_tick(&life->device, life->now_ms);
    work(life);
}

void life_say(life_t *life, const char *text) {
    if (life->board->dead) {
        return;
    }
    life->failure[0] = '\0';
    ota_ws_session_message(&life->session, text, strlen(text), life->now_ms);
    work(life);
}

void life_connect(life_t *life) {
    static const ota_ws_address_t peer = {{[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}};
    static const ota_ws_gate_request_t request = {"127.0.0.1", NULL, "127.0.0.1", NULL};
    char body[OTA_WS_TICKET_BODY_SIZE];
    char ticket[OTA_WS_TICKET_TEXT_SIZE + 1];
    char hello[128];
    if (life->board->dead) {
        return;
    }
    life->state[0] = '\0';
    ota_ws_device_ticket(&life->device, &request, &peer, life->now_ms, body, sizeof body);
    find_member(body, "ticket", ticket, sizeof ticket);
    life->link = (ota_ws_link_t){life, hear, close_link};
    ota_ws_session_open(&life->session, &life->device, &life->link, &peer, life->now_ms);
    life->is_connected = true;
    snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%s\"}", ticket);
    life_say(life, hello);
}

void life_disconnect(life_t *life) {
    if (life->board->dead || !life->is_connected) {
        return;
    }
    life->is_connected = false;
    ota_ws_session_closed(&life->session, life->now_ms);
    work(life);
}

void life_begin(life_t *life, int image) {
    char text[192];
    char hex[65];
    uint8_t digest[32];
    if (life->board->dead) {
        return;
    }
    ota_ws_sha256_t sha256;
    life->boot_hash->start(&sha256);
    life->boot_hash->update(&sha256, life->images[image].bytes, life->images[image].length);
    life->boot_hash->finish(&sha256, digest);
    ota_ws_text_hex(hex, digest, sizeof digest);
    snprintf(text, sizeof text, "{\"type\":\"begin\",\"size\":%zu,\"sha256\":\"%s\"}", life->images[image].length, hex);
    life->is_ready = false;
    life->is_done = false;
    if (life->ledger.incoming != image) {
        life->ledger.written = 0;
    }
    life->ledger.incoming = image;
    life->ledger.may_run = false;
    life->ledger.confirm_asked = false;
    life->ledger.is_over = false;
    life_say(life, text);
}

void life_send(life_t *life, int image, uint32_t end) {
    const image_file_t *file = &life->images[image];
    uint32_t at = life->is_ready ? life->device.received : end;
    life->ledger.may_run = life->ledger.may_run || end == file->length;
    while (at < end && !life->board->dead && life->failure[0] == '\0') {
        uint32_t length = end - at < life->settings.chunk ? end - at : life->settings.chunk;
        if (ota_ws_session_admit(&life->session, OTA_WS_FRAME_DATA, length + 4, life->now_ms) != OTA_WS_ADMIT_TAKE) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            life->buffer[i] = (uint8_t)(at >> 8 * i);
        }
        memcpy(life->buffer + 4, file->bytes + at, length);
        ota_ws_session_data(&life->session, life->buffer, length + 4, life->now_ms);
        work(life);
        at += length;
    }
}

void life_confirm(life_t *life) {
    char value[16];
    if (life->board->dead) {
        return;
    }
    life->ledger.confirm_asked = true;
    life_say(life, "{\"type\":\"confirm\"}");
    bool is_valid = life_told(life, "image", value, sizeof value) && strcmp(value, "valid") == 0;
    if (!life->board->dead && life->failure[0] == '\0' && is_valid) {
        life->ledger.confirmed = life->ledger.incoming;
        life->ledger.is_over = true;
        life->ledger.may_run = false;
    }
}

void life_cancel(life_t *life) {
    if (life->board->dead) {
        return;
    }
    life_say(life, "{\"type\":\"cancel\"}");
    char name[32];
    bool is_cancelled = find_member(life->failure, "name", name, sizeof name) && strcmp(name, "cancelled") == 0;
    if (!life->board->dead && is_cancelled) {
        life->ledger.may_run = false;
        life->ledger.is_over = true;
        life->ledger.written = 0;
    }
}
