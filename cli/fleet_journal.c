// SPDX-License-Identifier: Apache-2.0
#include "fleet_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "text.h"

#define VERSION 1
#define APPLICATION_ID 1869899895 // of SQLite files that are ours
#define BUSY_MS 5000

static const char schema[] =
    "CREATE TABLE rollout(name TEXT NOT NULL, plan TEXT NOT NULL, image_sha256 TEXT NOT NULL);"
    "CREATE TABLE device(n INTEGER PRIMARY KEY, host TEXT NOT NULL, labels TEXT NOT NULL);"
    "CREATE TABLE event(n INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, device INTEGER NOT NULL,"
    " value INTEGER NOT NULL, name TEXT NOT NULL);"
    "CREATE TABLE request(n INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, device INTEGER NOT NULL,"
    " value INTEGER NOT NULL, name TEXT NOT NULL);"
    "PRAGMA application_id = 1869899895; PRAGMA user_version = 1;";

// ---- failures ----

// When SQLite writes, its error says if the disk is full. When it makes a file larger, the error does not say so.
static bool disk_is_full(const char *path) {
    struct statvfs status;
    return statvfs(path, &status) == 0 && status.f_bavail == 0;
}

static bool fail(fleet_journal_t *journal, problem_t *problem) {
    int code = journal->db == NULL ? SQLITE_NOMEM : sqlite3_errcode(journal->db) & 0xff;
    code = code == SQLITE_IOERR && disk_is_full(journal->path) ? SQLITE_FULL : code;
    switch (code) {
    case SQLITE_FULL:
        problem_set(
            problem, EXIT_CODE_TROUBLE, "journal_full",
            "The disk is full: the journal %.160s cannot be written. What it has is sound; make room and run the "
            "same command again.",
            journal->path);
        break;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_damaged", "%.160s is no journal, or a damaged one: %.80s.",
                    journal->path, sqlite3_errmsg(journal->db));
        break;
    default:
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_failed", "The journal %.160s cannot be used: %.80s.",
                    journal->path, journal->db == NULL ? "no memory" : sqlite3_errmsg(journal->db));
    }
    return false;
}

static bool execute(fleet_journal_t *journal, const char *sql, problem_t *problem) {
    return sqlite3_exec(journal->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(journal, problem);
}

static bool prepare(fleet_journal_t *journal, sqlite3_stmt **statement, const char *sql, problem_t *problem) {
    return sqlite3_prepare_v2(journal->db, sql, -1, statement, NULL) == SQLITE_OK || fail(journal, problem);
}

// The failure is kept: a rollback succeeds and would hide it.
static bool take_back(fleet_journal_t *journal, problem_t *problem) {
    fail(journal, problem);
    sqlite3_exec(journal->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

// ---- opening ----

static bool pragma(fleet_journal_t *journal, const char *sql, int *value, problem_t *problem) {
    sqlite3_stmt *statement;
    if (!prepare(journal, &statement, sql, problem)) {
        return false;
    }
    bool has_value = sqlite3_step(statement) == SQLITE_ROW;
    *value = has_value ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    return has_value || fail(journal, problem);
}

static bool is_known(fleet_journal_t *journal, problem_t *problem) {
    int id, version;
    if (!pragma(journal, "PRAGMA application_id", &id, problem) ||
        !pragma(journal, "PRAGMA user_version", &version, problem)) {
        return false;
    }
    if (id != APPLICATION_ID) {
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_damaged", "%.160s is no journal of a rollout.", journal->path);
        return false;
    }
    if (version > VERSION) {
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_newer",
                    "The journal %.160s was written by a newer ota-ws (its version is %d, this one knows %d). Use that "
                    "ota-ws; nothing was changed.",
                    journal->path, version, VERSION);
        return false;
    }
    return true;
}

static bool open_file(fleet_journal_t *journal, const char *path, problem_t *problem) {
    memset(journal, 0, sizeof *journal);
    journal->lock = -1;
    ota_ws_text_copy(journal->path, sizeof journal->path, path);
    if (sqlite3_open_v2(path, &journal->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
        return fail(journal, problem);
    }
    sqlite3_busy_timeout(journal->db, BUSY_MS);
    return true;
}

static bool prepare_all(fleet_journal_t *journal, problem_t *problem) {
    return prepare(journal, &journal->insert,
                   "INSERT INTO event(time, kind, device, value, name) VALUES(?1, ?2, ?3, ?4, ?5)", problem) &&
           prepare(journal, &journal->next_order,
                   "SELECT time, kind, device, value, name FROM request ORDER BY n LIMIT 1", problem);
}

// A write-ahead log: readers and the writer do not wait for each other, and a commit that a crash has cut is not there.
// The log is not synced at each commit: a power cut may take the last events, and devices are asked what they run.
static bool set_up(fleet_journal_t *journal, problem_t *problem) {
    return execute(journal, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", problem);
}

bool fleet_journal_open(fleet_journal_t *journal, const char *path, problem_t *problem) {
    memset(journal, 0, sizeof *journal);
    journal->lock = -1;
    if (access(path, F_OK) != 0) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "journal_none",
                    "There is no journal %.160s: this rollout has not begun ('ota-ws fleet run' begins it).", path);
        return false;
    }
    if (open_file(journal, path, problem) && is_known(journal, problem) && set_up(journal, problem) &&
        prepare_all(journal, problem)) {
        return true;
    }
    fleet_journal_close(journal);
    return false;
}

// ---- making one ----

static bool insert_device(fleet_journal_t *journal, sqlite3_stmt *statement, uint32_t n, const fleet_entry_t *entry) {
    (void)journal;
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, n);
    sqlite3_bind_text(statement, 2, entry->host, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 3, entry->labels, -1, SQLITE_TRANSIENT);
    return sqlite3_step(statement) == SQLITE_DONE;
}

static bool insert_plan(fleet_journal_t *journal, const fleet_plan_t *plan, const char *image_sha256) {
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(journal->db, "INSERT INTO rollout VALUES(?1, ?2, ?3)", -1, &statement, NULL) != SQLITE_OK) {
        return false;
    }
    sqlite3_bind_text(statement, 1, plan->rollout, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 2, plan->text, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement, 3, image_sha256, -1, SQLITE_TRANSIENT);
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    return sqlite3_finalize(statement) == SQLITE_OK && done;
}

