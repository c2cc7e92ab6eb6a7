// SPDX-License-Identifier: Apache-2.0
// One rollout: which device may begin now, which one has ended and how, when the next wave begins, when all of it
// stops. Events go in, decisions come out; the caller does what was decided and reports what came of it. This folder
// knows no socket, no clock and no file: each event carries its time, and the devices lie in the caller's memory.
//
// A rollout is the sum of its events. fleet_decide() changes nothing: a decision is an event too. The caller writes an
// event down first, then gives it to fleet_apply(), then carries it out. So after a crash the same events, applied
// again, give the same rollout, and FLEET_RECOVER says that whatever was under way is lost:
//
//     event of a device or an operator -> journal -> fleet_apply()
//     while (fleet_decide())           -> journal -> fleet_apply() -> carried out
//
// One device, in the words of the table and the reports:
//
//     queued -> leased -> checking -> sending -> verifying -> ready -> restarting -> on_trial -> confirmed
//        |  ^      any of these, lost: back to queued, after a pause, `attempts` times
//        v  |
//      waiting (does not answer)         other ends: already, refused, unreachable, rolled_back, expired, superseded,
//                                                    cancelled
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_WAVES_MAX 16
#define FLEET_PAUSES_MAX 8
#define FLEET_NAME_SIZE 33 // name of a failure, of a reset, or the id of a device; terminated
#define FLEET_ID_SIZE 13   // 12 hexadecimal digits, terminated
#define FLEET_ALL UINT32_MAX

typedef enum {
    FLEET_QUEUED,
    FLEET_WAITING, // did not answer: asleep, or not found
    FLEET_LEASED,  // its job has begun
    FLEET_CHECKING,
    FLEET_SENDING,
    FLEET_VERIFYING,
    FLEET_READY,
    FLEET_RESTARTING,
    FLEET_ON_TRIAL,  // runs the new image, not confirmed
    FLEET_CONFIRMED, // the ends begin here
    FLEET_ALREADY,   // ran the new image, confirmed, before anything was done
    FLEET_REFUSED,
    FLEET_UNREACHABLE,
    FLEET_ROLLED_BACK,
    FLEET_EXPIRED, // nobody confirmed the new image in time
    FLEET_SUPERSEDED,
    FLEET_CANCELLED,
    FLEET_STATES,
} fleet_state_t;

typedef struct {
    uint32_t count;   // devices of this wave; 0: by `percent`
    uint32_t percent; // of all devices, together with the waves before
    uint32_t soak_s;
} fleet_wave_t;

typedef enum {
    FLEET_CONFIRM_SOAK,   // when the device has stayed well for soak_s
    FLEET_CONFIRM_NOW,    // as soon as it runs the new image; the next wave waits for soak_s
    FLEET_CONFIRM_DEVICE, // the firmware does it by itself; the next wave waits for soak_s
} fleet_confirm_t;

// The plan, as far as the decisions need it. At least one wave; the last one has 100 percent.
typedef struct {
    fleet_wave_t waves[FLEET_WAVES_MAX];
    uint32_t wave_count;
    uint32_t approve;                    // bit n: wave n (from 0) waits for approval
    uint32_t failed_percent;             // stop rule: so many percent of the devices that have ended; 0: no such rule
    uint32_t min_done;                   // and that rule needs so many ended devices
    uint32_t failed_count;               // stop rule: so many devices; 0: no such rule
    uint32_t failures;                   // bit per fleet_state_t: these ends count as failed
    uint32_t at_once;                    // devices between leased and restarting; at least 1
    uint32_t attempts;                   // that may fail, at least 1
    uint32_t pauses_s[FLEET_PAUSES_MAX]; // before the second attempt, the third ...; the last one serves for all others
    uint32_t pause_count;                // 0: no pause
    uint32_t asleep_s;                   // a device that does not answer is waited for; 0: it costs an attempt
    uint32_t look_s;                     // and is looked for so often
    uint32_t takeover_s;                 // that another process may need to go on after this one has died
    uint32_t again_s;                    // a device that could not be confirmed is asked again so much later
    uint32_t lost_s;                     // so long after its soak a device that is still on trial is given up
    bool has_window;
    uint32_t window_from_s, window_to_s; // of the local day; from > to: over midnight
    fleet_confirm_t confirm;
    bool confirmed_elsewhere; // whoever has the job confirms the device as `confirm` says; FLEET_CONFIRM is not decided
} fleet_rules_t;

