// SPDX-License-Identifier: Apache-2.0
#include "board.h"

#include <string.h>

static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static uint64_t now; // the clock of all boards

static void note(board_t *board, uint32_t address, uint32_t length) {
    now++;
    for (uint32_t sector = address / NOR_SECTOR_SIZE; sector <= (address + length - 1) / NOR_SECTOR_SIZE; sector++) {
        board->written[sector] = now;
    }
}

// ---- the medium ----

// One bit in eight bytes of weak cells reads as the other one (of a single byte: every other time); which, changes with
// each power on.
static void add_noise(const board_t *board, uint32_t address, uint8_t *bytes, size_t length) {
    for (size_t w = 0; w < board->weak_count; w++) {
        const board_weak_t *weak = &board->weak[w];
        uint32_t from = address > weak->from ? address : weak->from;
        uint32_t to = address + length < weak->to ? (uint32_t)(address + length) : weak->to;
        for (uint32_t at = from; at < to; at++) {
            uint32_t random = (at + 1) * 2654435761u ^ board->noise;
            next_random(&random);
            uint32_t rarely = weak->to - weak->from == 1 ? 1 : 7;
            if ((random & rarely) == 0) {
                bytes[at - address] ^= (uint8_t)(1u << (random >> 8 & 7));
            }
        }
    }
}

static bool read_flash(void *context, uint32_t address, void *bytes, size_t length) {
    board_t *board = context;
    memcpy(bytes, board->flash + address, length);
    if (board->fault == BOARD_FLIPPED_READ && board->reads++ == board->fault_at && length > 0) {
        *((uint8_t *)bytes + length / 2) ^= 0x10;
    }
    if (board->weak_count > 0) {
        add_noise(board, address, bytes, length);
    }
    return true;
}

// Erasing to the end makes cells sound again.
static void heal(board_t *board, uint32_t from, uint32_t to) {
    for (size_t w = 0; w < board->weak_count;) {
        board_weak_t *weak = &board->weak[w];
        if (weak->from >= from && weak->to <= to) {
            *weak = board->weak[--board->weak_count];
            continue;
        }
        if (weak->from < from && weak->to > from) {
            weak->to = from;
        } else if (weak->from < to && weak->to > to) {
            weak->from = to;
        }
        w++;
    }
}

const char *const board_fault_names[] = {"sound", "sectors that do not erase", "bits that do not program",
                                         "reads that flip a bit"};

static bool write_flash(void *context, uint32_t address, const void *bytes, size_t length) {
    board_t *board = context;
    bool is_now = board->operations == board->fault_at + 1;
    const uint8_t *at = bytes;
    bool is_erase = length == NOR_SECTOR_SIZE && at[0] == 0xFF && memcmp(at, at + 1, length - 1) == 0;
    if (board->fault == BOARD_BAD_SECTOR && is_now && is_erase) {
        return true;
    }
    uint8_t old = board->flash[address];
    note(board, address, (uint32_t)length);
    memcpy(board->flash + address, bytes, length);
    if (board->fault == BOARD_STUCK_BITS && is_now && !is_erase) {
        board->flash[address] |= old & 0x55;
    }
    return true;
}

static bool before(void *context, const nor_operation_t *operation) {
    board_t *board = context;
    if (board->dead) {
        return false;
    }
    if (operation->kind == NOR_READ || board->is_quiet) {
        return true;
    }
    if (board->before != NULL) {
        board->before(board->before_context, board, operation, NULL);
    }
    return !board->dead && (int)board->operations++ != board->fail_at;
}

static void after(void *context, const nor_operation_t *operation) {
    if (operation->kind == NOR_ERASE) {
        heal(context, operation->address, operation->address + operation->length);
    }
}

// ---- a board ----

static void wire(board_t *board) {
    board->watch = (nor_watch_t){board, before, after};
    board->nor.medium = (nor_medium_t){board, read_flash, write_flash};
    board->nor.watch = &board->watch;
}

