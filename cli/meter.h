// SPDX-License-Identifier: Apache-2.0
// How far an update is, how fast it goes and how long it will take; as a bar, as a line. Time and numbers in, text out.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define METER_SAMPLES 32
#define METER_WINDOW_MS 3000 // the rate is that of the last three seconds
#define METER_TEXT_SIZE 512

typedef struct {
    uint64_t time_ms;
    uint32_t done;
} meter_sample_t;

typedef struct {
    uint32_t size;
    uint32_t first; // where it began: not zero when an update goes on
    uint32_t done;
    uint64_t start_ms, now_ms;
    meter_sample_t samples[METER_SAMPLES]; // a ring, at least METER_WINDOW_MS / METER_SAMPLES apart
    size_t count, newest;
} meter_t;

void meter_start(meter_t *meter, uint32_t size, uint32_t done, uint64_t now_ms);
void meter_update(meter_t *meter, uint32_t done, uint64_t now_ms);

uint32_t meter_percent(const meter_t *meter);
uint32_t meter_rate(const meter_t *meter);         // bytes per second; 0: not known yet
uint32_t meter_average_rate(const meter_t *meter); // since the start
uint32_t meter_left_s(const meter_t *meter);       // UINT32_MAX: not known yet

// Fills exactly `columns` columns, or less when they are too few to fill.
void meter_bar(const meter_t *meter, size_t columns, char text[METER_TEXT_SIZE]);

// "40 %, 347 of 867 KB, 206 KB/s, 0:03 left"
void meter_line(const meter_t *meter, char text[METER_TEXT_SIZE]);

// "867 KB in 4.2 s, 206 KB/s"
void meter_summary(const meter_t *meter, char text[METER_TEXT_SIZE]);
