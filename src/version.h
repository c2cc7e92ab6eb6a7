// SPDX-License-Identifier: Apache-2.0
// Which of two version strings is the later one.
#pragma once

// Compares by semver.org 2.0.0, section 11, with three liberties that ESP-IDF projects need: a leading "v", missing
// minor or patch numbers (they count as 0), and the suffix of `git describe` ("-12-g0296947", "-dirty"), which means
// commits after the tag. -1, 0 or 1; 2 when one of the two is no such version.
int ota_ws_version_compare(const char *a, const char *b);
