// SPDX-License-Identifier: Apache-2.0
// Each object of the plan has a table of its members: how a member is read, from where to where its value may be. What
// no table can say (the last wave, an approval of a wave that is not there) is asked at the end.
#include "fleet_plan.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/chip.h"
#include "text.h"

#define PLAN_SIZE_MAX 1000000
#define WHERE_SIZE 96
#define LONGEST_S 31536000 // a year

typedef struct {
    fleet_plan_t *plan;
    const char *folder; // with its slash; "" for the current one
    problem_t *problem;
} reader_t;

typedef struct member member_t;
struct member {
    const char *name;
    bool (*read)(reader_t *reader, const member_t *member, const char *where, const json_t *value);
    void *to;         // where the value goes
    size_t low, high; // of a number; of the length of a text
    bool is_needed;
};

// ---- refusals ----

static bool refuse(reader_t *reader, const char *name, const char *where, const char *why) {
    problem_set(reader->problem, EXIT_CODE_FILE_REFUSED, name, "The plan's member \"%s\" %s.", where, why);
    return false;
}

static bool refuse_value(reader_t *reader, const char *where, const char *why) {
    return refuse(reader, "plan_bad_value", where, why);
}

// ---- values ----

static bool read_number(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    char why[96];
    json_int_t number = json_is_integer(value) ? json_integer_value(value) : -1;
    if (number < 0 || number < (json_int_t)member->low || number > (json_int_t)member->high) {
        snprintf(why, sizeof why, "must be a whole number from %zu to %zu", member->low, member->high);
        return refuse_value(reader, where, why);
    }
    *(uint32_t *)member->to = (uint32_t)number;
    return true;
}

static bool read_flag(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    *(bool *)member->to = json_is_true(value);
    return json_is_boolean(value) || refuse_value(reader, where, "must be true or false");
}

static bool is_plain(const char *text) {
    while (*text > ' ' && *text <= '~') {
        text++;
    }
    return *text == '\0';
}

// A text of 1 to `high` bytes.
static bool read_text(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    char why[96];
    const char *text = json_string_value(value);
    size_t length = text == NULL ? 0 : strlen(text);
    if (length == 0 || length > member->high || !is_plain(text)) {
        snprintf(why, sizeof why, "must be a text of 1 to %zu visible ASCII characters", member->high);
        return refuse_value(reader, where, why);
    }
    memcpy(member->to, text, length + 1);
    return true;
}

static bool read_name(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (!read_text(reader, member, where, value)) {
        return false;
    }
    const char *name = member->to;
    return (name[0] != '.' && strspn(name, letters) == strlen(name)) ||
           refuse_value(reader, where, "must be a name of letters, digits, '.', '_' and '-'");
}

// Beside the plan, unless it begins with a slash.
static bool read_path(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    const char *text = json_string_value(value);
    int length = text == NULL || text[0] == '\0'
                     ? -1
                     : snprintf(member->to, FLEET_PATH_SIZE, "%s%s", text[0] == '/' ? "" : reader->folder, text);
    return (length > 0 && length < FLEET_PATH_SIZE) || refuse_value(reader, where, "must be the path of a file");
}

static bool read_chip(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    return read_text(reader, member, where, value) &&
           (ota_ws_chip_id(member->to) >= 0 || refuse_value(reader, where, "must be a chip that is known here"));
}

// "02:00", in seconds.
static bool read_time(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    const char *text = json_string_value(value);
    unsigned hour = 99, minute = 99;
    char rest;
    bool has_form = text != NULL && strlen(text) == 5 && strspn(text, "0123456789:") == 5 &&
                    sscanf(text, "%2u:%2u%c", &hour, &minute, &rest) == 2;
    *(uint32_t *)member->to = hour * 3600 + minute * 60;
    return (has_form && hour < 24 && minute < 60) || refuse_value(reader, where, "must be a time like \"02:00\"");
}

