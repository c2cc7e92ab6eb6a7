# SPDX-License-Identifier: Apache-2.0
"""What ota-ws says: notes, the progress bar, the last line, the table of `info`, JSON. docs/cli.md describes all of it."""
import collections
import json
import shutil
import sys
import textwrap
import time

from .client import printable

IMAGE_WORDS = {'valid': 'confirmed', 'trial': 'on trial',
               'unconfirmed': 'not confirmed, and its bootloader watches over no trial',
               'unwatched': 'without a trial', 'factory': 'the factory image', 'rolled_back': 'rolled back',
               'aborted': 'given up: restarted before it was confirmed', 'none': 'no image'}
UPDATE_WORDS = {'staged': '{to} is ready for a restart', 'trial': '{to} is on trial',
                'confirming': '{to} is being confirmed', 'confirmed': '{to} was confirmed',
                'going_back': '{to} is being rolled back', 'rolled_back': '{to} was rolled back on request',
                'expired': 'nobody confirmed {to} in time',
                'aborted': '{to} restarted ({reset}) before it was confirmed',
                'lost': '{to} did not start, or restarted too early', 'cancelled': '{to} was cancelled',
                'failed': '{to} could not be verified or selected'}
ONCE_MORE = 'the same command again: it goes on where the device stopped'
ADVICE = {
    'on_trial': "'{confirm}' keeps the running firmware, '{rollback}' goes back",
    'restart_pending': "'{restart}' runs the new image, '{cancel}' takes it back",
    'older_version': 'the same command with --allow-downgrade sends it all the same',
    'wrong_password': "compare with the code on the device's console; --password-file or OTA_WS_PASSWORD may be old",
    'not_back': "'{info}' shows what runs when the device is back",
    'not_restarted': "'{restart}' asks for the restart again",
    'no_connection': "'{info}' when the device is on and in this network",
    'no_answer': "'{info}' when the device is on and in this network",
    'not_found': "'{info_address}' with the IP address that the device's console or the router shows",
    'unknown_name': "'{info_address}' with the IP address that the device's console or the router shows",
    'connection_lost': ONCE_MORE, 'link_lost': ONCE_MORE, 'stalled': ONCE_MORE,
    'device_busy': 'the same command again in a minute',
    'busy': "'{info}' shows how far the other update is",
    'not_on_trial': "'{info}' shows what runs",
    'not_taken': "'{info}' shows what runs, and the last updates",
    'no_tls': "'{info_http}' where the device speaks plain http",
    'digest_mismatch': 'the same command again; when it fails again, something on the way changes the data'}
HIDDEN = ('type', 'count', 'mac')


class Outcome:
    """The end of a command on one device. `updated`: (version, slot) of the image that a restart runs."""

    def __init__(self, kind, code=0, failure=None, updated=None, is_info=False):
        self.kind, self.code, self.failure, self.updated, self.is_info = kind, code, failure, updated, is_info


def describe_update(update, prefix=''):
    """Of a `history` message, or of the members of `state` that begin with last_."""
    words = UPDATE_WORDS.get(update.get(prefix + 'outcome'), '')
    return words.format(to=update.get(prefix + 'to', ''), reset=update.get(prefix + 'reset', ''))


def describe(outcome, state):
    """The last line."""
    state = state or {}
    version, slot = state.get('version', ''), state.get('slot', '')
    image = IMAGE_WORDS.get(state.get('image'), state.get('image', ''))
    updated = outcome.updated or ('', '')
    why = ': ' + outcome.failure.text if outcome.failure else ''
    text = {'running': 'running %s from %s, %s' % (version, slot, image),
            'unchanged': 'runs already: %s from %s, %s; nothing was sent' % (version, slot, image),
            'ready': 'still %s; %s is ready in %s and runs after a restart' % (version, updated[0], updated[1]),
            'restarting': 'restarting, not waited for',
            'rolled_back': 'rolled back: running %s from %s' % (version, slot), 'still': 'still ' + version,
            'not_tried': 'not tried'}.get(outcome.kind, outcome.kind)
    given_up = state.get('last_outcome') in ('expired', 'aborted', 'lost')
    if outcome.kind == 'rolled_back' and given_up:
        text += '; ' + describe_update(state, 'last_')
    return printable(text + why)


