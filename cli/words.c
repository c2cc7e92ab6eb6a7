// SPDX-License-Identifier: Apache-2.0
#include "words.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

const char words_title[] = "updates ESP32 devices that run ota_ws_update, over WebSocket";

const char words_hosts[] = "HOST is 192.168.1.7, a name, name:port, the page's address, https://name/ota,\n"
                           "or what 'ota-ws discover' found: lamp.local, or the id of a device.\n"
                           "The password comes from --password-file, from the variable OTA_WS_PASSWORD, or\n"
                           "is asked for. It is never an argument.";

// ---- commands ----

static const char info_text[] = "Prints what the device says of itself: chip, running firmware, whether it is on\n"
                                "trial and for how long, the other slot, the space for an update, and\n"
                                "whether an update is under way. After a trial that has failed: why the device\n"
                                "restarted, and the last log lines of the image that failed.";

static const char crash_text[] = "Prints the core dump that a crash has left in the device's flash: task, program\n"
                                 "counter, the calls that led there. With the ELF file of the image that has\n"
                                 "crashed (build/<project>.elf) it prints functions and lines, by the toolchain's\n"
                                 "addr2line. The file must be that image's: its SHA-256 stands in the core dump.\n"
                                 "RISC-V chips hand out the stack of the task, and the calls are searched in it:\n"
                                 "some of them may have ended before the crash. Exit code 4 when there is no core\n"
                                 "dump, 3 for a wrong ELF file.";

static const char push_text[] = "Updates the devices one after the other. The file is checked here first, as the\n"
                                "device would do it: nothing is erased for a file that it would refuse. Then the\n"
                                "image is sent, verified by the device, and restarted into, on trial: confirm it\n"
                                "with --confirm or 'ota-ws confirm', or the device goes back by itself.\n"
                                "The last line says what runs, for each device. Ctrl-C cancels the update.\n"
                                "After a device that took the image and then does not run it, the others are left\n"
                                "alone. A device with a recovery application takes the image there: push restarts\n"
                                "it into the recovery application first.";

static const char confirm_text[] = "Ends the trial: the running firmware stays.";

static const char rollback_text[] = "Goes back to the image in the other slot: the device marks the running one as\n"
                                    "rolled back and restarts.";

static const char restart_text[] = "Restarts the device: into the new image when one is ready. Firmware that is on\n"
                                   "trial and not confirmed does not survive it: the old image runs again.";

static const char cancel_text[] = "Takes back an update that is ready and has not been restarted into.";

static const char prepare_text[] = "Has the device keep the slot of the next update blank: it erases that slot as\n"
                                   "soon as the running firmware is confirmed, while nothing else is to be done.\n"
                                   "The next update then takes half the time. What is lost: the image in that slot,\n"
                                   "and with it the way back to the version before the confirmed one. A trial keeps\n"
                                   "its way back. Without --yes it only says what would be lost (exit code 2).\n"
                                   "The device keeps the setting; --off ends it.";

static const char inspect_text[] = "Prints header, application description, segments, checksum, digests and\n"
                                   "signature of firmware images, what is wrong with them, and which devices would\n"
                                   "take them. Exit code 3 when one would be refused.\n"
                                   "Of an encrypted image it is the format's own header; with the device's private\n"
                                   "key also what is inside, and whether its authentication tag is right.";

static const char keygen_text[] = "Makes a key pair for ESP Encrypted Images: KEY, the private key of the device,\n"
                                  "and KEY.pub, the public one for 'ota-ws encrypt'. PEM, without a pass phrase.\n"
                                  "Files that are there already stay as they are.\n"
                                  "The project's build embeds the private RSA key: it looks for\n"
                                  "rsa_key/private_rsa_3072.pem.";

static const char encrypt_text[] = "Makes an ESP Encrypted Image of FILE, as Espressif's esp_enc_img_gen.py does,\n"
                                   "for the devices that hold the private half of KEY (PEM; RSA-3072 or P-256).\n"
                                   "FILE is checked first. Encryption hides the image; it does not prove who made\n"
                                   "it.";

static const char discover_text[] = "Prints name, id and page of the devices on this network that announce themselves\n"
                                    "(multicast DNS over IPv4). Every command takes 'lamp.local' or the id in the\n"
                                    "place of an address. Exit code 5 when there is none.";

