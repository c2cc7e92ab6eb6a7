// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "core.h"
#include "decrypt.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_timer.h"
#include "flash.h"
#include "httpd_glue.h"
#include "inflate.h"
#include "link.h"
#include "log_keeper.h"
#include "mdns_announce.h"
#include "nvs_flash.h"
#include "own_task.h"
#include "password.h"
#include "plain_http.h"
#include "platform.h"
#include "record/history.h"
#include "sdkconfig.h"
#include "signed.h"
#include "text.h"
#include "worker.h"

#define LOST_TICKS 10 // so long we wait for the server to take up what was queued; then it was lost
#define POLL_MS 10
#define START_PRIORITY (tskIDLE_PRIORITY + 5)

_Static_assert(OTA_WS_CODE_SIZE == OTA_WS_PAIRING_CODE_SIZE, "one size of pairing codes");

static const char *const tag = "ota_ws";

// ---- lock and time ----

static void look(void *context) {
    (void)context;
    ota_ws_core->wake_pending = 0;
    ota_ws_device_t *device = ota_ws_core_enter();
    ota_ws_device_tick(device, ota_ws_core_now_ms());
    ota_ws_core_leave();
}

static bool wake(httpd_handle_t server) {
    return server != NULL && httpd_queue_work(server, look, NULL) == ESP_OK;
}

// In the timer's task. The server whose task will look is one with a connection of ours, so that it is there. What was
// queued may be lost without a word before 5.5.5: then it is queued again.
static void tick(void *context) {
    (void)context;
    ota_ws_core_lock();
    httpd_handle_t server = ota_ws_peer_any_server();
    ota_ws_core_unlock();
    if (server == NULL) {
        look(NULL);
    } else if (ota_ws_core->wake_pending > 0 && ota_ws_core->wake_pending < LOST_TICKS) {
        ota_ws_core->wake_pending++;
    } else {
        ota_ws_core->wake_pending = wake(server);
    }
}

// In the writer's task: a result can be taken. If the lock is held, its holder takes it; the next tick does at the
// latest.
static void result_waits(void) {
    if (ota_ws_core->wake_pending > 0 || !ota_ws_core_try_lock()) {
        return;
    }
    httpd_handle_t server = ota_ws_peer_any_server();
    ota_ws_core->wake_pending = server != NULL;
    ota_ws_core_unlock();
    if (server != NULL && !wake(server)) {
        ota_ws_core->wake_pending = 0;
    }
}

// ---- start ----

static const char *text_or(const char *text, const char *otherwise) {
    return text != NULL ? text : otherwise[0] != '\0' ? otherwise : NULL;
}

static void take_settings(ota_ws_core_t *core, const ota_ws_config_t *config) {
    static const char *const names[] = {CONFIG_OTA_HOST_NAME, NULL};
    uint32_t trial_s = config->trial_timeout_s != 0 ? config->trial_timeout_s : CONFIG_OTA_TRIAL_TIMEOUT_S; // 0: never
    ota_ws_settings_t *settings = &core->settings;
    *settings = ota_ws_default_settings; // without sentences: the page and ota-ws have them
    settings->chunk = CONFIG_OTA_CHUNK_SIZE;
    settings->credit = 4 * CONFIG_OTA_CHUNK_SIZE;
    settings->trial_timeout_ms = trial_s == OTA_WS_TRIAL_WITHOUT_END ? 0 : trial_s * 1000;
    settings->ws_uri = text_or(config->ws_uri, CONFIG_OTA_DEFAULT_WS_URI);
    settings->policy = (ota_ws_policy_t){.check_project = OTA_WS_CHECK_PROJECT, .check_version = OTA_WS_CHECK_VERSION};
    core->host_names = config->host_names != NULL ? config->host_names : names[0][0] != '\0' ? names : NULL;
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
    if (ota_ws_core->device.verifier == NULL) {
        ESP_LOGW(tag, "The update page is NOT protected: anybody on the network may replace this firmware");
    } else if (ota_ws_core->code[0] != '\0') {
        ESP_LOGI(tag, "Pairing code: %s", ota_ws_core->code);
    }
    memset(ota_ws_core->code, 0, sizeof ota_ws_core->code);
    ota_ws_core->is_shown = true;
}

