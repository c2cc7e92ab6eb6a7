// SPDX-License-Identifier: Apache-2.0
// In the place of announce.c where Avahi's client library is missing.
#include "announce.h"

#include <stddef.h>

announce_t *announce_start(const announce_settings_t *settings) {
    console_log(settings->console, "net", "not announced: this program was built without libavahi-client-dev");
    return NULL;
}

void announce_stop(announce_t *announce) {
    (void)announce;
}
