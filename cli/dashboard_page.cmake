# Turns the three gzip files of the dashboard in FOLDER into the C file OUTPUT (dashboard_page.h).
file(WRITE "${OUTPUT}" "#include \"dashboard_page.h\"\n")
foreach(kind html css js)
    file(READ "${FOLDER}/fleet.${kind}.gz" digits HEX)
    file(SHA256 "${FOLDER}/fleet.${kind}.gz" digest)
    string(SUBSTRING "${digest}" 0 16 etag)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
    file(APPEND "${OUTPUT}"
        "static const unsigned char ${kind}[] = {${bytes}};\n"
        "const dashboard_file_t dashboard_${kind} = {(const char *)${kind}, sizeof ${kind}, \"\\\"${etag}\\\"\"};\n")
endforeach()
