// SPDX-License-Identifier: Apache-2.0
#include "help.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define PASSWORD_OPTIONS                                                                                               \
    "  --password-file FILE  the password or pairing code is the first line of FILE\n"                                 \
    "  --ca FILE             https: trust this certificate (PEM), or those it signed\n"                                \
    "  --insecure            https: take any certificate; the password still proves\n"                                 \
    "                        the device\n"                                                                             \
    "  --retry N             connect again up to N times after a lost connection (5)\n"
#define OUTPUT_OPTIONS                                                                                                 \
    "  -j, --json            one JSON object a line, on standard output\n"                                             \
    "  -q, --quiet           no progress and no notes, only the result\n"
#define WAIT_OPTION                                                                                                    \
    "  --wait[=S]            wait up to S seconds for the device to be back (60);\n"                                   \
    "                        --wait=0: do not wait\n"

static const char overview[] = "ota-ws: updates ESP32 devices that run ota_ws_update, over WebSocket.\n"
                               "\n"
                               "usage: ota-ws COMMAND [OPTIONS] ...\n"
                               "\n"
                               "  info HOST...          what runs there, both slots, trial, update\n"
                               "  push FILE HOST...     update: send the image, restart, say what runs then\n"
                               "  confirm HOST...       keep the firmware that is on trial\n"
                               "  rollback HOST...      go back to the image in the other slot\n"
                               "  restart HOST...       restart, into a new image if one is ready\n"
                               "  cancel HOST...        take back an update that is ready and not restarted into\n"
                               "  inspect FILE...       what is in files, and which devices would take them\n"
                               "  keygen KEY            make keys for encrypted images\n"
                               "  encrypt FILE KEY      encrypt an image for the devices with that key\n"
                               "  help [COMMAND]        this, or all about one command\n"
                               "\n"
                               "HOST is 192.168.1.7, a name, name:port, or the page's address, https://name/ota.\n"
                               "The password comes from --password-file, from the variable OTA_WS_PASSWORD, or\n"
                               "is asked for. It is never an argument.\n"
                               "\n"
                               "exit code: 0 done, 1 trouble here, 2 wrong usage, 3 file refused,\n"
                               "  4 device refused, 5 unreachable, 6 login failed, 7 the old image runs,\n"
                               "  130 interrupted\n";

static const char info_page[] = "usage: ota-ws info [OPTIONS] HOST...\n"
                                "\n"
                                "Prints what the device says of itself: chip, running firmware, whether it is on\n"
                                "trial and for how long, what lies in the other slot, room for an update, and\n"
                                "whether an update is under way.\n"
                                "\n" PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char push_page[] =
    "usage: ota-ws push [OPTIONS] FILE HOST...\n"
    "\n"
    "Updates the devices one after the other. The file is checked here first, as the\n"
    "device would do it: nothing is erased for a file that it would refuse. Then the\n"
    "image is sent, verified by the device, and restarted into, on trial: confirm it\n"
    "with --confirm or 'ota-ws confirm', or the device goes back by itself.\n"
    "The last line says what runs, for each device. Ctrl-C cancels the update.\n"
    "After a device that took the image and then does not run it, the others are left\n"
    "alone.\n"
    "\n"
    "  --allow-downgrade     send it even if its version is lower than what runs\n"
    "  --force               send it even if the device runs it already\n"
    "  --confirm             confirm the new image as soon as it answers\n"
    "  --no-restart          leave the restart to somebody else ('ota-ws restart')\n"
    "  --compress WHEN       compressed: always, never, or auto, which is when the\n"
    "                        network is slower than the flash (auto)\n"
    "  --no-check            do not check the file here; the device does in any case\n"
    "  --keep-going          go on with the next device whatever happened\n" WAIT_OPTION PASSWORD_OPTIONS
        OUTPUT_OPTIONS;

static const char confirm_page[] = "usage: ota-ws confirm [OPTIONS] HOST...\n"
                                   "\n"
                                   "Ends the trial: the running firmware stays.\n"
                                   "\n" PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char rollback_page[] = "usage: ota-ws rollback [OPTIONS] HOST...\n"
                                    "\n"
                                    "Goes back to the image in the other slot: the device marks the running one as\n"
                                    "rolled back and restarts.\n"
                                    "\n" WAIT_OPTION PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char restart_page[] = "usage: ota-ws restart [OPTIONS] HOST...\n"
                                   "\n"
                                   "Restarts the device: into the new image when one is ready. Firmware that is on\n"
                                   "trial and not confirmed does not survive it: the old image runs again.\n"
                                   "\n" WAIT_OPTION PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char cancel_page[] = "usage: ota-ws cancel [OPTIONS] HOST...\n"
                                  "\n"
                                  "Takes back an update that is ready and has not been restarted into.\n"
                                  "\n" PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char inspect_page[] =
    "usage: ota-ws inspect [OPTIONS] FILE...\n"
    "\n"
    "Prints header, application description, segments, checksum, digests and\n"
    "signature of firmware images, what is wrong with them, and which devices would\n"
    "take them. Exit code 3 when one would be refused.\n"
    "Of an encrypted image it is the format's own header; with the device's private\n"
    "key also what is inside, and whether its authentication tag is right.\n"
    "\n"
    "  --key FILE            the private key of an encrypted image (PEM)\n"
    "  --chip NAME           would this chip take it? (esp32, esp32s3, ESP32-C3 ...)\n"
    "  --for HOST            would this device take it?\n" PASSWORD_OPTIONS OUTPUT_OPTIONS;

static const char keygen_page[] =
    "usage: ota-ws keygen [OPTIONS] KEY\n"
    "\n"
    "Makes a key pair for ESP Encrypted Images: KEY, the private key of the device,\n"
    "and KEY.pub, the public one for 'ota-ws encrypt'. PEM, without a pass phrase.\n"
    "Files that are there already stay as they are.\n"
    "The project's build embeds the private RSA key: it looks for\n"
    "rsa_key/private_rsa_3072.pem.\n"
    "\n"
    "  --ecies               a key for ECIES on P-256 instead of RSA with 3072 bits;\n"
    "                        also KEY.hmac, 32 bytes for a key block of the eFuse\n" OUTPUT_OPTIONS;

static const char encrypt_page[] =
    "usage: ota-ws encrypt [OPTIONS] FILE KEY\n"
    "\n"
    "Makes an ESP Encrypted Image of FILE, as Espressif's esp_enc_img_gen.py does,\n"
    "for the devices that hold the private half of KEY (PEM; RSA-3072 or P-256).\n"
    "FILE is checked first. Encryption hides the image; it does not prove who made\n"
    "it.\n"
    "\n"
    "  --output FILE         what to write (app_secure.bin beside app.bin)\n" OUTPUT_OPTIONS;

static const char help_page[] = "usage: ota-ws help [COMMAND]\n";

typedef struct {
    const char *topic, *text;
} page_t;

static const page_t pages[] = {
    {"info", info_page},       {"push", push_page},     {"confirm", confirm_page}, {"rollback", rollback_page},
    {"restart", restart_page}, {"cancel", cancel_page}, {"inspect", inspect_page}, {"keygen", keygen_page},
    {"encrypt", encrypt_page}, {"help", help_page},
};

bool help_print(const char *topic) {
    if (topic == NULL) {
        fputs(overview, stdout);
        return true;
    }
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(pages[i].topic, topic) == 0) {
            fputs(pages[i].text, stdout);
            return true;
        }
    }
    return false;
}

void help_print_version(void) {
    puts("ota-ws " OTA_WS_RELEASE " (protocol version 1)");
}
