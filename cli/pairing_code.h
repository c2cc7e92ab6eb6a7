// SPDX-License-Identifier: Apache-2.0
// A pairing code as people type it: small letters, without hyphens, with blanks, O for 0, I or L for 1. Crockford's
// base 32 has no O, I, L and U, so these letters can be meant in one way only.
#pragma once

#include <stdbool.h>

#include "login/scram.h"

// True when `typed` has the form of a whole code: 12 characters of the alphabet, or letters that stand for one, with
// blanks and hyphens anywhere. Then `code` is the code as the device knows it: "XXXX-XXXX-XXXX". Else `code` is "".
bool pairing_code_read(const char *typed, char code[OTA_WS_PAIRING_CODE_SIZE]);
