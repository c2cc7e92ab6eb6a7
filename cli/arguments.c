// SPDX-License-Identifier: Apache-2.0
#include "arguments.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "image/chip.h"
#include "suggest.h"
#include "words.h"

#define DEFAULT_RETRIES 5
#define DEFAULT_WAIT_S 60
#define DEFAULT_SEARCH_S 2
#define DEFAULT_LEASE_S 30
#define DEFAULT_DASHBOARD_PORT 8090
#define LARGEST_NUMBER 86400
#define MOST_WORDS 64 // commands, options: as many as bits in seen_t

// ---- commands ----

// Words of other tools for what a command here does.
static const struct {
    const char *word, *command;
} other_words[] = {
    {"upload", "push"},   {"flash", "push"},      {"update", "push"},       {"send", "push"},
    {"ota", "push"},      {"status", "info"},     {"state", "info"},        {"show", "info"},
    {"list", "discover"}, {"history", "info"},    {"logs", "info"},         {"coredump", "crash"},
    {"panic", "crash"},   {"reboot", "restart"},  {"reset", "restart"},     {"abort", "cancel"},
    {"stop", "cancel"},   {"undo", "rollback"},   {"revert", "rollback"},   {"back", "rollback"},
    {"keep", "confirm"},  {"accept", "confirm"},  {"commit", "confirm"},    {"find", "discover"},
    {"scan", "discover"}, {"search", "discover"}, {"check", "inspect"},     {"verify", "inspect"},
    {"image", "inspect"}, {"rollout", "fleet"},   {"version", "--version"}, {"homeassistant", "mqtt"},
    {"hass", "mqtt"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

// The command that a word which is none may stand for; NULL when nothing comes near.
static const char *command_meant(const char *word) {
    const char *names[MOST_WORDS];
    for (size_t i = 0; i < COUNT_OF(other_words); i++) {
        if (strcasecmp(other_words[i].word, word) == 0) {
            return other_words[i].command;
        }
    }
    for (size_t i = 0; i < command_words_count; i++) {
        names[i] = command_words[i].name;
    }
    return suggest(word, names, command_words_count);
}

static const command_words_t *find_command(const char *name) {
    for (size_t i = 0; i < command_words_count; i++) {
        if (strcmp(command_words[i].name, name) == 0) {
            return &command_words[i];
        }
    }
    return NULL;
}

// ---- options ----

static bool refuse(problem_t *problem, const char *sentence, const char *value) {
    problem_set(problem, EXIT_CODE_USAGE, "usage", sentence, value);
    return false;
}

bool arguments_refuse_command(problem_t *problem, const char *name) {
    const char *meant = command_meant(name);
    problem_set(problem, EXIT_CODE_USAGE, "usage",
                meant == NULL ? "There is no command '%.60s'.%s" : "There is no command '%.60s'. Did you mean '%s'?",
                name, meant == NULL ? "" : meant);
    return false;
}

// `option` as it was written, with its value if it has one.
static bool refuse_option(problem_t *problem, const char *option) {
    const char *names[MOST_WORDS];
    char word[48];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(option, "="), option);
    if (strcasecmp(word, "--password") == 0 || strcmp(word, "-p") == 0) {
        return refuse(problem,
                      "There is no option '%.60s': arguments are seen by all users of a machine. Use --password-file "
                      "FILE, or the variable OTA_WS_PASSWORD.",
                      word);
    }
    for (size_t i = 0; i < option_words_count; i++) {
        names[i] = option_words[i].name;
    }
    const char *meant = strncmp(word, "--", 2) == 0 ? suggest(word + 2, names, option_words_count) : NULL;
    problem_set(problem, EXIT_CODE_USAGE, "usage",
                meant == NULL ? "There is no option '%.60s' here.%s"
                              : "There is no option '%.60s'. Did you mean '--%s'?",
                word, meant == NULL ? "" : meant);
    return false;
}

static bool read_number(const char *text, uint32_t *number, problem_t *problem) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > LARGEST_NUMBER) {
        return refuse(problem, "'%.40s' is not a number from 0 to 86400.", text);
    }
    *number = (uint32_t)value;
    return true;
}

