# SPDX-License-Identifier: Apache-2.0
# Copy this file beside the CMakeLists.txt of your project: then idf.py has ota-push, ota-info, ota-confirm and
# ota-rollback (ESP-IDF 5.1 and later). The package is taken from where the component is, or where pip has installed it.
import glob
import os
import sys

sys.path += glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), '*components', '*ota_ws_update', 'python'))

from ota_ws.idf import action_extensions  # noqa: E402, F401
