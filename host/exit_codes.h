// SPDX-License-Identifier: Apache-2.0
// What ota-ws-device ends with.
#pragma once

enum {
    EXIT_ENDED = 0,
    EXIT_USAGE = 2,
    EXIT_FLASH_FILE = 3,
    EXIT_PARTITIONS = 4,
    EXIT_IMAGE = 5,
    EXIT_NETWORK = 6,
    EXIT_ACCESS = 7,
};

#define EXIT_CODES_HELP                                                                                                \
    "Exit codes: 0 ended by a signal, 2 wrong arguments, 3 flash file\n"                                               \
    "(no room, other size, in use), 4 partition table, 5 no image that starts, 6 network, 7 password or key.\n"
