// SPDX-License-Identifier: Apache-2.0
// Firmware updates over WebSocket: an update page on a web server that the application already runs. One device, one
// update at a time, any number of servers (http and https). docs/protocol.md is what travels.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"
#include "esp_event.h"
#include "esp_http_server.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_WS_REASON_SIZE 33 // a refusal's reason, with its terminating zero
#define OTA_WS_CODE_SIZE 15   // "XXXX-XXXX-XXXX", with its terminating zero

/** For ota_ws_config_t::trial_timeout_s: a trial lasts until somebody decides. (OTA_TRIAL_TIMEOUT_S 0 in menuconfig.)
 */
#define OTA_WS_TRIAL_WITHOUT_END UINT32_MAX

/** What the application is asked before it happens. */
typedef enum {
    OTA_WS_BEFORE_ERASE,      /*!< the other slot is about to be erased; asked in the writer's task */
    OTA_WS_BEFORE_ACTIVATION, /*!< the new image is about to be selected for the next start; writer's task */
    OTA_WS_BEFORE_RESTART,    /*!< the device is about to restart; asked in the server's task: answer at once */
} ota_ws_step_t;

/**
 * @brief May this be done now?
 *
 * @param step     what is about to happen
 * @param reason   when the answer is false, fill it: the user reads "The device's application refused: <reason>."
 * @param context  ota_ws_config_t::context
 * @return false refuses; what was asked for does not happen and nothing has changed
 */
typedef bool (*ota_ws_may_t)(ota_ws_step_t step, char reason[OTA_WS_REASON_SIZE], void *context);

/** What the application finds of itself while it is on trial. */
typedef enum {
    OTA_WS_HEALTH_UNKNOWN, /*!< not decided yet: it will be asked again */
    OTA_WS_HEALTH_GOOD,    /*!< it works: the image is confirmed */
    OTA_WS_HEALTH_BAD,     /*!< it does not: the image before it runs again, after a restart */
} ota_ws_health_t;

/**
 * @brief Are you well? Asked once a second during a trial, in the server's or the timer's task: answer at once.
 *
 * As long as the answer is OTA_WS_HEALTH_UNKNOWN the user may decide, and the countdown runs. An answer that could not
 * be carried out (the boot record cannot be written) is not tried again.
 *
 * @param context  ota_ws_config_t::context
 */
typedef ota_ws_health_t (*ota_ws_health_hook_t)(void *context);

/**
 * @brief Settings. Zero everywhere means: what menuconfig says.
 *
 * The first start decides for the device; of later ones (further servers) only `uri` counts. Strings are copied or
 * stay the caller's as said.
 */
typedef struct {
    const char *uri;               /*!< address of the page; copied */
    const char *ws_uri;            /*!< address of the WebSocket, the same on all servers; stays the caller's */
    const char *password;          /*!< 4 to 64 printable ASCII characters; none: a pairing code is made; not kept */
    const char *device_name;       /*!< shown to the user, at most 63 bytes; stays the caller's */
    const char *const *host_names; /*!< names beside the address under which this device is reached, for example
                                        "lamp.local"; ends with NULL; stays the caller's */
    uint32_t trial_timeout_s;      /*!< a new image that nobody confirms goes back after so many seconds; 0: what
                                        menuconfig says; OTA_WS_TRIAL_WITHOUT_END: it does not go back by itself */
    ota_ws_may_t may;              /*!< asked before erase, activation and restart; NULL: never refused */
    ota_ws_health_hook_t health; /*!< asked during a trial; NULL: the user, the application or the countdown decides */
    void *context;               /*!< given to `may` and `health` */
} ota_ws_config_t;

/** One server that serves the page. */
typedef struct ota_ws_server *ota_ws_handle_t;

/**
 * @brief Adds the update page to a running server. The one call that most applications need.
 *
 * Registers three URI handlers: GET and POST OTA_DEFAULT_URI, GET OTA_DEFAULT_WS_URI. Call it from any task after
 * httpd_start() or httpd_ssl_start(); with NVS initialised, or it is initialised here. The first call that succeeds
 * prints the address and, when it protects the page, the pairing code on the console; one that fails prints why. A
 * handler of yours with a wildcard in its address (httpd_uri_match_wildcard) is registered after this call: of two that
 * fit, the server takes the one that was registered first. Behind a port forward or under a name the page opens only
 * when that name is OTA_HOST_NAME in menuconfig, or one of `host_names`. At the first start of a device it makes
 * the pairing code, which takes about a second. A server that is stopped with httpd_stop() and started again is simply
 * registered again.
 *
 * @return
 *  - ESP_OK
 *  - ESP_ERR_INVALID_ARG           server is NULL
 *  - ESP_ERR_NO_MEM                nothing is registered
 *  - ESP_ERR_HTTPD_HANDLERS_FULL   max_uri_handlers is too small; nothing is registered
 *  - ESP_ERR_HTTPD_HANDLER_EXISTS  one of the addresses is taken; nothing is registered
 */
esp_err_t ota_ws_register_uri_handler(httpd_handle_t server);

/**
 * @brief The same with settings, and with a handle for ota_ws_stop().
 *
 * @param server  a running server
 * @param config  NULL: all defaults
 * @param handle  out; may be NULL. Valid until ota_ws_stop()
 * @return as ota_ws_register_uri_handler(), and ESP_ERR_INVALID_ARG for a password that is not acceptable
 */
esp_err_t ota_ws_start(httpd_handle_t server, const ota_ws_config_t *config, ota_ws_handle_t *handle);

