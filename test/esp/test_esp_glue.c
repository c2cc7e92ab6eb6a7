// SPDX-License-Identifier: Apache-2.0
// The whole component of the chip over faked calls of ESP-IDF, in both generations (GENERATION, fakes/idf.h) and in a
// build that verifies signatures (SIGNED): the traps of esp_http_server and of the update calls, one by one. Includes
// component.c to begin each test with a fresh device.
#include "testing.h"

#include <poll.h>
#include <unistd.h>

#include "component.c" // NOLINT: its state is started anew

#include "fake.h"
#include "image_builder.h"

#define ROUNDS 500

// A page of 3 bytes.
asm(".globl _binary_ota_html_gz_start, _binary_ota_html_gz_end\n.data\n"
    "_binary_ota_html_gz_start: .ascii \"gz.\"\n_binary_ota_html_gz_end: .byte 0\n.text");

static httpd_handle_t server;
static image_file_t image;
static const char *extra = ""; // members of the next begin

// ---- a client ----

typedef struct {
    int socket;
    bool closed;
    char received[65536]; // payloads of all text frames, one after the other
    size_t length;
    bool ponged;
} client_t;

static void write_all(const client_t *client, const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    for (int i = 0; i < ROUNDS && length > 0; i++) {
        ssize_t sent = send(client->socket, at, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else if (errno == EPIPE) {
            return;
        }
        if (length > 0) {
            fake_serve(server);
        }
    }
}

static size_t write_head(uint8_t *head, uint8_t first, uint64_t length, bool masked) {
    size_t size = length < 126 ? 0 : length < 65536 ? 2 : 8;
    head[0] = first;
    head[1] = (uint8_t)((size == 0 ? length : size == 2 ? 126 : 127) | (masked ? 0x80 : 0));
    for (size_t i = 0; i < size; i++) {
        head[2 + i] = (uint8_t)(length >> 8 * (size - 1 - i));
    }
    return 2 + size;
}

// With a mask, so that every byte's place counts.
static void send_frame(const client_t *client, uint8_t first, const void *payload, size_t length) {
    static const uint8_t mask[4] = {0x11, 0x22, 0x44, 0x88};
    uint8_t *frame = malloc(length + 14);
    size_t at = write_head(frame, first, length, true);
    memcpy(frame + at, mask, 4);
    for (size_t i = 0; i < length; i++) {
        frame[at + 4 + i] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
    }
    write_all(client, frame, at + 4 + length);
    free(frame);
}

static void say(const client_t *client, const char *text) {
    send_frame(client, 0x81, text, strlen(text));
}

static void on_text(client_t *client) {
    uint8_t bytes[4096];
    struct pollfd readable = {.fd = client->socket, .events = POLLIN};
    while (!client->closed && poll(&readable, 1, 0) > 0) {
        ssize_t got = recv(client->socket, bytes, 2, MSG_WAITALL);
        size_t length = bytes[1];
        if (got <= 0) {
            client->closed = true;
            break;
        }
        uint8_t type = bytes[0] & 15;
        if (length == 126) {
            recv(client->socket, bytes, 2, MSG_WAITALL);
            length = (size_t)(bytes[0] << 8 | bytes[1]);
        }
        recv(client->socket, bytes, length, MSG_WAITALL);
        client->ponged |= type == 10;
        if (type == 1) {
            assert_true(client->length + length < sizeof client->received);
            memcpy(client->received + client->length, bytes, length);
            client->length += length;
        }
    }
}

// Serves and lets time pass until the client has received it. False: it never came.
static bool received(client_t *client, const char *text) {
    for (int i = 0; i < ROUNDS; i++) {
        fake_serve(server);
        on_text(client);
        if (strstr(client->received, text) != NULL) {
            return true;
        }
        if (client->closed) {
            return false;
        }
        fake_pass(20);
        usleep(1000);
    }
    return false;
}

static bool is_closed(client_t *client) {
    for (int i = 0; i < ROUNDS && !client->closed; i++) {
        fake_pass(100);
        fake_serve(server);
        on_text(client);
    }
    return client->closed;
}

static client_t *connect_client(void) {
    client_t *client = calloc(1, sizeof *client);
    client->socket = fake_connect(server);
    return client;
}

static void leave(client_t *client) {
    close(client->socket);
    fake_serve(server);
    free(client);
}

static void get_ticket(char ticket[OTA_WS_TICKET_TEXT_SIZE]) {
    fake_request(server, HTTP_POST, "/ota", "192.168.1.7", NULL);
    const char *at = strstr(fake.body, "\"ticket\":\"");
    assert_non_null(at);
    memcpy(ticket, at + 10, OTA_WS_TICKET_TEXT_SIZE - 1);
    ticket[OTA_WS_TICKET_TEXT_SIZE - 1] = '\0';
}

static client_t *welcome(void) {
    char ticket[OTA_WS_TICKET_TEXT_SIZE], text[100];
    get_ticket(ticket);
    client_t *client = connect_client();
    snprintf(text, sizeof text, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%s\"}", ticket);
    say(client, text);
    assert_true(received(client, "\"type\":\"state\""));
    assert_non_null(strstr(client->received, "\"id\":\"6055f90012ab\""));
    assert_non_null(strstr(client->received, "\"efuse_revision\":103"));
    bool names_page_size = strstr(client->received, "\"mmu_page_size\":65536") != NULL;
    assert_int_equal(names_page_size, GENERATION == 5); // later ESP-IDF takes any
    return client;
}

// The server runs until no task of an update is left.
static void wait_for_the_writers_end(void) {
    for (int i = 0; i < ROUNDS && fake.tasks > 0; i++) {
        fake_pass(100);
        fake_serve(server);
        usleep(1000);
    }
    assert_int_equal(fake.tasks, 0);
}

static void forget(client_t *client) {
    client->length = 0;
    memset(client->received, 0, sizeof client->received);
}

static void begin_size(client_t *client, size_t size) {
    uint8_t digest[32];
    char text[200], hex[65];
    ota_ws_sha256_t hash;
    ota_ws_compat_hash.start(&hash);
    ota_ws_compat_hash.update(&hash, image.bytes, image.length);
    ota_ws_compat_hash.finish(&hash, digest);
    for (int i = 0; i < 32; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(text, sizeof text, "{\"type\":\"begin\",\"size\":%zu,\"sha256\":\"%s\"%s}", size, hex, extra);
    forget(client);
    say(client, text);
}

static void begin(client_t *client) {
    begin_size(client, image.length);
    assert_true(received(client, "\"type\":\"ready\""));
}

static void send_data(const client_t *client, size_t from, size_t length) {
    uint8_t *payload = malloc(length + 4);
    for (int i = 0; i < 4; i++) {
        payload[i] = (uint8_t)(from >> 8 * i);
    }
    memcpy(payload + 4, image.bytes + from, length);
    send_frame(client, 0x82, payload, length + 4);
    free(payload);
}

static void send_rest_in(client_t *client, size_t from, size_t length) {
    for (size_t at = from; at < image.length && !client->closed; at += length) {
        send_data(client, at, image.length - at < length ? image.length - at : length);
        fake_serve(server);
        on_text(client);
    }
}

static void send_image_in(client_t *client, size_t length) {
    send_rest_in(client, 0, length);
}

static void send_image(client_t *client) {
    send_image_in(client, 8192);
}

static void update(client_t *client) {
    begin(client);
    send_image(client);
    assert_true(received(client, "\"type\":\"done\""));
    assert_memory_equal(fake_slot(1), image.bytes, image.length);
}

// ---- each test on a fresh device ----

static int set_up(void **state) {
    (void)state;
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = 90000;
    image = image_build(&spec);
    fake_reset();
    server = fake_server();
    return 0;
}

static void start(void) {
    assert_int_equal(ota_ws_register_uri_handler(server), ESP_OK);
}

// As before the first registration.
static void forget_device(void) {
    if (ota_ws_core != NULL) {
        esp_timer_delete(ota_ws_core->tick);
    }
    free(ota_ws_core);
    ota_ws_core = NULL;
}

// Nothing is left behind, however the test went: ASan looks at the memory.
static int tear_down(void **state) {
    (void)state;
    fake_server_free(server);
    for (int i = 0; i < ROUNDS && fake.tasks > 0; i++) {
        fake_pass(100);
        usleep(1000);
    }
    assert_int_equal(fake.tasks, 0);
    assert_int_equal(fake.open_handle, 0);
    assert_int_equal(fake.power_save, 1);
    assert_null(ota_ws_peer_text());
    forget_device();
    image_free(&image);
    return 0;
}

// ---- the way in ----

static void a_connection_that_says_nothing_is_closed(void **state) {
    (void)state;
    start();
    client_t *client = connect_client();
    assert_true(received(client, "\"silent\"") && is_closed(client));
    leave(client);
}

static void a_session_begins_without_any_call_for_the_handshake(void **state) {
    (void)state;
    start();
    fake.no_handshake_call = true;
    client_t *client = welcome();
    assert_string_equal(fake.status, "200 OK");
    leave(client);
}

static void a_plain_get_is_asked_to_upgrade(void **state) {
    (void)state;
    start();
    fake_request(server, HTTP_GET, "/ota/ws", NULL, NULL);
    assert_string_equal(fake.status, "426 Upgrade Required");
}

static void the_page_has_its_etag_and_foreign_pages_get_no_ticket(void **state) {
    (void)state;
    start();
    fake_request(server, HTTP_GET, "/ota", "192.168.1.7", NULL);
    assert_string_equal(fake.etag, OTA_WS_PAGE_ETAG);
    assert_string_equal(fake.body, "gz.");
    char long_host[200] = "lamp.local:";
    memset(long_host + 11, '0', sizeof long_host - 12);
    long_host[sizeof long_host - 1] = '\0';
    const char *const refused[][2] = {{NULL, NULL},
                                      {"evil.example", NULL},
                                      {"192.168.1.7", "http://evil.example"},
                                      {"192.168.1.7", "http://192.168.1.8"},
                                      {"192.168.1.7", ""},
                                      {"192.168.1.7:evil.example", NULL},
                                      {"192.168.1.7:80:90", NULL},
                                      {long_host, NULL}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        fake_request(server, HTTP_POST, "/ota", refused[i][0], refused[i][1]);
        assert_string_equal(fake.status, "403 Forbidden");
        assert_null(strstr(fake.body, "\"ticket\":"));
    }
    fake_request(server, HTTP_POST, "/ota", "lamp.local:80", "http://lamp.local:80");
    assert_string_equal(fake.status, "200 OK");
    fake_request(server, HTTP_POST, "/ota", "203.0.113.9", NULL); // a tunnel's
    assert_string_equal(fake.status, "200 OK");
}

static void a_foreign_name_gets_the_way_to_the_device(void **state) {
    (void)state;
    start();
    fake_request(server, HTTP_GET, "/ota", "lamp.fritz.box", NULL);
    assert_string_equal(fake.status, "403 Forbidden");
    assert_non_null(strstr(fake.body, "<a href=\"http://192.168.1.7:8070/ota\">"));
    char length[40];
    snprintf(length, sizeof length, "\r\nContent-Length: %zu\r\n", strlen(fake.body));
    assert_non_null(strstr(fake.head, length));
    fake_request(server, HTTP_POST, "/ota", "lamp.fritz.box", NULL);
    assert_non_null(strstr(fake.body, "\"page\":\"http://192.168.1.7:8070/ota\""));
}

static void a_file_by_post_gets_a_sentence_and_no_ticket(void **state) {
    (void)state;
    start();
    int closes = fake.closes;
    fake.content_length = 1000;
    fake_request(server, HTTP_POST, "/ota", "192.168.1.7", NULL);
    assert_string_equal(fake.status, "415 Unsupported Media Type");
    assert_non_null(strstr(fake.body, "ota-ws push"));
    assert_null(strstr(fake.body, "ticket"));
    assert_int_equal(fake.closes, closes + 1);
}

// Where one handler can answer all methods, from ESP-IDF 5.3 on. Before, the server says 405 and 404 by itself.
static void head_and_a_trailing_slash_are_answered_as_get_is(void **state) {
    (void)state;
    start();
    if (GENERATION == 5) {
        return;
    }
    fake_request(server, HTTP_HEAD, "/ota", "192.168.1.7", NULL);
    assert_string_equal(fake.status, "200 OK");
    assert_string_equal(fake.etag, OTA_WS_PAGE_ETAG);
    assert_non_null(strstr(fake.head, "\r\nContent-Length: 3\r\n"));
    assert_string_equal(fake.body, "");
    fake_request(server, HTTP_POST, "/ota/", "192.168.1.7", NULL);
    assert_non_null(strstr(fake.body, "\"ticket\":"));
    fake_request(server, HTTP_DELETE, "/ota", "192.168.1.7", NULL);
    assert_string_equal(fake.status, "405 Method Not Allowed");
}

static void the_ticket_says_which_path_was_asked_for(void **state) {
    (void)state;
    start();
    fake_request(server, HTTP_POST, "/ota?from=here", "192.168.1.7", NULL);
    assert_non_null(strstr(fake.body, "\"ws\":\"/ota/ws\",\"page\":\"/ota\"}"));
}

// All of them, and what a client of another site gets there: the way to the device, no ticket, no session.
static void three_routes_are_registered_and_no_other(void **state) {
    (void)state;
    static const char *const uris[2][3] = {{"/ota/ws", "/ota", "/ota"}, {"/ota/ws", "/ota", "/ota/"}};
    start();
    for (int i = 0; i < 3; i++) {
        const httpd_uri_t *route = fake_route(server, i);
        assert_non_null(route);
        assert_string_equal(route->uri, uris[GENERATION == 6][i]);
        httpd_method_t method = (int)route->method == INT_MAX ? HTTP_POST : route->method;
        fake_request(server, method, route->uri, "evil.example", "http://evil.example");
        assert_memory_equal(fake.status, i == 0 ? "426" : "403", 3);
        assert_null(strstr(fake.body, "\"ticket\":"));
    }
    assert_null(fake_route(server, 3));
    assert_null(ota_ws_core->device.sessions);
}

// The one that has been there longest without a word leaves.
static void more_connections_than_places_make_space(void **state) {
    (void)state;
    start();
    client_t *clients[OTA_WS_MAX_PEERS + 3];
    for (int i = 0; i < OTA_WS_MAX_PEERS + 3; i++) {
        clients[i] = connect_client();
        fake_serve(server);
    }
    assert_int_equal(fake_connections(server), OTA_WS_MAX_PEERS);
    for (int i = 0; i < OTA_WS_MAX_PEERS + 3; i++) {
        assert_int_equal(received(clients[i], "too_many_sessions"), i < 3);
    }
    for (int i = 0; i < OTA_WS_MAX_PEERS + 3; i++) {
        leave(clients[i]);
    }
}

static void every_connection_has_no_delay(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    assert_int_equal(fake.no_delays, 1);
    leave(client);
}

// ---- frames ----

typedef struct {
    const char *name; // of the error
    uint8_t first;
    uint64_t length; // as the header says
    size_t sent;     // bytes of payload that come
    bool unmasked;
} bad_frame_t;

static void bad_frames_end_the_session_by_name(void **state) {
    (void)state;
    static const bad_frame_t frames[] = {
        {"not_json", 0x81, 0, 0, false},
        {"message_too_long", 0x81, 1025, 1025, false},
        {"message_too_long", 0x81, 130000, 100, false},
        {"frame_too_long", 0x81, 0x100000020, 32, false},
        {"frame_too_long", 0x82, 0x10000000000, 0, false},
        {"unexpected_data", 0x82, 0x80000000, 0, false},
        {"unexpected_data", 0x82, 10, 10, false},
        {"unexpected_data", 0x82, 0, 0, false},
        {"fragmented", 0x01, 2, 2, false},
        {"fragmented", 0x02, 2, 2, false},
        {"fragmented", 0x80, 2, 2, false},
        {"bad_frame", 0x83, 2, 2, false},
        {"bad_frame", 0xc1, 2, 2, false},
        {"bad_frame", 0x89, 126, 126, false},
        {"bad_frame", 0x09, 2, 2, false},
        {"bad_frame", 0x81, 2, 2, true},
    };
    start();
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        const bad_frame_t *bad = &frames[i];
        uint8_t frame[1200] = {0};
        size_t size = write_head(frame, bad->first, bad->length, !bad->unmasked);
        client_t *client = connect_client();
        write_all(client, frame, size + (bad->unmasked ? 0 : 4) + bad->sent);
        char name[40];
        snprintf(name, sizeof name, "\"name\":\"%s\"", bad->name);
        if (!received(client, name)) {
            fail_msg("frame %zu: %s", i, client->received);
        }
        assert_true(is_closed(client));
        leave(client);
    }
    client_t *client = welcome(); // nobody else has suffered
    leave(client);
}

static void an_empty_frame_does_not_swallow_the_next_header(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    forget(client);
    send_frame(client, 0x8a, "", 0); // a pong without payload
    say(client, "{\"type\":\"ping\"}");
    assert_true(received(client, "\"type\":\"pong\""));
    leave(client);
}

static void a_pong_is_read_and_dropped(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    forget(client);
    send_frame(client, 0x8a, "some payload", 12);
    say(client, "{\"type\":\"ping\"}");
    assert_true(received(client, "\"type\":\"pong\""));
    leave(client);
}

static void a_ping_is_answered_and_a_close_too(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    send_frame(client, 0x89, "hello", 5);
    fake_serve(server);
    on_text(client);
    assert_true(client->ponged);
    send_frame(client, 0x88, "\x03\xe8", 2);
    assert_true(is_closed(client));
    leave(client);
}

// The server must not queue a close for a place in its table that our handler has made free at once.
static void the_next_connection_outlives_one_that_ended(void **state) {
    (void)state;
    start();
    for (int i = 0; i < 4; i++) {
        fake.tls = i % 2 != 0;
        fake.no_handshake_call = i / 2 != 0; // then the server has read the first byte of the first frame itself
        leave(welcome());
        leave(connect_client());
        client_t *client = i == 2 ? connect_client() : welcome();
        send_frame(client, 0x88, "\x03\xe8", 2);
        assert_true(is_closed(client));
        leave(client);
        assert_int_equal(fake_connections(server), 0);
    }
    assert_int_equal(fake.stale_closes, 0);
}

static int new_owner[2]; // of a descriptor

// As the task of a second server does.
static void look_until_the_session_is_over(void *unused) {
    (void)unused;
    for (int i = 0; i < 60; i++) {
        fake_pass(1000);
        look(NULL);
    }
    vTaskSuspend(NULL);
}

static void open_the_descriptor_again(int descriptor) {
    TaskHandle_t second;
    fake.after_close = NULL;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, new_owner), 0);
    assert_int_equal(new_owner[0], descriptor);
    xTaskCreate(look_until_the_session_is_over, "second", 4096, NULL, 5, &second);
    vTaskDelete(second);
}

