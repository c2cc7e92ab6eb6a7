// SPDX-License-Identifier: Apache-2.0
// The steps: ARRIVED -> [ENTERING ->] BEGINNING -> SENDING -> [HOLDING ->] RESTARTING -> [CONFIRMING], or from
// BEGINNING and SENDING -> CANCELLING. ENTERING is the restart into a recovery application, which takes the file.
// HOLDING waits until somebody allows the restart. A lost connection leads back to the start. What the device says then
// decides how it goes on: it may have the whole file already, and verify it (VERIFYING), be ready with it, or run it.
#include "push.h"

#include <stdio.h>
#include <string.h>

#include "error_message.h"
#include "recognise.h"

#define ANSWER_MS 30000        // a device writes its boot record before it answers
#define CANCEL_ANSWER_MS 10000 // what is on its way comes first: at most the device's credit

enum { ARRIVED, ENTERING, BEGINNING, SENDING, VERIFYING, HOLDING, RESTARTING, CONFIRMING, CANCELLING };

static push_t *push_of(const device_job_t *job) {
    return job->task;
}

static bool same(const char *a, const char *b) {
    return strcmp(a, b) == 0;
}

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static bool reach(device_job_t *job, push_stage_t stage) {
    return push_of(job)->reached == NULL || push_of(job)->reached(job, stage);
}

// ---- endings ----

// Takes the update back; the outcome is printed when the device has answered.
static void cancel(device_job_t *job, exit_code_t code, const char *name, const char *sentence) {
    push_t *push = push_of(job);
    output_progress_end(job->output, &push->progress);
    problem_set(&push->problem, code, name, "%s", sentence);
    job->step = CANCELLING;
    client_say_type(&job->client, "cancel");
    device_job_expect_answer(job, CANCEL_ANSWER_MS);
}

static void say_confirm(device_job_t *job) {
    job->step = CONFIRMING;
    client_say_type(&job->client, "confirm");
    device_job_expect_answer(job, ANSWER_MS);
}

static void finish_returned(device_job_t *job, const device_state_t *before) {
    push_t *push = push_of(job);
    outcome_t outcome;
    outcome_after_restart(&outcome, before, &push->updated, &job->state);
    bool on_trial = outcome.kind == OUTCOME_RUNNING && same(job->state.running.image, "trial");
    if (on_trial && push->options->confirm) {
        say_confirm(job);
        return;
    }
    if (on_trial && job->state.has_trial_left_s) {
        output_note(job->output, job->name, "on trial for %u s: 'ota-ws confirm %s' keeps it", job->state.trial_left_s,
                    job->name);
    }
    device_job_finish(job, &outcome);
}

static void finish_ready(device_job_t *job) {
    outcome_t outcome;
    outcome_running(&outcome, &push_of(job)->before);
    outcome.kind = OUTCOME_READY;
    outcome.updated = push_of(job)->updated;
    device_job_finish(job, &outcome);
}

// ---- begin ----

// A frame that does not wait for the answer; only where the device is at rest and will hardly go on in the middle.
static void plan_early(device_job_t *job) {
    push_t *push = push_of(job);
    uint32_t size = push->firmware->size;
    bool is_likely = job->attempts == 0 && job->busy_ms == 0 && same(job->state.update, "idle");
    push->early = is_likely ? smaller(job->state.early, WINDOW_CHUNK_MAX) : 0;
    push->early = smaller(push->early, push->is_packed ? smaller(push->packed.length, size) : size);
    push->early_due = push->early > 0;
}

// How far back a compressed upload may refer. A device that takes less memory for a short window says so.
static uint32_t window_of(const device_job_t *job) {
    uint32_t window = job->state.deflate_window;
    return window < 512 || window > 32768 ? 32768 : window;
}

