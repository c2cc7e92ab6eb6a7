// SPDX-License-Identifier: Apache-2.0
#include "life.h"

#include <signal.h>
#include <string.h>

#include "announce.h"
#include "clock.h"
#include "decrypt_openssl.h"
#include "device_id.h"
#include "exit_codes.h"
#include "fault.h"
#include "features/prepare.h"
#include "hash_openssl.h"
#include "image/chip.h"
#include "inflate_zlib.h"
#include "machine.h"
#include "server.h"

// Everything that a restart loses.
typedef struct {
    machine_t machine;
    ota_ws_flash_t flash;
    ota_ws_platform_t platform;
    worker_t worker;
    inflate_zlib_t inflate;
    ota_ws_filter_t inflate_port;
    decrypt_openssl_t decrypt;
    ota_ws_filter_t decrypt_port;
    ota_ws_worker_t worker_port;
    ota_ws_ports_t ports;
    ota_ws_settings_t settings;
    ota_ws_device_t device;
    server_t *server;
} boot_life_t;

typedef struct {
    life_parts_t parts;
    ota_ws_reset_t reset;      // why it boots
    ota_ws_reset_t next_reset; // and why it will the next time
    int port;                  // the first boot finds it, the others keep it
    char device_name[64];      // the name without ".local"
    char id[OTA_WS_ID_SIZE];
    announce_t *announce; // from the first boot on; NULL: not announced
    bool was_announced;   // or could not be
    const char *names[3];
} life_t;

// ---- signals ----

static bool signal_within(uint32_t wait_ms) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = (long)(wait_ms % 1000) * 1000000};
    return sigtimedwait(&signals, NULL, &wait) > 0;
}

static bool stop_wanted(void *context) {
    (void)context;
    return signal_within(0);
}

// ---- what the console says ----

static void report_image(const life_t *life, const ota_ws_identity_t *identity) {
    static const char *const words[] = {
        [OTA_WS_IMAGE_NONE] = "no record",
        [OTA_WS_IMAGE_VALID] = "confirmed",
        [OTA_WS_IMAGE_TRIAL] = "on trial",
        [OTA_WS_IMAGE_UNCONFIRMED] = "not confirmed",
        [OTA_WS_IMAGE_UNWATCHED] = "without a trial",
        [OTA_WS_IMAGE_FACTORY] = "factory image",
        [OTA_WS_IMAGE_ROLLED_BACK] = "rolled back",
        [OTA_WS_IMAGE_ABORTED] = "aborted",
    };
    char limit[32] = "";
    if (identity->image_state == OTA_WS_IMAGE_TRIAL && life->parts.options->trial_timeout_s > 0) {
        snprintf(limit, sizeof limit, " (%u s)", (unsigned)life->parts.options->trial_timeout_s);
    }
    console_log(life->parts.console, "boot", "slot %s, %s %s, %s%s", identity->slot, identity->running.project,
                identity->running.version, words[identity->image_state], limit);
}

static void report_chip(const life_t *life) {
    const app_target_t *target = &life->parts.board->target;
    const char *name = ota_ws_chip_name(target->chip_id);
    console_log(life->parts.console, "boot", "%s v%u.%u, %u KiB of flash%s%s", name != NULL ? name : "unknown chip",
                target->chip_revision / 100u, target->chip_revision % 100u,
                (unsigned)(life->parts.board->nor.size / 1024),
                life->parts.options->timing != NULL ? " as slow as " : "",
                life->parts.options->timing != NULL ? life->parts.options->timing : "");
}

