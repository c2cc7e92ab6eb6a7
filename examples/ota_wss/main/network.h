// SPDX-License-Identifier: Apache-2.0
#pragma once

// Connects by Wi-Fi or Ethernet, as menuconfig says, and returns when the device has an address. The event loop and
// NVS are there. After a loss the connection comes back by itself.
void network_connect(void);
