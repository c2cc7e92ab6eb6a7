// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "compat.h"
#include "core.h"
#include "decrypt.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_timer.h"
#include "flash.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "httpd_glue.h"
#include "inflate.h"
#include "link.h"
#include "mdns_announce.h"
#include "nvs_flash.h"
#include "password.h"
#include "platform.h"
#include "sdkconfig.h"
#include "signed.h"
#include "text.h"
#include "worker.h"

#define LOST_TICKS 10 // so long we wait for the server to take up what was queued; then it was lost
#define POLL_MS 10
#define START_PRIORITY (tskIDLE_PRIORITY + 5)

_Static_assert(OTA_WS_CODE_SIZE == OTA_WS_PAIRING_CODE_SIZE, "one size of pairing codes");

static const char *const tag = "ota_ws";

// What the device of core.h is started with. All but `woken` is used with the lock held.
static struct {
    bool started;
    bool is_shown;               // the way in
    char code[OTA_WS_CODE_SIZE]; // the pairing code, until it is shown
    volatile int woken;          // ticks since the server was asked to look; 0: it was not
    ota_ws_settings_t settings;
    ota_ws_flash_t flash;
    ota_ws_worker_t worker;
    ota_ws_verifier_t verifier;
} component;

// ---- lock and time -------------------------------------------------------------------------------------------------

static void look(void *context) {
    (void)context;
    component.woken = 0;
    ota_ws_device_t *device = ota_ws_core_enter();
    ota_ws_device_tick(device, ota_ws_core_now_ms());
    ota_ws_core_leave();
}

// The server whose task will look: one with a connection of ours, so that it is there.
static httpd_handle_t find_server(void) {
    ota_ws_core_lock();
    httpd_handle_t server = ota_ws_peer_any_server();
    ota_ws_core_unlock();
    return server;
}

// In the timer's task. What was queued may be lost without a word before 5.5.5: then it is queued again.
static void tick(void *context) {
    (void)context;
    httpd_handle_t server = find_server();
    if (server == NULL) {
        look(NULL);
        return;
    }
    if (component.woken > 0 && component.woken < LOST_TICKS) {
        component.woken++;
        return;
    }
    component.woken = httpd_queue_work(server, look, NULL) == ESP_OK ? 1 : 0;
}

// In the writer's task: a result can be taken. If the lock is held, its holder takes it; the next tick does at the
// latest.
static void result_waits(void) {
    if (component.woken > 0 || xSemaphoreTakeRecursive(ota_ws_core.lock, 0) != pdTRUE) {
        return;
    }
    httpd_handle_t server = ota_ws_peer_any_server();
    component.woken = server != NULL;
    ota_ws_core_unlock();
    if (server != NULL && httpd_queue_work(server, look, NULL) != ESP_OK) {
        component.woken = 0;
    }
}

// ---- start ---------------------------------------------------------------------------------------------------------

static const char *text_or(const char *text, const char *otherwise) {
    return text != NULL ? text : otherwise[0] != '\0' ? otherwise : NULL;
}

static void take_settings(const ota_ws_config_t *config) {
    static const char *const names[] = {CONFIG_OTA_HOST_NAME, NULL};
    uint32_t trial_s = config->trial_timeout_s != 0 ? config->trial_timeout_s : CONFIG_OTA_TRIAL_TIMEOUT_S; // 0: never
    ota_ws_settings_t *settings = &component.settings;
    *settings = ota_ws_default_settings; // without sentences: the page and ota-ws have them
    settings->chunk = CONFIG_OTA_CHUNK_SIZE;
    settings->credit = 4 * CONFIG_OTA_CHUNK_SIZE;
    settings->trial_timeout_ms = trial_s == OTA_WS_TRIAL_WITHOUT_END ? 0 : trial_s * 1000;
    settings->ws_uri = text_or(config->ws_uri, CONFIG_OTA_DEFAULT_WS_URI);
    settings->policy = (ota_ws_policy_t){.check_project = OTA_WS_CHECK_PROJECT, .check_version = OTA_WS_CHECK_VERSION};
    ota_ws_core.host_names = config->host_names != NULL ? config->host_names : names[0][0] != '\0' ? names : NULL;
}