static bool insert_devices(fleet_journal_t *journal, const fleet_entry_t *entries, uint32_t count) {
    sqlite3_stmt *statement;
    bool good =
        sqlite3_prepare_v2(journal->db, "INSERT INTO device VALUES(?1, ?2, ?3)", -1, &statement, NULL) == SQLITE_OK;
    for (uint32_t i = 0; good && i < count; i++) {
        good = insert_device(journal, statement, i, &entries[i]);
    }
    return sqlite3_finalize(statement) == SQLITE_OK && good;
}

bool fleet_journal_create(fleet_journal_t *journal, const fleet_plan_t *plan, const char *image_sha256,
                          const fleet_entry_t *entries, uint32_t count, problem_t *problem) {
    mode_t mask = umask(077);
    bool made = open_file(journal, plan->journal, problem) && set_up(journal, problem) &&
                execute(journal, "BEGIN IMMEDIATE", problem);
    umask(mask);
    if (made) {
        made = execute(journal, schema, problem) &&
               ((insert_plan(journal, plan, image_sha256) && insert_devices(journal, entries, count)) ||
                fail(journal, problem)) &&
               execute(journal, "COMMIT", problem) && prepare_all(journal, problem);
    }
    if (!made) {
        char rest[FLEET_PATH_SIZE + 8];
        fleet_journal_close(journal);
        unlink(plan->journal);
        snprintf(rest, sizeof rest, "%s-wal", plan->journal);
        unlink(rest);
        snprintf(rest, sizeof rest, "%s-shm", plan->journal);
        unlink(rest);
    }
    return made;
}

// ---- one process at a time ----

