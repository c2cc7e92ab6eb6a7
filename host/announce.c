// SPDX-License-Identifier: Apache-2.0
#include "announce.h"

#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/thread-watch.h>
#include <stdio.h>
#include <stdlib.h>

#define SERVICE "_ota-ws._tcp"

struct announce {
    announce_settings_t settings;
    AvahiThreadedPoll *poll; // its thread calls all that is below
    AvahiClient *client;
    AvahiEntryGroup *group;
    char *name; // as it is announced
    bool said;  // that there is no daemon
};

static void report_error(announce_t *announce, int error) {
    if (!announce->said) {
        console_log(announce->settings.console, "net", "not announced by Avahi: %s", avahi_strerror(error));
    }
    announce->said = true;
}

static void publish(announce_t *announce);

static void take_next_name(announce_t *announce) {
    char *next = avahi_alternative_service_name(announce->name);
    avahi_free(announce->name);
    announce->name = next;
}

static void group_changed(AvahiEntryGroup *group, AvahiEntryGroupState state, void *context) {
    announce_t *announce = context;
    announce->group = group;
    if (state == AVAHI_ENTRY_GROUP_ESTABLISHED) {
        console_log(announce->settings.console, "net", "announced as '%s', " SERVICE, announce->name);
    } else if (state == AVAHI_ENTRY_GROUP_COLLISION) {
        take_next_name(announce);
        publish(announce);
    } else if (state == AVAHI_ENTRY_GROUP_FAILURE) {
        report_error(announce, avahi_client_errno(announce->client));
    }
}

static int add_service(announce_t *announce) {
    const announce_settings_t *settings = &announce->settings;
    char id[24], path[136];
    snprintf(id, sizeof id, "id=%s", settings->id);
    snprintf(path, sizeof path, "path=%s", settings->path);
    return avahi_entry_group_add_service(announce->group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0, announce->name,
                                         SERVICE, NULL, NULL, (uint16_t)settings->port, "v=1", id, path,
                                         settings->tls ? "tls=1" : "tls=0", NULL);
}

// A name that this daemon announces already is refused at once; one on another machine comes as a collision later.
static void publish(announce_t *announce) {
    int error = 0;
    if (announce->group == NULL) {
        announce->group = avahi_entry_group_new(announce->client, group_changed, announce);
    }
    if (announce->group == NULL) {
        report_error(announce, avahi_client_errno(announce->client));
        return;
    }
    avahi_entry_group_reset(announce->group);
    while ((error = add_service(announce)) == AVAHI_ERR_COLLISION) {
        take_next_name(announce);
    }
    error = error < 0 ? error : avahi_entry_group_commit(announce->group);
    if (error < 0) {
        report_error(announce, error);
    }
}

static void client_changed(AvahiClient *client, AvahiClientState state, void *context) {
    announce_t *announce = context;
    announce->client = client;
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        publish(announce);
        break;
    case AVAHI_CLIENT_S_COLLISION: // the machine gets another host name: then again S_RUNNING
    case AVAHI_CLIENT_S_REGISTERING:
        if (announce->group != NULL) {
            avahi_entry_group_reset(announce->group);
        }
        break;
    case AVAHI_CLIENT_CONNECTING: // it comes to S_RUNNING when a daemon starts
        report_error(announce, AVAHI_ERR_NO_DAEMON);
        break;
    case AVAHI_CLIENT_FAILURE:
    default:
        report_error(announce, avahi_client_errno(client));
    }
}

announce_t *announce_start(const announce_settings_t *settings) {
    announce_t *announce = calloc(1, sizeof *announce);
    int error = AVAHI_ERR_NO_MEMORY;
    if (announce == NULL) {
        return NULL;
    }
    announce->settings = *settings;
    announce->name = avahi_strdup(settings->name);
    announce->poll = avahi_threaded_poll_new();
    if (announce->poll != NULL) {
        announce->client = avahi_client_new(avahi_threaded_poll_get(announce->poll), AVAHI_CLIENT_NO_FAIL,
                                            client_changed, announce, &error);
    }
    if (announce->client == NULL || avahi_threaded_poll_start(announce->poll) < 0) {
        report_error(announce, error);
        announce_stop(announce);
        return NULL;
    }
    return announce;
}

void announce_stop(announce_t *announce) {
    if (announce == NULL) {
        return;
    }
    if (announce->poll != NULL) {
        avahi_threaded_poll_stop(announce->poll);
    }
    if (announce->client != NULL) {
        avahi_client_free(announce->client); // its groups with it
    }
    if (announce->poll != NULL) {
        avahi_threaded_poll_free(announce->poll);
    }
    avahi_free(announce->name);
    free(announce);
}
