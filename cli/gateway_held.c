// SPDX-License-Identifier: Apache-2.0
// One job, from the queue to the queue; gateway.h has its states.
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway.h"
#include "loop.h"
#include "text.h"

#define DONE_TRIES 3

static bool is_driven(const held_t *held) {
    return held->state == HELD_RUNNING && held->rollout->held[held->slot] == held;
}

// ---- the queue ----

static void answer_queue(const held_t *held, const char *what) {
    nats_link_publish(&held->gateway->link, held->ack, what);
}

// Another gateway takes it, but not at once.
static void give_back(const held_t *held) {
    char text[64];
    snprintf(text, sizeof text, "-NAK {\"delay\": %llu}", held->gateway->arguments->lease_s * 1000000000ULL / 2);
    answer_queue(held, text);
}

static void on_done(void *context, const nats_message_t *message) {
    held_t *held = context;
    held->is_asked = false;
    held->is_free = message != NULL || ++held->tries >= DONE_TRIES;
}

static void tell_done(held_t *held) {
    const nats_request_t request = {.subject = held->ack, .data = "+ACK", .length = 4};
    held->state = HELD_DONE;
    held->is_asked = true;
    nats_link_request(&held->gateway->link, &request, JETSTREAM_TIMEOUT_MS, on_done, held);
}

void gateway_reported(held_t *held) {
    tell_done(held);
}

void gateway_restart_reported(held_t *held) {
    if (is_driven(held)) {
        fleet_run_release(&held->rollout->run, held->slot);
    }
}

// ---- ends ----

void gateway_happened(held_t *held, const fleet_event_t *event, bool restarted, bool is_final) {
    fleet_event_message_t message = {
        .attempt = held->job.attempt, .restarted = restarted, .is_final = is_final, .event = *event};
    memcpy(message.version, held->version, sizeof message.version);
    message.event.device = held->job.device;
    if (held->is_abandoned) {
        held->is_free |= is_final;
        return;
    }
    held->state = is_final ? HELD_REPORTING : held->state;
    gateway_report(held, &message);
}

static void end_with(held_t *held, fleet_event_kind_t kind, uint32_t value, const char *name) {
    fleet_event_t event = {.kind = kind, .value = value, .time_s = fleet_time().time_s};
    ota_ws_text_copy(event.name, sizeof event.name, name);
    gateway_happened(held, &event, held->job.restarted, true);
}

// Takes it out of its slot, unless a job is under way there: then its end follows. True: it is out.
static bool take_out(held_t *held) {
    fleet_run_t *run = &held->rollout->run;
    fleet_device_t *device = &held->rollout->devices[held->slot];
    if (!is_driven(held)) {
        return true;
    }
    if (run->targets[held->slot].job != NULL) {
        fleet_run_drop(run, held->slot);
        return false;
    }
    device->state = FLEET_CANCELLED;
    device->id[0] = '\0';
    held->rollout->held[held->slot] = NULL;
    return true;
}

void gateway_drop(held_t *held) {
    if (!held->is_abandoned) {
        held->is_abandoned = true;
        gateway_forget_reports(held);
        gateway_note(held->gateway, held->job.entry.host, "lease_lost",
                     "The lease of this device is lost; another gateway takes it over.");
    }
    held->is_free |= take_out(held);
}

// ---- the way ----

static void on_last(void *context, const nats_message_t *message) {
    held_t *held = context;
    held->is_asked = false;
    if (message == NULL || (message->status != 0 && message->status != 404)) {
        return; // asked again
    }
    bool is_known = message->status == 0 && fleet_event_read(&held->last, message->data, message->length);
    held->has_last = is_known && held->last.attempt == held->job.attempt;
    held->job.restarted |= is_known && held->last.restarted && !held->last.is_final;
    if (is_known && (held->last.attempt > held->job.attempt || (held->has_last && held->last.is_final))) {
        tell_done(held);
        return;
    }
    held->state = HELD_WAITING;
}

static void ask_last(held_t *held) {
    char subject[JETSTREAM_SUBJECT_SIZE];
    snprintf(subject, sizeof subject, "otaws.%s.ev.%s.%u", held->gateway->site, held->job.rollout, held->job.device);
    held->is_asked = true;
    jetstream_get_last(&held->gateway->link, "OTAWS_EV", subject, on_last, held);
}

static bool is_cancelled(const held_t *held) {
    const gateway_t *gateway = held->gateway;
    size_t count = gateway->cancel_count < GATEWAY_CANCELS ? gateway->cancel_count : GATEWAY_CANCELS;
    for (size_t i = 0; i < count; i++) {
        if (gateway->cancels[i].device == held->job.device && gateway->cancels[i].attempt == held->job.attempt &&
            strcmp(gateway->cancels[i].rollout, held->job.rollout) == 0) {
            return true;
        }
    }
    return false;
}

static void tick_waiting(held_t *held) {
    site_rollout_t *rollout = held->rollout;
    if (is_cancelled(held) && !held->job.restarted) { // too late for a device that runs the new image
        end_with(held, FLEET_LET_GO, 0, "");
    } else if (held->deliveries > GATEWAY_DELIVERIES) {
        end_with(held, FLEET_LOST, 1, "gateway_died");
    } else if (rollout->reason[0] != '\0') {
        bool is_lost = rollout->image.state == IMAGE_FAILED && rollout->image.is_lost;
        end_with(held, is_lost ? FLEET_LOST : FLEET_REFUSAL, is_lost, rollout->reason);
    } else if (rollout->is_open && gateway_rollout_place(rollout, held)) {
        held->state = HELD_RUNNING;
    }
}