typedef enum {
    // decisions
    FLEET_LEASE,     // begin the device's job: look at it first, then do what is missing
    FLEET_CONFIRM,   // confirm it
    FLEET_CANCEL,    // take its update back
    FLEET_GIVE_UP,   // it did not answer for too long
    FLEET_NEXT_WAVE, // value: which one
    FLEET_STOP,      // name: by which rule
    FLEET_FINISH,
    // what a device said, or what was seen of it
    FLEET_IDENTIFIED, // name: its id
    FLEET_PROGRESS,   // value: FLEET_CHECKING .. FLEET_RESTARTING
    FLEET_TRIAL,      // runs the new image on trial; value: seconds that are left, UINT32_MAX: no limit
    FLEET_DONE,       // runs the new image, confirmed
    FLEET_REFUSAL,    // for good; name
    FLEET_SILENT,     // does not answer
    FLEET_LOST,       // this attempt has failed, another one may work; name. value 1: it was the connection
    FLEET_BACK,       // runs the old image again; name: why
    FLEET_TIMED_OUT,  // runs the old image again, because nobody confirmed the new one. value 1: nobody was there to
    FLEET_OTHER,      // runs a third image: somebody else updates it
    FLEET_LET_GO,     // FLEET_CANCEL was carried out
    // an operator
    FLEET_PAUSE,
    FLEET_RESUME,
    FLEET_ABORT,
    FLEET_APPROVE, // value: wave, from 0
    FLEET_RETRY,   // device, or FLEET_ALL: every one that has failed
    // the process
    FLEET_RECOVER, // all jobs are gone
    FLEET_EVENTS,
} fleet_event_kind_t;

typedef struct {
    fleet_event_kind_t kind;
    uint32_t device; // index; of no device: FLEET_ALL
    uint32_t value;
    int64_t time_s;
    char name[FLEET_NAME_SIZE];
} fleet_event_t;

// Zero at first, but for `wave`: fleet_init() sets it.
typedef struct {
    char id[FLEET_ID_SIZE]; // "" until it is known
    char reason[FLEET_NAME_SIZE];
    fleet_state_t state;
    uint32_t wave;
    uint32_t attempt; // number of leases: each attempt has a number of its own
    uint32_t failed;  // attempts that failed, since it was queued by the plan or by an operator
    int64_t due_s;    // QUEUED, WAITING: not before; ON_TRIAL: to be confirmed then
    int64_t since_s;  // ON_TRIAL: it began
    int64_t asleep_s; // it has not answered since then; 0: it has
    bool touched;     // data were sent by this rollout
    bool restarted;   // and it was restarted into them: what it says of its last update is about them
    bool interrupted; // its process died meanwhile: an expired trial is not the image's fault
    bool confirming, cancelling;
    bool by_stop; // CANCELLED by the stop rule: FLEET_RESUME queues it again
} fleet_device_t;

typedef enum { FLEET_RUNNING, FLEET_STOPPED, FLEET_ABORTED, FLEET_FINISHED } fleet_phase_t;

typedef struct {
    const fleet_rules_t *rules; // the caller's, as `devices`
    fleet_device_t *devices;
    uint32_t count;
    fleet_phase_t phase;
    bool paused;
    uint32_t wave;                    // devices of later ones have not begun
    uint32_t approved;                // bit per wave
    uint32_t forgiven;                // bit per wave: it failed as a whole, and an operator has gone on
    int64_t ended_s;                  // when a device has ended last
    uint32_t ended_base, failed_base; // what an operator has seen, and gone on with
    char reason[FLEET_NAME_SIZE];     // FLEET_STOPPED: by which rule
} fleet_rollout_t;

typedef struct {
    int64_t time_s; // seconds of the calendar, so that they go on after a restart of the machine
    uint32_t day_s; // of the local day
} fleet_now_t;

// Begins a rollout, and spreads the devices over the waves in their order.
void fleet_init(fleet_rollout_t *rollout, const fleet_rules_t *rules, fleet_device_t *devices, uint32_t count);

// One thing has happened. False: it makes no sense now, and nothing has changed.
bool fleet_apply(fleet_rollout_t *rollout, const fleet_event_t *event);

// What is to be done now, one thing at a time; ask again after it was applied. False: nothing.
bool fleet_decide(const fleet_rollout_t *rollout, fleet_now_t now, fleet_event_t *decision);

bool fleet_has_ended(fleet_state_t state);
bool fleet_event_restarts(const fleet_event_t *event); // the device is about to be restarted into the new image
bool fleet_is_busy(fleet_state_t state);               // takes one of the `at_once` places
bool fleet_has_failed(fleet_state_t state);            // an end that FLEET_RETRY queues again

// Nothing is under way, and nothing will be without an operator.
bool fleet_is_at_rest(const fleet_rollout_t *rollout);

// The next wave could begin but for an approval. Then `wave` + 1 is its index.
bool fleet_waits_for_approval(const fleet_rollout_t *rollout, int64_t time_s);

uint32_t fleet_count(const fleet_rollout_t *rollout, fleet_state_t state);

// The words of the table, the reports and the plan: "on_trial"; "lease".
const char *fleet_state_name(fleet_state_t state);
const char *fleet_event_name(fleet_event_kind_t kind);
