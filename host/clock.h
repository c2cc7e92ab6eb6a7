// SPDX-License-Identifier: Apache-2.0
// The clock of the core's events.
#pragma once

#include <stdint.h>

uint32_t clock_now_ms(void);
