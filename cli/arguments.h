// SPDX-License-Identifier: Apache-2.0
// The command line, understood: which command, on what, how.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "broker_address.h"
#include "commands.h"
#include "device_job.h"
#include "loop.h"
#include "nats_link.h"
#include "problem.h"
#include "push.h"
#include "words.h"

typedef struct {
    command_name_t command;
    const char *topic; // help: of which command; NULL: of all. After a usage error: the command, when it is known
    const char *file;  // push, encrypt; inspect: the first; keygen: to be made
    char **files;      // inspect, in argv
    size_t file_count;
    const char *key; // encrypt: file of the public key; inspect: of the private key, or NULL
    char **hosts;    // in argv
    size_t host_count;
    bool json, quiet, keep_going;
    uint32_t search_s;         // discover
    bool wait_is_open;         // --wait without a value
    bool ecies;                // keygen
    const char *output;        // encrypt; NULL: beside `file`
    const char *elf;           // crash; NULL: none
    const char *addr2line;     // crash; NULL: the toolchain's
    const char *password_file; // NULL: none
    const char *into;          // restart: "recovery" or "application"; NULL: none
    prepare_options_t prepare;
    fleet_verb_t verb; // fleet
    char **operands;   // fleet: behind the verb, in argv
    size_t operand_count;
    bool watch;                          // fleet status
    const char *format;                  // fleet report; NULL: CSV
    broker_address_t broker;             // mqtt
    const char *broker_password_file;    // mqtt; NULL: none
    const char *broker_ca_file;          // mqtt; NULL: the system's certificates
    nats_settings_t nats;                // fleet; its URL is NULL: none
    const char *site;                    // fleet gateway
    uint32_t lease_s;                    // fleet gateway, fleet serve
    bool has_dashboard;                  // fleet run, fleet serve: it was asked for, or switched off
    uint16_t dashboard_port;             // 0: none
    const char *dashboard_password_file; // NULL: a random code
    const char *for_host;                // inspect; NULL: none
    int for_chip;                        // inspect: its id, or -1
    loop_tls_t tls;
    device_job_patience_t patience;
    push_options_t push;
} arguments_t;

// False, always: says that `name` is no command, and which one may be meant.
bool arguments_refuse_command(problem_t *problem, const char *name);

// Reorders `argv`. False: `problem` says what makes no sense.
bool arguments_parse(arguments_t *arguments, int argc, char **argv, problem_t *problem);
