// SPDX-License-Identifier: Apache-2.0
// The hash port over OpenSSL's EVP interface.
#pragma once

#include "hash.h"

extern const ota_ws_hash_t ota_ws_hash_openssl;
