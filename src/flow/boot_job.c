// SPDX-License-Identifier: Apache-2.0
// The jobs that stand alone (writer.h).
#include <string.h>

#include "feature.h"
#include "flow/writer.h"
#include "record/trial.h"

// The feature that has asked for the job is there.
static ota_ws_status_t ask_feature(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                                   ota_ws_failure_t *failure) {
    ota_ws_lone_job_t alone = {ports, job, failure};
    (void)ota_ws_features_run(OTA_WS_JOB_ALONE, &alone);
    return failure->status;
}

static ota_ws_status_t perform(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                               ota_ws_failure_t *failure) {
    switch (job->kind) {
    case OTA_WS_JOB_CONFIRM:
        return ota_ws_trial_confirm(ports->platform);
    case OTA_WS_JOB_ROLL_BACK:
        return ota_ws_trial_go_back(ports->platform, job->outcome);
    case OTA_WS_JOB_DEACTIVATE:
        return ota_ws_trial_unstage(ports->platform, ports->flash);
    case OTA_WS_JOB_SELECT:
        return ota_ws_trial_select(ports->platform, ports->flash);
    default:
        return ask_feature(ports, job, failure);
    }
}

void ota_ws_writer_perform_alone(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                                 ota_ws_job_result_t *result) {
    memset(result, 0, sizeof *result);
    result->kind = job->kind;
    result->failure.status = perform(ports, job, &result->failure);
}
