# SPDX-License-Identifier: Apache-2.0
"""`push`: from a file to a device that runs it."""

from .client import upload
from .device_job import outcome_after_restart
from .failure import FILE, INTERRUPTED, REFUSED, UNREACHABLE, Failure
from .image import UNFIT
from .output import Outcome
from .packing import deflate, deflate_members

FLASH_BYTES_PER_S, TCP_WINDOW = 260000, 5760  # W25Q32JV; ESP-IDF's default: so much travels in one round trip


class Push:
    """One file to one device. `run` begins again after a lost connection, from what the device says of itself then."""

    def __init__(self, job, image):
        self.job, self.image, self.options = job, image, job.options
        self.before = self.updated = None  # state at the first begin; (version, slot, elf_sha256) of what is ready
        self.is_sealed = self.is_declined = self.is_packed = self.from_start = self.is_announced = False
        self.is_entered = False

    def run(self):
        self.job.arrive()
        while True:
            try:
                return self.go_on()
            except Failure as failure:
                try:
                    self.overcome(failure)
                except Failure:
                    if self.is_entered and failure.name in UNFIT:
                        self.leave_recovery()
                    raise

    def overcome(self, failure):
        """Returns when the update can go on; else raises `failure`."""
        job = self.job
        job.output.end_progress()
        if failure.name in UNFIT and not self.options.no_check:
            failure.code = FILE
        if failure.code == INTERRUPTED and job.session and not job.taken:
            self.cancel()
            raise Failure('interrupted', 'Interrupted, the update was cancelled.')
        if failure.name == 'nonsense' and job.session:
            self.cancel()
            raise failure
        if failure.name == 'compression_declined' and not self.is_declined:
            self.is_declined = True
            job.note('the device cannot unpack now: the image is sent as it is')
        elif failure.name == 'digest_mismatch' and failure.resumed and not self.from_start:
            self.from_start = True
            job.note('what the device had kept of an earlier try was damaged: the file is sent from its start')
        elif failure.name != 'restart_pending' or not self.is_ready():
            is_ours = failure.name == 'stalled' or failure.name == 'busy' and job.attempts > 0
            job.wait_to_retry(failure, not job.taken and (is_ours or failure.code == UNREACHABLE))
            job.arrive()

    def cancel(self):
        try:
            self.job.session.send({'type': 'cancel'})
            self.job.session.wait_for('done')
        except Failure:
            pass  # `cancelled`; or the connection is lost, and with it the update

    def is_ready(self):
        state = self.job.state
        return state['update'] == 'ready' and (self.image.is_file_of(state) if 'sha256' in state
                                               else self.image.runs_as(state.get('other_elf_sha256')))

    def go_on(self):
        """Logged in, for the first time or again: how far is the device with this file?"""
        job, image = self.job, self.image
        while job.state['update'] == 'verifying' and image.is_file_of(job.state):
            job.session.wait_for('state')
        state = job.state
        runs = image.runs_as(state.get('elf_sha256')) and state['update'] == 'idle' and not self.options.force
        has_restarted = self.before is not None and state['boot'] != self.before['boot']
        if self.updated and has_restarted:
            return self.finish()
        if self.is_ready():
            self.before = self.before or state
            self.updated = tuple(state.get('other_' + name, '') for name in ('version', 'slot', 'elf_sha256'))
            job.note('%s is verified in %s already: nothing more has to be sent', *self.updated[:2])
            return self.restart()
        if runs and has_restarted:
            self.updated = state['version'], state['slot'], state['elf_sha256']
            return self.finish()
        if runs and not self.before:
            return self.confirm() if state['image'] == 'trial' and self.options.confirm else Outcome('unchanged')
        if not self.before and state.get('mode') == 'application' and not self.options.no_restart and self.options.wait:
            self.enter_recovery()
        self.before = self.before or job.state
        return self.send()

    def enter_recovery(self):
        """The recovery application takes the file."""
        self.is_entered = True
        self.job.restart('restart', into='recovery')
        if self.job.state.get('mode') != 'recovery':
            raise Failure('not_recovered', 'The device has restarted, but its recovery application does not run.')

    def leave_recovery(self):
        """The file was refused, and the application is as it was."""
        try:
            self.job.restart('restart', into='application')
        except Failure:
            pass  # what is told is why the file was refused

    def send(self):
        job = self.job
        packed = self.choose_packing()
        options = {'allow_downgrade': True} if self.options.allow_downgrade else {}
        options.update(deflate_members(job.state) if packed else {})
        self.is_sealed = job.session.seals and not self.options.no_seal
        options.update({'sealed': True} if self.is_sealed else {})
        done = upload(job.session, self.image.data, options, lambda message: self.show(message, packed))
        job.output.end_progress()
        self.updated = done.get('version', ''), done['slot'], done.get('elf_sha256')
        job.note('%s, verified in %s', job.output.meter.summary(), done['slot'])
        return self.restart()

    def choose_packing(self):
        """The compressed file when it is to be sent, b'' when it was not worth it, None when there was no choice."""
        when = self.options.compress
        if when == 'never' or self.is_declined or not self.job.state.get('deflate'):
            return None
        packed = deflate(self.image.data, deflate_members(self.job.state))
        flash_s = len(self.image.data) / FLASH_BYTES_PER_S
        plain_s, packed_s = (max(flash_s, len(data) * self.job.session.round_trip_s / TCP_WINDOW)
                             for data in (self.image.data, packed))
        return packed if when == 'always' or packed_s < plain_s * 0.95 else b''

    def show(self, message, packed):
        """Of `upload`: the device is ready, or has made progress."""
        job, size = self.job, len(self.image.data)
        if message['type'] == 'progress':
            job.output.progress(job.host, message)
            return
        if not self.is_announced:
            self.is_announced = True
            self.announce(packed)
        if message['offset']:
            job.note('going on after %d bytes that the device has already', message['offset'])
        elif job.attempts and self.image.is_encrypted:
            job.note('from the start again: an encrypted image cannot go on in the middle')
        job.output.start_progress(size, message['offset'])

    def announce(self, packed):
        state, size = self.job.state, len(self.image.data)
        self.job.note('%s: %s %s -> %s, %d bytes to %s', state['device'], state['project'], state['version'],
                      self.image.words(), size, state.get('other_slot', ''))
        if packed:
            self.job.note('sent compressed: %d bytes instead of %d (--compress never: as it is)', len(packed), size)
        elif packed is not None:
            self.job.note('sent as it is: the network is as fast as the device writes, compressing would save no '
                          'time')
        if self.is_sealed:
            self.job.note('sealed: nobody else on the network can read the image')
        elif not self.job.address.tls:
            self.job.note('not sealed: everybody on the network can read the image%s', '' if state.get('seals') else
                          ' (this device does not open sealed uploads)')

    def restart(self):
        if self.options.no_restart:
            return Outcome('ready', updated=self.updated)
        if self.job.restart('restart', self.updated[:2]) is None:
            return Outcome('restarting', updated=self.updated)
        return self.finish()

    def finish(self):
        job = self.job
        outcome = outcome_after_restart(self.before, job.state, self.updated[1], self.updated[2])
        if outcome.kind == 'running' and job.state['image'] == 'trial':
            if self.options.confirm:
                return self.confirm()
            if 'trial_left_s' in job.state:
                job.note("on trial for %d s: '%s' keeps it", job.state['trial_left_s'],
                         job.output.command('confirm', job.host))
        return outcome

    def confirm(self):
        try:
            return confirm_on_trial(self.job)
        except Failure as failure:
            if failure.code != REFUSED:
                raise
            return Outcome('running', failure.code, failure)


def confirm_on_trial(job):
    job.ask('confirm', 'state')
    while job.state['image'] == 'trial':
        job.session.wait_for('state')
    return Outcome('running')


def push(job, image):
    return Push(job, image).run()
