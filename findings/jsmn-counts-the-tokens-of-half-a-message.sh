#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# jsmn (Debian 12: libjsmn-dev 1.1.0), a JSON parser for microcontrollers, in one header file.
#
# jsmn_parse returns JSMN_ERROR_PART (-3) for a text that is not complete yet, and JSMN_ERROR_INVAL (-2) for a bad one. With NULL
# instead of an array it returns the number of tokens, so that the array can be made; "if something goes wrong, you will get an
# error" (README). One expects the same errors from both. Seen, without JSMN_STRICT:
#   1. With an array: -3 for each text that is cut, -2 for a bracket that closes a brace.
#   2. With NULL: a number of tokens for both. Brackets are not looked at. Only a string that is cut gives -3, so an attempt
#      with the first cut that comes to mind, in the middle of a string, seems to show that it works.
#   3. With JSMN_STRICT the same, except that a number at the end of the text gives -3 in both ways.
# So a receiver that asks with NULL whether a message has come whole goes on with half of one, or with brackets that do not fit.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs a C compiler.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q libjsmn-dev=1.1.0-2 >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q libjsmn-dev=1.1.0-2 >/dev/null; }
dpkg -x libjsmn-dev_*.deb debian
cat >count.c <<'C'
#include <jsmn.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    const char *texts[] = { "{\"size\": 12, \"name\": \"a\"}", "{\"size\": 12, \"name\": \"a\"", "{\"size\": 12, \"na",
        "{\"size\": 12,", "{\"size\": 12", "{\"list\": [1, 2}" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        jsmn_parser parser;
        jsmntok_t tokens[20];
        jsmn_init(&parser);
        int whole = jsmn_parse(&parser, texts[i], strlen(texts[i]), tokens, 20);
        jsmn_init(&parser);
        int counted = jsmn_parse(&parser, texts[i], strlen(texts[i]), NULL, 0);
        printf("%-28s array %2d, NULL %2d\n", texts[i], whole, counted);
    }
    return 0;
}
C
for mode in JSMN_LAX JSMN_STRICT; do # the first name means nothing to jsmn
    cc -D"$mode" -Idebian/usr/include count.c -o count
    echo "$mode:"
    ./count
done >seen
cat >expected <<'TEXT'
JSMN_LAX:
{"size": 12, "name": "a"}    array  5, NULL  5
{"size": 12, "name": "a"     array -3, NULL  5
{"size": 12, "na             array -3, NULL -3
{"size": 12,                 array -3, NULL  3
{"size": 12                  array -3, NULL  3
{"list": [1, 2}              array -2, NULL  5
JSMN_STRICT:
{"size": 12, "name": "a"}    array  5, NULL  5
{"size": 12, "name": "a"     array -3, NULL  5
{"size": 12, "na             array -3, NULL -3
{"size": 12,                 array -3, NULL  3
{"size": 12                  array -3, NULL -3
{"list": [1, 2}              array -2, NULL  5
TEXT
echo "jsmn $(dpkg-deb -f libjsmn-dev_*.deb Version)"
cat seen
diff expected seen && echo 'as described'
