# SPDX-License-Identifier: Apache-2.0
"""The command line: its words once, and how they are read. The sentences about wrong words are those of ota-ws
(cli/arguments.c); a test compares both programs."""
import os
import re
import shutil
import textwrap
import types

from . import __version__
from .address import Address
from .failure import USAGE

DEVICES, RESTARTS, PUSH, RESTART, DISCOVER, ALL = 'devices', 'restarts', 'push', 'restart', 'discover', 'all'

# name: operands, groups of options, what it does
COMMANDS = {
    'discover': ('', (DISCOVER, ALL), 'which devices are on this network'),
    'info': ('HOST...', (DEVICES, ALL), 'what runs there, both slots, trial, update, the last updates'),
    'push': ('FILE HOST...', (PUSH, RESTARTS, DEVICES, ALL), 'update: send the image, restart, say what runs then'),
    'confirm': ('HOST...', (DEVICES, ALL), 'keep the firmware that is on trial'),
    'rollback': ('HOST...', (RESTARTS, DEVICES, ALL), 'go back to the image in the other slot'),
    'restart': ('HOST...', (RESTART, RESTARTS, DEVICES, ALL), 'restart, into a new image if one is ready'),
    'cancel': ('HOST...', (DEVICES, ALL), 'take back an update that is ready and not restarted into'),
    'help': ('[COMMAND]', (), 'this, or all about one command')}

# name, group, value ('': none; in brackets: may be left out), sentence; in the order of the help
OPTIONS = (
    ('allow-downgrade', PUSH, '', 'send it even if its version is lower than what runs'),
    ('force', PUSH, '', 'send it even if the device runs it already'),
    ('confirm', PUSH, '', 'confirm the new image as soon as it answers'),
    ('no-restart', PUSH, '', "leave the restart to somebody else ('restart')"),
    ('compress', PUSH, 'WHEN', 'compressed: always, never, or auto, which is when the network is slower than the flash '
                               '(auto)'),
    ('no-seal', PUSH, '', 'over http: send it so that everybody on the network can read it'),
    ('no-check', PUSH, '', 'do not check the file here; the device does in any case'),
    ('keep-going', PUSH, '', 'go on with the next device whatever happened'),
    ('into', RESTART, 'WHAT', 'recovery, or application: of a device that has a recovery application'),
    ('wait', RESTARTS, '[S]', 'wait up to S seconds for the device to be back (60); --wait=0: do not wait'),
    ('wait', DISCOVER, '[S]', 'look for S seconds (2)'),
    ('password-file', DEVICES, 'FILE', 'the password or pairing code is the first line of FILE'),
    ('ca', DEVICES, 'FILE', 'https: trust this certificate (PEM), or those it signed'),
    ('insecure', DEVICES, '', 'https: take any certificate; the password still proves the device'),
    ('retry', DEVICES, 'N', 'connect again up to N times after a lost connection (5)'),
    ('json', ALL, '', 'one JSON object a line, on standard output'),
    ('quiet', ALL, '', 'no progress and no notes, only the result'))
EVERYWHERE = {'help': 'all about this command', 'version': 'the release of this program'}
LETTERS = {'j': 'json', 'q': 'quiet', 'h': 'help', 'V': 'version'}
NAMES = [option[0] for option in OPTIONS] + list(EVERYWHERE)
VALUES = {option[0]: option[2] for option in OPTIONS}
DEFAULTS = {**{name.replace('-', '_'): None if VALUES.get(name) else False for name in NAMES},
            'compress': 'auto', 'retry': 5, 'wait': 60, 'search': 2, 'file': None, 'hosts': []}
NUMBER_MAX = 86400

OTHER_WORDS = {
    'push': 'upload flash update send ota', 'info': 'status state show history', 'discover': 'list find scan search',
    'restart': 'reboot reset', 'cancel': 'abort stop', 'rollback': 'undo revert back',
    'confirm': 'keep accept commit', '--version': 'version'}
OF_OTA_WS = ('crash', 'prepare', 'inspect', 'keygen', 'encrypt', 'fleet', 'mqtt')


class UsageError(Exception):
    """A command line that makes no sense. `topic`: the command whose help says more, or ''."""

    def __init__(self, text):
        super().__init__(text)
        self.text, self.topic = text, ''


# ---- what may be meant -----------------------------------------------------------------------------------------------

