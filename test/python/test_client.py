#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The parts of the Python client that need no device. The tests against devices are test/e2e/python.test.js."""
import ast
import importlib
import json
import os
import re
import struct
import subprocess
import sys
import unittest
from unittest import mock

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
sys.path.insert(0, os.path.join(ROOT, 'python'))
sys.dont_write_bytecode = True

from ota_ws import __version__, address, arguments, client, image, output  # noqa: E402
from ota_ws.arguments import parse  # noqa: E402
from ota_ws.failure import Failure  # noqa: E402
from ota_ws.seal import seal  # noqa: E402
from ota_ws.sentences import SENTENCES  # noqa: E402

STANDARD = getattr(sys, 'stdlib_module_names', frozenset()) and sys.stdlib_module_names | {'ota_ws'}  # 3.10 and later


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def sources():
    for folder in ('python/ota_ws', 'python/platformio'):
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if name.endswith('.py'):
                yield os.path.join(folder, name)


class FakeSocket:
    """Takes what is written; gives `answers`, one at each recv()."""

    def __init__(self, answers=()):
        self.written, self.answers = [], list(answers)

    def settimeout(self, seconds):
        pass

    def sendall(self, data):
        self.written.append(data)

    def recv(self, _size):
        return self.answers.pop(0) if self.answers else b''

    def pending(self):
        return 1


def line_of(answers=()):
    line = client.Line.__new__(client.Line)
    line.where, line.buffer, line.socket = 'fake:80', bytearray(), FakeSocket(answers)
    return line


def frame(text, first=0x81):
    size = len(text)
    head = bytes([first, size]) if size < 126 else bytes([first, 126]) + size.to_bytes(2, 'big')
    return head + text


