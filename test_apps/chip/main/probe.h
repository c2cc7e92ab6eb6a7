// SPDX-License-Identifier: Apache-2.0
// Another user of the server: asks for a page again and again, over the chip's own loopback, and measures by the chip's
// clock how long it waits. So the machine that emulates does not count.
#pragma once

#include <stdint.h>

typedef struct {
    uint32_t asked;
    uint32_t failed;
    uint32_t longest_ms;
} probe_t;

void probe_start(void);

probe_t probe_stop(void);
