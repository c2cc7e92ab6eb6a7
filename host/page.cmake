# Turns the files FULL and SMALL into the C file OUTPUT: page_full and page_small (page.h).
file(WRITE "${OUTPUT}" "#include \"page.h\"\n")
foreach(name full small)
    string(TOUPPER ${name} input)
    file(READ "${${input}}" digits HEX)
    file(SHA256 "${${input}}" digest)
    string(SUBSTRING "${digest}" 0 16 etag)
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
    file(APPEND "${OUTPUT}"
        "static const unsigned char ${name}[] = {${bytes}};\n"
        "const page_t page_${name} = {${name}, sizeof ${name}, \"\\\"${etag}\\\"\"};\n")
endforeach()