static void a_descriptor_with_a_new_owner_is_left_alone(void **state) {
    (void)state;
    char byte;
    start();
    client_t *client = connect_client();
    fake.after_close = open_the_descriptor_again;
    leave(client);
    assert_null(fake.after_close);
    assert_int_equal(recv(new_owner[1], &byte, 1, MSG_DONTWAIT), -1); // neither a byte nor the end
    assert_int_equal(errno, EAGAIN);
    close(new_owner[0]);
    close(new_owner[1]);
}

static void a_header_in_single_bytes_is_understood(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    char text[300];
    snprintf(text, sizeof text, "{\"type\":\"ping\"%200s}", "");
    uint8_t frame[400];
    size_t size = write_head(frame, 0x81, strlen(text), true);
    memset(frame + size, 0, 4);
    memcpy(frame + size + 4, text, strlen(text));
    size_t length = size + 4 + strlen(text);
    forget(client);
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    if (fork() == 0) { // bytes that come while the server waits for them
        for (size_t i = 0; i < length; i++) {
            send(client->socket, frame + i, 1, MSG_NOSIGNAL);
            usleep(i < 8 ? 3000 : 0);
        }
        _exit(0);
    }
    assert_true(received(client, "\"type\":\"pong\""));
    close(pair[0]);
    close(pair[1]);
    leave(client);
}

