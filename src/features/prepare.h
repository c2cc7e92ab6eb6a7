// SPDX-License-Identifier: Apache-2.0
// Where the store keeps whether the prepared slot is switched on: a value of any content says so.
#pragma once

#define OTA_WS_PREPARE_KEY "prepare"
