# SPDX-License-Identifier: Apache-2.0
"""Messages of multicast DNS (RFC 6762), which are those of DNS (RFC 1035): questions are written, answers are read.

Names stay in the form of the wire, uncompressed: labels with their lengths, an empty one at the end. So a dot or a
blank in the name of a service needs no escape. This file knows no sockets.
"""
import collections
import struct

PORT, GROUP = 5353, '224.0.0.251'
MESSAGE_MAX = 1400  # written: it fits into one packet of any network
RECEIVE_MAX = 9000  # the largest message of multicast DNS
LABEL_MAX, NAME_MAX = 63, 255
A, PTR, TXT, SRV, ANY = 1, 12, 16, 33, 255
CLASS_IN, RESPONSE = 1, 0x8000
KNOWN_TTL = 4500  # s, of records that name no host (RFC 6762, section 10)

Record = collections.namedtuple('Record', 'name kind ttl target port address texts')


def encode_name(text):
    """"_ota-ws._tcp.local" as a name; None when it is none."""
    labels = [label.encode() for label in text.split('.')]
    if any(not 0 < len(label) <= LABEL_MAX for label in labels):
        return None
    name = b''.join(bytes([len(label)]) + label for label in labels) + b'\0'
    return name if len(name) <= NAME_MAX else None


def first_label(name):
    return name[1:1 + name[0]].decode('utf-8', 'replace')


def is_same(one, other):
    """Letters count as equal in both cases (bytes.lower() changes ASCII letters only)."""
    return one.lower() == other.lower()


class Query:
    """Questions, then answers that are known already (section 7.1). False: there was no room, and nothing changed."""

    def __init__(self, number=0):
        self.number, self.questions, self.answers, self.body = number, 0, 0, b''

    def add(self, more):
        if 12 + len(self.body) + len(more) > MESSAGE_MAX:
            return False
        self.body += more
        return True

    def ask(self, name, kind):
        added = self.add(name + struct.pack('>HH', kind, CLASS_IN))
        self.questions += added
        return added

    def know(self, name, target):
        added = self.add(name + struct.pack('>HHIH', PTR, CLASS_IN, KNOWN_TTL, len(target)) + target)
        self.answers += added
        return added

    def encode(self):
        return struct.pack('>6H', self.number, 0, self.questions, self.answers, 0, 0) + self.body


class Reader:
    """A message from its beginning to `end`. What would be read behind it raises ValueError."""

    def __init__(self, data, at, end):
        self.data, self.at, self.end = data, at, end

    def take(self, size):
        if self.end - self.at < size:
            raise ValueError('the message ends early')
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), 'big')

    def name(self):
        """Each pointer of the compression must lead to an earlier place than the one before: so it ends."""
        place, earliest, name, jumped = Reader(self.data, self.at, self.end), self.at, b'', False
        while True:
            size = place.number(1)
            if size & 0xC0 == 0xC0:
                target = (size & 0x3F) << 8 | place.number(1)
                self.at = self.at if jumped else place.at
                if target >= earliest:
                    raise ValueError('a name leads forward')
                place.at = earliest = target
                jumped = True
                continue
            name += bytes([size]) + place.take(size)
            if size > LABEL_MAX or len(name) > NAME_MAX:
                raise ValueError('a name is too long')
            if size == 0:
                self.at = self.at if jumped else place.at
                return name

    def texts(self):
        """The values of "key=value"; of two with one key the first counts (RFC 6763, section 6.4)."""
        found = {}
        while self.at < self.end:
            key, equals, value = self.take(self.number(1)).partition(b'=')
            if equals:
                found.setdefault(key.lower().decode('latin-1'), value.decode('utf-8', 'replace'))
        return found

    def record(self):
        """One record; None when it is of a kind that nobody here reads."""
        name, kind = self.name(), self.number(2)
        is_internet = self.number(2) & 0x7FFF == CLASS_IN  # the first bit says: forget older ones
        ttl, size = self.number(4), self.number(2)
        data = Reader(self.data, self.at, self.at + size)
        self.take(size)
        target, port, address, texts = b'', 0, None, {}
        if kind == PTR:
            target = data.name()
        elif kind == SRV:
            _priority, _weight, port, target = data.number(2), data.number(2), data.number(2), data.name()
        elif kind == A:
            address = data.take(4)
        elif kind == TXT:
            texts = data.texts()
        return Record(name, kind, ttl, target, port, address, texts) if is_internet else None


def read_records(data):
    """The records of an answer. What is damaged ends them; records before the damage count."""
    reader = Reader(data, 0, len(data))
    try:
        _number, flags, questions, *counts = (reader.number(2) for _ in range(6))
        if not flags & RESPONSE:
            return
        for _ in range(questions):
            reader.name()
            reader.take(4)
        for _ in range(sum(counts)):
            record = reader.record()
            if record:
                yield record
    except ValueError:
        return