static void who_stops_inside_a_frame_is_given_up(void **state) {
    (void)state;
    start();
    static const size_t lengths[] = {1, 2, 3, 5, 8, 20};
    uint8_t frame[40] = {0x81, 0xfe, 0, 200};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        client_t *client = connect_client();
        int64_t since = esp_timer_get_time();
        write_all(client, frame, lengths[i]);
        fake_serve(server); // comes back
        assert_true(esp_timer_get_time() - since < 5000000);
        assert_true(received(client, "\"name\":\"silent\""));
        assert_true(is_closed(client));
        leave(client);
    }
}

// ---- updates ----

static void an_update_is_in_flash_and_selected_on_trial(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    update(client);
    assert_true(received(client, "\"received\":8192,")); // each frame is acknowledged at its end
    assert_true(received(client, "\"received\":16384,"));
    assert_int_equal(fake_entry(1).ota_seq, 2);
    assert_int_equal(fake_entry(1).ota_state, ESP_OTA_IMG_NEW);
    assert_int_equal(fake.begins, 1);
    assert_int_equal(fake.aborts, 1);
    assert_int_equal(fake.events[OTA_WS_EVENT_VERIFIED], 1);
    leave(client);
}

// Weak cells may read as a bar now and as NEW at the next start, when the slot is half written.
static void an_entry_that_bars_goes_too_and_counts_at_no_moment(void **state) {
    (void)state;
    fake_barred_image(ESP_OTA_IMG_ABORTED);
    fake.whole_erased = 0;
    start();
    client_t *client = welcome();
    update(client);
    assert_int_equal(fake.whole_erased, 0);
    assert_int_equal(fake_entry(1).ota_state, ESP_OTA_IMG_NEW);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_VALID);
    leave(client);
}

// The guards of esp_ota_begin() would erase a sector of otadata for each block.
static void the_other_slot_is_prepared_when_a_client_has_asked(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    update(client);
    say(client, "{\"type\":\"cancel\"}");
    assert_true(received(client, "\"cancelled\""));
    fake_earlier_image();
    forget(client);
    say(client, "{\"type\":\"prepare\"}");
    assert_true(received(client, "\"can_roll_back\":true,\"prepare\":\"off\""));
    forget(client);
    fake.whole_erased = 0;
    say(client, "{\"type\":\"prepare\",\"on\":true}");
    assert_true(received(client, "\"other_image\":\"blank\",\"prepare\":\"on\""));
    for (size_t i = 0; i < FAKE_SLOT_SIZE; i++) {
        assert_int_equal(fake_slot(1)[i], 0xff);
    }
    assert_int_equal(fake_entry(1).ota_seq, UINT32_MAX);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_VALID);
    assert_int_equal(fake.whole_erased, 0);
    assert_int_equal(fake.begins, 1);
    fake_running_state(ESP_OTA_IMG_VALID);
    update(client);
    assert_int_equal(fake.begins, 2);
    leave(client);
}

