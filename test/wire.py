#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what is made from src/schema.def, the table of the wire, for those who cannot include it as C does: the types of
the page, the tables of docs/protocol.md, the dictionary of the fuzzers.
usage: test/wire.py [--check]    --check writes nothing, names each file that is not as it would be written; exit code 1.
"""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..')
ROW = re.compile(r'^([A-Z_]+)\(((?:"(?:[^"\\]|\\.)*"|[^")])*)\)', re.M)
WORDS = {'IMAGE': 'image', 'UPDATE': 'update', 'OUTCOME': 'outcome', 'RESET': 'reset'}
STATES = {'NEW': 'first of all', 'LOGIN': 'after `challenge`', 'WELCOME': 'after `welcome`'}
OPTIONAL = {'MAY', 'TRUE', 'TEXT_OR_NONE', 'POINTER_OR_NONE', 'NUMBER_OR_NONE', 'ADDRESS', 'RESET', 'SENTENCE'}


# ---- reading

def split(arguments):
    """The arguments of a row: words, and C strings joined."""
    parts = re.findall(r'((?:"(?:[^"\\]|\\.)*"\s*)+|[^,"]+)(?:,\s*|$)', arguments)
    return [''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', part)) if part.startswith('"') else part.strip() for part in parts]


def read_rows(text):
    """(macro, arguments, text of the comment right above) of each row."""
    rows = []
    for found in ROW.finditer(text):
        comment = re.search(r'((?:^//[^\n]*\n)*)\Z', text[:found.start()], re.M)[1]
        rows.append((found[1], split(found[2]), ' '.join(line[2:].strip() for line in comment.splitlines())))
    return rows


class Member:
    def __init__(self, name, kind, is_optional, text):
        self.name, self.kind, self.is_optional, self.text = name, kind, is_optional, text

    def type(self, words):
        if self.kind in WORDS:
            return ' | '.join(f"'{word}'" for word in words[self.kind])
        return {'NUMBER': 'number', 'NUMBER_OR_NONE': 'number', 'TRUE': 'boolean'}.get(self.kind, 'string')

    def value(self):
        """What stands in the document."""
        digits = re.fullmatch(r'DIGITS(\d*)', self.kind)
        if digits:
            return f'{2 * int(digits[1])} hex digits' if digits[1] else 'hex digits'
        return {'NUMBER': 'number', 'NUMBER_OR_NONE': 'number', 'TRUE': '`true`'}.get(self.kind, 'word' if self.kind in WORDS else 'string')


class Message:
    def __init__(self, types, text, state=''):
        self.types, self.text, self.state, self.members = types, text, state, []


class Wire:
    """The table as lists."""

    def __init__(self, text):
        self.client, self.device, self.every, self.statuses = [], [], [], []
        self.words = {kind: {} for kind in WORDS}  # kind -> word -> meaning
        optional_sources, waiting = set(), []
        for macro, row, comment in read_rows(text):
            if macro in ('STATE', 'HISTORY'):
                macro, row = 'SAID', [macro.lower()] + row
            if macro == 'CLIENT':
                self.client.append(Message([row[1]], comment, row[2]))
            elif macro in ('NEED', 'MAY'):
                self.client[-1].members.append(Member(row[1], row[2], macro == 'MAY', comment))
            elif macro == 'EVERY':
                self.every.append(Member(row[0], row[1], False, comment))
            elif macro == 'OPTIONAL_SOURCE':
                optional_sources.add(row[0])
            elif macro == 'DEVICE_AS_NEXT':
                waiting.append((row[0], comment))
            elif macro == 'DEVICE':
                waiting.append((row[0], comment))
                self.device.append(Message([name for name, _ in waiting], [about for _, about in waiting]))
                waiting = []
            elif macro == 'SAID':
                self.device[-1].members.append(Member(row[1], row[2], row[2] in OPTIONAL or row[3] in optional_sources, comment))
            elif macro == 'STATUS':
                self.statuses.append((row[1], row[2], row[3]))
            elif macro.endswith('_WORD') and row[1] and not self.words[macro[:-5]].get(row[1]):
                self.words[macro[:-5]][row[1]] = comment

    def message(self, name):
        return next(message for message in self.device if name in message.types)


# ---- docs/protocol.md

def table(head, rows):
    lines = [f'| {" | ".join(head)} |', '|' + '---|' * len(head)]
    return '\n'.join(lines + [f'| {" | ".join(cells)} |' for cells in rows])


def member_table(members):
    return table(['member', 'value', 'meaning'], [[f'`{it.name}`', it.value(), it.text] for it in members])


def client_members(wire):
    rows = [[f'`{message.types[0]}`', f'`{it.name}`', ('optional: ' if it.is_optional else '') + it.value(), it.text]
            for message in wire.client for it in message.members]
    return table(['message', 'member', 'value', 'meaning'], rows)


def document_parts(wire):
    parts = {
        'client': table(['message', 'answer', 'when'], [[f'`{it.types[0]}`', it.text, STATES[it.state]] for it in wire.client]),
        'client members': client_members(wire),
        'device': table(['message', 'meaning'], [[f'`{name}`', text] for it in wire.device for name, text in zip(it.types, it.text)]),
        'statuses': table(['name', 'sentence', 'comes as'], [[f'`{name}`', sentence, way] for name, way, sentence in wire.statuses if name != 'ok']),
    }
    for message in wire.device:
        parts[message.types[0]] = member_table(message.members)
    for kind, name in WORDS.items():
        parts[f'{name} words'] = table(['word', 'meaning'], [[f'`{word}`', text] for word, text in wire.words[kind].items()])
    return parts


def write_document(old, wire):
    parts = document_parts(wire)
    return re.sub(r'(<!-- wire: (.*?) -->\n\n).*?(\n\n<!-- end -->)', lambda found: found[1] + parts[found[2]] + found[3], old, flags=re.S)


# ---- web/src/protocol.d.ts

def interface(message, wire):
    name = message.types[0].capitalize()
    types = ' | '.join(f"'{it}'" for it in message.types)
    lines = [f'    type: {types};']
    for it in message.members:
        mark = '?' if it.is_optional else ''
        lines.append(f'    {it.name}{mark}: {it.type(wire.words)};')
    return f'export interface {name} {{\n' + '\n'.join(lines) + '\n}\n'


def request(message, wire):
    members = [f"type: '{message.types[0]}'"]
    members += [f'{it.name}?: {it.type(wire.words)} | undefined' if it.is_optional else f'{it.name}: {it.type(wire.words)}' for it in message.members]
    return f'{{ {"; ".join(members)} }}'


def write_types(_, wire):
    device = '\n'.join(interface(message, wire) for message in wire.device)
    names = ' | '.join(message.types[0].capitalize() for message in wire.device if message.types != ['ticket'])
    requests = '\n'.join(f'    | {request(message, wire)}' for message in wire.client)
    return f"""// SPDX-License-Identifier: Apache-2.0
