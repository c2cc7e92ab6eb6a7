#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Avahi (Debian 12: 0.8-10+deb12u1): the answer to a one-shot query (RFC 6762, section 6.7) for a service of which one
# machine has 30.
#
# RFC 6762, section 6.7, lets a simple program send its question from any port, and a responder then answers to that port.
# Section 18.5 and RFC 1035 give a message that was cut the bit TC. One expects all 30 names, or the bit. Seen is:
#   1. From a port of its own: one message of at most 512 bytes with some of the 30 names, and without TC. The same again at
#      each further query: no query brings the others.
#   2. From port 5353, where answers go to everybody: all 30.
# So who asks from a port of his own, and trusts that the answer is whole, misses devices.
#
# The script makes two networks of its own, sends nothing elsewhere, and needs no root where user namespaces are allowed.
# It exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
if [ "${1:-}" != inside ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    packages=(avahi-daemon=0.8-10+deb12u1 libavahi-core7=0.8-10+deb12u1 libavahi-common3=0.8-10+deb12u1 libdaemon0)
    cd "$folder"
    apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
    for package in *.deb; do dpkg -x "$package" debian; done
    cd - >/dev/null
    map=()
    [ "$(id -u)" = 0 ] || map=(--map-root-user)
    unshare "${map[@]}" --net --mount bash "$0" inside "$folder"
    exit
fi
folder=$2
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /etc/avahi 2>/dev/null || { mkdir -p "$folder/etc"; mount --bind "$folder/etc" /etc/avahi; }
mkdir -p /run/avahi-daemon /etc/avahi/services
for number in $(seq 30); do
    printf '<service-group><name>lamp-%s</name><service><type>_lamp._tcp</type><port>80</port></service></service-group>\n' \
        "$number" >"/etc/avahi/services/lamp-$number.service"
done
printf '[server]\nuse-ipv6=no\nenable-dbus=no\nhost-name=machine\n[publish]\npublish-workstation=no\npublish-hinfo=no\n' >"$folder/conf"
unshare --net sleep infinity & other=$!
until [ "$(readlink "/proc/$other/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
ip link set lo up
ip link add cable type veth peer name cable netns "$other"
ip addr add 10.77.0.1/24 dev cable
ip link set cable up
nsenter -t "$other" -n sh -c 'ip link set lo up; ip addr add 10.77.0.2/24 dev cable; ip link set cable up'
export LD_LIBRARY_PATH=$folder/debian/usr/lib/$(uname -m)-linux-gnu
"$folder/debian/usr/sbin/avahi-daemon" -f "$folder/conf" --no-drop-root --no-chroot --no-rlimits --no-proc-title >"$folder/log" 2>&1 &
until [ "$(grep -c 'successfully established' "$folder/log")" -ge 30 ]; do sleep 0.2; done
cat >"$folder/ask.py" <<'PYTHON'
import socket, struct, sys, time
NAME = b'\5_lamp\4_tcp\5local\0'
QUERY = struct.pack('>6H', 7, 0, 1, 0, 0, 0) + NAME + struct.pack('>2H', 12, 1)
port = int(sys.argv[1])
link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
link.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
link.bind(('', port))
if port:
    link.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('224.0.0.251') + socket.inet_aton('10.77.0.2'))
link.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton('10.77.0.2'))
names, largest, marks, messages = set(), 0, 0, 0
for _ in range(4):
    link.sendto(QUERY, ('224.0.0.251', 5353))
    end = time.monotonic() + 2
    while time.monotonic() < end:
        link.settimeout(max(0.01, end - time.monotonic()))
        try:
            data, peer = link.recvfrom(9000)
        except socket.timeout:
            break
        if peer[0] != '10.77.0.1' or not data[2] & 0x80:
            continue
        messages, largest, marks = messages + 1, max(largest, len(data)), marks + (data[2] >> 1 & 1)
        names |= {b'lamp-%d' % number for number in range(1, 31) if b'%clamp-%d' % (len('lamp-%d' % number), number) in data}
print(f'{messages} messages of at most {largest} bytes, {marks} with TC: {len(names)} of 30 names')
PYTHON
one_shot=$(nsenter -t "$other" -n python3 "$folder/ask.py" 0)
shared=$(nsenter -t "$other" -n python3 "$folder/ask.py" 5353)
echo "from a port of its own: $one_shot"
echo "from port 5353: $shared"
[[ $shared == *': 30 of 30 names' && $one_shot != *': 30 of 30 names' && $one_shot == *', 0 with TC'* ]] || exit 1
[[ $one_shot =~ at\ most\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -le 512 ]
