// SPDX-License-Identifier: Apache-2.0
// The last log lines of an image, in memory that a restart leaves as it is: RTC memory of a chip, a file on Linux. The
// lines of an image on trial outlive its crash, and the image before it shows them (docs/design.md, "A failed trial
// explains itself").
//
// The memory holds a header and a ring of pieces. A piece is what was logged at once: a length, the text, a check of
// both. Two positions say where the oldest piece begins and where the newest ends; both lie in one aligned word, which
// is stored at once. Before a piece is written, the positions leave out the pieces that it replaces, and only after it
// they include it. So a restart in the middle of a write costs no line but those two.
//
// Who may call: ota_ws_log_ring_put() needs a lock of the caller's; all others may run beside it. Nothing blocks and
// nothing is allocated.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OTA_WS_LOG_ELF_SIZE 8     // the first bytes of the SHA-256 of an image's ELF file
#define OTA_WS_LOG_PIECE_SIZE 120 // longest text of a piece; more of a line is left out
#define OTA_WS_LOG_RING_MIN 256   // bytes of a ring with its header
#define OTA_WS_LOG_RING_MAX 32768

typedef struct {
    uint32_t magic;
    uint32_t serial;                     // rises with each ring that is begun: which of two is the newer one
    uint32_t size;                       // bytes of `pieces`; another image may have another size
    uint8_t owner[OTA_WS_LOG_ELF_SIZE];  // the image whose lines these are
    uint8_t keeper[OTA_WS_LOG_ELF_SIZE]; // the image that keeps them and shows them; zeros: not known yet
    uint32_t crc;                        // of all before it, but the magic
    volatile uint32_t positions;         // of the oldest piece << 16 | behind the newest
    uint8_t pieces[];
} ota_ws_log_ring_t;

// Where a ring lies.
typedef struct ota_ws_log_memory {
    ota_ws_log_ring_t *ring; // 4-byte aligned; after power came on it holds anything
    size_t size;             // OTA_WS_LOG_RING_MIN to OTA_WS_LOG_RING_MAX, header included
    const uint8_t *elf;      // OTA_WS_LOG_ELF_SIZE bytes of the running image's
} ota_ws_log_memory_t;

// As it lies in the ring: the check follows the text.
typedef struct {
    uint8_t length;
    char text[OTA_WS_LOG_PIECE_SIZE + sizeof(uint16_t)];
} ota_ws_log_piece_t;

// ---- the life of a ring ----

// Looks for a newer ring between `low` and `high`, which are multiples of 4: another image may have had it at another
// place. Moves the newest one to the place of this image's. To be called before ota_ws_log_ring_start(), where the rest
// of that memory is not used for anything that changes by itself.
void ota_ws_log_ring_fetch(const ota_ws_log_memory_t *memory, const uint8_t *low, const uint8_t *high);

// A start of the running image, as early as possible. Goes on with its own lines, leaves those of another image alone
// until ota_ws_log_ring_settle(), and otherwise begins anew. True when the running image may log from now on.
bool ota_ws_log_ring_start(const ota_ws_log_memory_t *memory);

// It is known now whether the running image is on trial. An image on trial logs; otherwise only the lines of `failed`
// are kept: OTA_WS_LOG_ELF_SIZE bytes of the image that has failed its trial, NULL for none.
void ota_ws_log_ring_settle(const ota_ws_log_memory_t *memory, bool on_trial, const uint8_t *failed);

// Is there a ring with a sound header at `at`, which has `size` bytes?
bool ota_ws_log_ring_is_sound(const ota_ws_log_ring_t *at, size_t size);

// Does the running image log? Quick: asked for each line.
bool ota_ws_log_ring_is_open(const ota_ws_log_ring_t *ring);

// Whose lines may be shown: the owner. NULL: there are none.
const uint8_t *ota_ws_log_ring_owner(const ota_ws_log_memory_t *memory);

// ---- pieces ----

// Makes a piece of what was logged: text that is valid UTF-8, without control characters but line ends, and without
// the escape sequences that colour a terminal; what does not fit is left out. `length` is 0 when nothing is left.
void ota_ws_log_piece_make(ota_ws_log_piece_t *piece, const char *text, size_t length);

// Appends a piece whose length is not 0. Takes the space of the oldest ones.
void ota_ws_log_ring_put(ota_ws_log_ring_t *ring, const ota_ws_log_piece_t *piece);

// Reads the pieces from the oldest on.
typedef struct {
    const ota_ws_log_ring_t *ring;
    uint32_t at, left; // position, and bytes up to the end
} ota_ws_log_reader_t;

void ota_ws_log_reader_init(ota_ws_log_reader_t *reader, const ota_ws_log_ring_t *ring);

// The next piece, its text terminated. False at the end, and where a piece is damaged: nothing behind it can be found.
bool ota_ws_log_reader_next(ota_ws_log_reader_t *reader, ota_ws_log_piece_t *piece);
