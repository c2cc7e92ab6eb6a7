// SPDX-License-Identifier: Apache-2.0
// The client's login in a life, and the mac of what it says afterwards.
#pragma once

#include "device_life.h"

#define LIFE_PASSWORD "K7MQ-2RTX-9WPD"

// Of LIFE_PASSWORD.
void life_verifier(ota_ws_verifier_t *verifier);

// Writes `text`, a whole object, with count and mac into `whole`, OTA_WS_MESSAGE_SIZE bytes. Returns the length.
size_t life_sign(life_t *life, const char *text, char *whole);
