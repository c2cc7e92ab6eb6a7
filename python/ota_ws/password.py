# SPDX-License-Identifier: Apache-2.0
"""Where the password or pairing code comes from: never from an argument, which all users of a machine see."""
import getpass
import os
import sys

from .failure import Failure, Interrupts


class Password:
    """Of --password-file or OTA_WS_PASSWORD for all devices; else what is typed, for each device."""

    def __init__(self, path):
        self.text = os.environ.get('OTA_WS_PASSWORD') if path is None else self.load(path)
        self.given = self.text is not None
        if self.given:
            self.text = (self.text.splitlines() or [''])[0]
            self.check()

    @property
    def known(self):
        return self.text is not None

    @staticmethod
    def load(path):
        try:
            with open(path, 'rb') as file:
                data = file.read(4096)
        except OSError as error:
            raise Failure('no_password', 'The password file %s cannot be read: %s.' % (path, error.strerror))
        if not data:
            raise Failure('no_password', 'The password file %s cannot be read: it is empty.' % path)
        if data.startswith((b'\xef\xbb\xbf', b'\xff\xfe', b'\xfe\xff')):
            raise Failure('byte_order_mark', 'The password file %s begins with a byte order mark (BOM). Save it as '
                                             'plain text without one.' % path)
        return data.decode('latin-1')

    def check(self):
        if not 4 <= len(self.text) <= 64 or not all(' ' <= letter <= '~' for letter in self.text):
            self.text = None
            raise Failure('bad_password', 'A password has 4 to 64 printable ASCII characters; this one cannot be right.')

    def read(self, address):
        if self.text is None:
            self.ask(address)
            self.check()
        return self.text

    def ask(self, address):
        if not has_terminal():
            raise Failure('no_password', 'The device asks for a password. Give it with --password-file or in '
                                         'OTA_WS_PASSWORD.')
        Interrupts.typing = True
        try:
            self.text = getpass.getpass('Password or pairing code of %s: ' % address.host_header(address.name))
        except (EOFError, KeyboardInterrupt):
            raise Failure('interrupted', 'Interrupted before a password was given.')
        finally:
            Interrupts.typing = False

    def next_device(self):
        if not self.given:
            self.text = None


def has_terminal():
    try:
        return os.name == 'nt' and sys.stdin.isatty() or bool(os.close(os.open('/dev/tty', os.O_RDWR)) is None)
    except OSError:
        return False
