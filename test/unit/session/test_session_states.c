// SPDX-License-Identifier: Apache-2.0
// Every state of a device x every client x every event, and long random walks: whatever happens, the ports' contracts
// hold (rig.h checks them), only a whole image is ever selected, and in the end everything is given back and the next
// update works.
#include "testing.h"

#include "rig.h"

#define PEERS 3

static image_file_t good, other, foreign; // two for the rig's chip, one for another

static int build_images(void **state) {
    (void)state;
    good = rig_image("2.0.0");
    other = rig_image("2.1.0");
    foreign = rig_image_of_another_chip();
    return 0;
}

static int free_images(void **state) {
    (void)state;
    image_free(&good);
    image_free(&other);
    image_free(&foreign);
    return 0;
}

// ---- invariants ----

static bool slot_holds(const rig_t *rig, const image_file_t *file) {
    return memcmp(rig->nor->bytes, file->bytes, file->length) == 0;
}

static void check(const rig_t *rig) {
    const ota_ws_device_t *device = &rig->device;
    if (rig->nor->active) {
        assert_true(slot_holds(rig, &good) || slot_holds(rig, &other));
    }
    const bool rests = device->update == OTA_WS_UPDATE_IDLE || device->update == OTA_WS_UPDATE_READY;
    assert_int_equal(rests, rig->writer == NULL && !rig->alone);
    assert_true(!rests || device->owner == NULL);
    assert_true(device->update != OTA_WS_UPDATE_READY || rig->nor->active);
    assert_true(rig->restarts <= 1);
}

static void work_all(rig_t *rig) {
    do {
        check(rig);
    } while (rig_work(rig));
    check(rig);
}

// All clients go; then the device is as good as new.
static void end(rig_t *rig, peer_t *peers[PEERS]) {
    for (int i = 0; i < PEERS; i++) {
        peer_free(peers[i]);
        check(rig);
    }
    rig->nor->fail_after = -1;
    rig->confirm_status = rig->roll_back_status = rig->start_status = rig->alone_status = OTA_WS_OK;
    work_all(rig);
    assert_true(rig->device.update == OTA_WS_UPDATE_IDLE || rig->device.update == OTA_WS_UPDATE_READY);
    if (rig->device.on_trial || rig->device.restarting) {
        rig_free(rig);
        return;
    }
    if (rig->device.update == OTA_WS_UPDATE_READY) {
        peer_t *peer = peer_welcome(rig);
        peer_say(peer, "{\"type\":\"cancel\"");
        work_all(rig);
        assert_true(peer_failed(peer, "cancelled"));
        peer_free(peer);
    }
    rig_assert_updates(rig);
    rig_free(rig);
}

// ---- states: peers[0] is the owner where there is one, peers[1] another client, peers[2] has said nothing ----

static void send_next(peer_t *peer, const image_file_t *file) {
    const uint32_t at = peer->rig->device.received;
    const uint32_t left = at < file->length ? (uint32_t)file->length - at : 1;
    peer_data(peer, at, at < file->length ? file->bytes + at : NULL, left < 4096 ? left : 4096);
}

static void be_idle(rig_t *rig, peer_t *owner) {
    (void)rig;
    (void)owner;
}

static void be_opening(rig_t *rig, peer_t *owner) {
    (void)rig;
    peer_begin(owner, (uint32_t)good.length, good.bytes, false);
}

static void be_receiving(rig_t *rig, peer_t *owner) {
    peer_begin_image(owner, &good);
    send_next(owner, &good);
    rig_settle(rig);
}

static void be_writing(rig_t *rig, peer_t *owner) {
    be_receiving(rig, owner);
    send_next(owner, &good);
    send_next(owner, &good);
}

static void be_verifying(rig_t *rig, peer_t *owner) {
    peer_begin_image(owner, &good);
    while (rig->device.received < good.length) {
        send_next(owner, &good);
        rig_work(rig);
        peer_forget(owner);
    }
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_VERIFYING);
}

static void be_ready(rig_t *rig, peer_t *owner) {
    be_verifying(rig, owner);
    rig_settle(rig);
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_READY);
}

static void be_ending(rig_t *rig, peer_t *owner) {
    be_writing(rig, owner);
    peer_say(owner, "{\"type\":\"cancel\"");
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_ENDING);
}

static void be_refusing(rig_t *rig, peer_t *owner) {
    peer_begin_image(owner, &foreign);
    send_next(owner, &foreign);
    send_next(owner, &foreign);
    rig_work(rig);
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_ENDING);
}

static void be_taking_back(rig_t *rig, peer_t *owner) {
    be_ready(rig, owner);
    peer_say(owner, "{\"type\":\"cancel\"");
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_CONTROL);
}

