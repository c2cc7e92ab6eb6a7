# SPDX-License-Identifier: Apache-2.0
"""The commands of ota-ws, with the same words, last lines and exit codes (docs/cli.md)."""
import os
import sys

from . import arguments as words
from .client import tls_context
from .discover import discover, locate
from .failure import INTERRUPTED, LOCAL, LOGIN, OLD_IMAGE, UNREACHABLE, Failure, Interrupts
from .image import Image
from .output import Outcome, Output, print_device, print_info
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
    before = visit.restart('restart', starting, visit.options.into)
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


# ---- all devices of a command line -----------------------------------------------------------------------------------

def serve(command, host, options, output, context, password, image):
    """One command on one device: its Outcome, printed."""
    visit = Visit(host, options, output, context, password)
    try:
        locate(visit.address, host)
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
        is_stopped = outcome.code == INTERRUPTED or outcome.is_bad_image and not options.keep_going
    return first


def look_around(options, output):
    """`discover`: the exit code."""
    try:
        for device in discover(options.search):
            print_device(output, device)
        return 0
    except Failure as failure:
        kind = 'unreachable' if failure.code == UNREACHABLE else 'failed'
        output.result(None, Outcome(kind, failure.code, failure), None)
        return failure.code


def show(options, program):
    """`help` and `--version`."""
    if options.command == 'version':
        print(words.version_text())
    elif options.topic and options.topic not in words.COMMANDS:
        raise words.no_command(options.topic)
    else:
        print(words.help_text(options.topic, program))
    return 0


def obey(options, form):
    """A command line that makes sense: the exit code."""
    if options.command in ('help', 'version'):
        return show(options, form.partition(' {command}')[0])
    output = Output(options.json, options.quiet, len(options.hosts) > 1, form)
    return look_around(options, output) if options.command == 'discover' else run(options, output)


def main(arguments=None, form='python -m ota_ws {command} {host}', help_form='python -m ota_ws help {command}'):
    """Reads a command line and obeys it: the exit code. `form` is how a next command is shown, `help_form` its help."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='replace')  # a terminal may lack the letters of a device's name
    handlers = Interrupts.catch()
    try:
        code = obey(words.parse(sys.argv[1:] if arguments is None else arguments, form), form)
        sys.stdout.flush()
        return code
    except words.UsageError as error:
        return words.usage_code(error, sys.stderr, help_form)
    except OSError:  # standard output takes nothing any more, and Python would try once more at its exit: code 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return LOCAL
    finally:
        Interrupts.release(handlers)
