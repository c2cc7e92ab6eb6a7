// SPDX-License-Identifier: Apache-2.0
// A whole device: logins, messages, data as it is, compressed and encrypted, time, lost links, operations of flash that
// fail, power cuts, in any order. Afterwards the device must boot, report its true state and, if the input says so,
// take an update (test/cuts: invariants, recovery).
//
// An input is a byte that chooses the board, one that chooses how it ends, then events: a byte that chooses one of
// `happenings`, and what that takes. A life starts from a snapshot of board and device, taken after the login.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/update.h"
#include "inflate_zlib.h"
#include "known_hash.h"
#include "life_login.h"
#include "recovery.h"
#include "script.h"
#include "toy_filter.h"

#define STREAM_MAX 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t size;
    unsigned cut_in; // operations; 0: never
    unsigned tear;
    bool is_deflated; // the update that began last
    bool is_spoilt;   // bytes of no file were taken
    uint32_t stream_size;
} fuzz_t;

static life_t life;                // where each snapshot belongs: it points into itself
static uint8_t stream[STREAM_MAX]; // what data frames carry

static uint8_t next(fuzz_t *fuzz) {
    if (fuzz->size == 0) {
        return 0;
    }
    fuzz->size--;
    return *fuzz->data++;
}

static void cut(void *context, board_t *board, const nor_operation_t *operation, const char *key) {
    fuzz_t *fuzz = context;
    if (fuzz->cut_in == 0 || --fuzz->cut_in > 0) {
        return;
    }
    if (key != NULL) {
        board->dead = true;
    } else {
        board_tear(board, operation, fuzz->tear % board_tears(operation->kind));
    }
}

static bool is_talking(void) {
    return life.is_connected && !life.board->dead;
}

// ---- power, link, time ----

static void power_cycle(fuzz_t *fuzz) {
    (void)fuzz;
    life_power_off(&life);
    if (!life_power_on(&life, OTA_WS_RESET_BROWNOUT)) {
        abort();
    }
    life_connect(&life);
}

static void lose_link(fuzz_t *fuzz) {
    (void)fuzz;
    life_disconnect(&life);
    life_connect(&life);
}

// A session that has not said hello.
static void knock(fuzz_t *fuzz) {
    (void)fuzz;
    life_disconnect(&life);
    life_knock(&life);
}

static void log_in(fuzz_t *fuzz) {
    void (*const steps[])(life_t *) = {life_hello, life_prove};
    uint8_t step = next(fuzz) % 2;
    if (is_talking()) {
        steps[step](&life);
    }
}

static void pass(fuzz_t *fuzz) {
    life_pass(&life, next(fuzz) * 512u);
}

static void plan_cut(fuzz_t *fuzz) {
    fuzz->cut_in = next(fuzz);
    fuzz->tear = next(fuzz);
}

static void plan_fault(fuzz_t *fuzz) {
    life.board->fail_at = (int)(life.board->operations + next(fuzz));
}

// ---- messages ----

static void say_canned(fuzz_t *fuzz) {
    static const char *const messages[] = {
        "{\"type\":\"cancel\"}", "{\"type\":\"restart\"}", "{\"type\":\"confirm\"}", "{\"type\":\"rollback\"}",
        "{\"type\":\"ping\"}",   "{\"type\":\"history\"}", "{\"type\":\"end\"}"};
    const char *message = messages[next(fuzz) % 7];
    if (is_talking()) {
        life_say(&life, message);
    }
}

// Any bytes, if they are admitted; with a mac when the client is logged in and they are to be signed.
static void say_bytes(fuzz_t *fuzz, bool is_signed) {
    size_t length = next(fuzz);
    char text[256], whole[OTA_WS_MESSAGE_SIZE + 1];
    const char *said = text;
    length = length < fuzz->size ? length : fuzz->size;
    memcpy(text, fuzz->data, length);
    text[length] = '\0';
    fuzz->data += length;
    fuzz->size -= length;
    if (is_signed && life.has_mac && strlen(text) > 1) {
        length = life_sign(&life, text, whole);
        said = whole;
    }
    if (is_talking() &&
        ota_ws_session_admit(&life.session, OTA_WS_FRAME_TEXT, length, life.now_ms) == OTA_WS_ADMIT_TAKE) {
        ota_ws_session_message(&life.session, said, length, life.now_ms);
        life_pass(&life, 1);
    }
}

static void say_raw(fuzz_t *fuzz) {
    say_bytes(fuzz, false);
}

static void say_signed(fuzz_t *fuzz) {
    say_bytes(fuzz, true);
}

// ---- an update ----

