// SPDX-License-Identifier: Apache-2.0
#include "record/log_ring.h"

#include <stdatomic.h>
#include <string.h>

#include "bytes.h"
#include "text.h"

#define MAGIC_OPEN 0x4F574C47u    // the owner runs and logs
#define MAGIC_KEPT 0x4F574C4Bu    // another image runs
#define MAGIC_DROPPED 0x4F574C44u // nobody's lines
#define CHECK_SIZE sizeof(uint16_t)
#define PIECE_SPACE(length) (1u + (length) + CHECK_SIZE)

// ---- the header ----

static uint32_t checksum(const ota_ws_log_ring_t *ring) {
    return ota_ws_crc32(&ring->serial, offsetof(ota_ws_log_ring_t, crc) - offsetof(ota_ws_log_ring_t, serial));
}

static uint32_t oldest(const ota_ws_log_ring_t *ring) {
    return ring->positions >> 16;
}

static uint32_t newest(const ota_ws_log_ring_t *ring) {
    return ring->positions & 0xFFFF;
}

static bool is_ring(const ota_ws_log_ring_t *at, size_t size) {
    bool has_magic = at->magic == MAGIC_OPEN || at->magic == MAGIC_KEPT || at->magic == MAGIC_DROPPED;
    return has_magic && size > sizeof *at && at->size <= size - sizeof *at && at->crc == checksum(at) &&
           oldest(at) < at->size && newest(at) < at->size;
}

bool ota_ws_log_ring_is_sound(const ota_ws_log_ring_t *at, size_t size) {
    return at->magic != MAGIC_DROPPED && is_ring(at, size);
}

bool ota_ws_log_ring_is_open(const ota_ws_log_ring_t *ring) {
    return ring->magic == MAGIC_OPEN;
}

static bool is_image(const uint8_t *elf, const uint8_t *other) {
    return memcmp(elf, other, OTA_WS_LOG_ELF_SIZE) == 0;
}

// Nothing may read the ring as sound while its header changes.
static void begin(const ota_ws_log_memory_t *memory) {
    ota_ws_log_ring_t *ring = memory->ring;
    uint32_t serial = is_ring(ring, memory->size) ? ring->serial + 1 : 1;
    ring->magic = 0;
    ring->serial = serial;
    ring->size = (uint32_t)(memory->size - sizeof *ring);
    ring->positions = 0;
    memcpy(ring->owner, memory->elf, sizeof ring->owner);
    memset(ring->keeper, 0, sizeof ring->keeper);
    ring->crc = checksum(ring);
    ring->magic = MAGIC_OPEN;
}

// This image decides about the lines of a ring. A copy of them that another image has left elsewhere is older from then
// on.
static void decide(const ota_ws_log_memory_t *memory, uint32_t magic) {
    ota_ws_log_ring_t *ring = memory->ring;
    ring->magic = 0;
    ring->serial++;
    memcpy(ring->keeper, memory->elf, sizeof ring->keeper);
    ring->crc = checksum(ring);
    ring->magic = magic;
}

// ---- the life of a ring ----

void ota_ws_log_ring_fetch(const ota_ws_log_memory_t *memory, const uint8_t *low, const uint8_t *high) {
    const ota_ws_log_ring_t *found = is_ring(memory->ring, memory->size) ? memory->ring : NULL;
    for (; (size_t)(high - low) > sizeof *found; low += sizeof(uint32_t)) {
        const ota_ws_log_ring_t *ring = (const ota_ws_log_ring_t *)(const void *)low;
        size_t size = (size_t)(high - low) < memory->size ? (size_t)(high - low) : memory->size;
        if (is_ring(ring, size) && (found == NULL || (int32_t)(ring->serial - found->serial) > 0)) {
            found = ring;
        }
    }
    if (found != NULL) {
        memmove(memory->ring, found, sizeof *found + found->size);
    }
}

bool ota_ws_log_ring_start(const ota_ws_log_memory_t *memory) {
    static const uint8_t nobody[OTA_WS_LOG_ELF_SIZE];
    ota_ws_log_ring_t *ring = memory->ring;
    bool is_sound = ota_ws_log_ring_is_sound(ring, memory->size);
    bool is_mine = is_sound && is_image(ring->owner, memory->elf) && ring->magic == MAGIC_OPEN;
    bool awaits = is_sound && !is_image(ring->owner, memory->elf) &&
                  (is_image(ring->keeper, nobody) || is_image(ring->keeper, memory->elf));
    if (awaits) {
        ring->magic = MAGIC_KEPT;
    } else if (!is_mine) {
        begin(memory);
    }
    return !awaits;
}

void ota_ws_log_ring_settle(const ota_ws_log_memory_t *memory, bool on_trial, const uint8_t *failed) {
    ota_ws_log_ring_t *ring = memory->ring;
    bool is_sound = ota_ws_log_ring_is_sound(ring, memory->size);
    bool is_mine = is_sound && is_image(ring->owner, memory->elf);
    if (on_trial && !is_mine) {
        begin(memory);
    } else if (!on_trial && is_sound && failed != NULL && is_image(ring->owner, failed) && !is_mine) {
        decide(memory, MAGIC_KEPT);
    } else if (!on_trial && is_sound) {
        decide(memory, MAGIC_DROPPED);
    }
}