static void say_begin(device_job_t *job) {
    push_t *push = push_of(job);
    char text[CHANNEL_TEXT_SIZE];
    ota_ws_reply_t message;
    client_message(&message, text, "begin");
    ota_ws_reply_number(&message, "size", push->firmware->size);
    ota_ws_reply_hex(&message, "sha256", push->firmware->sha256, OTA_WS_SHA256_SIZE);
    if (push->options->allow_downgrade) {
        ota_ws_reply_true(&message, "allow_downgrade");
    }
    if (push->is_patch) {
        ota_ws_reply_true(&message, "delta");
        ota_ws_reply_string(&message, "base", push->base_digits);
    } else if (push->is_packed) {
        ota_ws_reply_true(&message, "deflate");
        if (job->state.deflate_window > 0) {
            ota_ws_reply_number(&message, "window", window_of(job));
        }
    }
    push->is_sealed = device_job_seals(job) && !push->options->no_seal;
    if (push->is_sealed) {
        ota_ws_reply_true(&message, "sealed");
    }
    plan_early(job);
    if (push->early_due) {
        ota_ws_reply_number(&message, "early", push->early);
        client_offer_data(&job->client);
    }
    job->step = BEGINNING;
    client_say(&job->client, &message);
    push->begin = job->client.channel.sent;
    device_job_expect_answer(job, ANSWER_MS);
}

static void tell_intention(device_job_t *job) {
    const firmware_t *firmware = push_of(job)->firmware;
    const ota_ws_image_description_t *description = &firmware->inspection.image.description;
    char image[80] = "an image that is encrypted";
    if (!firmware->is_encrypted) {
        snprintf(image, sizeof image, "%s %s", description->project, description->version);
    }
    output_note(job->output, job->name, "%s: %s %s -> %s, %u bytes to %s", job->state.device,
                job->state.running.project, job->state.running.version, image, firmware->size, job->state.other.slot);
}

// The image that the device runs: in the file that the user names, or in the cache.
static bool find_base(device_job_t *job) {
    push_t *push = push_of(job);
    const push_options_t *options = push->options;
    const char *digits = job->state.base;
    if (push->base.bytes != NULL && same(push->base_digits, digits)) {
        return true;
    }
    base_free(&push->base);
    bool found = (options->base != NULL && base_read(&push->base, options->base, digits)) ||
                 (!options->no_cache && base_find(&push->base, digits));
    if (!found && (options->base != NULL || options->delta)) {
        output_note(job->output, job->name, "no patch: the image that the device runs is %s",
                    options->base != NULL ? "not that of --base" : "not in the cache (--base FILE names it)");
    }
    memcpy(push->base_digits, digits, sizeof push->base_digits);
    return found;
}

// Only where the network is slower than the flash: elsewhere making a patch takes longer than it saves. A patch that is
// not half as long as the whole is not worth the device's work.
static bool choose_patch(device_job_t *job) {
    push_t *push = push_of(job);
    const push_options_t *options = push->options;
    bool is_possible = job->state.deflate && job->state.base[0] != '\0' && !push->declined && !push->no_patch &&
                       !push->firmware->is_encrypted && !options->no_delta;
    bool is_wanted = options->delta || options->base != NULL ||
                     (options->compress != PUSH_COMPRESS_NEVER && packed_is_slow(job->client.round_trip_ms));
    if (!is_possible || !is_wanted || !find_base(job)) {
        return false;
    }
    return packed_make_patch(&push->packed, push->firmware, 0, &push->base) &&
           (options->delta || push->packed.length < push->firmware->size / 4);
}

// As it is, packed, or as a patch? And says so, where there is a choice.
static void choose_packing(device_job_t *job) {
    push_t *push = push_of(job);
    push_compress_t when = push->options->compress;
    uint32_t round_trip_ms = job->client.round_trip_ms;
    push->is_patch = choose_patch(job);
    push->is_packed = push->is_patch;
    if (push->is_patch || !job->state.deflate || push->declined || when == PUSH_COMPRESS_NEVER ||
        !packed_make(&push->packed, push->firmware, 0, window_of(job))) {
        return;
    }
    push->is_packed =
        when == PUSH_COMPRESS_ALWAYS || packed_gains(push->firmware->size, push->packed.length, round_trip_ms);
}