// One of the words of a list.
static int find_word(const json_t *value, const char *const *words, size_t count) {
    for (size_t i = 0; json_is_string(value) && i < count; i++) {
        if (strcmp(json_string_value(value), words[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool read_confirm(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    static const char *const words[] = {"soak", "now", "device"}; // in the order of fleet_confirm_t
    int index = find_word(value, words, 3);
    *(fleet_confirm_t *)member->to = (fleet_confirm_t)index;
    return index >= 0 || refuse_value(reader, where, "must be \"soak\", \"now\" or \"device\"");
}

// ---- objects and arrays ----

static bool read_object(reader_t *reader, const char *where, const json_t *object, const member_t *members,
                        size_t count) {
    const char *key;
    json_t *value;
    char inner[WHERE_SIZE];
    if (!json_is_object(object)) {
        return refuse_value(reader, where, "must be an object, { ... }");
    }
    json_object_foreach((json_t *)object, key, value) {
        size_t i = 0;
        while (i < count && strcmp(members[i].name, key) != 0) {
            i++;
        }
        snprintf(inner, sizeof inner, "%.48s%s%.40s", where, where[0] != '\0' ? "." : "", key);
        if (i == count) {
            return refuse(reader, "plan_unknown_member", inner, "is not known. docs/fleet.md has all that are");
        }
        if (!members[i].read(reader, &members[i], inner, value)) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        snprintf(inner, sizeof inner, "%.48s%s%.40s", where, where[0] != '\0' ? "." : "", members[i].name);
        if (members[i].is_needed && json_object_get(object, members[i].name) == NULL) {
            return refuse(reader, "plan_missing_member", inner, "is missing");
        }
    }
    return true;
}

static bool is_array(reader_t *reader, const char *where, const json_t *value, size_t longest) {
    char why[64];
    snprintf(why, sizeof why, "must be a list, [ ... ], of 1 to %zu values", longest);
    return (json_is_array(value) && json_array_size(value) >= 1 && json_array_size(value) <= longest) ||
           refuse_value(reader, where, why);
}

static bool read_names(reader_t *reader, const char *where, const json_t *value, char (*names)[FLEET_LABEL_SIZE],
                       size_t most, size_t *count) {
    if (!is_array(reader, where, value, most)) {
        return false;
    }
    for (; *count < json_array_size(value); (*count)++) {
        const member_t name = {"", NULL, names[*count], 0, FLEET_LABEL_SIZE - 1, true};
        if (!read_name(reader, &name, where, json_array_get(value, *count))) {
            return false;
        }
    }
    return true;
}

static bool read_labels(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_plan_t *plan = reader->plan;
    (void)member;
    return read_names(reader, where, value, plan->labels, FLEET_LABELS_MAX, &plan->label_count);
}

static bool read_sites(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_plan_t *plan = reader->plan;
    (void)member;
    return read_names(reader, where, value, plan->sites, FLEET_SITES_MAX, &plan->site_count);
}

static bool read_select(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_plan_t *plan = reader->plan;
    (void)member;
    const member_t members[] = {
        {"devices", read_path, plan->devices, 0, 0, false},
        {"discover", read_flag, &plan->discover, 0, 0, false},
        {"project", read_text, plan->project, 0, sizeof plan->project - 1, false},
        {"chip", read_chip, plan->chip, 0, sizeof plan->chip - 1, false},
        {"label", read_labels, NULL, 0, 0, false},
    };
    if (!read_object(reader, where, value, members, sizeof members / sizeof members[0])) {
        return false;
    }
    return plan->devices[0] != '\0' || plan->discover ||
           refuse(reader, "plan_no_devices", where, "names no devices: it needs \"devices\" or \"discover\"");
}

static bool read_wave(reader_t *reader, const char *where, const json_t *value, fleet_wave_t *wave) {
    const member_t members[] = {
        {"count", read_number, &wave->count, 1, 1000000, false},
        {"percent", read_number, &wave->percent, 1, 100, false},
        {"soak_s", read_number, &wave->soak_s, 0, LONGEST_S, false},
    };
    return read_object(reader, where, value, members, sizeof members / sizeof members[0]) &&
           ((wave->count > 0) != (wave->percent > 0) ||
            refuse_value(reader, where, "must have either \"count\" or \"percent\""));
}

static bool read_waves(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_rules_t *rules = &reader->plan->rules;
    char inner[WHERE_SIZE];
    (void)member;
    if (!is_array(reader, where, value, FLEET_WAVES_MAX)) {
        return false;
    }
    for (uint32_t i = 0; i < json_array_size(value); i++) {
        snprintf(inner, sizeof inner, "waves[%u]", i + 1);
        if (!read_wave(reader, inner, json_array_get(value, i), &rules->waves[i])) {
            return false;
        }
        if (i > 0 && rules->waves[i].percent > 0 && rules->waves[i].percent < rules->waves[i - 1].percent) {
            return refuse_value(reader, inner, "has less percent than the wave before; percent count all waves so far");
        }
    }
    rules->wave_count = (uint32_t)json_array_size(value);
    return rules->waves[rules->wave_count - 1].percent == 100 ||
           refuse_value(reader, where, "must end with a wave of 100 percent, or some devices stay as they are");
}

static bool read_failures(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    static const char *const words[] = {"refused", "unreachable", "rolled_back", "expired", "superseded"};
    static const fleet_state_t states[] = {FLEET_REFUSED, FLEET_UNREACHABLE, FLEET_ROLLED_BACK, FLEET_EXPIRED,
                                           FLEET_SUPERSEDED};
    (void)member;
    if (!is_array(reader, where, value, 5)) {
        return false;
    }
    reader->plan->rules.failures = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        int index = find_word(json_array_get(value, i), words, 5);
        if (index < 0) {
            return refuse_value(reader, where,
                                "takes \"refused\", \"unreachable\", \"rolled_back\", \"expired\" and \"superseded\"");
        }
        reader->plan->rules.failures |= 1u << states[index];
    }
    return true;
}

static bool read_stop(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_rules_t *rules = &reader->plan->rules;
    (void)member;
    rules->failed_count = 0; // what is not named is no rule
    const member_t members[] = {
        {"failed_percent", read_number, &rules->failed_percent, 1, 100, false},
        {"min_done", read_number, &rules->min_done, 1, 1000000, false},
        {"failed_count", read_number, &rules->failed_count, 1, 1000000, false},
        {"on", read_failures, NULL, 0, 0, false},
    };
    return read_object(reader, where, value, members, sizeof members / sizeof members[0]) &&
           (rules->failed_count > 0 || rules->failed_percent > 0 ||
            refuse_value(reader, where, "must have \"failed_count\" or \"failed_percent\""));
}

static bool read_limits(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    (void)member;
    const member_t members[] = {
        {"per_gateway", read_number, &reader->plan->rules.at_once, 1, 256, false},
        {"at_once", read_number, &reader->plan->at_once, 1, 100000, false},
    };
    return read_object(reader, where, value, members, 2);
}

static bool read_pauses(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_rules_t *rules = &reader->plan->rules;
    (void)member;
    if (!is_array(reader, where, value, FLEET_PAUSES_MAX)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const member_t pause = {"", NULL, &rules->pauses_s[i], 0, LONGEST_S, true};
        if (!read_number(reader, &pause, where, json_array_get(value, i))) {
            return false;
        }
    }
    rules->pause_count = (uint32_t)json_array_size(value);
    return true;
}

static bool read_retry(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    (void)member;
    const member_t members[] = {
        {"attempts", read_number, &reader->plan->rules.attempts, 1, 100, false},
        {"backoff_s", read_pauses, NULL, 0, 0, false},
    };
    return read_object(reader, where, value, members, 2);
}

static bool read_window(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_rules_t *rules = &reader->plan->rules;
    (void)member;
    rules->has_window = true;
    const member_t members[] = {
        {"from", read_time, &rules->window_from_s, 0, 0, true},
        {"to", read_time, &rules->window_to_s, 0, 0, true},
    };
    return read_object(reader, where, value, members, 2) &&
           (rules->window_from_s != rules->window_to_s ||
            refuse_value(reader, where, "must begin and end at two different times"));
}

static bool read_asleep(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_rules_t *rules = &reader->plan->rules;
    (void)member;
    const member_t members[] = {
        {"wait_s", read_number, &rules->asleep_s, 0, LONGEST_S, false},
        {"look_s", read_number, &rules->look_s, 1, 86400, false},
    };
    return read_object(reader, where, value, members, 2);
}

// Numbers of waves, as people count them: from 1.
static bool read_approve(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    (void)member;
    if (!is_array(reader, where, value, FLEET_WAVES_MAX)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        uint32_t wave = 0;
        const member_t number = {"", NULL, &wave, 1, FLEET_WAVES_MAX, true};
        if (!read_number(reader, &number, where, json_array_get(value, i))) {
            return false;
        }
        reader->plan->rules.approve |= 1u << (wave - 1);
    }
    return true;
}

// `{"beta": "beta.pw"}`, to an array of its own.
static bool read_password_map(reader_t *reader, const char *where, const json_t *value, fleet_password_t **to,
                              size_t *count) {
    const char *key;
    json_t *path;
    if (!json_is_object(value) || json_object_size(value) > FLEET_PASSWORDS_MAX) {
        return refuse_value(reader, where, "must be an object with at most 64 files");
    }
    *to = calloc(json_object_size(value) + 1, sizeof **to);
    json_object_foreach((json_t *)value, key, path) {
        fleet_password_t *password = &(*to)[*count];
        const member_t member = {"", NULL, password->path, 0, 0, true};
        if (*to == NULL || strlen(key) >= sizeof password->whose || !read_path(reader, &member, where, path)) {
            return refuse_value(reader, where, "must name a file for each label or device");
        }
        ota_ws_text_copy(password->whose, sizeof password->whose, key);
        (*count)++;
    }
    return true;
}

static bool read_label_passwords(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_plan_t *plan = reader->plan;
    (void)member;
    return read_password_map(reader, where, value, &plan->label_passwords, &plan->label_password_count);
}

static bool read_device_passwords(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    fleet_plan_t *plan = reader->plan;
    (void)member;
    return read_password_map(reader, where, value, &plan->device_passwords, &plan->device_password_count);
}

static bool read_passwords(reader_t *reader, const member_t *member, const char *where, const json_t *value) {
    (void)member;
    const member_t members[] = {
        {"file", read_path, reader->plan->password, 0, 0, false},
        {"label", read_label_passwords, NULL, 0, 0, false},
        {"device", read_device_passwords, NULL, 0, 0, false},
    };
    return read_object(reader, where, value, members, 3);
}

// ---- the whole plan ----

static bool waves_agree(reader_t *reader) {
    const fleet_rules_t *rules = &reader->plan->rules;
    return rules->approve >> rules->wave_count == 0 ||
           refuse_value(reader, "approve", "names a wave that is not in \"waves\"");
}

static bool read_plan(reader_t *reader, const json_t *root) {
    fleet_plan_t *plan = reader->plan;
    fleet_rules_t *rules = &plan->rules;
    const member_t members[] = {
        {"rollout", read_name, plan->rollout, 1, sizeof plan->rollout - 1, true},
        {"image", read_path, plan->image, 0, 0, true},
        {"select", read_select, NULL, 0, 0, true},
        {"waves", read_waves, NULL, 0, 0, true},
        {"sites", read_sites, NULL, 0, 0, false},
        {"stop", read_stop, NULL, 0, 0, false},
        {"limits", read_limits, NULL, 0, 0, false},
        {"retry", read_retry, NULL, 0, 0, false},
        {"window", read_window, NULL, 0, 0, false},
        {"asleep", read_asleep, NULL, 0, 0, false},
        {"approve", read_approve, NULL, 0, 0, false},
        {"confirm", read_confirm, &rules->confirm, 0, 0, false},
        {"takeover_s", read_number, &rules->takeover_s, 0, 86400, false},
        {"allow_downgrade", read_flag, &plan->allow_downgrade, 0, 0, false},
        {"passwords", read_passwords, NULL, 0, 0, false},
    };
    return read_object(reader, "", root, members, sizeof members / sizeof members[0]) && waves_agree(reader);
}

static void set_defaults(fleet_plan_t *plan) {
    memset(plan, 0, sizeof *plan);
    plan->rules.failed_count = 1;
    plan->rules.failures =
        1u << FLEET_REFUSED | 1u << FLEET_UNREACHABLE | 1u << FLEET_ROLLED_BACK | 1u << FLEET_EXPIRED;
    plan->rules.at_once = 8;
    plan->rules.attempts = 3;
    plan->rules.pauses_s[0] = 60;
    plan->rules.pauses_s[1] = 600;
    plan->rules.pauses_s[2] = 3600;
    plan->rules.pause_count = 3;
    plan->rules.look_s = 30;
    plan->rules.takeover_s = 30;
    plan->rules.again_s = 5;
    plan->rules.lost_s = 3600;
}

static bool name_journal(reader_t *reader) {
    fleet_plan_t *plan = reader->plan;
    int length = snprintf(plan->journal, sizeof plan->journal, "%s%s.journal", reader->folder, plan->rollout);
    return length < (int)sizeof plan->journal || refuse_value(reader, "rollout", "makes the journal's path too long");
}

bool fleet_plan_parse(fleet_plan_t *plan, const char *text, const char *path, problem_t *problem) {
    char folder[FLEET_PATH_SIZE];
    json_error_t error;
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int)(slash + 1 - path), path);
    reader_t reader = {plan, folder, problem};
    set_defaults(plan);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "plan_not_json", "The plan %.120s is no JSON: line %d, %.120s.",
                    path, error.line, error.text);
        return false;
    }
    bool is_sound = read_plan(&reader, root) && name_journal(&reader);
    json_decref(root);
    plan->text = is_sound ? strdup(text) : NULL;
    if (plan->text == NULL) {
        fleet_plan_free(plan);
    }
    return is_sound;
}

bool fleet_plan_load(fleet_plan_t *plan, const char *path, problem_t *problem) {
    char *text = calloc(1, PLAN_SIZE_MAX + 1);
    FILE *file = fopen(path, "r");
    int error = errno;
    size_t length = file == NULL || text == NULL ? 0 : fread(text, 1, PLAN_SIZE_MAX, file);
    bool was_read = file != NULL && length > 0 && length < PLAN_SIZE_MAX && !ferror(file);
    if (file != NULL) {
        fclose(file);
    }
    if (!was_read) {
        problem_set(problem, EXIT_CODE_FILE_REFUSED, "plan_unreadable", "The plan %.160s cannot be read: %s.", path,
                    file == NULL ? strerror(error) : "it is empty, too long, or no file");
    }
    bool is_sound = was_read && fleet_plan_parse(plan, text, path, problem);
    free(text);
    return is_sound;
}

void fleet_plan_free(fleet_plan_t *plan) {
    free(plan->label_passwords);
    free(plan->device_passwords);
    free(plan->text);
    plan->label_passwords = plan->device_passwords = NULL;
    plan->text = NULL;
}
