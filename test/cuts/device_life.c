// SPDX-License-Identifier: Apache-2.0
#include "device_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash_openssl.h"
#include "life_login.h"
#include "seal.h"
#include "text.h"

#define OTADATA_ADDRESS 0xd000
#define FIRST_APP_ADDRESS 0x10000
#define RESTARTS_MAX 5
#define BLOCK_MS 500 // between two blocks of the prepared slot

const life_geometry_t life_geometries[] = {
    {"two slots, unit 1", 1, 1024, 0x10000, {9008, 14000, 6000, 10000}, false, 2, NOR_BLOCK_SIZE},
    {"unit 16, images over a block", 16, 4096, 0x20000, {68000, 70000, 67008, 71008}, false, 2, NOR_BLOCK_SIZE},
    {"factory and two slots, unit 4", 4, 2048, 0x10000, {8208, 12304, 5008, 16400}, true, 2, NOR_BLOCK_SIZE},
    {"three slots, unit 32", 32, 1024, 0x10000, {7008, 9008, 11008, 5120}, false, 3, NOR_BLOCK_SIZE},
    {"small blocks, unit 16", 16, 1024, 0x4000, {9008, 14000, 6000, 12000}, false, 2, 2 * NOR_SECTOR_SIZE},
    {"recovery layout, unit 16", 16, 1024, 0x10000, {5008, 9008, 14000, 12000}, true, 1, NOR_BLOCK_SIZE},
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

// ---- ports ----

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
    if (life->worker_starts++ == life->no_worker_at || life->is_short) {
        return OTA_WS_NO_MEMORY;
    }
    ota_ws_writer_init(&life->writer, &life->pipeline_ports);
    life->is_working = true;
    return OTA_WS_OK;
}

static void submit(void *context, const ota_ws_job_t *job);

static ota_ws_status_t start_alone(void *context, const ota_ws_job_t *job) {
    life_t *life = context;
    if (life->worker_starts++ == life->no_worker_at || life->is_short) {
        return OTA_WS_NO_MEMORY;
    }
    life->is_alone = true;
    submit(life, job);
    return OTA_WS_OK;
}

static void submit(void *context, const ota_ws_job_t *job) {
    life_t *life = context;
    if (life->job_count == LIFE_JOBS_MAX) {
        abort();
    }
    life->jobs[life->job_count++] = *job;
}

// The bytes lie in life->buffer until the job is performed.
static void filled(void *context, size_t length) {
    const uint8_t *bytes = ((life_t *)context)->buffer;
    ota_ws_job_t job = {.kind = OTA_WS_JOB_CHUNK, .data = {bytes, (uint32_t)length, NULL, 0}};
    submit(context, &job);
}

static uint8_t *find_space(void *context) {
    return ((life_t *)context)->buffer;
}

static void stop_worker(void *context) {
    ((life_t *)context)->is_working = ((life_t *)context)->is_alone = false;
}

static void work(life_t *life) {
    if (life->is_waiting) {
        return;
    }
    while (life->job_count > 0 && !life->board->dead) {
        ota_ws_job_result_t result;
        ota_ws_job_t job = life->jobs[0];
        memmove(life->jobs, life->jobs + 1, --life->job_count * sizeof job);
        if (life->is_alone) {
            ota_ws_writer_perform_alone(&life->pipeline_ports, &job, &result);
        } else {
            ota_ws_writer_perform(&life->writer, &job, &result);
        }
        if (!life->board->dead) {
            ota_ws_device_completed(&life->device, &result, life->now_ms);
        }
    }
    if (life->is_working && !life->board->dead) {
        ota_ws_writer_idle(&life->writer);
    }
    if (life->is_link_lost) {
        life->is_link_lost = false;
        life_disconnect(life);
    }
}

// ---- what the device says ----

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

