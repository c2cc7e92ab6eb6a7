// SPDX-License-Identifier: Apache-2.0
// Devices without their address: "lamp.local", or the 12 hex digits of an id. Asks the network (discover.h).
#pragma once

#include "address.h"
#include "discover.h"
#include "output.h"

// Does `text` need the network to become an address?
bool locate_is_needed(const char *text, const address_t *address);

// Fills in where the device is. False: `problem`. A ".local" name that no device answers to is left to the system's own
// names, and true.
bool locate(address_t *address, const char *text, problem_t *problem);

// The same from answers that are there: false when no device is among them.
bool locate_among(const discover_t *discover, address_t *address, const char *text);

// The command `discover`: prints the devices that answer within `wait_s`.
exit_code_t locate_all(output_t *output, uint32_t wait_s);