// What is to be sent: the file, or a deflate stream of it from `offset` on.
static void pack(fuzz_t *fuzz, const image_file_t *file, uint32_t offset) {
    z_stream deflater = {.next_in = file->bytes + offset,
                         .avail_in = (unsigned)(file->length - offset),
                         .next_out = stream,
                         .avail_out = sizeof stream};
    if (!fuzz->is_deflated) {
        memcpy(stream, file->bytes, file->length);
        fuzz->stream_size = (uint32_t)file->length;
        return;
    }
    if (deflateInit2(&deflater, 1, Z_DEFLATED, -9, 1, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&deflater, Z_FINISH) != Z_STREAM_END) {
        abort();
    }
    fuzz->stream_size = (uint32_t)deflater.total_out;
    deflateEnd(&deflater);
}

// Data follow at once, before the writer begins, or afterwards, or never.
enum { EARLY = 4, EARLY_LATE, EARLY_NEVER };

static uint32_t early_bytes(fuzz_t *fuzz, const image_file_t *file, uint8_t kind) {
    if (kind < EARLY || kind > EARLY_NEVER) {
        return 0;
    }
    pack(fuzz, file, 0);
    return fuzz->stream_size < life.settings.chunk ? fuzz->stream_size : life.settings.chunk;
}

static void begin(fuzz_t *fuzz) {
    static const uint8_t no_digest[32] = {1};
    uint8_t how = next(fuzz), kind = how >> 4;
    int image = how % LIFE_IMAGES;
    char more[64];
    const image_file_t *file = &life.files[image];
    uint32_t size = (uint32_t)file->length + (kind == 1 ? 1 : kind == 2 ? UINT32_C(0xFFFFF000) : 0);
    if (!is_talking() || image == life_running_image(&life)) {
        return; // of a version that runs already the invariants could not say which one is meant
    }
    fuzz->is_deflated = (how & 4) != 0;
    fuzz->stream_size = 0;
    uint32_t early = early_bytes(fuzz, file, kind);
    snprintf(more, sizeof more, "%s,\"early\":%u", fuzz->is_deflated ? ",\"deflate\":true" : "", early);
    life.is_waiting = kind == EARLY;
    life_offer(&life, image, size, kind == 3 ? no_digest : NULL, more);
    if (kind == EARLY || kind == EARLY_LATE) {
        (void)life_data(&life, 0, stream, early);
    }
    if (life.is_waiting) {
        life.is_waiting = false;
        life_pass(&life, 0);
    }
    if (life.is_ready && life.ready_offset <= file->length) {
        pack(fuzz, file, life.ready_offset);
    }
}

static bool takes_data(void) {
    return is_talking() && life.session.state == OTA_WS_SESSION_WELCOME && ota_ws_update_wants_data(&life.session);
}

// Up to `more` bytes as the device expects them.
static void send_bytes(const fuzz_t *fuzz, uint32_t more) {
    while (more > 0 && takes_data() && life.device.expected < fuzz->stream_size) {
        uint32_t at = life.device.expected;
        uint32_t left = fuzz->stream_size - at;
        uint32_t length = left < life.settings.chunk ? left : life.settings.chunk;
        length = length < more ? length : more;
        if (!life_data(&life, at, stream + at, length) || life.device.expected == at) {
            return;
        }
        more -= length;
    }
}

static void send_some(fuzz_t *fuzz) {
    send_bytes(fuzz, 1 + next(fuzz) * 64u);
}

static void send_all(fuzz_t *fuzz) {
    send_bytes(fuzz, STREAM_MAX);
    if (fuzz->is_deflated && is_talking() && life.device.received == fuzz->stream_size) {
        life_say(&life, "{\"type\":\"end\"}");
    }
}

// Bytes of no file, at the right offset or at any.
static void send_wrong(fuzz_t *fuzz) {
    uint8_t bytes[256];
    uint32_t length = next(fuzz), offset = next(fuzz);
    memset(bytes, (int)offset, sizeof bytes);
    if (is_talking()) {
        uint32_t before = life.device.expected;
        (void)life_data(&life, offset < 128 ? before : offset * 0x1010101u, bytes, length);
        fuzz->is_spoilt |= life.device.expected != before;
    }
}

static void announce(fuzz_t *fuzz) {
    uint64_t length = (uint64_t)next(fuzz) << (next(fuzz) % 57);
    uint8_t kind = next(fuzz) % 2;
    if (is_talking()) {
        (void)ota_ws_session_admit(&life.session, (ota_ws_frame_kind_t)kind, length, life.now_ms);
    }
}

static void (*const happenings[])(fuzz_t *fuzz) = {power_cycle, say_canned, say_raw,  begin,      send_some, send_wrong,
                                                   lose_link,   pass,       plan_cut, plan_fault, send_all,  say_signed,
                                                   knock,       log_in,     begin,    announce};

// ---- a life ----

static void go_on(fuzz_t *fuzz) {
    if (life.board->dead) {
        fuzz->cut_in = 0;
        power_cycle(fuzz);
    }
    if (life.wants_restart && !life_restart_if_wanted(&life)) {
        abort();
    }
    if (life.board->dead) {
        power_cycle(fuzz);
    }
    if (!life.is_connected) {
        life_connect(&life);
    }
}

