// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <stdbool.h>
#include <string.h>
#include <sys/param.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "lwip/sockets.h"

#define STACK_SIZE 3072
#define PAUSE_MS 20
#define PORT 80

static volatile bool runs;
static probe_t seen;

static bool ask(void) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[32] = "";
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    bool answered = connect(connection, (const struct sockaddr *)&address, sizeof address) == 0 &&
                    send(connection, request, sizeof request - 1, 0) == sizeof request - 1 &&
                    recv(connection, answer, sizeof answer - 1, 0) > 0 && strstr(answer, " 200 ") != NULL;
    close(connection);
    return answered;
}

static void run(void *context) {
    while (runs) {
        int64_t since = esp_timer_get_time();
        bool answered = ask();
        uint32_t waited = (uint32_t)((esp_timer_get_time() - since) / 1000);
        seen.asked++;
        seen.failed += !answered;
        seen.longest_ms = MAX(seen.longest_ms, waited);
        vTaskDelay(pdMS_TO_TICKS(PAUSE_MS));
    }
    vTaskDelete(NULL);
}

void probe_start(void) {
    seen = (probe_t){0};
    runs = true;
    xTaskCreate(run, "probe", STACK_SIZE, NULL, tskIDLE_PRIORITY + 5, NULL);
}

probe_t probe_stop(void) {
    runs = false;
    return seen;
}