static void tell_packing(device_job_t *job) {
    push_t *push = push_of(job);
    if (push->is_patch) {
        output_note(job->output, job->name,
                    "sent as a patch against the image that runs: %u bytes (--no-delta: all of it)",
                    push->packed.length);
    } else if (push->is_packed) {
        output_note(job->output, job->name, "sent compressed: %u bytes instead of %u (--compress never: as it is)",
                    push->packed.length, push->firmware->size - push->packed.offset);
    } else if (push->packed.bytes != NULL) {
        output_note(job->output, job->name,
                    "sent as it is: the network is as fast as the device writes, compressing would save no time");
    }
}

// Over plain http people should know that others can read the upload.
static void tell_seal(device_job_t *job) {
    if (push_of(job)->is_sealed) {
        output_note(job->output, job->name, "sealed: nobody else on the network can read the image");
    } else if (!job->client.address->tls) {
        output_note(job->output, job->name, "not sealed: everybody on the network can read the image%s",
                    job->state.seals ? "" : " (this device does not open sealed uploads)");
    }
}

// Once, when the device has taken the update: before that it may refuse it.
static void announce(device_job_t *job) {
    push_t *push = push_of(job);
    if (!push->announced) {
        push->announced = true;
        tell_intention(job);
        tell_packing(job);
        tell_seal(job);
    }
}

// ---- into the recovery application ----

static bool runs(const device_job_t *job, const char *mode) {
    return same(job->state.mode, mode);
}

static void say_enter(device_job_t *job) {
    job->step = ENTERING;
    device_job_say_restart(job, "recovery");
    device_job_expect_answer(job, ANSWER_MS);
}

static void await_recovery(device_job_t *job) {
    output_note(job->output, job->name, "restarting into the recovery application ...");
    device_job_await_restart(job, NULL);
}

static void on_entered(device_job_t *job) {
    problem_t problem;
    if (runs(job, "recovery")) {
        job->step = ARRIVED;
        push_command.arrived(job);
        return;
    }
    problem_set(&problem, EXIT_CODE_DEVICE_REFUSED, "not_recovered",
                "The device has restarted, but its recovery application does not run.");
    device_job_finish_problem(job, &problem);
}

// Without waiting, or with --no-restart, the file is offered as it is: the device's refusal says what it needs.
static bool must_enter(const device_job_t *job) {
    return runs(job, "application") && job->patience.wait_s > 0 && !push_of(job)->options->no_restart;
}

// The first time that the device answers.
static void begin_first(device_job_t *job) {
    if (!reach(job, PUSH_CHECKED)) {
        return;
    }
    if (must_enter(job)) {
        say_enter(job);
        return;
    }
    push_of(job)->begun = true;
    choose_packing(job);
    say_begin(job);
}

static void say_restart(device_job_t *job) {
    job->step = HOLDING;
    if (reach(job, PUSH_RESTARTING)) {
        push_restart(job);
    }
}

// A connection that was lost meanwhile leads here again.
void push_restart(device_job_t *job) {
    if (job->step == HOLDING && job->phase == JOB_TALKING) {
        job->step = RESTARTING;
        device_job_say_restart(job, NULL);
        device_job_expect_answer(job, ANSWER_MS);
    }
}

// The device has the whole file, verified: in this session, or its `done` was lost with the last connection.
static void go_on_from_ready(device_job_t *job) {
    if (!reach(job, PUSH_READY)) {
        return;
    }
    if (push_of(job)->options->no_restart) {
        finish_ready(job);
    } else {
        say_restart(job);
    }
}

