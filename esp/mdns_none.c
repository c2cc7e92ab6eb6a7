// SPDX-License-Identifier: Apache-2.0
// In the place of mdns_announce.c without OTA_WS_MDNS.
#include "mdns_announce.h"

void ota_ws_mdns_announce(const char *page_uri) {
    (void)page_uri;
}
