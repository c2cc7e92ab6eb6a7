# ota-ws-device-into-recovery: a device of the recovery layout whose application is built with OTA_WS_INTO_RECOVERY_ONLY
# (into_recovery.c), for test/e2e/recovery.test.js. Both firmwares leave out all features but the way into the recovery
# application.
set(CHOSEN
    ota_ws_update_is_of
    ota_ws_update_occupation
    ota_ws_update_early_most
    ota_ws_update_begin
    ota_ws_update_open_next
    ota_ws_update_wants_data
    ota_ws_update_data
    ota_ws_update_end
    ota_ws_update_cancel
    ota_ws_update_session_gone
    ota_ws_update_completed
    ota_ws_update_tick
    ota_ws_writer_perform_alone)
foreach(form full none)
    set(suffix "")
    if(form STREQUAL none)
        set(suffix _none)
    endif()
    add_library(into_recovery_${form} OBJECT "${ROOT}/src/engine/update${suffix}.c" "${ROOT}/src/flow/boot_job${suffix}.c")
    target_include_directories(into_recovery_${form} PRIVATE "${ROOT}/src")
    foreach(name IN LISTS CHOSEN)
        target_compile_definitions(into_recovery_${form} PRIVATE ${name}=${form}_${name})
    endforeach()
endforeach()

set(OTA_WS_WITHOUT resume history viewers version_order sealed log_ring delta)
include("${ROOT}/sources.cmake") # OTA_WS_FEATURES
add_library(into_recovery_features OBJECT "${ROOT}/src/feature.c")
target_include_directories(into_recovery_features PRIVATE "${ROOT}/src")
ota_ws_list_features(into_recovery_features)

add_executable(ota-ws-device-into-recovery $<TARGET_OBJECTS:ota-ws-device> into_recovery.c)
set_target_properties(ota-ws-device-into-recovery PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
target_link_libraries(ota-ws-device-into-recovery PRIVATE into_recovery_full into_recovery_none into_recovery_features ota_ws_host)
