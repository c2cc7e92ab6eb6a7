// SPDX-License-Identifier: Apache-2.0
// The faked chip: flash in memory, a server on socket pairs, time that tests can move, faults that tests can order.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "idf.h"

#define FAKE_FLASH_SIZE 0x200000
#define FAKE_SLOT_SIZE 0x80000
#define FAKE_DESCRIPTORS 64

typedef struct {
    // faults
    int fail_recv_at;      // the how manieth receive fails from now on; 0: none
    esp_err_t begin_error; // what esp_ota_begin answers; the handle is set all the same
    bool queue_is_full;    // httpd_queue_work fails
    bool queue_loses;      // httpd_queue_work forgets
    bool has_factory;      // beside one slot: the recovery layout, in which the slot runs
    bool runs_factory;     // ... or the recovery application
    bool one_slot;         // the partition table has no second slot
    bool send_fails;
    bool no_handshake_call;          // neither handler nor callback is called after the upgrade
    bool fails_verification;         // no image is whole
    bool tls;                        // of connections from now on, as far as the component can see
    bool wrong_signature;            // ESP-IDF says so when it is asked for the signature alone
    uint32_t largest_stack;          // tasks that want more do not start; 0: all start
    int fail_memory_at;              // this piece of memory, counted from now on, cannot be had; 0: all can
    int max_routes;                  // of the server; 0: any number
    bool nvs_fails;                  // nothing can be stored
    void (*after_close)(int socket); // before the component is called
    bool record_fails;               // the boot record cannot be written
    // what has happened
    int receives;
    int begins, aborts;           // of ESP-IDF's updates
    int whole_erased;             // entries of the boot record that were still right when they were erased
    esp_ota_handle_t open_handle; // 0: none
    int restarts;
    int power_save;                              // of Wi-Fi
    int no_delays;                               // sockets with TCP_NODELAY
    int events[16];                              // by id
    int tasks;                                   // that run
    int timers;                                  // that exist
    int closes;                                  // connections
    int stale_closes;                            // queued by the server for a place that was empty by then
    uint16_t last_port, ports[FAKE_DESCRIPTORS]; // at the client's end of each connection
    char status[40], head[512], body[2048];      // of the last response
    size_t content_length;                       // of the next requests
    const char *headers[8][2];                   // of them, beside Host and Origin: name and value; NULL ends them
    int continues;                               // answers with 100
    char range[40];                              // of the last response
    char etag[40];
    char said[200];  // on the console, last
    char error[200]; // on the console, the last error
} fake_t;

extern fake_t fake;

// A device fresh from the factory: version 1.0.0 in ota_0, valid; nothing in ota_1.
void fake_reset(void);

// What the boot record says of the running image.
void fake_running_state(uint32_t state);

// There is one in the other slot, and it was selected before the running one.
void fake_earlier_image(void);

// There is one in the other slot, and the boot record has lost its entry. The running one has number `sequence`.
void fake_lost_entry(uint32_t sequence);

// There is one in the other slot that was given up.
void fake_barred_image(uint32_t state);
const uint8_t *fake_slot(int slot);
esp_ota_select_entry_t fake_entry(int sector);

// Takes the next piece of memory, in ESP-IDF or in esp/; false: this one cannot be had.
bool fake_has_memory(void);

// Moves time and fires timers that are due. Before that all tasks do what they can do now: a busy machine that lets a
// task wait moves no time.
void fake_pass(uint32_t ms);
void fake_settle(void);

// A task is about to read a socket, and has read it.
void fake_reads(int socket);
void fake_has_read(int socket);

httpd_handle_t fake_server(void);

// A request without a body; `host` and `origin` may be NULL.
void fake_request(httpd_handle_t server, httpd_method_t method, const char *uri, const char *host, const char *origin);

// A request to 192.168.1.7 whose body of `length` bytes the client sends by itself; the client's end.
int fake_request_open(httpd_handle_t server, httpd_method_t method, const char *uri, size_t length);

// Opens a WebSocket; the client's end of it.
int fake_connect(httpd_handle_t server);

// Lets the server do what there is to do; returns when nothing is left.
void fake_serve(httpd_handle_t server);

// The handlers that are registered, one after the other; NULL: there are no more.
const httpd_uri_t *fake_route(httpd_handle_t server, int number);

int fake_connections(httpd_handle_t server);
void fake_server_free(httpd_handle_t server);
