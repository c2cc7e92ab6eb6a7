#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands for idf.py where ESP-IDF is not installed: it loads the extension of the project in the working directory, takes
options from variables and from the command line, builds what an action depends on, and calls the action."""
import argparse
import os
import subprocess
import sys
import types

sys.path.append(os.getcwd())
from idf_ext import action_extensions  # noqa: E402


def build(folder):
    subprocess.run(['cmake', '-S', '.', '-B', folder], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['cmake', '--build', folder], check=True, stdout=subprocess.DEVNULL)


def main(words):
    extension = action_extensions({}, os.getcwd())
    action = extension['actions'][words[0]]
    parser = argparse.ArgumentParser()
    for option in action['options']:
        kind = {'action': 'store_true'} if option.get('is_flag') else {'default': os.environ.get(option.get('envvar', ''))}
        parser.add_argument(*option['names'], help=option['help'], **kind)
    options = vars(parser.parse_args(words[1:]))
    for callback in extension['global_action_callbacks']:
        callback(None, None, [types.SimpleNamespace(name=words[0], action_args=options)])
    if 'all' in action['dependencies']:
        build('build')
    action['callback'](words[0], None, types.SimpleNamespace(build_dir=os.path.abspath('build')), **options)
    print('Done')


main(sys.argv[1:])
