// SPDX-License-Identifier: Apache-2.0
// Searches all that can happen to a device and two clients: from each way in which it may start, breadth first, every
// event in every state that is new, down to a depth or until no state is new. In each state all invariants must hold,
// and when everybody leaves the next update must work. world_abstract() distinguishes states; time only in steps.
// Prints the counts. Exit 1: an invariant does not hold; the way there is printed.
//   states [DEPTH]
//   states --document FILE   writes docs/states.md too
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define DEPTH 100 // far beyond where no state is new any more
#define TABLE_SIZE (1u << 22)
#define STATES_MAX (TABLE_SIZE / 2)
#define PHASES 8 // of the update, and: a restart was asked for

typedef struct {
    world_state_t state;
    uint32_t parent; // index + 1; 0: a start
    uint8_t event;
} node_t;

typedef struct {
    node_t *nodes;
    uint32_t *table; // index + 1 of a node
    uint32_t count;
    world_t *level, *next; // snapshots of the newest nodes
    uint32_t *level_nodes, *next_nodes;
    size_t level_count, next_count, next_space;
    uint64_t events, wind_ups;
    uint64_t edges[PHASES][PHASES]; // one bit for each event
} search_t;

static const char *const phases[PHASES] = {"IDLE",  "OPENING", "RECEIVING", "VERIFYING",
                                           "READY", "ENDING",  "CONTROL",   "RESTARTING"};

static unsigned phase(void) {
    return world.device.restarting ? PHASES - 1 : (unsigned)world.device.update;
}

// ---- known states ----

static uint32_t hash_of(const world_state_t *state) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < sizeof state->bytes; i++) {
        hash = (hash ^ state->bytes[i]) * 16777619u;
    }
    return hash;
}

// Where it is, or belongs.
static uint32_t *find(const search_t *search, const world_state_t *state) {
    uint32_t at = hash_of(state) % TABLE_SIZE;
    while (search->table[at] != 0 && memcmp(&search->nodes[search->table[at] - 1].state, state, sizeof *state) != 0) {
        at = (at + 1) % TABLE_SIZE;
    }
    return &search->table[at];
}

static void remember_world(search_t *search, uint32_t node) {
    if (search->next_count == search->next_space) {
        search->next_space = search->next_space * 2 + 1024;
        search->next = realloc(search->next, search->next_space * sizeof *search->next);
        search->next_nodes = realloc(search->next_nodes, search->next_space * sizeof *search->next_nodes);
    }
    memcpy(&search->next[search->next_count], &world, sizeof world);
    search->next_nodes[search->next_count++] = node;
}

// True when the world is in a state that is new.
static bool add(search_t *search, uint32_t parent, unsigned event) {
    world_state_t state;
    world_abstract(&state);
    uint32_t *place = find(search, &state);
    if (*place != 0 || search->count == STATES_MAX) {
        return false;
    }
    search->nodes[search->count] = (node_t){state, parent, (uint8_t)event};
    *place = ++search->count;
    remember_world(search, search->count);
    return true;
}

// ---- the search ----

static void print_way(const search_t *search, uint32_t node) {
    if (node == 0) {
        return;
    }
    const node_t *at = &search->nodes[node - 1];
    print_way(search, at->parent);
    printf("  %s\n", at->parent == 0 ? world_starts[at->event] : world_events[at->event].detail);
}

static bool violate(const search_t *search, const char *what, uint32_t parent, const char *last) {
    printf("VIOLATION: not '%s'\n", what);
    print_way(search, parent);
    printf("  %s\n  (%s, %u jobs)\n", last, phases[phase()], world.job_count);
    return false;
}

// Everybody leaves, in a copy: the world is as it was afterwards.
static const char *wind_up(search_t *search) {
    static world_t copy;
    memcpy(&copy, &world, sizeof world);
    const char *violation = world_wind_up();
    memcpy(&world, &copy, sizeof world);
    search->wind_ups++;
    return violation;
}

// One event in one state.
static bool step(search_t *search, const world_t *from, uint32_t parent, unsigned event) {
    memcpy(&world, from, sizeof world);
    unsigned before = phase();
    if (!world_events[event].happen(world_events[event].which)) {
        return true;
    }
    search->events++;
    search->edges[before][phase()] |= UINT64_C(1) << event;
    const char *violation = world_check();
    if (violation == NULL && add(search, parent, event)) {
        violation = wind_up(search);
    }
    return violation == NULL || violate(search, violation, parent, world_events[event].detail);
}

