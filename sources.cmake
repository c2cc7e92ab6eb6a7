# The portable sources of the core. Both builds read this list: the ESP-IDF component and the Linux build.

# The features: each is one file src/features/NAME.c (src/feature.h). The build sets OTA_WS_WITHOUT to the names of those
# that are left out before it includes this file.
set(OTA_WS_FEATURES resume history viewers version_order sealed log_ring recovery delta prepare)
list(REMOVE_ITEM OTA_WS_FEATURES "" ${OTA_WS_WITHOUT})

set(OTA_WS_CORE_SOURCES
    src/bytes.c
    src/engine/control.c
    src/engine/job.c
    src/feature.c
    src/hash.c
    src/image/chip.c
    src/image/image.c
    src/image/policy.c
    src/image/signature.c
    src/image/version.c
    src/login/gate.c
    src/login/host_name.c
    src/login/login.c
    src/login/scram.c
    src/record/history.c
    src/record/log_ring.c
    src/record/trial.c
    src/seal.c
    src/session/device.c
    src/session/message.c
    src/session/reply.c
    src/session/report.c
    src/session/sentence.c
    src/session/session.c
    src/status.c
    src/text.c)

# Updates. A build that sets OTA_WS_INTO_RECOVERY_ONLY leaves them out: login, trial and the way into the recovery
# application are left.
if(OTA_WS_INTO_RECOVERY_ONLY)
    list(APPEND OTA_WS_CORE_SOURCES src/engine/update_none.c src/flow/boot_job_none.c)
else()
    list(
        APPEND
        OTA_WS_CORE_SOURCES
        src/engine/update.c
        src/flow/boot_job.c
        src/flow/commit.c
        src/flow/file.c
        src/flow/pipeline.c
        src/flow/readback.c
        src/flow/ring.c
        src/flow/slot.c
        src/flow/writer.c
        src/image/encrypted.c
        src/record/progress.c)
endif()

foreach(feature IN LISTS OTA_WS_FEATURES)
    list(APPEND OTA_WS_CORE_SOURCES src/features/${feature}.c)
endforeach()

# Writes feature_list.h with the features of this build into a folder of its own, which comes before src/ where TARGET's
# headers are looked for.
function(ota_ws_list_features target)
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/lists/${target}")
    set(list "")
    foreach(feature IN LISTS OTA_WS_FEATURES)
        string(APPEND list " FEATURE(${feature})")
    endforeach()
    file(GENERATE OUTPUT "${folder}/feature_list.h" CONTENT "#pragma once\n#define OTA_WS_FEATURES(FEATURE)${list}\n")
    target_include_directories(${target} BEFORE PRIVATE "${folder}")
endfunction()

# Plain HTTP (OTA_WS_HTTP_UPLOAD): left out with the feature.
set(OTA_WS_HTTP_UPLOAD_SOURCES src/session/http_upload.c)
