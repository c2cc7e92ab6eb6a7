// SPDX-License-Identifier: Apache-2.0
// A request passes these gates in this order, and the first that is closed answers: is it meant for this address
// (Host; a page elsewhere whose name leads here has another one), is there such a route with this method, does it come
// from our own page (Origin), does it carry the token, is its body short enough and JSON.
#include "dashboard_routes.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dashboard_page.h"
#include "fleet_run.h"

static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                             "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// ---- answers ----

static void answer_json(dashboard_answer_t *answer, unsigned status, char *text) {
    *answer = (dashboard_answer_t){.text = text};
    answer->response = response_text(status, "application/json", text == NULL ? "{}" : text);
}

static void refuse(dashboard_answer_t *answer, unsigned status, const problem_t *problem) {
    json_t *json = json_pack("{ss ss}", "error", problem->name, "text", problem->text);
    if (problem->wait_s > 0) {
        json_object_set_new(json, "wait_s", json_integer((json_int_t)problem->wait_s));
    }
    answer_json(answer, status, json == NULL ? NULL : json_dumps(json, JSON_COMPACT));
    json_decref(json);
    answer->response.challenge = status == HTTP_STATUS_UNAUTHORIZED ? "Bearer" : NULL;
}

static void refuse_as(dashboard_answer_t *answer, unsigned status, const char *name, const char *sentence) {
    problem_t problem;
    problem_set(&problem, EXIT_CODE_USAGE, name, "%s", sentence);
    refuse(answer, status, &problem);
}

// ---- the routes ----

typedef void route_answer_t(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                            dashboard_answer_t *answer);

static void answer_file(const dashboard_request_t *request, const dashboard_file_t *file, const char *type,
                        dashboard_answer_t *answer) {
    bool is_known = strcmp(request->etag, file->etag) == 0;
    *answer = (dashboard_answer_t){.response = {.status = is_known ? HTTP_STATUS_NOT_MODIFIED : HTTP_STATUS_OK,
                                                .type = type,
                                                .etag = file->etag,
                                                .policy = policy,
                                                .body = is_known ? NULL : file->bytes,
                                                .length = file->size,
                                                .gzip = !is_known}};
}

static void get_page(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                     dashboard_answer_t *answer) {
    (void)state;
    (void)body;
    answer_file(request, &dashboard_html, "text/html; charset=utf-8", answer);
}

static void get_style(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                      dashboard_answer_t *answer) {
    (void)state;
    (void)body;
    answer_file(request, &dashboard_css, "text/css; charset=utf-8", answer);
}

static void get_script(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                       dashboard_answer_t *answer) {
    (void)state;
    (void)body;
    answer_file(request, &dashboard_js, "text/javascript; charset=utf-8", answer);
}

static void post_login(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                       dashboard_answer_t *answer) {
    (void)request;
    problem_t problem;
    const char *code = json_string_value(json_object_get(body, "code"));
    if (code == NULL || strlen(code) > DASHBOARD_WORDS_MAX) {
        refuse_as(answer, HTTP_STATUS_BAD_REQUEST, "bad_body", "The login takes {\"code\": \"...\"}.");
        return;
    }
    if (!dashboard_login_try(&state->login, code, loop_now_ms(), &problem)) {
        bool waits = strcmp(problem.name, "login_waits") == 0;
        refuse(answer, waits ? 429 : HTTP_STATUS_FORBIDDEN, &problem);
        return;
    }
    json_t *json = json_pack("{ss}", "token", state->login.token);
    answer_json(answer, HTTP_STATUS_OK, json_dumps(json, JSON_COMPACT));
    json_decref(json);
}

static void get_status(dashboard_state_t *state, const dashboard_request_t *request, const json_t *body,
                       dashboard_answer_t *answer) {
    (void)body;
    char *text = NULL;
    if (state->status == NULL) {
        *answer = (dashboard_answer_t){.response = response_text(HTTP_STATUS_OK, "application/json",
                                                                 "{\"leads\":false,\"change\":\"\",\"list\":[]}")};
        return;
    }
    switch (fleet_status_write(state->status, request->since, fleet_time().time_s, &text)) {
    case FLEET_STATUS_SAME:
        *answer = (dashboard_answer_t){.response = response_text(HTTP_STATUS_NO_CONTENT, "application/json", "")};
        return;
    case FLEET_STATUS_CHANGED:
        answer_json(answer, HTTP_STATUS_OK, text);
        return;
    default:
        refuse_as(answer, HTTP_STATUS_INTERNAL_SERVER_ERROR, "no_memory", "There is not enough memory.");
    }
}

// ---- orders ----

