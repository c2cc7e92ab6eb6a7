// SPDX-License-Identifier: Apache-2.0
#include "fleet_report.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t seconds_of(const fleet_report_t *report, uint32_t i) {
    bool known = report->began_s[i] != 0 && report->ended_s[i] >= report->began_s[i];
    return known ? report->ended_s[i] - report->began_s[i] : 0;
}

// ---- CSV ----

static void put_field(const char *text, const char *end) {
    putchar('"');
    for (; *text != '\0'; text++) {
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, '\0'}, stdout);
    }
    printf("\"%s", end);
}

void fleet_report_csv(const fleet_report_t *report) {
    printf("rollout,device,id,labels,wave,state,reason,attempts,seconds\r\n");
    for (uint32_t i = 0; i < report->rollout->count; i++) {
        const fleet_device_t *device = &report->rollout->devices[i];
        put_field(report->plan->rollout, ",");
        put_field(report->entries[i].host, ",");
        put_field(device->id, ",");
        put_field(report->entries[i].labels, ",");
        printf("%u,%s,", device->wave + 1, fleet_state_name(device->state));
        put_field(device->reason, ",");
        printf("%u,%" PRId64 "\r\n", device->attempt, seconds_of(report, i));
    }
}

// ---- JUnit ----

static void put_xml(const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", stdout);
            break;
        case '&':
            fputs("&amp;", stdout);
            break;
        case '"':
            fputs("&quot;", stdout);
            break;
        default:
            putchar(*text);
        }
    }
}

static void put_case(const fleet_report_t *report, uint32_t i) {
    const fleet_device_t *device = &report->rollout->devices[i];
    printf("  <testcase classname=\"wave %u\" name=\"", device->wave + 1);
    put_xml(report->entries[i].host);
    printf("\" time=\"%" PRId64 "\">", seconds_of(report, i));
    if (fleet_has_failed(device->state)) {
        printf("<failure type=\"%s\" message=\"", fleet_state_name(device->state));
        put_xml(device->reason);
        printf("\"/>");
    } else if (!fleet_has_ended(device->state)) {
        printf("<skipped message=\"%s\"/>", fleet_state_name(device->state));
    }
    printf("</testcase>\n");
}

void fleet_report_junit(const fleet_report_t *report) {
    uint32_t failed = 0, skipped = 0;
    for (uint32_t i = 0; i < report->rollout->count; i++) {
        failed += fleet_has_failed(report->rollout->devices[i].state);
        skipped += !fleet_has_ended(report->rollout->devices[i].state);
    }
    printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"");
    put_xml(report->plan->rollout);
    printf("\" tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\">\n", report->rollout->count, failed, skipped);
    for (uint32_t i = 0; i < report->rollout->count; i++) {
        put_case(report, i);
    }
    printf("</testsuite>\n");
}
