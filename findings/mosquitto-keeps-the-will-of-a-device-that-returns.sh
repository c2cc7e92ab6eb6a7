#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mosquitto (Debian 12: 2.0.11), an MQTT broker, with the client of npm "mqtt" 5.10.1.
#
# A device has a will: the broker publishes "offline" when the connection ends without a DISCONNECT. The device loses its power
# and connects again with its name before the broker has missed it, so the broker closes the old connection. MQTT 3.1.1 knows no
# exception: the will is published (section 3.1.2.5). MQTT 5 has one: not if the new connection takes the session over (Clean
# Start 0) and the will has a delay (section 3.1.3.2.2). So one expects "offline" in 5 of 6 cases. Seen: in 2 of 6.
#   1. With a new session and no delay, "offline" comes: MQTT 3.1.1 and 5.
#   2. With a session that is taken over it never comes: not in MQTT 3.1.1, and in MQTT 5 not without a delay either.
#   3. MQTT 5, a new session, a will with a delay of one second: the old session ends, but the will never comes.
#   4. When the old connection breaks before the new one comes, "offline" comes in MQTT 3.1.1, also with the session taken over.
# Devices that wait for updates have a session that is kept. So whoever counts their restarts by wills counts too few; the device
# has to say itself that it has started, in a message of its own.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
packages=(mosquitto=2.0.11-1.2+deb12u2 libcjson1 libdlt2 libev4 libuv1 libwebsockets17 libwrap0)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-fund --no-audit mqtt@5.10.1
run() {
    local libraries="$folder/debian/usr/lib/$(uname -m)-linux-gnu:$folder/debian/lib/$(uname -m)-linux-gnu"
    LD_LIBRARY_PATH=$libraries exec "$folder/debian/usr/$1" "${@:2}"
}
printf 'listener 14242 127.0.0.1\nallow_anonymous true\n' >configuration
run sbin/mosquitto -c configuration 2>log &
until (exec 3<>/dev/tcp/127.0.0.1/14242) 2>/dev/null; do sleep 0.1; done
cat >wills.cjs <<'JS'
const mqtt = require('mqtt');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const connect = (options) => mqtt.connectAsync('mqtt://127.0.0.1:14242', { reconnectPeriod: 0, ...options });

(async () => {
  const watcher = await connect();
  let seen = [];
  watcher.on('message', (_, message) => seen.push(String(message)));
  await watcher.subscribeAsync('state', { qos: 1 });
  const say = (client, message) => client.publishAsync('state', message, { qos: 1 });
  const comes = async (message) => { while (!seen.includes(message)) await pause(20); };

  // The device connects, says "start 1", and connects a second time as "start 2". "breaks" ends its first connection before.
  async function restart(protocolVersion, clean, delay, breaks) {
    seen = [];
    const will = { topic: 'state', payload: 'offline', qos: 1 };
    const options = { protocolVersion, clean, clientId: `device ${protocolVersion} ${clean} ${delay} ${breaks}`, will };
    if (protocolVersion === 5) {
      options.properties = { sessionExpiryInterval: 3600 };
      will.properties = { willDelayInterval: delay };
    }
    const first = await connect(options);
    await say(first, 'start 1');
    await comes('start 1');
    if (breaks) {
      first.stream.destroy();
      await comes('offline');
    }
    const second = await connect(options);
    await say(second, 'start 2');
    await comes('start 2');
    await pause(4000); // four times the longest delay of a will
    const session = clean ? 'new session' : 'session taken over';
    console.log(`MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}, ${session}, delay ${delay}${breaks ? ', broken before' : ''}: ${seen.join(', ')}`);
    await second.endAsync();
    if (!breaks) first.end(true);
  }

  await restart(4, true, 0);
  await restart(4, false, 0);
  await restart(5, true, 0);
  await restart(5, false, 0);
  await restart(5, true, 1);
  await restart(5, false, 1);
  await restart(4, false, 0, true);
  await watcher.endAsync();
})();
JS
node wills.cjs >seen
cat >expected <<'TEXT'
MQTT 3.1.1, new session, delay 0: start 1, offline, start 2
MQTT 3.1.1, session taken over, delay 0: start 1, start 2
MQTT 5, new session, delay 0: start 1, offline, start 2
MQTT 5, session taken over, delay 0: start 1, start 2
MQTT 5, new session, delay 1: start 1, start 2
MQTT 5, session taken over, delay 1: start 1, start 2
MQTT 3.1.1, session taken over, delay 0, broken before: start 1, offline, start 2
TEXT
{ (run sbin/mosquitto -h) || true; } | sed -n 1p
cat seen
diff expected seen && echo 'as described'
