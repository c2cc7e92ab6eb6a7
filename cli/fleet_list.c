// SPDX-License-Identifier: Apache-2.0
#include "fleet_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "discover.h"
#include "text.h"

#define LINE_MAX_SIZE 1024
#define DISCOVER_MS 2000
#define BLANKS " \t\r\n"

// ---- lines ----

static bool is_label(const char *word) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(word);
    return length > 0 && length < FLEET_LABEL_SIZE && strspn(word, letters) == length && word[length - 1] != '-';
}

bool fleet_entry_has(const fleet_entry_t *entry, const char *label) {
    size_t length = strlen(label);
    for (const char *at = entry->labels; (at = strstr(at, label)) != NULL; at += length) {
        bool begins = at == entry->labels || at[-1] == ' ';
        if (begins && (at[length] == ' ' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool add_label(fleet_entry_t *entry, const char *label) {
    size_t length = strlen(entry->labels), more = strlen(label);
    if (!is_label(label) || length + more + 2 > sizeof entry->labels) {
        return false;
    }
    snprintf(entry->labels + length, sizeof entry->labels - length, "%s%s", length > 0 ? " " : "", label);
    return true;
}

// Takes a line apart, in place. False: why not. An empty line gives an entry without a host.
static const char *read_line(char *line, fleet_entry_t *entry, problem_t *problem) {
    char *rest = NULL;
    address_t address;
    memset(entry, 0, sizeof *entry);
    line[strcspn(line, "#\r\n")] = '\0';
    const char *host = strtok_r(line, BLANKS, &rest);
    if (host == NULL) {
        return NULL;
    }
    if (strlen(host) >= sizeof entry->host || !address_parse(&address, host, problem)) {
        return "its first word is no address of a device";
    }
    ota_ws_text_copy(entry->host, sizeof entry->host, host);
    for (const char *label = strtok_r(NULL, BLANKS, &rest); label != NULL; label = strtok_r(NULL, BLANKS, &rest)) {
        if (!add_label(entry, label)) {
            return "a label has letters, digits, '.', '_' and '-' (not at its end), at most 32, and at most 8 fit";
        }
    }
    return NULL;
}

static bool find_host(const fleet_list_t *list, const char *host) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->entries[i].host, host) == 0) {
            return true;
        }
    }
    return false;
}

static bool append(fleet_list_t *list, const fleet_entry_t *entry) {
    if ((list->count & (list->count + 1)) == 0) { // full: 0, 1, 3, 7 ...
        fleet_entry_t *larger = realloc(list->entries, (2 * (size_t)list->count + 1) * sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        list->entries = larger;
    }
    list->entries[list->count++] = *entry;
    return true;
}

static bool refuse_line(problem_t *problem, const char *path, unsigned number, const char *why) {
    problem_set(problem, EXIT_CODE_FILE_REFUSED, "list_bad_line", "Line %u of the list %.120s makes no sense: %s.",
                number, path, why);
    return false;
}

static bool load_lines(fleet_list_t *list, FILE *file, const char *path, problem_t *problem) {
    char line[LINE_MAX_SIZE];
    fleet_entry_t entry;
    for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        const char *why = strlen(line) == sizeof line - 1 ? "it is too long" : read_line(line, &entry, problem);
        if (why == NULL && entry.host[0] == '\0') {
            continue;
        }
        why = why == NULL && find_host(list, entry.host) ? "this device is in the list already" : why;
        why = why == NULL && list->count == FLEET_DEVICES_MAX ? "there are too many devices" : why;
        why = why == NULL && !append(list, &entry) ? "there is not enough memory" : why;
        if (why != NULL) {
            return refuse_line(problem, path, number, why);
        }
    }
    return true;
}

static FILE *open_list(const char *path, problem_t *problem) {
    struct stat status;
    FILE *file = fopen(path, "r");
    if (file != NULL && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)) {
        return file;
    }
    problem_set(problem, EXIT_CODE_FILE_REFUSED, "list_unreadable", "The list of devices %.160s cannot be read: %s.",
                path, file == NULL ? strerror(errno) : "it is no file");
    if (file != NULL) {
        fclose(file);
    }
    return NULL;
}

bool fleet_list_load(fleet_list_t *list, const char *path, problem_t *problem) {
    memset(list, 0, sizeof *list);
    FILE *file = open_list(path, problem);
    bool is_sound = file != NULL && load_lines(list, file, path, problem);
    if (file != NULL) {
        fclose(file);
    }
    if (!is_sound) {
        fleet_list_free(list);
    }
    return is_sound;
}

void fleet_list_free(fleet_list_t *list) {
    free(list->entries);
    memset(list, 0, sizeof *list);
}

// ---- the plan's choice ----

static bool has_labels(const fleet_entry_t *entry, const fleet_plan_t *plan) {
    for (size_t i = 0; i < plan->label_count; i++) {
        if (!fleet_entry_has(entry, plan->labels[i])) {
            return false;
        }
    }
    return true;
}

static void keep_labelled(fleet_list_t *list, const fleet_plan_t *plan) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (has_labels(&list->entries[i], plan)) {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = kept;
}

static int by_host(const void *one, const void *other) {
    return strcmp(((const fleet_entry_t *)one)->host, ((const fleet_entry_t *)other)->host);
}

