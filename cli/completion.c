// SPDX-License-Identifier: Apache-2.0
#include "completion.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

// What can stand in the place of an operand or a value.
typedef enum { KIND_NOTHING, KIND_FILE, KIND_HOST, KIND_COMMAND, KIND_WORDS } kind_t;

// `token` as in the usage line.
static kind_t kind_of(const char *token) {
    static const struct {
        const char *token;
        kind_t kind;
    } kinds[] = {{"FILE", KIND_FILE}, {"KEY", KIND_FILE}, {"HOST", KIND_HOST}, {"[COMMAND]", KIND_COMMAND}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(token, kinds[i].token, strlen(kinds[i].token)) == 0) {
            return kinds[i].kind;
        }
    }
    return KIND_NOTHING;
}

static kind_t kind_of_value(const option_words_t *option) {
    return option->words != NULL ? KIND_WORDS : kind_of(option->value);
}

static bool knows(const command_words_t *command, const option_words_t *option) {
    return (option->group & (command->groups | FOR_EVERYWHERE)) != 0;
}

static bool needs_value(const option_words_t *option) {
    return option->value != NULL && !option_words_value_is_optional(option);
}

static void write_command_names(const char *between) {
    for (size_t i = 0; i < command_words_count; i++) {
        printf("%s%s", i > 0 ? between : "", command_words[i].name);
    }
}

// Within single quotes: `before` is put before each character of `escaped`; a quote is written in the shell's way.
static void write_quoted(const char *text, const char *escaped, const char *quote) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
            continue;
        }
        if (strchr(escaped, *text) != NULL) {
            putchar('\\');
        }
        putchar(*text);
    }
}

// ---- bash ----

static void write_bash_action(kind_t kind, const char *words) {
    switch (kind) {
    case KIND_FILE:
        fputs("_ota_ws_files", stdout);
        break;
    case KIND_HOST:
        fputs("COMPREPLY=($(compgen -A hostname -- \"$word\"))", stdout);
        break;
    case KIND_COMMAND:
    case KIND_WORDS:
        fputs("COMPREPLY=($(compgen -W '", stdout);
        kind == KIND_WORDS ? (void)fputs(words, stdout) : write_command_names(" ");
        fputs("' -- \"$word\"))", stdout);
        break;
    default:
        putchar(':');
    }
}

// Which options have their value in the next word.
static void write_bash_values(void) {
    fputs("    case $before in\n", stdout);
    for (size_t i = 0; i < option_words_count; i++) {
        if (needs_value(&option_words[i])) {
            printf("    --%s) ", option_words[i].name);
            write_bash_action(kind_of_value(&option_words[i]), option_words[i].words);
            fputs("; return ;;\n", stdout);
        }
    }
    fputs("    esac\n", stdout);
}

// Finds the command, and counts the operands before the word that is completed.
static void write_bash_search(void) {
    fputs("    for ((i = 1; i < COMP_CWORD; i++)); do\n        case ${COMP_WORDS[i]} in\n        ", stdout);
    const char *between = "";
    for (size_t i = 0; i < option_words_count; i++) {
        if (needs_value(&option_words[i])) {
            printf("%s--%s", between, option_words[i].name);
            between = " | ";
        }
    }
    fputs(") ((i++)) ;;\n        -*) ;;\n        *) if [ -z \"$command\" ]; then command=${COMP_WORDS[i]}; else "
          "((operands++)); fi ;;\n        esac\n    done\n",
          stdout);
}

static void write_bash_command(const command_words_t *command) {
    printf("    %s)\n        options='", command->name);
    for (size_t i = 0; i < option_words_count; i++) {
        if (knows(command, &option_words[i])) {
            printf("--%s%s ", option_words[i].name, option_words_value_is_optional(&option_words[i]) ? "=" : "");
        }
    }
    fputs("'\n        case $operands in\n", stdout);
    const char *token = command->operands;
    for (int index = 0; *token != '\0'; index++) {
        size_t length = strcspn(token, " ");
        bool repeats = length > 3 && strncmp(token + length - 3, "...", 3) == 0;
        repeats ? (void)fputs("        *) ", stdout) : (void)printf("        %d) ", index);
        write_bash_action(kind_of(token), NULL);
        fputs(" ;;\n", stdout);
        token += length + strspn(token + length, " ");
    }
    fputs("        esac ;;\n", stdout);
}

void completion_write_bash(void) {
    puts(
        "# bash completion of ota-ws; made by the build from cli/words.c.\n"
        "_ota_ws_files() {\n"
        "    compopt -o filenames 2>/dev/null\n"
        "    mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
        "}\n\n"
        "_ota_ws() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= operands=0 options= i\n"
        "    COMPREPLY=()");
    write_bash_values();
    write_bash_search();
    fputs("    case $command in\n    '')\n        options='--help --version'\n        COMPREPLY=($(compgen -W '",
          stdout);
    write_command_names(" ");
    fputs("' -- \"$word\")) ;;\n", stdout);
    for (size_t i = 0; i < command_words_count; i++) {
        write_bash_command(&command_words[i]);
    }
    puts("    esac\n"
         "    if [[ $word == -* ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "    fi\n"
         "    if [[ ${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *= ]]; then\n"
         "        compopt -o nospace 2>/dev/null\n"
         "    fi\n"
         "}\n\n"
         "complete -F _ota_ws ota-ws");
}

// ---- zsh ----

static void write_zsh_text(const char *text) {
    write_quoted(text, "[]:\\", "'\\''");
}

