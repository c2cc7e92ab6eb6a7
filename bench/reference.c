// SPDX-License-Identifier: Apache-2.0
// The two usual ways to update, bare, to be measured beside ours over the same link and the same flash model:
//   whole    erases the whole slot, then takes chunks of 8 KiB, each answered when it is in flash (stop and wait)
//   sectors  takes a stream in one task and erases each sector of 4 KiB as its first byte comes
//   sink     has no flash: what the link alone takes
// Both read the image back at the end, as ESP-IDF does. As little else as possible: no login, no WebSocket, no digest
// of what came. `reference serve` is the device, `reference send` the client.
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nor.h"
#include "nor_timing.h"

#define CHUNK 8192
#define RECEIVE 1440
#define SLOT_SIZE 0x1F0000 // as the virtual device lays out 4 MiB

typedef struct {
    nor_t nor;
    nor_timing_t timing;
    uint32_t size, cursor, erased;
    int socket;
} device_t;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void say(int socket, const char *type) {
    char text[64];
    int length = snprintf(text, sizeof text, "{\"type\":\"%s\"}\n", type);
    if (send(socket, text, (size_t)length, MSG_NOSIGNAL) != length) {
        die("reference: send");
    }
}

static void receive(int socket, void *bytes, size_t length) {
    if (recv(socket, bytes, length, MSG_WAITALL) != (ssize_t)length) {
        die("reference: receive");
    }
}

static void must(ota_ws_status_t status, const nor_t *nor) {
    if (status != OTA_WS_OK) {
        fprintf(stderr, "reference: %s\n", nor->fault);
        exit(1);
    }
}

// ---- the device ----

static void erase_all(device_t *device) {
    for (; device->erased < SLOT_SIZE; device->erased += NOR_BLOCK_SIZE) {
        must(nor_erase(&device->nor, device->erased, NOR_BLOCK_SIZE), &device->nor);
    }
}

static void erase_up_to(device_t *device, uint32_t end) {
    for (; device->erased < end; device->erased += NOR_SECTOR_SIZE) {
        must(nor_erase(&device->nor, device->erased, NOR_SECTOR_SIZE), &device->nor);
    }
}

static void program(device_t *device, const uint8_t *bytes, uint32_t length) {
    must(nor_program(&device->nor, device->cursor, bytes, length), &device->nor);
    device->cursor += length;
}

static void take_chunks(device_t *device) {
    uint8_t chunk[CHUNK];
    erase_all(device);
    say(device->socket, "progress");
    while (device->cursor < device->size) {
        uint32_t left = device->size - device->cursor;
        uint32_t length = left < CHUNK ? left : CHUNK;
        receive(device->socket, chunk, length);
        program(device, chunk, length);
        say(device->socket, "progress");
    }
}

// Programs whole pages as they come; the rest of a page waits for its other bytes.
static void take_stream(device_t *device) {
    uint8_t bytes[RECEIVE + NOR_PAGE_SIZE];
    uint32_t held = 0;
    uint32_t told = 0;
    while (device->cursor < device->size) {
        ssize_t length = recv(device->socket, bytes + held, RECEIVE, 0);
        if (length <= 0) {
            die("reference: receive");
        }
        held += (uint32_t)length;
        bool is_last = device->cursor + held == device->size;
        uint32_t whole = is_last ? held : held - held % NOR_PAGE_SIZE;
        if (whole > 0) {
            erase_up_to(device, device->cursor + whole);
            program(device, bytes, whole);
        }
        held -= whole;
        memmove(bytes, bytes + whole, held);
        if (device->cursor - told >= CHUNK) { // for the sake of its user; nobody waits for it
            told = device->cursor;
            say(device->socket, "progress");
        }
    }
}

static void swallow(device_t *device) {
    uint8_t bytes[65536];
    while (device->cursor < device->size) {
        ssize_t length = recv(device->socket, bytes, sizeof bytes, 0);
        if (length <= 0) {
            die("reference: receive");
        }
        device->cursor += (uint32_t)length;
    }
}

static void read_back(device_t *device) {
    uint8_t bytes[4096];
    for (uint32_t at = 0; at < device->size; at += sizeof bytes) {
        must(nor_read(&device->nor, at, bytes, sizeof bytes), &device->nor);
    }
}

static int listen_anywhere(void) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    socklen_t length = sizeof own;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) != 0 || listen(listener, 1) != 0) {
        die("reference: listen");
    }
    getsockname(listener, (struct sockaddr *)&own, &length);
    printf("{\"type\":\"listening\",\"port\":%d}\n", ntohs(own.sin_port));
    fflush(stdout);
    return listener;
}

static int serve(const char *how, const char *part) {
    static uint8_t memory[SLOT_SIZE];
    static device_t device;
    const nor_part_t *found = nor_part_find(part);
    int listener = listen_anywhere();
    device.nor = (nor_t){.medium = nor_memory(memory, sizeof memory), .size = sizeof memory, .program_unit = 1};
    memset(memory, 0x5A, sizeof memory); // an old image
    if (found != NULL) {
        nor_timing_init(&device.timing, found);
        device.nor.watch = &device.timing.watch;
    }
    device.socket = accept(listener, NULL, NULL);
    receive(device.socket, &device.size, sizeof device.size);
    say(device.socket, "ready");
    if (strcmp(how, "whole") == 0) {
        take_chunks(&device);
        read_back(&device);
    } else if (strcmp(how, "sectors") == 0) {
        take_stream(&device);
        read_back(&device);
    } else {
        swallow(&device);
    }
    say(device.socket, "done");
    (void)recv(device.socket, memory, 1, 0); // until the client has read it
    return 0;
}

// ---- the client ----

static void await(FILE *from, const char *type) {
    char line[64];
    do {
        if (fgets(line, sizeof line, from) == NULL) {
            die("reference: the device has gone");
        }
    } while (strstr(line, type) == NULL);
}

static int connect_to(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        die("reference: connect");
    }
    return fd;
}

static void send_all(int fd, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            die("reference: send");
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static int send_file(const char *how, const char *path, int port) {
    static uint8_t bytes[SLOT_SIZE];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        die(path);
    }
    uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    int fd = connect_to(port);
    FILE *from = fdopen(dup(fd), "r");
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    send_all(fd, (const uint8_t *)&size, sizeof size);
    await(from, "ready");
    if (strcmp(how, "whole") == 0) {
        await(from, "progress");
        for (uint32_t at = 0; at < size; at += CHUNK) {
            send_all(fd, bytes + at, size - at < CHUNK ? size - at : CHUNK);
            await(from, "progress");
        }
    } else {
        send_all(fd, bytes, size);
    }
    await(from, "done");
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("{\"type\":\"sent\",\"time_ms\":%.3f}\n",
           (double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) / 1e6);
    fclose(from);
    close(fd);
    return 0;
}

int main(int argc, char **argv) {
    bool knows_how =
        argc >= 3 && (strcmp(argv[2], "whole") == 0 || strcmp(argv[2], "sectors") == 0 || strcmp(argv[2], "sink") == 0);
    if (knows_how && argc == 4 && strcmp(argv[1], "serve") == 0) {
        return serve(argv[2], argv[3]);
    }
    if (knows_how && argc == 5 && strcmp(argv[1], "send") == 0) {
        return send_file(argv[2], argv[3], atoi(argv[4]));
    }
    fputs("usage: reference serve whole|sectors|sink PART | reference send whole|sectors|sink FILE PORT\n", stderr);
    return 2;
}
