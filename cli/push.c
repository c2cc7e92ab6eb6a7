// SPDX-License-Identifier: Apache-2.0
// The steps: ARRIVED -> BEGINNING -> SENDING -> RESTARTING -> [CONFIRMING], or from each of the first three ->
// CANCELLING. A lost connection leads back to the start. What the device says then decides how it goes on: it may have
// the whole file already, and verify it (VERIFYING), be ready with it, or run it.
#include "push.h"

#include <stdio.h>
#include <string.h>

#include "complaint.h"
#include "recognise.h"

#define ANSWER_MS 30000        // a device writes its boot record before it answers
#define CANCEL_ANSWER_MS 10000 // what is on its way comes first: at most the device's credit

enum { ARRIVED, BEGINNING, SENDING, VERIFYING, RESTARTING, CONFIRMING, CANCELLING };

static push_t *push_of(const visit_t *visit) {
    return visit->task;
}

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

// ---- endings -------------------------------------------------------------------------------------------------------

// Takes the update back; the outcome is told when the device has answered.
static void cancel(visit_t *visit, exit_code_t code, const char *name, const char *sentence) {
    push_t *push = push_of(visit);
    output_progress_end(visit->output, &push->progress);
    problem_set(&push->problem, code, name, "%s", sentence);
    visit->step = CANCELLING;
    client_say_type(&visit->client, "cancel");
    visit_expect_answer(visit, CANCEL_ANSWER_MS);
}

static void say_confirm(visit_t *visit) {
    visit->step = CONFIRMING;
    client_say_type(&visit->client, "confirm");
    visit_expect_answer(visit, ANSWER_MS);
}

static void finish_returned(visit_t *visit, const device_state_t *before) {
    push_t *push = push_of(visit);
    outcome_t outcome;
    outcome_after_restart(&outcome, before, &push->updated, &visit->state);
    bool on_trial = outcome.kind == OUTCOME_RUNNING && same(visit->state.running.image, "trial");
    if (on_trial && push->options->confirm) {
        say_confirm(visit);
        return;
    }
    if (on_trial && visit->state.has_trial_left) {
        output_note(visit->output, visit->name, "on trial for %u s: 'ota-ws confirm %s' keeps it",
                    visit->state.trial_left_s, visit->name);
    }
    visit_finish(visit, &outcome);
}

static void finish_ready(visit_t *visit) {
    outcome_t outcome;
    outcome_running(&outcome, &push_of(visit)->before);
    outcome.kind = OUTCOME_READY;
    outcome.updated = push_of(visit)->updated;
    visit_finish(visit, &outcome);
}

// ---- begin ---------------------------------------------------------------------------------------------------------

// A frame that does not wait for the answer; only where the device is at rest and will hardly go on in the middle.
static void plan_early(visit_t *visit) {
    push_t *push = push_of(visit);
    uint32_t size = push->firmware->size;
    bool is_likely = visit->attempts == 0 && visit->busy_ms == 0 && same(visit->state.update, "idle");
    push->early = is_likely ? smaller(visit->state.early, WINDOW_CHUNK_MAX) : 0;
    push->early = smaller(push->early, push->is_packed ? smaller(push->packed.length, size) : size);
    push->early_due = push->early > 0;
}

static void say_begin(visit_t *visit) {
    push_t *push = push_of(visit);
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, "begin");
    ota_ws_reply_number(&message, "size", push->firmware->size);
    ota_ws_reply_hex(&message, "sha256", push->firmware->sha256, OTA_WS_SHA256_SIZE);
    if (push->options->allow_downgrade) {
        ota_ws_reply_true(&message, "allow_downgrade");
    }
    if (push->is_packed) {
        ota_ws_reply_true(&message, "deflate");
    }
    plan_early(visit);
    if (push->early_due) {
        ota_ws_reply_number(&message, "early", push->early);
        client_offer_data(&visit->client);
    }
    visit->step = BEGINNING;
    client_say(&visit->client, &message);
    visit_expect_answer(visit, ANSWER_MS);
}