static unsigned status_of(const problem_t *problem) {
    if (strcmp(problem->name, "order_refused") == 0) {
        return HTTP_STATUS_CONFLICT;
    }
    if (strcmp(problem->name, "not_in_rollout") == 0) {
        return HTTP_STATUS_BAD_REQUEST;
    }
    return problem->code == EXIT_CODE_UNREACHABLE ? HTTP_STATUS_SERVICE_UNAVAILABLE : HTTP_STATUS_INTERNAL_SERVER_ERROR;
}

// An order is tried on a copy of the rollout, as a verb of the command line tries it on the one that it has read.
static bool copy_rollout(const fleet_rollout_t *rollout, fleet_rollout_t *copy, problem_t *problem) {
    *copy = *rollout;
    copy->devices = malloc(((size_t)rollout->count + 1) * sizeof *copy->devices);
    if (copy->devices == NULL) {
        problem_set(problem, EXIT_CODE_TROUBLE, "no_memory", "There is not enough memory.");
        return false;
    }
    memcpy(copy->devices, rollout->devices, rollout->count * sizeof *copy->devices);
    return true;
}

typedef bool order_t(const fleet_orders_t *orders, const json_t *body, problem_t *problem);

static void answer_order(dashboard_state_t *state, const json_t *body, order_t *give, dashboard_answer_t *answer) {
    problem_t problem = {0};
    fleet_rollout_t copy;
    if (state->status == NULL) {
        refuse_as(answer, HTTP_STATUS_SERVICE_UNAVAILABLE, "not_leading",
                  "Another process leads this rollout: give the order at its dashboard, or with 'ota-ws fleet'.");
        return;
    }
    bool given = copy_rollout(state->orders.rollout, &copy, &problem);
    if (given) {
        fleet_orders_t orders = state->orders;
        orders.rollout = &copy;
        given = give(&orders, body, &problem);
        free(copy.devices);
    }
    if (given) {
        state->was_ordered = true;
        *answer = (dashboard_answer_t){.response = response_text(HTTP_STATUS_OK, "application/json", "{}")};
    } else {
        refuse(answer, strcmp(problem.name, "bad_body") == 0 ? HTTP_STATUS_BAD_REQUEST : status_of(&problem), &problem);
    }
}

static bool bad_body(problem_t *problem, const char *sentence) {
    problem_set(problem, EXIT_CODE_USAGE, "bad_body", "%s", sentence);
    return false;
}

static bool order_all(const fleet_orders_t *orders, fleet_event_kind_t kind, problem_t *problem) {
    fleet_event_t order = {.kind = kind, .device = FLEET_ALL};
    return fleet_order_give(orders, &order, problem);
}

static bool order_pause(const fleet_orders_t *orders, const json_t *body, problem_t *problem) {
    (void)body;
    return order_all(orders, FLEET_PAUSE, problem);
}

static bool order_resume(const fleet_orders_t *orders, const json_t *body, problem_t *problem) {
    (void)body;
    return order_all(orders, FLEET_RESUME, problem);
}

static bool order_abort(const fleet_orders_t *orders, const json_t *body, problem_t *problem) {
    (void)body;
    return order_all(orders, FLEET_ABORT, problem);
}

// The wave has to be named: what a person has seen on the page is what he approves.
static bool order_approve(const fleet_orders_t *orders, const json_t *body, problem_t *problem) {
    json_int_t wave = json_integer_value(json_object_get(body, "wave"));
    if (wave < 1 || wave > FLEET_WAVES_MAX) {
        return bad_body(problem, "An approval takes {\"wave\": 2}, the number of the wave from 1 to 16.");
    }
    fleet_event_t order = fleet_order_approve(orders, (unsigned long)wave);
    return fleet_order_give(orders, &order, problem);
}

static bool retry_named(const fleet_orders_t *orders, const json_t *names, problem_t *problem) {
    bool good = true;
    for (size_t i = 0; good && i < json_array_size(names); i++) {
        fleet_event_t order;
        const char *name = json_string_value(json_array_get(names, i));
        good = name == NULL
                   ? bad_body(problem, "\"devices\" takes addresses or ids, as texts.")
                   : fleet_order_retry(orders, name, &order, problem) && fleet_order_give(orders, &order, problem);
    }
    return good;
}

// Without "devices": all that have failed.
static bool order_retry(const fleet_orders_t *orders, const json_t *body, problem_t *problem) {
    const json_t *names = json_object_get(body, "devices");
    if (names != NULL && json_array_size(names) == 0) {
        return bad_body(problem, "A retry takes {\"devices\": [\"ADDRESS\"]}, or {} for all that have failed.");
    }
    return names == NULL ? order_all(orders, FLEET_RETRY, problem) : retry_named(orders, names, problem);
}

