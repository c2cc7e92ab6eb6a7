#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bonjour-service (npm: 1.4.4), which finds devices by DNS-SD, with python3-zeroconf (Debian 12: 0.47.3) beside it.
#
# A device announces a TXT record (by npm's multicast-dns 7.2.5) with the strings v=first, v=second, flag, empty= and n=a=b.
# RFC 6763 says what they mean (section 6.4): of equal keys only the first counts; "flag" is a key without a value, "empty="
# a key whose value is empty; only the first "=" divides. One expects that two libraries for one RFC see one record:
#   1. zeroconf sees v = first. bonjour-service sees v = second.
#   2. zeroconf sees flag without a value, and empty with an empty value. bonjour-service has "flag" with the value undefined,
#      and a key that is named "empty=", sign included, with undefined, too: txt.empty does not exist. JSON.stringify drops
#      both.
#   3. Both see n = a=b.
# So a device that says "no path" by "path=" must expect a client that asks for its default instead.
#
# It runs in a network of its own (unshare): its packets reach no other machine.
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
packages=(python3-zeroconf=0.47.3-1 python3-ifaddr=0.1.7-2 python3-async-timeout=4.0.2-1)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-fund --no-audit bonjour-service@1.4.4 multicast-dns@7.2.5
cat >device.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import multicast from 'multicast-dns';
const socket = multicast();
const name = 'device._update._tcp.local';
const answers = [
  { name: '_update._tcp.local', type: 'PTR', data: name },
  { name, type: 'SRV', data: { port: 80, target: 'device.local' } },
  { name, type: 'TXT', data: ['v=first', 'v=second', 'flag', 'empty=', 'n=a=b'] },
  { name: 'device.local', type: 'A', data: '10.9.9.1' },
].map((record) => ({ ttl: 120, ...record }));
const isOurs = (question) => /update|device/.test(question.name);
socket.on('query', ({ questions }) => questions.some(isOurs) && socket.respond({ answers }));
socket.on('ready', () => writeFileSync('ready', 'yes'));
JS
cat >find.mjs <<'JS'
import { Bonjour } from 'bonjour-service';
new Bonjour().find({ type: 'update' }, ({ txt }) => {
  for (const pair of Object.entries(txt)) console.log("bonjour-service:", ...pair.flatMap((word, i) => (i ? ["is", JSON.stringify(word)] : JSON.stringify(word))));
  console.log(`bonjour-service, as JSON: ${JSON.stringify(txt)}`);
  process.exit();
});
setTimeout(() => process.exit(1), 60_000);
JS
cat >find.py <<'PY'
from zeroconf import Zeroconf
zeroconf = Zeroconf(interfaces=["10.9.9.1"])
info = zeroconf.get_service_info("_update._tcp.local.", "device._update._tcp.local.", 60000)
for key, value in info.properties.items():
    print("zeroconf:", key, "is", value)
zeroconf.close()
PY
cat >steps.sh <<'SH'
ip link set lo up multicast on
ip address add 10.9.9.1/24 dev lo
ip route add 224.0.0.0/4 dev lo
node device.mjs &
device=$!
until [ -e ready ]; do sleep 0.1; done
PYTHONPATH=debian/usr/lib/python3/dist-packages python3 find.py
node find.mjs
kill "$device"
SH
unshare --net --map-root-user bash -e steps.sh >seen
cat >expected <<'TEXT'
zeroconf: b'v' is b'first'
zeroconf: b'flag' is None
zeroconf: b'empty' is b''
zeroconf: b'n' is b'a=b'
bonjour-service: "v" is "second"
bonjour-service: "flag" is undefined
bonjour-service: "empty=" is undefined
bonjour-service: "n" is "a=b"
bonjour-service, as JSON: {"v":"second","n":"a=b"}
TEXT
cat seen
diff expected seen && echo 'as described'
