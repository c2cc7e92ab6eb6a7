// SPDX-License-Identifier: Apache-2.0
// A main for the fuzz targets where libFuzzer has none: runs each file that is named (of a folder: each in it), or what
// comes on standard input, as AFL++ wants it.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned run(FILE *file) {
    uint8_t *data = malloc(INPUT_MAX);
    size_t size = file == NULL || data == NULL ? 0 : fread(data, 1, INPUT_MAX, file);
    uint8_t *exact = malloc(size > 0 ? size : 1); // so that a byte too far is seen
    if (exact == NULL || file == NULL) {
        abort();
    }
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 1;
}

static unsigned run_path(const char *path) {
    struct dirent *entry;
    unsigned count = 0;
    char inner[4096];
    DIR *folder = opendir(path);
    if (folder == NULL) {
        FILE *file = fopen(path, "rb");
        count = run(file);
        fclose(file);
        return count;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            count += run_path(inner);
        }
    }
    closedir(folder);
    return count;
}

int main(int count, char **words) {
    unsigned inputs = count < 2 ? run(stdin) : 0;
    for (int i = 1; i < count; i++) {
        inputs += run_path(words[i]);
    }
    printf("%u inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
