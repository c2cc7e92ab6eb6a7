// SPDX-License-Identifier: Apache-2.0
// Is what a device speaks of the file that we hold? Compared are digests; a version may stand for many builds.
#pragma once

#include <stdbool.h>

#include "device_state.h"
#include "firmware.h"

// The running image was built as the file's was: their ELF digests agree. False where one of them is not known: in an
// encrypted file, and in an image whose build has left the digest zero.
bool recognise_running(const firmware_t *firmware, const device_state_t *state);

// The file's image has been verified in the other slot, and a restart runs it.
bool recognise_ready(const firmware_t *firmware, const device_state_t *state);

// All bytes of the file have arrived, and the device is verifying them.
bool recognise_verifying(const firmware_t *firmware, const device_state_t *state);

// The file's image lies in the other slot.
bool recognise_other(const firmware_t *firmware, const device_state_t *state);

// The same, and the device has gone back from it.
bool recognise_given_up(const firmware_t *firmware, const device_state_t *state);