static bool read_chip(const char *name, int *chip, problem_t *problem) {
    *chip = ota_ws_chip_id(name);
    return *chip >= 0 ||
           refuse(problem, "'%.40s' is no chip that is known here (known are esp32, esp32c3, esp32s3 ...).", name);
}

static bool read_compress(const char *word, push_compress_t *compress, problem_t *problem) {
    static const char *const words[] = {"auto", "always", "never"}; // in the order of push_compress_t
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(word, words[i]) == 0) {
            *compress = (push_compress_t)i;
            return true;
        }
    }
    return refuse(problem, "--compress is auto, always or never, not '%.40s'.", word);
}

static bool read_into(const char *word, const char **into, problem_t *problem) {
    *into = word;
    return strcmp(word, "recovery") == 0 || strcmp(word, "application") == 0 ||
           refuse(problem, "--into is recovery or application, not '%.40s'.", word);
}

static bool read_port(const char *text, uint16_t *port, problem_t *problem) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    *port = (uint16_t)value;
    return (*text >= '0' && *text <= '9' && *end == '\0' && value <= UINT16_MAX) ||
           refuse(problem, "--dashboard is a port from 1 to 65535, or 0, not '%.40s'.", text);
}

// Of `fleet` over NATS, and of its dashboard.
static bool take_fleet_option(arguments_t *arguments, int option, const char *value, problem_t *problem) {
    switch (option) {
    case OPTION_NATS:
        arguments->nats.url = value;
        return strchr(value, '@') == NULL ||
               refuse(problem, "--nats takes no user and no password%s: use --creds or --nkey.", "");
    case OPTION_SITE:
        arguments->site = value;
        return true;
    case OPTION_CREDS:
        arguments->nats.creds = value;
        return true;
    case OPTION_NKEY:
        arguments->nats.nkey = value;
        return true;
    case OPTION_TLS_CA:
        arguments->nats.ca_file = value;
        return true;
    case OPTION_LEASE:
        return read_number(value, &arguments->lease_s, problem) &&
               ((arguments->lease_s >= 3 && arguments->lease_s <= 3600) ||
                refuse(problem, "--lease is 3 to 3600 seconds, not '%.40s'.", value));
    case OPTION_DASHBOARD:
        arguments->has_dashboard = true;
        return value == NULL || read_port(value, &arguments->dashboard_port, problem);
    case OPTION_DASHBOARD_PASSWORD_FILE:
        arguments->dashboard_password_file = value;
        return true;
    default:
        return true;
    }
}