const uint8_t *ota_ws_log_ring_owner(const ota_ws_log_memory_t *memory) {
    return ota_ws_log_ring_is_sound(memory->ring, memory->size) ? memory->ring->owner : NULL;
}

// ---- what is logged ----

// Behind an escape sequence of a terminal that begins at `text`: ESC [ numbers letter.
static const char *behind_escape(const char *text, const char *end) {
    text++;
    if (text < end && *text == '[') {
        do {
            text++;
        } while (text < end && (*text == ';' || (*text >= '0' && *text <= '9')));
    }
    return text < end ? text + 1 : end;
}

// Takes one byte; what is no UTF-8 becomes '?', together with the bytes before it that belong to the same character.
static void take(ota_ws_log_piece_t *piece, ota_ws_utf8_t *utf8, size_t *start, char byte) {
    if (utf8->missing == 0) {
        *start = piece->length;
    }
    if (!ota_ws_utf8_take(utf8, (uint8_t)byte)) {
        *utf8 = (ota_ws_utf8_t){0};
        piece->length = (uint8_t)*start;
        byte = '?';
    }
    piece->text[piece->length++] = byte;
}

static uint16_t check_of(const ota_ws_log_piece_t *piece) {
    return (uint16_t)ota_ws_crc32(piece, 1u + piece->length);
}

void ota_ws_log_piece_make(ota_ws_log_piece_t *piece, const char *text, size_t length) {
    const char *end = text + length;
    ota_ws_utf8_t utf8 = {0};
    size_t start = 0;
    piece->length = 0;
    while (text < end && piece->length < OTA_WS_LOG_PIECE_SIZE) {
        if (*text == '\033') {
            text = behind_escape(text, end);
            continue;
        }
        bool is_control = (uint8_t)*text < ' ' && *text != '\n';
        if (!is_control && *text != 0x7F) {
            take(piece, &utf8, &start, *text);
        }
        text++;
    }
    if (utf8.missing > 0) {
        piece->length = (uint8_t)start; // a character whose end is missing
    }
    uint16_t check = check_of(piece);
    memcpy(piece->text + piece->length, &check, CHECK_SIZE);
}

// ---- the ring ----

static uint32_t behind(const ota_ws_log_ring_t *ring, uint32_t position, uint32_t length) {
    position += length;
    return position < ring->size ? position : position - ring->size;
}

static uint32_t distance(const ota_ws_log_ring_t *ring, uint32_t from, uint32_t to) {
    return to >= from ? to - from : to + ring->size - from;
}

// Around the end of the ring, in one direction or the other.
static void read_bytes(const ota_ws_log_ring_t *ring, uint32_t position, void *to, uint32_t length) {
    uint32_t first = ring->size - position < length ? ring->size - position : length;
    memcpy(to, ring->pieces + position, first);
    memcpy((uint8_t *)to + first, ring->pieces, length - first);
}

static void write_bytes(ota_ws_log_ring_t *ring, uint32_t position, const void *from, uint32_t length) {
    uint32_t first = ring->size - position < length ? ring->size - position : length;
    memcpy(ring->pieces + position, from, first);
    memcpy(ring->pieces, (const uint8_t *)from + first, length - first);
}

void ota_ws_log_ring_put(ota_ws_log_ring_t *ring, const ota_ws_log_piece_t *piece) {
    uint32_t from = oldest(ring), to = newest(ring);
    uint32_t length = PIECE_SPACE(piece->length);
    // One byte stays free: equal positions mean an empty ring. A damaged length may lead past the end: an empty ring.
    while (ring->size - distance(ring, from, to) <= length) {
        uint32_t step = PIECE_SPACE(ring->pieces[from]);
        from = step < distance(ring, from, to) ? behind(ring, from, step) : to;
    }
    ring->positions = from << 16 | to;
    atomic_signal_fence(memory_order_seq_cst); // in this order, whatever the compiler would like better
    write_bytes(ring, to, piece, length);
    atomic_signal_fence(memory_order_seq_cst);
    ring->positions = from << 16 | behind(ring, to, length);
}

void ota_ws_log_reader_init(ota_ws_log_reader_t *reader, const ota_ws_log_ring_t *ring) {
    uint32_t positions = ring->positions;
    *reader = (ota_ws_log_reader_t){ring, positions >> 16, distance(ring, positions >> 16, positions & 0xFFFF)};
}

bool ota_ws_log_reader_next(ota_ws_log_reader_t *reader, ota_ws_log_piece_t *piece) {
    uint16_t check;
    if (reader->left == 0) {
        return false;
    }
    uint32_t text_length = reader->ring->pieces[reader->at];
    uint32_t length = PIECE_SPACE(text_length);
    if (text_length > OTA_WS_LOG_PIECE_SIZE || length > reader->left) {
        return false;
    }
    read_bytes(reader->ring, reader->at, piece, length);
    memcpy(&check, piece->text + text_length, CHECK_SIZE);
    piece->text[text_length] = '\0';
    reader->at = behind(reader->ring, reader->at, length);
    reader->left -= length;
    piece->length = (uint8_t)text_length; // the ring may have changed meanwhile
    return check == check_of(piece);
}