static void write_address(char text[OTA_WS_TEXT_ADDRESS_SIZE]) {
    ota_ws_address_t own = {.bytes = {[10] = 0xFF, [11] = 0xFF}};
    esp_netif_ip_info_t info;
    esp_netif_t *netif = esp_netif_get_default_netif();
    text[0] = '\0';
    if (netif != NULL && esp_netif_get_ip_info(netif, &info) == ESP_OK && info.ip.addr != 0) {
        memcpy(own.bytes + 12, &info.ip.addr, 4);
        ota_ws_text_address(text, own.bytes);
    }
}

// Once a page is registered: what is printed before would lead nowhere.
static void show_way_in(const char *uri) {
    char address[OTA_WS_TEXT_ADDRESS_SIZE];
    write_address(address);
    ESP_LOGI(tag, "Update page: %s%s", address, uri);
    if (ota_ws_core.device.verifier == NULL) {
        ESP_LOGW(tag, "The update page is NOT protected: anybody on the network may replace this firmware");
    } else if (component.code[0] != '\0') {
        ESP_LOGI(tag, "Pairing code: %s", component.code);
    }
    memset(component.code, 0, sizeof component.code);
    component.is_shown = true;
}

// Applications often look at no result, so the console says what is to be done.
static void log_error(esp_err_t error, const char *uri) {
    switch (error) {
    case ESP_ERR_HTTPD_HANDLERS_FULL:
        ESP_LOGE(tag, "No update page: the server has no room for 3 more handlers. Raise max_uri_handlers.");
        break;
    case ESP_ERR_HTTPD_HANDLER_EXISTS:
        ESP_LOGE(tag, "No update page: another handler stands at %s or %s. Register before a handler with a wildcard.",
                 uri, component.settings.ws_uri);
        break;
    case ESP_ERR_INVALID_ARG:
        ESP_LOGE(tag, "No update page: there is no server, or the password is not 4 to 64 printable ASCII characters.");
        break;
    default:
        ESP_LOGE(tag, "No update page: %s", esp_err_to_name(error));
        break;
    }
}

static void prepare_ports(const ota_ws_config_t *config, ota_ws_ports_t *ports) {
    ota_ws_chip_signed_start();
    ota_ws_chip_flash(&component.flash);
    ota_ws_chip_platform_use(config);
    ota_ws_pipeline_ports_t pipeline = {
        .flash = &component.flash,
        .platform = &ota_ws_chip_platform,
        .hash = &ota_ws_compat_hash,
        .policy = &component.settings.policy,
        .inflate = ota_ws_chip_inflate(),
        .decrypt = ota_ws_chip_decrypt(),
    };
    ota_ws_chip_worker(&component.worker, &pipeline, result_waits);
    *ports = (ota_ws_ports_t){
        .flash = &component.flash,
        .platform = &ota_ws_chip_platform,
        .worker = &component.worker,
        .hash = &ota_ws_compat_hash,
    };
}

static esp_err_t make_lock(void) {
    if (ota_ws_core.lock == NULL) {
        ota_ws_core.lock = xSemaphoreCreateRecursiveMutex();
    }
    return ota_ws_core.lock != NULL ? ESP_OK : ESP_ERR_NO_MEM;
}

// With the lock held, once.
static esp_err_t start_device(const ota_ws_config_t *config) {
    const esp_timer_create_args_t timer = {.callback = tick, .name = "ota_ws"};
    ota_ws_ports_t ports;
    esp_err_t error = esp_timer_create(&timer, &ota_ws_core.tick);
    if (error != ESP_OK) {
        return error;
    }
    nvs_flash_init(); // no harm when it was done; when it cannot be done, a pairing code lasts until the next start
    take_settings(config);
    prepare_ports(config, &ports);
    const ota_ws_verifier_t *verifier = OTA_WS_PROTECTED ? &component.verifier : NULL;
    if (verifier != NULL) {
        ota_ws_password_load(text_or(config->password, CONFIG_OTA_PASSWORD), &component.verifier, component.code);
        component.settings.has_pairing_code = component.code[0] != '\0';
    }
    ota_ws_device_init(&ota_ws_core.device, &ports, &component.settings, verifier, ota_ws_core_now_ms());
    component.started = true;
    ota_ws_core.told.on_trial = ota_ws_core.device.on_trial;
    if (ota_ws_core.device.on_trial) {
        ota_ws_core_post(OTA_WS_EVENT_ON_TRIAL, NULL, 0);
    }
    return ESP_OK;
}

