// SPDX-License-Identifier: Apache-2.0
// The two firmwares of one device in one program, for test/e2e: its application is built with
// OTA_WS_INTO_RECOVERY_ONLY, its recovery application takes updates. Both forms of each function are linked, under
// names of their own (into_recovery.cmake). The running partition decides which one is called.
#include "engine/update.h"
#include "flow/writer.h"

static bool is_small(const ota_ws_device_t *device) {
    return device->layout == OTA_WS_LAYOUT_APPLICATION;
}

static bool is_on_small(const ota_ws_platform_t *platform) {
    ota_ws_identity_t identity;
    platform->describe(platform->context, &identity);
    return identity.layout == OTA_WS_LAYOUT_APPLICATION;
}

// One function in its three forms: without updates, with them, and as the core calls it.
#define DECLARE(type, name, parameters)                                                                                \
    type none_##name parameters;                                                                                       \
    type full_##name parameters;

#define CHOOSE(type, name, condition, parameters, arguments)                                                           \
    DECLARE(type, name, parameters)                                                                                    \
    type name parameters {                                                                                             \
        return condition ? none_##name arguments : full_##name arguments;                                              \
    }

#define CHOOSE_ACTION(name, condition, parameters, arguments)                                                          \
    DECLARE(void, name, parameters)                                                                                    \
    void name parameters {                                                                                             \
        (condition ? none_##name : full_##name) arguments;                                                             \
    }

CHOOSE(bool, ota_ws_update_is_of, is_small(session->device), (const ota_ws_session_t *session), (session))
CHOOSE(ota_ws_status_t, ota_ws_update_occupation, is_small(device), (const ota_ws_device_t *device), (device))
CHOOSE(uint32_t, ota_ws_update_early_most, is_small(device), (const ota_ws_device_t *device), (device))
CHOOSE(bool, ota_ws_update_wants_data, is_small(session->device), (const ota_ws_session_t *session), (session))
CHOOSE(ota_ws_status_t, ota_ws_update_cancel, is_small(session->device), (ota_ws_session_t * session), (session))
CHOOSE(bool, ota_ws_update_data, is_small(session->device),
       (ota_ws_session_t * session, const ota_ws_data_t *data, ota_ws_failure_t *failure), (session, data, failure))
CHOOSE_ACTION(ota_ws_update_begin, is_small(session->device),
              (ota_ws_session_t * session, const ota_ws_upload_request_t *request, ota_ws_failure_t *failure),
              (session, request, failure))
CHOOSE_ACTION(ota_ws_update_open_next, is_small(next->device), (ota_ws_session_t * next), (next))
CHOOSE_ACTION(ota_ws_update_end, is_small(session->device), (ota_ws_session_t * session), (session))
CHOOSE_ACTION(ota_ws_update_session_gone, is_small(session->device),
              (ota_ws_session_t * session, ota_ws_status_t status), (session, status))
CHOOSE_ACTION(ota_ws_update_completed, is_small(device), (ota_ws_device_t * device, const ota_ws_job_result_t *result),
              (device, result))
CHOOSE_ACTION(ota_ws_update_tick, is_small(device), (ota_ws_device_t * device), (device))
CHOOSE_ACTION(ota_ws_writer_perform_alone, is_on_small(ports->platform),
              (const ota_ws_pipeline_ports_t *ports, const ota_ws_job_t *job, ota_ws_job_result_t *result),
              (ports, job, result))
