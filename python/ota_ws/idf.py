# SPDX-License-Identifier: Apache-2.0
"""`idf.py ota-push`, `ota-info`, `ota-confirm`, `ota-rollback`.

A project has them by a copy of the file idf_ext.py in the folder above. ESP-IDF 6.0 and later also finds this by
itself in a package that pip has installed (entry point `idf_extension`).
"""
import json
import os
import sys

from .address import Address
from .command import main

FORMS = 'idf.py ota-{command} --host {host}', 'idf.py ota-{command} --help'
DEVICE_OPTIONS = [
    {'names': ['--host'], 'envvar': 'OTA_WS_HOST',
     'help': 'The device: lamp.local, 192.168.1.7, https://lamp.local/ota. Also from OTA_WS_HOST.'},
    {'names': ['--password-file'], 'envvar': 'OTA_WS_PASSWORD_FILE',
     'help': 'The password or pairing code is the first line of this file. Also from OTA_WS_PASSWORD; else it is asked '
             'for.'},
    {'names': ['--ca'], 'help': 'https: trust this certificate (PEM), or those it signed.'},
    {'names': ['--insecure'], 'is_flag': True, 'help': 'https: take any certificate.'}]
PUSH_OPTIONS = [
    {'names': ['--confirm'], 'is_flag': True, 'help': 'Confirm the new image as soon as it answers.'},
    {'names': ['--no-restart'], 'is_flag': True, 'help': 'Leave the restart to somebody else.'},
    {'names': ['--allow-downgrade'], 'is_flag': True, 'help': 'Send it even if its version is lower than what runs.'},
    {'names': ['--force'], 'is_flag': True, 'help': 'Send it even if the device runs it already.'}]
HELP = {'push': 'Build the application and update a device with it over the network.',
        'info': 'Show what a device runs, its slots and its last updates.',
        'confirm': 'End the trial of a new image: it stays.',
        'rollback': 'Go back to the image in the other slot of a device.'}


def application_of(build_dir):
    """The application that a build has made."""
    with open(os.path.join(build_dir, 'project_description.json'), encoding='utf-8') as file:
        return os.path.join(build_dir, json.load(file)['app_bin'])


def check_host(_context, _arguments, tasks):
    """Before anything is built: is there an address?"""
    for task in tasks:
        if not task.name.startswith('ota-') or task.name[len('ota-'):] not in HELP:
            continue
        try:
            Address(task.action_args.get('host') or '')
        except ValueError as error:
            has_host = bool(task.action_args.get('host'))
            print(error if has_host else 'Which device? Say --host NAME, or set OTA_WS_HOST.', file=sys.stderr)
            sys.exit(2)


def obey(action, _context, arguments, **options):
    """One command of ota-ws for idf.py, which ends with its exit code unless all is well."""
    command = action[len('ota-'):]
    words = [command] + ([application_of(arguments.build_dir)] if command == 'push' else []) + [options.pop('host')]
    for name, value in options.items():
        option = '--' + name.replace('_', '-')
        words += [option] if value is True else [option, value] if value else []
    code = main(words, *FORMS)
    if code:
        sys.exit(code)


def action_extensions(_base_actions, _project_path):
    """What idf.py asks an extension for."""
    actions = {}
    for command, text in HELP.items():
        is_push = command == 'push'
        actions['ota-' + command] = {'callback': obey, 'short_help': text, 'help': text,
                                     'options': DEVICE_OPTIONS + (PUSH_OPTIONS if is_push else []),
                                     'dependencies': ['all'] if is_push else []}
    return {'version': '1', 'global_action_callbacks': [check_host], 'actions': actions}