static void take_ready(device_job_t *job) {
    push_t *push = push_of(job);
    push->updated = job->state.other;
    output_note(job->output, job->name, "%s is verified in %s already: nothing more has to be sent",
                push->updated.version, push->updated.slot);
    go_on_from_ready(job);
}

// It runs the file's image: the update is done, or was never needed. On trial it is confirmed if that is asked for.
static void finish_runs_already(device_job_t *job) {
    outcome_t outcome;
    outcome_running(&outcome, &job->state);
    outcome.kind = OUTCOME_UNCHANGED;
    if (same(job->state.running.image, "trial") && push_of(job)->options->confirm) {
        say_confirm(job);
    } else {
        device_job_finish(job, &outcome);
    }
}

static bool has_restarted(const device_job_t *job) {
    return !same(job->state.boot, push_of(job)->before.boot);
}

// A file that the device would refuse is refused here, even where its ELF file is the running one's.
static bool refuse_unfit(device_job_t *job) {
    const push_t *push = push_of(job);
    problem_t problem;
    bool fits = push->begun || push->options->no_check ||
                firmware_fits(push->firmware, &job->state, push->options->allow_downgrade, &problem);
    if (!fits) {
        device_job_finish_problem(job, &problem);
    }
    return !fits;
}

// The file's image lies in the other slot, and the device has given it up.
static bool was_given_up(const device_job_t *job) {
    const push_t *push = push_of(job);
    return push->was_restarted && !push->begun && recognise_given_up(push->firmware, &job->state);
}

static void finish_given_up(device_job_t *job) {
    outcome_t outcome;
    outcome_running(&outcome, &job->state);
    outcome.kind = OUTCOME_ROLLED_BACK;
    outcome.code = EXIT_CODE_OLD_IMAGE;
    device_job_finish(job, &outcome);
}

// Logged in, for the first time or again after a lost connection: how far is the device with this file?
static void on_arrived(device_job_t *job) {
    push_t *push = push_of(job);
    bool is_running = recognise_running(push->firmware, &job->state) && same(job->state.update, "idle");
    push->before = push->begun ? push->before : job->state;
    if (refuse_unfit(job)) {
        return;
    }
    if (push->updated.slot[0] != '\0' && has_restarted(job)) {
        finish_returned(job, &push->before); // it restarted while we were not connected
    } else if (recognise_ready(push->firmware, &job->state)) {
        take_ready(job);
    } else if (recognise_verifying(push->firmware, &job->state)) {
        job->step = VERIFYING;
        reach(job, PUSH_VERIFYING);
        device_job_expect_answer(job, ANSWER_MS);
    } else if (push->begun && is_running && has_restarted(job) && !push->options->force) {
        push->updated = job->state.running; // it was ready, and somebody else has restarted it
        finish_returned(job, &push->before);
    } else if (!push->begun && is_running && !push->options->force) {
        finish_runs_already(job);
    } else if (was_given_up(job)) {
        finish_given_up(job);
    } else if (!push->begun) {
        begin_first(job);
    } else {
        say_begin(job);
    }
}

// The device was verifying the file when we came.
static void on_verified(device_job_t *job) {
    if (!same(job->state.update, "verifying")) {
        device_job_answered(job);
        on_arrived(job);
    }
}

// ---- data ----

static void cancel_unreadable(device_job_t *job) {
    cancel(job, EXIT_CODE_FILE_REFUSED, "file_changed",
           "The file changed while it was sent. The update was cancelled.");
}

// What is packed begins where the device goes on.
static bool pack_from(device_job_t *job, uint32_t offset) {
    push_t *push = push_of(job);
    bool is_made = push->packed.bytes != NULL && push->packed.offset == offset;
    push->end_said = false;
    if (is_made || offset > push->firmware->size) {
        return is_made;
    }
    return push->is_patch ? packed_make_patch(&push->packed, push->firmware, offset, &push->base)
                          : packed_make(&push->packed, push->firmware, offset, window_of(job));
}

