# SPDX-License-Identifier: Apache-2.0
# The extension of a project for ESP-IDF 5.x. From 6.0 on a package that pip has installed needs no such file.
from ota_ws.idf import action_extensions  # noqa: F401
