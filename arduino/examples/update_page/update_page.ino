// SPDX-License-Identifier: Apache-2.0
// The update page in an Arduino sketch (arduino-esp32 3.x). Flash it once by USB; later versions go over the network:
// "Sketch -> Export Compiled Binary", then choose the .bin file on the page.
#include <WiFi.h>
#include <esp_http_server.h>
#include <ota_ws_update.h>

static const char *const ssid = "your network";
static const char *const password = "its password";

// Arduino's core confirms each new firmware before setup(), and then nothing can go back. This function leaves the
// decision to the update page: the new firmware runs on trial. Without "C" the core does not find it.
extern "C" bool verifyRollbackLater() {
  return true;
}

// The core prints errors only, so the sketch prints the way in.
static void showWayIn() {
  char code[OTA_WS_CODE_SIZE];
  Serial.printf("Update page: http://%s/ota\n", WiFi.localIP().toString().c_str());
  if (ota_ws_get_pairing_code(code) == ESP_OK) {
    Serial.printf("Pairing code: %s\n", code);
  }
}

void setup() {
  Serial.begin(115200);
  WiFi.begin(ssid, password);

  // Before the network is there: so the trial of a firmware that does not reach it has an end.
  httpd_handle_t server = NULL;
  httpd_config_t config = HTTPD_DEFAULT_CONFIG();
  if (httpd_start(&server, &config) == ESP_OK) {
    ota_ws_register_uri_handler(server);
  }
}

void loop() {
  static bool isShown = false;
  if (!isShown && WiFi.status() == WL_CONNECTED) {
    isShown = true;
    showWayIn();
  }
  delay(100);
}
