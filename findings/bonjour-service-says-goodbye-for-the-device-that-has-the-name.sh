#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# bonjour-service (npm: 1.4.4), with which programs on Node.js announce themselves by mDNS; python3-zeroconf (Debian 12: 0.47.3)
# watches.
#
# Two devices announce a service with the same name, one after the other. By RFC 6762 (section 9) the second one takes another
# name, as Avahi does ("device #2"); at least one expects an event "error", and that the first device is left alone. Seen:
#   1. The second one asks whether the name is in use, hears the first one's answer, prints an Error with console.log and is not
#      announced. There is no event: neither "up" nor "error", and the callback for errors is not called.
#   2. While it stops it says goodbye (time to live 0) for the name it never had. Its records have the first one's name, so
#      those who watch, bonjour-service and zeroconf alike, take the first device off their lists. It still runs and answers.
# So a device that comes with a name in use makes another one disappear, until that one announces itself again. Names of
# devices that are announced with this library need something unique, such as a part of the MAC address.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed. It needs python3 and unshare.
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
import { Bonjour } from 'bonjour-service';
const [host, port] = process.argv.slice(2);
const bonjour = new Bonjour({}, () => console.log(`${host}: the callback for errors`));
const service = bonjour.publish({ name: 'device', type: 'update', host, port: Number(port) });
for (const event of ['up', 'down', 'error']) service.on(event, () => console.log(`${host}: event ${event}`));
JS
cat >watch.mjs <<'JS'
import { Bonjour } from 'bonjour-service';
import multicast from 'multicast-dns';
const browser = new Bonjour().find({ type: 'update' });
for (const event of ['up', 'down']) browser.on(event, ({ name, host }) => console.log(`bonjour-service: ${event} ${name}, ${host}`));
multicast().on('response', ({ answers }) => {
  const goodbye = answers.find(({ type, ttl }) => type === 'SRV' && ttl === 0);
  if (goodbye) console.log(`goodbye: ${goodbye.name}, ${goodbye.data.target}`);
});
JS
cat >watch.py <<'PY'
import time
from zeroconf import ServiceBrowser, Zeroconf

class Listener:
    def add_service(self, zeroconf, kind, name):
        print("zeroconf: up", name, flush=True)
    def remove_service(self, zeroconf, kind, name):
        print("zeroconf: down", name, flush=True)
    def update_service(self, zeroconf, kind, name):
        pass

zeroconf = Zeroconf(interfaces=["10.9.9.1"])
browser = ServiceBrowser(zeroconf, "_update._tcp.local.", Listener())
time.sleep(600)
PY
cat >ask.mjs <<'JS'
import multicast from 'multicast-dns';
const socket = multicast();
const name = 'device._update._tcp.local';
socket.on('response', ({ answers }) => {
  const answer = answers.find((record) => record.type === 'SRV' && record.name === name && record.ttl > 0);
  if (!answer) return;
  console.log(`asked for its name: ${answer.data.target} answers`);
  process.exit();
});
socket.on('ready', () => socket.query(name, 'SRV'));
setTimeout(() => process.exit(1), 60_000);
JS
cat >steps.sh <<'SH'
trap 'kill $(jobs -p)' EXIT
ip link set lo up multicast on
ip address add 10.9.9.1/24 dev lo
ip route add 224.0.0.0/4 dev lo
wait_for() { # wait_for FILE TEXT
    for _ in {1..600}; do grep -qs "$2" "$1" && return; sleep 0.1; done
    echo "no '$2' in $1"
    exit 1
}
node watch.mjs >watch &
PYTHONPATH=debian/usr/lib/python3/dist-packages python3 watch.py >watch-python &
node device.mjs first.local 8001 >first &
wait_for watch 'up device'
wait_for watch-python 'up device'
node device.mjs second.local 8002 >second &
wait_for second Error
wait_for watch 'down device'
wait_for watch goodbye
wait_for watch-python 'down device'
node ask.mjs >asked
cat first
grep -v '^ ' second
# What the first device announces again later may bring it back, so only the first line of each kind counts.
for kind in up goodbye down; do grep -m1 "$kind" watch; done
for kind in up down; do grep -m1 "$kind" watch-python; done
cat asked
SH
unshare --net --map-root-user bash -e steps.sh >seen
cat >expected <<'TEXT'
first.local: event up
Error: Service name is already in use on the network
bonjour-service: up device, first.local
goodbye: device._update._tcp.local, second.local
bonjour-service: down device, first.local
zeroconf: up device._update._tcp.local.
zeroconf: down device._update._tcp.local.
asked for its name: first.local answers
TEXT
sed -n 's/ *"version": "\(.*\)",/bonjour-service \1/p' node_modules/bonjour-service/package.json
cat seen
diff expected seen && echo 'as described'
