// SPDX-License-Identifier: Apache-2.0
#include "locate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "discover.h"
#include "printable.h"
#include "text.h"

#define ID_LENGTH 12
#define ID_WAIT_MS 3000
#define NAME_WAIT_MS 1500

static const char *wanted; // that is_found() looks for

static bool is_id(const char *text) {
    return strlen(text) == ID_LENGTH && strspn(text, "0123456789abcdefABCDEF") == ID_LENGTH;
}

static bool is_local(const char *name) {
    size_t length = strlen(name);
    return length > 6 && strcasecmp(name + length - 6, ".local") == 0;
}

bool locate_is_needed(const char *text, const address_t *address) {
    return is_id(text) || is_local(address->name);
}

static bool is_found(const discover_t *discover) {
    return discover_find(discover, wanted) != NULL;
}

// What was not written is taken from what the device announces.
static void take_device(address_t *address, const discovered_t *device, const char *text) {
    bool has_scheme = strstr(text, "://") != NULL;
    const char *authority = has_scheme ? strstr(text, "://") + 3 : text;
    bool has_port = strchr(authority, ':') != NULL;
    if (!has_scheme && !has_port) {
        address->tls = device->tls;
        address->port = device->port;
    } else if (!has_port && address->tls == device->tls) {
        address->port = device->port;
    }
    if (strchr(authority, '/') == NULL && device->path[0] != '\0') {
        ota_ws_text_copy(address->path, sizeof address->path, device->path);
    }
    inet_ntop(AF_INET, &device->address, address->via, sizeof address->via);
}

static void finish(address_t *address) {
    address_host_header(address, address->name, address->host_header);
    snprintf(address->where, sizeof address->where, "%.*s:%u", ADDRESS_NAME_SIZE, address->name, address->port);
}

static bool take_answer(const discover_t *discover, address_t *address, const char *text, problem_t *problem) {
    const discovered_t *device = discover_find(discover, is_id(text) ? text : address->name);
    if (device != NULL) {
        take_device(address, device, text);
    } else if (discover->is_host_found) {
        inet_ntop(AF_INET, &discover->host_address, address->via, sizeof address->via);
    } else if (is_id(text)) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "not_found",
                    "No device with the id %s has answered within %u s. Is it on, and on this network?", text,
                    ID_WAIT_MS / 1000);
        return false;
    }
    if (device != NULL && is_id(text)) { // an id is no name: the device is asked by its address
        ota_ws_text_copy(address->name, sizeof address->name, address->via);
    }
    finish(address);
    return true;
}

bool locate(address_t *address, const char *text, problem_t *problem) {
    discover_t *discover = calloc(1, sizeof *discover);
    bool by_id = is_id(text);
    if (discover == NULL) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
        return false;
    }
    wanted = by_id ? text : address->name;
    bool asked =
        discover_run(discover, by_id ? ID_WAIT_MS : NAME_WAIT_MS, by_id ? NULL : address->name, is_found, problem);
    bool found = asked ? take_answer(discover, address, text, problem) : !by_id;
    free(discover);
    return found;
}

bool locate_among(const discover_t *discover, address_t *address, const char *text) {
    problem_t ignored;
    bool is_there = discover_find(discover, is_id(text) ? text : address->name) != NULL;
    return is_there && take_answer(discover, address, text, &ignored);
}

// ---- all of them ----

static int compare(const void *one, const void *other) {
    return strcasecmp(((const discovered_t *)one)->name, ((const discovered_t *)other)->name);
}

static void print_device(const discovered_t *device, bool json) {
    char address[INET_ADDRSTRLEN], page[200], name[MDNS_LABEL_SIZE], path[sizeof device->path], text[OUTPUT_JSON_SIZE];
    ota_ws_reply_t object;
    inet_ntop(AF_INET, &device->address, address, sizeof address);
    printable_copy(name, sizeof name, device->name);
    printable_copy(path, sizeof path, device->path);
    snprintf(page, sizeof page, "%s://%s:%u%s", device->tls ? "https" : "http", address, device->port, path);
    if (!json) {
        printf("%-24s %-12s  %s%s%s%s%s\n", name, device->id, page, device->project[0] != '\0' ? "  " : "",
               device->project, device->version[0] != '\0' ? " " : "", device->version);
        return;
    }
    output_object(&object, text, "device", NULL);
    ota_ws_reply_string(&object, "name", name);
    output_string(&object, "id", device->id);
    ota_ws_reply_string(&object, "address", address);
    ota_ws_reply_number(&object, "port", device->port);
    if (device->tls) {
        ota_ws_reply_true(&object, "tls");
    }
    ota_ws_reply_string(&object, "path", path);
    ota_ws_reply_string(&object, "page", page);
    output_string(&object, "project", device->project);
    output_string(&object, "version", device->version);
    output_print(&object);
}

// Text of the network is shown without control characters.
static void clean(discovered_t *device) {
    char copy[sizeof device->project];
    printable_copy(copy, sizeof copy, device->project);
    memcpy(device->project, copy, sizeof copy);
    printable_copy(copy, sizeof copy, device->version);
    memcpy(device->version, copy, sizeof copy);
    if (!is_id(device->id)) {
        device->id[0] = '\0';
    }
}

static exit_code_t print_all(discover_t *discover, const output_t *output, uint32_t wait_s, problem_t *problem) {
    qsort(discover->devices, discover->count, sizeof discover->devices[0], compare);
    for (size_t i = 0; i < discover->count; i++) {
        clean(&discover->devices[i]);
        print_device(&discover->devices[i], output->json);
    }
    if (discover->count == 0) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "not_found",
                    "No device has answered within %u s. Only devices on this network are found, and only when their "
                    "firmware announces itself.",
                    wait_s);
        return EXIT_CODE_UNREACHABLE;
    }
    return EXIT_CODE_OK;
}

exit_code_t locate_all(output_t *output, uint32_t wait_s) {
    problem_t problem;
    outcome_t outcome;
    discover_t *discover = calloc(1, sizeof *discover);
    exit_code_t code = EXIT_CODE_TROUBLE;
    problem_set(&problem, code, "no_memory", "There is not enough memory.");
    if (discover != NULL && discover_run(discover, wait_s * 1000, NULL, NULL, &problem)) {
        code = print_all(discover, output, wait_s, &problem);
    }
    free(discover);
    if (code != EXIT_CODE_OK) {
        outcome_from_problem(&outcome, &problem, NULL);
        output_result(output, NULL, &outcome);
    }
    return code;
}
