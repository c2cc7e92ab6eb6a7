// SPDX-License-Identifier: Apache-2.0
#include "visitors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// Descriptors that are no connections: libwebsockets' own, epoll, and files that are open for a moment.
#define OTHER_DESCRIPTORS 24

unsigned visitors_limit(void) {
    struct rlimit limit;
    int free = open("/dev/null", O_RDONLY | O_CLOEXEC); // the lowest free one: those below it are in use
    if (free < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 0;
    }
    close(free);
    rlim_t used = (rlim_t)free + OTHER_DESCRIPTORS + VISITORS_BURST;
    if (limit.rlim_cur >= used + VISITORS_MAX) {
        return VISITORS_MAX;
    }
    return limit.rlim_cur >= used + VISITORS_MIN ? (unsigned)(limit.rlim_cur - used) : 0;
}

bool visitors_add(visitors_t *visitors, struct lws *wsi, const ota_ws_address_t *peer) {
    if (visitors->count == sizeof visitors->list / sizeof visitors->list[0]) {
        return false;
    }
    visitors->list[visitors->count++] = (visitor_t){wsi, *peer, false};
    return true;
}

void visitors_remove(visitors_t *visitors, const struct lws *wsi) {
    for (unsigned i = 0; i < visitors->count; i++) {
        if (visitors->list[i].wsi == wsi) {
            visitors->count--;
            memmove(&visitors->list[i], &visitors->list[i + 1], (visitors->count - i) * sizeof visitors->list[0]);
            return;
        }
    }
}

static unsigned count_staying(const visitors_t *visitors, const ota_ws_address_t *peer) {
    unsigned count = 0;
    for (unsigned i = 0; i < visitors->count; i++) {
        const visitor_t *at = &visitors->list[i];
        count += !at->leaves && (peer == NULL || memcmp(&at->peer, peer, sizeof *peer) == 0);
    }
    return count;
}

// The oldest one of the address that has most of them. NULL: there is none but the newest one.
static visitor_t *choose_session_to_evict(visitors_t *visitors) {
    visitor_t *chosen = NULL;
    unsigned most = 0;
    for (unsigned i = 0; i + 1 < visitors->count; i++) {
        visitor_t *at = &visitors->list[i];
        unsigned count = at->leaves ? 0 : count_staying(visitors, &at->peer);
        if (count > most) {
            most = count;
            chosen = at;
        }
    }
    return chosen;
}

static void close_soon(visitor_t *visitor) {
    visitor->leaves = true;
    lws_set_timeout(visitor->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void visitors_make_space(visitors_t *visitors, unsigned websockets) {
    bool full = count_staying(visitors, NULL) + websockets > visitors->limit;
    visitor_t *session_to_evict = full ? choose_session_to_evict(visitors) : NULL;
    if (session_to_evict != NULL) {
        close_soon(session_to_evict);
    }
}

void visitors_tick(visitors_t *visitors) {
    for (unsigned i = 0; i < visitors->count; i++) {
        if (visitors->list[i].leaves) {
            close_soon(&visitors->list[i]);
        }
    }
}
