# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, with the names and exit codes of docs/cli.md; and Ctrl-C, which ends what is done as a failure does."""
import os
import signal
import time

LOCAL, USAGE, FILE, REFUSED, UNREACHABLE, LOGIN, OLD_IMAGE, INTERRUPTED = 1, 2, 3, 4, 5, 6, 7, 130
CODES = {
    LOCAL: 'bad_ca no_network', INTERRUPTED: 'interrupted', OLD_IMAGE: 'not_taken not_restarted', FILE: 'cannot_read',
    UNREACHABLE: 'not_found unknown_name no_connection no_answer no_tls untrusted no_device redirected http_login '
                 'http_forbidden headers_too_long proxy_error http_error wrong_version nonsense connection_lost not_back',
    LOGIN: 'no_password bad_password byte_order_mark no_login bad_challenge device_not_proved bad_mac wrong_password '
           'try_later login_busy bad_login'}
CODE_OF = {name: code for code, names in CODES.items() for name in names.split()}


class Failure(Exception):
    """What went wrong: a name that never changes, and a sentence for people."""

    def __init__(self, name, text, wait_s=0):
        super().__init__(text)
        self.name, self.text, self.wait_s = name, text, wait_s
        self.code = CODE_OF.get(name, REFUSED)
        self.resumed = False


class Interrupts:
    """Ctrl-C is noted, and ends what is done between two frames. A second one leaves at once."""
    seen = pending = typing = False

    @classmethod
    def catch(cls):
        """Takes the signals over. Returns what release() needs."""
        cls.seen = cls.pending = False
        numbers = [getattr(signal, name) for name in ('SIGINT', 'SIGTERM', 'SIGHUP') if hasattr(signal, name)]
        return [(number, signal.signal(number, cls.came)) for number in numbers]

    @staticmethod
    def release(handlers):
        for number, handler in handlers:
            signal.signal(number, handler or signal.SIG_DFL)

    @classmethod
    def came(cls, _number, _frame):
        if cls.typing:
            raise Failure('interrupted', 'Interrupted before a password was given.')
        if cls.seen:
            os._exit(INTERRUPTED)
        cls.seen = cls.pending = True

    @classmethod
    def check(cls):
        if cls.pending:
            cls.pending = False
            raise Failure('interrupted', 'Interrupted.')


def pause(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        Interrupts.check()
        time.sleep(max(0, min(0.2, end - time.monotonic())))