// ---- the table ----

typedef struct {
    const char *path;
    bool is_open;          // needs no token
    route_answer_t *get;   // NULL: it is a POST
    route_answer_t *login; // the one POST that is no order
    order_t *order;
} route_t;

static const route_t routes[] = {
    {"/", true, get_page, NULL, NULL},
    {"/fleet.css", true, get_style, NULL, NULL},
    {"/fleet.js", true, get_script, NULL, NULL},
    {"/status", false, get_status, NULL, NULL},
    {"/login", true, NULL, post_login, NULL},
    {"/pause", false, NULL, NULL, order_pause},
    {"/resume", false, NULL, NULL, order_resume},
    {"/abort", false, NULL, NULL, order_abort},
    {"/approve", false, NULL, NULL, order_approve},
    {"/retry", false, NULL, NULL, order_retry},
};

static const route_t *find_route(const char *path) {
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(routes[i].path, path) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

// ---- the gates ----

static bool is_for_us(const dashboard_state_t *state, const char *host) {
    char own[2][32];
    snprintf(own[0], sizeof own[0], "127.0.0.1:%d", state->port);
    snprintf(own[1], sizeof own[1], "localhost:%d", state->port);
    return strcasecmp(host, own[0]) == 0 || strcasecmp(host, own[1]) == 0;
}

static bool is_from_us(const dashboard_request_t *request) {
    return !request->has_origin ||
           (strncasecmp(request->origin, "http://", 7) == 0 && strcasecmp(request->origin + 7, request->host) == 0);
}

static bool has_method(const route_t *route, int method) {
    return route->get != NULL ? method == LWSHUMETH_GET || method == LWSHUMETH_HEAD : method == LWSHUMETH_POST;
}

// True: it was answered.
static bool is_stopped(const dashboard_state_t *state, const dashboard_request_t *request, const route_t *route,
                       dashboard_answer_t *answer) {
    if (!is_for_us(state, request->host)) {
        refuse_as(answer, HTTP_STATUS_FORBIDDEN, "wrong_host",
                  "Open this page by 127.0.0.1 or localhost and the port that ota-ws has printed. A tunnel needs the "
                  "same port at both ends.");
    } else if (route == NULL) {
        refuse_as(answer, HTTP_STATUS_NOT_FOUND, "not_found", "There is nothing here.");
    } else if (!has_method(route, request->method)) {
        refuse_as(answer, HTTP_STATUS_METHOD_NOT_ALLOWED, "wrong_method",
                  route->get != NULL ? "This address takes GET." : "This address takes POST.");
        answer->response.allow = route->get != NULL ? "GET, HEAD" : "POST";
    } else if (!is_from_us(request)) {
        refuse_as(answer, HTTP_STATUS_FORBIDDEN, "wrong_origin", "Another page has sent this request.");
    } else if (!route->is_open && !dashboard_login_knows(&state->login, request->token)) {
        refuse_as(answer, HTTP_STATUS_UNAUTHORIZED, "no_login",
                  "Log in first: send the token as 'Authorization: Bearer TOKEN'.");
    } else if (request->is_long) {
        refuse_as(answer, HTTP_STATUS_REQ_ENTITY_TOO_LARGE, "too_long", "A request has at most 4096 bytes.");
    } else {
        return false;
    }
    return true;
}

static void answer_post(dashboard_state_t *state, const dashboard_request_t *request, const route_t *route,
                        dashboard_answer_t *answer) {
    json_t *body = request->length == 0 ? json_object() : json_loadb(request->body, request->length, 0, NULL);
    if (!json_is_object(body)) {
        refuse_as(answer, HTTP_STATUS_BAD_REQUEST, "bad_body", "The body of a request is one JSON object.");
    } else if (route->login != NULL) {
        route->login(state, request, body, answer);
    } else {
        answer_order(state, body, route->order, answer);
    }
    json_decref(body);
}

void dashboard_route(dashboard_state_t *state, const dashboard_request_t *request, uint64_t now_ms,
                     dashboard_answer_t *answer) {
    const route_t *route = find_route(request->path);
    if (is_stopped(state, request, route, answer)) {
        return;
    }
    state->asked_ms = route->is_open ? state->asked_ms : now_ms;
    if (route->get != NULL) {
        route->get(state, request, NULL, answer);
        answer->response.body = request->method == LWSHUMETH_HEAD ? NULL : answer->response.body;
    } else {
        answer_post(state, request, route, answer);
    }
}