// They lie in the ring while the writer begins; then they count, or are thrown away.
static void early_data_are_taken_before_the_answer(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    extra = ",\"early\":8192";
    begin_size(client, image.length);
    send_data(client, 0, 8192);
    assert_true(received(client, "\"offset\":0,"));
    for (size_t at = 8192; at < 65536; at += 8192) {
        send_data(client, at, 8192);
    }
    assert_true(received(client, "\"received\":65536,"));
    leave(client);
    wait_for_the_writers_end();
    client = welcome();
    begin_size(client, image.length);
    send_data(client, 0, 8192);
    assert_true(received(client, "\"offset\":65536,"));
    extra = "";
    send_rest_in(client, 65536, 8192);
    assert_true(received(client, "\"type\":\"done\""));
    assert_memory_equal(fake_slot(1), image.bytes, image.length);
    leave(client);
}

// Over TLS each read of a part begins with the mask's first byte: parts that are no multiples of 4 would come out
// scrambled. Without it the parts are what has come.
static void frames_of_odd_lengths_arrive_as_they_were_sent(void **state) {
    (void)state;
    start();
    static const size_t lengths[] = {1, 125, 126, 1001, 1002, 1003, 4097, 8191};
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof lengths[0]; i++) {
        fake.tls = i % 2 == 1;
        client_t *client = welcome();
        begin(client);
        send_image_in(client, lengths[i / 2]);
        assert_true(received(client, "\"type\":\"done\""));
        assert_memory_equal(fake_slot(1), image.bytes, image.length);
        say(client, "{\"type\":\"cancel\"}");
        leave(client);
    }
}

// Longer and longer parts of frames that lie one behind the other: nothing is read beyond a frame's end.
static void frames_that_come_together_are_told_apart(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    begin(client);
    size_t at = 0;
    for (size_t length = 1; at + length <= image.length && length < 300; length++) {
        send_data(client, at, length);
        send_frame(client, 0x8a, "pong", length % 5);
        at += length;
    }
    for (size_t length; at < image.length; at += length) {
        length = image.length - at < 8192 ? image.length - at : 8192;
        send_data(client, at, length);
    }
    assert_true(received(client, "\"type\":\"done\""));
    assert_memory_equal(fake_slot(1), image.bytes, image.length);
    leave(client);
}

// Two reads for a header and its offset, not five: each is a turn of lwIP's task.
static void a_header_takes_two_reads(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    begin(client);
    int before = fake.receives;
    send_data(client, 0, 1000);
    fake_serve(server);
    assert_int_equal(fake.receives, before + 3);
    leave(client);
}

static void a_length_that_should_be_short_is_a_bad_frame(void **state) {
    (void)state;
    start();
    client_t *client = connect_client();
    write_all(client, "\x81\xfe\0\x7d\0\0\0\0", 8);
    assert_true(received(client, "\"name\":\"bad_frame\""));
    assert_true(is_closed(client));
    leave(client);
}

static void power_save_is_off_during_an_update_only(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "\"type\":\"ready\""));
    assert_int_equal(fake.power_save, 0);
    send_image(client);
    assert_true(received(client, "\"type\":\"done\""));
    assert_int_equal(fake.power_save, 1);
    leave(client);
}

static void a_restart_waits_until_its_answer_is_out(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    update(client);
    forget(client);
    say(client, "{\"type\":\"restart\"}");
    fake_serve(server);
    on_text(client);
    assert_non_null(strstr(client->received, "restarting"));
    assert_int_equal(fake.restarts, 0);
    fake_pass(600);
    assert_int_equal(fake.restarts, 1);
    leave(client);
}

static void a_begin_that_fails_is_let_go(void **state) {
    (void)state;
    static const struct {
        esp_err_t error;
        const char *name;
    } cases[] = {
        {ESP_ERR_OTA_ROLLBACK_INVALID_STATE, "on_trial"},
        {ESP_ERR_NO_MEM, "no_memory"},
        {ESP_ERR_OTA_PARTITION_CONFLICT, "no_slot"},
        {ESP_ERR_OTA_ALREADY_IN_PROGRESS, "busy"},
        {ESP_ERR_INVALID_SIZE, "busy"},
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_t *client = welcome();
        fake.begin_error = cases[i].error;
        begin_size(client, image.length);
        assert_true(received(client, "\"type\":\"ready\""));
        send_data(client, 0, 8192);
        send_data(client, 8192, 8192);
        assert_true(received(client, cases[i].name));
        assert_int_equal(fake.open_handle, 0);
        fake.begin_error = ESP_OK;
        leave(client);
    }
    client_t *client = welcome();
    update(client);
    leave(client);
}

static void a_running_image_on_trial_refuses_updates(void **state) {
    (void)state;
    fake_running_state(ESP_OTA_IMG_PENDING_VERIFY);
    start();
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "on_trial"));
    assert_int_equal(fake.begins, 0);
    leave(client);
}

static ota_ws_health_t tell_health(void *context) {
    return *(const ota_ws_health_t *)context;
}

static void start_on_trial(ota_ws_health_t *health) {
    const ota_ws_config_t config = {.health = tell_health, .context = health};
    fake_running_state(ESP_OTA_IMG_PENDING_VERIFY);
    fake_earlier_image();
    assert_int_equal(ota_ws_start(server, &config, NULL), ESP_OK);
}

static void pass_seconds(int seconds) {
    for (int i = 0; i < 10 * seconds; i++) {
        fake_pass(100);
        usleep(1000); // the writer is a real thread
    }
}

// Lets time pass until something has been counted once. The writer is a real thread, which a busy machine may keep
// waiting.
static void pass_until_counted(const int *count) {
    for (int i = 0; i < 10 * ROUNDS && *count == 0; i++) {
        fake_pass(20);
        usleep(1000);
    }
    assert_int_equal(*count, 1);
}

static void an_application_that_is_well_is_confirmed(void **state) {
    (void)state;
    ota_ws_health_t health = OTA_WS_HEALTH_UNKNOWN;
    start_on_trial(&health);
    pass_seconds(3);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_PENDING_VERIFY);
    health = OTA_WS_HEALTH_GOOD;
    pass_until_counted(&fake.events[OTA_WS_EVENT_CONFIRMED]);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_VALID);
    assert_int_equal(fake.restarts, 0);
}

static void an_application_that_is_not_well_goes_back(void **state) {
    (void)state;
    ota_ws_health_t health = OTA_WS_HEALTH_BAD;
    start_on_trial(&health);
    pass_until_counted(&fake.restarts);
    assert_int_equal(fake.events[OTA_WS_EVENT_ROLLED_BACK], 1);
}

static bool opens(const ota_ws_verifier_t *verifier, const char *password) {
    ota_ws_verifier_t made;
    ota_ws_verifier_make(&ota_ws_compat_hash, password, verifier->salt, verifier->iterations, &made);
    return memcmp(made.stored_key, verifier->stored_key, sizeof made.stored_key) == 0;
}

// The image stays on trial; nothing is asked.
static void start_on_trial_unasked(void) {
    fake_running_state(ESP_OTA_IMG_PENDING_VERIFY);
    fake_earlier_image();
    start();
}

// The record of updates in the store, as an update has left it that brought the running image.
static void put_on_record(ota_ws_outcome_t outcome, bool was_confirmed) {
    ota_ws_history_entry_t entry = {.from = "0.9.0", .to = "1.0.0", .slot = "ota_0"};
    entry.outcome = (uint8_t)outcome;
    entry.confirmed = was_confirmed;
    assert_true(ota_ws_history_add(&ota_ws_chip_platform, &entry));
}