static void be_on_trial(rig_t *rig, peer_t *owner) {
    (void)owner;
    rig->identity.image_state = OTA_WS_IMAGE_TRIAL;
    rig->device.on_trial = true;
    rig->device.trial_since_ms = rig->now_ms;
}

static void be_confirming(rig_t *rig, peer_t *owner) {
    be_on_trial(rig, owner);
    peer_say(owner, "{\"type\":\"confirm\"");
    assert_int_equal(rig->device.update, OTA_WS_UPDATE_CONTROL);
}

static void be_restarting(rig_t *rig, peer_t *owner) {
    (void)rig;
    peer_say(owner, "{\"type\":\"restart\"");
}

typedef void (*arrange_t)(rig_t *rig, peer_t *owner);

static const arrange_t states[] = {be_idle,   be_opening,  be_receiving,   be_writing,  be_verifying,  be_ready,
                                   be_ending, be_refusing, be_taking_back, be_on_trial, be_confirming, be_restarting};

// ---- events ----

static const char *const messages[] = {
    "{\"type\":\"cancel\"",   "{\"type\":\"restart\"", "{\"type\":\"confirm\"", "{\"type\":\"rollback\"",
    "{\"type\":\"ping\"",     "{\"type\":\"end\"",     "{\"type\":\"history\"", "{\"type\":\"proof\",\"scram\":\"x\"",
    "{\"type\":\"nonsense\"", "{\"type\":{}"};

static void say(peer_t *peer, int which) {
    peer_say(peer, messages[which]);
}

static void begin_good(peer_t *peer, int which) {
    (void)which;
    peer_begin(peer, (uint32_t)good.length, good.bytes, false);
}

static void begin_other(peer_t *peer, int which) {
    (void)which;
    peer_begin(peer, (uint32_t)other.length, other.bytes, false);
}

static void begin_empty(peer_t *peer, int which) {
    (void)which;
    peer_begin(peer, 0, NULL, false);
}

static void data(peer_t *peer, int which) {
    const uint32_t offsets[] = {peer->rig->device.received, peer->rig->device.received + 1, 0, UINT32_MAX};
    const uint32_t offset = offsets[which];
    const bool inside = offset < good.length && good.length - offset >= 100;
    peer_data(peer, offset, inside ? good.bytes + offset : NULL, 100);
}

