// SPDX-License-Identifier: Apache-2.0
// Power stays on, but things fail: each operation of flash and store, each allocation, each digest, each message sent,
// each start of the worker at call n, for all n; sectors that do not erase, bits that do not program, reads that flip;
// every message followed by silence or by a lost link. Then 200 updates in a row with drops, cuts, restarts and cancels
// by chance, which leave no memory, descriptor or stored value behind. After each: the device is free, reports the
// truth (test/cuts: invariants) and takes an update. Prints the counts. Exit 1: a violation.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burden.h"
#include "hash_openssl.h"
#include "memory.h"
#include "recovery.h"
#include "script.h"
#include "ways.h"

typedef struct {
    board_t board;
    life_t life;
    image_file_t images[LIFE_IMAGES];
    unsigned violations;
} bench_t;

static void violate(bench_t *bench, const char *what, const char *where, long number) {
    if (bench->violations++ < 10) {
        printf("VIOLATION: not '%s'; %s %ld\n  %s\n", what, where, number, bench->life.state);
    }
}

static void set_up(bench_t *bench, size_t state, size_t geometry) {
    const life_geometry_t *layout = &life_geometries[geometry];
    if (bench->life.geometry != layout) {
        for (int i = 0; i < LIFE_IMAGES; i++) {
            image_free(&bench->images[i]);
        }
        life_build_images(layout, bench->images);
    }
    board_init(&bench->board, 0x10000 + (layout->slots + layout->has_factory) * layout->slot_size,
               layout->program_unit);
    life_init(&bench->life, &bench->board, layout, bench->images);
    start_states[state].prepare(&bench->life);
}

// Whatever has happened: power on again, all invariants, a whole update.
static void check(bench_t *bench, const char *where, long number) {
    recovery_t result;
    bench->board.fail_at = -1;
    bench->board.fault = BOARD_SOUND;
    bench->board.dead = false;
    bench->life.lose_at = bench->life.no_worker_at = -1;
    bench->life.ledger.is_free = true;
    recovery_run(&bench->life, (recovery_choice_t)(number % RECOVERY_CHOICES), &result);
    if (result.violation != NULL) {
        violate(bench, result.violation, where, number);
    }
    life_power_off(&bench->life);
}

// The device is not to be restarted to be free: the next update begins at once.
static void check_free(bench_t *bench, const char *where, long number) {
    life_t *life = &bench->life;
    bench->board.fail_at = -1;
    if (life->is_connected && life->session.state == OTA_WS_SESSION_ENDED) {
        life_disconnect(life); // its ticket could not be checked: a client asks for a new one
    }
    if (!life->is_connected) {
        life_connect(life);
    }
    if (life->device.on_trial || life->device.restarting) {
        return; // it waits for a decision
    }
    if (life->device.update == OTA_WS_UPDATE_READY) {
        life_say(life, "{\"type\":\"cancel\"}");
    }
    life_begin(life, (life_running_image(life) + 2) % LIFE_IMAGES);
    if (!life->is_ready) {
        violate(bench, "the device is free for the next update", where, number);
    }
}

// ---- operation n fails ----

static unsigned fail_each(bench_t *bench, size_t state, size_t geometry) {
    unsigned runs = 0;
    for (int n = 0;; n++, runs++) {
        set_up(bench, state, geometry);
        life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
        life_connect(&bench->life);
        bench->board.operations = 0;
        bench->board.fail_at = n;
        ways_plain(&bench->life, 1);
        bool was_met = (int)bench->board.operations > n;
        check_free(bench, "operation fails:", n);
        check(bench, "operation fails:", n);
        if (!was_met) {
            return runs;
        }
    }
}

// ---- allocation n fails ----

// The bootloader needs no memory, and the client has its own.
static void set_up_way(bench_t *bench, const way_t *way) {
    set_up(bench, 1, 4);
    bench->life.boot_hash = &memory_patient_hash;
    way->prepare(&bench->life);
    life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
    life_connect(&bench->life);
}

static unsigned fail_each_allocation(bench_t *bench, const way_t *way) {
    long n = 0;
    for (bool was_met = true; was_met; n++) {
        set_up_way(bench, way);
        memory_fail_at(n);
        way->update(&bench->life, 1);
        was_met = memory_count() > n;
        memory_fail_at(-1);
        check_free(bench, "allocation fails:", n);
        check(bench, "allocation fails:", n);
    }
    return (unsigned)n - 1;
}

// ---- message n is lost, and the link; the worker does not start ----

static unsigned lose_each(bench_t *bench) {
    int n = 0;
    for (bool was_met = true; was_met; n++) {
        set_up(bench, 1, 0);
        life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
        life_connect(&bench->life);
        bench->life.sent = 0;
        bench->life.lose_at = n;
        ways_plain(&bench->life, 1);
        was_met = bench->life.sent > n;
        bench->life.lose_at = -1;
        check_free(bench, "message is lost:", n);
        check(bench, "message is lost:", n);
    }
    return (unsigned)n - 1;
}