static void tell_intention(visit_t *visit) {
    const firmware_t *firmware = push_of(visit)->firmware;
    const ota_ws_image_description_t *description = &firmware->image.description;
    char image[80] = "an image that is encrypted";
    if (!firmware->is_encrypted) {
        snprintf(image, sizeof image, "%s %s", description->project, description->version);
    }
    output_note(visit->output, visit->name, "%s: %s %s -> %s, %u bytes to %s", visit->state.device,
                visit->state.running.project, visit->state.running.version, image, firmware->size,
                visit->state.other.slot);
}

// As it is, or packed? And says so, where there is a choice.
static void choose_packing(visit_t *visit) {
    push_t *push = push_of(visit);
    push_compress_t when = push->options->compress;
    uint32_t round_trip_ms = visit->client.round_trip_ms;
    push->is_packed = false;
    if (!visit->state.deflate || push->declined || when == PUSH_COMPRESS_NEVER ||
        !packed_make(&push->packed, push->firmware, 0)) {
        return;
    }
    push->is_packed =
        when == PUSH_COMPRESS_ALWAYS || packed_gains(push->firmware->size, push->packed.length, round_trip_ms);
}

static void tell_packing(visit_t *visit) {
    push_t *push = push_of(visit);
    if (push->is_packed) {
        output_note(visit->output, visit->name, "sent compressed: %u bytes instead of %u (--compress never: as it is)",
                    push->packed.length, push->firmware->size - push->packed.offset);
    } else if (push->packed.bytes != NULL) {
        output_note(visit->output, visit->name,
                    "sent as it is: the network is as fast as the device writes, compressing would save no time");
    }
}

// Once, when the device has taken the update: before that it may refuse it.
static void announce(visit_t *visit) {
    push_t *push = push_of(visit);
    if (!push->announced) {
        push->announced = true;
        tell_intention(visit);
        tell_packing(visit);
    }
}

// The first time that the device answers.
static void begin_first(visit_t *visit) {
    push_of(visit)->begun = true;
    choose_packing(visit);
    say_begin(visit);
}

static void say_restart(visit_t *visit) {
    visit->step = RESTARTING;
    client_say_type(&visit->client, "restart");
    visit_expect_answer(visit, ANSWER_MS);
}

// The device has the whole file, verified: in this session, or its `done` was lost with the last connection.
static void go_on_from_ready(visit_t *visit) {
    if (push_of(visit)->options->no_restart) {
        finish_ready(visit);
    } else {
        say_restart(visit);
    }
}

static void take_ready(visit_t *visit) {
    push_t *push = push_of(visit);
    push->updated = visit->state.other;
    output_note(visit->output, visit->name, "%s is verified in %s already: nothing more has to be sent",
                push->updated.version, push->updated.slot);
    go_on_from_ready(visit);
}

// It runs the file's image: the update is done, or was never needed. On trial it is confirmed if that is asked for.
static void finish_runs_already(visit_t *visit) {
    outcome_t outcome;
    outcome_running(&outcome, &visit->state);
    outcome.kind = OUTCOME_UNCHANGED;
    if (same(visit->state.running.image, "trial") && push_of(visit)->options->confirm) {
        say_confirm(visit);
    } else {
        visit_finish(visit, &outcome);
    }
}

static bool has_restarted(const visit_t *visit) {
    return !same(visit->state.boot, push_of(visit)->before.boot);
}

// A file that the device would refuse is refused here, even where its ELF file is the running one's.
static bool refuse_unfit(visit_t *visit) {
    const push_t *push = push_of(visit);
    problem_t problem;
    bool fits = push->begun || push->options->no_check ||
                firmware_fits(push->firmware, &visit->state, push->options->allow_downgrade, &problem);
    if (!fits) {
        visit_finish_problem(visit, &problem);
    }
    return !fits;
}

