// SPDX-License-Identifier: Apache-2.0
// What a sketch takes from the core of arduino-esp32 3.x, in our own words: just enough to compile the example here.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void delay(uint32_t ms);

// The core calls these around a sketch: core.c.
void initArduino(void);

#ifdef __cplusplus
}

#include <string>

class String {
  public:
    explicit String(const char *written) : text(written) {
    }
    const char *c_str() const {
        return text.c_str();
    }

  private:
    std::string text;
};

class Console {
  public:
    void begin(unsigned long speed) {
        (void)speed;
    }
    int printf(const char *format, ...) __attribute__((format(printf, 2, 3)));
};
extern Console Serial;

void setup();
void loop();
#endif
