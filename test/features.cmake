# The target `features`: the tests of the core, linked once more for other sets of features. A set differs from the whole
# in one object, the list of features: the linker takes the features from the core's library only where the list names
# them. With the build that has all of them, the sets hold each pair of switches in all four ways.
set(SETS_WITHOUT
    "resume history viewers version_order sealed log_ring recovery delta prepare" # without any
    "resume history version_order recovery"
    "resume viewers log_ring prepare"
    "history viewers sealed"
    "version_order sealed log_ring delta"
    "recovery delta prepare")

# A device without any feature, for test/e2e/features.test.js.
add_executable(ota-ws-device-plain $<TARGET_OBJECTS:ota-ws-device>)
set_target_properties(ota-ws-device-plain PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

file(GLOB_RECURSE CORE_TESTS CONFIGURE_DEPENDS unit/features/test_*.c unit/flow/test_*.c unit/image/test_policy.c
     unit/record/test_*.c unit/session/test_*.c)
add_custom_target(features)
set(number 0)
foreach(without IN LISTS SETS_WITHOUT)
    math(EXPR number "${number} + 1")
    string(REPLACE " " ";" OTA_WS_WITHOUT "${without}")
    include("${ROOT}/sources.cmake") # OTA_WS_FEATURES of this set
    add_library(features_${number} OBJECT EXCLUDE_FROM_ALL "${ROOT}/src/feature.c")
    target_include_directories(features_${number} PRIVATE "${ROOT}/src")
    ota_ws_list_features(features_${number})
    foreach(source IN LISTS CORE_TESTS)
        get_filename_component(name "${source}" NAME_WE)
        string(REPLACE test_ "" feature ${name})
        if(source MATCHES unit/features/ AND feature IN_LIST OTA_WS_WITHOUT)
            continue()
        endif()
        set(program features_${number}_${name})
        add_executable(${program} EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${name}> $<TARGET_OBJECTS:features_${number}>)
        set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/features")
        target_link_libraries(${program} PRIVATE ota_ws_test_support ota_ws_cuts ota_ws_host ota_ws_cli ota_ws_core
                                                 PkgConfig::GSASL PkgConfig::ZLIB)
        add_dependencies(features ${program})
    endforeach()
endforeach()
target_link_libraries(ota-ws-device-plain PRIVATE features_1 ota_ws_host)

# Power cuts at a device without any feature (test/run.sh, step cuts).
add_executable(cuts_plain EXCLUDE_FROM_ALL $<TARGET_OBJECTS:cuts>)
target_link_libraries(cuts_plain PRIVATE features_1 ota_ws_cuts)
