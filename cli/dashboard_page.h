// SPDX-License-Identifier: Apache-2.0
// The page of the dashboard, as the build has embedded it (dashboard_page.cmake): three gzip files, made by
// web/build.js. They are apart because the page's Content-Security-Policy allows neither a script nor a style inside
// it.
#pragma once

#include <stddef.h>

typedef struct {
    const char *bytes;
    size_t size;
    const char *etag; // with its quotes
} dashboard_file_t;

extern const dashboard_file_t dashboard_html, dashboard_css, dashboard_js;
