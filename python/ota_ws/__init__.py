# SPDX-License-Identifier: Apache-2.0
"""Updates ESP32 devices that run ota_ws_update."""
__version__ = '0.1.0'
