// SPDX-License-Identifier: Apache-2.0
// Says on the network that this device exists: the DNS-SD service _ota-ws._tcp, by Espressif's component mdns.
#pragma once

// Once, at the start. `page_uri`: path of the page. What goes wrong is said on the console; the device works without
// it.
void ota_ws_mdns_announce(const char *page_uri);
