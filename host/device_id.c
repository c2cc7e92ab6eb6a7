// SPDX-License-Identifier: Apache-2.0
#include "device_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "text.h"

#define NAME "id"
#define LOCALLY_ADMINISTERED 0x02 // as in a MAC address that no vendor has given
#define MULTICAST 0x01

static bool is_id(const char *text) {
    return strlen(text) == OTA_WS_ID_SIZE - 1 && strspn(text, "0123456789abcdef") == OTA_WS_ID_SIZE - 1;
}

void device_id_load(char id[OTA_WS_ID_SIZE], store_t *store, const console_t *console) {
    char text[STORE_TEXT_SIZE];
    uint8_t bytes[(OTA_WS_ID_SIZE - 1) / 2];
    if (store_get(store, NAME, text) && is_id(text)) {
        memcpy(id, text, OTA_WS_ID_SIZE);
        return;
    }
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        abort(); // up to 256 bytes always come whole
    }
    bytes[0] = (uint8_t)((bytes[0] | LOCALLY_ADMINISTERED) & ~MULTICAST);
    ota_ws_text_hex(id, bytes, sizeof bytes);
    if (!store_set(store, NAME, id)) {
        console_log(console, "boot", "the id cannot be kept in %s: %s", store->path, strerror(errno));
    }
}
