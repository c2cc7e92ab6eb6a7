// SPDX-License-Identifier: Apache-2.0
#include "life_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash_openssl.h"
#include "text.h"

static const ota_ws_address_t peer = {{[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}};

void life_verifier(ota_ws_verifier_t *verifier) {
    static const uint8_t salt[OTA_WS_SCRAM_SALT_SIZE] = "a life's salt..";
    ota_ws_verifier_make(&ota_ws_hash_openssl, LIFE_PASSWORD, salt, OTA_WS_SCRAM_ITERATIONS, verifier);
}

// The member of a message of the device's, which has no escapes; "" when it is absent.
static void find_text(const char *message, const char *start, char *value, size_t size) {
    const char *at = strstr(message, start);
    at = at == NULL ? "" : at + strlen(start);
    size_t length = strcspn(at, "\"");
    snprintf(value, size, "%.*s", (int)(length < size ? length : size - 1), at);
}

void life_knock(life_t *life) {
    if (life->board->dead) {
        return;
    }
    life->state[0] = '\0';
    life->login[0] = '\0';
    life->has_mac = false;
    life->said = 0;
    ota_ws_session_open(&life->session, &life->device, &life->link, &peer, life->now_ms);
    life->is_connected = true;
}

void life_hello(life_t *life) {
    static const ota_ws_gate_request_t request = {.host = "127.0.0.1"};
    static const uint8_t random[18] = "a client's nonce.";
    char body[OTA_WS_TICKET_BODY_SIZE], ticket[OTA_WS_TICKET_TEXT_SIZE], first[OTA_WS_SCRAM_MESSAGE_SIZE];
    char hello[256];
    if (life->board->dead) {
        return;
    }
    ota_ws_device_ticket(&life->device, &request, &peer, life->now_ms, body, sizeof body);
    find_text(body, "\"ticket\":\"", ticket, sizeof ticket);
    int length = snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%s\"", ticket);
    if (life->verifier != NULL) {
        ota_ws_scram_client_first(&life->scram, random, first);
        length += snprintf(hello + length, sizeof hello - (size_t)length, ",\"scram\":\"%s\"", first);
    }
    snprintf(hello + length, sizeof hello - (size_t)length, "}");
    life_say(life, hello);
}

// The 4096 rounds are not done again for a challenge that was answered already: the nonces of a life are all the same.
void life_prove(life_t *life) {
    static char last[OTA_WS_SCRAM_MESSAGE_SIZE], answer[OTA_WS_SCRAM_MESSAGE_SIZE];
    static ota_ws_session_keys_t keys;
    uint8_t signature[OTA_WS_SHA256_SIZE];
    char challenge[OTA_WS_SCRAM_MESSAGE_SIZE], proof[192];
    find_text(life->login, "\"scram\":\"", challenge, sizeof challenge);
    if (life->board->dead || challenge[0] == '\0') {
        return;
    }
    if (strcmp(last, challenge) != 0) {
        if (ota_ws_scram_client_final(&life->scram, &ota_ws_hash_openssl, LIFE_PASSWORD, challenge, answer, &keys,
                                      signature) != OTA_WS_OK) {
            abort();
        }
        strcpy(last, challenge);
    }
    life->keys = keys;
    snprintf(proof, sizeof proof, "{\"type\":\"proof\",\"scram\":\"%s\"}", answer);
    life_say(life, proof);
}

void life_connect(life_t *life) {
    life_knock(life);
    life_hello(life);
    if (life->verifier != NULL) {
        life_prove(life);
    }
}

size_t life_sign(life_t *life, const char *text, char *whole) {
    uint8_t mac[OTA_WS_MAC_SIZE];
    size_t size = OTA_WS_MESSAGE_SIZE;
    int covered = snprintf(whole, size, "%.*s,\"count\":%u", (int)strlen(text) - 1, text, (unsigned)++life->said);
    size_t length = (size_t)covered;
    ota_ws_mac(life->boot_hash, life->keys.client, whole, length, mac);
    length += (size_t)snprintf(whole + length, size - length, ",\"mac\":\"");
    ota_ws_text_hex(whole + length, mac, sizeof mac);
    strcpy(whole + length + 32, "\"}");
    return length + 34;
}
