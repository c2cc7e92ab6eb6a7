// SPDX-License-Identifier: Apache-2.0
// The virtual chip between two restarts: which image runs, what the boot record says, which slot an update goes to.
// Implements the core's ports `flash` and `platform` (ports.h) on a NOR flash in ESP-IDF's layout; does to it what
// ESP-IDF's esp_ota_ops.c does, in the same order. Knows no network.
#pragma once

#include <pthread.h>

#include "boot.h"
#include "console.h"
#include "ports.h"
#include "signature_openssl.h"
#include "store.h"

typedef struct {
    nor_t *nor;
    const partition_table_t *table; // checked (partition_table_check)
    const ota_ws_hash_t *hash;
    const console_t *console;
    store_t *store; // NULL: nothing is kept
    const char *id; // 12 hex digits; NULL: none
    app_target_t target;
    ota_ws_reset_t reset;   // why it starts
    const char *name;       // shown to the user, at most 63 characters
    const char *health;     // file with the application's finding (options.h); NULL: none
    remains_t *remains;     // what a crash leaves behind; NULL: nothing
    const signer_t *signer; // images must be signed with this key; NULL: they need not
} machine_parts_t;

typedef struct {
    machine_parts_t parts;
    const partition_t *otadata;
    const partition_t *running;
    const partition_t *other;             // that an update goes to; the running one: none
    const partition_t *recovery;          // the factory partition of the recovery layout; NULL: another layout
    bool verified[PARTITION_OTA_MAX + 1]; // would the image start? The last one: factory
    bool touched;                         // the open update has erased something
    bool is_update;                       // ... and an image comes
    signers_t signers;                    // of the running image
    void *restart_context;
    void (*restart)(void *context);

    pthread_mutex_t lock; // of what follows
    ota_ws_identity_t identity;
} machine_t;

// Runs the bootloader. False when no image starts; the console says why. To be followed by machine_stop().
bool machine_start(machine_t *machine, const machine_parts_t *parts);

void machine_stop(machine_t *machine);

// Where the platform's `restart` goes to.
void machine_on_restart(machine_t *machine, void (*restart)(void *context), void *context);

// The ports; `machine` must outlive them.
ota_ws_flash_t machine_flash(machine_t *machine);
ota_ws_platform_t machine_platform(machine_t *machine);

// A copy of what the device says of itself.
void machine_describe(machine_t *machine, ota_ws_identity_t *identity);

// Reads the flash again for the identity; after each change of it.
void machine_look(machine_t *machine);

// Would the image in that app partition start? Remembers the answer.
bool machine_verify(machine_t *machine, const partition_t *partition);

// The core has read the image in that app partition back and found it right.
void machine_trust(machine_t *machine, const partition_t *partition);

// Erases each entry of the boot record that selects the slot of updates, or might when it is read again.
ota_ws_status_t machine_unselect_other(machine_t *machine);

// The slot before the running one, when no sound entry of the boot record speaks of another slot than the running one,
// and there is no factory partition. Fills `entry` with one that would be right, for sector `*sector`. NULL: no entry
// is lost.
const partition_t *machine_find_lost(const machine_t *machine, const otadata_t *otadata, int *sector,
                                     otadata_entry_t *entry);

// Nothing in that partition is known to start.
void machine_forget(machine_t *machine, const partition_t *partition);