// Applications often look at no result, so the console says what is to be done.
static const char *remedy(esp_err_t error) {
    switch (error) {
    case ESP_ERR_HTTPD_HANDLERS_FULL:
        return "the server has no room for 3 more handlers. Raise max_uri_handlers.";
    case ESP_ERR_HTTPD_HANDLER_EXISTS:
        return "another handler stands there. Register before a handler with a wildcard.";
    case ESP_ERR_INVALID_ARG:
        return "there is no server, or the password is not 4 to 64 printable ASCII characters.";
    case ESP_ERR_NO_MEM:
        return "there is not enough memory. Register the page before the application takes its own.";
    default:
        return "see the error's number.";
    }
}

static void log_error(esp_err_t error, const char *uri, const char *ws_uri) {
    ESP_LOGE(tag, "No update page at %s and %s (error 0x%x): %s", uri, ws_uri, (unsigned)error, remedy(error));
}

static ota_ws_pipeline_ports_t pipeline_ports(void) {
    return (ota_ws_pipeline_ports_t){
        .flash = &ota_ws_chip_flash,
        .platform = &ota_ws_chip_platform,
        .hash = &ota_ws_compat_hash,
        .policy = &ota_ws_core->settings.policy,
        .inflate = ota_ws_chip_inflate(),
        .decrypt = ota_ws_chip_decrypt(),
    };
}

static ota_ws_outcome_t newest_outcome(void) {
    ota_ws_history_entry_t entry;
    ota_ws_history_newest(&ota_ws_chip_platform, &entry);
    return (ota_ws_outcome_t)entry.outcome;
}

static void start_device(ota_ws_core_t *core, const ota_ws_config_t *config) {
    nvs_flash_init(); // no harm when it was done; when it cannot be done, a pairing code lasts until the next start
    take_settings(core, config);
    ota_ws_chip_signed_start();
    ota_ws_chip_platform_use(config);
    const ota_ws_ports_t ports = {
        .flash = &ota_ws_chip_flash,
        .platform = &ota_ws_chip_platform,
        .worker = ota_ws_chip_worker(pipeline_ports, result_waits),
        .hash = &ota_ws_compat_hash,
    };
    if (OTA_WS_PROTECTED) {
        ota_ws_password_load(text_or(config->password, CONFIG_OTA_PASSWORD), &core->verifier, core->code);
        core->settings.has_pairing_code = core->code[0] != '\0';
    }
    ota_ws_outcome_t before = newest_outcome();
    ota_ws_device_init(&core->device, &ports, &core->settings, OTA_WS_PROTECTED ? &core->verifier : NULL,
                       ota_ws_core_now_ms());
    if (before == OTA_WS_OUTCOME_STAGED && newest_outcome() == OTA_WS_OUTCOME_CONFIRMING) {
        // An error, because the console of Arduino shows nothing below.
        ESP_LOGE(tag, "The new firmware was confirmed before this start, so it has no trial. In an Arduino sketch this "
                      "keeps it: extern \"C\" bool verifyRollbackLater() { return true; }");
    }
    core->last_notified.on_trial = core->device.on_trial;
    if (core->device.on_trial) {
        ota_ws_core_post(OTA_WS_EVENT_ON_TRIAL, NULL, 0);
    }
}

// What the first start hands to its task.
typedef struct {
    ota_ws_core_t *core;
    const ota_ws_config_t *config;
} first_start_t;

static void run_first_start(void *context) {
    const first_start_t *start = context;
    start_device(start->core, start->config);
}

// In a task of its own: applications start their servers from event handlers, whose stack is too small for the record
// of updates and a password's hash.
static bool start_device_apart(ota_ws_core_t *core, const ota_ws_config_t *config) {
    first_start_t start = {.core = core, .config = config};
    ota_ws_task_t task = {.body = run_first_start, .context = &start};
    bool made = ota_ws_task_start(&task, "ota_ws_start", CONFIG_OTA_WRITER_STACK_SIZE, START_PRIORITY);
    if (made) {
        (void)ota_ws_task_end(&task);
    }
    return made;
}

// With the lock held. A failure leaves nothing behind.
static bool make_core(const ota_ws_config_t *config) {
    const esp_timer_create_args_t timer = {.callback = tick, .name = "ota_ws"};
    ota_ws_core_t *core = calloc(1, sizeof *core);
    if (core == NULL) {
        return false;
    }
    if (esp_timer_create(&timer, &core->tick) != ESP_OK) {
        free(core);
        return false;
    }
    if (!start_device_apart(core, config)) {
        esp_timer_delete(core->tick);
        free(core);
        return false;
    }
    ota_ws_core = core;
    return true;
}