// Logged in, for the first time or again after a lost connection: how far is the device with this file?
static void on_arrived(visit_t *visit) {
    push_t *push = push_of(visit);
    bool runs = recognise_running(push->firmware, &visit->state) && same(visit->state.update, "idle");
    push->before = push->begun ? push->before : visit->state;
    if (refuse_unfit(visit)) {
        return;
    }
    if (push->updated.slot[0] != '\0' && has_restarted(visit)) {
        finish_returned(visit, &push->before); // it restarted while we were not connected
    } else if (recognise_ready(push->firmware, &visit->state)) {
        take_ready(visit);
    } else if (recognise_verifying(push->firmware, &visit->state)) {
        visit->step = VERIFYING;
        visit_expect_answer(visit, ANSWER_MS);
    } else if (push->begun && runs && has_restarted(visit) && !push->options->force) {
        push->updated = visit->state.running; // it was ready, and somebody else has restarted it
        finish_returned(visit, &push->before);
    } else if (!push->begun && runs && !push->options->force) {
        finish_runs_already(visit);
    } else if (!push->begun) {
        begin_first(visit);
    } else {
        say_begin(visit);
    }
}

// The device was verifying the file when we came.
static void on_verified(visit_t *visit) {
    if (!same(visit->state.update, "verifying")) {
        visit_answered(visit);
        on_arrived(visit);
    }
}

// ---- data ----------------------------------------------------------------------------------------------------------

static void cancel_unreadable(visit_t *visit) {
    cancel(visit, EXIT_CODE_FILE_REFUSED, "file_changed",
           "The file changed while it was sent. The update was cancelled.");
}

// What is packed begins where the device goes on.
static bool pack_from(push_t *push, uint32_t offset) {
    bool is_made = push->packed.bytes != NULL && push->packed.offset == offset;
    push->end_said = false;
    return is_made || (offset <= push->firmware->size && packed_make(&push->packed, push->firmware, offset));
}