static void report_page(const life_t *life) {
    const options_t *options = life->parts.options;
    const access_t *access = life->parts.access;
    bool is_any = strcmp(options->bind, "0.0.0.0") == 0 || strcmp(options->bind, "::") == 0;
    bool is_ipv6 = strchr(options->bind, ':') != NULL && !is_any;
    console_log(life->parts.console, "page", "%s://%s%s%s:%d%s%s%s", options->certificate != NULL ? "https" : "http",
                is_ipv6 ? "[" : "", is_any ? "localhost" : options->bind, is_ipv6 ? "]" : "", life->port, options->uri,
                access->kind == ACCESS_PAIRING_CODE ? "#code=" : "",
                access->kind == ACCESS_PAIRING_CODE ? access->code : "");
    if (access->kind == ACCESS_PAIRING_CODE) {
        console_log(life->parts.console, "page", "pairing code %s", access->code);
    } else if (access->kind == ACCESS_OPEN) {
        console_alarm(life->parts.console, "page",
                      "UNPROTECTED: everybody who reaches this device can replace its firmware");
    }
    if (life->parts.key != NULL) {
        console_log(life->parts.console, "page", "only images encrypted for this device's key are taken (%s)",
                    life->parts.key->scheme == IMAGE_KEY_RSA ? "RSA-3072" : "ECIES-P256");
    }
    if (life->parts.signer != NULL) {
        console_log(life->parts.console, "page", "only images signed with this device's key are taken (%s)",
                    ota_ws_signature_scheme_name(life->parts.signer->scheme));
    }
}

// ---- one boot ----

static bool start_machine(const life_t *life, boot_life_t *boot) {
    machine_parts_t parts = {
        .nor = &life->parts.board->nor,
        .table = &life->parts.board->table,
        .hash = &ota_ws_hash_openssl,
        .console = life->parts.console,
        .store = life->parts.store,
        .id = life->id,
        .target = life->parts.board->target,
        .reset = life->reset,
        .name = life->device_name,
        .health = life->parts.options->health,
        .remains = life->parts.remains,
        .signer = life->parts.signer,
    };
    ota_ws_identity_t identity;
    if (!machine_start(&boot->machine, &parts)) {
        return false;
    }
    machine_describe(&boot->machine, &identity);
    remains_start(life->parts.remains, identity.running.elf_sha256);
    report_image(life, &identity);
    boot->flash = machine_flash(&boot->machine);
    boot->platform = machine_platform(&boot->machine);
    return true;
}

// The server exists only after the worker: the notification finds it here.
static void notify(void *context) {
    const boot_life_t *boot = context;
    server_notify(boot->server);
}

static void restart(void *context) {
    const boot_life_t *boot = context;
    server_restart(boot->server);
}

static bool start_core(const life_t *life, boot_life_t *boot) {
    const options_t *options = life->parts.options;
    boot->settings = ota_ws_default_settings;
    boot->settings.sentence = ota_ws_sentence_reply;
    boot->settings.chunk = options->chunk;
    boot->settings.credit = options->credit;
    boot->settings.trial_timeout_ms = options->trial_timeout_s * 1000;
    boot->settings.stall_timeout_ms = options->stall_timeout_s * 1000;
    boot->settings.has_pairing_code = life->parts.access->kind == ACCESS_PAIRING_CODE;
    boot->settings.policy.check_project = !options->any_project;
    boot->inflate_port = inflate_zlib_port(&boot->inflate);
    boot->decrypt.key = life->parts.key;
    boot->decrypt_port = decrypt_openssl_filter(&boot->decrypt);
    worker_parts_t parts = {
        .flash = &boot->flash,
        .platform = &boot->platform,
        .hash = &ota_ws_hash_openssl,
        .policy = &boot->settings.policy,
        .inflate = &boot->inflate_port,
        .decrypt = life->parts.key != NULL ? &boot->decrypt_port : NULL,
        .ring_size = options->ring,
        .notify_context = boot,
        .notify = notify,
    };
    worker_init(&boot->worker, &parts);
    machine_on_restart(&boot->machine, restart, boot);
    boot->worker_port = worker_port(&boot->worker);
    boot->ports = (ota_ws_ports_t){&boot->flash, &boot->platform, &boot->worker_port, &ota_ws_hash_openssl};
    if (options->prepare) {
        boot->platform.save(boot->platform.context, OTA_WS_PREPARE_KEY, "1", 1);
    }
    ota_ws_device_init(&boot->device, &boot->ports, &boot->settings, access_verifier(life->parts.access),
                       clock_now_ms());
    return true;
}