static unsigned start_no_worker(bench_t *bench) {
    int n = 0;
    for (bool was_met = true; was_met; n++) {
        set_up(bench, 1, 0);
        bench->life.no_worker_at = n;
        life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
        life_connect(&bench->life);
        ways_plain(&bench->life, 1);
        was_met = bench->life.worker_starts > n;
        bench->life.no_worker_at = -1;
        check_free(bench, "the worker does not start:", n);
        check(bench, "the worker does not start:", n);
    }
    return (unsigned)n - 1;
}

// ---- a trial ends without memory ----

// The new firmware leaks. Where the bootloader watches, the restart is the way back; else it waits for memory.
static void end_trial_without_memory(bench_t *bench, bool is_watched) {
    life_t *life = &bench->life;
    char outcome[16] = "";
    set_up(bench, 1, 0);
    life->ledger.has_old_loader = !is_watched;
    life_power_on(life, OTA_WS_RESET_POWER_ON);
    life_connect(life);
    int before = life_running_image(life);
    life_begin(life, 1);
    life_send(life, 1, (uint32_t)life->images[1].length);
    life_say(life, "{\"type\":\"restart\"}");
    life_restart_if_wanted(life);
    bool was_on_trial = life->device.on_trial;
    life->is_short = true;
    life_pass(life, LIFE_TRIAL_MS);
    bool restarts = life->wants_restart;
    life->is_short = false;
    life_pass(life, 1000);
    life_restart_if_wanted(life);
    life_connect(life);
    life_told(life, "last_outcome", outcome, sizeof outcome);
    if (!was_on_trial || restarts != is_watched || life_running_image(life) != before ||
        strcmp(outcome, "expired") != 0) {
        violate(bench, "a trial ends without memory", outcome, is_watched);
    }
    check(bench, "no memory at a trial's end:", is_watched);
}

// ---- flash that does not do what it says ----

static unsigned spoil_each(bench_t *bench, board_fault_t fault) {
    unsigned runs = 0;
    for (int n = 0; n < 200; n++, runs++) {
        set_up(bench, 1, 0);
        life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
        life_connect(&bench->life);
        bench->board.operations = 0;
        bench->board.reads = 0;
        bench->board.fault = fault;
        bench->board.fault_at = (unsigned)n;
        ways_plain(&bench->life, 1);
        int running = life_running_image(&bench->life);
        if (running < 0) {
            violate(bench, "a whole image runs that was sent", board_fault_names[fault], n);
        }
        check(bench, board_fault_names[fault], n);
    }
    return runs;
}

// ---- a digest that fits nothing ----

static unsigned digests, wrong_digest; // the hash port has no context

static void spoil(uint8_t digest[OTA_WS_SHA256_SIZE]) {
    digest[0] ^= digests++ == wrong_digest ? 1 : 0;
}

static void peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_hash_openssl.peek(state, digest);
    spoil(digest);
}

static void finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_hash_openssl.finish(state, digest);
    spoil(digest);
}

static unsigned fail_each_digest(bench_t *bench) {
    const ota_ws_hash_t hash = {ota_ws_hash_openssl.start, ota_ws_hash_openssl.update, peek, finish};
    unsigned n = 0;
    do {
        set_up(bench, 1, 1);
        bench->life.hash = &hash;
        digests = 0;
        wrong_digest = n;
        life_power_on(&bench->life, OTA_WS_RESET_POWER_ON);
        life_connect(&bench->life);
        ways_plain(&bench->life, 1);
        bench->life.hash = &ota_ws_hash_openssl;
        check_free(bench, "digest is wrong:", (long)n);
        check(bench, "digest is wrong:", (long)n);
    } while (digests > n++);
    return n - 1;
}

// ---- messages and lost links ----

typedef enum { END_CLOSED, END_SILENT, END_COUNT } end_t; // RST, FIN and half a frame reach the core as one of these

static void say_up_to(life_t *life, int step) {
    uint32_t size = (uint32_t)life->images[1].length;
    static const char *const words[] = {"ping", "history", "cancel", "confirm", "rollback", "end", "restart"};
    char text[48];
    if (step < 7) {
        snprintf(text, sizeof text, "{\"type\":\"%s\"}", words[step]);
        life_say(life, text);
        return;
    }
    life_begin(life, 1);
    if (step > 7) {
        life_send(life, 1, step == 8 ? 1000 : step == 9 ? size / 2 : size);
    }
    if (step == 11) {
        life_say(life, "{\"type\":\"cancel\"}");
    }
}

static unsigned lose_after_each(bench_t *bench) {
    unsigned runs = 0;
    for (int step = 0; step < 12; step++) {
        for (int how = 0; how < END_COUNT; how++, runs++) {
            set_up(bench, 1, 0);
            life_t *life = &bench->life;
            life_power_on(life, OTA_WS_RESET_POWER_ON);
            life_connect(life);
            say_up_to(life, step);
            if (how == END_CLOSED) {
                life_disconnect(life);
            } else {
                life_pass(life, life->settings.stall_timeout_ms);
            }
            life_restart_if_wanted(life);
            if (how == END_CLOSED || !life->is_connected) {
                check_free(bench, "message, then lost:", step);
            } else if (life->device.update != OTA_WS_UPDATE_IDLE && life->device.update != OTA_WS_UPDATE_READY) {
                violate(bench, "a silent client is given up", "message, then silence:", step);
            }
            check(bench, "message, then lost:", step);
        }
    }
    return runs;
}

