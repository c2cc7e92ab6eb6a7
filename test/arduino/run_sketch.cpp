// SPDX-License-Identifier: Apache-2.0
// Runs a sketch as the core does: initArduino(), setup(), loop(). Three starts, one per process: "first" of a device
// fresh from the factory, "update" of an image that was just selected, "again" of one that was confirmed.
// Prints what the console says, then one line about the trial.
#include "Arduino.h"
#include "WiFi.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern "C" {
#include "esp_http_server.h"
#include "fake.h"
#include "ota_ws_update.h"
void selected_image(void); // image_of_sketch.c
size_t page_size(void);
}

Console Serial;
Network WiFi;
static httpd_handle_t running;

int Console::printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vprintf(format, arguments);
    va_end(arguments);
    return length;
}

extern "C" void delay(uint32_t ms) {
    fake_pass(ms);
}

extern "C" esp_err_t httpd_start(httpd_handle_t *server, const httpd_config_t *config) {
    running = *server = fake_server();
    fake.max_routes = config->max_uri_handlers;
    return ESP_OK;
}

int main(int argc, char **argv) {
    const char *start = argc > 1 ? argv[1] : "first";
    ota_ws_state_t state;
    fake_reset();
    if (strcmp(start, "update") == 0) {
        selected_image();
        fake_running_state(ESP_OTA_IMG_PENDING_VERIFY); // by the bootloader, which watches over the trial
        fake_earlier_image();
    }
    initArduino();
    setup();
    loop();
    fake_request(running, HTTP_GET, "/ota", "192.168.1.7", NULL);
    ota_ws_get_state(&state);
    printf("page: %s, %u bytes\n", fake.status, (unsigned)page_size());
    printf("error: %s\n", fake.error);
    printf("on trial: %d\n", state.on_trial);
    return 0;
}
