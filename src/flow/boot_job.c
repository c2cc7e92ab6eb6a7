// SPDX-License-Identifier: Apache-2.0
// The jobs that change the boot record (writer.h).
#include <string.h>

#include "feature.h"
#include "flow/writer.h"
#include "record/trial.h"

// The feature that has asked for the job is there.
static ota_ws_status_t enter(const ota_ws_pipeline_ports_t *ports, ota_ws_job_kind_t kind) {
    ota_ws_entering_t entering = {ports, kind, OTA_WS_NO_RECOVERY};
    (void)ota_ws_features_run(OTA_WS_RECOVERY_ENTERED, &entering);
    return entering.status;
}

static ota_ws_status_t change_boot_record(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job) {
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
        return enter(ports, job->kind);
    }
}

void ota_ws_writer_perform_alone(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                                 ota_ws_job_result_t *result) {
    memset(result, 0, sizeof *result);
    result->kind = job->kind;
    result->failure.status = change_boot_record(ports, job);
}
