// SPDX-License-Identifier: Apache-2.0
#include "help.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "words.h"
#include "wrap.h"

#define COLUMNS 80
#define TEXT_COLUMN 24 // where the sentences about options and commands begin

// "  name                  sentence", the sentence broken at COLUMNS and indented. A long name has a line of its own.
static void print_entry(const char *name, const char *sentence) {
    printf("  %-*s", TEXT_COLUMN - 2, name);
    if (strlen(name) > TEXT_COLUMN - 4) {
        printf("\n%*s", TEXT_COLUMN, "");
    }
    wrap_write_indented(stdout, sentence, COLUMNS, TEXT_COLUMN);
}

static void print_exit_codes(void) {
    char text[256];
    size_t length = 0;
    for (size_t i = 0; i < exit_words_count; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s %d %s",
                                   i > 0 ? "," : "exit code:", exit_words[i].code, exit_words[i].meaning);
    }
    wrap_write_indented(stdout, text, COLUMNS, 2);
}

static void print_overview(void) {
    printf("ota-ws: %s.\n\nusage: ota-ws COMMAND [OPTIONS] ...\n\n", words_title);
    for (size_t i = 0; i < command_words_count; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s %s", command_words[i].name, command_words[i].operands);
        print_entry(name, command_words[i].summary);
    }
    printf("\n%s\n\n", words_hosts);
    print_exit_codes();
}

static void print_page(const command_words_t *command) {
    bool has_options = command->command != COMMAND_HELP;
    printf("usage: ota-ws %s%s%s%s\n", command->name, has_options ? " [OPTIONS]" : "",
           command->operands[0] != '\0' ? " " : "", command->operands);
    if (!has_options) {
        return;
    }
    printf("\n%s\n\n", command->text);
    for (size_t i = 0; i < option_words_count; i++) {
        char name[40];
        if ((option_words[i].group & command->groups) != 0) {
            option_words_write(&option_words[i], name, sizeof name);
            print_entry(name, option_words[i].text);
        }
    }
}

bool help_print(const char *topic) {
    if (topic == NULL) {
        print_overview();
        return true;
    }
    for (size_t i = 0; i < command_words_count; i++) {
        if (strcmp(command_words[i].name, topic) == 0) {
            print_page(&command_words[i]);
            return true;
        }
    }
    return false;
}

void help_print_version(void) {
    puts("ota-ws " OTA_WS_RELEASE " (protocol version 1)");
}
