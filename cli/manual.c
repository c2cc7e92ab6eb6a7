// SPDX-License-Identifier: Apache-2.0
#include "manual.h"

#include <stdbool.h>
#include <stdio.h>

#include "words.h"

// A hyphen is written as \-, so that it can be copied to a shell. A line that begins with a dot or an apostrophe would
// be a request, a backslash an escape.
static void write_text(const char *text) {
    bool starts = true;
    for (; *text != '\0'; text++) {
        if (starts && (*text == '.' || *text == '\'')) {
            fputs("\\&", stdout);
        }
        if (*text == '-' || *text == '\\') {
            fputs(*text == '-' ? "\\-" : "\\e", stdout);
        } else if (*text == '\'') {
            fputs("\\(aq", stdout);
        } else {
            putchar(*text);
        }
        starts = *text == '\n';
    }
}

static void write_line(const char *request, const char *text) {
    fputs(request, stdout);
    write_text(text);
    putchar('\n');
}

static void write_option(const option_words_t *option) {
    char name[40];
    option_words_write(option, name, sizeof name);
    puts(".TP");
    write_line(".B ", name);
    write_line("", option->text);
}

static void write_command(const command_words_t *command) {
    printf(".SS %s ", command->name);
    write_line("", command->operands);
    write_line("", command->text != NULL ? command->text : command->summary);
    for (size_t i = 0; i < option_words_count; i++) {
        bool shared = (option_words[i].group & (FOR_ALL | FOR_DEVICES | FOR_EVERYWHERE)) != 0;
        if (!shared && (option_words[i].group & command->groups) != 0) {
            write_option(&option_words[i]);
        }
    }
}

static void write_shared_options(const char *title, unsigned groups) {
    write_line(".SS ", title);
    for (size_t i = 0; i < option_words_count; i++) {
        if ((option_words[i].group & groups) != 0) {
            write_option(&option_words[i]);
        }
    }
}

void manual_write(void) {
    puts(".\\\" Made by the build from cli/words.c.");
    puts(".TH OTA\\-WS 1 \"\" \"ota\\-ws " OTA_WS_RELEASE "\" \"User Commands\"");
    write_line(".SH NAME\nota\\-ws \\- ", words_title);
    puts(".SH SYNOPSIS\n.B ota\\-ws\n.I command\n[\\fIoptions\\fR] ...");
    write_line(".SH DESCRIPTION\n", words_hosts);
    puts(".SH COMMANDS");
    for (size_t i = 0; i < command_words_count; i++) {
        write_command(&command_words[i]);
    }
    puts(".SH OPTIONS");
    write_shared_options("of all commands", FOR_ALL | FOR_EVERYWHERE);
    write_shared_options("of commands that ask a device", FOR_DEVICES);
    puts(".SH EXIT STATUS");
    for (size_t i = 0; i < exit_words_count; i++) {
        printf(".TP\n.B %d\n%s\n", exit_words[i].code, exit_words[i].meaning);
    }
    puts(".SH ENVIRONMENT\n.TP\n.B OTA_WS_PASSWORD\nthe password or pairing code, when no file has it");
    puts(".SH SEE ALSO\n\\fBota\\-ws help\\fR \\fIcommand\\fR");
}
