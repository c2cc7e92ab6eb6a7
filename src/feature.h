// SPDX-License-Identifier: Apache-2.0
// A feature is a part of the core that an application may leave out: one file in src/features/ with one constant list
// of hooks. The core calls the hooks of all features that were built, in the order of the list, and knows no feature by
// name. A build without the file has no trace of the feature: the build makes the list (feature_list.h) from its list
// of files. Safety is no feature: login, verification, the trial and the record of the newest update are always there.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// When a hook is called, and with what as its subject.
typedef enum {
    // A patch is announced in the place of a file: the feature takes what the data frames carry (flow/pipeline.h).
    // Without one patches are refused. ota_ws_pipeline_t; in the writer.
    OTA_WS_PATCH_BEGINS,

    // A file goes to the slot. ota_ws_pipeline_t (flow/file.h); in the writer.
    OTA_WS_FILE_BEGINS,   // nothing of it was taken yet; a feature may take over what flash holds
    OTA_WS_SLOT_OPENS,    // the head was accepted, and the first erase follows
    OTA_WS_BLOCK_WRITTEN, // all bytes before `position`, where a block ends, were written
    OTA_WS_HEAD_IS_DUE,   // flash holds all but the first bytes, and what it holds is right; these bytes follow
    OTA_WS_FILE_ENDS,     // it is finished, or has failed, or stops half-way

    // Fills in the order of two versions. ota_ws_versions_t (image/policy.h); in any thread.
    OTA_WS_VERSIONS_COMPARED,

    // An update is about to be put before the older ones. ota_ws_history_t (record/history.h); in the writer. A feature
    // that keeps the older ones makes space for it. Without one they go.
    OTA_WS_HISTORY_GROWS,

    // A job of a feature: each looks at its kind. ota_ws_lone_job_t (flow/writer.h); in the writer.
    OTA_WS_JOB_ALONE,

    // The session thread has the rest.
    OTA_WS_RESTART_INTO,   // `restart` says into what. ota_ws_restart_into_t (engine/control.h)
    OTA_WS_AT_REST,        // a tick, and nothing else is to be done. ota_ws_device_t (engine/state.h)
    OTA_WS_BLOCK_PREPARED, // `end` of the device says how PREPARE has ended. Likewise
    OTA_WS_PREPARE_ASKED,  // the prepared slot is switched on or off, as `prepares` says. Likewise
    OTA_WS_HISTORY_ASKED,  // answers the request. ota_ws_session_t (engine/state.h)
    OTA_WS_DATA_CAME,      // data of a sealed upload lie in the worker's space. ota_ws_arrival_t (engine/state.h)
    OTA_WS_UPDATE_WRITTEN, // more was written; the owner of the update knows. ota_ws_device_t (engine/state.h)
    OTA_WS_STATE_REPORTED, // adds members to `state`. ota_ws_report_t (session/report.h)
    OTA_WS_TRIAL_KNOWN,    // the device has started, or its trial has ended well. ota_ws_device_t (engine/state.h)
    OTA_WS_LOGS_ASKED,     // answers the request. ota_ws_session_t (engine/state.h)
    OTA_WS_CRASH_ASKED,    // likewise. ota_ws_crash_question_t (session/report.h)
    OTA_WS_ANSWER_WRITTEN, // an answer that is to be sealed was written. ota_ws_report_t (session/report.h)
    OTA_WS_HOOKS
} ota_ws_hook_t;

// One hook of a feature. A feature is a constant list of them; one without a function ends it.
typedef struct {
    ota_ws_hook_t hook;
    void (*function)(void *subject);
} ota_ws_feature_t;

// Calls this hook of every feature that has it. False when none has. A `subject` of NULL only asks.
bool ota_ws_features_run(ota_ws_hook_t hook, void *subject);
