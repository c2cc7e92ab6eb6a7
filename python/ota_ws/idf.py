# SPDX-License-Identifier: Apache-2.0
"""`idf.py ota-push`, `ota-info`, `ota-confirm`, `ota-rollback`.

ESP-IDF 6.0 and later finds this by itself in a package that pip has installed (entry point `idf_extension`). Before
that a project needs a file `idf_ext.py`:

    from ota_ws.idf import action_extensions
"""
import json
import os
import sys

from .command import main

NEXT = 'idf.py ota-{command} --host {host}'
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


def obey(action, _context, arguments, **options):
    """One command of ota-ws for idf.py, which ends with its exit code unless all is well."""
    host = options.pop('host', None)
    if not host:
        print('Which device? Say --host NAME, or set OTA_WS_HOST.', file=sys.stderr)
        sys.exit(2)
    command = action[len('ota-'):]
    words = [command] + ([application_of(arguments.build_dir)] if command == 'push' else []) + [host]
    for name, value in options.items():
        option = '--' + name.replace('_', '-')
        words += [option] if value is True else [option, value] if value else []
    code = main(words, NEXT)
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
    return {'version': '1', 'actions': actions}
