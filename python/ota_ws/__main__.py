# SPDX-License-Identifier: Apache-2.0
"""`python -m ota_ws`, or `python path/of/ota_ws` where nothing is installed."""
import os
import sys

if not __package__:
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from ota_ws.command import main  # noqa: E402


def console():
    """The command `ota-ws-update` that pip installs."""
    sys.exit(main(None, 'ota-ws-update {command} {host}', 'ota-ws-update help {command}'))


if __name__ == '__main__':
    sys.exit(main())
