# SPDX-License-Identifier: Apache-2.0
"""The address of a device, as people write it."""
import re
import socket


class Address:
    """HOST of the command line: name, name:port, [ipv6], http://name/path. ValueError says what is wrong with it."""

    def __init__(self, written):
        form = re.fullmatch('(?i)(?:(https?)://)?([^/?#]*)(.*)', written, re.S)
        if not form[1] and '://' in written:
            raise refusal(written, 'its scheme is neither http nor https')
        self.tls = (form[1] or '').lower() == 'https'
        check_path(form[3], written)
        self.name, port = split_authority(form[2], written)
        if port is not None and not (re.fullmatch('[0-9]{1,5}', port) and 0 < int(port) < 65536):
            raise refusal(written, 'its port is not a number from 1 to 65535')
        self.port = int(port or (443 if self.tls else 80))
        self.name = re.sub('%25(?=.)', '%', self.name) if form[1] else self.name
        check_zone(self.name, written)
        path = form[3] or '/ota'
        self.paths = [path + 'ota', path] if path.endswith('/') else [path]
        self.via = None  # the IP address to connect to, where the name alone does not lead there (discover.py)

    @property
    def where(self):
        return ('[%s]:%d' if ':' in self.name else '%s:%d') % (self.name, self.port)

    def take(self, device, written):
        """What is not `written` is taken from what a device announces of itself."""
        scheme, _, authority = written.rpartition('://')
        if ':' not in authority and (not scheme or self.tls == device.tls):
            self.tls, self.port = device.tls, device.port
        if '/' not in authority and device.path:
            self.paths = [device.path]
        self.via = device.address

    def host_header(self, name):
        name = name.split('%')[0]
        name = '[%s]' % name if ':' in name else name
        return name if self.port == (443 if self.tls else 80) else '%s:%d' % (name, self.port)


def refusal(written, why):
    return ValueError("'%.80s' is no address of a device: %s." % (written, why))


def check_path(path, written):
    if '#' in path:
        raise refusal(written, "it goes on after '#'; a code or password is never an argument (see --password-file)")
    if re.search('[^!-~]|[?]', path):
        raise refusal(written, 'its path has a character that does not belong there')


def split_authority(authority, written):
    """Name and port (None: there is none) of "name", "name:port", "[ipv6]", "[ipv6]:port" or a bare IPv6 address."""
    bare = authority if authority.count(':') > 1 else ''
    parts = re.fullmatch(r'\[([A-Za-z0-9.:%_-]+)\](?::([^:]+))?|([A-Za-z0-9._%-]+)(?::([^:]+))?', authority)
    if not parts and not re.fullmatch('[A-Za-z0-9.:%_-]+', bare):
        raise refusal(written, 'expected is NAME, NAME:PORT or http(s)://NAME[:PORT][/PATH]')
    return (parts[1] or parts[3], parts[2] or parts[4]) if parts else (bare, None)


def check_zone(name, written):
    """A link-local address is nothing without the network interface behind it."""
    address, _, zone = name.partition('%')
    names = [interface for _, interface in socket.if_nameindex()]
    if zone and not zone.isdigit() and zone not in names:
        raise refusal(written, "this machine has no network interface of the name behind '%' (see 'ip link')")
    if re.match('fe[89ab].:', address, re.I) and not zone:
        interface = next((one for one in names if one != 'lo'), 'eth0')
        raise refusal(written, "a link-local address needs the network interface behind it, as in [%s%%%s] (one of 'ip "
                               "link')" % (name, interface))
    if ':' in name or zone:
        try:
            socket.inet_pton(socket.AF_INET6, address)
        except OSError:
            raise refusal(written, "it has ':' or '%' as an IPv6 address has, but is none")


def with_zone(peer):
    """The address of a socket's peer; some systems leave the zone out of its text."""
    zone = peer[3] if len(peer) > 3 else 0
    return '%s%%%d' % (peer[0], zone) if zone and '%' not in peer[0] else peer[0]
