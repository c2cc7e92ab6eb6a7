// SPDX-License-Identifier: Apache-2.0
// Which of two version strings is the later one.
//
// The rule: semver.org 2.0.0, clauses 9 to 11, read more liberally where ESP-IDF projects need it.
// - A leading "v" does not count. Missing minor and patch numbers are 0. Zeros before a number do not count.
// - ESP-IDF's default version is `git describe --always --tags --dirty`. "-12-g0296947" at the end are commits after
//   the tag: v1.0.0-rc.1 < v1.0.0-rc.1-12-g0296947 < v1.0.0-rc.2 < v1.0.0. "-dirty" does not count, nor does the hash,
//   which may be cut off: the field of the image holds 31 characters.
// - Seven digits alone are the hash of a commit without a tag before it, and no version.
#pragma once

// -1, 0 or 1; 2 when one of the two is no version.
int ota_ws_version_compare(const char *a, const char *b);
