// SPDX-License-Identifier: Apache-2.0
// The virtual device without its sockets: pieces of frames in, messages out, over the true worker thread, the flash
// model and the bootloader.
#include "testing.h"

#include <openssl/sha.h>
#include <time.h>

#include "frames.h"
#include "hash_openssl.h"
#include "image_builder.h"
#include "machine.h"
#include "partition_csv.h"
#include "text.h"

#define FLASH_SIZE 0x90000
#define CHUNK 4096u
#define LOG_SIZE 65536
#define TWO_SLOTS "nvs,data,nvs,,0x4000\notadata,data,ota,,8K\nota_0,app,ota_0,0x10000,128K\nota_1,app,ota_1,,128K\n"

typedef struct {
    uint8_t memory[FLASH_SIZE];
    nor_t nor;
    partition_table_t table;
    console_t console;
    machine_t machine;
    worker_t worker;
    ota_ws_flash_t flash;
    ota_ws_platform_t platform;
    ota_ws_worker_t worker_port;
    ota_ws_ports_t ports;
    ota_ws_settings_t settings;
    ota_ws_device_t device;
    char scratch[OTA_WS_MESSAGE_SIZE];
    ota_ws_session_t session;
    ota_ws_link_t link;
    frames_t frames;
    char log[LOG_SIZE]; // what the device said, one message a line
    size_t log_length;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool notified;
    image_file_t image;
} bench_t;

static void notify(void *context) {
    bench_t *bench = context;
    pthread_mutex_lock(&bench->lock);
    bench->notified = true;
    pthread_cond_signal(&bench->wake);
    pthread_mutex_unlock(&bench->lock);
}

// Waits for the worker and hands its results over.
static void collect(bench_t *bench) {
    struct timespec limit;
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 60;
    pthread_mutex_lock(&bench->lock);
    while (!bench->notified) {
        assert_int_equal(pthread_cond_timedwait(&bench->wake, &bench->lock, &limit), 0);
    }
    bench->notified = false;
    pthread_mutex_unlock(&bench->lock);
    worker_collect(&bench->worker, &bench->device, 1);
}

static void on_text(void *context, const char *text, size_t length) {
    bench_t *bench = context;
    assert_true(bench->log_length + length + 2 < LOG_SIZE);
    memcpy(bench->log + bench->log_length, text, length);
    bench->log_length += length;
    strcpy(bench->log + bench->log_length++, "\n");
}

static void note_close(void *context) {
    (void)context;
}

static bool received(const bench_t *bench, const char *part) {
    return strstr(bench->log, part) != NULL;
}

// Until the device has said `part`.
static void await(bench_t *bench, const char *part) {
    while (!received(bench, part)) {
        collect(bench);
    }
}

static void forget(bench_t *bench) {
    bench->log_length = 0;
    bench->log[0] = '\0';
}

static void put_running_image(bench_t *bench) {
    image_file_t file = image_build(&image_spec_default);
    memcpy(bench->memory + 0x10000, file.bytes, file.length);
    image_free(&file);
}

static void start_device(bench_t *bench) {
    machine_parts_t machine_parts = {.nor = &bench->nor,
                                     .table = &bench->table,
                                     .hash = &ota_ws_hash_openssl,
                                     .console = &bench->console,
                                     .target = {.chip_id = 5, .chip_revision = 4},
                                     .name = "bench"};
    assert_true(machine_start(&bench->machine, &machine_parts));
    bench->flash = machine_flash(&bench->machine);
    bench->platform = machine_platform(&bench->machine);
    worker_parts_t worker_parts = {.ring_size = WORKER_RING_MIN,
                                   .flash = &bench->flash,
                                   .platform = &bench->platform,
                                   .hash = &ota_ws_hash_openssl,
                                   .policy = &bench->settings.policy,
                                   .notify_context = bench,
                                   .notify = notify};
    worker_init(&bench->worker, &worker_parts);
    bench->worker_port = worker_port(&bench->worker);
    bench->ports = (ota_ws_ports_t){&bench->flash, &bench->platform, &bench->worker_port, &ota_ws_hash_openssl};
    ota_ws_device_init(&bench->device, &bench->ports, &bench->settings, NULL, 0);
    ota_ws_device_scratch(&bench->device, bench->scratch);
}

// ---- frames ----

