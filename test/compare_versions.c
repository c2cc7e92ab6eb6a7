// SPDX-License-Identifier: Apache-2.0
// The core's order of versions as a program, so that clients in other languages can be compared with it: pairs in, one
// a line with a tab between, the result of ota_ws_version_compare() out, one a line.
#include <stdio.h>
#include <string.h>

#include "image/version.h"

int main(void) {
    char line[1024];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *right = strchr(line, '\t');
        if (right == NULL) {
            fprintf(stderr, "no tab in '%s'\n", line);
            return 1;
        }
        *right = '\0';
        printf("%d\n", ota_ws_version_compare(line, right + 1));
    }
    return 0;
}
