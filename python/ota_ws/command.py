# SPDX-License-Identifier: Apache-2.0
"""The commands of ota-ws, with the same words, last lines and exit codes (docs/cli.md), and the command line."""
import argparse
import os
import sys

from . import __version__
from .address import Address
from .client import tls_context
from .failure import INTERRUPTED, LOCAL, LOGIN, OLD_IMAGE, UNREACHABLE, USAGE, Failure, Interrupts
from .image import Image
from .output import Outcome, Output, print_info
from .password import Password
from .push import push
from .visit import Visit, is_given_up, outcome_after_restart


# ---- commands --------------------------------------------------------------------------------------------------------

def info(visit, _image):
    visit.arrive()
    updates = []
    message = visit.ask('history', 'history')
    while 'index' in message:
        updates.append(message)
        if len(updates) >= message['updates']:
            break
        message = visit.session.wait_for('history')
    print_info(visit.output, visit.host, visit.state, updates)
    return Outcome('running', is_info=True)


def confirm(visit, _image):
    visit.arrive()
    if visit.state['image'] == 'valid':
        return Outcome('rolled_back', OLD_IMAGE) if is_given_up(visit.state) else Outcome('running')
    visit.ask('confirm', 'state')
    while visit.state['image'] != 'valid':
        visit.session.wait_for('state')
    return Outcome('running')


def restart(visit, _image):
    visit.arrive()
    state = visit.state
    is_ready = state['update'] == 'ready'
    starting = (state.get('other_version'), state.get('other_slot')) if is_ready else None
    before = visit.restart('restart', starting)
    if before is None:
        return Outcome('restarting', updated=starting)
    return outcome_after_restart(before, visit.state, before.get('other_slot') if is_ready else None,
                                 before.get('other_elf_sha256'))


def rollback(visit, _image):
    visit.arrive()
    before = visit.restart('rollback')
    if before is None:
        return Outcome('restarting')
    outcome = outcome_after_restart(before, visit.state, before.get('other_slot'), before.get('other_elf_sha256'))
    return outcome if outcome.code else Outcome('rolled_back')


def cancel(visit, _image):
    visit.arrive()
    try:
        visit.session.ask({'type': 'cancel'}, 'done')
    except Failure as failure:
        if failure.name != 'cancelled':
            raise
    return Outcome('running')


COMMANDS = {'info': info, 'push': push, 'confirm': confirm, 'rollback': rollback, 'restart': restart, 'cancel': cancel}
HELP = {'info': 'what runs there, both slots, trial, update under way, the last updates',
        'push': 'check the file, send it, restart into it, say what runs then',
        'confirm': 'end the trial: the running image stays',
        'rollback': 'go back to the image in the other slot',
        'restart': 'restart: into a new image when one is ready',
        'cancel': 'take back an update that is ready and not restarted into'}


# ---- the command line ------------------------------------------------------------------------------------------------

