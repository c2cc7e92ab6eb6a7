// SPDX-License-Identifier: Apache-2.0
// Cuts the power before, inside and after every operation of flash and store of a whole life, in every torn variant,
// over all start states and geometries; pairs of cuts by sampling. Prints what came of it. Exit 1: a violation.
//   cuts [--pairs N] [--workers N] [--only STATE GEOMETRY] [--sealed]
// --sealed: clients log in, and every upload is sealed.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "known_hash.h"
#include "life_login.h"
#include "record/progress.h"
#include "recovery.h"
#include "script.h"

#define OUTCOMES_MAX 48
#define SHOWN_MAX 10

typedef struct {
    char name[80];
    uint64_t count;
} outcome_t;

typedef struct {
    uint64_t cuts, pairs, operations, resumed, unproved, violations;
    uint64_t tears[3][32]; // erase, program, store: by variant
    outcome_t outcomes[OUTCOMES_MAX];
} tally_t;

typedef struct {
    tally_t *tally;
    unsigned pairs_per_cut;
    const char *state, *geometry;
    life_t *life; // that is being cut
    life_t *copy; // that lives on
    board_t *copy_board;
    unsigned share, workers;
    const ota_ws_verifier_t *verifier; // NULL: nothing is sealed
    uint64_t operation;                // of this life
    uint32_t random;
} cutter_t;

static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// ---- counting ----

static void count_outcome(tally_t *tally, const char *name, uint64_t count) {
    for (size_t i = 0; i < OUTCOMES_MAX; i++) {
        outcome_t *outcome = &tally->outcomes[i];
        if (outcome->name[0] == '\0') {
            snprintf(outcome->name, sizeof outcome->name, "%s", name);
        }
        if (strcmp(outcome->name, name) == 0) {
            outcome->count += count;
            return;
        }
    }
}

static void count(tally_t *tally, const recovery_t *result) {
    char name[80];
    const char *image = result->is_confirmed ? "confirmed image" : "new image";
    snprintf(name, sizeof name, "%s%s, last update %s", image, result->on_trial ? " on trial" : "", result->outcome);
    count_outcome(tally, result->running < 0 ? "cut again before it was seen" : name, 1);
    tally->resumed += result->was_resumed;
    tally->unproved += result->is_unproved;
}

static void describe_cut(char *text, size_t size, const nor_operation_t *operation, const char *key, unsigned tear) {
    if (key != NULL) {
        snprintf(text, size, "save of '%s', %s value", key, tear == 0 ? "old" : "new");
        return;
    }
    bool is_erase = operation->kind == NOR_ERASE;
    snprintf(text, size, "%s of 0x%" PRIx32 " (%" PRIu32 " bytes): %s", is_erase ? "erase" : "program",
             operation->address, operation->length, (is_erase ? board_erase_tears : board_program_tears)[tear]);
}

static void violate(cutter_t *cutter, const life_t *life, const char *what, const char *where) {
    const life_ledger_t *ledger = &life->ledger;
    if (cutter->tally->violations++ < SHOWN_MAX) {
        printf("VIOLATION: not '%s'\n  %s; %s; operation %" PRIu64 "\n%s", what, cutter->state, cutter->geometry,
               cutter->operation, where);
        printf("  runs %d, confirmed %d, incoming %d, may run %d, over %d, on trial %d\n  %s\n",
               life->machine.running != NULL ? life_running_image(life) : -1, ledger->confirmed, ledger->incoming,
               ledger->may_run, ledger->is_over, life->device.on_trial, life->state);
        fflush(stdout);
    }
}

// ---- cutting ----

// One cut: of which operation of whose life, and how.
typedef struct {
    const board_t *board;
    const nor_operation_t *operation;
    const char *key;
    unsigned tear;
    uint32_t noise;
    char text[200];
} cut_t;

static unsigned tears_of(const nor_operation_t *operation, const char *key) {
    return key != NULL ? 2 : board_tears(operation->kind);
}

// Of a sector of the boot record: of any other one it makes no difference.
static bool keeps_the_entry_alone(const nor_operation_t *operation, unsigned tear) {
    return operation->kind == NOR_ERASE && strcmp(board_erase_tears[tear], "all but the first 32 bytes") == 0;
}