static void a_trial_goes_back_to_an_image_whose_entry_is_lost(void **state) {
    (void)state;
    put_on_record(OTA_WS_OUTCOME_STAGED, false);
    fake_running_state(ESP_OTA_IMG_PENDING_VERIFY);
    fake_lost_entry(3);
    start();
    client_t *client = welcome();
    assert_true(received(client, "\"can_roll_back\":true"));
    leave(client);
    fake.fails_verification = true;
    assert_int_equal(ota_ws_rollback(), ESP_ERR_NOT_FOUND);
    fake.fails_verification = false;
    fake.record_fails = true;
    assert_int_equal(ota_ws_rollback(), ESP_FAIL);
    fake.record_fails = false;
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_PENDING_VERIFY);
    assert_int_equal(ota_ws_rollback(), ESP_OK);
    assert_int_equal(fake_entry(1).ota_seq, 2);
    assert_int_equal(fake_entry(1).ota_state, ESP_OTA_IMG_VALID);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_INVALID);
}

// The bootloader has barred it, found no other entry and started the first slot.
static void a_barred_image_that_runs_goes_back_by_the_lost_entry_alone(void **state) {
    (void)state;
    put_on_record(OTA_WS_OUTCOME_TRIAL, false);
    fake_running_state(ESP_OTA_IMG_ABORTED);
    fake_lost_entry(3);
    start();
    pass_until_counted(&fake.restarts);
    assert_int_equal(fake_entry(1).ota_seq, 2);
    assert_int_equal(fake_entry(1).ota_state, ESP_OTA_IMG_VALID);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_ABORTED);
}

static void an_image_on_trial_goes_back_without_any_entry(void **state) {
    (void)state;
    put_on_record(OTA_WS_OUTCOME_TRIAL, false);
    fake_lost_entry(UINT32_MAX);
    start();
    pass_until_counted(&fake.restarts);
    assert_int_equal(fake_entry(0).ota_seq, 2);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_VALID);
}

static void expect_no_way_back(void) {
    esp_ota_select_entry_t before = fake_entry(1);
    assert_int_equal(ota_ws_rollback(), ESP_ERR_NOT_FOUND);
    esp_ota_select_entry_t after = fake_entry(1);
    assert_memory_equal(&before, &after, sizeof before);
}

static void a_lost_entry_of_an_image_that_may_be_another_stays_lost(void **state) {
    (void)state;
    put_on_record(OTA_WS_OUTCOME_CONFIRMED, true); // since then anything may have been written into the other slot
    fake_lost_entry(3);
    start();
    expect_no_way_back();
    put_on_record(OTA_WS_OUTCOME_TRIAL, false);
    fake_lost_entry(1); // the first number there is: none comes before it
    expect_no_way_back();
    fake_lost_entry(3);
    fake_barred_image(ESP_OTA_IMG_ABORTED);
    expect_no_way_back();
    fake_lost_entry(3);
    assert_int_equal(ota_ws_rollback(), ESP_OK);
}

// A new firmware that leaks: there is no memory for an update, which is about 23 KB.
static void a_trial_is_decided_with_little_memory(void **state) {
    (void)state;
    start_on_trial_unasked();
    fake.largest_stack = 3584;
    assert_int_equal(ota_ws_confirm(), ESP_OK);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_VALID);
    assert_int_equal(fake.tasks, 0);
    assert_int_equal(ota_ws_rollback(), ESP_OK);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_INVALID);
    fake_pass(1000);
    assert_int_equal(fake.restarts, 1);
}

static void without_any_memory_the_end_of_a_trial_is_the_restart(void **state) {
    (void)state;
    start_on_trial_unasked();
    fake.largest_stack = 1;
    assert_int_equal(ota_ws_confirm(), ESP_ERR_NO_MEM);
    pass_seconds(CONFIG_OTA_TRIAL_TIMEOUT_S);
    pass_until_counted(&fake.restarts);
    assert_int_equal(fake_entry(0).ota_state, ESP_OTA_IMG_PENDING_VERIFY); // the bootloader goes back
    assert_int_equal(fake.events[OTA_WS_EVENT_ROLLED_BACK], 1);
    assert_int_equal(fake.events[OTA_WS_EVENT_RESTARTING], 1);
}

// ---- the public functions, each with its errors ----

static void registering_says_what_is_wrong(void **state) {
    (void)state;
    const ota_ws_config_t unfit = {.password = "abc"};
    assert_int_equal(ota_ws_register_uri_handler(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(ota_ws_start(server, &unfit, NULL), ESP_ERR_INVALID_ARG);
    assert_non_null(strstr(fake.said, "password"));
    fake.largest_stack = 1;
    assert_int_equal(ota_ws_register_uri_handler(server), ESP_ERR_NO_MEM);
    fake.largest_stack = 0;
    fake.max_routes = 2;
    assert_int_equal(ota_ws_register_uri_handler(server), ESP_ERR_HTTPD_HANDLERS_FULL);
    assert_non_null(strstr(fake.said, "max_uri_handlers")); // and no way in, which would lead nowhere
    assert_null(fake_route(server, 0));
    fake.max_routes = 0;
    start();
    assert_null(strstr(fake.said, "No update page"));
    assert_int_equal(ota_ws_register_uri_handler(server), ESP_ERR_HTTPD_HANDLER_EXISTS);
    assert_non_null(strstr(fake.said, "wildcard"));
    assert_non_null(fake_route(server, 2));
}

// Whichever piece of memory is missing, the console names the cause and nothing is left behind; with all of it the page
// is there. What the first registration has made for good stays for the next one.
static void registering_without_memory_says_so_and_leaks_nothing(void **state) {
    (void)state;
    ota_ws_handle_t handle = NULL;
    esp_err_t error = ESP_ERR_NO_MEM;
    int failures = 0;
    while (error != ESP_OK) {
        forget_device();
        fake.fail_memory_at = failures + 1;
        strcpy(fake.said, "");
        error = ota_ws_start(server, NULL, &handle);
        bool is_named = strstr(fake.said, "No update page") != NULL && strstr(fake.said, "memory") != NULL;
        assert_int_equal(is_named, error != ESP_OK);
        assert_int_equal(fake.tasks, 0);
        assert_int_equal(fake.timers, ota_ws_core != NULL);
        assert_int_equal(fake_route(server, 0) != NULL, error == ESP_OK);
        failures += error != ESP_OK;
    }
    assert_int_equal(failures, 7); // handle, device, timer, task, three routes
    fake.fail_memory_at = 0;
    assert_int_equal(ota_ws_stop(handle), ESP_OK);
}

static void the_page_is_taken_off_and_put_on_again(void **state) {
    (void)state;
    ota_ws_handle_t handle;
    assert_int_equal(ota_ws_unregister_uri_handler(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(ota_ws_unregister_uri_handler(server), ESP_ERR_NOT_FOUND);
    assert_int_equal(ota_ws_stop(NULL), ESP_ERR_INVALID_ARG);
    for (int i = 0; i < 2; i++) {
        start();
        assert_int_equal(ota_ws_unregister_uri_handler(server), ESP_OK);
        assert_null(fake_route(server, 0));
        assert_int_equal(ota_ws_unregister_uri_handler(server), ESP_ERR_NOT_FOUND);
    }
    assert_int_equal(ota_ws_start(server, NULL, &handle), ESP_OK);
    assert_int_equal(ota_ws_stop(handle), ESP_OK);
    assert_null(fake_route(server, 0));
}

static void confirming_says_what_is_wrong(void **state) {
    (void)state;
    fake_running_state(ESP_OTA_IMG_PENDING_VERIFY);
    fake.record_fails = true;
    assert_int_equal(ota_ws_confirm(), ESP_FAIL); // before the start
    start();
    assert_int_equal(ota_ws_confirm(), ESP_FAIL);
    fake.record_fails = false;
    assert_int_equal(ota_ws_confirm(), ESP_OK);
    assert_int_equal(ota_ws_confirm(), ESP_ERR_INVALID_STATE);
}

static void going_back_says_what_is_wrong(void **state) {
    (void)state;
    assert_int_equal(ota_ws_rollback(), ESP_ERR_NOT_FOUND); // before the start
    start();
    assert_int_equal(ota_ws_rollback(), ESP_ERR_NOT_FOUND);
    fake_earlier_image();
    fake.record_fails = true;
    assert_int_equal(ota_ws_rollback(), ESP_FAIL);
    fake.record_fails = false;
    fake.largest_stack = 1;
    assert_int_equal(ota_ws_rollback(), ESP_ERR_NO_MEM);
    fake.largest_stack = 0;
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "\"type\":\"ready\""));
    assert_int_equal(ota_ws_rollback(), ESP_ERR_INVALID_STATE);
    leave(client);
    assert_int_equal(fake.restarts, 0);
}

static ota_ws_update_progress_t shown_update(void) {
    ota_ws_state_t shown;
    ota_ws_get_state(&shown);
    return shown.update;
}

static void the_state_is_what_goes_on(void **state) {
    (void)state;
    static const ota_ws_update_progress_t expected[] = {
        [OTA_WS_UPDATE_IDLE] = OTA_WS_STATE_IDLE,           [OTA_WS_UPDATE_OPENING] = OTA_WS_STATE_RECEIVING,
        [OTA_WS_UPDATE_RECEIVING] = OTA_WS_STATE_RECEIVING, [OTA_WS_UPDATE_VERIFYING] = OTA_WS_STATE_VERIFYING,
        [OTA_WS_UPDATE_READY] = OTA_WS_STATE_READY,         [OTA_WS_UPDATE_ENDING] = OTA_WS_STATE_RECEIVING,
        [OTA_WS_UPDATE_CONTROL] = OTA_WS_STATE_IDLE};
    assert_int_equal(shown_update(), OTA_WS_STATE_IDLE); // before the start
    start();
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ota_ws_core->device.update = (ota_ws_update_state_t)i;
        assert_int_equal(shown_update(), expected[i]);
    }
    ota_ws_core->device.update = OTA_WS_UPDATE_IDLE;
}

// What cannot be stored counts until the next restart.
static void a_password_that_is_not_stored_counts_until_the_restart(void **state) {
    (void)state;
    char code[OTA_WS_CODE_SIZE];
    start();
    fake.nvs_fails = true;
    assert_int_equal(ota_ws_set_password("correct horse"), ESP_ERR_NO_MEM);
    assert_true(opens(&ota_ws_core->verifier, "correct horse"));
    assert_int_equal(ota_ws_renew_pairing_code(code), ESP_ERR_NO_MEM);
    assert_true(opens(&ota_ws_core->verifier, code));
    assert_int_equal(ota_ws_get_pairing_code(code), ESP_ERR_NOT_FOUND);
}

static void the_trial_lasts_as_the_settings_say(void **state) {
    (void)state;
    static const struct {
        uint32_t seconds, ms;
    } cases[] = {{0, CONFIG_OTA_TRIAL_TIMEOUT_S * 1000}, {5, 5000}, {OTA_WS_TRIAL_WITHOUT_END, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const ota_ws_config_t config = {.trial_timeout_s = cases[i].seconds};
        ota_ws_core_t core;
        take_settings(&core, &config);
        assert_int_equal(core.settings.trial_timeout_ms, cases[i].ms);
    }
}

static void without_a_second_slot_there_is_no_update(void **state) {
    (void)state;
    fake.one_slot = true;
    start();
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "no_slot"));
    leave(client);
}