// One frame in pieces of `piece` bytes. An empty frame is one empty piece, as ws_reader.h makes it.
static void send_pieces(bench_t *bench, ota_ws_frame_kind_t kind, const void *bytes, size_t length, size_t piece) {
    size_t done = 0;
    do {
        size_t part = length - done < piece ? length - done : piece;
        frames_piece_t sent = {kind, (const uint8_t *)bytes + done, part, length - done - part};
        frames_take(&bench->frames, &sent, 1);
        done += part;
    } while (done < length);
}

static void say(bench_t *bench, const char *text) {
    send_pieces(bench, OTA_WS_FRAME_TEXT, text, strlen(text), 1000000);
}

static void send_data(bench_t *bench, uint32_t offset, const uint8_t *bytes, size_t length, size_t piece) {
    uint8_t frame[CHUNK + 100];
    for (int i = 0; i < 4; i++) {
        frame[i] = (uint8_t)(offset >> 8 * i);
    }
    memcpy(frame + 4, bytes, length);
    while (worker_free_space(&bench->worker) < length) {
        collect(bench); // the server does not read meanwhile
    }
    send_pieces(bench, OTA_WS_FRAME_DATA, frame, length + 4, piece);
}

static void hello(bench_t *bench) {
    static const ota_ws_address_t peer = {{[15] = 1}};
    ota_ws_gate_request_t request = {.host = "127.0.0.1"};
    char body[OTA_WS_TICKET_BODY_SIZE];
    char text[256];
    bench->link = (ota_ws_link_t){bench, on_text, note_close};
    ota_ws_session_open(&bench->session, &bench->device, &bench->link, &peer, 0);
    frames_init(&bench->frames, &bench->session, &bench->worker);
    assert_int_equal(ota_ws_device_ticket(&bench->device, &request, &peer, 0, body, sizeof body), OTA_WS_OK);
    snprintf(text, sizeof text, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%.32s\"}",
             strstr(body, "\"ticket\":\"") + 10);
    say(bench, text);
    assert_true(received(bench, "\"type\":\"welcome\""));
    forget(bench);
}

static void bye(bench_t *bench) {
    ota_ws_session_closed(&bench->session, 1);
    frames_free(&bench->frames);
}

static bench_t *bench_new(void) {
    bench_t *bench = calloc(1, sizeof *bench);
    image_spec_t spec = image_spec_default;
    partition_error_t error;
    bench->nor = (nor_t){.medium = nor_memory(bench->memory, FLASH_SIZE), .size = FLASH_SIZE, .program_unit = 16};
    assert_true(partition_csv_parse(&bench->table, TWO_SLOTS, strlen(TWO_SLOTS), &error));
    console_init(&bench->console, NULL);
    pthread_mutex_init(&bench->lock, NULL);
    pthread_cond_init(&bench->wake, NULL);
    bench->settings = ota_ws_default_settings;
    bench->settings.chunk = CHUNK;
    bench->settings.credit = 4 * CHUNK;
    spec.version = "2.0.0";
    spec.size = 100000;
    bench->image = image_build(&spec);
    put_running_image(bench);
    start_device(bench);
    hello(bench);
    return bench;
}

static void switch_off(bench_t *bench) {
    worker_free(&bench->worker);
    machine_stop(&bench->machine);
}

static void bench_free(bench_t *bench) {
    bye(bench);
    while (bench->worker.running) {
        collect(bench);
    }
    switch_off(bench);
    image_free(&bench->image);
    pthread_cond_destroy(&bench->wake);
    pthread_mutex_destroy(&bench->lock);
    free(bench);
}

static void say_begin(bench_t *bench, uint32_t early) {
    uint8_t digest[32];
    char hex[65];
    char text[256];
    SHA256(bench->image.bytes, bench->image.length, digest);
    ota_ws_text_hex(hex, digest, sizeof digest);
    snprintf(text, sizeof text, "{\"type\":\"begin\",\"size\":%zu,\"sha256\":\"%s\",\"early\":%u}", bench->image.length,
             hex, early);
    say(bench, text);
}

static void begin(bench_t *bench) {
    say_begin(bench, 0);
    await(bench, "\"type\":\"ready\"");
}

static void send_image(bench_t *bench, size_t piece) {
    for (uint32_t offset = 0; offset < bench->image.length; offset += CHUNK) {
        size_t left = bench->image.length - offset;
        send_data(bench, offset, bench->image.bytes + offset, left < CHUNK ? left : CHUNK, piece);
    }
}

