#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Updates devices that run ota_ws_update, with nothing but Python's standard library.

docs/protocol.md is what it speaks. `Line` carries WebSocket frames, `Session` is one login and the messages after it,
`upload` sends a file. What goes wrong is raised as `Failure`, with the names, sentences and exit codes of `ota-ws`
(docs/cli.md). This file prints nothing and never connects again by itself: command.py does.
"""
import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import select
import socket
import ssl
import struct
import time

from .address import with_zone
from .failure import Failure, Interrupts, pause
from .packing import deflate
from .seal import open_answer, seal
from .sentences import HTTP_ANSWERS, SENTENCES

NEEDED = {'challenge': {'scram': str}, 'state': dict.fromkeys('device boot chip project version slot image update built '
                                                              'idf elf_sha256'.split(), str),
          'ready': {'offset': int, 'chunk': int, 'credit': int}, 'progress': {'received': int, 'written': int},
          'done': {'slot': str}, 'history': {'updates': int}, 'failed': {'name': str}, 'error': {'name': str},
          'ticket': {'ws': str, 'ticket': str}, 'sealed': {'message': str}}
NUMBERS = ('offset chunk credit received written size revision chip_id slot_size trial_left_s kept kept_size early index '
           'deflate_window updates when count wait_s').split()
NUMBER_MAX = 0xFFFFFFFF
CODE_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'  # RFC 6455, section 1.3
ANSWER_S = 15  # to connect, for an answer of http, for a step of the login: a chip needs seconds for TLS
PING_S = 10  # said when nothing else has come for so long
CHUNK_MAX = 32768  # longer data frames are not sent
SILENCE_S = 30  # nothing has come for so long: the connection is dead


def tls_context(ca, insecure):
    context = ssl.create_default_context(cafile=ca)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def refusal_of_http(address, path, answer, body):
    """The Failure that an answer stands for that is no ticket: of a device, or of something else."""
    refusal = read_message(body)
    if refusal and refusal['type'] == 'error':
        return failure_in(refusal)
    status = answer.status
    is_html = answer.getheader('Content-Type', '').lower().startswith('text/html')
    for first, last, name, text in HTTP_ANSWERS:
        if first <= status <= last and (status != 200 or is_html):
            return Failure(name, text.format(where=address.where, status=status, paths=' or '.join(address.paths),
                                             path=path, location=printable(answer.getheader('Location', ''))))
    return Failure('no_device', 'What answers at %s is no ota_ws device (HTTP %d at %s).'
                   % (address.where, status, path))


def open_socket(address, context, peer=None):
    """A connection to `peer`, or to where the address leads when that is None; the certificate is checked for its name."""
    try:
        link = socket.create_connection((peer or address.via or address.name, address.port), ANSWER_S)
    except (socket.gaierror, UnicodeError):
        raise Failure('unknown_name', "No address is known for the name '%s'. Is it right, and is the device on this "
                                      'network?' % address.name)
    except OSError:
        raise Failure('no_connection', 'Nothing answers at %s. Is the device on, and are name and port right?'
                      % address.where)
    try:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return context.wrap_socket(link, server_hostname=address.name.split('%')[0]) if address.tls else link
    except ssl.SSLCertVerificationError as error:
        failure = Failure('untrusted', 'The certificate of %s is not trusted: %s. (--ca FILE names one to trust, '
                                       '--insecure takes any.)' % (address.where, error.verify_message))
    except OSError:
        failure = Failure('no_tls', 'No TLS connection to %s came about: it does not speak https there.'
                          % address.where)
    link.close()
    raise failure


def post(address, context, path, peer):
    """The answer to one empty POST, its body, and the address that gave it. `peer` stands in the Host header when it
    is not None, instead of the name."""
    connection = http.client.HTTPConnection(address.name, address.port, timeout=ANSWER_S)
    connection.sock = open_socket(address, context, peer)
    try:
        reached = with_zone(connection.sock.getpeername())
        connection.putrequest('POST', path, skip_host=True, skip_accept_encoding=True)
        connection.putheader('Host', address.host_header(peer or address.name))
        connection.putheader('Content-Length', '0')
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read(4096), reached
    except socket.timeout:
        raise Failure('no_answer', '%s does not answer.' % address.where)
    except (OSError, http.client.HTTPException):
        raise Failure('no_device', 'What answers at %s is no ota_ws device: its answer breaks off.' % address.where)
    finally:
        connection.close()


def read_ticket(address, answer, body):
    """The ticket, or None when that is none."""
    ticket = read_message(body) if answer.status == 200 else None
    if not ticket or ticket['type'] != 'ticket' or not re.fullmatch('/[!-~]*', ticket['ws']) or \
            not ticket['ticket'] or not isinstance(ticket.get('page', ''), str):
        return None
    if ticket.get('version') != 1 or ticket.get('login') not in ('scram-sha-256', 'none'):
        raise Failure('wrong_version', '%s speaks another version of the protocol than this client. Use the one of '
                                       'its release.' % address.where)
    return ticket


def get_ticket(address, context):
    """The ticket, the path that has one, the peer, and the host that the device takes. A device that does not know the
    name is asked by its IP address; of two possible paths the first that has a ticket counts."""
    refusal = None
    for path in address.paths:
        host = address.name
        answer, body, peer = post(address, context, path, None)
        if answer.status == 403 and b'"foreign_host"' in body:
            host = peer
            answer, body, _ = post(address, context, path, peer)
        ticket = read_ticket(address, answer, body)
        if ticket:
            return ticket, path, peer, host
        refusal = refusal or refusal_of_http(address, path, answer, body)
    raise refusal


class Line:
    """WebSocket frames over TCP or TLS: ours are masked, the device's are not, none is fragmented."""

    def __init__(self, address, context, path, peer, host):
        self.where, self.buffer = address.where, bytearray()
        self.socket = open_socket(address, context, peer)
        try:
            self.upgrade(address, path, host)
        except Failure:
            self.socket.close()
            raise

    def upgrade(self, address, path, host):
        key = base64.b64encode(os.urandom(16)).decode()
        request = 'GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' \
                  'Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n'
        self.write((request % (path, address.host_header(host), key)).encode())
        end = time.monotonic() + ANSWER_S
        while b'\r\n\r\n' not in self.buffer and len(self.buffer) < 16384:
            if not self.fill(end - time.monotonic()):
                raise Failure('no_answer', '%s does not answer.' % address.where)
        head, _, self.buffer = self.buffer.partition(b'\r\n\r\n')
        proof = base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode()).digest())
        status = re.match(rb'HTTP/1\.1 (\d{3})', head)
        accept = re.search(rb'\r\nsec-websocket-accept:[ \t]*(\S+)', head, re.I)
        if not status or status[1] != b'101' or not accept or accept[1] != proof:
            raise Failure('no_device', '%s opens no WebSocket at %s (%s). A proxy in front of the device must pass '
                                       'WebSocket upgrades on.' % (address.where, path, 'HTTP ' + status[1].decode()
                                                                   if status else 'no answer'))

    def lost(self):
        return Failure('connection_lost', 'The connection to %s was lost.' % self.where)

    def write(self, data):
        try:
            self.socket.settimeout(SILENCE_S)
            self.socket.sendall(data)
        except OSError:
            raise self.lost()

    def fill(self, timeout):
        """Reads what is there, waits at most `timeout` seconds for it. False: nothing came."""
        pending = getattr(self.socket, 'pending', lambda: 0)()
        if not pending and not select.select([self.socket], [], [], max(0, timeout))[0]:
            return False
        self.socket.settimeout(0)
        try:
            data = self.socket.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return True
        except OSError:
            data = b''
        if not data:
            raise self.lost()
        self.buffer += data
        return True

    def send(self, opcode, payload):
        mask, size = os.urandom(4), len(payload)
        head = struct.pack('>BB', 0x80 | opcode, 0x80 | size) if size < 126 else \
            struct.pack('>BBH', 0x80 | opcode, 0xFE, size) if size < 65536 else \
            struct.pack('>BBQ', 0x80 | opcode, 0xFF, size)
        masks = int.from_bytes((mask * (size // 4 + 1))[:size], 'little')
        self.write(head + mask + (int.from_bytes(payload, 'little') ^ masks).to_bytes(size, 'little'))

    def take_frame(self):
        """(opcode, payload) of the next whole frame, or None."""
        if len(self.buffer) < 2:
            return None
        size, start = self.buffer[1], 2
        if self.buffer[0] & 0xF0 != 0x80 or size > 126:
            raise nonsense(self.where)
        if size == 126:
            size, start = int.from_bytes(self.buffer[2:4], 'big'), 4
        if len(self.buffer) < start + size:  # also where the size itself is cut
            return None
        frame = self.buffer[0] & 15, bytes(self.buffer[start:start + size])
        del self.buffer[:start + size]
        return frame

    def receive(self, timeout):
        """The text of the next message, or None when none came in time. PING is answered here."""
        end = time.monotonic() + timeout
        while True:
            frame = self.take_frame()
            if frame is None:
                if not self.fill(end - time.monotonic()):
                    return None
            elif frame[0] == 1:
                return frame[1]
            elif frame[0] == 8:
                raise self.lost()
            elif frame[0] == 9:
                self.send(10, frame[1])
            elif frame[0] != 10:
                raise nonsense(self.where)

    def close(self):
        try:
            self.send(8, b'\x03\xe8')
        except Failure:
            pass
        self.socket.close()


def nonsense(where):
    return Failure('nonsense', '%s says what no ota_ws device says.' % where)


def not_proved():
    return Failure('device_not_proved', 'What answers does not know the password: it is not your device. Nothing was '
                                        'sent to it.')


def printable(text):
    return ''.join(letter if letter.isprintable() else '?' for letter in str(text))


def hmac_sha256(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def as_pairing_code(typed):
    """A pairing code as people type it, in its own form; what is no code comes back as it is."""
    letters = re.sub(r'[\s-]', '', typed).upper().translate(str.maketrans('OIL', '011'))
    if len(letters) != 12 or any(letter not in CODE_LETTERS for letter in letters):
        return typed
    return '-'.join((letters[0:4], letters[4:8], letters[8:12]))


class Session:
    """One login, and the messages after it. `state` is the device's newest one; `stream` names the keystream of the
    newest `begin`, None: it is not sealed."""
    is_open = False
    stream = None

    def __init__(self, address, context, password):
        """`password` has `given` (for every device), `known` (nobody has to type it) and `read()`."""
        ticket, path, peer, host = get_ticket(address, context)
        is_locked = ticket['login'] != 'none'
        if not is_locked and password.given:
            raise Failure('no_login', 'A password was given, but what answers at %s asks for none. It may not be your '
                                      'device.' % address.where)
        if is_locked and not password.known:
            password.read(address)
            ticket, path, peer, host = get_ticket(address, context)  # typing took its time
        page = str(ticket.get('page', ''))
        prefix = path[:-len(page)] if page and path.endswith(page) else ''
        self.line = Line(address, context, prefix + ticket['ws'], peer, host)
        self.state, self.keys, self.counts, self.round_trip_s = {}, (None, None), [0, 0], ANSWER_S
        try:
            if is_locked:
                typed = password.read(address)
                self.log_in(ticket['ticket'], as_pairing_code(typed) if ticket.get('code') else typed)
            else:
                self.say_first({'type': 'hello', 'version': 1, 'ticket': ticket['ticket']}, 'welcome')
            self.is_open = True
            self.wait_for('state')
        except Failure:
            self.line.socket.close()
            raise

    @property
    def seals(self):
        """True: the device can seal data and answers, and the connection has no TLS."""
        return bool(self.state.get('seals')) and not isinstance(self.line.socket, ssl.SSLSocket)

    def say_first(self, message, answer):
        """A step of the login: the `scram` of the device's answer."""
        start = time.monotonic()
        self.send(message)
        message = self.wait_for('challenge', 'welcome')
        scram = message.get('scram', '') if message['type'] == answer else ''
        self.round_trip_s = min(self.round_trip_s, time.monotonic() - start)
        return scram

    def log_in(self, ticket, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = 'n=ota,r=' + nonce
        challenge = self.say_first({'type': 'hello', 'version': 1, 'ticket': ticket, 'scram': 'n,,' + first},
                                   'challenge')
        if not challenge:
            raise not_proved()
        parts = re.fullmatch(r'r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=(\d{1,7})', challenge)
        if not parts or not parts[1].startswith(nonce) or parts[1] == nonce \
                or len(parts[2]) % 4 or not 4096 <= int(parts[3]) <= 1000000:
            raise Failure('bad_challenge', "The device's login message does not follow SCRAM-SHA-256.")
        salted = hashlib.pbkdf2_hmac('sha256', password.encode(), base64.b64decode(parts[2]), int(parts[3]))
        client_key = hmac_sha256(salted, b'Client Key')
        stored_key = hashlib.sha256(client_key).digest()
        last = 'c=biws,r=' + parts[1]
        auth = ','.join((first, challenge, last)).encode()
        proof = bytes(a ^ b for a, b in zip(client_key, hmac_sha256(stored_key, auth)))
        answer = self.say_first({'type': 'proof', 'scram': last + ',p=' + base64.b64encode(proof).decode()}, 'welcome')
        signature = base64.b64encode(hmac_sha256(hmac_sha256(salted, b'Server Key'), auth)).decode()
        if not hmac.compare_digest(answer.encode(), b'v=' + signature.encode()):
            raise not_proved()
        session_key = hmac_sha256(stored_key, b'GSS-API session key' + client_key + auth)
        self.keys = hmac_sha256(session_key, b'ota_ws client'), hmac_sha256(session_key, b'ota_ws device')
        self.data_key, self.answer_key = (hmac_sha256(session_key, b'ota_ws ' + use) for use in (b'data', b'answers'))

    def send(self, message):
        if message['type'] in ('logs', 'crash') and self.seals:
            message = {**message, 'sealed': True}
        text = json.dumps(message, separators=(',', ':')).encode()
        if self.keys[0]:
            self.counts[0] += 1
            text = text[:-1] + b',"count":%d' % self.counts[0]
            text += b',"mac":"%s"}' % hmac_sha256(self.keys[0], text)[:16].hex().encode()
        if message['type'] == 'begin':
            self.stream = (self.counts[0], 0, 0) if message.get('sealed') else None
        self.line.send(1, text)

    def send_data(self, offset, data):
        """One data frame, sealed where the newest `begin` has said so (docs/protocol.md, section 6)."""
        data = seal(self.data_key, self.stream, offset, data) if self.stream else data
        self.line.send(2, struct.pack('<I', offset) + data)

    def receive(self, timeout):
        """The next message, its mac checked; None when none came in time. `failed` and `error` are raised."""
        text = self.line.receive(timeout)
        if text is None:
            return None
        if self.keys[1]:
            self.counts[1] += 1
            body, _, rest = text.rpartition(b',"mac":"')
            mac = hmac_sha256(self.keys[1], body)[:16].hex().encode()
            if not body.endswith(b',"count":%d' % self.counts[1]) or not hmac.compare_digest(rest, mac + b'"}'):
                raise Failure('bad_mac', 'A message from %s was changed, repeated or left out on the way.'
                              % self.line.where)
        message = read_message(text)
        if message and message['type'] == 'sealed' and self.keys[1]:
            message = read_message(open_answer(self.answer_key, self.counts[1], message['message']))
        if not message:
            raise nonsense(self.line.where)
        kind = message['type']
        if not self.is_open and kind not in ('challenge', 'welcome', 'state', 'error'):
            raise nonsense(self.line.where)
        if kind in ('failed', 'error'):
            raise failure_in(message)
        if kind == 'state':
            self.state = message
        if kind == 'ready' and self.stream:
            self.stream = self.stream[0], message['offset'], 0
        return message

    def wait_for(self, *kinds):
        """The next message of one of these types. A `ping` in the silence shows whether the device is there."""
        heard = said = time.monotonic()
        while True:
            Interrupts.check()
            message = self.receive(0.2)
            now = time.monotonic()
            if message and message['type'] in kinds:
                return message
            heard = now if message else heard
            if now - heard > (SILENCE_S if self.is_open else ANSWER_S):
                raise Failure('connection_lost', 'Nothing has come from %s for %d s.' % (self.line.where, now - heard))
            if self.is_open and now - max(heard, said) > PING_S:
                said = now
                self.send({'type': 'ping'})

    def ask(self, message, *answers):
        """Sends a request; the answer. A device that is busy with its own work is asked again for 30 s."""
        end = time.monotonic() + 30
        while True:
            self.send(message)
            try:
                return self.wait_for(*answers)
            except Failure as failure:
                if failure.name != 'device_busy' or time.monotonic() > end:
                    raise
            pause(1)

    def close(self):
        self.line.close()


def read_message(text):
    """A message of a device; None when that is none: an object of strings, numbers and truths that has its members."""
    try:
        message = json.loads(text)
        wants = NEEDED.get(message['type'], {}).items()
        is_right = all(type(message[name]) is kind for name, kind in wants) and \
            all(type(value) in (str, bool) and name not in NUMBERS or type(value) is int and 0 <= value <= NUMBER_MAX
                for name, value in message.items())
        return message if is_right else None
    except (ValueError, KeyError, TypeError):
        return None


def failure_in(message):
    name, image, device = (printable(message.get(member, '')) for member in ('name', 'image', 'device'))
    ours = SENTENCES.get(name, "The device says '%s'." % name).replace('{image}', image).replace('{device}', device)
    return Failure(name, printable(message.get('text') or ours), message.get('wait_s', 0))


def upload(session, data, options, progress):
    """One try to send a file: from `begin` to `done`, which it returns. `options` go into `begin` (`allow_downgrade`,
    `deflate`, `window`, `sealed`). `progress` is called with the ready message at first, then with each progress message. A Failure of an
    update that had not begun at 0 has `resumed` set."""
    begin = {'type': 'begin', 'size': len(data), 'sha256': hashlib.sha256(data).hexdigest()}
    ready = session.ask({**begin, **options}, 'ready')
    start = ready['offset']
    if start > len(data) or ready['chunk'] == 0 or ready['credit'] == 0:
        raise nonsense(session.line.where)
    progress(ready)
    stream = deflate(data[start:], options) if options.get('deflate') else data
    sent = 0 if options.get('deflate') else start
    try:
        return send_data(session, stream, sent, ready, Progress(session, sent, len(data), stream is not data, progress))
    except Failure as failure:
        failure.resumed = start > 0
        raise


class Progress:
    """What the device has taken of an update, its figures checked before they are believed."""

    def __init__(self, session, received, size, is_packed, show):
        self.session, self.received, self.size, self.is_packed, self.show = session, received, size, is_packed, show

    def take(self, message, sent):
        written_max = self.size if self.is_packed else message['received']
        if not self.received <= message['received'] <= sent or message['written'] > written_max:
            raise nonsense(self.session.line.where)
        self.received = message['received']
        self.show({**message, 'sent': sent})


def send_data(session, data, sent, ready, progress):
    """Keeps `credit` bytes on their way until all are sent, then waits for `done`."""
    heard = time.monotonic()
    while sent < len(data):
        Interrupts.check()
        room = min(ready['chunk'], CHUNK_MAX, len(data) - sent, ready['credit'] - (sent - progress.received))
        if room > 0:
            session.send_data(sent, data[sent:sent + room])
            sent += room
        message = session.receive(0 if room > 0 else 0.2)
        if message:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_S:
            raise Failure('connection_lost', 'Nothing has come from %s for %d s.' % (session.line.where, SILENCE_S))
        if message and message['type'] == 'progress':
            progress.take(message, sent)
    if progress.is_packed:
        session.send({'type': 'end'})
    while True:
        message = session.wait_for('progress', 'done')
        if message['type'] == 'done':
            return message
        progress.take(message, sent)
