#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Jansson (Debian 12: 2.14), a JSON library in C, whose integers have 64 bits.
#
# json_unpack checks types and reports what does not fit: a missing member, a string instead of a number. One expects an error
# when a number does not fit into the variable, too. Seen:
#   1. "i" (an int), of 4294967301: it returns 0, which means success, and the int is 5. Of 4294967295: it is -1.
#   2. "I" (json_int_t, 64 bits) of the same: 4294967301.
#   3. "i" of 1.0 is an error; so is "i" of 18446744073709551616, because the parser refuses what has no 64 bits.
# The document names the C type of "i" and says nothing of the range. So a size or an offset of an image is read with "I", and
# compared with a limit before it becomes an int or a size_t.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs a C compiler.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
packages=(libjansson-dev=2.14-2 libjansson4=2.14-2)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
cat >numbers.c <<'C'
#include <jansson.h>
#include <stdio.h>

static void unpack(const char *text, const char *format)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value) {
        printf("%s: not read: %s\n", text, error.text);
        return;
    }
    int small = 77;
    json_int_t large = 77;
    void *target = format[3] == 'i' ? (void *)&small : (void *)&large;
    int result = json_unpack_ex(value, &error, 0, format, "size", target);
    if (result)
        printf("%s, %s: %d, %s\n", text, format, result, error.text);
    else
        printf("%s, %s: 0, %lld\n", text, format, format[3] == 'i' ? (long long)small : (long long)large);
    json_decref(value);
}

int main(void)
{
    unpack("{\"size\": 4294967301}", "{s:i}");
    unpack("{\"size\": 4294967295}", "{s:i}");
    unpack("{\"size\": 4294967301}", "{s:I}");
    unpack("{\"size\": 1.0}", "{s:i}");
    unpack("{\"size\": \"1\"}", "{s:i}");
    unpack("{\"size\": 18446744073709551616}", "{s:i}");
    return 0;
}
C
libraries="debian/usr/lib/$(uname -m)-linux-gnu"
cc -Idebian/usr/include -Idebian/usr/include/"$(uname -m)"-linux-gnu numbers.c -o numbers "$libraries"/libjansson.so.4
LD_LIBRARY_PATH=$libraries ./numbers >seen
cat >expected <<'TEXT'
{"size": 4294967301}, {s:i}: 0, 5
{"size": 4294967295}, {s:i}: 0, -1
{"size": 4294967301}, {s:I}: 0, 4294967301
{"size": 1.0}, {s:i}: -1, Expected integer, got real
{"size": "1"}, {s:i}: -1, Expected integer, got string
{"size": 18446744073709551616}: not read: too big integer near '18446744073709551616'
TEXT
echo "jansson $(dpkg-deb -f libjansson4_*.deb Version)"
cat seen
diff expected seen && echo 'as described'