static void on_ready(visit_t *visit, const device_message_t *message) {
    push_t *push = push_of(visit);
    uint32_t offset, chunk, credit;
    device_message_number(message, "offset", &offset);
    device_message_number(message, "chunk", &chunk);
    device_message_number(message, "credit", &credit);
    if (push->is_packed && !pack_from(push, offset)) {
        cancel_unreadable(visit);
        return;
    }
    bool makes_sense = push->is_packed
                           ? window_open_packed(&push->window, push->packed.length, push->firmware->size, chunk, credit)
                           : window_open(&push->window, push->firmware->size, offset, chunk, credit);
    if (!makes_sense) {
        cancel(visit, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        return;
    }
    push->resumed_at = offset;
    announce(visit);
    if (offset == 0) {
        window_sent(&push->window, push->early);
    }
    if (offset > 0) {
        output_note(visit->output, visit->name, "going on after %u bytes that the device has already", offset);
    } else if (visit->attempts > 0 && push->firmware->is_encrypted) {
        output_note(visit->output, visit->name, "from the start again: an encrypted image cannot go on in the middle");
    }
    meter_start(&push->progress, push->firmware->size, offset, loop_now_ms());
    visit->step = SENDING;
    client_offer_data(&visit->client);
}

// What is packed from elsewhere on is not what was promised early; but then nobody reads that.
static bool read_piece(const push_t *push, uint32_t offset, unsigned char *bytes, uint32_t length) {
    if (push->is_packed && length <= push->packed.length - offset) {
        memcpy(bytes, push->packed.bytes + offset, length);
        return true;
    }
    return firmware_read(push->firmware, offset, bytes, length);
}

// After the last packed byte, which is not known to the device by its offset.
static void say_end(visit_t *visit) {
    push_t *push = push_of(visit);
    if (visit->step == SENDING && push->is_packed && push->window.sent == push->window.size && !push->end_said) {
        push->end_said = true;
        client_say_type(&visit->client, "end");
    }
}

static size_t fill(visit_t *visit, unsigned char *frame, uint32_t offset, uint32_t length) {
    if (!read_piece(push_of(visit), offset, frame + 4, length)) {
        cancel_unreadable(visit);
        return 0;
    }
    for (int i = 0; i < 4; i++) {
        frame[i] = (unsigned char)(offset >> 8 * i);
    }
    return 4 + (size_t)length;
}

static size_t on_fill(visit_t *visit, unsigned char *frame) {
    push_t *push = push_of(visit);
    uint32_t offset = push->window.sent;
    if (push->early_due) {
        push->early_due = false;
        return fill(visit, frame, 0, push->early);
    }
    uint32_t length = visit->step == SENDING ? window_next(&push->window) : 0;
    if (length == 0) {
        say_end(visit);
        return 0;
    }
    window_sent(&push->window, length);
    return fill(visit, frame, offset, length);
}

static void on_progress(visit_t *visit, const device_message_t *message) {
    push_t *push = push_of(visit);
    uint32_t received, written;
    device_message_number(message, "received", &received);
    device_message_number(message, "written", &written);
    if (visit->step != SENDING) {
        return;
    }
    if (!window_progress(&push->window, received, written)) {
        cancel(visit, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        return;
    }
    meter_update(&push->progress, written, loop_now_ms());
    output_progress(visit->output, visit->name, &push->progress, &push->window);
    client_offer_data(&visit->client);
}

// ---- after the data ------------------------------------------------------------------------------------------------

static void on_done(visit_t *visit, const device_message_t *message) {
    push_t *push = push_of(visit);
    device_slot_t *updated = &push->updated;
    char summary[METER_TEXT_SIZE];
    device_message_string(message, "slot", updated->slot, sizeof updated->slot);
    device_message_string(message, "project", updated->project, sizeof updated->project);
    device_message_string(message, "version", updated->version, sizeof updated->version);
    device_message_string(message, "elf_sha256", updated->elf_sha256, sizeof updated->elf_sha256);
    meter_update(&push->progress, push->firmware->size, loop_now_ms());
    meter_summary(&push->progress, summary);
    output_progress_end(visit->output, &push->progress);
    output_note(visit->output, visit->name, "%s, verified in %s", summary, updated->slot);
    go_on_from_ready(visit);
}

static void await_restart(visit_t *visit) {
    const device_slot_t *updated = &push_of(visit)->updated;
    if (visit->patience.wait_s == 0) {
        visit_finish_restarting(visit, updated, false);
        return;
    }
    output_note(visit->output, visit->name, "restarting ...");
    visit_await_restart(visit, updated);
}

static void on_returned(visit_t *visit) {
    finish_returned(visit, &visit->before);
}

// ---- what goes wrong -----------------------------------------------------------------------------------------------

static bool can_be_tried_again(const visit_t *visit, const char *name) {
    bool left_over = visit->attempts > 0 && same(name, "busy"); // the device has not noticed yet that we were cut off
    return left_over || same(name, "stalled") || same(name, "connection_lost");
}

// A device may have no memory for it just now.
static void begin_plain(visit_t *visit) {
    push_t *push = push_of(visit);
    push->declined = true;
    push->is_packed = false;
    output_note(visit->output, visit->name, "the device cannot unpack now: the image is sent as it is");
    say_begin(visit);
}

static void finish_unconfirmed(visit_t *visit, const problem_t *problem) {
    outcome_t outcome;
    outcome_running(&outcome, &visit->state);
    outcome.problem = *problem;
    outcome.code = problem->code;
    visit_finish(visit, &outcome);
}

// What the device had kept of an earlier try was changed on its way. The device has thrown it away, so the file is
// sent from its start, once.
static bool begin_from_start(visit_t *visit, const char *name) {
    push_t *push = push_of(visit);
    if (!same(name, "digest_mismatch") || push->resumed_at == 0 || push->from_start) {
        return false;
    }
    push->from_start = true;
    output_note(visit->output, visit->name,
                "what the device had kept of an earlier try was damaged: the file is sent from its start");
    say_begin(visit);
    return true;
}

// The device is busy with its own work: what was said last is said again in a second.
static bool say_again_later(visit_t *visit, const char *name) {
    return same(name, "device_busy") && visit_ask_again(visit);
}

static void on_again(visit_t *visit) {
    switch (visit->step) {
    case RESTARTING:
        say_restart(visit);
        break;
    case CONFIRMING:
        say_confirm(visit);
        break;
    default:
        on_arrived(visit);
        break;
    }
}

static void on_failed(visit_t *visit, const device_message_t *message) {
    push_t *push = push_of(visit);
    problem_t problem;
    complaint_read(&problem, EXIT_CODE_DEVICE_REFUSED, message);
    visit_answered(visit);
    if (visit->step == SENDING) {
        output_progress_end(visit->output, &push->progress);
    }
    if (visit->step == CANCELLING) {
        visit_finish_problem(visit, &push->problem);
    } else if (say_again_later(visit, problem.name)) {
        return;
    } else if (visit->step == CONFIRMING) {
        finish_unconfirmed(visit, &problem);
    } else if (push->is_packed && same(problem.name, "compression_declined")) {
        begin_plain(visit);
    } else if (begin_from_start(visit, problem.name)) {
        return;
    } else if (same(problem.name, "restart_pending") && recognise_ready(push->firmware, &visit->state)) {
        take_ready(visit); // it was verifying when the connection came back
    } else if (can_be_tried_again(visit, problem.name)) {
        visit_retry(visit, &problem);
    } else {
        visit_finish_problem(visit, &problem);
    }
}

static void on_lost(visit_t *visit, const problem_t *problem) {
    if (visit->step == CANCELLING) {
        visit_finish_problem(visit, &push_of(visit)->problem); // with the connection the update is over too
    } else if (visit->step == RESTARTING) {
        await_restart(visit); // its `restarting` was lost
    } else {
        output_progress_end(visit->output, &push_of(visit)->progress);
        visit_retry(visit, problem);
    }
}

// Too late to cancel: the device restarts.
static void finish_interrupted_restart(visit_t *visit) {
    visit_finish_restarting(visit, &push_of(visit)->updated, true);
}

static void on_interrupted(visit_t *visit) {
    if (visit->step == RESTARTING) {
        finish_interrupted_restart(visit);
    } else if (visit->step != CONFIRMING && visit->step != CANCELLING) {
        cancel(visit, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted, the update was cancelled.");
    }
}

// ---- the table -----------------------------------------------------------------------------------------------------

static void on_heard(visit_t *visit, const device_message_t *message) {
    static const struct {
        const char *type;
        int step; // in which it matters
        void (*act)(visit_t *visit, const device_message_t *message);
    } acts[] = {
        {"ready", BEGINNING, on_ready},
        {"progress", SENDING, on_progress},
        {"done", SENDING, on_done},
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (visit->step == acts[i].step && device_message_is(message, acts[i].type)) {
            visit_answered(visit);
            acts[i].act(visit, message);
            return;
        }
    }
    if (device_message_is(message, "failed")) {
        on_failed(visit, message);
    } else if (device_message_is(message, "restarting") && visit->step != CANCELLING) {
        await_restart(visit);
    } else if (visit->step == VERIFYING && device_message_is(message, "state")) {
        on_verified(visit);
    } else if (visit->step == CONFIRMING && device_message_is(message, "state") &&
               !same(visit->state.running.image, "trial")) {
        visit_finish_running(visit);
    }
}

const command_t push_command = {on_arrived, on_heard, on_returned, on_fill, on_lost, on_interrupted, on_again};

void push_init(push_t *push, const push_options_t *options, firmware_t *firmware) {
    memset(push, 0, sizeof *push);
    push->options = options;
    push->firmware = firmware;
}

void push_free(push_t *push) {
    packed_free(&push->packed);
}