// A device that only this machine reaches is not announced.
static void announce_once(life_t *life) {
    const options_t *options = life->parts.options;
    bool is_loopback = strncmp(options->bind, "127.", 4) == 0 || strcmp(options->bind, "::1") == 0;
    if (is_loopback || life->was_announced) {
        return;
    }
    announce_settings_t settings = {life->device_name, life->id,           options->uri, options->certificate != NULL,
                                    life->port,        life->parts.console};
    life->announce = announce_start(&settings);
    life->was_announced = true;
}

static bool start_server(life_t *life, boot_life_t *boot) {
    const options_t *options = life->parts.options;
    server_settings_t settings = {
        .address = options->bind,
        .port = life->port,
        .certificate = options->certificate,
        .key = options->key,
        .names = life->names,
        .page_uri = options->uri,
        .page = options->small_page ? &page_small : &page_full,
        .ws_uri = boot->settings.ws_uri,
    };
    server_parts_t parts = {&boot->device, &boot->worker, life->parts.console, stop_wanted, NULL};
    boot->server = server_open(&settings, &parts);
    if (boot->server == NULL) {
        return false;
    }
    life->port = server_port(boot->server);
    announce_once(life);
    return true;
}

// An image on trial that has a fault comes no further. True when it has crashed.
static bool crashes(life_t *life, boot_life_t *boot) {
    ota_ws_identity_t identity;
    fault_t fault = fault_read(&life->parts.board->nor, boot->machine.running);
    if (!boot->device.on_trial || fault.kind == FAULT_NONE) {
        return false;
    }
    machine_describe(&boot->machine, &identity);
    life->next_reset = fault_happen(&fault, identity.running.elf_sha256, life->parts.remains, life->parts.console);
    return true;
}

// Boots and serves. `end` says what ended it when the exit code is EXIT_ENDED.
static int live_once(life_t *life, server_end_t *end) {
    boot_life_t boot = {0};
    int code = EXIT_IMAGE;
    if (!start_machine(life, &boot)) {
        goto machine;
    }
    if (!start_core(life, &boot)) {
        goto machine;
    }
    code = EXIT_NETWORK;
    if (crashes(life, &boot)) {
        *end = SERVER_RESTART;
        code = EXIT_ENDED;
    } else if (start_server(life, &boot)) {
        report_page(life);
        *end = server_run(boot.server);
        worker_halt(&boot.worker); // it notifies the server
        server_close(boot.server);
        code = EXIT_ENDED;
    }
    worker_free(&boot.worker);
machine:
    remains_stop(life->parts.remains);
    machine_stop(&boot.machine);
    return code;
}

static void init_names(life_t *life) {
    const char *name = life->parts.options->name;
    size_t length = strlen(name);
    size_t suffix = strlen(".local");
    bool is_local = length > suffix && strcmp(name + length - suffix, ".local") == 0;
    snprintf(life->device_name, sizeof life->device_name, "%.*s", (int)(is_local ? length - suffix : length), name);
    life->names[0] = name;
    life->names[1] = "localhost";
}

int life_run(const life_parts_t *parts) {
    life_t life = {.parts = *parts, .reset = OTA_WS_RESET_POWER_ON, .port = parts->options->port};
    init_names(&life);
    device_id_load(life.id, parts->store, parts->console);
    for (;;) {
        server_end_t end = SERVER_STOPPED;
        life.next_reset = OTA_WS_RESET_SOFTWARE;
        report_chip(&life);
        int code = live_once(&life, &end);
        bool ends = code != EXIT_ENDED || end == SERVER_STOPPED;
        if (!ends) {
            life.reset = life.next_reset;
            console_log(parts->console, "boot", "restart");
            ends = signal_within(parts->options->boot_time_ms);
        }
        if (ends) {
            announce_stop(life.announce);
            console_log(parts->console, "power", "off");
            return code;
        }
    }
}