// What travels. Made from src/schema.def by `make wire`: change it there. build.js leaves these names as they are; every
// other property gets a short one.

{device}
/** What a device may say in a session. */
export type Message = {names};

/** What a client may say. */
export type Request =
{requests};
"""


# ---- fuzz/dict/message.dict

def write_dictionary(_, wire):
    words = [it.name for it in wire.every] + [word for message in wire.client for word in message.types + [it.name for it in message.members]]
    form = ['{\\"type\\":\\"', '\\"}', '\\":\\"', '\\",\\"', ',\\"count\\":', ',\\"mac\\":\\"']
    values = ['true', 'n,,n=ota,r=', 'c=biws,r=', ',p=', '\\\\u0041', '4294967295']
    lines = [f'"{word}"' for word in form + list(dict.fromkeys(words)) + values]
    return '# Words of the messages, for the targets message and session. Made from src/schema.def by `make wire`.\n' + '\n'.join(lines) + '\n'


FILES = {'docs/protocol.md': write_document, 'web/src/protocol.d.ts': write_types, 'fuzz/dict/message.dict': write_dictionary}


def main():
    with open(os.path.join(ROOT, 'src/schema.def'), encoding='utf-8') as file:
        wire = Wire(file.read())
    code = 0
    for name, write in FILES.items():
        path = os.path.join(ROOT, name)
        with open(path, encoding='utf-8') as file:
            old = file.read()
        new = write(old, wire)
        if new == old:
            continue
        code = 1
        if sys.argv[1:] == ['--check']:
            print(f'{name} does not agree with src/schema.def: run `make wire`')
        else:
            with open(path, 'w', encoding='utf-8') as file:
                file.write(new)
            print(f'{name} written')
    return code if sys.argv[1:] == ['--check'] else 0


sys.exit(main())
