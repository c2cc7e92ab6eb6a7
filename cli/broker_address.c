// SPDX-License-Identifier: Apache-2.0
#include "broker_address.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static bool refuse(problem_t *problem, const char *text, const char *why) {
    problem_set(problem, EXIT_CODE_USAGE, "usage", "'%.160s' is no address of a broker: %s.", text, why);
    return false;
}

// What stands before the '@'. NULL: `problem`.
static const char *take_user(broker_address_t *address, const char *rest, const char *text, problem_t *problem) {
    const char *at = strrchr(rest, '@');
    if (at == NULL) {
        return rest;
    }
    if (memchr(rest, ':', (size_t)(at - rest)) != NULL) {
        problem_set(
            problem, EXIT_CODE_USAGE, "usage",
            "A password is never an argument: other users of this machine can see it. Put it into a file, and name "
            "the file with --broker-password-file.");
        return NULL;
    }
    if (at == rest || (size_t)(at - rest) >= sizeof address->user) {
        refuse(problem, text, "its user has 1 to 127 characters");
        return NULL;
    }
    snprintf(address->user, sizeof address->user, "%.*s", (int)(at - rest), rest);
    return at + 1;
}

bool broker_address_parse(broker_address_t *address, const char *text, problem_t *problem) {
    char url[ADDRESS_HOST_SIZE + 8];
    address_t plain, tls;
    memset(address, 0, sizeof *address);
    address->tls = strncmp(text, "mqtts://", 8) == 0;
    if (!address->tls && strncmp(text, "mqtt://", 7) != 0) {
        return refuse(problem, text, "expected is mqtt://[USER@]NAME[:PORT], or mqtts:// for TLS");
    }
    const char *rest = take_user(address, text + (address->tls ? 8 : 7), text, problem);
    if (rest == NULL) {
        return false;
    }
    // A port that was not written is another one for http than for https.
    bool has_form = snprintf(url, sizeof url, "http://%s", rest) < (int)sizeof url && strchr(rest, '/') == NULL &&
                    address_parse(&plain, url, problem);
    has_form = has_form && snprintf(url, sizeof url, "https://%s", rest) > 0 && address_parse(&tls, url, problem);
    if (!has_form) {
        return refuse(problem, text, "expected is mqtt://[USER@]NAME[:PORT], or mqtts:// for TLS");
    }
    address->port = plain.port == tls.port ? plain.port : address->tls ? 8883 : 1883;
    ota_ws_text_copy(address->name, sizeof address->name, plain.name);
    bool is_ipv6 = strchr(plain.name, ':') != NULL;
    snprintf(address->where, sizeof address->where, is_ipv6 ? "[%.*s]:%u" : "%.*s:%u", ADDRESS_NAME_SIZE, plain.name,
             address->port);
    return true;
}