// The image, and the recovery application in the place of a second slot.
static void use_recovery_layout(bool runs_recovery) {
    fake.one_slot = fake.has_factory = true;
    fake.runs_factory = runs_recovery;
}

static void the_recovery_layout_is_known_by_one_slot_and_a_factory_partition(void **state) {
    (void)state;
    use_recovery_layout(false);
    start();
    client_t *client = welcome();
    assert_true(received(client, "\"mode\":\"application\""));
    assert_true(received(client, "\"other_slot\":\"factory\""));
    begin_size(client, image.length);
    assert_true(received(client, "recovery_needed"));
    leave(client);
}

static void the_recovery_application_says_that_it_runs(void **state) {
    (void)state;
    use_recovery_layout(true);
    start();
    client_t *client = welcome();
    assert_true(received(client, "\"mode\":\"recovery\""));
    assert_true(received(client, "\"other_slot\":\"ota_0\""));
    leave(client);
}

static void the_factory_image_is_verified_before_it_is_entered(void **state) {
    (void)state;
    use_recovery_layout(false);
    assert_int_equal(ota_ws_chip_platform.enter_recovery(NULL), OTA_WS_NOT_VERIFIED); // it is blank
    assert_int_not_equal(fake_entry(0).ota_seq, UINT32_MAX);
    static const uint8_t head[16] = {0xe9};
    const esp_partition_t *factory =
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
    assert_int_equal(esp_partition_write(factory, 0, head, sizeof head), ESP_OK);
    assert_int_equal(ota_ws_chip_platform.enter_recovery(NULL), OTA_WS_OK);
    assert_int_equal(fake_entry(0).ota_seq, UINT32_MAX);
}

static void a_firmware_that_takes_no_updates_restarts_into_the_recovery_application(void **state) {
    (void)state;
    static const uint8_t head[16] = {0xe9};
    use_recovery_layout(false);
    const esp_partition_t *factory =
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);
    assert_int_equal(esp_partition_write(factory, 0, head, sizeof head), ESP_OK);
    start();
    client_t *client = welcome();
    assert_false(received(client, "\"early\""));
    begin_size(client, image.length);
    assert_true(received(client, "recovery_needed"));
    say(client, "{\"type\":\"restart\",\"into\":\"recovery\"}");
    assert_true(received(client, "restarting"));
    pass_until_counted(&fake.restarts);
    assert_int_equal(fake_entry(0).ota_seq, UINT32_MAX);
    assert_int_equal(fake.events[OTA_WS_EVENT_RESTARTING], 1);
    leave(client);
}

static void a_firmware_that_takes_no_updates_takes_no_data(void **state) {
    (void)state;
    use_recovery_layout(false);
    start();
    client_t *client = welcome();
    send_data(client, 0, 600);
    assert_true(received(client, "unexpected_data"));
    assert_true(is_closed(client));
    leave(client);
}

static void a_full_work_queue_only_costs_time(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    fake.queue_is_full = true;
    begin_size(client, image.length);
    for (int i = 0; i < ROUNDS && strstr(client->received, "ready") == NULL; i++) {
        send_frame(client, 0x8a, "", 0); // traffic brings results in; ticks cannot
        fake_serve(server);
        on_text(client);
        usleep(1000);
    }
    fake.queue_is_full = false;
    send_image(client);
    assert_true(received(client, "\"type\":\"done\""));
    leave(client);
}

static void work_that_is_lost_is_queued_again(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    fake.queue_loses = true;
    begin_size(client, image.length);
    fake_serve(server);
    for (int i = 0; i < 5; i++) {
        fake_pass(100);
        usleep(2000);
    }
    fake.queue_loses = false;
    assert_true(received(client, "\"type\":\"ready\""));
    send_image(client);
    assert_true(received(client, "\"type\":\"done\""));
    leave(client);
}

static void a_wrong_image_changes_nothing(void **state) {
    (void)state;
    start();
    image_free(&image);
    image_spec_t spec = image_spec_default;
    spec.chip_id = 9;
    image = image_build(&spec);
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "\"type\":\"ready\""));
    send_data(client, 0, 8192);
    assert_true(received(client, "wrong_chip"));
    assert_int_equal(fake.begins, 0);
    assert_int_equal(fake_slot(1)[0], 0xff);
    leave(client);
}

static void a_downgrade_that_the_client_allows_is_logged(void **state) {
    (void)state;
    start();
    image_free(&image);
    image_spec_t spec = image_spec_default;
    spec.version = "0.9.0";
    spec.size = 90000;
    image = image_build(&spec);
    client_t *client = welcome();
    begin(client);
    send_data(client, 0, 8192);
    assert_true(received(client, "older_version"));
    assert_int_equal(fake.begins, 0);
    leave(client);
    client = welcome();
    extra = ",\"allow_downgrade\":true";
    update(client);
    extra = "";
    assert_string_equal(fake.said, "Downgrade from 1.0.0 to 0.9.0, as the client allowed");
    leave(client);
}

