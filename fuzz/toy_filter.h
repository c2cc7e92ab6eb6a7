// SPDX-License-Identifier: Apache-2.0
// A decryptor without cryptography: the header of an encrypted image, then its bytes with all bits turned over. For
// fuzzing what is around it at full speed.
#pragma once

#include "image_builder.h"
#include "ports.h"

extern const ota_ws_filter_t toy_filter;

// The encrypted file of an image, malloc'ed.
image_file_t toy_encrypt(const image_file_t *image);