struct ota_ws_server {
    httpd_handle_t httpd;
    char uri[]; // of the page
};

// With the lock held.
static esp_err_t start_all(httpd_handle_t server, const ota_ws_config_t *config, const char *uri) {
    if (ota_ws_core == NULL && !make_core(config)) {
        return ESP_ERR_NO_MEM;
    }
    ota_ws_chip_log_join();
    esp_err_t error = ota_ws_glue_register(server, uri, ota_ws_core->settings.ws_uri);
    if (error == ESP_OK && !ota_ws_core->is_shown) {
        show_way_in(uri);
        ota_ws_mdns_announce(uri);
        ota_ws_plain_http_note();
    }
    ota_ws_core_keep_ticking();
    return error;
}

static esp_err_t start_locked(httpd_handle_t server, const ota_ws_config_t *config, const char *uri) {
    ota_ws_core_prepare_lock();
    ota_ws_core_lock();
    esp_err_t error = start_all(server, config, uri);
    ota_ws_core_unlock();
    return error;
}

static struct ota_ws_server *make_handle(httpd_handle_t server, const char *uri) {
    struct ota_ws_server *made = malloc(sizeof *made + strlen(uri) + 1);
    if (made != NULL) {
        made->httpd = server;
        strcpy(made->uri, uri);
    }
    return made;
}

esp_err_t ota_ws_start(httpd_handle_t server, const ota_ws_config_t *config, ota_ws_handle_t *handle) {
    static const ota_ws_config_t defaults;
    const ota_ws_config_t *chosen = config != NULL ? config : &defaults;
    const char *uri = text_or(chosen->uri, CONFIG_OTA_DEFAULT_URI);
    struct ota_ws_server *made = NULL;
    esp_err_t error = ESP_ERR_INVALID_ARG;
    if (server != NULL && (chosen->password == NULL || ota_ws_password_acceptable(chosen->password))) {
        made = handle != NULL ? make_handle(server, uri) : NULL;
        error = handle != NULL && made == NULL ? ESP_ERR_NO_MEM : start_locked(server, chosen, uri);
    }
    if (error != ESP_OK) {
        log_error(error, uri, text_or(chosen->ws_uri, CONFIG_OTA_DEFAULT_WS_URI));
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
    any = ota_ws_plain_http_close_all(server) || any; // both close theirs
    ota_ws_core_unlock();
    return any;
}

static esp_err_t stop_on(httpd_handle_t server, const char *uri) {
    esp_err_t error = ota_ws_glue_unregister(server, uri, ota_ws_core->settings.ws_uri);
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
    return ota_ws_core != NULL ? stop_on(server, CONFIG_OTA_DEFAULT_URI) : ESP_ERR_NOT_FOUND;
}

// ---- what the application decides ----

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

// Before the first start nobody else is there to be last_notified.
static esp_err_t confirm_alone(void) {
    return error_of(ota_ws_chip_platform.confirm(NULL));
}

esp_err_t ota_ws_confirm(void) {
    if (ota_ws_core == NULL) {
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
    ota_ws_status_t status = ota_ws_chip_platform.roll_back(NULL, false);
    if (status == OTA_WS_OK) {
        ota_ws_chip_platform.restart(NULL);
    }
    return error_of(status);
}

esp_err_t ota_ws_rollback(void) {
    if (ota_ws_core == NULL) {
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
    if (ota_ws_core == NULL) {
        return;
    }
    ota_ws_core_lock();
    const ota_ws_device_t *device = &ota_ws_core->device;
    state->update = shown[device->update];
    state->size = device->size;
    state->written = device->written;
    state->on_trial = device->on_trial;
    state->restarting = device->restarting;
    ota_ws_core_unlock();
}

// ---- password ----

static void use(const ota_ws_verifier_t *verifier, bool is_pairing_code) {
    if (ota_ws_core != NULL) {
        ota_ws_core_lock();
        ota_ws_core->verifier = *verifier;
        ota_ws_core->settings.has_pairing_code = is_pairing_code;
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