// What the first start hands to its task.
typedef struct {
    const ota_ws_config_t *config;
    esp_err_t error;
    SemaphoreHandle_t done;
} first_start_t;

static void run_first_start(void *context) {
    first_start_t *start = context;
    start->error = start_device(start->config);
    xSemaphoreGive(start->done);
    vTaskSuspend(NULL); // deleted by who waits
}

// In a task of its own: applications start their servers from event handlers, whose stack is too small for the record
// of updates and a password's hash.
static esp_err_t start_device_apart(const ota_ws_config_t *config) {
    first_start_t start = {.config = config, .done = xSemaphoreCreateBinary()};
    TaskHandle_t task;
    if (start.done == NULL) {
        return ESP_ERR_NO_MEM;
    }
    bool made = xTaskCreate(run_first_start, "ota_ws_start", CONFIG_OTA_WRITER_STACK_SIZE, &start, START_PRIORITY,
                            &task) == pdPASS;
    if (made) {
        xSemaphoreTake(start.done, portMAX_DELAY);
        vTaskDelete(task);
    }
    vSemaphoreDelete(start.done);
    return made ? start.error : ESP_ERR_NO_MEM;
}

struct ota_ws_server {
    httpd_handle_t httpd;
    char uri[]; // of the page
};

static esp_err_t start_all(httpd_handle_t server, const ota_ws_config_t *config, const char *uri) {
    esp_err_t error = make_lock();
    if (error != ESP_OK) {
        return error;
    }
    ota_ws_core_lock();
    if (!component.started) {
        error = start_device_apart(config);
    }
    if (error == ESP_OK) {
        error = ota_ws_glue_register(server, uri, component.settings.ws_uri);
    }
    if (error == ESP_OK && !component.is_shown) {
        show_way_in(uri);
        ota_ws_mdns_announce(uri);
    }
    if (component.started) {
        ota_ws_core_keep_ticking();
    }
    ota_ws_core_unlock();
    return error;
}

esp_err_t ota_ws_start(httpd_handle_t server, const ota_ws_config_t *config, ota_ws_handle_t *handle) {
    static const ota_ws_config_t defaults;
    const ota_ws_config_t *chosen = config != NULL ? config : &defaults;
    const char *uri = text_or(chosen->uri, CONFIG_OTA_DEFAULT_URI);
    if (server == NULL || (chosen->password != NULL && !ota_ws_password_acceptable(chosen->password))) {
        log_error(ESP_ERR_INVALID_ARG, uri);
        return ESP_ERR_INVALID_ARG;
    }
    struct ota_ws_server *made = NULL;
    if (handle != NULL) {
        made = malloc(sizeof *made + strlen(uri) + 1);
        if (made == NULL) {
            return ESP_ERR_NO_MEM;
        }
        made->httpd = server;
        strcpy(made->uri, uri);
    }
    esp_err_t error = start_all(server, chosen, uri);
    if (error != ESP_OK) {
        log_error(error, uri);
        free(made);
    } else if (handle != NULL) {
        *handle = made;
    }
    return error;
}

esp_err_t ota_ws_register_uri_handler(httpd_handle_t server) {
    return ota_ws_start(server, NULL, NULL);
}

static bool close_connections(httpd_handle_t server) {
    ota_ws_core_lock();
    bool any = ota_ws_peer_close_all(server);
    ota_ws_core_unlock();
    return any;
}

static esp_err_t stop_on(httpd_handle_t server, const char *uri) {
    esp_err_t error = ota_ws_glue_unregister(server, uri, component.settings.ws_uri);
    while (close_connections(server)) {
        vTaskDelay(pdMS_TO_TICKS(POLL_MS));
    }
    return error;
}

