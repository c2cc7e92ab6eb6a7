#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NATS (Debian 12: nats-server 2.9.10; npm: nats 2.29.3): the names of a message's headers.
#
# NATS writes its headers as HTTP does ("NATS/1.0", name, colon, value), and gateways copy them from and to HTTP, where
# "Nats-Msg-Id" and "nats-msg-id" are one name; HTTP/2, node and fetch even write every name in lower case. JetStream has a
# duplicate window for Nats-Msg-Id. Seen when each message is published twice:
#   1. Nats-Msg-Id: the second is a duplicate and is not stored, as expected.
#   2. nats-msg-id: both are stored. The server acknowledges them like any other; the client says nothing either.
#   3. Nats-Expected-Stream with another stream's name: refused. In lower case: stored.
# So a message whose headers went through HTTP once loses its protection against duplicates and its conditions, without an error.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q nats-server=2.9.10-1+b3 >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q nats-server=2.9.10-1+b3 >/dev/null; }
dpkg -x nats-server_*.deb debian
npm init -y >/dev/null
npm install --silent --no-fund --no-audit nats@2.29.3
debian/usr/sbin/nats-server -a 127.0.0.1 -p 14231 -js -sd "$folder/store" >"$folder/log" 2>&1 &
server=$!
until (exec 3<>/dev/tcp/127.0.0.1/14231) 2>/dev/null; do sleep 0.1; done
cat >steps.mjs <<'JS'
import { connect, headers } from 'nats';
const connection = await connect({ servers: '127.0.0.1:14231' });
const manager = await connection.jetstreamManager();
const stream = connection.jetstream();
await manager.streams.add({ name: 'JOBS', subjects: ['jobs.*'] });
const publish = async (name, value) => {
  const lines = headers();
  lines.set(name, value);
  try {
    const { duplicate } = await stream.publish('jobs.one', 'text', { headers: lines });
    console.log(`${name}: ${duplicate ? 'duplicate' : 'stored'}`);
  } catch (error) {
    console.log(`${name}: ${error.message}`);
  }
};
for (const name of ['Nats-Msg-Id', 'nats-msg-id', 'Nats-Expected-Stream', 'nats-expected-stream']) {
  await publish(name, 'A');
  await publish(name, 'A');
}
await connection.close();
JS
node steps.mjs >seen
cat >expected <<'TEXT'
Nats-Msg-Id: stored
Nats-Msg-Id: duplicate
nats-msg-id: stored
nats-msg-id: stored
Nats-Expected-Stream: expected stream does not match
Nats-Expected-Stream: expected stream does not match
nats-expected-stream: stored
nats-expected-stream: stored
TEXT
debian/usr/sbin/nats-server --version
cat seen
diff expected seen && echo 'as described'
