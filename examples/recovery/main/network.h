// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#define NETWORK_NAME_SIZE 33

// Connects by Wi-Fi with the name and the password that the application has stored, or by Ethernet, as menuconfig says.
// The event loop is there. `has_store`: so is NVS. True when the device has an address. False when there is nothing
// stored, or no address after `wait_s` seconds. A station tries again all the time, and after each loss.
bool network_connect(bool has_store, unsigned wait_s);

// Opens an access point beside it, after network_connect() was false. An empty `key` opens it to everybody. The station
// goes on trying, but not while somebody is at the access point: looking for a network, the device does not hear them.
// `name` is that of the access point. The device's address there is 192.168.4.1.
void network_open_access_point(const char *key, char name[NETWORK_NAME_SIZE]);
