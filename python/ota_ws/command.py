# SPDX-License-Identifier: Apache-2.0
"""The commands of ota-ws, with the same words, last lines and exit codes (docs/cli.md)."""
import os
import sys

from . import arguments as words
from .client import tls_context
from .device_job import DeviceJob, is_given_up, outcome_after_restart
from .discover import discover, locate
from .failure import INTERRUPTED, LOCAL, LOGIN, OLD_IMAGE, UNREACHABLE, Failure, Interrupts
from .image import Image
from .output import Outcome, Output, print_device, print_info
from .password import Password
from .push import push


# ---- commands --------------------------------------------------------------------------------------------------------

def ask_history(job):
    """The last updates, the newest first."""
    updates = []
    message = job.ask('history', 'history')
    while 'index' in message:
        updates.append(message)
        if len(updates) >= message['updates']:
            break
        message = job.session.wait_for('history')
    return updates


def ask_logs(job):
    """The last lines of an image that has failed its trial, and that image's digest."""
    message = job.ask('logs', 'logs')
    text, elf_sha256 = message.get('text', ''), message.get('elf_sha256', '')
    while message.get('more'):
        message = job.session.wait_for('logs')
        text += message.get('text', '')
    return text.splitlines(), elf_sha256


def info(job, _image):
    job.arrive()
    updates = ask_history(job)
    lines, elf_sha256 = ask_logs(job) if job.state.get('logs') else ([], '')
    print_info(job.output, job.host, job.state, updates, lines, elf_sha256)
    return Outcome('running', is_info=True)


def confirm(job, _image):
    job.arrive()
    if job.state['image'] == 'valid':
        return Outcome('rolled_back', OLD_IMAGE) if is_given_up(job.state) else Outcome('running')
    job.ask('confirm', 'state')
    while job.state['image'] != 'valid':
        job.session.wait_for('state')
    return Outcome('running')


def restart(job, _image):
    job.arrive()
    state = job.state
    is_ready = state['update'] == 'ready'
    starting = (state.get('other_version'), state.get('other_slot')) if is_ready else None
    before = job.restart('restart', starting, job.options.into)
    if before is None:
        return Outcome('restarting', updated=starting)
    return outcome_after_restart(before, job.state, before.get('other_slot') if is_ready else None,
                                 before.get('other_elf_sha256'))


def rollback(job, _image):
    job.arrive()
    before = job.restart('rollback')
    if before is None:
        return Outcome('restarting')
    outcome = outcome_after_restart(before, job.state, before.get('other_slot'), before.get('other_elf_sha256'))
    return outcome if outcome.code else Outcome('rolled_back')


def cancel(job, _image):
    job.arrive()
    try:
        job.session.ask({'type': 'cancel'}, 'done')
    except Failure as failure:
        if failure.name != 'cancelled':
            raise
    return Outcome('running')


COMMANDS = {'info': info, 'push': push, 'confirm': confirm, 'rollback': rollback, 'restart': restart, 'cancel': cancel}


# ---- all devices of a command line -----------------------------------------------------------------------------------

def serve(command, host, options, output, context, password, image):
    """One command on one device: its Outcome, printed."""
    job = DeviceJob(host, options, output, context, password)
    try:
        locate(job.address, host)
        outcome = COMMANDS[command](job, image)
    except Failure as failure:
        kind = 'unreachable' if failure.code == UNREACHABLE else 'still' if job.state else 'failed'
        outcome = Outcome(getattr(failure, 'kind', kind), failure.code, failure, getattr(failure, 'updated', None))
    job.leave()
    output.end_progress()
    output.result(host, outcome, job.known)
    outcome.is_bad_image = job.taken and outcome.code != 0
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
