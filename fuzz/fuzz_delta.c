// SPDX-License-Identifier: Apache-2.0
// Patches from anybody: the input is what comes out of deflate. The first bytes choose where frames end, and whether a
// part of the file is there already. Nothing outside the base is read, nothing beyond the file is made, the end comes,
// and a patch that is accepted has given the file.
#include <stdlib.h>
#include <string.h>

#include "flow/writer.h"
#include "hash_openssl.h"
#include "image_builder.h"

#define SLOT_SIZE 0x20000
#define SECTOR 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static image_file_t base, target;
static uint8_t slot[SLOT_SIZE], scratch[SECTOR], record[OTA_WS_STORE_VALUE_MAX];
static size_t record_size;
static uint8_t *exact_base; // ends where its memory ends
static bool is_selected;

// ---- ports ----

static uint32_t slot_size(void *context) {
    (void)context;
    return SLOT_SIZE;
}
static ota_ws_status_t open_slot(void *context, uint32_t image_size) {
    (void)context;
    (void)image_size;
    return OTA_WS_OK;
}
static ota_ws_status_t read_slot(void *context, uint32_t offset, void *bytes, size_t length) {
    (void)context;
    memcpy(bytes, slot + offset, length);
    return OTA_WS_OK;
}
static ota_ws_status_t read_base(void *context, uint32_t offset, void *bytes, size_t length) {
    (void)context;
    if (offset > base.length || length > base.length - offset) {
        abort(); // the device reads outside
    }
    memcpy(bytes, exact_base + offset, length);
    return OTA_WS_OK;
}
static ota_ws_status_t erase(void *context, uint32_t offset, uint32_t length) {
    (void)context;
    memset(slot + offset, 0xFF, length);
    return OTA_WS_OK;
}
static ota_ws_status_t program(void *context, uint32_t offset, const void *bytes, size_t length) {
    (void)context;
    if (offset + length > target.length) {
        abort(); // more than was promised
    }
    memcpy(slot + offset, bytes, length);
    return OTA_WS_OK;
}
static ota_ws_status_t activate(void *context, uint32_t image_size) {
    (void)context;
    (void)image_size;
    is_selected = true;
    return OTA_WS_OK;
}
static void close_slot(void *context) {
    (void)context;
}
static void describe(void *context, ota_ws_identity_t *identity) {
    (void)context;
    memset(identity, 0, sizeof *identity);
    identity->chip_id = 5;
    strcpy(identity->running.project, "demo");
    strcpy(identity->running.version, "1.0.0");
    strcpy(identity->slot, "ota_0");
    strcpy(identity->other_slot, "ota_1");
    identity->image_state = OTA_WS_IMAGE_VALID;
}
static size_t load(void *context, const char *key, void *value, size_t size) {
    (void)context;
    size_t length = strcmp(key, "progress") == 0 && record_size <= size ? record_size : 0;
    memcpy(value, record, length);
    return length;
}
static void save(void *context, const char *key, const void *value, size_t size) {
    (void)context;
    if (strcmp(key, "progress") == 0) {
        record_size = size;
        memcpy(record, size > 0 ? value : record, size);
    }
}
static ota_ws_status_t start(void *context, uint32_t window) {
    (void)window;
    (void)context;
    return OTA_WS_OK;
}
static ota_ws_status_t feed(void *context, const uint8_t *bytes, size_t length, ota_ws_sink_t sink, void *to) {
    (void)context;
    return sink(to, bytes, length);
}
static ota_ws_status_t finish(void *context, ota_ws_sink_t sink, void *to) {
    (void)context;
    (void)sink;
    (void)to;
    return OTA_WS_OK;
}

static const ota_ws_flash_t flash = {NULL,      SECTOR, 65536,   1,        slot_size, open_slot, read_slot,
                                     read_base, erase,  program, activate, NULL,      NULL,      close_slot};
static const ota_ws_platform_t platform = {.describe = describe, .load = load, .save = save};
static const ota_ws_filter_t no_inflate = {NULL, start, feed, finish, close_slot};
static const ota_ws_policy_t policy = {true, false};

// ---- one patch ----

static image_file_t build(const char *version, uint32_t size) {
    image_spec_t spec = image_spec_default;
    spec.version = version;
    spec.size = size;
    return image_build(&spec);
}

static void make_images(void) {
    base = build("1.0.0", 2048);
    target = build("2.0.0", 3000);
    exact_base = malloc(base.length);
    if (base.bytes == NULL || target.bytes == NULL || exact_base == NULL) {
        abort();
    }
    memcpy(exact_base, base.bytes, base.length);
}

static ota_ws_status_t perform(ota_ws_writer_t *writer, ota_ws_job_t *job, ota_ws_job_kind_t kind) {
    ota_ws_job_result_t result;
    job->kind = kind;
    ota_ws_writer_perform(writer, job, &result);
    return result.failure.status;
}

// A part of the file is there already, as after a lost link.
static void bring_part(ota_ws_writer_t *writer, const ota_ws_upload_request_t *request, uint32_t length) {
    ota_ws_job_t job = {.request = *request, .data = {target.bytes, length, NULL, 0}};
    job.request.delta = job.request.deflate = false;
    perform(writer, &job, OTA_WS_JOB_BEGIN);
    perform(writer, &job, OTA_WS_JOB_CHUNK);
    perform(writer, &job, OTA_WS_JOB_ABORT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static ota_ws_writer_t writer;
    const ota_ws_pipeline_ports_t ports = {&flash, &platform, &ota_ws_hash_openssl, &policy, &no_inflate,
                                           NULL,   scratch,   sizeof scratch};
    ota_ws_job_t job = {.request = {.size = 0, .delta = true, .deflate = true}};
    ota_ws_sha256_t sha256;
    if (base.bytes == NULL) {
        make_images();
    }
    if (size < 2) {
        return 0;
    }
    job.request.size = (uint32_t)target.length;
    ota_ws_hash_openssl.start(&sha256);
    ota_ws_hash_openssl.update(&sha256, target.bytes, target.length);
    ota_ws_hash_openssl.finish(&sha256, job.request.sha256);
    memcpy(job.request.base, base.bytes + base.length - OTA_WS_SHA256_SIZE, sizeof job.request.base);
    memset(slot, 0x5A, sizeof slot);
    record_size = 0;
    is_selected = false;
    ota_ws_writer_init(&writer, &ports);
    if (data[0] > 0) {
        bring_part(&writer, &job.request, 280 + data[0] * 10u);
    }
    uint32_t piece = data[1] + 1u;
    data += 2;
    size -= 2;
    ota_ws_status_t status = perform(&writer, &job, OTA_WS_JOB_BEGIN);
    for (size_t at = 0; at < size && status == OTA_WS_OK; at += piece) {
        uint32_t length = size - at < piece ? (uint32_t)(size - at) : piece;
        job.data = (ota_ws_ring_view_t){data + at, length, NULL, 0};
        status = perform(&writer, &job, OTA_WS_JOB_CHUNK);
    }
    if (status == OTA_WS_OK) {
        status = perform(&writer, &job, OTA_WS_JOB_FINISH);
    } else {
        perform(&writer, &job, OTA_WS_JOB_ABORT);
    }
    if ((status == OTA_WS_OK) != is_selected || (is_selected && memcmp(slot, target.bytes, target.length) != 0)) {
        abort(); // what was selected is not the file
    }
    return 0;
}
