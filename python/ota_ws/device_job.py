# SPDX-License-Identifier: Apache-2.0
"""`DeviceJob` is one command on one device: it connects, connects again when the link was lost, and waits for a device that
restarts. What went wrong is raised as `Failure`."""
import time

from .address import Address
from .client import Session
from .failure import INTERRUPTED, OLD_IMAGE, UNREACHABLE, Failure, pause
from .output import Outcome

RETURN_EVERY_S = 0.5  # between two looks whether the device is back
BACK_OUTCOMES = ('rolled_back', 'expired', 'aborted', 'lost')


class DeviceJob:
    """One command on one device."""

    def __init__(self, host, options, output, context, password):
        self.host, self.options, self.output = host, options, output
        self.address, self.context, self.password = Address(host), context, password
        self.session, self.known, self.attempts, self.taken = None, None, 0, False

    @property
    def state(self):
        """The newest state that the device has sent, in this session or an earlier one."""
        return self.session.state if self.session and self.session.state else self.known

    def note(self, text, *values):
        self.output.note(self.host, text % values)

    def connect(self):
        self.leave()
        self.session = Session(self.address, self.context, self.password)
        self.known = self.session.state

    def leave(self):
        if self.session:
            self.known = self.state
            self.session.close()
            self.session = None

    def arrive(self):
        while True:
            try:
                return self.connect()
            except Failure as failure:
                self.wait_to_retry(failure, failure.code == UNREACHABLE and self.known)

    def wait_to_retry(self, failure, is_lost):
        """Raises `failure` when trying again makes no sense, or was done often enough."""
        may_help = is_lost or failure.wait_s or failure.name in ('bad_ticket', 'silent')
        if not may_help or self.attempts >= self.options.retry:
            raise failure
        self.leave()
        self.attempts += 1
        pause_s = max(min(8, 2 ** (self.attempts - 1)), failure.wait_s)
        self.note('%s Trying again in %d s (%d of %d).', failure.text, pause_s, self.attempts, self.options.retry)
        pause(pause_s)

    def ask(self, kind, answer):
        """A request on a connection that is made again when it was lost."""
        while True:
            try:
                return self.session.ask({'type': kind}, answer)
            except Failure as failure:
                self.wait_to_retry(failure, failure.code == UNREACHABLE)
                self.arrive()

    def restart(self, kind, starting=None, into=None):
        """Says `restart` or `rollback` and waits for the device to be back. `starting`: (version, slot) of the image
        that it should run then. Returns the state before, or None when nobody waits."""
        try:
            self.session.ask({'type': kind, **({'into': into} if into else {})}, 'restarting')
        except Failure as failure:
            if failure.code == INTERRUPTED:
                raise interrupted_restart(starting, self.state)
            if failure.code != UNREACHABLE:  # most likely the restart itself
                raise
        self.leave()
        self.taken = starting is not None
        if self.options.wait == 0:
            return None
        self.note('restarting into the recovery application ...' if into == 'recovery' else 'restarting ...')
        before = self.known
        try:
            self.await_return(before['boot'])
        except Failure as failure:
            if failure.code == INTERRUPTED:
                raise interrupted_restart(starting, before)
            raise
        return before

    def await_return(self, boot):
        end = time.monotonic() + self.options.wait
        failure = None
        while time.monotonic() < end:
            pause(RETURN_EVERY_S)
            failure = Failure('not_back', 'The device has not come back within %d s.' % self.options.wait)
            try:
                self.connect()
                if self.state['boot'] != boot:
                    return
                failure = Failure('not_restarted', 'The device has not restarted within %d s.' % self.options.wait)
            except Failure as unlucky:
                can_change = unlucky.code == UNREACHABLE or unlucky.wait_s or unlucky.name in ('bad_ticket', 'silent')
                if not can_change:
                    raise
            self.leave()
        raise failure or Failure('not_back', 'The device has not come back within %d s.' % self.options.wait)


def interrupted_restart(starting, before):
    text = 'Interrupted.'
    if starting and starting[0]:
        text = 'Interrupted. %s may be on trial now: unless somebody confirms it, the device goes back to %s.' \
               % (starting[0], before['version'])
    failure = Failure('interrupted', text)
    failure.kind, failure.updated = 'restarting', starting
    return failure


# ---- what became of it -----------------------------------------------------------------------------------------------

def is_given_up(state):
    return state.get('last_outcome') in BACK_OUTCOMES or state.get('other_image') in ('rolled_back', 'aborted')


def outcome_after_restart(before, after, slot, elf_sha256):
    """`slot` and `elf_sha256` are those that should run now; a slot of None: whatever runs is right."""
    digest_fits = not elf_sha256 or elf_sha256 == after.get('elf_sha256', elf_sha256)
    if slot and after['slot'] == slot and digest_fits:
        return Outcome('running')
    by_record = is_given_up(after) and after.get('other_slot') == slot
    from_trial = before['image'] == 'trial' and before['slot'] != after['slot']
    if by_record if slot else from_trial:
        return Outcome('rolled_back', OLD_IMAGE)
    if slot:
        raise Failure('not_taken', 'The device has restarted, but not into the new image.')
    return Outcome('running')