def distance(one, other):
    """Letters to change, to add, to leave out, or pairs of neighbours to exchange."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, rows[i - 2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def suggest(word, words):
    """The word that comes nearest; None when none comes near."""
    near = [(distance(word.lower(), other.lower()), index) for index, other in enumerate(words)] if len(word) <= 32 else []
    apart, index = min(near, default=(len(word), 0))
    return words[index] if near and apart <= len(word) // 3 + 1 else None


def no_command(word):
    meant = next((name for name, others in OTHER_WORDS.items() if word.lower() in others.split()), None) \
        or suggest(word, list(COMMANDS))
    if word in OF_OTA_WS:
        return UsageError("'%s' is a command of the program ota-ws. This client has it not." % word)
    return UsageError("There is no command '%.60s'.%s" % (word, " Did you mean '%s'?" % meant if meant else ''))


def no_option(written):
    word = written.partition('=')[0][:47]
    if word.lower() == '--password' or word == '-p':
        return UsageError("There is no option '%s': arguments are seen by all users of a machine. Use --password-file "
                          'FILE, or the variable OTA_WS_PASSWORD.' % word)
    meant = suggest(word[2:], NAMES) if word.startswith('--') else None
    return UsageError("There is no option '%s'. Did you mean '--%s'?" % (word, meant) if meant else
                      "There is no option '%s' here." % word)


# ---- reading ---------------------------------------------------------------------------------------------------------

def number_of(text):
    if not re.fullmatch('[0-9]+', text) or int(text) > NUMBER_MAX:
        raise UsageError("'%.40s' is not a number from 0 to 86400." % text)
    return int(text)


class Reader:
    """Takes words one by one. Options may stand anywhere; behind "--" there are none."""

    def __init__(self, words):
        self.words, self.operands, self.seen = list(words), [], []
        self.options = types.SimpleNamespace(**DEFAULTS, is_wait_open=False)

    def read(self):
        before = self.words[:self.words.index('--')] if '--' in self.words else self.words
        for word in before:
            if word.startswith('--') and word[2:].partition('=')[0] not in NAMES:
                raise no_option(word)
        while self.words:
            word = self.words.pop(0)
            if word == '--':
                self.operands += self.words
                break
            if word.startswith('--'):
                self.take_long(word)
            elif word.startswith('-') and len(word) > 1:
                self.take_letters(word)
            else:
                self.operands.append(word)

    def take_letters(self, word):
        for letter in word[1:]:
            if letter not in LETTERS:
                raise no_option('-' + letter)
            self.take(LETTERS[letter], None)

    def take_long(self, word):
        name, equals, value = word[2:].partition('=')
        form = VALUES.get(name, '')
        if equals and not form:
            raise UsageError("The option '--%s' takes no value." % name)
        if not equals and form and not form.startswith('['):
            if not self.words:
                raise UsageError("The option '--%s' needs a value." % name)
            equals, value = '=', self.words.pop(0)
        self.take(name, value if equals else None)

    def take(self, name, value):
        self.seen.append(name)
        options = self.options
        if name == 'wait':
            options.is_wait_open = value is None
            if value is not None:
                options.wait = options.search = number_of(value)
        elif name == 'retry':
            options.retry = number_of(value)
        elif name == 'compress' and value not in ('auto', 'always', 'never'):
            raise UsageError("--compress is auto, always or never, not '%.40s'." % value)
        elif name == 'into' and value not in ('recovery', 'application'):
            raise UsageError("--into is recovery or application, not '%.40s'." % value)
        else:
            setattr(options, name.replace('-', '_'), True if value is None else value)


def check_options(name, seen, options):
    groups = COMMANDS[name][1]
    for option in NAMES:
        of = [one[1] for one in OPTIONS if one[0] == option]
        if option in seen and of and not set(of) & set(groups):
            known_to = ', '.join("'%s'" % other for other, words in COMMANDS.items() if of[0] in words[1])
            raise UsageError("The option --%s means nothing to '%s'; it belongs to %s." % (option, name, known_to))
    if options.no_restart and options.confirm:
        raise UsageError('--no-restart and --confirm do not go together.')
    if options.confirm and options.wait == 0:
        raise UsageError('--confirm waits for the new image; --wait=0 does not.')


def take_operands(name, options, operands):
    forms, rest = COMMANDS[name][0], list(operands)
    if 'FILE' in forms and not rest:
        raise UsageError("'%s' needs a file." % name)
    options.file = rest.pop(0) if 'FILE' in forms else None
    if 'HOST' in forms and not rest:
        raise UsageError(("'%s' needs the address of a device too: FILE HOST." if options.file is not None else
                          "'%s' needs the address of a device.") % name)
    if 'HOST' in forms:
        options.hosts, rest = rest, []
    if name == 'discover' and options.is_wait_open and rest:  # "--wait 3"
        options.search = number_of(rest.pop(0))
    if name == 'help' and rest:
        options.topic = rest.pop(0)
    if rest:
        raise UsageError("'%.60s' is one argument too many." % rest[0])


def check_order(options, form):
    """`push lamp.local app.bin`: the file stands where a device should."""
    file = options.file
    if file is None or os.path.isfile(file) or len(file) > 4 and file.lower().endswith('.bin'):
        return
    for host in options.hosts:
        if os.path.isfile(host):
            right = form.format(command='push', host='%.80s %.80s' % (host, file))
            raise UsageError("'%.80s' is a file: the file comes first. Did you mean '%s'?" % (host, right))


def parse(words, form):
    """The options of a command line, among them `command` and, of `help`, `topic`. `form` is how a command is shown."""
    reader = Reader(words)
    first = words[0] if words and words[0] in COMMANDS and words[0] != 'help' else ''
    name = ''
    try:
        reader.read()
        name = reader.operands[0] if reader.operands else ''
        return interpret(reader, name, form)
    except UsageError as error:
        error.topic = name if name in COMMANDS and name != 'help' else first if not name else ''
        raise
    except ValueError as error:  # of Address
        refusal = UsageError(str(error))
        refusal.topic = name
        raise refusal


def interpret(reader, name, form):
    options, seen = reader.options, reader.seen
    options.topic = ''
    options.command = 'version' if 'version' in seen else 'help' if 'help' in seen else name
    if 'version' in seen or 'help' in seen and not name:
        return options
    if not name:
        raise UsageError('A command is missing.')
    if name not in COMMANDS:
        raise no_command(name)
    if 'help' in seen:
        options.topic = name if name != 'help' else ''
        return options
    check_options(name, seen, options)
    take_operands(name, options, reader.operands[1:])
    check_order(options, form)
    for host in options.hosts:
        Address(host)
    return options


# ---- help ------------------------------------------------------------------------------------------------------------

def entry(name, sentence):
    lines = textwrap.wrap(sentence, 56) or ['']
    name = '  %-22s' % name
    first = [name + lines[0]] if len(name) <= 24 else [name, ' ' * 24 + lines[0]]
    return '\n'.join(first + [' ' * 24 + line for line in lines[1:]])


def option_form(name, value):
    letter = next(('-%s, ' % letter for letter, other in LETTERS.items() if other == name), '')
    return letter + '--' + name + ('[=%s]' % value[1:-1] if value.startswith('[') else ' ' + value if value else '')


def help_text(topic, program):
    """All about one command, or about all of them."""
    if not topic:
        rows = [entry(('%s %s' % (name, words[0])).rstrip(), words[2]) for name, words in COMMANDS.items()]
        return '\n'.join(
            ['%s: updates ESP32 devices that run ota_ws_update, over WebSocket.' % program, '',
             'usage: %s COMMAND [OPTIONS] ...' % program, '', *rows, '',
             "HOST is 192.168.1.7, a name, name:port, the page's address, https://name/ota,",
             "or what 'discover' found: lamp.local, or the id of a device.",
             'The password comes from --password-file, from the variable OTA_WS_PASSWORD, or',
             'is asked for. It is never an argument.'])
    operands, groups, summary = COMMANDS[topic]
    rows = [entry(option_form(name, value), text) for name, group, value, text in OPTIONS if group in groups]
    rows += [entry(option_form(name, ''), text) for name, text in EVERYWHERE.items() if groups]
    usage = ('usage: %s %s %s%s' % (program, topic, '[OPTIONS] ' if groups else '', operands)).rstrip()
    return '\n'.join([usage] + (['', summary[0].upper() + summary[1:] + '.', ''] + rows if groups else []))


def version_text():
    return 'ota-ws-update %s (protocol version 1)' % __version__


def usage_code(error, stream, help_form):
    """Says what is wrong with a command line: the exit code."""
    columns = shutil.get_terminal_size().columns or 80
    pointer = "next: '%s' shows what there is" % help_form.format(command=error.topic).rstrip()
    for text in ('ota-ws: ' + error.text, pointer):
        print(textwrap.fill(text, columns, break_long_words=False) if stream.isatty() else text, file=stream)
    return USAGE