/**
 * @brief Takes the page off its server again. An update of one of its clients ends; a trial goes on.
 *
 * Call it before httpd_stop(), from any task but the server's. Returns when all its connections are closed.
 *
 * @return ESP_OK, or ESP_ERR_INVALID_ARG
 */
esp_err_t ota_ws_stop(ota_ws_handle_t handle);

/**
 * @brief Takes back ota_ws_register_uri_handler(): the page goes off the server, as with ota_ws_stop().
 *
 * For a server on which the page stands at the address of menuconfig. Call it before httpd_stop(), from any task but
 * the server's. Returns when all connections are closed. The page can be registered again.
 *
 * @return ESP_OK; ESP_ERR_INVALID_ARG: server is NULL; ESP_ERR_NOT_FOUND: the page does not stand there
 */
esp_err_t ota_ws_unregister_uri_handler(httpd_handle_t server);

/**
 * @brief Confirms the running image, which is on trial: it stays. Any task; blocks for two flash operations.
 *
 * One of three ways to confirm: the user's button (page, `ota-ws confirm`), this call, and the answer
 * OTA_WS_HEALTH_GOOD. ESP-IDF's own esp_ota_mark_app_valid_cancel_rollback() counts as well, before or after
 * ota_ws_start(): then there is no trial, or it ends within a second. An application that calls it first in app_main()
 * has no trial at all, and nothing takes a firmware back that does not reach its network.
 *
 * Works before ota_ws_start() too, for an application that tests itself first.
 *
 * @return
 *  - ESP_OK                 confirmed
 *  - ESP_ERR_INVALID_STATE  it is not on trial, or an update is running
 *  - ESP_ERR_NO_MEM         less than 4.5 KiB are free; the trial goes on: try again
 *  - ESP_FAIL               the boot record could not be written; the trial goes on
 */
esp_err_t ota_ws_confirm(void);

/**
 * @brief Gives the running image up: the one before it runs again, after a restart half a second later. Any task; reads
 * the other image whole.
 *
 * @return
 *  - ESP_OK                 the device restarts
 *  - ESP_ERR_NOT_FOUND      there is nothing to go back to
 *  - ESP_ERR_INVALID_STATE  an update is running or waits for its restart
 *  - ESP_ERR_NO_MEM         less than 4.5 KiB are free, and no restart goes back by itself: the image is not on trial,
 *                           or the bootloader does not watch over it. Where it does, a restart is the way back: ESP_OK
 *  - ESP_FAIL               the boot record could not be written; the running image stays
 */
esp_err_t ota_ws_rollback(void);

typedef enum {
    OTA_WS_STATE_IDLE,
    OTA_WS_STATE_RECEIVING, /*!< from the client's `begin` on, until an update that has failed is put away */
    OTA_WS_STATE_VERIFYING,
    OTA_WS_STATE_READY, /*!< verified and selected: a restart runs the new image */
} ota_ws_update_progress_t;

typedef struct {
    ota_ws_update_progress_t update;
    uint32_t size;    /*!< bytes of the file; 0 when there was no update since the start */
    uint32_t written; /*!< bytes of the image in flash */
    bool on_trial;    /*!< the running image waits for its confirmation */
    bool restarting;
} ota_ws_state_t;

/** @brief What goes on now. Any task. All zero before ota_ws_start(). */
void ota_ws_get_state(ota_ws_state_t *state);

/**
 * @brief Sets a password in the place of the pairing code, for good (it is kept in NVS, as a verifier only). Any task;
 * takes about a second. Open sessions stay.
 *
 * @return ESP_OK; ESP_ERR_INVALID_ARG: not 4 to 64 printable ASCII characters, nothing has changed; or what NVS said:
 *         then the new password counts until the next restart, and after it what NVS holds
 */
esp_err_t ota_ws_set_password(const char *password);

/**
 * @brief Makes a new pairing code, which replaces the old one or a password. Any task; takes about a second.
 *
 * @param code  out; may be NULL
 * @return ESP_OK, or what NVS said: then the code is good until the next restart
 */
esp_err_t ota_ws_renew_pairing_code(char code[OTA_WS_CODE_SIZE]);

/** @brief Copies the pairing code, for a display. ESP_ERR_NOT_FOUND when a password protects the page, or nothing. */
esp_err_t ota_ws_get_pairing_code(char code[OTA_WS_CODE_SIZE]);

/** Events of the default event loop; without one they are not sent. */
ESP_EVENT_DECLARE_BASE(OTA_WS_EVENT);

typedef enum {
    OTA_WS_EVENT_STARTED,     /*!< data is received; ota_ws_event_progress_t */
    OTA_WS_EVENT_PROGRESS,    /*!< about once per hundredth; ota_ws_event_progress_t */
    OTA_WS_EVENT_VERIFIED,    /*!< verified and selected for the next start */
    OTA_WS_EVENT_FAILED,      /*!< the update has ended without success; ota_ws_event_failed_t */
    OTA_WS_EVENT_ON_TRIAL,    /*!< sent by the first start: the running image waits for its confirmation */
    OTA_WS_EVENT_CONFIRMED,   /*!< the running image stays */
    OTA_WS_EVENT_ROLLED_BACK, /*!< the running image was given up; a restart follows */
    OTA_WS_EVENT_RESTARTING,  /*!< the device restarts in half a second */
} ota_ws_event_t;

typedef struct {
    uint32_t size;
    uint32_t written;
} ota_ws_event_progress_t;

typedef struct {
    const char *name; /*!< of the cause, as in docs/protocol.md, for example "wrong_chip"; a constant */
} ota_ws_event_failed_t;

#ifdef __cplusplus
}
#endif
