# SPDX-License-Identifier: Apache-2.0
import sys

from .command import main


def console():
    """The command `ota-ws-update` that pip installs."""
    sys.exit(main(command='ota-ws-update {command} {host}'))


if __name__ == '__main__':
    sys.exit(main())