void board_init(board_t *board, uint32_t size, uint32_t program_unit) {
    memset(board, 0, sizeof *board);
    memset(board->flash, 0xFF, sizeof board->flash);
    board->size = size;
    board->born = ++now;
    board->noise = 0x12345;
    board->fail_at = -1;
    board->nor.size = size;
    board->nor.program_unit = program_unit;
    wire(board);
}

// What was written on either board since the last copy, or all.
static void copy_flash(board_t *to, const board_t *from) {
    bool is_known = to->source_born == from->born;
    for (uint32_t at = 0; at < from->size; at += NOR_SECTOR_SIZE) {
        uint32_t sector = at / NOR_SECTOR_SIZE;
        if (!is_known || to->written[sector] > to->copied || from->written[sector] > to->copied) {
            memcpy(to->flash + at, from->flash + at, NOR_SECTOR_SIZE);
        }
    }
}

void board_copy(board_t *to, const board_t *from) {
    const size_t rest = offsetof(board_t, store);
    copy_flash(to, from);
    memcpy((uint8_t *)to + rest, (const uint8_t *)from + rest, sizeof *to - rest);
    to->size = from->size;
    to->source_born = from->born;
    to->born = to->copied = ++now;
    to->before = NULL;
    to->before_context = NULL;
    to->is_quiet = false;
    to->operations = 0;
    wire(to);
}

void board_power(board_t *board) {
    board->dead = false;
    next_random(&board->noise);
}

bool board_is_weak(const board_t *board, uint32_t from, uint32_t to) {
    for (size_t w = 0; w < board->weak_count; w++) {
        if (board->weak[w].from < to && board->weak[w].to > from) {
            return true;
        }
    }
    return false;
}

// ---- the store ----

static int find(const board_t *board, const char *key) {
    for (int i = 0; i < BOARD_STORE_MAX; i++) {
        if (strcmp(board->store[i].key, key) == 0) {
            return i;
        }
    }
    return -1;
}

size_t board_load(board_t *board, const char *key, void *value, size_t size) {
    int at = find(board, key);
    if (at < 0 || board->store[at].size > size) {
        return 0;
    }
    memcpy(value, board->store[at].value, board->store[at].size);
    return board->store[at].size;
}

void board_save(board_t *board, const char *key, const void *value, size_t size) {
    nor_operation_t operation = {NOR_PROGRAM, 0, (uint32_t)size, value};
    if (board->dead) {
        return;
    }
    if (board->before != NULL && !board->is_quiet) {
        board->before(board->before_context, board, &operation, key);
    }
    if (board->dead || (int)board->operations++ == board->fail_at) {
        return;
    }
    int at = find(board, key) >= 0 ? find(board, key) : find(board, "");
    strcpy(board->store[at].key, size > 0 ? key : "");
    board->store[at].size = size;
    if (size > 0) {
        memcpy(board->store[at].value, value, size);
    }
}

// ---- torn operations ----

const char *const board_program_tears[] = {
    "nothing",
    "all of it",
    "half of the first page",
    "all but the last word",
    "the first word only",
    "half of the pages",
    "the last page without the others",
    "every other byte",
    "one bit in ten has fallen",
    "half of the bits have fallen",
    "nine bits in ten have fallen",
    "all but bytes 24 to 27",
    "all, bytes 24 to 27 half",
    "all but bytes 28 to 31",
    "all but bytes 0 to 3",
    "all of it, but weak",
    "half of the bits, and weak",
    "all of it, but one byte weak",
};

const char *const board_erase_tears[] = {
    "nothing",
    "all of it",
    "the first half",
    "the second half",
    "the first 32 bytes only",
    "all but the first 32 bytes",
    "one bit in ten has risen",
    "half of the bits have risen",
    "nine bits in ten have risen",
    "bytes 24 to 27 only",
    "all but bytes 0 to 3",
    "all but bytes 28 to 31",
    "every other byte",
    "bit 1 of byte 24 only", // NEW reads as VALID
    "all of it, but weak",
    "half of the bits, and weak",
    "all of it, but one byte weak",
};

unsigned board_tears(nor_kind_t kind) {
    return kind == NOR_ERASE ? sizeof board_erase_tears / sizeof *board_erase_tears
                             : sizeof board_program_tears / sizeof *board_program_tears;
}

