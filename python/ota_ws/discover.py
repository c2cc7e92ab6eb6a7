# SPDX-License-Identifier: Apache-2.0
"""Devices without their address: all that announce themselves, "lamp.local", or the 12 hex digits of an id.

Asks by multicast DNS over IPv4, on each network of this machine; no daemon is needed. Each query goes out twice. From a
port of its own (a one-shot query, RFC 6762, section 6.7): the answers come back to that port, from any responder, but a
responder with many devices may cut them. And from port 5353, which programs share: those answers go to everybody and
are whole. Where that port cannot be had, the first way alone must do. An answer proves nothing: only the login does.
"""
import re
import select
import socket
import struct
import sys
import time

from . import mdns
from .failure import Failure, Interrupts
from .output import printable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

SERVICE = mdns.encode_name('_ota-ws._tcp.local')
HOPS, DEVICES_MAX = 255, 512
MOMENTS_S = (0, 0.25, 0.6, 1)  # when queries go out; then once a second
ID_WAIT_S, NAME_WAIT_S = 3, 1.5
PATH = '/[!"$-@A-~]*'  # without '#' and '?'


class Device:
    """What is known of one device. `host` is empty until it is known, `port` 0."""

    def __init__(self, instance):
        self.instance, self.name = instance, printable(mdns.first_label(instance))
        self.host, self.port, self.address, self.has_record = b'', 0, '', False
        self.has_text = self.is_gone = self.tls = False
        self.id = self.path = self.project = self.version = ''

    @property
    def is_complete(self):
        return self.has_text and self.port != 0

    @property
    def page(self):
        return '%s://%s:%d%s' % ('https' if self.tls else 'http', self.address, self.port, self.path)

    def take_text(self, texts):
        self.has_text = True
        self.id = texts.get('id', '') if is_id(texts.get('id', '')) else ''
        self.path = texts.get('path', '') if re.fullmatch(PATH, texts.get('path', '')) else ''
        self.tls = texts.get('tls', '').startswith('1')
        self.project, self.version = (printable(texts.get(name, ''))[:32] for name in ('project', 'version'))

    def answers_to(self, name):
        """`name`: "lamp.local" for the device "lamp" or on the host "lamp.local", or an id."""
        stem, dot, _ = name.partition('.')
        is_host = bool(self.host) and mdns.is_same(self.host, mdns.encode_name(name) or b'')
        return is_host or bool(dot) and self.name.lower() == stem.lower() or bool(self.id) and self.id.lower() == name.lower()


# ---- sockets ---------------------------------------------------------------------------------------------------------

def ask_interface(handle, request, name):
    """One of the requests of netdevice(7), which BSD and macOS have, too: the bytes behind the name."""
    return fcntl.ioctl(handle.fileno(), request, struct.pack('16s16x', name.encode()))[16:]


def own_addresses():
    """One IPv4 address of each network that multicast DNS can be spoken on."""
    if fcntl is None:
        return [one for one in socket.gethostbyname_ex(socket.gethostname())[2] if not one.startswith('127.')]
    is_linux = sys.platform.startswith('linux')
    get_flags, get_address = (0x8913, 0x8915) if is_linux else (0xC0206911, 0xC0206921)
    wanted, unwanted = 1 | (0x1000 if is_linux else 0x8000), 8  # IFF_UP, IFF_MULTICAST; IFF_LOOPBACK
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        for _, name in socket.if_nameindex():
            try:
                flags = struct.unpack('=H', ask_interface(handle, get_flags, name)[:2])[0]
                if flags & (wanted | unwanted) == wanted:
                    found.append(socket.inet_ntoa(ask_interface(handle, get_address, name)[4:8]))
            except OSError:
                pass  # an interface without IPv4
    return found


def open_socket(port):
    handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        for name in ('SO_REUSEADDR', 'SO_REUSEPORT') if port else ():
            if hasattr(socket, name):
                handle.setsockopt(socket.SOL_SOCKET, getattr(socket, name), 1)
        handle.bind(('', port))
        handle.setblocking(False)
        return handle
    except OSError:
        handle.close()
        raise


def join(handle, addresses):
    for address in addresses:
        try:
            handle.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                              socket.inet_aton(mdns.GROUP) + socket.inet_aton(address))
        except OSError:
            pass  # two addresses of one network


class Sockets:
    """A port of its own, and 5353 where that can be had, on all networks of this machine."""

    def __init__(self):
        self.addresses = own_addresses()
        if not self.addresses:
            raise Failure('no_network', 'No query can be sent: this machine has no network with IPv4 and multicast.')
        try:
            self.own = open_socket(0)
        except OSError as error:
            raise Failure('no_network', 'No query can be sent: %s.' % error.strerror)
        try:
            self.shared = open_socket(mdns.PORT)
            join(self.shared, self.addresses)
        except OSError:
            self.shared = None

    def all(self):
        return [handle for handle in (self.own, self.shared) if handle]

    def send(self, handle, query):
        for address in self.addresses if handle else ():
            try:
                handle.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
                handle.sendto(query.encode(), (mdns.GROUP, mdns.PORT))
            except OSError:
                pass  # asked again at the next moment

    def receive(self, timeout):
        """What has come within `timeout` seconds: pairs of message and sender."""
        for handle in select.select(self.all(), [], [], timeout)[0]:
            try:
                while True:
                    data, peer = handle.recvfrom(mdns.RECEIVE_MAX)
                    yield data, peer[0]
            except OSError:
                pass  # nothing more is there

    def close(self):
        for handle in self.all():
            handle.close()


