# The virtual ESP32: the library ota_ws_host, and the program ota-ws-device around it.

# The two pages become arrays of bytes in a C file of the build directory.
set(OTA_PAGE "${ROOT}/web/dist/ota.html.gz" CACHE FILEPATH "The page that the device serves, gzip")
set(OTA_SMALL_PAGE "${ROOT}/web/dist/small/ota.html.gz" CACHE FILEPATH "What it serves with --small-page, gzip")
set(PAGE_SOURCE "${CMAKE_CURRENT_BINARY_DIR}/page.c")
add_custom_command(
    OUTPUT "${PAGE_SOURCE}"
    COMMAND "${CMAKE_COMMAND}" "-DFULL=${OTA_PAGE}" "-DSMALL=${OTA_SMALL_PAGE}" "-DOUTPUT=${PAGE_SOURCE}"
            -P "${CMAKE_CURRENT_SOURCE_DIR}/page.cmake"
    DEPENDS "${OTA_PAGE}" "${OTA_SMALL_PAGE}" "${CMAKE_CURRENT_SOURCE_DIR}/page.cmake"
    VERBATIM)

add_library(ota_ws_host STATIC
    access.c
    app_image.c
    app_signature.c
    board.c
    boot.c
    clock.c
    connection.c
    console.c
    device_id.c
    fault.c
    flash_file.c
    frames.c
    http_upload.c
    inflate_zlib.c
    life.c
    link.c
    machine.c
    machine_flash.c
    machine_platform.c
    nor.c
    nor_timing.c
    options.c
    otadata.c
    partition_csv.c
    partition_text.c
    partition_names.c
    partition_table.c
    receive.c
    remains.c
    routes.c
    server.c
    sessions.c
    show.c
    store.c
    visitors.c
    worker.c
    ws_reader.c
    "${PAGE_SOURCE}")
target_include_directories(ota_ws_host PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
target_link_libraries(ota_ws_host PUBLIC ota_ws_core ota_ws_http ota_ws_openssl PkgConfig::LWS PkgConfig::SSL PkgConfig::CRYPTO PkgConfig::ZLIB Threads::Threads)

if(AVAHI_FOUND)
    target_sources(ota_ws_host PRIVATE announce.c)
    target_link_libraries(ota_ws_host PUBLIC PkgConfig::AVAHI)
else()
    target_sources(ota_ws_host PRIVATE announce_none.c)
endif()

add_executable(ota-ws-device main.c)
target_link_libraries(ota-ws-device PRIVATE ota_ws_host)
