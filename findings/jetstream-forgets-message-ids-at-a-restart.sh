#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NATS JetStream (Debian 12: nats-server 2.9.10; npm: nats 2.29.3).
#
# A stream has a duplicate window: a second publish with the same Nats-Msg-Id is refused within that time. Three things follow
# that a user of the window does not expect, all with a window of 24 hours and a stream on disk:
#   1. The first message is deleted, the stream is purged and empty: the same Msg-Id is still a duplicate. The publish is
#      acknowledged without an error, and the stream stays empty.
#   2. The server is restarted (a clean stop): the same Msg-Id is stored. Ids are rebuilt only from messages that are still
#      in the stream, so the window of 24 hours ends at the restart for everything that was purged.
#   3. An id whose message is still in the stream stays a duplicate after the same restart.
# So "published twice with one id" is neither "stored once" nor "stored at least once".
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
cat >steps.mjs <<'JS'
import { connect } from 'nats';
const connection = await connect({ servers: '127.0.0.1:14222' });
const manager = await connection.jetstreamManager();
const stream = connection.jetstream();
const say = async (what, id) => {
  const { duplicate } = await stream.publish('jobs.one', 'text', { msgID: id });
  const { state } = await manager.streams.info('JOBS');
  console.log(`${what}: ${duplicate ? 'duplicate' : 'stored'}, ${state.messages} in the stream`);
};
if (process.argv[2] === 'before') {
  const day = 24 * 3600 * 1e9;
  await manager.streams.add({ name: 'JOBS', subjects: ['jobs.*'], storage: 'file', duplicate_window: day });
  await say('first publish of A', 'A');
  await manager.streams.purge('JOBS');
  await say('A after a purge', 'A');
  await say('first publish of B', 'B');
} else {
  await say('B after a restart', 'B');
  await say('A after a restart', 'A');
}
await connection.close();
JS
start() {
    debian/usr/sbin/nats-server -a 127.0.0.1 -p 14222 -js -sd "$folder/store" >"$folder/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        (exec 3<>/dev/tcp/127.0.0.1/14222) 2>/dev/null && return
        sleep 0.1
    done
    cat "$folder/log"
    exit 1
}
start
node steps.mjs before >seen
kill "$server"
wait "$server" || true
start
node steps.mjs after >>seen
cat >expected <<'TEXT'
first publish of A: stored, 1 in the stream
A after a purge: duplicate, 0 in the stream
first publish of B: stored, 1 in the stream
B after a restart: duplicate, 1 in the stream
A after a restart: stored, 2 in the stream
TEXT
debian/usr/sbin/nats-server --version
cat seen
diff expected seen && echo 'as described'
