// SPDX-License-Identifier: Apache-2.0
// Host and Origin: what the reader takes is a name or an address of the documented form, and nothing outside the text
// is read. What is not a text (a zero inside) ends at the zero, as the servers give it.
#include <stdlib.h>
#include <string.h>

#include "login/host_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const ota_ws_host_name_t *host, const char *text, size_t length) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (host->name < text || host->name_length == 0 || host->name + host->name_length > text + length ||
        strspn(host->name, letters) < host->name_length) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ota_ws_host_name_t host;
    char *text = malloc(size + 1); // of exactly this size, so that one byte too many is noticed
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (ota_ws_host_name_read(text, &host)) {
        if (!host.is_address) {
            check_name(&host, text, strlen(text));
        }
        if (!ota_ws_host_name_same(&host, &host)) {
            abort();
        }
    }
    free(text);
    return 0;
}
