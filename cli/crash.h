// SPDX-License-Identifier: Apache-2.0
// What `crash` prints of a core dump, with functions and lines where the ELF file of the image is at hand.
#pragma once

#include "device_state.h"
#include "output.h"
#include "remains.h"

// `elf` NULL: addresses only. `addr2line` NULL: the toolchain's, in PATH. EXIT_CODE_OK, or `problem` says what is
// wrong; the summary is printed in any case.
exit_code_t crash_print(output_t *output, const char *name, const device_crash_t *crash, const char *elf,
                        const char *addr2line, problem_t *problem);