// Does the operation so far as `tear` says, and the power is gone.
static void cut_off(life_t *life, const nor_operation_t *operation, const char *key, unsigned tear) {
    board_t *board = life->board;
    if (key == NULL) {
        board_tear(board, operation, tear);
        life->ledger.mark_is_lost |= keeps_the_entry_alone(operation, tear);
        return;
    }
    if (tear == 1) {
        board->is_quiet = true;
        board_save(board, key, operation->bytes, operation->length);
        board->is_quiet = false;
    }
    board->dead = true;
}

// The life that is being cut, on a board of its own, where the cut has happened.
static void die(const cutter_t *cutter, const cut_t *cut) {
    board_copy(cutter->copy_board, cut->board);
    memcpy(cutter->copy, cutter->life, sizeof *cutter->copy);
    cutter->copy->board = cutter->copy_board;
    cutter->copy->is_on = false;
    cutter->copy->application = APPLICATION_NEVER;
    cutter->copy->is_connected = false;
    cutter->copy->is_working = cutter->copy->is_alone = false; // what it holds is the life's
    cutter->copy_board->noise = cut->noise;
    cut_off(cutter->copy, cut->operation, cut->key, cut->tear);
}

typedef struct {
    life_t *life;
    unsigned left; // operations until the cut
    uint32_t random;
    char where[160];
} second_t;

static void cut_second(void *context, board_t *board, const nor_operation_t *operation, const char *key) {
    second_t *second = context;
    (void)board; // the life's
    if (second->left-- > 0) {
        return;
    }
    unsigned tear = next_random(&second->random) % tears_of(operation, key);
    describe_cut(second->where, sizeof second->where, operation, key, tear);
    cut_off(second->life, operation, key, tear);
}

static bool is_beyond_resuming(board_t *board) {
    ota_ws_progress_t progress;
    return board_load(board, "progress", &progress, sizeof progress) == 0 || progress.committed != 0;
}

static recovery_choice_t any_choice(cutter_t *cutter) {
    return (recovery_choice_t)(next_random(&cutter->random) % RECOVERY_CHOICES);
}

// The same cut, and a second one within the so many operations of the recovery from it.
static void try_pair(cutter_t *cutter, const cut_t *first, unsigned operations) {
    second_t second = {
        .life = cutter->copy, .left = next_random(&cutter->random) % (operations + 1), .random = cutter->random};
    recovery_t result;
    char where[400];
    die(cutter, first);
    if (is_beyond_resuming(cutter->copy_board)) {
        // A second cut while the first sector is written again costs all of it; without a record the file was complete.
        cutter->copy->ledger.written = 0;
    }
    cutter->copy_board->before = cut_second;
    cutter->copy_board->before_context = &second;
    recovery_run(cutter->copy, any_choice(cutter), &result);
    if (cutter->copy_board->dead) {
        cutter->copy_board->before = NULL;
        recovery_run(cutter->copy, any_choice(cutter), &result);
        count(cutter->tally, &result);
        cutter->tally->pairs++;
    }
    if (result.violation != NULL) {
        snprintf(where, sizeof where, "  1. %s\n  2. %s\n", first->text, second.where);
        violate(cutter, cutter->copy, result.violation, where);
    }
    life_power_off(cutter->copy);
}

static void try_cut(cutter_t *cutter, cut_t *cut) {
    recovery_t result;
    char where[240];
    cut->noise = next_random(&cutter->random) | 1;
    describe_cut(cut->text, sizeof cut->text, cut->operation, cut->key, cut->tear);
    die(cutter, cut);
    recovery_run(cutter->copy, (recovery_choice_t)((cutter->operation + cut->tear) % RECOVERY_CHOICES), &result);
    cutter->tally->cuts++;
    cutter->tally->tears[cut->key != NULL ? 2 : cut->operation->kind == NOR_ERASE ? 0 : 1][cut->tear]++;
    count(cutter->tally, &result);
    if (result.violation != NULL) {
        snprintf(where, sizeof where, "  %s\n", cut->text);
        violate(cutter, cutter->copy, result.violation, where);
    }
    unsigned operations = cutter->copy_board->operations;
    life_power_off(cutter->copy);
    for (unsigned i = 0; i < cutter->pairs_per_cut && !cutter->life->ledger.entry_is_lost; i++) {
        try_pair(cutter, cut, operations);
    }
}