// ---- password ----

// What a start without a password in the firmware finds.
static ota_ws_verifier_t look_up(char code[OTA_WS_CODE_SIZE]) {
    ota_ws_verifier_t verifier;
    ota_ws_password_load(NULL, &verifier, code);
    return verifier;
}

static void the_pairing_code_is_made_once_and_kept(void **state) {
    (void)state;
    char code[OTA_WS_CODE_SIZE], again[OTA_WS_CODE_SIZE], shown[OTA_WS_CODE_SIZE];
    assert_int_equal(ota_ws_get_pairing_code(shown), ESP_ERR_NOT_FOUND);
    ota_ws_verifier_t verifier = look_up(code);
    assert_int_equal(strlen(code), OTA_WS_CODE_SIZE - 1);
    assert_true(opens(&verifier, code));
    verifier = look_up(again);
    assert_string_equal(again, code);
    assert_true(opens(&verifier, code));
    assert_int_equal(ota_ws_get_pairing_code(shown), ESP_OK);
    assert_string_equal(shown, code);
}

static void a_password_that_is_set_takes_the_codes_place_for_good(void **state) {
    (void)state;
    static const char *const unfit[] = {NULL, "", "abc", "tab\there",
                                        "0123456789012345678901234567890123456789012345678901234567890123456789"};
    char code[OTA_WS_CODE_SIZE], none[OTA_WS_CODE_SIZE];
    look_up(code);
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        assert_int_equal(ota_ws_set_password(unfit[i]), ESP_ERR_INVALID_ARG);
    }
    assert_int_equal(ota_ws_set_password("correct horse"), ESP_OK);
    assert_int_equal(ota_ws_get_pairing_code(none), ESP_ERR_NOT_FOUND);
    ota_ws_verifier_t verifier = look_up(none);
    assert_string_equal(none, "");
    assert_true(opens(&verifier, "correct horse"));
    assert_false(opens(&verifier, code));
}

static void a_renewed_code_replaces_code_and_password(void **state) {
    (void)state;
    char first[OTA_WS_CODE_SIZE], second[OTA_WS_CODE_SIZE], kept[OTA_WS_CODE_SIZE];
    look_up(first);
    assert_int_equal(ota_ws_renew_pairing_code(second), ESP_OK);
    assert_string_not_equal(first, second);
    ota_ws_verifier_t verifier = look_up(kept);
    assert_string_equal(kept, second);
    assert_true(opens(&verifier, second));
    assert_false(opens(&verifier, first));
    assert_int_equal(ota_ws_set_password("correct horse"), ESP_OK);
    assert_int_equal(ota_ws_renew_pairing_code(NULL), ESP_OK);
    verifier = look_up(kept);
    assert_int_equal(strlen(kept), OTA_WS_CODE_SIZE - 1);
    assert_true(opens(&verifier, kept));
    assert_false(opens(&verifier, "correct horse"));
}

static void a_device_that_runs_takes_the_new_one_at_once(void **state) {
    (void)state;
    char code[OTA_WS_CODE_SIZE];
    start();
    assert_int_equal(ota_ws_set_password("correct horse"), ESP_OK);
    assert_true(opens(&ota_ws_core->verifier, "correct horse"));
    assert_int_equal(ota_ws_renew_pairing_code(code), ESP_OK);
    assert_true(opens(&ota_ws_core->verifier, code));
}

// The firmware's password counts as long as it has one; another one in a new firmware replaces it.
static void the_firmwares_password_comes_first(void **state) {
    (void)state;
    ota_ws_verifier_t verifier;
    char code[OTA_WS_CODE_SIZE];
    ota_ws_set_password("set before");
    for (int i = 0; i < 3; i++) {
        const char *password = i < 2 ? "of the firmware" : "of the next one";
        ota_ws_password_load(password, &verifier, code);
        assert_string_equal(code, "");
        assert_true(opens(&verifier, password));
    }
    verifier = look_up(code); // the next firmware brings none: not the old one's password, but a code
    assert_int_equal(strlen(code), OTA_WS_CODE_SIZE - 1);
    assert_true(opens(&verifier, code));
}

// ---- signatures ----

static void build_signed(bool is_signed, size_t size) {
    image_free(&image);
    image_spec_t spec = image_spec_default;
    spec.version = "2.0.0";
    spec.size = size;
    spec.signature = is_signed;
    image = image_build(&spec);
}

static void the_device_says_who_signed_and_that_it_must_be(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    assert_true(received(client, "\"signed_by\":\"a1a1a1a1a1a1a1a1\",\"requires_signed\":true"));
    leave(client);
}

static void a_signed_image_is_taken(void **state) {
    (void)state;
    start();
    build_signed(true, 90000);
    client_t *client = welcome();
    update(client);
    leave(client);
}

static void an_image_without_a_signature_is_refused_before_the_first_erase(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    begin(client);
    send_data(client, 0, 8192);
    assert_true(received(client, "not_signed"));
    assert_int_equal(fake.begins, 0);
    leave(client);
}

// Its size is that of a signed one: this is seen at its end, before ESP-IDF looks at it.
static void an_unsigned_image_of_whole_sectors_is_refused_at_the_end(void **state) {
    (void)state;
    start();
    build_signed(false, 81920);
    assert_int_equal(image.length % 4096, 0);
    client_t *client = welcome();
    begin(client);
    send_image(client);
    assert_true(received(client, "not_signed"));
    assert_int_equal(fake_slot(1)[0], 0xff);
    leave(client);
}

static void what_esp_idf_refuses_is_named_after_the_signature_when_it_is_wrong(void **state) {
    (void)state;
    start();
    build_signed(true, 90000);
    fake.fails_verification = true;
    for (int wrong = 0; wrong < 2; wrong++) {
        fake.wrong_signature = wrong == 1;
        client_t *client = welcome();
        begin(client);
        send_image(client);
        assert_true(received(client, wrong ? "\"bad_signature\"" : "\"not_verified\""));
        assert_int_equal(fake_slot(1)[0], 0xff);
        leave(client);
    }
}

// The compiler's answer to a build of signed_none.c with this setting.
static int compile(const char *setting, char text[4096]) {
    char command[2048];
    snprintf(command, sizeof command, "%s %s 2>&1", COMPILE, setting);
    FILE *output = popen(command, "r");
    assert_non_null(output);
    text[fread(text, 1, 4095, output)] = '\0';
    return pclose(output);
}

static void a_build_that_must_require_signatures_and_does_not_verify_them_fails(void **state) {
    (void)state;
    char text[4096];
    assert_int_equal(compile("", text), 0);
    assert_int_not_equal(compile("-DCONFIG_OTA_REQUIRE_SIGNED=1", text), 0);
    assert_non_null(strstr(text, "'Require signed app images' and 'Verify app signature on update'"));
    assert_int_not_equal(compile("-DCONFIG_SECURE_SIGNED_APPS_ECDSA_SCHEME=1", text), 0);
    assert_non_null(strstr(text, "Secure Boot V1"));
}

static void a_device_that_verifies_no_signatures_says_nothing_of_them(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    assert_false(received(client, "sign"));
    leave(client);
}

// ---- everything breaks, one call after the other ----