static void write_zsh_action(kind_t kind, const char *words) {
    switch (kind) {
    case KIND_FILE:
        fputs("_files", stdout);
        break;
    case KIND_HOST:
        fputs("_hosts", stdout);
        break;
    case KIND_COMMAND:
    case KIND_WORDS:
        putchar('(');
        kind == KIND_WORDS ? (void)fputs(words, stdout) : write_command_names(" ");
        putchar(')');
        break;
    default:
        putchar(' ');
    }
}

static void write_zsh_option(const option_words_t *option) {
    fputs(" \\\n            '", stdout);
    if (option_words_letter(option) != 0) {
        printf("(-%c --%s)'{-%c,--%s}'[", option_words_letter(option), option->name, option_words_letter(option),
               option->name);
    } else {
        printf("--%s%s[", option->name, option_words_value_is_optional(option) ? "=-" : "");
    }
    write_zsh_text(option->text);
    putchar(']');
    if (option->value != NULL) {
        bool optional = option_words_value_is_optional(option);
        printf("%s:%.*s:", optional ? ":" : "", (int)strcspn(option->value + optional, "]"), option->value + optional);
        write_zsh_action(kind_of_value(option), option->words);
    }
    putchar('\'');
}

static void write_zsh_command(const command_words_t *command) {
    printf("        %s)\n            _arguments -S", command->name);
    for (size_t i = 0; i < option_words_count; i++) {
        if (knows(command, &option_words[i])) {
            write_zsh_option(&option_words[i]);
        }
    }
    const char *token = command->operands;
    for (int index = 1; *token != '\0'; index++) {
        size_t length = strcspn(token, " ");
        bool repeats = length > 3 && strncmp(token + length - 3, "...", 3) == 0;
        fputs(" \\\n            '", stdout);
        repeats ? (void)putchar('*') : (void)printf("%d", index);
        fputs(":", stdout);
        printf("%.*s:", (int)strcspn(token + (*token == '['), ". ]"), token + (*token == '['));
        write_zsh_action(kind_of(token), NULL);
        putchar('\'');
        token += length + strspn(token + length, " ");
    }
    puts(" ;;");
}

void completion_write_zsh(void) {
    puts("#compdef ota-ws\n"
         "# zsh completion of ota-ws; made by the build from cli/words.c.\n"
         "_ota_ws() {\n"
         "    local context state state_descr line curcontext=\"$curcontext\"\n"
         "    local -A opt_args\n"
         "    local -a commands\n"
         "    commands=(");
    for (size_t i = 0; i < command_words_count; i++) {
        printf("        '%s:", command_words[i].name);
        write_zsh_text(command_words[i].summary);
        puts("'");
    }
    puts(
        "    )\n"
        "    _arguments -C '(-h --help)'{-h,--help}'[what there is]' '(-V --version)'{-V,--version}'[the release]' \\\n"
        "        '1:command:->command' '*::argument:->argument'\n"
        "    case $state in\n"
        "    command) _describe command commands ;;\n"
        "    argument)\n"
        "        case $line[1] in");
    for (size_t i = 0; i < command_words_count; i++) {
        write_zsh_command(&command_words[i]);
    }
    puts("        esac ;;\n"
         "    esac\n"
         "}\n\n"
         "if [ \"$funcstack[1]\" = _ota_ws ] || [ \"$funcstack[1]\" = _ota-ws ]; then\n"
         "    _ota_ws \"$@\"\n"
         "else\n"
         "    compdef _ota_ws ota-ws\n"
         "fi");
}

// ---- fish ----

static void write_fish_text(const char *text) {
    fputs(" -d '", stdout);
    write_quoted(text, "\\", "\\'");
    puts("'");
}

// " -r -f -a ..." for a value or an operand.
static void write_fish_action(kind_t kind, const char *words) {
    switch (kind) {
    case KIND_FILE:
        fputs(" -F", stdout);
        break;
    case KIND_HOST:
        fputs(" -f -a '(__fish_print_hostnames)'", stdout);
        break;
    case KIND_COMMAND:
    case KIND_WORDS:
        fputs(" -f -a '", stdout);
        kind == KIND_WORDS ? (void)fputs(words, stdout) : write_command_names(" ");
        putchar('\'');
        break;
    default:
        fputs(" -f", stdout);
    }
}

static void write_fish_option(const option_words_t *option) {
    fputs("complete -c ota-ws -n '__fish_seen_subcommand_from", stdout);
    for (size_t i = 0; i < command_words_count; i++) {
        if (knows(&command_words[i], option)) {
            printf(" %s", command_words[i].name);
        }
    }
    printf("' -l %s", option->name);
    if (option_words_letter(option) != 0) {
        printf(" -s %c", option_words_letter(option));
    }
    if (needs_value(option)) {
        fputs(" -r", stdout);
        write_fish_action(kind_of_value(option), option->words);
    }
    write_fish_text(option->text);
}

// The operands of all places together: fish is not asked which place the word has.
static void write_fish_operands(const command_words_t *command) {
    const char *token = command->operands;
    while (*token != '\0') {
        printf("complete -c ota-ws -n '__fish_seen_subcommand_from %s'", command->name);
        write_fish_action(kind_of(token), NULL);
        putchar('\n');
        token += strcspn(token, " ");
        token += strspn(token, " ");
    }
}

void completion_write_fish(void) {
    puts("# fish completion of ota-ws; made by the build from cli/words.c.\ncomplete -c ota-ws -f");
    for (size_t i = 0; i < command_words_count; i++) {
        printf("complete -c ota-ws -n __fish_use_subcommand -a %s", command_words[i].name);
        write_fish_text(command_words[i].summary);
    }
    for (size_t i = 0; i < command_words_count; i++) {
        write_fish_operands(&command_words[i]);
    }
    for (size_t i = 0; i < option_words_count; i++) {
        write_fish_option(&option_words[i]);
    }
}
