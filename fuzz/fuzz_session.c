// SPDX-License-Identifier: Apache-2.0
// A whole device: messages, data, time, lost links, operations of flash that fail, power cuts, in any order. Afterwards
// the device must boot, tell the truth and take an update (test/cuts: invariants, recovery).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recovery.h"
#include "script.h"
#include "update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t size;
    life_t *life;
    unsigned cut_in; // operations; 0: never
    unsigned tear;
} fuzz_t;

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

// ---- what may happen -----------------------------------------------------------------------------------------------

static void power_cycle(fuzz_t *fuzz) {
    life_power_off(fuzz->life);
    if (!life_power_on(fuzz->life, OTA_WS_RESET_BROWNOUT)) {
        abort();
    }
    life_connect(fuzz->life);
}

static void say_canned(fuzz_t *fuzz) {
    static const char *const messages[] = {
        "{\"type\":\"cancel\"}", "{\"type\":\"restart\"}", "{\"type\":\"confirm\"}", "{\"type\":\"rollback\"}",
        "{\"type\":\"ping\"}",   "{\"type\":\"history\"}", "{\"type\":\"end\"}"};
    uint8_t which = next(fuzz);
    fuzz->life->ledger.confirm_asked |= which % 7 == 2;
    if (fuzz->life->is_connected) {
        life_say(fuzz->life, messages[which % 7]);
    }
}

static void say_raw(fuzz_t *fuzz) {
    size_t length = next(fuzz);
    char text[256];
    length = length < fuzz->size ? length : fuzz->size;
    memcpy(text, fuzz->data, length);
    fuzz->data += length;
    fuzz->size -= length;
    fuzz->life->ledger.confirm_asked = true; // whatever it says
    life_t *life = fuzz->life;
    bool taken = life->is_connected && !life->board->dead &&
                 ota_ws_session_admit(&life->session, OTA_WS_FRAME_TEXT, length, life->now_ms) == OTA_WS_ADMIT_TAKE;
    if (taken) {
        ota_ws_session_message(&life->session, text, length, life->now_ms);
        life_pass(life, 1);
    }
}

static void begin(fuzz_t *fuzz) {
    life_t *life = fuzz->life;
    int image = next(fuzz) % LIFE_IMAGES;
    bool is_free = life->is_connected && !life->device.on_trial && life->device.update == OTA_WS_UPDATE_IDLE;
    if (is_free && image != life_running_image(life)) {
        life_begin(life, image);
    }
}

static void send_some(fuzz_t *fuzz) {
    life_t *life = fuzz->life;
    int image = life->ledger.incoming;
    uint32_t more = next(fuzz) * 256u;
    if (image < 0 || !life->is_connected || !ota_ws_update_wants_data(&life->session)) {
        return;
    }
    uint32_t size = (uint32_t)life->images[image].length;
    uint32_t end = life->device.received + more;
    life_send(life, image, end < size ? end : size);
}

static void send_wrong(fuzz_t *fuzz) {
    life_t *life = fuzz->life;
    size_t length = next(fuzz) + 1u;
    memset(life->buffer, next(fuzz), length + 4);
    if (life->is_connected && !life->board->dead &&
        ota_ws_session_admit(&life->session, OTA_WS_FRAME_DATA, length, life->now_ms) == OTA_WS_ADMIT_TAKE) {
        (void)ota_ws_session_data(&life->session, life->buffer, length, life->now_ms);
        life_pass(life, 1);
    }
}

static void lose_link(fuzz_t *fuzz) {
    life_disconnect(fuzz->life);
    life_connect(fuzz->life);
}

static void pass(fuzz_t *fuzz) {
    life_pass(fuzz->life, next(fuzz) * 512u);
}

static void plan_cut(fuzz_t *fuzz) {
    fuzz->cut_in = next(fuzz);
    fuzz->tear = next(fuzz);
}

static void plan_fault(fuzz_t *fuzz) {
    fuzz->life->board->fail_at = (int)(fuzz->life->board->operations + next(fuzz));
}

static void (*const happenings[])(fuzz_t *fuzz) = {power_cycle, say_canned, say_raw,  begin,      send_some, send_wrong,
                                                   lose_link,   pass,       plan_cut, plan_fault, send_some, begin};

// ---- a life --------------------------------------------------------------------------------------------------------

static void go_on(fuzz_t *fuzz) {
    life_t *life = fuzz->life;
    if (life->board->dead) {
        fuzz->cut_in = 0;
        power_cycle(fuzz);
    }
    if (life->wants_restart && !life_restart_if_wanted(life)) {
        abort();
    }
    if (life->board->dead) {
        power_cycle(fuzz);
    }
    if (!life->is_connected) {
        life_connect(life);
    }
}

static void live(fuzz_t *fuzz) {
    power_cycle(fuzz);
    while (fuzz->size > 0) {
        happenings[next(fuzz) % (sizeof happenings / sizeof *happenings)](fuzz);
        go_on(fuzz);
    }
    fuzz->cut_in = 0;
    fuzz->life->board->fail_at = -1;
}

// All that is known of a life with faults: a whole image runs, and an update still works.
static void check(fuzz_t *fuzz) {
    recovery_t result;
    fuzz->life->ledger.is_free = true;
    recovery_run(fuzz->life, RECOVERY_CONFIRM, &result);
    if (result.violation != NULL) {
        fprintf(stderr, "not '%s'\n%s\n", result.violation, fuzz->life->state);
        abort();
    }
    life_power_off(fuzz->life);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const size_t small[] = {0, 2, 3}; // geometries whose images are small
    static board_t board;
    static life_t life;
    static image_file_t images[3][LIFE_IMAGES];
    fuzz_t fuzz = {data, size, &life, 0, 0};
    uint8_t choice = next(&fuzz);
    size_t which = choice % 3;
    const life_geometry_t *geometry = &life_geometries[small[which]];
    if (images[which][0].bytes == NULL) {
        life_build_images(geometry, images[which]);
    }
    board_init(&board, 0x10000 + (geometry->slots + geometry->has_factory) * geometry->slot_size,
               geometry->program_unit);
    life_init(&life, &board, geometry, images[which]);
    start_states[choice / 3 % start_state_count].prepare(&life);
    board.before = cut;
    board.before_context = &fuzz;
    live(&fuzz);
    check(&fuzz);
    return 0;
}