// ---- the tests ----

static void a_whole_update_goes_from_frames_to_the_next_start(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    begin(bench);
    send_image(bench, 1000000);
    await(bench, "\"type\":\"done\"");
    assert_memory_equal(bench->memory + 0x30000, bench->image.bytes, bench->image.length);
    bye(bench);
    while (bench->worker.running) {
        collect(bench);
    }
    switch_off(bench);
    start_device(bench);
    ota_ws_identity_t identity;
    bench->platform.describe(bench->platform.context, &identity);
    assert_string_equal(identity.slot, "ota_1");
    assert_string_equal(identity.running.version, "2.0.0");
    assert_int_equal(identity.image_state, OTA_WS_IMAGE_TRIAL);
    hello(bench);
    say(bench, "{\"type\":\"confirm\"}");
    await(bench, "\"image\":\"valid\"");
    bench_free(bench);
}

// Both results wait when the server comes to look.
static void that_an_update_has_begun_is_told_before_what_became_of_its_early_data(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    image_spec_t spec = image_spec_default;
    bool both_wait = false;
    image_free(&bench->image);
    spec.chip_id = 9;
    bench->image = image_build(&spec);
    say_begin(bench, CHUNK);
    send_data(bench, 0, bench->image.bytes, CHUNK, 1000000);
    while (!both_wait) {
        pthread_mutex_lock(&bench->worker.lock);
        both_wait = bench->worker.queue.has_written && bench->worker.queue.result_count == 1;
        pthread_mutex_unlock(&bench->worker.lock);
    }
    worker_collect(&bench->worker, &bench->device, 1);
    assert_true(received(bench, "\"type\":\"ready\""));
    await(bench, "wrong_chip");
    bench_free(bench);
}

static void pieces_of_any_size_make_the_same_frames(void **state) {
    (void)state;
    static const size_t pieces[] = {1, 3, 4, 5, 1000, 4099, 4100};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        bench_t *bench = bench_new();
        begin(bench);
        send_image(bench, pieces[i]);
        await(bench, "\"type\":\"done\"");
        assert_memory_equal(bench->memory + 0x30000, bench->image.bytes, bench->image.length);
        bench_free(bench);
    }
}

static void text_comes_in_pieces_too(void **state) {
    (void)state;
    static const char ping[] = "{\"type\":\"ping\"}";
    for (size_t piece = 1; piece < sizeof ping; piece++) {
        bench_t *bench = bench_new();
        send_pieces(bench, OTA_WS_FRAME_TEXT, ping, sizeof ping - 1, piece);
        assert_true(received(bench, "\"type\":\"pong\""));
        bench_free(bench);
    }
}

static void a_frame_that_is_too_long_is_refused_by_its_length_and_thrown_away(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    uint8_t bytes[5000] = {0};
    begin(bench);
    send_pieces(bench, OTA_WS_FRAME_DATA, bytes, CHUNK + 5, 100);
    assert_true(received(bench, "\"name\":\"frame_too_long\""));
    bench_free(bench);

    bench = bench_new();
    send_pieces(bench, OTA_WS_FRAME_TEXT, bytes, OTA_WS_MESSAGE_SIZE + 1, 7);
    assert_true(received(bench, "\"name\":\"message_too_long\""));
    bench_free(bench);

    bench = bench_new();
    frames_piece_t endless = {OTA_WS_FRAME_TEXT, bytes, 100, UINT64_C(1) << 62};
    frames_take(&bench->frames, &endless, 1);
    assert_true(received(bench, "\"name\":\"message_too_long\""));
    bench_free(bench);
}

static void the_longest_text_fits(void **state) {
    (void)state;
    char text[OTA_WS_MESSAGE_SIZE];
    bench_t *bench = bench_new();
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"type\":\"ping\"}", 15);
    send_pieces(bench, OTA_WS_FRAME_TEXT, text, sizeof text, 1000);
    assert_true(received(bench, "\"type\":\"pong\""));
    bench_free(bench);
}