// A device that announces its id is called by it: its address may change during the rollout.
static bool add_announced(fleet_list_t *list, const fleet_plan_t *plan, problem_t *problem) {
    discover_t *discover = calloc(1, sizeof *discover);
    uint32_t first = list->count;
    bool good = discover != NULL && discover_run(discover, DISCOVER_MS, NULL, NULL, problem);
    for (size_t i = 0; good && i < discover->count; i++) {
        const discovered_t *device = &discover->devices[i];
        fleet_entry_t entry = {0};
        char address[INET_ADDRSTRLEN];
        inet_ntop(AF_INET, &device->address, address, sizeof address);
        if (device->id[0] != '\0') {
            ota_ws_text_copy(entry.host, sizeof entry.host, device->id);
        } else {
            snprintf(entry.host, sizeof entry.host, "%s://%s:%u%s", device->tls ? "https" : "http", address,
                     device->port, device->path);
        }
        bool fits =
            plan->project[0] == '\0' || device->project[0] == '\0' || strcmp(device->project, plan->project) == 0;
        good = !fits || find_host(list, entry.host) || append(list, &entry);
    }
    free(discover);
    qsort(list->entries + first, list->count - first, sizeof list->entries[0], by_host);
    return good;
}

bool fleet_list_select(fleet_list_t *list, const fleet_plan_t *plan, problem_t *problem) {
    memset(list, 0, sizeof *list);
    if (plan->devices[0] != '\0' && !fleet_list_load(list, plan->devices, problem)) {
        return false;
    }
    keep_labelled(list, plan);
    if (plan->discover && plan->label_count == 0 && !add_announced(list, plan, problem)) {
        fleet_list_free(list);
        return false;
    }
    if (list->count == 0) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "plan_no_devices", "The plan's \"select\" chooses no device.");
        fleet_list_free(list);
        return false;
    }
    return true;
}

// ---- labels ----

static void remove_label(fleet_entry_t *entry, const char *label) {
    char copy[sizeof entry->labels], *rest = NULL;
    memcpy(copy, entry->labels, sizeof copy);
    entry->labels[0] = '\0';
    for (const char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, label) != 0) {
            add_label(entry, word);
        }
    }
}

static bool is_named(const char *host, char *const *hosts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(host, hosts[i]) == 0) {
            return true;
        }
    }
    return false;
}

// One line again, with its comment. False: the label does not fit.
static bool write_line(FILE *to, const char *line, const fleet_entry_t *before, const char *label, bool add) {
    fleet_entry_t entry = *before;
    const char *comment = strchr(line, '#');
    if (add && !fleet_entry_has(&entry, label) && !add_label(&entry, label)) {
        return false;
    }
    if (!add) {
        remove_label(&entry, label);
    }
    fprintf(to, "%s%s%s%s%s", entry.host, entry.labels[0] != '\0' ? "  " : "", entry.labels,
            comment != NULL ? "  " : "", comment != NULL ? comment : "\n");
    return true;
}

static bool copy_lines(FILE *from, FILE *to, const char *label, bool add, char *const *hosts, size_t host_count) {
    char line[LINE_MAX_SIZE], copy[LINE_MAX_SIZE];
    fleet_entry_t entry;
    problem_t ignored;
    bool good = true;
    while (good && fgets(line, sizeof line, from) != NULL) {
        memcpy(copy, line, sizeof copy);
        read_line(copy, &entry, &ignored);
        if (entry.host[0] != '\0' && is_named(entry.host, hosts, host_count)) {
            good = write_line(to, line, &entry, label, add);
        } else {
            fputs(line, to);
        }
    }
    return good;
}

static bool all_are_listed(const fleet_list_t *list, char *const *hosts, size_t count, problem_t *problem) {
    for (size_t i = 0; i < count; i++) {
        if (!find_host(list, hosts[i])) {
            problem_set(problem, EXIT_CODE_USAGE, "not_in_list", "The device '%.160s' is not in the list.", hosts[i]);
            return false;
        }
    }
    return true;
}

bool fleet_list_label(const char *path, const char *label, bool add, char *const *hosts, size_t host_count,
                      problem_t *problem) {
    fleet_list_t list;
    char fresh[FLEET_PATH_SIZE];
    if (!is_label(label)) {
        problem_set(problem, EXIT_CODE_USAGE, "bad_label", "'%.40s' is no label: letters, digits, '.', '_' and '-'.",
                    label);
        return false;
    }
    if (!fleet_list_load(&list, path, problem)) {
        return false;
    }
    bool good = all_are_listed(&list, hosts, host_count, problem);
    fleet_list_free(&list);
    FILE *from = good ? open_list(path, problem) : NULL;
    if (from == NULL) {
        return false;
    }
    snprintf(fresh, sizeof fresh, "%.*s.new", (int)sizeof fresh - 8, path);
    FILE *to = fopen(fresh, "w");
    good = to != NULL && copy_lines(from, to, label, add, hosts, host_count);
    good = to != NULL && fclose(to) == 0 && good;
    fclose(from);
    if (!good || rename(fresh, path) != 0) {
        problem_set(problem, EXIT_CODE_TROUBLE, "cannot_write", "The list %.160s cannot be written.", path);
        unlink(fresh);
        return false;
    }
    return true;
}