// Takes one option; `value` is its argument, or NULL.
static bool take_option(arguments_t *arguments, int option, const char *value, problem_t *problem) {
    switch (option) {
    case OPTION_JSON:
        arguments->json = true;
        return true;
    case OPTION_QUIET:
        arguments->quiet = true;
        return true;
    case OPTION_PASSWORD_FILE:
        arguments->password_file = value;
        return true;
    case OPTION_CA:
        arguments->tls.ca_file = value;
        return true;
    case OPTION_INSECURE:
        arguments->tls.insecure = true;
        return true;
    case OPTION_RETRY:
        return read_number(value, &arguments->patience.retries, problem);
    case OPTION_WAIT:
        arguments->wait_is_open = value == NULL;
        if (value != NULL && !read_number(value, &arguments->patience.wait_s, problem)) {
            return false;
        }
        arguments->search_s = value != NULL ? arguments->patience.wait_s : arguments->search_s;
        return true;
    case OPTION_NO_CHECK:
        arguments->push.no_check = true;
        return true;
    case OPTION_NO_SEAL:
        arguments->push.no_seal = true;
        return true;
    case OPTION_ALLOW_DOWNGRADE:
        arguments->push.allow_downgrade = true;
        return true;
    case OPTION_FORCE:
        arguments->push.force = true;
        return true;
    case OPTION_NO_RESTART:
        arguments->push.no_restart = true;
        return true;
    case OPTION_CONFIRM:
        arguments->push.confirm = true;
        return true;
    case OPTION_KEEP_GOING:
        arguments->keep_going = true;
        return true;
    case OPTION_COMPRESS:
        return read_compress(value, &arguments->push.compress, problem);
    case OPTION_INTO:
        return read_into(value, &arguments->into, problem);
    case OPTION_DELTA:
        arguments->push.delta = true;
        return true;
    case OPTION_NO_DELTA:
        arguments->push.no_delta = true;
        return true;
    case OPTION_BASE:
        arguments->push.base = value;
        return true;
    case OPTION_NO_CACHE:
        arguments->push.no_cache = true;
        return true;
    case OPTION_FOR:
        arguments->for_host = value;
        return true;
    case OPTION_CHIP:
        return read_chip(value, &arguments->for_chip, problem);
    case OPTION_KEY:
        arguments->key = value;
        return true;
    case OPTION_ECIES:
        arguments->ecies = true;
        return true;
    case OPTION_OUTPUT:
        arguments->output = value;
        return true;
    case OPTION_ELF:
        arguments->elf = value;
        return true;
    case OPTION_ADDR2LINE:
        arguments->addr2line = value;
        return true;
    case OPTION_WATCH:
        arguments->watch = true;
        return true;
    case OPTION_FORMAT:
        arguments->format = value;
        return strcmp(value, "csv") == 0 || strcmp(value, "junit") == 0 ||
               refuse(problem, "--format is csv or junit, not '%.40s'.", value);
    case OPTION_YES:
        arguments->prepare.yes = true;
        return true;
    case OPTION_OFF:
        arguments->prepare.off = true;
        return true;
    case OPTION_BROKER:
        return broker_address_parse(&arguments->broker, value, problem);
    case OPTION_BROKER_PASSWORD_FILE:
        arguments->broker_password_file = value;
        return true;
    case OPTION_CAFILE:
        arguments->broker_ca_file = value;
        return true;
    default:
        return take_fleet_option(arguments, option, value, problem);
    }
}

// ---- all of it ----

typedef struct {
    uint64_t seen; // bit per index in `option_words`
    bool help, version;
} seen_t;

static size_t index_of(int option) {
    size_t i = 0;
    while (option_words[i].id != option) {
        i++;
    }
    return i;
}

// getopt_long() takes "--password" for "--password-file"; what follows would be shown as a file name. So no short
// forms.
static const char *find_abbreviation(char **argv) {
    for (char **argument = argv + 1; *argument != NULL && strcmp(*argument, "--") != 0; argument++) {
        size_t length = strcspn(*argument, "=");
        size_t i = 0;
        while (i < option_words_count && (strlen(option_words[i].name) + 2 != length ||
                                          strncmp(option_words[i].name, *argument + 2, length - 2) != 0)) {
            i++;
        }
        if (strncmp(*argument, "--", 2) == 0 && i == option_words_count) {
            return *argument;
        }
    }
    return NULL;
}

// getopt_long()'s form of the table.
static void list_options(struct option options[MOST_WORDS + 1], char letters[MOST_WORDS + 2]) {
    *letters++ = ':'; // a missing value is not the same as an unknown option
    for (size_t i = 0; i < option_words_count; i++) {
        const option_words_t *words = &option_words[i];
        if (words->id == OPTION_SEARCH) {
            continue;
        }
        int has_value = words->value == NULL                    ? no_argument
                        : option_words_value_is_optional(words) ? optional_argument
                                                                : required_argument;
        *options++ = (struct option){words->name, has_value, NULL, words->id};
        if (option_words_letter(words) != 0) {
            *letters++ = option_words_letter(words);
        }
    }
    *options = (struct option){0};
    *letters = '\0';
}

// What getopt_long() has refused: `optopt` is the option, or a letter that is none. `word` is the last word read.
static bool refuse_parsed(problem_t *problem, int why, const char *word) {
    char letter[3] = {'-', (char)optopt, '\0'}; // of several letters in one word
    if (why == ':') {
        return refuse(problem, "The option '%.60s' needs a value.", word);
    }
    for (size_t i = 0; i < option_words_count; i++) {
        if (option_words[i].id == optopt) {
            return refuse(problem, "The option '--%.60s' takes no value.", option_words[i].name);
        }
    }
    return refuse_option(problem, optopt == 0 ? word : letter);
}

