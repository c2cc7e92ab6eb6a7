// SPDX-License-Identifier: Apache-2.0
#include "http_answer.h"

#include <stddef.h>
#include <stdio.h>

#include "printable.h"

// By ranges of the status; the first that fits counts. The format takes host and port, and
// may take the status.
static const struct {
    unsigned first, last;
    const char *name, *format;
} known[] = {
    {401, 401, "http_login",
     "%s wants a login of its own (HTTP 401), which ota-ws does not speak. Reach the device without that login."},
    {403, 403, "http_forbidden", "%s forbids the request (HTTP 403), and no ota_ws device says so."},
    {405, 405, "no_device",
     "%s takes no POST there (HTTP 405): this is not the address of the update page, or a proxy lets no POST through."},
    {407, 407, "http_login", "%s is a proxy that wants a login (HTTP 407). Reach the device without it."},
    {431, 431, "headers_too_long",
     "The request's headers are too long for the server at %s (HTTP 431). Raise CONFIG_HTTPD_MAX_REQ_HDR_LEN "
     "(menuconfig: HTTP Server) in its firmware."},
    {502, 504, "proxy_error", "A proxy answers at %s, but it does not reach the device (HTTP %u)."},
    {500, 599, "http_error", "The server at %s failed (HTTP %u). Look at its log, then try again."},
};

static void name_redirect(problem_t *problem, const http_answer_t *answer, const address_t *address) {
    char location[HTTP_LOCATION_SIZE];
    printable_copy(location, sizeof location, answer->location);
    problem_set(problem, EXIT_CODE_UNREACHABLE, "redirected",
                "%s sends the request on to '%s' (HTTP %u). Give that address if it is the update page's.",
                address->where, location, answer->status);
}

static void name_other(problem_t *problem, const http_answer_t *answer, const address_t *address) {
    const char *either = address->second_path[0] != '\0' ? " or " : "";
    if (answer->status == 404) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "no_device",
                    "%s has no update page at %s%s%s (HTTP 404). Give the page's own address, http://HOST/PATH.",
                    address->where, address->path, either, address->second_path);
    } else if (answer->status == 200 && answer->is_html) {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "no_device",
                    "%s answers with a web page at %s: that is not the address of an update page.", address->where,
                    address->path);
    } else {
        problem_set(problem, EXIT_CODE_UNREACHABLE, "no_device",
                    "What answers at %s is no ota_ws device (HTTP %u at %s).", address->where, answer->status,
                    address->path);
    }
}

void http_answer_to_ticket(problem_t *problem, const http_answer_t *answer, const address_t *address) {
    if (answer->status >= 300 && answer->status <= 399) {
        name_redirect(problem, answer, address);
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (answer->status >= known[i].first && answer->status <= known[i].last) {
            problem_set(problem, EXIT_CODE_UNREACHABLE, known[i].name, known[i].format, address->where, answer->status);
            return;
        }
    }
    name_other(problem, answer, address);
}

void http_answer_to_upgrade(problem_t *problem, const http_answer_t *answer, const address_t *address,
                            const char *path) {
    char status[24] = "no answer";
    if (answer->status != 0) {
        snprintf(status, sizeof status, "HTTP %u", answer->status);
    }
    problem_set(problem, EXIT_CODE_UNREACHABLE, "no_device",
                "%s opens no WebSocket at %s (%s). A proxy in front of the device must pass WebSocket upgrades on.",
                address->where, path, status);
}