class Package(unittest.TestCase):
    def test_every_file_is_python_3_8(self):
        names = [ast.parse(read(path), path, feature_version=(3, 8)) and path for path in sources()]
        self.assertGreater(len(names), 8)

    def test_only_the_standard_library_is_imported(self):
        for path in sources():
            for node in ast.walk(ast.parse(read(path))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                    [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
                for name in names:
                    self.assertIn(name.split('.')[0], STANDARD or name, path)

    def test_the_client_is_one_file_below_500_lines(self):
        self.assertLess(len(read('python/ota_ws/client.py').splitlines()), 500)

    def test_it_runs_as_a_module_and_from_its_folder(self):
        for words, folder in ((['-m', 'ota_ws'], 'python'), (['python/ota_ws'], '.'), (['ota_ws'], 'python')):
            ran = subprocess.run([sys.executable, '-B', *words, '--version'], cwd=os.path.join(ROOT, folder),
                                 stdout=subprocess.PIPE, check=True)
            self.assertEqual(ran.stdout.decode().strip(), 'ota-ws-update %s (protocol version 1)' % __version__)

    def test_the_version_is_the_release(self):
        release = re.search(r'^version: "(.+)"', read('idf_component.yml'), re.M)[1]
        self.assertEqual(__version__, release)
        self.assertIn('\nversion = "%s"\n' % release, read('python/pyproject.toml'))

    def test_the_entry_points_lead_to_functions(self):
        for module, name in re.findall(r'^[\w-]+ = "(ota_ws\.\w+):(\w+)"$', read('python/pyproject.toml'), re.M):
            self.assertTrue(callable(getattr(importlib.import_module(module), name)), module)


class Document(unittest.TestCase):
    def test_the_sentences_are_those_of_the_protocol(self):
        rows = re.findall(r'^\| `(\w+)` \| (.+?) \| (?:`failed`|`error`|403|not sent)', read('docs/protocol.md'), re.M)
        self.assertGreater(len(rows), 70)
        self.assertEqual(dict(rows), SENTENCES)

    def test_the_login_of_the_protocol_byte_by_byte(self):
        document = read('docs/protocol.md').split('## 8.')[1].split('## 9.')[0]
        texts = re.findall(r'^(\{"type".+\})$', document, re.M)
        hello, challenge, proof, welcome, ping, pong, begin, sealed_begin, logs, sealed, answer = texts
        hello_frame = bytes.fromhex(re.search(r'^81 f6[0-9a-f \n]+', document, re.M)[0])
        data_frame, sealed_frame = map(bytes.fromhex, re.findall(r'^82 a4[0-9a-f \n]+', document, re.M))
        session = client.Session.__new__(client.Session)
        session.line = line_of(frame(text.encode()) for text in (challenge, welcome))
        session.state, session.keys, session.counts, session.round_trip_s = {}, (None, None), [0, 0], 15
        with mock.patch('os.urandom', lambda size: b'18 bytes of client' if size == 18 else hello_frame[2:6]), \
                mock.patch('select.select', lambda *_: ([1], [], [])):
            session.log_in('0500000040e2010075f01c9ab3d2476e', client.as_pairing_code('k7mq2rtx 9wpd'))
            session.send({'type': 'ping'})
            session.counts[1], session.is_open = 1, True  # `state` was the first
            session.line.socket.answers = [frame(pong.encode())]
            self.assertEqual(session.receive(1)['type'], 'pong')
            session.send({**ast.literal_eval(begin.split(',"count"')[0] + '}')})
            file = unmask(data_frame[2:])[4:]
            session.send_data(0, file)
            session.counts[0] = 1  # the same update, sealed
            session.send({**ast.literal_eval(sealed_begin.split(',"sealed"')[0] + '}'), 'sealed': True})
            session.send_data(0, file)
            session.state = {'seals': True}
            session.send({'type': 'logs'})
            session.counts[1] = 2
            session.line.socket.answers = [frame(sealed.encode())]
            self.assertEqual(session.receive(1), json.loads(answer))
        written = session.line.socket.written
        self.assertEqual(written[0], hello_frame)
        self.assertEqual((written[4], written[6]), (data_frame, sealed_frame))
        self.assertEqual([unmask(data[4 if data[1] == 0xFE else 2:]).decode() for data in written[:4] + written[5:8:2]],
                         [hello, proof, ping, begin, sealed_begin, logs])


def unmask(data):
    return bytes(byte ^ data[index % 4] for index, byte in enumerate(data[4:]))


class Frames(unittest.TestCase):
    def messages(self, pieces):
        line, messages = line_of(pieces), []
        with mock.patch('select.select', lambda *_: ([1], [], [])), self.assertRaises(Failure) as ended:
            while True:
                messages.append(line.receive(1))
        return messages, ended.exception.name, line.socket.written

    def test_messages_whole_byte_by_byte_and_at_every_split(self):
        texts = [b'a', b'b' * 125, b'c' * 126, b'd' * 300]
        data = frame(b'x', 0x89) + b''.join(map(frame, texts)) + frame(b'', 0x88)
        ways = [[data], [data[i:i + 1] for i in range(len(data))]] + [[data[:i], data[i:]] for i in range(1, len(data))]
        for pieces in ways:
            messages, name, written = self.messages(pieces)
            self.assertEqual((messages, name, len(written)), (texts, 'connection_lost', 1))

    def test_frames_that_no_device_sends_are_named(self):
        for data in (b'\x01\x01a', b'\x81\x81....a', b'\xc1\x01a', b'\x82\x01a', b'\x81\x7f' + bytes(8), b'\x83\x00'):
            self.assertEqual(self.messages([data])[1], 'nonsense', data)


class Words(unittest.TestCase):
    def test_pairing_codes_as_people_type_them(self):
        """The table that the tests of ota-ws and of the page read too."""
        rows = [line.split('\t') for line in read('test/vectors/codes.txt').split('\n') if line.startswith('"')]
        self.assertGreater(len(rows), 15)
        for typed, sent in rows:
            self.assertEqual(client.as_pairing_code(json.loads(typed)), json.loads(sent))

    def test_the_seal_by_the_vectors_of_rfc_8439(self):
        rows = [line.split() for line in read('test/vectors/chacha20.txt').split('\n') if line and line[0] != '#']
        self.assertEqual(len(rows), 3)
        for key, nonce, counter, plain, sealed in rows:
            key, data = bytes.fromhex(key), bytes.fromhex(plain)
            words, start = struct.unpack('<3I', bytes.fromhex(nonce)), 64 * int(counter)
            for split in range(len(data) + 1):
                parts = seal(key, words, start, data[:split]) + seal(key, words, start + split, data[split:])
                self.assertEqual(parts.hex(), sealed)
            long = seal(key, words, start, bytes(100000))
            self.assertEqual(long[70001:80000], seal(key, words, start + 70001, bytes(9999)))

    def test_addresses_and_what_is_none(self):
        known = {'lamp': ('lamp', 80, False, ['/ota']), 'lamp:8070': ('lamp', 8070, False, ['/ota']),
                 'https://lamp': ('lamp', 443, True, ['/ota']), 'http://[fe80::1%25lo]:81': ('fe80::1%lo', 81, False, ['/ota']),
                 'http://proxy/devices/lamp/': ('proxy', 80, False, ['/devices/lamp/ota', '/devices/lamp/']),
                 'http://lamp/update': ('lamp', 80, False, ['/update'])}
        for written, right in known.items():
            found = address.Address(written)
            self.assertEqual((found.name, found.port, found.tls, found.paths), right)
        for written in ('', 'ftp://lamp', 'lamp:0', 'lamp:65536', 'http://lamp/#code=K7MQ', 'a b',
                        '[fe80::1]', '[fe80::1%nowhere]'):
            with self.assertRaises(ValueError, msg=written):
                address.Address(written)

    def test_a_ticket_that_no_device_gives_is_none(self):
        answer = mock.Mock(status=200)
        good = {'type': 'ticket', 'version': 1, 'ticket': 'T', 'login': 'none', 'ws': '/ota/ws', 'page': '/ota'}
        self.assertEqual(client.read_ticket(None, answer, json.dumps(good)), good)
        for wrong in ({'ws': '/ws\r\nX-Evil: 1'}, {'ws': '/ws x'}, {'ws': '/w\0s'}, {'ws': 'ws'}, {'ws': ''}, {'ws': 5}, {'ws': '/\xe9'},
                      {'ws': '/ws\n'}, {'page': 5}, {'page': None}, {'type': 'state'}, {'ticket': ''}):
            self.assertIsNone(client.read_ticket(None, answer, json.dumps({**good, **wrong})), wrong)

    def test_the_checksum_is_folded_as_byte_by_byte(self):
        for size in (0, 1, 2, 3, 255, 1000):
            data, sum_of_all = os.urandom(size), 0
            for byte in data:
                sum_of_all ^= byte
            self.assertEqual(image.fold(data), sum_of_all)

    def test_options_stand_anywhere(self):
        options = parse('push app.bin --wait lamp -q bench --retry 2'.split(), '{command} {host}')
        self.assertEqual((options.file, options.hosts, options.wait, options.retry, options.quiet),
                         ('app.bin', ['lamp', 'bench'], 60, 2, True))
        self.assertEqual(parse(['restart', '--wait=0', 'lamp'], '').wait, 0)
        for words in (['discover', '--wait', '3'], ['discover', '--wait=3'], ['--wait=3', 'discover']):
            self.assertEqual(parse(words, '').search, 3)

    def test_all_words_fit_the_help(self):
        for topic in ['', *arguments.COMMANDS]:
            for line in arguments.help_text(topic, 'python -m ota_ws').splitlines():
                self.assertLessEqual(len(line), 80)

    def test_no_state_of_a_device_ends_in_a_traceback(self):
        texts = 'device boot chip project version built idf elf_sha256 slot image update other_slot other_image ' \
                'other_version other_project other_elf_sha256 peer sha256 kept_sha256 last_outcome last_from last_to'.split()
        whole = {'type': 'state', **{name: 'x' for name in texts}, **{name: 7 for name in client.NUMBERS}}
        for image_word in ('valid', 'trial', 'x'):
            for update in ('idle', 'receiving', 'ready', 'x'):
                for name in whole:
                    for value in (None, '', 'x', -1, 7, 2 ** 32, True, [], {}, 1.5):
                        state = {**whole, 'image': image_word, 'update': update, name: value}
                        if value is None:
                            del state[name]
                        self.show(client.read_message(json.dumps(state)))

    @staticmethod
    def show(state):
        if state and state['type'] == 'state':
            list(output.info_rows('host', state, [{**state, 'outcome': 'trial'}]))
            for kind in ('running', 'rolled_back', 'unchanged', 'still'):
                output.describe(output.Outcome(kind), state)

    def test_a_bar_fits_its_terminal(self):
        meter = output.Meter(1000000, 0)
        meter.update(500000)
        for columns in range(1, 200):
            self.assertLessEqual(len(meter.bar(columns)), columns)


if __name__ == '__main__':
    unittest.main()
