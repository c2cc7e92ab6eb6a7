// SPDX-License-Identifier: Apache-2.0
// The sentences are a file of their own, so that a device without space for them does not link them.
#include <string.h>

#include "session/message.h"
#include "text.h"

#define LONGEST 256

static const char *const sentences[] = {
#define STATUS(symbol, name, way, sentence) sentence,
#include "schema.def"
};

const char *ota_ws_status_sentence(ota_ws_status_t status) {
    return sentences[status];
}

// The value whose mark stands at `at`; NULL where there is none.
static const char *value_at(const char *at, const ota_ws_failure_t *failure) {
    return strncmp(at, "{image}", 7) == 0 ? failure->image : strncmp(at, "{device}", 8) == 0 ? failure->device : NULL;
}

void ota_ws_sentence(char *text, size_t size, const ota_ws_failure_t *failure) {
    const char *at = sentences[failure->status];
    size_t length = 0;
    while (*at != '\0' && length + 1 < size) {
        const char *value = value_at(at, failure);
        if (value == NULL) {
            text[length++] = *at++;
            continue;
        }
        ota_ws_text_copy(text + length, size - length, value);
        length += strlen(text + length);
        at = strchr(at, '}') + 1;
    }
    text[length] = '\0';
}

void ota_ws_sentence_reply(ota_ws_reply_t *reply, const ota_ws_failure_t *failure) {
    char text[LONGEST];
    ota_ws_sentence(text, sizeof text, failure);
    ota_ws_reply_string(reply, "text", text);
}