static void on_text(void *context, const char *text, size_t length) {
    life_t *life = context;
    char message[OTA_WS_MESSAGE_SIZE + 1];
    char value[16];
    if (life->board->dead) {
        return; // no message leaves any more
    }
    life->is_link_lost |= life->sent++ == life->lose_at;
    if (life->is_link_lost) {
        return;
    }
    memcpy(message, text, length);
    message[length] = '\0';
    if (is_type(message, "challenge")) {
        strcpy(life->login, message);
    } else if (is_type(message, "welcome")) {
        life->has_mac = life->verifier != NULL;
    } else if (is_type(message, "state")) {
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

// ---- the board's layout ----

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
    life->files = images;
    life->hash = &ota_ws_hash_openssl;
    life->boot_hash = &ota_ws_hash_openssl;
    life->ledger.incoming = -1;
    life->ledger.recovery = geometry->has_factory && geometry->slots == 1 ? 0 : -1;
    life->lose_at = -1;
    life->no_worker_at = -1;
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

int life_earlier_image(const life_t *life) {
    const partition_t *factory = partition_table_find(&life->table, PARTITION_APP, PARTITION_FACTORY);
    const partition_t *earlier = factory != NULL ? factory : life->machine.other;
    otadata_t otadata;
    if (otadata_read(&life->board->nor, boot_otadata_partition(&life->table), &otadata) != OTA_WS_OK) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        const otadata_entry_t *entry = &otadata.entries[i];
        uint32_t slot = otadata_is_valid(entry) ? otadata_slot(entry, life->geometry->slots) : 0;
        const partition_t *partition = partition_table_ota(&life->table, slot);
        if (otadata_is_valid(entry) && partition != life->machine.running) {
            earlier = partition;
        }
    }
    return image_at(life, earlier->address);
}

// ---- power ----

static void wire_ports(life_t *life) {
    life->flash = machine_flash(&life->machine);
    life->flash.block_size = life->geometry->block_size;
    life->platform = machine_platform(&life->machine);
    life->platform.load = load;
    life->platform.save = save;
    life->platform.restart = want_restart;
    life->platform.random = fill_random;
    life->platform.clock_s = clock_s;
    life->worker_port = (ota_ws_worker_t){.context = life,
                                          .start = start_worker,
                                          .start_alone = start_alone,
                                          .space = find_space,
                                          .filled = filled,
                                          .submit = submit,
                                          .stop = stop_worker};
    life->worker_port.inflates = life->inflate != NULL;
    life->worker_port.decrypts = life->decrypt != NULL;
    life->worker_port.early = sizeof life->buffer;
    life->settings = ota_ws_default_settings;
    life->settings.chunk = life->geometry->chunk;
    life->settings.credit = 2 * life->geometry->chunk;
    life->settings.trial_timeout_ms = LIFE_TRIAL_MS;
    life->settings.policy.check_version = false;
    life->pipeline_ports = (ota_ws_pipeline_ports_t){.flash = &life->flash,
                                                     .platform = &life->platform,
                                                     .hash = life->hash,
                                                     .inflate = life->inflate,
                                                     .decrypt = life->decrypt,
                                                     .policy = &life->settings.policy,
                                                     .scratch = life->pipeline_scratch,
                                                     .scratch_size = sizeof life->pipeline_scratch};
}

// The incoming image stays.
static void settle(life_t *life) {
    life->ledger.confirmed = life->ledger.incoming;
    life->ledger.is_over = true;
    life->ledger.may_run = false;
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

void life_application_confirms(life_t *life) {
    machine_t *machine = &life->machine;
    otadata_t otadata;
    if (life->board->dead || otadata_read(&life->board->nor, machine->otadata, &otadata) != OTA_WS_OK) {
        return;
    }
    int active = otadata_active(&otadata);
    if (active < 0 || otadata.entries[active].state == OTADATA_VALID) {
        return;
    }
    bool is_incoming = life_running_image(life) == life->ledger.incoming && life->ledger.may_run;
    life->ledger.confirm_asked |= is_incoming;
    otadata.entries[active].state = OTADATA_VALID;
    (void)otadata_write(&life->board->nor, machine->otadata, active, &otadata.entries[active]);
    if (!life->board->dead) {
        machine_look(machine);
        if (is_incoming) {
            settle(life);
        }
    }
}

static bool is_before(application_t application) {
    return application == APPLICATION_BEFORE || application == APPLICATION_AND_RESTARTS ||
           application == APPLICATION_AND_LOSES_POWER;
}

static bool start_chip(life_t *life, const machine_parts_t *parts) {
    return life->ledger.has_old_loader ? boot_old_loader(life, parts) : machine_start(&life->machine, parts);
}

// What the application does before it starts us.
static bool begin_application(life_t *life, machine_parts_t *parts) {
    bool was_valid = life->machine.identity.image_state == OTA_WS_IMAGE_VALID;
    if (!is_before(life->application)) {
        return true;
    }
    life_application_confirms(life);
    if (life->application == APPLICATION_BEFORE || was_valid || life->board->dead) {
        return true;
    }
    machine_stop(&life->machine);
    parts->reset = life->application == APPLICATION_AND_RESTARTS ? OTA_WS_RESET_SOFTWARE : OTA_WS_RESET_POWER_ON;
    return start_chip(life, parts);
}

static bool boot(life_t *life, ota_ws_reset_t reset) {
    machine_parts_t parts = {.nor = &life->board->nor,
                             .table = &life->table,
                             .hash = life->boot_hash,
                             .console = &life->console,
                             .target = {.chip_id = 5},
                             .reset = reset,
                             .name = "cut"};
    bool boots = start_chip(life, &parts) && (life->board->dead || begin_application(life, &parts));
    life->is_on = boots;
    life->boots++;
    if (!boots || life->board->dead) {
        return boots || life->board->dead;
    }
    wire_ports(life);
    const ota_ws_ports_t ports = {&life->flash, &life->platform, &life->worker_port, &ota_ws_hash_openssl};
    life->job_count = 0;
    life->is_connected = false;
    life->is_working = life->is_alone = false;
    life->wants_restart = false;
    life->is_restarting = false;
    ota_ws_device_init(&life->device, &ports, &life->settings, life->verifier, life->now_ms);
    ota_ws_device_scratch(&life->device, life->message);
    life->link = (ota_ws_link_t){life, on_text, close_link};
    if (life->application == APPLICATION_AT) {
        life_application_confirms(life);
        life_pass(life, 1000); // so often the device looks
    }
    life_pass(life, 50);
    return true;
}

bool life_power_on(life_t *life, ota_ws_reset_t reset) {
    const partition_t *otadata = boot_otadata_partition(&life->table);
    board_power(life->board);
    life->began_weak = board_is_weak(life->board, otadata->address, otadata->address + otadata->size);
    life->boots = 0;
    life->is_short = false;
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
    life->is_working = life->is_alone = false;
}

void life_power_off(life_t *life) {
    if (life->is_working) {
        drop_update(life);
    }
    life->is_alone = false;
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

// ---- steps ----

void life_pass(life_t *life, uint32_t ms) {
    if (life->board->dead) {
        return;
    }
    life->now_ms += ms;
    ota_ws_device_tick(&life->device, life->now_ms);
    work(life);
}

void life_say(life_t *life, const char *text) {
    char whole[OTA_WS_MESSAGE_SIZE + 1];
    if (life->board->dead) {
        return;
    }
    life->failure[0] = '\0';
    size_t length = life->has_mac ? life_sign(life, text, whole) : strlen(text);
    ota_ws_session_message(&life->session, life->has_mac ? whole : text, length, life->now_ms);
    work(life);
}

void life_disconnect(life_t *life) {
    if (life->board->dead || !life->is_connected) {
        return;
    }
    life->is_connected = false;
    ota_ws_session_closed(&life->session, life->now_ms);
    work(life);
}

void life_offer(life_t *life, int image, uint32_t size, const uint8_t *digest, const char *more) {
    const image_file_t *file = &life->files[image];
    char text[256];
    char hex[65];
    uint8_t of_file[32];
    ota_ws_sha256_t sha256;
    if (life->board->dead) {
        return;
    }
    life->boot_hash->start(&sha256);
    life->boot_hash->update(&sha256, file->bytes, file->length);
    life->boot_hash->finish(&sha256, of_file);
    ota_ws_text_hex(hex, digest != NULL ? digest : of_file, sizeof of_file);
    snprintf(text, sizeof text, "{\"type\":\"begin\",\"size\":%u,\"sha256\":\"%s\"%s%s}", (unsigned)size, hex, more,
             life->seals ? ",\"sealed\":true" : "");
    life->is_ready = false;
    life->is_done = false;
    if (life->ledger.incoming != image) {
        life->ledger.written = 0;
    }
    life->ledger.incoming = image;
    life->ledger.may_run = false;
    life->ledger.confirm_asked = false;
    life->ledger.is_over = false;
    life->ready_offset = 0;
    life->begun = life->said + 1;
    life_say(life, text);
}

void life_begin(life_t *life, int image) {
    life_offer(life, image, (uint32_t)life->files[image].length, NULL, "");
}

bool life_data(life_t *life, uint32_t offset, const uint8_t *bytes, uint32_t length) {
    if (life->board->dead ||
        ota_ws_session_admit(&life->session, OTA_WS_FRAME_DATA, length + 4, life->now_ms) != OTA_WS_ADMIT_TAKE) {
        return false;
    }
    memcpy(life->buffer, bytes, length);
    if (life->seals) {
        const ota_ws_seal_t seal = {life->keys.data, life->begun, life->ready_offset};
        ota_ws_seal(&seal, offset, life->buffer, length);
    }
    ota_ws_data_t data = {offset, length, true};
    ota_ws_session_data(&life->session, &data, life->now_ms);
    work(life);
    return true;
}

void life_send(life_t *life, int image, uint32_t end) {
    const image_file_t *file = &life->files[image];
    uint32_t at = life->is_ready ? life->device.received : end;
    life->ledger.may_run = life->ledger.may_run || end == file->length;
    while (at < end && !life->board->dead && life->failure[0] == '\0') {
        uint32_t length = end - at < life->settings.chunk ? end - at : life->settings.chunk;
        if (!life_data(life, at, file->bytes + at, length)) {
            return;
        }
        at += length;
    }
}

// ---- patches ----

static ota_ws_status_t pass_on(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink, void *to) {
    (void)context;
    return sink(to, bytes, length);
}

static ota_ws_status_t start_nothing(void *context, uint32_t window) {
    (void)window;
    (void)context;
    return OTA_WS_OK;
}

static ota_ws_status_t finish_nothing(void *context, ota_ws_sink_t sink, void *to) {
    (void)context;
    (void)sink;
    (void)to;
    return OTA_WS_OK;
}

static void stop_nothing(void *context) {
    (void)context;
}

const ota_ws_filter_t life_no_inflate = {NULL, start_nothing, pass_on, finish_nothing, stop_nothing};

static const image_file_t *running_file(const life_t *life) {
    int running = life_running_image(life);
    return running < 0 ? NULL : &life->images[running];
}

static void offer_patch(life_t *life, int image, uint32_t size, const image_file_t *base) {
    char more[64] = ",\"delta\":true,\"base\":\"";
    if (base == NULL) {
        return;
    }
    ota_ws_text_hex(more + strlen(more), base->bytes + base->length - OTA_WS_SHA256_SIZE, OTA_WS_BASE_DIGEST_SIZE);
    strcat(more, "\"");
    life_offer(life, image, size, NULL, more);
}

void life_begin_patch(life_t *life, int image) {
    const image_file_t *base = life->board->dead ? NULL : running_file(life);
    offer_patch(life, image, (uint32_t)life->files[image].length, base);
}

void life_begin_patch_for(life_t *life, int image, int base) {
    offer_patch(life, image, (uint32_t)life->files[image].length, &life->images[base]);
}

static uint32_t put_number(uint8_t *to, uint32_t value) {
    uint32_t length = 0;
    for (; value >= 0x80; value >>= 7) {
        to[length++] = (uint8_t)(value | 0x80);
    }
    to[length++] = (uint8_t)value;
    return length;
}

// One record for the file from `from` on: differences as far as the base goes, then the rest. Returns its length.
static uint32_t write_patch(const image_file_t *base, const image_file_t *file, uint32_t from, uint8_t *patch) {
    uint32_t end = (uint32_t)(base->length < file->length ? base->length : file->length);
    uint32_t added = from < end ? end - from : 0;
    uint32_t length = put_number(patch, added > 0 ? from << 1 : 0);
    length += put_number(patch + length, added);
    length += put_number(patch + length, (uint32_t)file->length - from - added);
    for (uint32_t i = from; i < file->length; i++) {
        patch[length++] = (uint8_t)(file->bytes[i] - (i < end ? base->bytes[i] : 0));
    }
    return length;
}

static void send_patch(life_t *life, int image, uint32_t left) {
    const image_file_t *file = &life->files[image], *base = life->board->dead ? NULL : running_file(life);
    uint8_t *patch = malloc(file->length + 16);
    if (base == NULL || !life->is_ready) {
        free(patch);
        return;
    }
    uint32_t end = write_patch(base, file, life->ready_offset, patch) - left;
    for (uint32_t at = 0; at < end && !life->board->dead && life->failure[0] == '\0';) {
        uint32_t length = end - at < life->settings.chunk ? end - at : life->settings.chunk;
        if (!life_data(life, at, patch + at, length)) {
            break;
        }
        at += length;
    }
    if (left == 0) {
        life_say(life, "{\"type\":\"end\"}");
    }
    free(patch);
}

void life_send_patch(life_t *life, int image, uint32_t left) {
    bool arrives = left == 0 && life->is_ready && !life->board->dead;
    life->ledger.may_run = life->ledger.may_run || arrives;
    send_patch(life, image, left);
}

void life_send_wrong_patch(life_t *life, int promised, int image) {
    const image_file_t *base = life->board->dead ? NULL : running_file(life);
    offer_patch(life, promised, (uint32_t)life->files[image].length, base);
    send_patch(life, image, 0);
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
        settle(life);
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

// ---- the recovery layout ----

void life_enter_recovery(life_t *life) {
    if (!life->board->dead) {
        life->ledger.may_recover = true;
        life_say(life, "{\"type\":\"restart\",\"into\":\"recovery\"}");
    }
}

// An application that was confirmed needs no second trial.
void life_return(life_t *life) {
    char outcome[24];
    if (life->board->dead) {
        return;
    }
    bool was_confirmed = life_told(life, "last_outcome", outcome, sizeof outcome) && strcmp(outcome, "confirmed") == 0;
    life->ledger.incoming = image_at(life, life_slot_address(life, 0));
    life->ledger.may_run = true;
    life->ledger.confirm_asked = was_confirmed;
    life->ledger.is_over = false;
    life_say(life, "{\"type\":\"restart\",\"into\":\"application\"}");
}

bool life_recovers(const life_t *life) {
    return life->machine.recovery != NULL && life->machine.running == life->machine.recovery;
}

void life_settle_recovery(life_t *life) {
    life->ledger.confirmed = life->ledger.recovery;
    life->ledger.may_recover = false;
}

extern const ota_ws_feature_t ota_ws_feature_recovery[] __attribute__((weak));

bool life_can_recover(void) {
    return ota_ws_feature_recovery != NULL;
}

extern const ota_ws_feature_t ota_ws_feature_prepare[] __attribute__((weak));

bool life_prepares(void) {
    return ota_ws_feature_prepare != NULL;
}

void life_prepare(life_t *life, bool on) {
    life->ledger.is_preparing = on;
    life_say(life, on ? "{\"type\":\"prepare\",\"on\":true}" : "{\"type\":\"prepare\"}");
}

void life_pass_block(life_t *life) {
    life_pass(life, BLOCK_MS);
}

void life_pass_blocks(life_t *life) {
    for (uint32_t at = 0; at < life->geometry->slot_size; at += life->geometry->block_size) {
        life_pass_block(life);
    }
}

extern const ota_ws_feature_t ota_ws_feature_resume[] __attribute__((weak));
extern const ota_ws_feature_t ota_ws_feature_delta[] __attribute__((weak));

bool life_resumes(void) {
    return ota_ws_feature_resume != NULL;
}

bool life_takes_patches(void) {
    return ota_ws_feature_delta != NULL;
}