static bool take_options(arguments_t *arguments, int argc, char **argv, seen_t *seen, problem_t *problem) {
    struct option options[MOST_WORDS + 1];
    char letters[MOST_WORDS + 2];
    int option;
    list_options(options, letters);
    const char *abbreviation = find_abbreviation(argv);
    if (abbreviation != NULL) {
        return refuse_option(problem, abbreviation);
    }
    opterr = 0;
    optind = 0; // glibc: start afresh
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return refuse_parsed(problem, option, argv[optind - 1]);
        }
        seen->seen |= UINT64_C(1) << index_of(option);
        seen->help |= option == OPTION_HELP;
        seen->version |= option == OPTION_VERSION;
        if (!take_option(arguments, option, optarg, problem)) {
            return false;
        }
    }
    return true;
}

// The commands that know the option, as "'push' and 'restart'".
static void write_commands(unsigned group, char *text, size_t size) {
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < command_words_count && length < size; i++) {
        if ((command_words[i].groups & group) != 0) {
            length +=
                (size_t)snprintf(text + length, size - length, "%s'%s'", length > 0 ? ", " : "", command_words[i].name);
        }
    }
}

// One name may have one meaning for one command and another one for the next.
static bool knows_option(const command_words_t *entry, const char *name) {
    for (size_t i = 0; i < option_words_count; i++) {
        bool is_known = (option_words[i].group & (entry->groups | FOR_EVERYWHERE)) != 0;
        if (is_known && strcmp(option_words[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool options_belong(const command_words_t *entry, uint64_t seen, problem_t *problem) {
    for (size_t i = 0; i < option_words_count; i++) {
        const option_words_t *option = &option_words[i];
        if ((seen >> i & 1) != 0 && !knows_option(entry, option->name)) {
            char known_to[128];
            write_commands(option->group, known_to, sizeof known_to);
            problem_set(problem, EXIT_CODE_USAGE, "usage", "The option --%s means nothing to '%s'; it belongs to %s.",
                        option->name, entry->name, known_to);
            return false;
        }
    }
    return true;
}

static bool broker_agrees(const arguments_t *arguments, problem_t *problem) {
    const broker_address_t *broker = &arguments->broker;
    if (broker->name[0] == '\0') {
        return refuse(problem, "'mqtt' needs the broker%s: --broker mqtt://USER@NAME.", "");
    }
    if (arguments->broker_password_file != NULL && broker->user[0] == '\0') {
        return refuse(problem, "--broker-password-file needs a user%s: --broker mqtt://USER@NAME.", "");
    }
    if (arguments->broker_ca_file != NULL && !broker->tls) {
        return refuse(problem, "--cafile is for TLS%s: --broker mqtts://NAME.", "");
    }
    return true;
}

static bool options_agree(const arguments_t *arguments, problem_t *problem) {
    if (arguments->push.no_restart && arguments->push.confirm) {
        return refuse(problem, "--no-restart and --confirm%s do not go together.", "");
    }
    if (arguments->push.no_delta && (arguments->push.delta || arguments->push.base != NULL)) {
        return refuse(problem, "--no-delta%s does not go together with --delta and --base.", "");
    }
    if (arguments->push.confirm && arguments->patience.wait_s == 0) {
        return refuse(problem, "--confirm%s waits for the new image; --wait=0 does not.", "");
    }
    if (arguments->for_host != NULL && arguments->for_chip >= 0) {
        return refuse(problem, "--for and --chip%s do not go together.", "");
    }
    if (arguments->prepare.yes && arguments->prepare.off) {
        return refuse(problem, "--yes and --off%s do not go together.", "");
    }
    return arguments->command != COMMAND_MQTT || broker_agrees(arguments, problem);
}

static bool is_file(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool ends_with_bin(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcasecmp(path + length - 4, ".bin") == 0;
}

// `push lamp.local app.bin`: the file stands where a device should.
static bool in_order(const arguments_t *arguments, problem_t *problem) {
    if (arguments->command != COMMAND_PUSH || is_file(arguments->file) || ends_with_bin(arguments->file)) {
        return true;
    }
    for (size_t i = 0; i < arguments->host_count; i++) {
        const char *host = arguments->hosts[i];
        if (is_file(host)) {
            problem_set(problem, EXIT_CODE_USAGE, "usage",
                        "'%.80s' is a file: the file comes first. Did you mean 'ota-ws push %.80s %.80s'?", host, host,
                        arguments->file);
            return false;
        }
    }
    return true;
}

static bool refuse_verb(problem_t *problem, const char *verb) {
    const char *names[MOST_WORDS];
    for (size_t i = 0; i < verb_words_count; i++) {
        names[i] = verb_words[i].name;
    }
    const char *meant = suggest(verb, names, verb_words_count);
    problem_set(problem, EXIT_CODE_USAGE, "usage",
                meant == NULL ? "'fleet' knows no '%.40s'.%s" : "'fleet' knows no '%.40s'. Did you mean '%s'?", verb,
                meant == NULL ? "" : meant);
    return false;
}

static bool has_server(const arguments_t *arguments, fleet_verb_t verb, problem_t *problem) {
    bool is_gateway = verb == FLEET_VERB_GATEWAY;
    if (arguments->nats.url == NULL && (is_gateway || verb == FLEET_VERB_SERVE)) {
        return refuse(problem, "'fleet %s' needs the NATS server: --nats nats://NAME:4222.", verb_words[verb].name);
    }
    if (arguments->nats.url != NULL && verb <= FLEET_VERB_RUN) {
        return refuse(problem, "--nats means nothing to 'fleet %s'.", verb_words[verb].name);
    }
    if (arguments->nats.creds != NULL && arguments->nats.nkey != NULL) {
        return refuse(problem, "--creds and --nkey%s do not go together.", "");
    }
    return !is_gateway || arguments->site != NULL || refuse(problem, "'fleet %s' needs its --site.", "gateway");
}

// `serve` has the dashboard unless it was switched off, `run` where it was asked for.
static bool dashboard_agrees(const arguments_t *arguments, fleet_verb_t verb, problem_t *problem) {
    bool may = verb == FLEET_VERB_RUN || verb == FLEET_VERB_SERVE;
    bool has_one = arguments->dashboard_port != 0 && (arguments->has_dashboard || verb == FLEET_VERB_SERVE);
    if (!may && (arguments->has_dashboard || arguments->dashboard_password_file != NULL)) {
        return refuse(problem, "'fleet %s' has no dashboard: 'run' and 'serve' have one.", verb_words[verb].name);
    }
    return arguments->dashboard_password_file == NULL || has_one ||
           refuse(problem, "--dashboard-password-file%s needs --dashboard.", "");
}

// The verb of `fleet` and what follows it.
static bool take_verb(arguments_t *arguments, char **operands, problem_t *problem) {
    if (*operands == NULL) {
        return refuse(problem, "'fleet' needs a verb%s: run, plan, status ...", "");
    }
    size_t verb = 0;
    while (verb < verb_words_count && strcmp(verb_words[verb].name, *operands) != 0) {
        verb++;
    }
    if (verb == verb_words_count) {
        return refuse_verb(problem, *operands);
    }
    arguments->verb = (fleet_verb_t)verb;
    arguments->operands = operands + 1;
    while (arguments->operands[arguments->operand_count] != NULL) {
        arguments->operand_count++;
    }
    if (arguments->operand_count < verb_words[verb].least) {
        return refuse(problem,
                      verb == FLEET_VERB_LABEL ? "'fleet %s' needs LIST LABEL HOST."
                                               : "'fleet %s' needs the file of a plan.",
                      *operands);
    }
    if (arguments->operand_count > verb_words[verb].most) {
        return refuse(problem, "'%.60s' is one argument too many.", arguments->operands[verb_words[verb].most]);
    }
    return has_server(arguments, (fleet_verb_t)verb, problem) &&
           dashboard_agrees(arguments, (fleet_verb_t)verb, problem);
}

static bool take_operands(arguments_t *arguments, const command_words_t *entry, char **operands, problem_t *problem) {
    if (entry->command == COMMAND_FLEET) {
        return take_verb(arguments, operands, problem);
    }
    if (entry->has_file && *operands == NULL) {
        return refuse(problem, "'%s' needs a file.", entry->name);
    }
    arguments->files = operands;
    if (entry->has_file) {
        arguments->file = *operands++;
        arguments->file_count = 1;
    }
    while (entry->command == COMMAND_INSPECT && *operands != NULL) {
        arguments->file_count++;
        operands++;
    }
    if (entry->command == COMMAND_ENCRYPT && *operands == NULL) {
        return refuse(problem, "'%s' needs a file with the device's public key.", entry->name);
    }
    if (entry->command == COMMAND_ENCRYPT) {
        arguments->key = *operands++;
    }
    if (entry->has_hosts && *operands == NULL) {
        return refuse(problem,
                      entry->has_file ? "'%s' needs the address of a device too: FILE HOST."
                                      : "'%s' needs the address of a device.",
                      entry->name);
    }
    arguments->hosts = operands;
    while (entry->has_hosts && *operands != NULL) {
        arguments->host_count++;
        operands++;
    }
    if (entry->command == COMMAND_DISCOVER && arguments->wait_is_open && *operands != NULL &&
        !read_number(*operands++, &arguments->search_s, problem)) { // "--wait 3"
        return false;
    }
    if (entry->command == COMMAND_HELP && *operands != NULL) {
        arguments->topic = operands[1] == NULL ? operands[0] : NULL;
        operands++;
    }
    return *operands == NULL || refuse(problem, "'%.60s' is one argument too many.", *operands);
}

static bool addresses_are_sound(const arguments_t *arguments, problem_t *problem) {
    address_t address;
    for (size_t i = 0; i < arguments->host_count; i++) {
        if (!address_parse(&address, arguments->hosts[i], problem)) {
            return false;
        }
    }
    return arguments->for_host == NULL || address_parse(&address, arguments->for_host, problem);
}

static void set_defaults(arguments_t *arguments) {
    memset(arguments, 0, sizeof *arguments);
    arguments->command = COMMAND_HELP;
    arguments->for_chip = -1;
    arguments->patience.retries = DEFAULT_RETRIES;
    arguments->patience.wait_s = DEFAULT_WAIT_S;
    arguments->search_s = DEFAULT_SEARCH_S;
    arguments->lease_s = DEFAULT_LEASE_S;
    arguments->dashboard_port = DEFAULT_DASHBOARD_PORT;
}

// The help that fits the command; the general one when `name` is none.
static const char *topic_of(const char *name) {
    const command_words_t *entry = name == NULL ? NULL : find_command(name);
    return entry == NULL || entry->command == COMMAND_HELP ? NULL : name;
}

bool arguments_parse(arguments_t *arguments, int argc, char **argv, problem_t *problem) {
    seen_t seen = {0};
    set_defaults(arguments);
    if (!take_options(arguments, argc, argv, &seen, problem)) {
        arguments->topic = topic_of(argv[1]); // options may stand before the command; then the help is the general one
        return false;
    }
    const char *name = argv[optind];
    if (seen.version) {
        arguments->command = COMMAND_VERSION;
        return true;
    }
    if (name == NULL) {
        return seen.help || refuse(problem, "A command is missing%s.", "");
    }
    const command_words_t *entry = find_command(name);
    if (entry == NULL) {
        return arguments_refuse_command(problem, name);
    }
    arguments->topic = topic_of(name);
    if (seen.help) {
        return true;
    }
    arguments->command = entry->command;
    return options_belong(entry, seen.seen, problem) && options_agree(arguments, problem) &&
           take_operands(arguments, entry, argv + optind + 1, problem) && in_order(arguments, problem) &&
           addresses_are_sound(arguments, problem);
}