static void an_empty_frame_is_an_error_and_no_crash(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    send_pieces(bench, OTA_WS_FRAME_TEXT, "", 0, 1);
    assert_true(received(bench, "\"name\":\"not_json\""));
    bench_free(bench);

    bench = bench_new();
    begin(bench);
    send_pieces(bench, OTA_WS_FRAME_DATA, "", 0, 1);
    assert_true(received(bench, "\"name\":\"bad_frame\""));
    bench_free(bench);
}

static void a_link_that_ends_inside_a_frame_leaves_the_next_update_free(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    for (int i = 0; i < 10; i++) {
        begin(bench);
        send_data(bench, 0, bench->image.bytes, CHUNK, 1000000);
        static const uint8_t half_a_frame[100] = {(uint8_t)CHUNK, CHUNK >> 8};
        frames_piece_t half = {OTA_WS_FRAME_DATA, half_a_frame, sizeof half_a_frame, 1000};
        while (worker_free_space(&bench->worker) < sizeof half_a_frame) {
            collect(bench);
        }
        frames_take(&bench->frames, &half, 1);
        bye(bench);
        while (bench->worker.running) {
            collect(bench);
        }
        hello(bench);
    }
    begin(bench);
    bench_free(bench);
}

// The rest of a frame comes when its update is over: nothing is written to, nothing is lost.
static void a_frame_that_outlives_its_update_is_dropped(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    begin(bench);
    static const uint8_t half_a_frame[100] = {0};
    frames_piece_t half = {OTA_WS_FRAME_DATA, half_a_frame, sizeof half_a_frame, 1000};
    frames_take(&bench->frames, &half, 1);
    while (bench->device.taken != bench->device.received) {
        collect(bench);
    }
    ota_ws_device_tick(&bench->device, 40000); // no data for too long
    await(bench, "\"name\":\"stalled\"");
    frames_piece_t rest = {OTA_WS_FRAME_DATA, bench->image.bytes, 1000, 0};
    frames_take(&bench->frames, &rest, 40001);
    forget(bench);
    say(bench, "{\"type\":\"ping\"}");
    assert_true(received(bench, "\"type\":\"pong\""));
    begin(bench);
    send_image(bench, 1000000);
    await(bench, "\"type\":\"done\"");
    bench_free(bench);
}

static void data_that_is_still_on_its_way_after_a_failure_is_dropped(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    uint8_t wrong[CHUNK] = {0};
    begin(bench);
    send_data(bench, 0, wrong, CHUNK, 1000000);
    await(bench, "\"name\":\"not_an_image\"");
    for (uint32_t offset = CHUNK; offset < 5 * CHUNK; offset += CHUNK) {
        send_data(bench, offset, wrong, CHUNK, 1000);
    }
    forget(bench);
    say(bench, "{\"type\":\"ping\"}");
    assert_true(received(bench, "\"type\":\"pong\""));
    assert_false(received(bench, "\"type\":\"error\""));
    bench_free(bench);
}

static void a_device_that_is_switched_off_in_the_middle_starts_with_the_old_image(void **state) {
    (void)state;
    bench_t *bench = bench_new();
    begin(bench);
    send_data(bench, 0, bench->image.bytes, CHUNK, 1000000);
    worker_halt(&bench->worker);
    bye(bench);
    switch_off(bench);
    start_device(bench);
    ota_ws_identity_t identity;
    bench->platform.describe(bench->platform.context, &identity);
    assert_string_equal(identity.slot, "ota_0");
    assert_int_equal(identity.image_state, OTA_WS_IMAGE_VALID);
    hello(bench);
    bench_free(bench);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_update_goes_from_frames_to_the_next_start),
        cmocka_unit_test(that_an_update_has_begun_is_told_before_what_became_of_its_early_data),
        cmocka_unit_test(pieces_of_any_size_make_the_same_frames),
        cmocka_unit_test(text_comes_in_pieces_too),
        cmocka_unit_test(a_frame_that_is_too_long_is_refused_by_its_length_and_thrown_away),
        cmocka_unit_test(the_longest_text_fits),
        cmocka_unit_test(an_empty_frame_is_an_error_and_no_crash),
        cmocka_unit_test(a_link_that_ends_inside_a_frame_leaves_the_next_update_free),
        cmocka_unit_test(a_frame_that_outlives_its_update_is_dropped),
        cmocka_unit_test(data_that_is_still_on_its_way_after_a_failure_is_dropped),
        cmocka_unit_test(a_device_that_is_switched_off_in_the_middle_starts_with_the_old_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