esp_err_t ota_ws_stop(ota_ws_handle_t handle) {
    if (handle == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    stop_on(handle->httpd, handle->uri);
    free(handle);
    return ESP_OK;
}

esp_err_t ota_ws_unregister_uri_handler(httpd_handle_t server) {
    if (server == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return component.started ? stop_on(server, CONFIG_OTA_DEFAULT_URI) : ESP_ERR_NOT_FOUND;
}

// ---- what the application decides ----------------------------------------------------------------------------------

static esp_err_t error_of(ota_ws_status_t status) {
    switch (status) {
    case OTA_WS_OK:
        return ESP_OK;
    case OTA_WS_NO_MEMORY:
        return ESP_ERR_NO_MEM;
    case OTA_WS_NOTHING_TO_GO_BACK_TO:
        return ESP_ERR_NOT_FOUND;
    case OTA_WS_BOOT_RECORD:
        return ESP_FAIL;
    default:
        return ESP_ERR_INVALID_STATE;
    }
}

// Waits for the job that was accepted, and returns how it has ended. Any task may hand its result to the core, also the
// server's own.
static ota_ws_status_t wait_for_job(void) {
    ota_ws_status_t status = OTA_WS_OK;
    bool busy = true;
    while (busy) {
        ota_ws_device_t *device = ota_ws_core_enter();
        busy = device->update == OTA_WS_UPDATE_CONTROL;
        status = device->end.status;
        ota_ws_core_leave();
        if (busy) {
            vTaskDelay(pdMS_TO_TICKS(POLL_MS) + 1);
        }
    }
    return status;
}

// Before the first start nobody else is there to be told.
static esp_err_t confirm_alone(void) {
    return error_of(ota_ws_chip_platform.confirm(NULL));
}

esp_err_t ota_ws_confirm(void) {
    if (!component.started) {
        return confirm_alone();
    }
    ota_ws_status_t status = ota_ws_device_confirm(ota_ws_core_enter());
    ota_ws_core_leave();
    if (status != OTA_WS_OK) {
        return error_of(status);
    }
    return error_of(wait_for_job());
}

static esp_err_t roll_back_alone(void) {
    ota_ws_status_t status = ota_ws_chip_platform.roll_back(NULL);
    if (status == OTA_WS_OK) {
        ota_ws_chip_platform.restart(NULL);
    }
    return error_of(status);
}

esp_err_t ota_ws_rollback(void) {
    if (!component.started) {
        return roll_back_alone();
    }
    ota_ws_status_t status = ota_ws_device_roll_back(ota_ws_core_enter());
    ota_ws_core_leave();
    if (status != OTA_WS_OK) {
        return error_of(status);
    }
    return error_of(wait_for_job());
}

void ota_ws_get_state(ota_ws_state_t *state) {
    static const ota_ws_update_progress_t shown[] = {
        [OTA_WS_UPDATE_OPENING] = OTA_WS_STATE_RECEIVING, [OTA_WS_UPDATE_RECEIVING] = OTA_WS_STATE_RECEIVING,
        [OTA_WS_UPDATE_ENDING] = OTA_WS_STATE_RECEIVING,  [OTA_WS_UPDATE_VERIFYING] = OTA_WS_STATE_VERIFYING,
        [OTA_WS_UPDATE_READY] = OTA_WS_STATE_READY,       [OTA_WS_UPDATE_CONTROL] = OTA_WS_STATE_IDLE,
    };
    memset(state, 0, sizeof *state);
    if (!component.started) {
        return;
    }
    ota_ws_core_lock();
    const ota_ws_device_t *device = &ota_ws_core.device;
    state->update = shown[device->update];
    state->size = device->size;
    state->written = device->written;
    state->on_trial = device->on_trial;
    state->restarting = device->restarting;
    ota_ws_core_unlock();
}

// ---- password ------------------------------------------------------------------------------------------------------

static void use(const ota_ws_verifier_t *verifier, bool is_pairing_code) {
    if (component.started) {
        ota_ws_core_lock();
        component.verifier = *verifier;
        component.settings.has_pairing_code = is_pairing_code;
        ota_ws_core_unlock();
    }
}

esp_err_t ota_ws_set_password(const char *password) {
    ota_ws_verifier_t verifier;
    if (password == NULL || !ota_ws_password_acceptable(password)) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_err_t error = ota_ws_password_set(password, &verifier);
    use(&verifier, false);
    return error;
}

esp_err_t ota_ws_renew_pairing_code(char code[OTA_WS_CODE_SIZE]) {
    ota_ws_verifier_t verifier;
    char fresh[OTA_WS_CODE_SIZE];
    esp_err_t error = ota_ws_password_renew(&verifier, fresh);
    use(&verifier, true);
    if (code != NULL) {
        memcpy(code, fresh, sizeof fresh);
    }
    return error;
}

esp_err_t ota_ws_get_pairing_code(char code[OTA_WS_CODE_SIZE]) {
    bool found = ota_ws_chip_load("code", code, OTA_WS_CODE_SIZE) == OTA_WS_CODE_SIZE;
    return found ? ESP_OK : ESP_ERR_NOT_FOUND;
}
