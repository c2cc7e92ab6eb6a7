// SPDX-License-Identifier: Apache-2.0
// The jobs of a device that takes no updates (engine/update_none.c): its trial, and the way into the recovery
// application. It never selects an image: that is left to the recovery application.
#include <string.h>

#include "flow/writer.h"
#include "record/trial.h"

static ota_ws_status_t change_boot_record(const ota_ws_platform_t *platform, const ota_ws_job_t *job) {
    switch (job->kind) {
    case OTA_WS_JOB_CONFIRM:
        return ota_ws_trial_confirm(platform);
    case OTA_WS_JOB_ROLL_BACK:
        return ota_ws_trial_go_back(platform, job->outcome);
    case OTA_WS_JOB_ENTER_RECOVERY:
        return platform->enter_recovery(platform->context);
    default:
        return OTA_WS_NO_RECOVERY;
    }
}

void ota_ws_writer_perform_alone(const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job,
                                 ota_ws_job_result_t *result) {
    memset(result, 0, sizeof *result);
    result->kind = job->kind;
    result->failure.status = change_boot_record(ports->platform, job);
}