static void a_connection_lost_at_any_moment_leaves_nothing_behind(void **state) {
    (void)state;
    start();
    for (int moment = 0; moment < 8; moment++) {
        client_t *client = moment < 1 ? connect_client() : welcome();
        if (moment >= 2) {
            begin_size(client, image.length);
        }
        if (moment >= 3) {
            assert_true(received(client, "\"type\":\"ready\""));
        }
        for (int i = 3; i < moment; i++) {
            send_data(client, (size_t)(i - 3) * 8192, 8192);
        }
        if (moment == 7) {
            write_all(client, "\x82\xfe\x20", 3); // inside a header
        }
        leave(client);
        for (int i = 0; i < ROUNDS && (fake.tasks > 0 || fake_connections(server) > 0); i++) {
            fake_pass(100);
            fake_serve(server);
            usleep(1000);
        }
        assert_int_equal(fake.tasks, 0);
        assert_int_equal(fake.open_handle, 0);
        assert_int_equal(fake.power_save, 1);
    }
    client_t *client = welcome();
    begin_size(client, image.length);
    assert_true(received(client, "\"type\":\"ready\""));
    leave(client);
}

static void a_receive_that_fails_at_any_call_ends_one_connection_only(void **state) {
    (void)state;
    start();
    for (int at = 1; at < 60; at++) {
        client_t *client = welcome();
        begin_size(client, image.length);
        assert_true(received(client, "\"type\":\"ready\""));
        fake.fail_recv_at = at;
        for (size_t from = 0; from < 5 * 8192; from += 8192) {
            send_data(client, from, 8192);
            fake_serve(server);
        }
        bool failed = fake.fail_recv_at == 1;
        fake.fail_recv_at = 0;
        if (failed) {
            assert_int_equal(fake_connections(server), 0);
        }
        leave(client);
        wait_for_the_writers_end();
    }
}

static void a_send_that_fails_closes_the_connection(void **state) {
    (void)state;
    start();
    client_t *client = welcome();
    fake.send_fails = true;
    say(client, "{\"type\":\"ping\"}");
    assert_true(is_closed(client));
    leave(client);
    fake.send_fails = false;
}

#include "plain_http_cases.h" // NOLINT: uses the helpers above

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(a_connection_that_says_nothing_is_closed),
                                       TEST(a_session_begins_without_any_call_for_the_handshake),
                                       TEST(a_plain_get_is_asked_to_upgrade),
                                       TEST(the_page_has_its_etag_and_foreign_pages_get_no_ticket),
                                       TEST(the_ticket_says_which_path_was_asked_for),
                                       TEST(three_routes_are_registered_and_no_other),
                                       TEST(a_foreign_name_gets_the_way_to_the_device),
                                       TEST(a_file_by_post_gets_a_sentence_and_no_ticket),
                                       TEST(head_and_a_trailing_slash_are_answered_as_get_is),
                                       TEST(more_connections_than_places_make_space),
                                       TEST(every_connection_has_no_delay),
                                       TEST(bad_frames_end_the_session_by_name),
                                       TEST(an_empty_frame_does_not_swallow_the_next_header),
                                       TEST(a_pong_is_read_and_dropped),
                                       TEST(a_ping_is_answered_and_a_close_too),
                                       TEST(the_next_connection_outlives_one_that_ended),
                                       TEST(a_descriptor_with_a_new_owner_is_left_alone),
                                       TEST(a_header_in_single_bytes_is_understood),
                                       TEST(who_stops_inside_a_frame_is_given_up),
                                       TEST(an_update_is_in_flash_and_selected_on_trial),
                                       TEST(an_entry_that_bars_goes_too_and_counts_at_no_moment),
                                       TEST(the_other_slot_is_prepared_when_a_client_has_asked),
                                       TEST(frames_of_odd_lengths_arrive_as_they_were_sent),
                                       TEST(frames_that_come_together_are_told_apart),
                                       TEST(a_header_takes_two_reads),
                                       TEST(a_length_that_should_be_short_is_a_bad_frame),
                                       TEST(power_save_is_off_during_an_update_only),
                                       TEST(a_restart_waits_until_its_answer_is_out),
                                       TEST(a_begin_that_fails_is_let_go),
                                       TEST(a_running_image_on_trial_refuses_updates),
                                       TEST(an_application_that_is_well_is_confirmed),
                                       TEST(an_application_that_is_not_well_goes_back),
                                       TEST(a_trial_goes_back_to_an_image_whose_entry_is_lost),
                                       TEST(a_barred_image_that_runs_goes_back_by_the_lost_entry_alone),
                                       TEST(an_image_on_trial_goes_back_without_any_entry),
                                       TEST(a_lost_entry_of_an_image_that_may_be_another_stays_lost),
                                       TEST(a_trial_is_decided_with_little_memory),
                                       TEST(without_any_memory_the_end_of_a_trial_is_the_restart),
                                       TEST(registering_says_what_is_wrong),
                                       TEST(registering_without_memory_says_so_and_leaks_nothing),
                                       TEST(the_page_is_taken_off_and_put_on_again),
                                       TEST(confirming_says_what_is_wrong),
                                       TEST(going_back_says_what_is_wrong),
                                       TEST(the_state_is_what_goes_on),
                                       TEST(a_password_that_is_not_stored_counts_until_the_restart),
                                       TEST(the_trial_lasts_as_the_settings_say),
                                       TEST(without_a_second_slot_there_is_no_update),
                                       TEST(the_recovery_layout_is_known_by_one_slot_and_a_factory_partition),
                                       TEST(the_recovery_application_says_that_it_runs),
                                       TEST(the_factory_image_is_verified_before_it_is_entered),
                                       TEST(a_full_work_queue_only_costs_time),
                                       TEST(work_that_is_lost_is_queued_again),
                                       TEST(a_wrong_image_changes_nothing),
                                       TEST(early_data_are_taken_before_the_answer),
                                       TEST(the_pairing_code_is_made_once_and_kept),
                                       TEST(a_password_that_is_set_takes_the_codes_place_for_good),
                                       TEST(a_renewed_code_replaces_code_and_password),
                                       TEST(a_device_that_runs_takes_the_new_one_at_once),
                                       TEST(the_firmwares_password_comes_first),
                                       TEST(a_downgrade_that_the_client_allows_is_logged),
                                       TEST(a_build_that_must_require_signatures_and_does_not_verify_them_fails),
                                       TEST(a_device_that_verifies_no_signatures_says_nothing_of_them),
                                       TEST(a_connection_lost_at_any_moment_leaves_nothing_behind),
                                       TEST(a_receive_that_fails_at_any_call_ends_one_connection_only),
                                       TEST(a_send_that_fails_closes_the_connection),
                                       PLAIN_HTTP_CASES};
    const struct CMUnitTest signed_tests[] = {
        TEST(the_device_says_who_signed_and_that_it_must_be),
        TEST(a_signed_image_is_taken),
        TEST(an_image_without_a_signature_is_refused_before_the_first_erase),
        TEST(an_unsigned_image_of_whole_sectors_is_refused_at_the_end),
        TEST(what_esp_idf_refuses_is_named_after_the_signature_when_it_is_wrong),
    };
    const struct CMUnitTest small_tests[] = {
        TEST(three_routes_are_registered_and_no_other),
        TEST(bad_frames_end_the_session_by_name),
        TEST(an_application_that_is_well_is_confirmed),
        TEST(an_application_that_is_not_well_goes_back),
        TEST(a_trial_is_decided_with_little_memory),
        TEST(without_any_memory_the_end_of_a_trial_is_the_restart),
        TEST(the_trial_lasts_as_the_settings_say),
        TEST(the_recovery_layout_is_known_by_one_slot_and_a_factory_partition),
        TEST(the_factory_image_is_verified_before_it_is_entered),
        TEST(a_firmware_that_takes_no_updates_restarts_into_the_recovery_application),
        TEST(a_firmware_that_takes_no_updates_takes_no_data),
    };
    if (SIGNED) {
        return cmocka_run_group_tests(signed_tests, NULL, NULL);
    }
    return OTA_WS_TAKES_UPDATES ? cmocka_run_group_tests(tests, NULL, NULL)
                                : cmocka_run_group_tests(small_tests, NULL, NULL);
}