static bool leaves_weak_cells(const cut_t *cut) {
    if (cut->key != NULL) {
        return false;
    }
    const char *const *names = cut->operation->kind == NOR_ERASE ? board_erase_tears : board_program_tears;
    return strstr(names[cut->tear], "weak") != NULL;
}

// Each worker has its share of the operations of every life.
static void cut_everywhere(void *context, board_t *board, const nor_operation_t *operation, const char *key) {
    cutter_t *cutter = context;
    if (cutter->operation++ % cutter->workers != cutter->share) {
        return;
    }
    cutter->tally->operations++;
    cut_t cut = {.board = board, .operation = operation, .key = key};
    for (; cut.tear < tears_of(operation, key); cut.tear++) {
        // In a boot record that two cuts have damaged already, a weak entry is one failure too many: it can bar the
        // only image to go back to (docs/design.md).
        if (!cutter->life->ledger.entry_is_lost || !leaves_weak_cells(&cut)) {
            try_cut(cutter, &cut);
        }
    }
}

static void live_and_cut(cutter_t *cutter, size_t state, size_t geometry) {
    image_file_t images[LIFE_IMAGES];
    board_t *board = malloc(sizeof *board);
    const life_geometry_t *layout = &life_geometries[geometry];
    life_build_images(layout, images);
    uint32_t apps = layout->slots + layout->has_factory;
    board_init(board, 0x10000 + apps * layout->slot_size, layout->program_unit);
    life_init(cutter->life, board, layout, images);
    cutter->life->inflate = &life_no_inflate;
    cutter->life->verifier = cutter->verifier;
    cutter->life->seals = cutter->verifier != NULL;
    known_hash_learn(images, LIFE_IMAGES);
    cutter->life->hash = cutter->life->boot_hash = &known_hash;
    start_states[state].prepare(cutter->life);
    cutter->state = start_states[state].name;
    cutter->geometry = layout->name;
    cutter->operation = 0;
    board->before = cut_everywhere;
    board->before_context = cutter;
    const char *violation = script_run(cutter->life);
    if (violation != NULL) {
        violate(cutter, cutter->life, violation, "  without any cut\n");
    }
    known_hash_learn(NULL, 0);
    for (int i = 0; i < LIFE_IMAGES; i++) {
        image_free(&images[i]);
    }
    free(board);
}

// ---- workers and what is printed ----

typedef struct {
    unsigned pairs, workers;
    int only_state, only_geometry; // -1: all
    bool is_sealed;
} plan_t;

static bool is_wanted(const plan_t *plan, size_t state, size_t geometry) {
    if (life_geometries[geometry].slots == 1 && !life_can_recover()) {
        return false;
    }
    return (plan->only_state < 0 || (size_t)plan->only_state == state) &&
           (plan->only_geometry < 0 || (size_t)plan->only_geometry == geometry);
}

static void run_share(const plan_t *plan, unsigned share, tally_t *tally) {
    cutter_t cutter = {
        .tally = tally, .pairs_per_cut = plan->pairs, .share = share, .workers = plan->workers, .random = 1 + share};
    ota_ws_verifier_t verifier;
    life_verifier(&verifier);
    cutter.verifier = plan->is_sealed ? &verifier : NULL;
    cutter.life = calloc(1, sizeof *cutter.life);
    cutter.copy = calloc(1, sizeof *cutter.copy);
    cutter.copy_board = calloc(1, sizeof *cutter.copy_board);
    for (size_t geometry = 0; geometry < life_geometry_count; geometry++) {
        for (size_t state = 0; state < start_state_count; state++) {
            if (is_wanted(plan, state, geometry)) {
                live_and_cut(&cutter, state, geometry);
            }
        }
    }
    free(cutter.life);
    free(cutter.copy);
    free(cutter.copy_board);
}

static void add(tally_t *sum, const tally_t *tally) {
    sum->cuts += tally->cuts;
    sum->pairs += tally->pairs;
    sum->operations += tally->operations;
    sum->resumed += tally->resumed;
    sum->unproved += tally->unproved;
    sum->violations += tally->violations;
    for (int kind = 0; kind < 3; kind++) {
        for (int tear = 0; tear < 32; tear++) {
            sum->tears[kind][tear] += tally->tears[kind][tear];
        }
    }
    for (size_t i = 0; i < OUTCOMES_MAX && tally->outcomes[i].name[0] != '\0'; i++) {
        count_outcome(sum, tally->outcomes[i].name, tally->outcomes[i].count);
    }
}