static const char fleet_text[] = "Updates many devices by a plan (JSON; docs/fleet.md has each member): in waves,\n"
                                 "with a soak time, a stop rule and approvals. The journal beside the plan keeps\n"
                                 "what has happened, so a run that was killed goes on where it was.\n"
                                 "\n"
                                 "  run PLAN              do it, or go on with it\n"
                                 "  plan PLAN             a dry run: who, in which wave, who would refuse and why\n"
                                 "  list PLAN             the devices of the plan, and what they run\n"
                                 "  label LIST L HOST...  give devices of a list the label L; 'L-' takes it away\n"
                                 "  status PLAN           how it stands; --watch: until the run ends\n"
                                 "  pause, resume PLAN    begin with no further device; go on, also after a stop\n"
                                 "  abort PLAN            for good: what has not restarted keeps its firmware\n"
                                 "  approve PLAN [WAVE]   let the next wave begin\n"
                                 "  retry PLAN [HOST...]  try devices again that have failed\n"
                                 "  report PLAN           each device with its end, as CSV or for JUnit\n"
                                 "\n"
                                 "Devices at several places, over NATS JetStream (--nats):\n"
                                 "\n"
                                 "  gateway               drive the devices of a --site, as 'serve' says\n"
                                 "  serve PLAN            lead the rollout; two may run, and one of them leads\n"
                                 "\n"
                                 "With --nats the verbs status, report, pause, resume, abort, approve and retry\n"
                                 "are for a rollout of 'serve'.";

static const char mqtt_text[] = "Each device of a plan becomes an 'update' entity of Home Assistant, by its MQTT\n"
                                "discovery: the version that runs, that of the plan's image, progress, and the\n"
                                "button that installs it. FILE is a plan of 'ota-ws fleet' (JSON; docs/fleet.md).\n"
                                "It runs until Ctrl-C, and comes back by itself when the broker restarts.\n"
                                "A device counts as updated when it runs the new image, confirmed.";

const verb_words_t verb_words[] = {
    {"list", 1, 1},   {"label", 3, SIZE_MAX}, {"plan", 1, 1},    {"run", 1, 1},     {"status", 1, 1},
    {"pause", 1, 1},  {"resume", 1, 1},       {"abort", 1, 1},   {"approve", 1, 2}, {"retry", 1, SIZE_MAX},
    {"report", 1, 1}, {"serve", 1, 1},        {"gateway", 0, 0},
};
const size_t verb_words_count = COUNT_OF(verb_words);

const command_words_t command_words[] = {
    {"discover", COMMAND_DISCOVER, false, false, FOR_ALL | FOR_DISCOVER, "", "which devices are on this network",
     discover_text},
    {"info", COMMAND_INFO, false, true, FOR_ALL | FOR_DEVICES, "HOST...", "what runs there, both slots, trial, update",
     info_text},
    {"crash", COMMAND_CRASH, false, true, FOR_ALL | FOR_DEVICES | FOR_CRASH, "HOST...",
     "the core dump of a crash: task, calls, with --elf functions and lines", crash_text},
    {"push", COMMAND_PUSH, true, true, FOR_ALL | FOR_DEVICES | FOR_RESTARTS | FOR_PUSH, "FILE HOST...",
     "update: send the image, restart, say what runs then", push_text},
    {"confirm", COMMAND_CONFIRM, false, true, FOR_ALL | FOR_DEVICES, "HOST...", "keep the firmware that is on trial",
     confirm_text},
    {"rollback", COMMAND_ROLLBACK, false, true, FOR_ALL | FOR_DEVICES | FOR_RESTARTS, "HOST...",
     "go back to the image in the other slot", rollback_text},
    {"restart", COMMAND_RESTART, false, true, FOR_ALL | FOR_DEVICES | FOR_RESTARTS | FOR_RESTART, "HOST...",
     "restart, into a new image if one is ready", restart_text},
    {"cancel", COMMAND_CANCEL, false, true, FOR_ALL | FOR_DEVICES, "HOST...",
     "take back an update that is ready and not restarted into", cancel_text},
    {"prepare", COMMAND_PREPARE, false, true, FOR_ALL | FOR_DEVICES | FOR_PREPARE, "HOST...",
     "keep the slot of the next update blank: faster, but no way back", prepare_text},
    {"inspect", COMMAND_INSPECT, true, false, FOR_ALL | FOR_DEVICES | FOR_INSPECT, "FILE...",
     "what is in files, and which devices would take them", inspect_text},
    {"keygen", COMMAND_KEYGEN, true, false, FOR_ALL | FOR_KEYGEN, "KEY", "make keys for encrypted images", keygen_text},
    {"encrypt", COMMAND_ENCRYPT, true, false, FOR_ALL | FOR_ENCRYPT, "FILE KEY",
     "encrypt an image for the devices with that key", encrypt_text},
    {"fleet", COMMAND_FLEET, false, false, FOR_ALL | FOR_FLEET, "VERB FILE...",
     "update many devices by a plan, in waves", fleet_text},
    {"mqtt", COMMAND_MQTT, true, false, FOR_ALL | FOR_MQTT, "FILE",
     "update many devices from Home Assistant, over MQTT", mqtt_text},
    {"help", COMMAND_HELP, false, false, FOR_ALL, "[COMMAND]", "this, or all about one command", NULL},
};
const size_t command_words_count = COUNT_OF(command_words);

