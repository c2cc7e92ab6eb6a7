// SPDX-License-Identifier: Apache-2.0
// Plain HTTP on the chip: part of test_esp_glue.c, whose helpers it uses.
#pragma once

#if GENERATION == 6

// Sends the image from `from` on, up to `to`, as fast as it is taken.
static void send_body(int client, size_t from, size_t to) {
    client_t writer = {.socket = client};
    write_all(&writer, image.bytes + from, to - from);
}

// Until the device has closed the connection; then the answer is the last one that the server has sent.
static void wait_for_answer(int client) {
    char bytes[64];
    ssize_t got = -1;
    for (int i = 0; i < ROUNDS && got != 0; i++) {
        fake_serve(server);
        fake_pass(20);
        usleep(1000);
        got = recv(client, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    assert_int_equal(got, 0);
    close(client);
}

static bool was_answered(const char *status, const char *text) {
    bool is_right = strcmp(fake.status, status) == 0 && strstr(fake.body, text) != NULL;
    if (!is_right) {
        print_error("%s %s\n", fake.status, fake.body);
    }
    return is_right;
}

static void set_header(int place, const char *name, const char *value) {
    fake.headers[place][0] = name;
    fake.headers[place][1] = value;
}

static void write_digest(char hex[2 * OTA_WS_SHA256_SIZE + 1]) {
    uint8_t digest[OTA_WS_SHA256_SIZE];
    ota_ws_sha256_t hash;
    ota_ws_compat_hash.start(&hash);
    ota_ws_compat_hash.update(&hash, image.bytes, image.length);
    ota_ws_compat_hash.finish(&hash, digest);
    ota_ws_text_hex(hex, digest, sizeof digest);
}

static void a_put_updates_while_the_server_serves_others(void **state) {
    (void)state;
    start();
    client_t *viewer = welcome();
    set_header(0, "Expect", "100-continue");
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    set_header(0, NULL, NULL);
    send_body(client, 0, 50000);
    assert_true(received(viewer, "\"new_version\":\"2.0.0\""));
    assert_int_equal(fake.continues, 1);
    fake_request(server, HTTP_GET, "/ota", "192.168.1.7", NULL);
    assert_string_equal(fake.status, "200 OK");
    send_body(client, 50000, image.length);
    wait_for_answer(client);
    assert_true(was_answered("200 ", "\"type\":\"done\""));
    assert_memory_equal(fake_slot(1), image.bytes, image.length);
    assert_true(received(viewer, "\"update\":\"ready\""));
    leave(viewer);
}

static void cut_off(size_t at) {
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    send_body(client, 0, at);
    close(client);
    wait_for_the_writers_end();
}

static void a_put_that_is_cut_off_goes_on(void **state) {
    (void)state;
    char range[64], hex[2 * OTA_WS_SHA256_SIZE + 1];
    start();
    write_digest(hex);
    snprintf(range, sizeof range, "bytes */%zu", image.length);
    cut_off(80000);
    set_header(0, "Content-Range", range);
    wait_for_answer(fake_request_open(server, HTTP_PUT, "/ota", 0));
    assert_true(was_answered("308 ", "\"offset\":0")); // without a digest nothing is kept
    assert_string_equal(fake.range, "");

    set_header(0, "OTA-SHA256", hex);
    cut_off(80000);
    set_header(1, "Content-Range", range);
    wait_for_answer(fake_request_open(server, HTTP_PUT, "/ota", 0));
    assert_int_equal(strncmp(fake.range, "bytes=0-", 8), 0);
    size_t kept = (size_t)atoi(fake.range + 8) + 1;
    assert_true(kept > 60000 && kept <= 80000);
    snprintf(range, sizeof range, "bytes %zu-%zu/%zu", kept, image.length - 1, image.length);
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length - kept);
    send_body(client, kept, image.length);
    wait_for_answer(client);
    assert_true(was_answered("200 ", "\"type\":\"done\""));
    assert_memory_equal(fake_slot(1), image.bytes, image.length);
}

static void ask(const char *body, const char *status, const char *text) {
    client_t writer = {.socket = fake_request_open(server, HTTP_POST, "/ota", strlen(body))};
    write_all(&writer, body, strlen(body));
    wait_for_answer(writer.socket);
    assert_true(was_answered(status, text));
}

static void post_and_get_are_answered_in_json(void **state) {
    (void)state;
    start();
    set_header(0, "Content-Type", "application/json");
    ask("{\"type\":\"confirm\"}", "409 ", "\"not_on_trial\"");
    ask("{\"type\":\"reboot\"}", "400 ", "\"unknown_message\"");
    ask("a=b", "400 ", "\"not_json\"");
    set_header(0, "Accept", "application/json");
    wait_for_answer(fake_request_open(server, HTTP_GET, "/ota", 0));
    assert_true(was_answered("200 ", "\"type\":\"state\""));
    set_header(0, NULL, NULL);
    set_header(0, "Authorization", "Basic b3RhOng="); // without a password of the device nobody looks at it
    ask("{\"type\":\"restart\"}", "200 ", "\"restarting\"");
}

static void a_put_that_stops_half_way_ends_as_stalled(void **state) {
    (void)state;
    start();
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    send_body(client, 0, 20000);
    for (int i = 0; i < 40; i++) {
        fake_pass(1000);
        fake_serve(server);
        usleep(2000);
    }
    wait_for_answer(client);
    assert_true(was_answered("408 ", "\"stalled\""));
}

static void a_third_request_finds_no_space(void **state) {
    (void)state;
    start();
    int one = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    set_header(0, "Content-Type", "application/json; charset=utf-8");
    int two = fake_request_open(server, HTTP_POST, "/ota", 20);
    int three = fake_request_open(server, HTTP_POST, "/ota", 20);
    assert_true(was_answered("503 ", "\"no_memory\""));
    close(three);
    close(two);
    close(one);
    wait_for_the_writers_end();
    ask("{\"type\":\"cancel\"}", "409 ", "\"no_update\"");
}

static void a_server_that_stops_waits_for_a_put(void **state) {
    (void)state;
    start();
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    send_body(client, 0, 20000);
    fake_server_free(server);
    server = fake_server();
    wait_for_the_writers_end();
    close(client);
}

static void an_unregistered_page_ends_a_put(void **state) {
    (void)state;
    start();
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    send_body(client, 0, 20000);
    assert_true(close_connections(server)); // what unregistering does until nobody is left
    wait_for_answer(client);
    wait_for_the_writers_end();
    assert_false(close_connections(server));
    assert_int_equal(ota_ws_unregister_uri_handler(server), ESP_OK);
}

static void a_put_without_memory_leaves_nothing_behind(void **state) {
    (void)state;
    start();
    for (int i = 1; i < 12; i++) {
        fake.fail_memory_at = i;
        int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
        send_body(client, 0, 1000);
        close(client);
        wait_for_the_writers_end();
        assert_null(ota_ws_peer_text());
    }
    fake.fail_memory_at = 0;
    int client = fake_request_open(server, HTTP_PUT, "/ota", image.length);
    send_body(client, 0, image.length);
    wait_for_answer(client);
    assert_true(was_answered("200 ", "\"type\":\"done\""));
}

#define PLAIN_HTTP_CASES                                                                                               \
    TEST(a_put_updates_while_the_server_serves_others), TEST(a_put_that_is_cut_off_goes_on),                           \
        TEST(post_and_get_are_answered_in_json), TEST(a_put_that_stops_half_way_ends_as_stalled),                      \
        TEST(a_third_request_finds_no_space), TEST(a_server_that_stops_waits_for_a_put),                               \
        TEST(an_unregistered_page_ends_a_put), TEST(a_put_without_memory_leaves_nothing_behind),

#else

static void without_the_servers_help_there_is_no_plain_http(void **state) {
    (void)state;
    start();
    assert_non_null(strstr(fake.said, "v5.3.2"));
    assert_null(fake_route(server, 3));
}

#define PLAIN_HTTP_CASES TEST(without_the_servers_help_there_is_no_plain_http),

#endif