static void live(fuzz_t *fuzz) {
    while (fuzz->size > 0) {
        happenings[next(fuzz) % (sizeof happenings / sizeof *happenings)](fuzz);
        go_on(fuzz);
    }
    fuzz->cut_in = 0;
    life.board->fail_at = -1;
}

static void recover(recovery_choice_t choice, recovery_t *result) {
    life.ledger.is_free = true;
    recovery_run(&life, choice, result);
}

// All that is known of a life with faults: a whole image runs, the reported state is true, and an update still works.
// After bytes of no file it may take two: the first one goes on behind them, which shows at its end.
static void check(const fuzz_t *fuzz, uint8_t ending) {
    recovery_t result = {0};
    if (ending < 32) {
        recover((recovery_choice_t)(ending % RECOVERY_CHOICES), &result);
        if (result.violation != NULL && fuzz->is_spoilt) {
            recover(RECOVERY_CONFIRM, &result);
        }
    } else {
        life.ledger.is_free = true;
        result.violation = recovery_start(&life, OTA_WS_RESET_BROWNOUT);
    }
    if (result.violation != NULL) {
        fprintf(stderr, "not '%s'\n%s\n%s\n", result.violation, life.state, life.failure);
        abort();
    }
    life_power_off(&life);
}

// ---- snapshots ----

#define GEOMETRIES 3
#define STATES 4

typedef struct {
    board_t at_start, board;
    life_t life;
} snapshot_t;

typedef struct {
    image_file_t images[LIFE_IMAGES];
    image_file_t encrypted[LIFE_IMAGES];
} files_t;

// Small images: what costs time here is their bytes. Small blocks: so that several are needed all the same.
static const life_geometry_t geometries[GEOMETRIES] = {
    {"unit 1", 1, 512, 0x3000, {2000, 5008, 3008, 4512}, false, 2, NOR_SECTOR_SIZE},
    {"unit 4, factory", 4, 1024, 0x3000, {1504, 3008, 5008, 2000}, true, 2, 2 * NOR_SECTOR_SIZE},
    {"unit 16", 16, 1024, 0x4000, {2512, 9008, 4512, 5008}, false, 2, 2 * NOR_SECTOR_SIZE},
};
static files_t files[GEOMETRIES];

static void build_files(void) {
    for (size_t which = 0; which < GEOMETRIES; which++) {
        life_build_images(&geometries[which], files[which].images);
        for (int i = 0; i < LIFE_IMAGES; i++) {
            files[which].encrypted[i] = toy_encrypt(&files[which].images[i]);
        }
    }
    known_hash_learn(files[0].images, GEOMETRIES * 2 * LIFE_IMAGES);
}

static snapshot_t *take_snapshot(size_t which, size_t state, bool is_locked) {
    static ota_ws_verifier_t verifier;
    const life_geometry_t *geometry = &geometries[which];
    uint32_t apps = geometry->slots + geometry->has_factory;
    snapshot_t *snapshot = calloc(1, sizeof *snapshot);
    if (verifier.iterations == 0) {
        life_verifier(&verifier);
    }
    board_init(&snapshot->board, 0x10000 + apps * geometry->slot_size, geometry->program_unit);
    life_init(&life, &snapshot->board, geometry, files[which].images);
    life.hash = life.boot_hash = &known_hash;
    life.verifier = is_locked ? &verifier : NULL;
    start_states[state].prepare(&life);
    power_cycle(NULL);
    memcpy(&snapshot->life, &life, sizeof life);
    board_copy(&snapshot->at_start, &snapshot->board);
    return snapshot;
}

// The board and the device as they were when the client had just logged in.
static void restore(uint8_t choice) {
    static snapshot_t *snapshots[GEOMETRIES][STATES][2];
    static inflate_zlib_t inflater;
    static ota_ws_filter_t inflate;
    size_t which = choice % GEOMETRIES, state = choice / GEOMETRIES % STATES;
    bool is_locked = choice >= 128, is_encrypted = choice % 128 >= 96;
    snapshot_t **snapshot = &snapshots[which][state][is_locked];
    if (files[0].images[0].bytes == NULL) {
        build_files();
        inflate = inflate_zlib_port(&inflater);
    }
    if (*snapshot == NULL) {
        *snapshot = take_snapshot(which, state, is_locked);
    }
    board_copy(&(*snapshot)->board, &(*snapshot)->at_start);
    memcpy(&life, &(*snapshot)->life, sizeof life);
    life.files = is_encrypted ? files[which].encrypted : files[which].images;
    life.inflate = life.pipeline_ports.inflate = &inflate;
    life.decrypt = life.pipeline_ports.decrypt = is_encrypted ? &toy_filter : NULL;
    life.worker_port.inflates = true;
    life.worker_port.decrypts = is_encrypted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_t fuzz = {.data = data, .size = size};
    restore(next(&fuzz));
    uint8_t ending = next(&fuzz);
    life.board->before = cut;
    life.board->before_context = &fuzz;
    live(&fuzz);
    check(&fuzz, ending);
    return 0;
}