static void data_of_length(peer_t *peer, int which) {
    static const uint64_t lengths[] = {0, 3, 4, 4101, UINT64_MAX};
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_DATA, lengths[which], peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void long_text(peer_t *peer, int which) {
    (void)which;
    assert_int_equal(ota_ws_session_admit(peer->session, OTA_WS_FRAME_TEXT, 1025, peer->rig->now_ms),
                     OTA_WS_ADMIT_DISCARD);
}

static void break_frame(peer_t *peer, int which) {
    ota_ws_session_broken(peer->session, which == 0 ? OTA_WS_FRAGMENTED : OTA_WS_BAD_FRAME, peer->rig->now_ms);
}

static void go_away(peer_t *peer, int which) {
    (void)which;
    peer_close(peer);
}

static void wait(peer_t *peer, int which) {
    static const uint32_t times_ms[] = {1, 1000, 30000, 90000, 300000};
    rig_pass(peer->rig, times_ms[which]);
}

static void work(peer_t *peer, int which) {
    for (int i = 0; i <= which; i++) {
        rig_work(peer->rig);
    }
}

static void fail_next(peer_t *peer, int which) {
    static const struct {
        nor_kind_t kind;
        ota_ws_status_t status;
    } failures[] = {{NOR_OPEN, OTA_WS_ON_TRIAL},         {NOR_ERASE, OTA_WS_FLASH_ERASE},
                    {NOR_PROGRAM, OTA_WS_FLASH_PROGRAM}, {NOR_READ, OTA_WS_FLASH_READ},
                    {NOR_ACTIVATE, OTA_WS_NOT_VERIFIED}, {NOR_DEACTIVATE, OTA_WS_BOOT_RECORD}};
    peer->rig->nor->failing = failures[which].kind;
    peer->rig->nor->status = failures[which].status;
    peer->rig->nor->fail_after = 0;
}

static void fail_platform(peer_t *peer, int which) {
    rig_t *rig = peer->rig;
    ota_ws_status_t *const statuses[] = {&rig->confirm_status, &rig->roll_back_status, &rig->start_status,
                                         &rig->alone_status};
    *statuses[which] = which >= 2 ? OTA_WS_NO_MEMORY : OTA_WS_BOOT_RECORD;
}

typedef struct {
    void (*happen)(peer_t *peer, int which);
    int kinds;
} event_t;

static const event_t events[] = {{say, COUNT_OF(messages)},
                                 {begin_good, 1},
                                 {begin_other, 1},
                                 {begin_empty, 1},
                                 {data, 4},
                                 {data_of_length, 5},
                                 {long_text, 1},
                                 {break_frame, 2},
                                 {go_away, 1},
                                 {wait, 5},
                                 {work, 3},
                                 {fail_next, 6},
                                 {fail_platform, 4}};

// ---- each in each ----

static void begin_case(rig_t **rig, peer_t *peers[PEERS], arrange_t arrange) {
    *rig = rig_new();
    peers[0] = peer_welcome(*rig);
    peers[1] = peer_welcome(*rig);
    peers[2] = peer_new(*rig);
    arrange(*rig, peers[0]);
    check(*rig);
}

static void every_event_in_every_state_from_every_client(void **state) {
    (void)state;
    unsigned cases = 0;
    for (size_t s = 0; s < COUNT_OF(states); s++) {
        for (size_t e = 0; e < COUNT_OF(events); e++) {
            for (int which = 0; which < events[e].kinds; which++) {
                for (int p = 0; p < PEERS; p++) {
                    rig_t *rig;
                    peer_t *peers[PEERS];
                    begin_case(&rig, peers, states[s]);
                    events[e].happen(peers[p], which);
                    work_all(rig);
                    rig_pass(rig, 1000);
                    end(rig, peers);
                    cases++;
                }
            }
        }
    }
    print_message("%u cases\n", cases);
}

static void two_events_in_every_state(void **state) {
    (void)state;
    unsigned cases = 0;
    unsigned random = 1;
    for (size_t s = 0; s < COUNT_OF(states); s++) {
        for (size_t first = 0; first < COUNT_OF(events); first++) {
            for (size_t second = 0; second < COUNT_OF(events); second++) {
                rig_t *rig;
                peer_t *peers[PEERS];
                begin_case(&rig, peers, states[s]);
                random = random * 1664525 + 1013904223;
                const size_t p = random >> 30 == 3 ? 0 : random >> 30;
                events[first].happen(peers[p], (int)(random >> 16) % events[first].kinds & 15);
                check(rig);
                peer_t *next = peers[(random >> 8) % 2];
                if (next->session != NULL) {
                    events[second].happen(next, (int)(random >> 4 & 0xFFF) % events[second].kinds);
                }
                work_all(rig);
                end(rig, peers);
                cases++;
            }
        }
    }
    print_message("%u cases\n", cases);
}

// ---- at random ----

static unsigned next_random(unsigned *random, unsigned limit) {
    *random = *random * 1664525 + 1013904223;
    return (*random >> 8) % limit;
}

static void revive(rig_t *rig, peer_t **peer) {
    if ((*peer)->session == NULL || (*peer)->session->state == OTA_WS_SESSION_ENDED) {
        peer_free(*peer);
        *peer = peer_welcome(rig);
    }
}

// Mostly what an honest client does, so that updates get somewhere; sometimes any event.
static void step(rig_t *rig, peer_t *peers[PEERS], unsigned *random) {
    const unsigned p = next_random(random, PEERS);
    const unsigned kind = next_random(random, 100);
    if (rig->device.restarting) {
        return;
    }
    revive(rig, &peers[p]);
    peer_forget(peers[p]);
    if (kind < 40 && rig->chunks < 4 && rig->device.received < good.length) {
        if (rig->device.owner == peers[p]->session && rig->device.update == OTA_WS_UPDATE_RECEIVING) {
            send_next(peers[p], &good);
        }
    } else if (kind < 80) {
        rig_work(rig);
    } else if (kind < 85) {
        peer_begin(peers[p], (uint32_t)good.length, good.bytes, false);
    } else {
        const event_t *event = &events[next_random(random, COUNT_OF(events))];
        const int which = (int)next_random(random, (unsigned)event->kinds);
        if (rig->job_count + 3 < RIG_JOBS_MAX && !(event->happen == say && which == 1)) {
            event->happen(peers[p], which);
        }
    }
}

static void long_random_walks_keep_every_invariant(void **state) {
    (void)state;
    unsigned dones = 0;
    for (unsigned walk = 0; walk < 300; walk++) {
        unsigned random = walk * 7919 + 1;
        rig_t *rig;
        peer_t *peers[PEERS];
        begin_case(&rig, peers, be_idle);
        for (int i = 0; i < 200; i++) {
            step(rig, peers, &random);
            check(rig);
            dones += rig->nor->active;
            for (int p = 0; p < PEERS; p++) {
                peer_forget(peers[p]);
            }
            if (next_random(&random, 20) == 0) {
                rig->nor->fail_after = -1;
                rig->confirm_status = rig->roll_back_status = rig->start_status = rig->alone_status = OTA_WS_OK;
            }
        }
        end(rig, peers);
    }
    assert_true(dones > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state_from_every_client),
        cmocka_unit_test(two_events_in_every_state),
        cmocka_unit_test(long_random_walks_keep_every_invariant),
    };
    return cmocka_run_group_tests(tests, build_images, free_images);
}