// ---- updates in a row ----

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

typedef struct {
    unsigned left, tear;
} cut_t;

static void cut(void *context, board_t *board, const nor_operation_t *operation, const char *key) {
    cut_t *plan = context;
    if (plan->left == 0 || --plan->left > 0) {
        return;
    }
    if (key != NULL) {
        board->dead = true;
    } else {
        board_tear(board, operation, plan->tear % board_tears(operation->kind));
    }
}

static void compare(bench_t *bench, const burden_t *before, const burden_t *after) {
    printf("after 20 of them and after all: %ld and %ld blocks of memory, %u and %u descriptors, %zu and %zu bytes "
           "stored, %ld and %ld KiB resident\n",
           before->blocks, after->blocks, before->descriptors, after->descriptors, before->stored, after->stored,
           before->resident_kib, after->resident_kib);
    if (after->blocks > before->blocks || after->descriptors > before->descriptors ||
        after->stored > 2 * OTA_WS_STORE_VALUE_MAX) {
        violate(bench, "nothing grows", "updates in a row:", 0);
    }
}

static unsigned updates_in_a_row(bench_t *bench, unsigned count, unsigned *confirmed, unsigned *cuts) {
    uint32_t random = 42;
    cut_t plan = {0, 0};
    life_t *life = &bench->life;
    set_up(bench, 1, 0);
    bench->board.before = cut;
    bench->board.before_context = &plan;
    burden_t before = {0};
    for (unsigned i = 0; i < count; i++) {
        recovery_t result;
        before = i == 20 ? burden_weigh(&bench->board) : before;
        uint32_t chance = next_random(&random) % 5;
        plan.left = chance == 0 ? 1 + next_random(&random) % 40 : 0;
        plan.tear = next_random(&random);
        life->ledger.is_free = true;
        recovery_run(life, (recovery_choice_t)(next_random(&random) % RECOVERY_CHOICES), &result);
        if (chance == 1 && !bench->board.dead) {
            life_begin(life, (life_running_image(life) + 1) % LIFE_IMAGES);
            uint32_t size = (uint32_t)life->images[life->ledger.incoming].length;
            life_send(life, life->ledger.incoming, 1 + next_random(&random) % (size - 1));
            life_disconnect(life);
        } else if (chance == 2 && !bench->board.dead) {
            life_begin(life, (life_running_image(life) + 1) % LIFE_IMAGES);
            life_cancel(life);
        }
        if (result.violation != NULL) {
            violate(bench, result.violation, "update in a row:", (long)i);
        }
        *cuts += bench->board.dead;
        *confirmed += !bench->board.dead && result.violation == NULL;
        life_power_off(life);
        bench->board.dead = false;
    }
    bench->board.before = NULL;
    bench->board.before_context = NULL;
    burden_t after = burden_weigh(&bench->board);
    compare(bench, &before, &after);
    return count;
}

int main(void) {
    static bench_t bench;
    unsigned operations = 0, spoiled = 0, confirmed = 0, cuts = 0;
    memory_watch();
    for (size_t state = 0; state < start_state_count; state++) {
        operations += fail_each(&bench, state, state % 2 == 0 ? 0 : 2);
    }
    operations += fail_each(&bench, 1, 1);
    printf("operations of flash and store that failed: %u\n", operations);
    for (board_fault_t fault = BOARD_SOUND + 1; fault < BOARD_FAULT_COUNT; fault++) {
        unsigned runs = spoil_each(&bench, fault);
        printf("%s: %u\n", board_fault_names[fault], runs);
        spoiled += runs;
    }
    printf("digests of the hash that were wrong: %u\n", fail_each_digest(&bench));
    for (size_t way = 0; way < way_count; way++) {
        unsigned allocations = fail_each_allocation(&bench, &ways[way]);
        printf("allocations of %s that failed: %u\n", ways[way].name, allocations);
    }
    printf("messages of the device that were lost with the link: %u\n", lose_each(&bench));
    printf("starts of the worker that failed: %u\n", start_no_worker(&bench));
    end_trial_without_memory(&bench, true);
    end_trial_without_memory(&bench, false);
    printf("trials that ended without memory: 2\n");
    unsigned lost = lose_after_each(&bench);
    printf("messages followed by a lost link or silence: %u\n", lost);
    unsigned row = updates_in_a_row(&bench, 200, &confirmed, &cuts);
    printf("updates in a row: %u, of which %u ended confirmed and %u in a cut\n", row, confirmed, cuts);
    for (int i = 0; i < LIFE_IMAGES; i++) {
        image_free(&bench.images[i]);
    }
    ways_free();
    printf("violations: %u\n", bench.violations);
    return bench.violations == 0 && operations > 0 && spoiled > 0 ? 0 : 1;
}
