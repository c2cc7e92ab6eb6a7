// SPDX-License-Identifier: Apache-2.0
#include "meter.h"

#include <stdio.h>
#include <string.h>

// ---- numbers ----

void meter_start(meter_t *meter, uint32_t size, uint32_t done, uint64_t now_ms) {
    memset(meter, 0, sizeof *meter);
    meter->size = size;
    meter->first = done;
    meter->done = done;
    meter->start_ms = now_ms;
    meter->now_ms = now_ms;
    meter->samples[0] = (meter_sample_t){now_ms, done};
    meter->count = 1;
}

void meter_update(meter_t *meter, uint32_t done, uint64_t now_ms) {
    meter->done = done;
    meter->now_ms = now_ms;
    if (now_ms - meter->samples[meter->newest].time_ms < METER_WINDOW_MS / METER_SAMPLES) {
        return;
    }
    meter->newest = (meter->newest + 1) % METER_SAMPLES;
    meter->samples[meter->newest] = (meter_sample_t){now_ms, done};
    meter->count += meter->count < METER_SAMPLES;
}

// The oldest sample that lies in the window; the newest one when all are older.
static const meter_sample_t *oldest(const meter_t *meter) {
    const meter_sample_t *found = &meter->samples[meter->newest];
    for (size_t i = 1; i < meter->count; i++) {
        const meter_sample_t *sample = &meter->samples[(meter->newest + METER_SAMPLES - i) % METER_SAMPLES];
        if (meter->now_ms - sample->time_ms > METER_WINDOW_MS) {
            break;
        }
        found = sample;
    }
    return found;
}

static uint32_t rate_since(const meter_t *meter, meter_sample_t since) {
    uint64_t elapsed_ms = meter->now_ms - since.time_ms;
    return elapsed_ms == 0 ? 0 : (uint32_t)((uint64_t)(meter->done - since.done) * 1000 / elapsed_ms);
}

uint32_t meter_percent(const meter_t *meter) {
    return meter->size == 0 ? 100 : (uint32_t)((uint64_t)meter->done * 100 / meter->size);
}

uint32_t meter_rate(const meter_t *meter) {
    return rate_since(meter, *oldest(meter));
}

uint32_t meter_average_rate(const meter_t *meter) {
    return rate_since(meter, (meter_sample_t){meter->start_ms, meter->first});
}

uint32_t meter_left_s(const meter_t *meter) {
    uint32_t rate = meter_rate(meter);
    return rate == 0 ? UINT32_MAX : (meter->size - meter->done + rate - 1) / rate;
}

// ---- texts ----

// "867 KB", "12.3 MB".
static void write_size(char *text, size_t size, uint32_t bytes) {
    if (bytes < 1000) {
        snprintf(text, size, "%u B", bytes);
    } else if (bytes < 10000000) {
        snprintf(text, size, "%u KB", (bytes + 500) / 1000);
    } else {
        snprintf(text, size, "%.1f MB", bytes / 1e6);
    }
}

static void write_rate(char *text, size_t size, uint32_t rate) {
    if (rate == 0) {
        snprintf(text, size, "- KB/s");
        return;
    }
    write_size(text, size, rate);
    strncat(text, "/s", size - strlen(text) - 1);
}

static void write_left(char *text, size_t size, uint32_t left_s) {
    if (left_s == UINT32_MAX) {
        snprintf(text, size, "-:-- left");
    } else {
        snprintf(text, size, "%u:%02u left", left_s / 60, left_s % 60);
    }
}

typedef struct {
    char done[16], size[16], rate[20], left[24];
} words_t;

static void write_words(const meter_t *meter, words_t *words) {
    write_size(words->done, sizeof words->done, meter->done);
    write_size(words->size, sizeof words->size, meter->size);
    write_rate(words->rate, sizeof words->rate, meter_rate(meter));
    write_left(words->left, sizeof words->left, meter_left_s(meter));
}

void meter_bar(const meter_t *meter, size_t columns, char text[METER_TEXT_SIZE]) {
    words_t words;
    char figures[96];
    write_words(meter, &words);
    size_t length = (size_t)snprintf(figures, sizeof figures, " %3u %%  %7s of %s  %10s  %s", meter_percent(meter),
                                     words.done, words.size, words.rate, words.left);
    columns = columns < METER_TEXT_SIZE ? columns : METER_TEXT_SIZE - 1;
    if (columns < length + 12) { // no space for a bar that says anything
        snprintf(text, METER_TEXT_SIZE, "%.*s", (int)columns, figures + 1);
        return;
    }
    size_t space = columns - length - 2;
    size_t filled = meter->size == 0 ? space : (size_t)((uint64_t)meter->done * space / meter->size);
    text[0] = '[';
    memset(text + 1, '#', filled);
    memset(text + 1 + filled, '.', space - filled);
    snprintf(text + 1 + space, METER_TEXT_SIZE - space - 1, "]%s", figures);
}

void meter_line(const meter_t *meter, char text[METER_TEXT_SIZE]) {
    words_t words;
    write_words(meter, &words);
    snprintf(text, METER_TEXT_SIZE, "%3u %%, %s of %s, %s, %s", meter_percent(meter), words.done, words.size,
             words.rate, words.left);
}

void meter_summary(const meter_t *meter, char text[METER_TEXT_SIZE]) {
    char size[16], rate[20];
    write_size(size, sizeof size, meter->done - meter->first);
    write_rate(rate, sizeof rate, meter_average_rate(meter));
    snprintf(text, METER_TEXT_SIZE, "%s in %.1f s, %s", size, (double)(meter->now_ms - meter->start_ms) / 1000, rate);
}
