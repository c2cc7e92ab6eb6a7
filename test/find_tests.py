#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finds the tests that `make test T=name N='part of a name'` means, and prints one line for each: kind, name, path.
T is a part of the path of a test file, or of the name of another test (cuts, border ...). The whole name of a file or a
folder is preferred: T=page means page.test.js, and not attack_page.test.js. N is a part of the name of a test inside the file. Words of N may be
separated by spaces or by underscores. When nothing matches: prints near names and ends with 1.
The names of the tests that CMake defines without a file of their own come in on the standard input, one on a line.
usage: test/find_tests.py T [N]
"""
import difflib
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
PROGRAMS = ['border', 'cuts', 'faults', 'fleet_search', 'format', 'safeguards', 'states', 'types']
NAMES = {  # how the name of a test is written in a file of this kind
    'unit': re.compile(r'cmocka_unit_test\w*\((\w+)'),
    'node': re.compile(r'''^\s*(?:test|visit\w*)\(\s*(['"`])(.*?)\1''', re.M),
    'python': re.compile(r'def (test_\w+)'),
}


def kind_of(path):
    """unit, node or python for a file with tests; else None."""
    folder, name = path.split(os.sep)[1], os.path.basename(path)
    if folder == 'unit' and name.startswith('test_') and name.endswith('.c'):
        return 'unit'
    if folder in ('web', 'e2e', 'cases') and name.endswith('.test.js'):
        return 'node'
    if folder == 'python' and name.startswith('test_') and name.endswith('.py'):
        return 'python'
    return None


def esp_source(target):
    """The file of a test that CMake builds in more than one way: test_esp_glue_5 is made of test_esp_glue.c."""
    if target == 'test_esp_inflate':
        return 'test/unit/flow/test_deflate.c'
    return f"test/esp/{target.rsplit('_', 1)[0]}.c"


def candidates(targets):
    """All tests as (kind, name, path)."""
    found = []
    for folder, _, names in os.walk(os.path.join(ROOT, 'test')):
        for path in (os.path.relpath(os.path.join(folder, name), ROOT) for name in names):
            if 'node_modules' not in path and path.count(os.sep) > 1 and kind_of(path):
                found.append((kind_of(path), os.path.basename(path).split('.')[0], path))
    for target in targets:
        if target.startswith('test_esp_'):
            found.append(('unit', target, esp_source(target)))
        elif target.startswith('replay_'):
            found.append(('program', target, f"fuzz/corpus/{target[len('replay_'):]}"))
    return sorted(found) + [('program', name, '') for name in PROGRAMS]


def whole_names(test):
    """What a test may be called without leaving anything out: its name, its file, the folders of its file."""
    _, name, path = test
    return [name, re.sub('^(test|replay)_', '', name)] + path.split(os.sep)[1:]


def by_name(tests, part):
    """The tests with this name, or else those whose path or name has this part."""
    whole = [test for test in tests if part in whole_names(test)]
    return whole or [test for test in tests if part in test[2] or part in test[1]]


def plain(name):
    return re.sub(r'[\s_]+', ' ', name).strip().lower()


def may_be(name, part):
    """Is this a part of the name? Of a name that is made while the tests run (${...}), one word is enough."""
    if plain(part) in plain(name):
        return True
    words = set(re.sub(r'\$\{.*?\}', ' ', plain(name)).split())
    return '${' in name and any(len(word) > 3 and word in words for word in plain(part).split())


def names_in(test):
    """The names of the tests in a file, and its text: names may also come from a table in it."""
    kind, _, path = test
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        text = file.read()
    names = [match if isinstance(match, str) else match[1] for match in NAMES[kind].findall(text)]
    return names, text


def by_inner_name(tests, part):
    """The tests that have, or may have, a test inside with this part of a name; and all names that were seen."""
    found, seen = [], []
    for test in tests:
        if test[0] not in NAMES:
            continue
        names, text = names_in(test)
        seen += names
        if any(may_be(name, part) for name in names) or plain(part) in plain(text):
            found.append(test)
    return found, seen


def complain(sentence, part, names):
    print(sentence, file=sys.stderr)
    names = list(dict.fromkeys(names))
    near = difflib.get_close_matches(part, names, 8, 0.45)
    words = [word for word in re.split(r'[\s_./]+', part.lower()) if len(word) > 2 and word != 'test']
    near += [name for name in names if name not in near and any(word in name.lower() for word in words)]
    for name in (near or sorted(names))[:12]:
        print(f'  {name}', file=sys.stderr)
    return 1


def main():
    part, inner = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ''
    targets = [] if sys.stdin.isatty() else sys.stdin.read().split()
    tests = candidates(targets)
    found = by_name(tests, part)
    if not found:
        return complain(f"No test has '{part}' in its path. Near names:", part, [test[1] for test in tests])
    if inner:
        found, seen = by_inner_name(found, inner)
        if not found:
            return complain(f"No test in the files of T={part} has '{inner}' in its name. Near names:", inner, seen)
    for kind, name, path in found:
        print(kind, name, path)
    return 0


sys.exit(main())
