# Encrypted images (OTA_PRE_ENCRYPTED_MODE): which sources, the device's key, and <project>_secure.bin. Included before
# idf_component_register(), and afterwards by ota_ws_encrypted_finish().

set(OTA_WS_DECRYPT_SOURCES esp/decrypt_none.c)
if(CONFIG_OTA_PRE_ENCRYPTED_MODE)
    if(CONFIG_PRE_ENCRYPTED_OTA_USE_ECIES)
        set(OTA_WS_KEY_KIND "ecies-public")
        set(OTA_WS_KEY_FILE "device_pub_key.pem")
        set(OTA_WS_DECRYPT_SOURCES esp/decrypt.c esp/decrypt_key_ecies.c)
    elseif(CONFIG_PRE_ENCRYPTED_RSA_USE_DS)
        set(OTA_WS_KEY_KIND "rsa-public")
        set(OTA_WS_KEY_FILE "public_rsa_3072.pem")
        set(OTA_WS_DECRYPT_SOURCES esp/decrypt.c esp/decrypt_key_ds.c)
    else()
        set(OTA_WS_KEY_KIND "rsa-private")
        set(OTA_WS_KEY_FILE "private_rsa_3072.pem")
        set(OTA_WS_DECRYPT_SOURCES esp/decrypt.c esp/decrypt_key_rsa.c)
    endif()
    if(CONFIG_OTA_PRE_ENCRYPTED_RSA_KEY_ON_PROJECT_LOCATION)
        idf_build_get_property(OTA_WS_KEY_BASE PROJECT_DIR)
    else()
        set(OTA_WS_KEY_BASE "${CMAKE_CURRENT_LIST_DIR}/..")
    endif()
    get_filename_component(OTA_WS_KEY "${CONFIG_OTA_PRE_ENCRYPTED_RSA_KEY_DIRECTORY}/${OTA_WS_KEY_FILE}" ABSOLUTE
                           BASE_DIR "${OTA_WS_KEY_BASE}")
endif()

# Stops the build when the key is not there or is another one.
function(ota_ws_encrypted_check_key)
    idf_build_get_property(python PYTHON)
    execute_process(
        COMMAND "${python}" "${COMPONENT_DIR}/esp/check_key.py" "${OTA_WS_KEY_KIND}" "${OTA_WS_KEY}"
        RESULT_VARIABLE result
        OUTPUT_VARIABLE sentence
        ERROR_VARIABLE trouble
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "OTA_PRE_ENCRYPTED_MODE: ${sentence}${trouble}")
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${OTA_WS_KEY}")
endfunction()

# After idf_component_register().
function(ota_ws_encrypted_finish)
    ota_ws_encrypted_check_key()
    idf_component_optional_requires(PRIVATE esp_encrypted_img espressif__esp_encrypted_img)
    if(OTA_WS_KEY_KIND STREQUAL "rsa-private")
        target_add_binary_data(${COMPONENT_LIB} "${OTA_WS_KEY}" TEXT)
    elseif(OTA_WS_KEY_KIND STREQUAL "rsa-public")
        idf_component_optional_requires(PRIVATE esp_secure_cert_mgr espressif__esp_secure_cert_mgr)
    endif()
    idf_build_get_property(build_dir BUILD_DIR)
    idf_build_get_property(project_name PROJECT_NAME)
    create_esp_enc_img("${build_dir}/${project_name}.bin" "${OTA_WS_KEY}" "${build_dir}/${project_name}_secure.bin" app)
endfunction()