class Meter:
    """Size, rate and time left of an upload, from what is written in flash."""

    def __init__(self, size, done):
        self.size, self.first, self.done, self.start = size, done, done, time.monotonic()
        self.samples = collections.deque([(self.start, done)])

    def update(self, done):
        self.done = done
        now = time.monotonic()
        self.samples.append((now, done))
        while len(self.samples) > 2 and now - self.samples[0][0] > 3:
            self.samples.popleft()

    def rate(self):
        since, done = self.samples[0]
        return int((self.done - done) / max(0.001, self.samples[-1][0] - since))

    def figures(self):
        rate = self.rate()
        left = -(-(self.size - self.done) // rate) if rate else None
        left_words = '-:-- left' if left is None else '%d:%02d left' % divmod(left, 60)
        percent = self.done * 100 // self.size
        return percent, size_words(self.done), size_words(self.size), rate_words(rate), left_words

    def bar(self, columns):
        figures = ' %3d %%  %7s of %s  %10s  %s' % self.figures()
        room = columns - len(figures) - 2
        if room < 10:
            return figures[1:columns + 1]
        filled = self.done * room // self.size
        return '[%s]%s' % ('#' * filled + '.' * (room - filled), figures)

    def summary(self):
        passed = time.monotonic() - self.start
        rate = int((self.done - self.first) / max(passed, 0.001))
        return '%s in %.1f s, %s' % (size_words(self.done - self.first), passed, rate_words(rate))


def size_words(size):
    return '%d B' % size if size < 1000 else '%d KB' % ((size + 500) // 1000) if size < 10000000 \
        else '%.1f MB' % (size / 1e6)


def rate_words(rate):
    return size_words(rate) + '/s' if rate else '- KB/s'


def columns():
    """Of the terminal. Python before 3.11 says 0 where the terminal does not know."""
    return shutil.get_terminal_size().columns or 80


class Output:
    """Standard output has the last lines and the table of `info`, or with --json everything; standard error the rest."""

    def __init__(self, is_json, is_quiet, has_several, command):
        self.is_json, self.is_quiet, self.has_several, self.form = is_json, is_quiet, has_several, command
        self.has_terminal = not is_json and sys.stderr.isatty()
        self.has_bar, self.shown_at, self.shown_percent, self.meter = False, 0, 0, None

    def command(self, name, host):
        return self.form.format(command=name, host=host)

    def object(self, kind, host, members):
        members = {name: value for name, value in members.items() if value not in (None, '')}
        print(json.dumps({'type': kind, **({'host': host} if host else {}), **members}, ensure_ascii=False,
                         separators=(',', ':')), flush=True)

    def line(self, stream, host, text):
        if self.has_bar:
            sys.stderr.write('\r\033[K')
        text = '%s: %s' % (host, text) if self.has_several and host else text
        if stream.isatty():
            text = textwrap.fill(text, columns(), break_long_words=False)
        print(text, file=stream, flush=True)

    def note(self, host, text):
        if self.is_json and not self.is_quiet:
            self.object('note', host, {'text': text})
        elif not self.is_quiet:
            self.line(sys.stderr, host, printable(text))

    # ---- progress

    def start_progress(self, size, done):
        self.meter, self.shown_at, self.shown_percent = Meter(size, done), 0, 0

    def progress(self, host, message):
        meter = self.meter
        meter.update(message['written'])
        if self.is_quiet or not self.is_due():
            return
        if self.is_json:
            rate = meter.rate()
            left = {'left_s': -(-(meter.size - meter.done) // rate)} if rate else {}
            self.object('progress', host, {'size': meter.size, 'sent': message['sent'], 'received': message['received'],
                                           'written': message['written'], 'rate': rate, **left})
        elif self.has_terminal:
            self.has_bar = True
            sys.stderr.write('\r%s\033[K' % meter.bar(columns() - 1))
            sys.stderr.flush()
        else:
            self.line(sys.stderr, host, '%3d %%, %s of %s, %s, %s' % meter.figures())

    def is_due(self):
        now, percent = time.monotonic(), self.meter.done * 100 // self.meter.size
        if self.is_json or self.has_terminal:
            is_due = now - self.shown_at >= (0.25 if self.is_json else 0.1)
        else:
            is_due = percent // 10 != self.shown_percent // 10
        if is_due or percent == 100 and self.shown_percent < 100:
            self.shown_at, self.shown_percent = now, percent
            return True
        return False

    def end_progress(self):
        if self.has_bar:
            sys.stderr.write('\r%s\033[K\n' % self.meter.bar(columns() - 1))
        self.has_bar = False

    # ---- results

    def advice(self, host, outcome, state):
        text = ADVICE.get(outcome.failure.name, '') if outcome.failure else ''
        if not text and outcome.kind == 'unchanged':
            is_trial = state.get('image') == 'trial'
            text = "'{confirm}' keeps it" if is_trial else 'the same command with --force sends it all the same'
        elif not text and outcome.kind == 'ready':
            text = "'{restart}' runs it, '{cancel}' takes it back"
        elif not text and outcome.kind == 'restarting':
            text = "'{confirm}' keeps it" if outcome.updated else "'{info}' shows what runs"
        commands = {name: self.command(name, host) for name in ('confirm', 'rollback', 'restart', 'cancel', 'info')}
        return text.format(info_address=self.command('info', 'ADDRESS'),
                           info_http=self.command('info', 'http://HOST:PORT'), **commands)

    def result(self, host, outcome, state):
        text, advice = describe(outcome, state), self.advice(host, outcome, state or {}) if host else ''
        if self.is_json:
            names = ('device', 'project', 'version', 'slot', 'image', 'elf_sha256', 'trial_left_s')
            updated = outcome.updated or ('', '')
            self.object('result', host, {
                'outcome': outcome.kind, 'code': outcome.code, 'text': text,
                'error': outcome.failure.name if outcome.failure else None,
                **{name: (state or {}).get(name) for name in names},
                'updated_version': updated[0], 'updated_slot': updated[1], 'next': advice})
        elif not outcome.is_info:
            self.line(sys.stdout, host, text)
            if advice and not self.is_quiet:
                self.line(sys.stderr, host, 'next: ' + advice)


# ---- discover --------------------------------------------------------------------------------------------------------

def print_device(output, device):
    """One that `discover` has found."""
    if output.is_json:
        names = ('name', 'id', 'address', 'port', 'tls', 'path', 'page', 'project', 'version')
        output.object('device', None, {name: getattr(device, name) or None for name in names})
        return
    details = (' ' + device.project if device.project else '') + (' ' + device.version if device.version else '')
    print('%-24s %-12s  %s%s' % (device.name, device.id, device.page, ' ' + details if device.project else details))


# ---- info ------------------------------------------------------------------------------------------------------------

def print_info(output, host, state, updates, lines, elf_sha256):
    """`updates`: `history` messages; `lines`: the last ones of an image that has failed its trial, `elf_sha256` is of it."""
    if output.is_json:
        output.object('state', host, {name: value for name, value in state.items() if name not in HIDDEN})
        for update in updates:
            output.object('update', host, {name: value for name, value in update.items()
                                           if name not in HIDDEN})
        for line in lines:
            output.object('log', host, {'elf_sha256': elf_sha256, 'text': line})
        return
    for label, text in info_rows(host, state, updates):
        print('%-9s %s' % (label, printable(text)))
    if lines:
        print('its last lines:')
    for line in lines:
        print('  | ' + printable(line))


def image_words(state, prefix=''):
    return IMAGE_WORDS.get(state.get(prefix + 'image'), state.get(prefix + 'image', ''))


def info_rows(host, state, updates):
    yield 'device', '%s (%s)' % (state['device'], host)
    yield 'chip', '%s, revision %d.%d' % (state['chip'], *divmod(state.get('revision', 0), 100))
    yield 'runs', '%s %s from %s, %s' % (state['project'], state['version'], state['slot'], image_words(state))
    yield 'built', '%s with ESP-IDF %s' % (state['built'], state['idf'])
    yield 'ELF', '%s... (SHA-256)' % state['elf_sha256']
    if 'signed_by' in state:
        yield 'signed by', '%s... (SHA-256 of the key)' % state['signed_by']
    if 'requires_signed' in state:
        yield 'takes', "images signed with this device's key only"
    if state['image'] == 'trial':
        yield 'trial', 'ends in %d s: then the device goes back, unless it is confirmed' % state['trial_left_s'] \
            if 'trial_left_s' in state else 'without a limit: confirm it or go back'
    yield from other_rows(state)
    yield from update_rows(state)
    for index, update in enumerate(updates):
        yield 'history' if index == 0 else '', describe_update(update)
        when = time.strftime(' on %Y-%m-%d %H:%M UTC', time.gmtime(update['when'])) if 'when' in update else ''
        peer = ' by %s' % update['peer'] if 'peer' in update else ''
        yield '', 'sent%s%s over %s' % (when, peer, update.get('from', ''))


def other_rows(state):
    if 'other_slot' not in state:
        yield 'other', 'none: this device has no slot for an update'
        return
    if 'other_version' in state:
        yield 'other', '%s %s in %s, %s' % (state.get('other_project', ''), state['other_version'],
                                            state['other_slot'], image_words(state, 'other_'))
    else:
        yield 'other', '%s holds no valid image' % state['other_slot']
    yield 'room', '%d bytes for an update%s%s' % (state.get('slot_size', 0), ', which must be encrypted' if
                                                  'encrypted' in state else '', '; a rollback is possible' if
                                                  'can_roll_back' in state else '')


def update_rows(state):
    peer, update = state.get('peer'), state['update']
    if update == 'receiving':
        yield 'update', 'receiving%s: %d of %d bytes written' % (' by %s' % peer if peer else '',
                                                                 state.get('written', 0), state.get('size', 0))
    elif update == 'ready':
        yield 'update', 'ready%s: a restart runs it' % (', sent by %s' % peer if peer else '')
    elif 'kept' in state:
        yield 'update', 'unfinished: %d of %d bytes of %s %s are kept' % (
            state['kept'], state.get('kept_size', 0), state.get('kept_project', ''), state.get('kept_version', ''))
        yield '', 'push the same file to go on (its SHA-256: %s...)' % state.get('kept_sha256', '')
    else:
        yield 'update', update