// ---- options ----

const option_words_t option_words[] = {
    {"allow-downgrade", OPTION_ALLOW_DOWNGRADE, FOR_PUSH, NULL, NULL,
     "send it even if its version is lower than what runs"},
    {"force", OPTION_FORCE, FOR_PUSH, NULL, NULL, "send it even if the device runs it already"},
    {"confirm", OPTION_CONFIRM, FOR_PUSH, NULL, NULL, "confirm the new image as soon as it answers"},
    {"no-restart", OPTION_NO_RESTART, FOR_PUSH, NULL, NULL, "leave the restart to somebody else ('ota-ws restart')"},
    {"compress", OPTION_COMPRESS, FOR_PUSH, "WHEN", "auto always never",
     "compressed: always, never, or auto, which is when the network is slower than the flash (auto)"},
    {"no-seal", OPTION_NO_SEAL, FOR_PUSH, NULL, NULL,
     "over http: send it so that everybody on the network can read it"},
    {"delta", OPTION_DELTA, FOR_PUSH, NULL, NULL,
     "send a patch against the image that runs, also where the network is fast"},
    {"no-delta", OPTION_NO_DELTA, FOR_PUSH, NULL, NULL, "send no patch"},
    {"base", OPTION_BASE, FOR_PUSH, "FILE", NULL,
     "the image that the device runs, for a patch (the images that were sent are in a cache)"},
    {"no-cache", OPTION_NO_CACHE, FOR_PUSH, NULL, NULL, "leave no copy of the image in the cache, and use none"},
    {"no-check", OPTION_NO_CHECK, FOR_PUSH, NULL, NULL, "do not check the file here; the device does in any case"},
    {"keep-going", OPTION_KEEP_GOING, FOR_PUSH, NULL, NULL, "go on with the next device whatever happened"},
    {"into", OPTION_INTO, FOR_RESTART, "WHAT", "recovery application",
     "recovery, or application: of a device that has a recovery application"},
    {"yes", OPTION_YES, FOR_PREPARE, NULL, NULL, "switch it on, although the way back goes"},
    {"off", OPTION_OFF, FOR_PREPARE, NULL, NULL, "switch it off: the next image that is replaced stays"},
    {"key", OPTION_KEY, FOR_INSPECT, "FILE", NULL, "the private key of an encrypted image (PEM)"},
    {"chip", OPTION_CHIP, FOR_INSPECT, "NAME", NULL, "would this chip take it? (esp32, esp32s3, ESP32-C3 ...)"},
    {"for", OPTION_FOR, FOR_INSPECT, "HOST", NULL, "would this device take it?"},
    {"ecies", OPTION_ECIES, FOR_KEYGEN, NULL, NULL,
     "a key for ECIES on P-256 instead of RSA with 3072 bits; also KEY.hmac, 32 bytes for a key block of the eFuse"},
    {"output", OPTION_OUTPUT, FOR_ENCRYPT, "FILE", NULL, "what to write (app_secure.bin beside app.bin)"},
    {"elf", OPTION_ELF, FOR_CRASH, "FILE", NULL, "the ELF file of the image that has crashed: functions and lines"},
    {"addr2line", OPTION_ADDR2LINE, FOR_CRASH, "FILE", NULL,
     "this program instead of the toolchain's (riscv32-esp-elf-addr2line, xtensa-esp-elf-addr2line)"},
    {"watch", OPTION_WATCH, FOR_FLEET, NULL, NULL, "status: again and again, until the run ends"},
    {"format", OPTION_FORMAT, FOR_FLEET, "FORM", "csv junit", "report: csv (the default) or junit"},
    {"nats", OPTION_NATS, FOR_FLEET, "URL", NULL, "the NATS server: nats://NAME:4222, or tls://NAME:4222"},
    {"site", OPTION_SITE, FOR_FLEET, "SITE", NULL, "gateway: the site, which is the JetStream domain of its server"},
    {"creds", OPTION_CREDS, FOR_FLEET, "FILE", NULL, "NATS: log in with the credentials in FILE (JWT and seed)"},
    {"nkey", OPTION_NKEY, FOR_FLEET, "FILE", NULL, "NATS: log in with the seed of an nkey in FILE"},
    {"tls-ca", OPTION_TLS_CA, FOR_FLEET, "FILE", NULL,
     "NATS over TLS: trust the certificates in FILE (PEM), instead of the system's"},
    {"lease", OPTION_LEASE, FOR_FLEET, "S", NULL,
     "gateway, serve: another one takes over after S seconds without a sign of life (30)"},
    {"dashboard", OPTION_DASHBOARD, FOR_FLEET, "[PORT]", NULL,
     "run, serve: a page to watch and lead the rollout, at 127.0.0.1:PORT (8090); 0: none"},
    {"dashboard-password-file", OPTION_DASHBOARD_PASSWORD_FILE, FOR_FLEET, "FILE", NULL,
     "run, serve: the dashboard's password is the first line of FILE (a random code)"},
    {"broker", OPTION_BROKER, FOR_MQTT, "URL", NULL,
     "mqtt://USER@NAME:1883, or mqtts://USER@NAME:8883 for TLS; user and port may be left out"},
    {"broker-password-file", OPTION_BROKER_PASSWORD_FILE, FOR_MQTT, "FILE", NULL,
     "the user's password is the first line of FILE"},
    {"cafile", OPTION_CAFILE, FOR_MQTT, "FILE", NULL,
     "mqtts: trust the certificates in FILE (PEM), instead of the system's"},
    {"wait", OPTION_WAIT, FOR_RESTARTS, "[S]", NULL,
     "wait up to S seconds for the device to be back (60); --wait=0: do not wait"},
    {"wait", OPTION_SEARCH, FOR_DISCOVER, "[S]", NULL, "look for S seconds (2)"},
    {"password-file", OPTION_PASSWORD_FILE, FOR_DEVICES | FOR_FLEET | FOR_MQTT, "FILE", NULL,
     "the password or pairing code is the first line of FILE"},
    {"ca", OPTION_CA, FOR_DEVICES | FOR_FLEET | FOR_MQTT, "FILE", NULL,
     "https: trust this certificate (PEM), or those it signed"},
    {"insecure", OPTION_INSECURE, FOR_DEVICES | FOR_FLEET | FOR_MQTT, NULL, NULL,
     "https: take any certificate; the password still proves the device"},
    {"retry", OPTION_RETRY, FOR_DEVICES, "N", NULL, "connect again up to N times after a lost connection (5)"},
    {"json", OPTION_JSON, FOR_ALL, NULL, NULL, "one JSON object a line, on standard output"},
    {"quiet", OPTION_QUIET, FOR_ALL, NULL, NULL, "no progress and no notes, only the result"},
    {"help", OPTION_HELP, FOR_EVERYWHERE, NULL, NULL, "all about this command"},
    {"version", OPTION_VERSION, FOR_EVERYWHERE, NULL, NULL, "the release of this program"},
};
const size_t option_words_count = COUNT_OF(option_words);

char option_words_letter(const option_words_t *option) {
    return (char)(option->id < OPTION_PASSWORD_FILE ? option->id : 0);
}

void option_words_write(const option_words_t *option, char *text, size_t size) {
    char letter[5] = "", value[24] = "";
    if (option_words_letter(option) != 0) {
        snprintf(letter, sizeof letter, "-%c, ", option_words_letter(option));
    }
    if (option_words_value_is_optional(option)) {
        snprintf(value, sizeof value, "[=%.*s]", (int)strcspn(option->value + 1, "]"), option->value + 1);
    } else if (option->value != NULL) {
        snprintf(value, sizeof value, " %s", option->value);
    }
    snprintf(text, size, "%s--%s%s", letter, option->name, value);
}

// ---- exit codes ----

const exit_words_t exit_words[] = {
    {0, "done"},
    {1, "trouble here"},
    {2, "wrong usage"},
    {3, "file refused"},
    {4, "device refused"},
    {5, "unreachable"},
    {6, "login failed"},
    {7, "the old image runs"},
    {8, "the rollout was stopped"},
    {9, "a wave waits for approval"},
    {130, "interrupted"},
};
const size_t exit_words_count = COUNT_OF(exit_words);