// True when every worker has reported.
static bool run_all(const plan_t *plan, tally_t *sum) {
    int pipes[8][2];
    bool is_complete = true;
    for (unsigned share = 0; share < plan->workers; share++) {
        if (pipe(pipes[share]) != 0) {
            return false;
        }
        if (fork() == 0) {
            tally_t *tally = calloc(1, sizeof *tally);
            run_share(plan, share, tally);
            bool written = write(pipes[share][1], tally, sizeof *tally) == (ssize_t)sizeof *tally;
            free(tally);
            _exit(written ? 0 : 1);
        }
        close(pipes[share][1]);
    }
    for (unsigned share = 0; share < plan->workers; share++) {
        tally_t tally;
        is_complete = read(pipes[share][0], &tally, sizeof tally) == (ssize_t)sizeof tally && is_complete;
        add(sum, &tally);
        close(pipes[share][0]);
    }
    while (wait(NULL) > 0) {
    }
    return is_complete;
}

static void print_tears(const tally_t *tally) {
    printf("torn variants: %u of an erase, %u of a program, 2 of a save\n", board_tears(NOR_ERASE),
           board_tears(NOR_PROGRAM));
    for (unsigned i = 0; i < board_tears(NOR_ERASE); i++) {
        printf("%10" PRIu64 "  erase: %s\n", tally->tears[0][i], board_erase_tears[i]);
    }
    for (unsigned i = 0; i < board_tears(NOR_PROGRAM); i++) {
        printf("%10" PRIu64 "  program: %s\n", tally->tears[1][i], board_program_tears[i]);
    }
    printf("%10" PRIu64 "  save: the old value\n%10" PRIu64 "  save: the new value\n", tally->tears[2][0],
           tally->tears[2][1]);
}

static double processor_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_result(const tally_t *tally, const plan_t *plan, double seconds) {
    print_tears(tally);
    printf("first start after the cut:\n");
    for (size_t i = 0; i < OUTCOMES_MAX && tally->outcomes[i].name[0] != '\0'; i++) {
        printf("%10" PRIu64 "  %s\n", tally->outcomes[i].count, tally->outcomes[i].name);
    }
    printf("%10" PRIu64 "  updates afterwards that went on where they had been cut off\n", tally->resumed);
    printf("%10" PRIu64 "  a new image without its trial, after two torn erases of its entry (docs/design.md)\n",
           tally->unproved);
    printf("start states: %zu, geometries: %zu, operations of all lives: %" PRIu64 "\n", start_state_count,
           life_geometry_count, tally->operations);
    printf("cuts: %" PRIu64 " (single: %" PRIu64 ", every one; pairs of cuts: %" PRIu64
           ", sampled), %.1f s, %.0f a minute, %u workers, %.1f s of processor time\n",
           tally->cuts + tally->pairs, tally->cuts, tally->pairs, seconds,
           (double)(tally->cuts + tally->pairs) * 60 / seconds, plan->workers, processor_s());
    printf("violations: %" PRIu64 "\n", tally->violations);
}

static plan_t read_plan(int count, char **words) {
    plan_t plan = {.pairs = 2, .workers = 2, .only_state = -1, .only_geometry = -1};
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--pairs") == 0 && i + 1 < count) {
            plan.pairs = (unsigned)atoi(words[++i]);
        } else if (strcmp(words[i], "--workers") == 0 && i + 1 < count) {
            plan.workers = (unsigned)atoi(words[++i]) % 9;
        } else if (strcmp(words[i], "--only") == 0 && i + 2 < count) {
            plan.only_state = atoi(words[i + 1]);
            plan.only_geometry = atoi(words[i + 2]);
            i += 2;
        } else if (strcmp(words[i], "--sealed") == 0) {
            plan.is_sealed = true;
        }
    }
    plan.workers = plan.workers == 0 ? 1 : plan.workers;
    return plan;
}

int main(int count, char **words) {
    plan_t plan = read_plan(count, words);
    tally_t *tally = calloc(1, sizeof *tally);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    bool is_complete = run_all(&plan, tally);
    clock_gettime(CLOCK_MONOTONIC, &end);
    print_result(tally, &plan, (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    int code = is_complete && tally->violations == 0 && tally->cuts > 0 ? 0 : 1;
    free(tally);
    return code;
}