def add_options(parser, command):
    if command == 'push':
        parser.add_argument('file', metavar='FILE', help="the application's .bin file")
    parser.add_argument('hosts', metavar='HOST', nargs='+', help='name, name:port, [ipv6], http(s)://name/path')
    add = parser.add_argument
    add('--password-file', metavar='FILE', help='the password or pairing code is the first line of FILE')
    add('--ca', metavar='FILE', help='https: trust this certificate (PEM), or those it signed')
    add('--insecure', action='store_true', help='https: take any certificate; the password still proves the device')
    add('--retry', metavar='N', type=int, default=5, help='connect again up to N times after a lost connection (5)')
    add('-j', '--json', action='store_true', help='one JSON object a line, on standard output')
    add('-q', '--quiet', action='store_true', help='no progress and no notes, only the result')
    if command in ('push', 'rollback', 'restart'):
        add('--wait', metavar='S', type=int, default=60,
            help='wait up to S seconds for the device to be back (60); --wait=0: do not wait')
    if command == 'push':
        add('--allow-downgrade', action='store_true', help='send it even if its version is lower than what runs')
        add('--force', action='store_true', help='send it even if the device runs it already')
        add('--confirm', action='store_true', help='confirm the new image as soon as it answers')
        add('--no-restart', action='store_true', help='leave the restart to somebody else')
        add('--compress', choices=('auto', 'always', 'never'), default='auto',
            help='auto: when the network is slower than the flash (auto)')
        add('--no-check', action='store_true', help='do not check the file here; the device does in any case')
        add('--keep-going', action='store_true', help='go on with the next device whatever happened')


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and what to type."""

    def error(self, message):
        print("ota-ws: %s.\nnext: '%s --help' shows what there is" % (message, self.prog), file=sys.stderr)
        sys.exit(USAGE)


def parse(words):
    """The options of a command line. Options may stand anywhere behind the command."""
    words = words[1:] + ['--help'] if words[:1] == ['help'] else words
    if words and words[0] in COMMANDS:
        name = words[0]
        parser = Parser(prog='python -m ota_ws ' + name, description=HELP[name], allow_abbrev=False)
        add_options(parser, name)
        options = parser.parse_intermixed_args(['--wait=60' if word == '--wait' else word for word in words[1:]])
        options.command = name
        return options
    rows = ['  %-10s %s' % row for row in HELP.items()]
    parser = Parser(prog='python -m ota_ws', allow_abbrev=False, usage='%(prog)s COMMAND ...',
                    formatter_class=argparse.RawDescriptionHelpFormatter,
                    description='Updates devices that run ota_ws_update, over WebSocket.\n\n' + '\n'.join(rows))
    parser.add_argument('--version', action='version', version='ota-ws-update ' + __version__)
    parser.parse_known_args(words)
    parser.error("there is no command '%s'" % words[0] if words else 'a command is missing')


def serve(command, host, options, output, context, password, image):
    """One command on one device: its Outcome, printed."""
    visit = Visit(host, options, output, context, password)
    try:
        outcome = COMMANDS[command](visit, image)
    except Failure as failure:
        kind = 'unreachable' if failure.code == UNREACHABLE else 'still' if visit.state else 'failed'
        outcome = Outcome(getattr(failure, 'kind', kind), failure.code, failure, getattr(failure, 'updated', None))
    visit.leave()
    output.end_progress()
    output.result(host, outcome, visit.known)
    outcome.is_bad_image = visit.taken and outcome.code != 0
    password.next_device()
    return outcome


def run(options, output):
    """All devices of a command line: the exit code."""
    first, is_stopped, image = 0, False, None
    context = None
    try:
        if options.command == 'push':
            image = Image(options.file, not options.no_check)
    except Failure as failure:
        output.result(None, Outcome('refused', failure.code, failure), None)
        return failure.code
    try:
        context = tls_context(options.ca, options.insecure)
        password = Password(options.password_file)
    except OSError as error:
        output.result(None, Outcome('failed', LOCAL, Failure('bad_ca', 'No certificate can be read from %s: %s.' % (
            options.ca, error.strerror or error))), None)
        return LOCAL
    except Failure as failure:
        output.result(None, Outcome('failed', LOGIN, failure), None)
        return LOGIN
    for host in options.hosts:
        if is_stopped:
            output.result(host, Outcome('not_tried', first), None)
            continue
        outcome = serve(options.command, host, options, output, context, password, image)
        first = first or outcome.code
        is_stopped = outcome.code == INTERRUPTED or outcome.is_bad_image and not getattr(options, 'keep_going', False)
    return first


def main(arguments=None, command="python -m ota_ws {command} {host}"):
    """Reads a command line and obeys it: the exit code. `command` is how a next command is shown."""
    options = parse(list(sys.argv[1:] if arguments is None else arguments))
    if getattr(options, 'wait', 0) < 0 or options.retry < 0:
        print('ota-ws: a number cannot be negative.', file=sys.stderr)
        return USAGE
    try:
        for host in options.hosts:
            Address(host)
    except ValueError as error:
        print('ota-ws: %s' % error, file=sys.stderr)
        return USAGE
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='replace')  # a terminal may lack the letters of a device's name
    handlers = Interrupts.catch()
    try:
        code = run(options, Output(options.json, options.quiet, len(options.hosts) > 1, command))
        sys.stdout.flush()
        return code
    except OSError:  # standard output takes nothing any more, and Python would try once more at its exit: code 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return LOCAL
    finally:
        Interrupts.release(handlers)
