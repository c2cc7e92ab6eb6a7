# SPDX-License-Identifier: Apache-2.0
"""The address of a device, as people write it."""
import re
import socket


class Address:
    """HOST of the command line: name, name:port, [ipv6], http://name/path. ValueError says what is wrong with it."""

    def __init__(self, written):
        form = r'(?:(?i:(https?))://)?(?:\[([^\]/]+)\]|([A-Za-z0-9._%-]+))(?::(\d{1,5}))?(/[!-"$->@-~]*)?'
        match = re.fullmatch(form, written)
        port = int(match[4] or 80) if match else 0
        if '#' in written:
            raise ValueError("'%s' goes on after '#'; a code or password is never an argument." % written)
        if not match or not 0 < port < 65536:
            raise ValueError("'%s' is no address of a device: expected is NAME, NAME:PORT or "
                             "http(s)://NAME[:PORT][/PATH]." % written)
        self.tls = (match[1] or '').lower() == 'https'
        self.name = (match[2] or match[3]).replace('%25', '%')
        self.port = int(match[4] or (443 if self.tls else 80))
        check_zone(self.name, written)
        path = match[5] or '/ota'
        self.paths = [path + 'ota', path] if path.endswith('/') else [path]
        self.where = ('[%s]:%d' if ':' in self.name else '%s:%d') % (self.name, self.port)

    def host_header(self, name):
        name = name.split('%')[0]
        name = '[%s]' % name if ':' in name else name
        return name if self.port == (443 if self.tls else 80) else '%s:%d' % (name, self.port)


def check_zone(name, written):
    """A link-local address is nothing without the network interface behind it."""
    address, _, zone = name.partition('%')
    names = [interface for _, interface in socket.if_nameindex()]
    if re.match('fe[89ab].:', address, re.I) and not zone:
        interface = next((one for one in names if one != 'lo'), 'eth0')
        raise ValueError("'%s' is no address of a device: a link-local address needs the network interface behind it, as "
                         'in [%s%%%s].' % (written, address, interface))
    if zone and not zone.isdigit() and zone not in names:
        raise ValueError("'%s' is no address of a device: this machine has no network interface of the name behind '%%'."
                         % written)
