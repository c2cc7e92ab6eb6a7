# Turns the file INPUT into the C file OUTPUT: page_bytes, page_size and page_etag (page.h).
file(READ "${INPUT}" HEX_DIGITS HEX)
file(SHA256 "${INPUT}" DIGEST)
string(SUBSTRING "${DIGEST}" 0 16 ETAG)
string(REGEX REPLACE "(..)" "0x\\1," BYTES "${HEX_DIGITS}")
file(WRITE "${OUTPUT}"
    "#include \"page.h\"\n\n"
    "const unsigned char page_bytes[] = {${BYTES}};\n"
    "const size_t page_size = sizeof page_bytes;\n"
    "const char page_etag[] = \"\\\"${ETAG}\\\"\";\n")
