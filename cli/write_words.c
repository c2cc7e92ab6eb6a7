// SPDX-License-Identifier: Apache-2.0
// Used by the build only: writes the man page or the completion of one shell to standard output.
#include <stdio.h>
#include <string.h>

#include "completion.h"
#include "manual.h"

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*write)(void);
    } forms[] = {{"man", manual_write},
                 {"bash", completion_write_bash},
                 {"zsh", completion_write_zsh},
                 {"fish", completion_write_fish}};
    for (size_t i = 0; argc == 2 && i < sizeof forms / sizeof forms[0]; i++) {
        if (strcmp(argv[1], forms[i].name) == 0) {
            forms[i].write();
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    fputs("usage: ota-ws-words man|bash|zsh|fish\n", stderr);
    return 2;
}