// Nobody has the device: the job is ours. Somebody has it: later, or after so many tries in another attempt.
static void tick_leasing(held_t *held) {
    if (held->lease.state == LEASE_HELD) {
        held->state = HELD_ASKING;
    } else if (held->lease.state == LEASE_TAKEN && held->deliveries > GATEWAY_DELIVERIES) {
        end_with(held, FLEET_LOST, 1, "leased_elsewhere");
    } else if (held->lease.state == LEASE_TAKEN) {
        give_back(held);
        held->is_free = true;
    }
}

void gateway_held_tick(held_t *held, uint64_t now_ms) {
    lease_tick(&held->lease, now_ms);
    if (held->lease.state == LEASE_LOST || held->is_abandoned) {
        gateway_drop(held);
        return;
    }
    if (now_ms >= held->progress_ms) {
        answer_queue(held, "+WPI");
        held->progress_ms = now_ms + held->gateway->arguments->lease_s * 1000 / 3;
    }
    if (held->state == HELD_LEASING) {
        tick_leasing(held);
    } else if (held->state == HELD_ASKING && !held->is_asked) {
        ask_last(held);
    } else if (held->state == HELD_WAITING) {
        tick_waiting(held);
    } else if (held->state == HELD_DONE && !held->is_asked && !held->is_free) {
        tell_done(held);
    }
}

// ---- taking ----

// The key of a device: by its address, for its id is known only after somebody has talked to it.
static void write_lease_key(const char *host, char key[40]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    char digits[33];
    EVP_Digest(host, strlen(host), digest, NULL, EVP_sha256(), NULL);
    ota_ws_text_hex(digits, digest, 16);
    snprintf(key, 40, "dev.%s", digits);
}

// "$JS.ACK.stream.consumer.deliveries. ..."; a domain and an account may stand before the stream.
static uint32_t read_deliveries(const char *ack) {
    size_t dots = 0, word = 0;
    for (const char *at = ack; *at != '\0'; at++) {
        dots += *at == '.';
    }
    size_t wanted = dots == 8 ? 4 : 6;
    for (const char *at = ack; *at != '\0'; at++) {
        word += *at == '.';
        if (*at == '.' && word == wanted) {
            return (uint32_t)strtoul(at + 1, NULL, 10);
        }
    }
    return 1;
}

// It becomes a part of subjects.
static bool is_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && name[0] != '.' && name[length - 1] != '.' && strstr(name, "..") == NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

static void begin(held_t *held, gateway_t *gateway, const nats_message_t *message) {
    char key[40], holder[192];
    held->gateway = gateway;
    held->deliveries = read_deliveries(message->reply);
    held->next = gateway->held;
    gateway->held = held;
    held->rollout->count++;
    held->progress_ms = loop_now_ms() + gateway->arguments->lease_s * 1000 / 3;
    write_lease_key(held->job.entry.host, key);
    snprintf(holder, sizeof holder, "%s %s/%u/%u", gateway->name, held->job.rollout, held->job.device,
             held->job.attempt);
    lease_take(&held->lease, &gateway->link, "otaws_leases", key, holder, gateway->arguments->lease_s);
}

static held_t *find_same(const gateway_t *gateway, const fleet_job_message_t *job) {
    held_t *held = gateway->held;
    while (held != NULL && (held->job.device != job->device || held->job.attempt != job->attempt ||
                            strcmp(held->job.rollout, job->rollout) != 0)) {
        held = held->next;
    }
    return held;
}

// This gateway was too slow to say that it is alive, and gets its own job again: then it goes on with the one that it
// has.
static void take_again(held_t *held, const char *ack) {
    ota_ws_text_copy(held->ack, sizeof held->ack, ack);
    if (held->is_abandoned) {
        give_back(held);
    } else {
        answer_queue(held, "+WPI");
    }
}

void gateway_take_job(gateway_t *gateway, const nats_message_t *message) {
    held_t *held = calloc(1, sizeof *held);
    if (held == NULL) {
        return;
    }
    held->gateway = gateway;
    ota_ws_text_copy(held->ack, sizeof held->ack, message->reply);
    if (!fleet_job_read(&held->job, message->data, message->length) || !is_name(held->job.rollout)) {
        gateway_note(gateway, NULL, "not_a_job", "A message in the queue is no job that is known here; it is removed.");
        answer_queue(held, "+TERM");
    } else if (find_same(gateway, &held->job) != NULL) {
        take_again(find_same(gateway, &held->job), message->reply);
    } else if ((held->rollout = gateway_rollout_of(gateway, &held->job)) == NULL) {
        give_back(held);
    } else {
        begin(held, gateway, message);
    }
    free(held->job.plan); // the rollout has it
    held->job.plan = NULL;
    if (held->rollout == NULL) {
        free(held);
    }
}

void gateway_cancel(gateway_t *gateway, const char *rollout, uint32_t device, uint32_t attempt) {
    size_t place = gateway->cancel_count++ % GATEWAY_CANCELS;
    ota_ws_text_copy(gateway->cancels[place].rollout, sizeof gateway->cancels[place].rollout, rollout);
    gateway->cancels[place].device = device;
    gateway->cancels[place].attempt = attempt;
    for (held_t *held = gateway->held; held != NULL; held = held->next) {
        bool is_meant = held->job.device == device && held->job.attempt == attempt &&
                        strcmp(held->job.rollout, rollout) == 0 && !held->is_abandoned;
        bool is_queued = is_meant && is_driven(held) && held->rollout->devices[held->slot].state == FLEET_QUEUED;
        if (is_queued && take_out(held)) {
            end_with(held, FLEET_LET_GO, 0, "");
        } else if (is_meant && is_driven(held)) {
            fleet_run_cancel(&held->rollout->run, held->slot);
        }
    }
}
