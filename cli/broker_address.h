// SPDX-License-Identifier: Apache-2.0
// Where an MQTT broker is, as people write it: "mqtt://user@192.168.1.2", "mqtts://broker.lan:8884".
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "address.h"
#include "problem.h"

#define BROKER_USER_SIZE 128

typedef struct {
    bool tls;
    uint16_t port;
    char name[ADDRESS_NAME_SIZE];  // or IP address
    char where[ADDRESS_HOST_SIZE]; // for people: with the port
    char user[BROKER_USER_SIZE];   // "": none
} broker_address_t;

// "mqtt://[user@]name[:1883]", or "mqtts://" with port 8883. False: `problem` says what makes no sense.
bool broker_address_parse(broker_address_t *address, const char *text, problem_t *problem);