static void on_ready(device_job_t *job, const device_message_t *message) {
    push_t *push = push_of(job);
    uint32_t offset, chunk, credit;
    device_message_number(message, "offset", &offset);
    device_message_number(message, "chunk", &chunk);
    device_message_number(message, "credit", &credit);
    if (push->is_packed && !pack_from(job, offset)) {
        cancel_unreadable(job);
        return;
    }
    bool makes_sense = push->is_packed
                           ? window_open_packed(&push->window, push->packed.length, push->firmware->size, chunk, credit)
                           : window_open(&push->window, push->firmware->size, offset, chunk, credit);
    if (!makes_sense) {
        cancel(job, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        return;
    }
    push->resumed_at = offset;
    announce(job);
    if (offset == 0) {
        window_sent(&push->window, push->early);
    }
    if (offset > 0) {
        output_note(job->output, job->name, "going on after %u bytes that the device has already", offset);
    } else if (job->attempts > 0 && push->firmware->is_encrypted) {
        output_note(job->output, job->name, "from the start again: an encrypted image cannot go on in the middle");
    }
    meter_start(&push->progress, push->firmware->size, offset, loop_now_ms());
    job->step = SENDING;
    push->all_received = false;
    reach(job, PUSH_SENDING);
    client_offer_data(&job->client);
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
static void say_end(device_job_t *job) {
    push_t *push = push_of(job);
    if (job->step == SENDING && push->is_packed && push->window.sent == push->window.size && !push->end_said) {
        push->end_said = true;
        client_say_type(&job->client, "end");
    }
}

// `start`: where the device has said that the data begin; 0 before it has.
static size_t fill(device_job_t *job, unsigned char *frame, uint32_t start, uint32_t length) {
    push_t *push = push_of(job);
    uint32_t offset = push->early_due ? 0 : push->window.sent;
    if (!read_piece(push, offset, frame + 4, length)) {
        cancel_unreadable(job);
        return 0;
    }
    if (push->is_sealed) {
        const channel_stream_t stream = {push->begin, start, offset};
        channel_seal(&job->client.channel, &stream, frame + 4, length);
    }
    for (int i = 0; i < 4; i++) {
        frame[i] = (unsigned char)(offset >> 8 * i);
    }
    return 4 + (size_t)length;
}

static size_t on_fill(device_job_t *job, unsigned char *frame) {
    push_t *push = push_of(job);
    if (push->early_due) {
        size_t size = fill(job, frame, 0, push->early);
        push->early_due = false;
        return size;
    }
    uint32_t length = job->step == SENDING ? window_next(&push->window) : 0;
    if (length == 0) {
        say_end(job);
        return 0;
    }
    size_t size = fill(job, frame, push->resumed_at, length);
    window_sent(&push->window, length);
    return size;
}

static void on_progress(device_job_t *job, const device_message_t *message) {
    push_t *push = push_of(job);
    uint32_t received, written;
    device_message_number(message, "received", &received);
    device_message_number(message, "written", &written);
    if (job->step != SENDING) {
        return;
    }
    if (!window_progress(&push->window, received, written)) {
        cancel(job, EXIT_CODE_UNREACHABLE, "nonsense", "It says what no ota_ws device says.");
        return;
    }
    if (received == push->window.size && !push->all_received) {
        push->all_received = true;
        reach(job, PUSH_VERIFYING);
    }
    meter_update(&push->progress, written, loop_now_ms());
    output_progress(job->output, job->name, &push->progress, &push->window);
    client_offer_data(&job->client);
}

// ---- after the data ----

static void tell_saving(device_job_t *job) {
    const push_t *push = push_of(job);
    uint32_t plain = push->firmware->size - push->packed.offset;
    if (push->is_patch && push->packed.length < plain) {
        output_note(job->output, job->name, "the patch saved %u of %u bytes: %.1f %% of them were sent",
                    plain - push->packed.length, plain, 100.0 * push->packed.length / plain);
    }
}

// The next update can be a patch against this image.
static void keep(const push_t *push) {
    if (!push->options->no_cache) {
        base_keep(push->firmware);
    }
}

static void on_done(device_job_t *job, const device_message_t *message) {
    push_t *push = push_of(job);
    device_slot_t *updated = &push->updated;
    char summary[METER_TEXT_SIZE];
    device_message_string(message, "slot", updated->slot, sizeof updated->slot);
    device_message_string(message, "project", updated->project, sizeof updated->project);
    device_message_string(message, "version", updated->version, sizeof updated->version);
    device_message_string(message, "elf_sha256", updated->elf_sha256, sizeof updated->elf_sha256);
    meter_update(&push->progress, push->firmware->size, loop_now_ms());
    meter_summary(&push->progress, summary);
    output_progress_end(job->output, &push->progress);
    output_note(job->output, job->name, "%s, verified in %s", summary, updated->slot);
    tell_saving(job);
    keep(push);
    go_on_from_ready(job);
}

static void await_restart(device_job_t *job) {
    const device_slot_t *updated = &push_of(job)->updated;
    if (job->patience.wait_s == 0) {
        device_job_finish_restarting(job, updated, false);
        return;
    }
    output_note(job->output, job->name, "restarting ...");
    device_job_await_restart(job, updated);
}

static void on_returned(device_job_t *job) {
    if (job->step == ENTERING) {
        on_entered(job);
    } else {
        finish_returned(job, &job->before);
    }
}

// ---- what goes wrong ----

static bool can_be_tried_again(const device_job_t *job, const char *name) {
    bool left_over = job->attempts > 0 && same(name, "busy"); // the device has not noticed yet that we were cut off
    return left_over || same(name, "stalled") || same(name, "connection_lost");
}

// A device may have no memory for it just now.
static void begin_plain(device_job_t *job) {
    push_t *push = push_of(job);
    push->declined = true;
    push->is_packed = false;
    push->is_patch = false;
    output_note(job->output, job->name, "the device cannot unpack now: the image is sent as it is");
    say_begin(job);
}

// A patch that the device cannot use, or that does not give the file: the file is sent itself.
static bool begin_without_patch(device_job_t *job, const char *name) {
    static const char *const reasons[] = {"delta_base", "bad_patch", "digest_mismatch", "bad_compression",
                                          "flash_read"};
    push_t *push = push_of(job);
    bool is_reason = false;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        is_reason |= same(name, reasons[i]);
    }
    if (!push->is_patch || !is_reason) {
        return false;
    }
    push->no_patch = true;
    output_note(job->output, job->name, "the device cannot use the patch (%s): the whole image is sent", name);
    choose_packing(job);
    say_begin(job);
    return true;
}

static void finish_unconfirmed(device_job_t *job, const problem_t *problem) {
    outcome_t outcome;
    outcome_running(&outcome, &job->state);
    outcome.problem = *problem;
    outcome.code = problem->code;
    device_job_finish(job, &outcome);
}

// What the device had kept of an earlier try was changed on its way. The device has thrown it away, so the file is
// sent from its start, once.
static bool begin_from_start(device_job_t *job, const char *name) {
    push_t *push = push_of(job);
    if (!same(name, "digest_mismatch") || push->resumed_at == 0 || push->from_start) {
        return false;
    }
    push->from_start = true;
    output_note(job->output, job->name,
                "what the device had kept of an earlier try was damaged: the file is sent from its start");
    say_begin(job);
    return true;
}

// The device is busy with its own work: what was said last is said again in a second.
static bool say_again_later(device_job_t *job, const char *name) {
    return same(name, "device_busy") && device_job_ask_again(job);
}

static void on_again(device_job_t *job) {
    switch (job->step) {
    case ENTERING:
        say_enter(job);
        break;
    case RESTARTING:
        say_restart(job);
        break;
    case CONFIRMING:
        say_confirm(job);
        break;
    default:
        on_arrived(job);
        break;
    }
}

static void on_failed(device_job_t *job, const device_message_t *message) {
    push_t *push = push_of(job);
    problem_t problem;
    error_message_read(&problem, EXIT_CODE_DEVICE_REFUSED, message);
    device_job_answered(job);
    if (job->step == SENDING) {
        output_progress_end(job->output, &push->progress);
    }
    if (job->step == CANCELLING) {
        device_job_finish_problem(job, &push->problem);
    } else if (say_again_later(job, problem.name)) {
        return;
    } else if (job->step == CONFIRMING) {
        finish_unconfirmed(job, &problem);
    } else if (push->is_packed && same(problem.name, "compression_declined")) {
        begin_plain(job);
    } else if (begin_without_patch(job, problem.name)) {
        return;
    } else if (begin_from_start(job, problem.name)) {
        return;
    } else if (same(problem.name, "restart_pending") && recognise_ready(push->firmware, &job->state)) {
        take_ready(job); // it was verifying when the connection came back
    } else if (can_be_tried_again(job, problem.name)) {
        device_job_retry(job, &problem);
    } else {
        device_job_finish_problem(job, &problem);
    }
}

static void on_lost(device_job_t *job, const problem_t *problem) {
    if (job->step == CANCELLING) {
        device_job_finish_problem(job, &push_of(job)->problem); // with the connection the update is over too
    } else if (job->step == RESTARTING) {
        await_restart(job); // its `restarting` was lost
    } else if (job->step == ENTERING) {
        await_recovery(job);
    } else {
        output_progress_end(job->output, &push_of(job)->progress);
        device_job_retry(job, problem);
    }
}

// Too late to cancel: the device restarts.
static void finish_interrupted_restart(device_job_t *job) {
    device_job_finish_restarting(job, &push_of(job)->updated, true);
}

static void on_interrupted(device_job_t *job) {
    if (job->step == ENTERING) {
        device_job_finish_restarting(job, NULL, true);
    } else if (job->step == RESTARTING) {
        finish_interrupted_restart(job);
    } else if (job->step != CONFIRMING && job->step != CANCELLING) {
        cancel(job, EXIT_CODE_INTERRUPTED, "interrupted", "Interrupted, the update was cancelled.");
    }
}

// ---- the table ----

static void on_message(device_job_t *job, const device_message_t *message) {
    static const struct {
        const char *type;
        int step; // in which it matters
        void (*act)(device_job_t *job, const device_message_t *message);
    } acts[] = {
        {"ready", BEGINNING, on_ready},
        {"progress", SENDING, on_progress},
        {"done", SENDING, on_done},
    };
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (job->step == acts[i].step && device_message_is(message, acts[i].type)) {
            device_job_answered(job);
            acts[i].act(job, message);
            return;
        }
    }
    if (device_message_is(message, "failed")) {
        on_failed(job, message);
    } else if (device_message_is(message, "restarting") && job->step == ENTERING) {
        await_recovery(job);
    } else if (device_message_is(message, "restarting") && job->step != CANCELLING) {
        await_restart(job);
    } else if (job->step == VERIFYING && device_message_is(message, "state")) {
        on_verified(job);
    } else if (job->step == CONFIRMING && device_message_is(message, "state") &&
               !same(job->state.running.image, "trial")) {
        device_job_finish_running(job);
    }
}

const command_t push_command = {on_arrived, on_message, on_returned, on_fill, on_lost, on_interrupted, on_again};

void push_init(push_t *push, const push_options_t *options, firmware_t *firmware) {
    memset(push, 0, sizeof *push);
    push->options = options;
    push->firmware = firmware;
}

void push_free(push_t *push) {
    base_free(&push->base);
    packed_free(&push->packed);
}