static bool in_word(uint32_t at, uint32_t word) {
    return at >= word && at < word + 4;
}

// Which of the bits that shall change in byte `at` of `length` have changed.
static uint8_t changed_program(unsigned tear, uint32_t at, uint32_t length, uint32_t random) {
    uint8_t some = (uint8_t)random, more = (uint8_t)(random >> 8), most = (uint8_t)(random >> 16);
    bool last_page = at >= (length - 1) / NOR_PAGE_SIZE * NOR_PAGE_SIZE;
    switch (tear) {
    case 0:
        return 0;
    case 2:
        return at < (length < NOR_PAGE_SIZE ? length : NOR_PAGE_SIZE) / 2 ? 0xFF : 0;
    case 3:
        return at < length - (length < 4 ? length : 4) ? 0xFF : 0;
    case 4:
        return at < 4 ? 0xFF : 0;
    case 5:
        return at < length / 2 / NOR_PAGE_SIZE * NOR_PAGE_SIZE ? 0xFF : 0;
    case 6:
        return last_page ? 0xFF : 0;
    case 7:
        return at % 2 == 0 ? 0xFF : 0;
    case 8:
        return (uint8_t)(some & more & most);
    case 9:
    case 16:
        return some;
    case 10:
        return (uint8_t)(some | more | most);
    case 11:
        return in_word(at, 24) ? 0 : 0xFF;
    case 12:
        return in_word(at, 24) ? some : 0xFF;
    case 13:
        return in_word(at, 28) ? 0 : 0xFF;
    case 14:
        return in_word(at, 0) ? 0 : 0xFF;
    default:
        return 0xFF;
    }
}

static uint8_t changed_erase(unsigned tear, uint32_t at, uint32_t length, uint32_t random) {
    uint8_t some = (uint8_t)random, more = (uint8_t)(random >> 8), most = (uint8_t)(random >> 16);
    switch (tear) {
    case 0:
        return 0;
    case 2:
        return at < length / 2 ? 0xFF : 0;
    case 3:
        return at >= length / 2 ? 0xFF : 0;
    case 4:
        return at < 32 ? 0xFF : 0;
    case 5:
        return at < 32 ? 0 : 0xFF;
    case 6:
        return (uint8_t)(some & more & most);
    case 7:
    case 15:
        return some;
    case 8:
        return (uint8_t)(some | more | most);
    case 9:
        return in_word(at, 24) ? 0xFF : 0;
    case 10:
        return in_word(at, 0) ? 0 : 0xFF;
    case 11:
        return in_word(at, 28) ? 0 : 0xFF;
    case 12:
        return at % 2 == 0 ? 0xFF : 0;
    case 13:
        return at == 24 ? 2 : 0;
    default:
        return 0xFF;
    }
}

static void weaken(board_t *board, uint32_t from, uint32_t to) {
    if (board->weak_count < BOARD_WEAK_MAX) {
        board->weak[board->weak_count++] = (board_weak_t){from, to};
    }
}

void board_tear(board_t *board, const nor_operation_t *operation, unsigned tear) {
    uint8_t *flash = board->flash + operation->address;
    uint32_t random = board->noise | 1;
    bool is_erase = operation->kind == NOR_ERASE;
    uint32_t length = operation->length;
    note(board, operation->address, length);

    bool is_weak = is_erase ? tear >= 14 : tear >= 15;
    for (uint32_t at = 0; at < length && tear != 0; at++) {
        uint8_t mask = is_erase ? changed_erase(tear, at, length, next_random(&random))
                                : changed_program(tear, at, length, next_random(&random));
        uint8_t wanted = is_erase ? 0xFF : operation->bytes[at];
        flash[at] = (uint8_t)((flash[at] & ~mask) | (wanted & mask));
    }
    if (is_erase && tear == 1) {
        heal(board, operation->address, operation->address + length);
    }
    if (is_weak) {
        bool is_one = tear == (is_erase ? 16 : 17);
        uint32_t from = operation->address + (is_one ? next_random(&random) % length : 0);
        weaken(board, from, is_one ? from + 1 : operation->address + length);
    }
    board->dead = true;
}
