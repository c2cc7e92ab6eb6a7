// SPDX-License-Identifier: Apache-2.0
// The faked chip: flash in memory, a server on socket pairs, time that tests can move, faults that tests can order.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "idf.h"

#define FAKE_FLASH_SIZE 0x200000
#define FAKE_SLOT_SIZE 0x80000

typedef struct {
    // faults
    int fail_recv_at;      // the how manieth receive fails from now on; 0: none
    esp_err_t begin_error; // what esp_ota_begin answers; the handle is set all the same
    bool queue_is_full;    // httpd_queue_work fails
    bool queue_loses;      // httpd_queue_work forgets
    bool one_slot;         // the partition table has no second slot
    bool send_fails;
    bool no_handshake_call;  // neither handler nor callback hears of the upgrade
    bool fails_verification; // esp_ota_set_boot_partition refuses the image
    bool tls;                // of connections from now on, as far as the component can tell
    bool wrong_signature;    // ESP-IDF says so when it is asked for the signature alone
    uint32_t largest_stack;  // tasks that want more do not start; 0: all start
    int max_routes;          // of the server; 0: any number
    bool nvs_fails;          // nothing can be stored
    bool record_fails;       // the boot record cannot be written
    // what has happened
    int receives;
    int begins, aborts;           // of ESP-IDF's updates
    esp_ota_handle_t open_handle; // 0: none
    int restarts;
    int power_save;              // of Wi-Fi
    int no_delays;               // sockets with TCP_NODELAY
    int events[16];              // by id
    int tasks;                   // that run
    int closes;                  // connections
    char status[40], body[2048]; // of the last response
    size_t content_length;       // of the next requests
    char etag[40];
    char said[200]; // on the console, last
} fake_t;

extern fake_t fake;

// A device fresh from the factory: version 1.0.0 in ota_0, valid; nothing in ota_1.
void fake_reset(void);

// What the boot record says of the running image.
void fake_running_state(uint32_t state);

// There is one in the other slot, and it was selected before the running one.
void fake_earlier_image(void);
const uint8_t *fake_slot(int slot);
esp_ota_select_entry_t fake_entry(int sector);

// Moves time and fires timers that are due.
void fake_pass(uint32_t ms);

httpd_handle_t fake_server(void);

// A request without a body; `host` and `origin` may be NULL.
void fake_request(httpd_handle_t server, httpd_method_t method, const char *uri, const char *host, const char *origin);

// Opens a WebSocket; the client's end of it.
int fake_connect(httpd_handle_t server);

// Lets the server do what there is to do; returns when nothing is left.
void fake_serve(httpd_handle_t server);

// The handlers that are registered, one after the other; NULL: there are no more.
const httpd_uri_t *fake_route(httpd_handle_t server, int number);

int fake_connections(httpd_handle_t server);
void fake_server_free(httpd_handle_t server);
