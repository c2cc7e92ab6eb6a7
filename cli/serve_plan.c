// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "fleet_list.h"
#include "fleet_run.h"
#include "serve.h"
#include "text.h"

bool serve_fail(serve_t *serve, exit_code_t code, const char *name, const char *sentence) {
    problem_set(&serve->problem, code, name, "%s", sentence);
    return false;
}

const char *serve_site_of(const serve_t *serve, const fleet_entry_t *entry) {
    const char *site = NULL;
    for (size_t i = 0; i < serve->plan.site_count; i++) {
        if (fleet_entry_has(entry, serve->plan.sites[i])) {
            if (site != NULL) {
                return NULL;
            }
            site = serve->plan.sites[i];
        }
    }
    return site;
}

bool serve_devices_have_sites(serve_t *serve, const fleet_list_t *list) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (serve_site_of(serve, &list->entries[i]) == NULL) {
            problem_set(&serve->problem, EXIT_CODE_FILE_REFUSED, "plan_no_site",
                        "The device '%.160s' needs one label that is a site of the plan.", list->entries[i].host);
            return false;
        }
    }
    return true;
}

// A site is a JetStream domain, and a part of subjects next to those of the hub.
static bool is_site(const char *name) {
    static const char *const taken[] = {"img", "order", "journal"};
    bool is_free = strchr(name, '.') == NULL;
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        is_free &= strcmp(name, taken[i]) != 0;
    }
    return is_free;
}

// The controller cannot ask a device: it may be at the other end of the world.
static bool plan_is_for_sites(serve_t *serve) {
    const fleet_plan_t *plan = &serve->plan;
    if (plan->site_count == 0) {
        return serve_fail(serve, EXIT_CODE_FILE_REFUSED, "plan_missing_member",
                          "\"sites\" is missing: 'fleet serve' needs the names of the sites.");
    }
    for (size_t i = 0; i < plan->site_count; i++) {
        if (!is_site(plan->sites[i])) {
            return serve_fail(serve, EXIT_CODE_FILE_REFUSED, "plan_bad_value",
                              "\"sites\" takes names without dots, and not \"img\", \"order\" or \"journal\".");
        }
    }
    return (!plan->discover && plan->project[0] == '\0' && plan->chip[0] == '\0') ||
           serve_fail(
               serve, EXIT_CODE_FILE_REFUSED, "plan_bad_value",
               "\"select\" with \"discover\", \"project\" or \"chip\" asks the devices, which 'fleet serve' cannot "
               "do. Use \"label\".");
}

bool serve_load(serve_t *serve) {
    serve->has_plan = fleet_plan_load(&serve->plan, serve->arguments->operands[0], &serve->problem);
    if (!serve->has_plan || !plan_is_for_sites(serve)) {
        return false;
    }
    serve->has_firmware = fleet_image_open(&serve->firmware, serve->plan.image, &serve->problem);
    ota_ws_text_hex(serve->sha256, serve->firmware.sha256, OTA_WS_SHA256_SIZE);
    return serve->has_firmware;
}

void serve_adapt_rules(serve_t *serve) {
    fleet_rules_t *rules = &serve->plan.rules;
    rules->at_once = serve->plan.at_once > 0 ? serve->plan.at_once : rules->at_once * (uint32_t)serve->plan.site_count;
    rules->confirmed_elsewhere = true;
    rules->takeover_s = 0; // the gateways see to it
}
