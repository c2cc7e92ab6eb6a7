// SPDX-License-Identifier: Apache-2.0
// The words of the command line: every command and every option once, with what the user reads about them. The parser
// (arguments.c), the help (help.c), the man page and the completions of three shells (manual.c, completion.c) all take
// them from here.
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    COMMAND_HELP,
    COMMAND_VERSION,
    COMMAND_INFO,
    COMMAND_CRASH,
    COMMAND_PUSH,
    COMMAND_DISCOVER,
    COMMAND_CONFIRM,
    COMMAND_ROLLBACK,
    COMMAND_RESTART,
    COMMAND_CANCEL,
    COMMAND_INSPECT,
    COMMAND_KEYGEN,
    COMMAND_ENCRYPT,
    COMMAND_FLEET,
    COMMAND_MQTT,
    COMMAND_PREPARE,
} command_name_t;

// Of the command `fleet`.
typedef enum {
    FLEET_VERB_LIST,
    FLEET_VERB_LABEL,
    FLEET_VERB_PLAN,
    FLEET_VERB_RUN,
    FLEET_VERB_STATUS,
    FLEET_VERB_PAUSE,
    FLEET_VERB_RESUME,
    FLEET_VERB_ABORT,
    FLEET_VERB_APPROVE,
    FLEET_VERB_RETRY,
    FLEET_VERB_REPORT,
    FLEET_VERB_SERVE,
    FLEET_VERB_GATEWAY,
} fleet_verb_t;

typedef struct {
    const char *name;
    size_t least, most; // operands
} verb_words_t;

extern const verb_words_t verb_words[]; // in the order of fleet_verb_t
extern const size_t verb_words_count;

// Groups of options that a command knows.
enum {
    FOR_ALL = 1,
    FOR_DEVICES = 2,
    FOR_RESTARTS = 4,
    FOR_PUSH = 8,
    FOR_INSPECT = 16,
    FOR_KEYGEN = 32,
    FOR_ENCRYPT = 64,
    FOR_DISCOVER = 128,
    FOR_CRASH = 512,
    FOR_RESTART = 1024,
    FOR_FLEET = 2048,
    FOR_MQTT = 4096,
    FOR_PREPARE = 8192,
    FOR_EVERYWHERE = 256 // also without a command
};

typedef struct {
    const char *name;
    command_name_t command;
    bool has_file, has_hosts;
    unsigned groups;
    const char *operands; // as in the usage line
    const char *summary;  // one line
    const char *text;     // paragraphs, separated by an empty line; NULL: none
} command_words_t;

extern const command_words_t command_words[];
extern const size_t command_words_count;

enum {
    OPTION_JSON = 'j', // letters: there is a short form
    OPTION_QUIET = 'q',
    OPTION_HELP = 'h',
    OPTION_VERSION = 'V',
    OPTION_PASSWORD_FILE = 256,
    OPTION_CA,
    OPTION_INSECURE,
    OPTION_RETRY,
    OPTION_WAIT,
    OPTION_NO_CHECK,
    OPTION_ALLOW_DOWNGRADE,
    OPTION_FORCE,
    OPTION_NO_RESTART,
    OPTION_CONFIRM,
    OPTION_KEEP_GOING,
    OPTION_COMPRESS,
    OPTION_NO_SEAL,
    OPTION_DELTA,
    OPTION_NO_DELTA,
    OPTION_BASE,
    OPTION_NO_CACHE,
    OPTION_FOR,
    OPTION_CHIP,
    OPTION_KEY,
    OPTION_ECIES,
    OPTION_OUTPUT,
    OPTION_ELF,
    OPTION_ADDR2LINE,
    OPTION_INTO,
    OPTION_WATCH,
    OPTION_FORMAT,
    OPTION_BROKER,
    OPTION_BROKER_PASSWORD_FILE,
    OPTION_CAFILE,
    OPTION_YES,
    OPTION_OFF,
    OPTION_NATS,
    OPTION_SITE,
    OPTION_CREDS,
    OPTION_NKEY,
    OPTION_TLS_CA,
    OPTION_LEASE,
    OPTION_DASHBOARD,
    OPTION_DASHBOARD_PASSWORD_FILE,
    OPTION_SEARCH, // --wait with another meaning: the parser knows it as OPTION_WAIT
    OPTION_END,
};

typedef struct {
    const char *name;
    int id;            // OPTION_...
    unsigned group;    // which commands know it
    const char *value; // NULL: none; "FILE"; "[S]": may be left out, then written --name=S
    const char *words; // the values that there are, separated by blanks; NULL: not a list
    const char *text;  // one sentence
} option_words_t;

extern const option_words_t option_words[]; // in the order of the help
extern const size_t option_words_count;

// What the help, the man page and nobody else say about the whole program.
extern const char words_title[];
extern const char words_hosts[]; // HOST and the password

typedef struct {
    int code;
    const char *meaning;
} exit_words_t;

extern const exit_words_t exit_words[];
extern const size_t exit_words_count;

// The letter of the short form, or 0.
char option_words_letter(const option_words_t *option);

static inline bool option_words_value_is_optional(const option_words_t *option) {
    return option->value != NULL && option->value[0] == '[';
}

// "--wait[=S]", "--ca FILE", "-j, --json".
void option_words_write(const option_words_t *option, char *text, size_t size);