# ---- the search ------------------------------------------------------------------------------------------------------

class Search:
    """Devices, and the address of `host` (a name that ends with ".local") where that is wanted."""

    def __init__(self, host=None):
        self.found, self.host, self.host_address = [], mdns.encode_name(host) if host else None, ''

    def take(self, record, sender):
        if record.kind == mdns.PTR:
            self.take_pointer(record)
        elif record.kind == mdns.A:
            self.take_address(record)
        for device in self.found:
            if not mdns.is_same(device.instance, record.name):
                continue
            if record.kind == mdns.TXT:
                device.take_text(record.texts)
            elif record.kind == mdns.SRV:
                device.port, device.host = record.port, record.target
                device.address = device.address if device.has_record else sender

    def take_pointer(self, record):
        if not mdns.is_same(record.name, SERVICE):
            return
        device = next((one for one in self.found if mdns.is_same(one.instance, record.target)), None)
        if not device and record.ttl and len(self.found) < DEVICES_MAX:
            device = Device(record.target)
            self.found.append(device)
        if device:
            device.is_gone = record.ttl == 0  # such a record takes the device back

    def take_address(self, record):
        address = socket.inet_ntoa(record.address)
        if self.host and mdns.is_same(record.name, self.host):
            self.host_address = address
        for device in self.found:
            if mdns.is_same(device.host, record.name) and not device.has_record:
                device.address, device.has_record = address, True

    def ask_for_services(self):
        query = mdns.Query()
        query.ask(SERVICE, mdns.PTR)
        if self.host and not self.host_address:
            query.ask(self.host, mdns.A)
        return query

    def incomplete(self):
        return [device for device in self.found if not device.is_gone and not device.is_complete]

    def ask(self, sockets):
        """A one-shot query has one question: its answer may be cut."""
        query = self.ask_for_services()
        sockets.send(sockets.own, query)
        for number, device in enumerate(self.incomplete(), 1):
            question = mdns.Query(number)
            question.ask(device.instance, mdns.ANY)
            sockets.send(sockets.own, question)
            query.ask(device.instance, mdns.ANY)  # without room: at the next moment
        for device in self.found:
            if device.is_complete:
                query.know(SERVICE, device.instance)
        sockets.send(sockets.shared, query)

    def run(self, wait_s, is_enough=lambda: False):
        """Looks for `wait_s` seconds, or until `is_enough`."""
        sockets = Sockets()
        start, asked = time.monotonic(), 0
        try:
            while time.monotonic() - start < wait_s and not is_enough():
                Interrupts.check()
                if time.monotonic() - start >= moment(asked):
                    asked += 1
                    self.ask(sockets)
                left = min(moment(asked), wait_s) - (time.monotonic() - start)
                for data, sender in sockets.receive(max(0, min(left, 0.2))):
                    for record in mdns.read_records(data):
                        self.take(record, sender)
        finally:
            sockets.close()
        return self

    def devices(self):
        """Those that are there, by their names."""
        return sorted((one for one in self.found if one.is_complete and not one.is_gone), key=lambda one: one.name.lower())

    def find(self, name):
        return next((device for device in self.devices() if device.answers_to(name)), None)


def moment(number):
    last = len(MOMENTS_S) - 1
    return MOMENTS_S[number] if number <= last else MOMENTS_S[last] + number - last


# ---- one device, all devices -----------------------------------------------------------------------------------------

def is_id(text):
    return re.fullmatch('[0-9A-Fa-f]{12}', text) is not None


def locate(address, written):
    """Fills in where the device is, when `written` is an id or ends with ".local". A ".local" name that no device
    answers to is left to the system's own names."""
    by_id = is_id(written)
    if not by_id and not re.fullmatch(r'(?i).+\.local', address.name):
        return
    wanted, search = (written, Search()) if by_id else (address.name, Search(address.name))
    try:
        search.run(ID_WAIT_S if by_id else NAME_WAIT_S, lambda: search.find(wanted))
    except Failure as failure:
        if by_id or failure.name != 'no_network':
            raise
    device = search.find(wanted)
    if device:
        address.take(device, written)
    elif by_id:
        raise Failure('not_found', 'No device with the id %s has answered within %d s. Is it on, and on this network?'
                      % (written, ID_WAIT_S))
    else:
        address.via = search.host_address or None
    if by_id:  # an id is no name: the device is asked by its address
        address.name = address.via


def discover(wait_s):
    """The devices that answer within `wait_s` seconds, at least one."""
    devices = Search().run(wait_s).devices()
    if not devices:
        raise Failure('not_found', 'No device has answered within %d s. Only devices on this network are found, and only '
                                   'when their firmware announces itself.' % wait_s)
    return devices