// A file of its own: closing any descriptor of SQLite's file would drop SQLite's locks.
static int open_lock(const fleet_journal_t *journal) {
    char path[FLEET_PATH_SIZE + 8];
    snprintf(path, sizeof path, "%s.lock", journal->path);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

bool fleet_journal_lock(fleet_journal_t *journal, problem_t *problem) {
    journal->lock = open_lock(journal);
    if (journal->lock >= 0 && flock(journal->lock, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    if (journal->lock >= 0 && errno == EWOULDBLOCK) {
        problem_set(problem, EXIT_CODE_TROUBLE, "already_run",
                    "Another process runs this rollout ('ota-ws fleet status' shows it).");
    } else {
        problem_set(problem, EXIT_CODE_TROUBLE, "journal_failed", "The lock of the journal %.160s cannot be had: %s.",
                    journal->path, strerror(errno));
    }
    return false;
}

bool fleet_journal_is_run(const fleet_journal_t *journal) {
    int lock = open_lock(journal);
    bool is_run = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;
    if (lock >= 0) {
        close(lock);
    }
    return is_run;
}

// ---- reading ----

static void copy_column(char *to, size_t size, sqlite3_stmt *statement, int column) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    ota_ws_text_copy(to, size, text == NULL ? "" : text);
}

static bool read_devices(fleet_journal_t *journal, fleet_entry_t **entries, uint32_t *count, problem_t *problem) {
    int number;
    sqlite3_stmt *statement;
    if (!pragma(journal, "SELECT count(*) FROM device", &number, problem) ||
        !prepare(journal, &statement, "SELECT host, labels FROM device ORDER BY n", problem)) {
        return false;
    }
    *count = 0;
    *entries = calloc((size_t)number + 1, sizeof **entries);
    while (*entries != NULL && *count < (uint32_t)number && sqlite3_step(statement) == SQLITE_ROW) {
        fleet_entry_t *entry = &(*entries)[(*count)++];
        copy_column(entry->host, sizeof entry->host, statement, 0);
        copy_column(entry->labels, sizeof entry->labels, statement, 1);
    }
    sqlite3_finalize(statement);
    return *count == (uint32_t)number || fail(journal, problem);
}

bool fleet_journal_read(fleet_journal_t *journal, char **plan, char image_sha256[65], fleet_entry_t **entries,
                        uint32_t *count, problem_t *problem) {
    sqlite3_stmt *statement;
    *plan = NULL;
    *entries = NULL;
    if (!prepare(journal, &statement, "SELECT plan, image_sha256 FROM rollout", problem)) {
        return false;
    }
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        *plan = text == NULL ? NULL : strdup(text);
        copy_column(image_sha256, 65, statement, 1);
    }
    sqlite3_finalize(statement);
    return (*plan != NULL || fail(journal, problem)) && read_devices(journal, entries, count, problem);
}

static bool read_event(sqlite3_stmt *statement, fleet_event_t *event) {
    const char *kind = (const char *)sqlite3_column_text(statement, 1);
    memset(event, 0, sizeof *event);
    event->time_s = sqlite3_column_int64(statement, 0);
    event->device = (uint32_t)sqlite3_column_int64(statement, 2);
    event->value = (uint32_t)sqlite3_column_int64(statement, 3);
    copy_column(event->name, sizeof event->name, statement, 4);
    while (kind != NULL && event->kind < FLEET_EVENTS && strcmp(fleet_event_name(event->kind), kind) != 0) {
        event->kind++;
    }
    return kind != NULL && event->kind < FLEET_EVENTS;
}

bool fleet_journal_replay(fleet_journal_t *journal, fleet_rollout_t *rollout,
                          void (*each)(void *context, const fleet_event_t *event), void *context, problem_t *problem) {
    sqlite3_stmt *statement;
    fleet_event_t event;
    int step;
    if (!prepare(journal, &statement, "SELECT time, kind, device, value, name FROM event ORDER BY n", problem)) {
        return false;
    }
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        if (read_event(statement, &event)) {
            fleet_apply(rollout, &event);
            if (each != NULL) {
                each(context, &event);
            }
        }
    }
    bool whole = step == SQLITE_DONE || fail(journal, problem);
    sqlite3_finalize(statement);
    return whole;
}

// ---- writing ----

static bool bind_event(sqlite3_stmt *statement, const fleet_event_t *event) {
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, event->time_s);
    sqlite3_bind_text(statement, 2, fleet_event_name(event->kind), -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, event->device);
    sqlite3_bind_int64(statement, 4, event->value);
    sqlite3_bind_text(statement, 5, event->name, -1, SQLITE_TRANSIENT);
    bool done = sqlite3_step(statement) == SQLITE_DONE;
    return sqlite3_reset(statement) == SQLITE_OK && done;
}

bool fleet_journal_append(fleet_journal_t *journal, const fleet_event_t *events, uint32_t count, problem_t *problem) {
    if (!execute(journal, "BEGIN IMMEDIATE", problem)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!bind_event(journal->insert, &events[i])) {
            return take_back(journal, problem);
        }
    }
    return sqlite3_exec(journal->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK || take_back(journal, problem);
}

bool fleet_journal_order(fleet_journal_t *journal, const fleet_event_t *order, problem_t *problem) {
    sqlite3_stmt *statement;
    if (!prepare(journal, &statement, "INSERT INTO request(time, kind, device, value, name) VALUES(?1, ?2, ?3, ?4, ?5)",
                 problem)) {
        return false;
    }
    bool done = bind_event(statement, order) || fail(journal, problem);
    sqlite3_finalize(statement);
    return done;
}

bool fleet_journal_next_order(fleet_journal_t *journal, fleet_event_t *order, problem_t *problem) {
    problem->code = EXIT_CODE_OK;
    int step = sqlite3_step(journal->next_order);
    bool found = step == SQLITE_ROW && read_event(journal->next_order, order);
    if (step != SQLITE_ROW && step != SQLITE_DONE) {
        fail(journal, problem);
    }
    sqlite3_reset(journal->next_order);
    return found;
}

bool fleet_journal_take_order(fleet_journal_t *journal, const fleet_event_t *event, problem_t *problem) {
    if (!execute(journal, "BEGIN IMMEDIATE", problem)) {
        return false;
    }
    bool done = bind_event(journal->insert, event) &&
                sqlite3_exec(journal->db, "DELETE FROM request WHERE n = (SELECT min(n) FROM request); COMMIT", NULL,
                             NULL, NULL) == SQLITE_OK;
    return done || take_back(journal, problem);
}

void fleet_journal_close(fleet_journal_t *journal) {
    sqlite3_finalize(journal->insert);
    sqlite3_finalize(journal->next_order);
    sqlite3_close(journal->db);
    if (journal->lock >= 0) {
        close(journal->lock);
    }
    journal->db = NULL;
    journal->insert = journal->next_order = NULL;
    journal->lock = -1;
}
