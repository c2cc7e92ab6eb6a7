// SPDX-License-Identifier: Apache-2.0
#include "advice.h"

#include <stdio.h>
#include <string.h>

// By the name of a problem. The format takes the host up to twice.
static const struct {
    const char *name, *format;
} of_problems[] = {
    {"on_trial", "'ota-ws confirm %s' keeps the running firmware, 'ota-ws rollback %s' goes back"},
    {"restart_pending", "'ota-ws restart %s' runs the new image, 'ota-ws cancel %s' takes it back"},
    {"older_version", "the same command with --allow-downgrade sends it all the same"},
    {"wrong_password", "compare with the code on the device's console; --password-file or OTA_WS_PASSWORD may be old"},
    {"not_back", "'ota-ws info %s' shows what runs when the device is back"},
    {"not_restarted", "'ota-ws restart %s' asks for the restart again"},
    {"no_connection", "'ota-ws info %s' when the device is on and in this network"},
    {"no_answer", "'ota-ws info %s' when the device is on and in this network"},
    {"not_found", "'ota-ws info ADDRESS' with the IP address that the device's console or the router shows"},
    {"unknown_name", "'ota-ws info ADDRESS' with the IP address that the device's console or the router shows"},
    {"connection_lost", "the same command again: it goes on where the device stopped"},
    {"link_lost", "the same command again: it goes on where the device stopped"},
    {"stalled", "the same command again: it goes on where the device stopped"},
    {"device_busy", "the same command again in a minute"},
    {"busy", "'ota-ws info %s' shows how far the other update is"},
    {"not_on_trial", "'ota-ws info %s' shows what runs"},
    {"not_taken", "'ota-ws info %s' shows what runs, and the last updates"},
    {"no_tls", "'ota-ws info http://HOST:PORT' where the device speaks plain http"},
    {"digest_mismatch", "the same command again; when it fails again, something on the way changes the data"},
};

static const char *format_for(const outcome_t *outcome) {
    for (size_t i = 0; i < sizeof of_problems / sizeof of_problems[0]; i++) {
        if (outcome->problem.code != EXIT_CODE_OK && strcmp(of_problems[i].name, outcome->problem.name) == 0) {
            return of_problems[i].format;
        }
    }
    switch (outcome->kind) {
    case OUTCOME_UNCHANGED:
        return strcmp(outcome->state.running.image, "trial") == 0
                   ? "'ota-ws confirm %s' keeps it"
                   : "the same command with --force sends it all the same";
    case OUTCOME_READY:
        return "'ota-ws restart %s' runs it, 'ota-ws cancel %s' takes it back";
    case OUTCOME_RESTARTING:
        return outcome->updated.version[0] != '\0' ? "'ota-ws confirm %s' keeps it"
                                                   : "'ota-ws info %s' shows what runs";
    default:
        return "";
    }
}

bool advice_give(const outcome_t *outcome, const char *host, char text[ADVICE_SIZE]) {
    const char *at = format_for(outcome);
    size_t length = 0;
    while (*at != '\0' && length + 1 < ADVICE_SIZE) {
        if (strncmp(at, "%s", 2) != 0) {
            text[length++] = *at++;
            continue;
        }
        length += (size_t)snprintf(text + length, ADVICE_SIZE - length, "%s", host);
        length = length < ADVICE_SIZE ? length : ADVICE_SIZE - 1;
        at += 2;
    }
    text[length] = '\0';
    return length > 0;
}