static bool begin_level(search_t *search) {
    world_t *worlds = search->level;
    uint32_t *nodes = search->level_nodes;
    free(worlds);
    free(nodes);
    search->level = search->next;
    search->level_nodes = search->next_nodes;
    search->level_count = search->next_count;
    search->next = NULL;
    search->next_nodes = NULL;
    search->next_count = search->next_space = 0;
    return search->level_count > 0;
}

static bool search_level(search_t *search) {
    for (size_t i = 0; i < search->level_count; i++) {
        for (unsigned event = 0; event < world_event_count; event++) {
            if (!step(search, &search->level[i], search->level_nodes[i], event)) {
                return false;
            }
        }
    }
    return true;
}

// ---- what is printed ----

// The names of the events that lead from one phase to another, each once.
static void print_names(FILE *file, uint64_t edge) {
    const char *separator = "";
    for (unsigned event = 0; event < world_event_count; event++) {
        bool is_first = (edge >> event & 1) != 0;
        for (unsigned earlier = 0; earlier < event; earlier++) {
            is_first = is_first && ((edge >> earlier & 1) == 0 ||
                                    strcmp(world_events[earlier].name, world_events[event].name) != 0);
        }
        if (is_first) {
            fprintf(file, "%s%s", separator, world_events[event].name);
            separator = ", ";
        }
    }
}

static void print_edges(FILE *file, const search_t *search) {
    for (unsigned from = 0; from < PHASES; from++) {
        for (unsigned to = 0; to < PHASES; to++) {
            if (from != to && search->edges[from][to] != 0) {
                fprintf(file, "    %s --> %s: ", phases[from], phases[to]);
                print_names(file, search->edges[from][to]);
                fprintf(file, "\n");
            }
        }
    }
}

static void print_counts(const search_t *search, unsigned depth, bool is_complete) {
    printf("%u ways to start, %u events, down to %u in a row%s: %u states, %llu events in them, none against an "
           "invariant; %llu updates afterwards, of which each worked.\n",
           world_start_count, world_event_count, depth, is_complete ? " (there are no more)" : "", search->count,
           (unsigned long long)search->events, (unsigned long long)search->wind_ups);
}

// False when it cannot be written.
static bool write_document(const search_t *search, const char *path) {
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    fprintf(file,
            "# The states of an update\n\n"
            "Made by `make states`: what the search of all that can happen to a device and two clients has met. Jobs\n"
            "are the writer's (`src/flow/writer.h`). RESTARTING is not a state of `src/engine/update.c`: it is any of "
            "them once a\n"
            "restart was asked for.\n\n```mermaid\nstateDiagram-v2\n    [*] --> IDLE\n");
    print_edges(file, search);
    fprintf(file, "```\n");
    return fclose(file) == 0;
}

int main(int count, char **words) {
    static search_t search;
    const char *document = count > 2 && strcmp(words[1], "--document") == 0 ? words[2] : NULL;
    unsigned most = count > 1 && document == NULL ? (unsigned)atoi(words[1]) : DEPTH;
    search.nodes = calloc(STATES_MAX, sizeof *search.nodes);
    search.table = calloc(TABLE_SIZE, sizeof *search.table);
    bool holds = search.nodes != NULL && search.table != NULL;
    for (unsigned start = 0; start < world_start_count && holds; start++) {
        world_begin(start);
        holds = world_check() == NULL || violate(&search, world_check(), 0, world_starts[start]);
        (void)add(&search, 0, start);
    }
    unsigned depth = 0;
    bool goes_on = begin_level(&search);
    for (; holds && goes_on && depth < most; depth++) {
        holds = search_level(&search);
        goes_on = begin_level(&search);
        if (document == NULL) {
            printf("%3u: %zu states are new\n", depth + 1, search.level_count);
            fflush(stdout);
        }
    }
    if (holds && document == NULL) {
        print_edges(stdout, &search);
    } else if (holds) {
        holds = write_document(&search, document);
    }
    if (holds) {
        print_counts(&search, depth, !goes_on);
    }
    free(search.level);
    free(search.level_nodes);
    free(search.nodes);
    free(search.table);
    return holds ? 0 : 1;
}
