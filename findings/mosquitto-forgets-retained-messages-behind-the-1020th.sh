#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mosquitto (Debian 12: 2.0.11), an MQTT broker, with the client of npm "mqtt" 5.10.1.
#
# 3,000 devices have each left their state in a retained message of QoS 1. A client subscribes to all of them; it is connected
# and acknowledges what comes. One expects 3,000 messages, and the fewest losses with QoS 1 or 2. Seen instead:
#   1. Subscribed with QoS 0: 3,000 messages.
#   2. Subscribed with QoS 1 or 2: 1,020 messages, and the same number each time. The broker takes all retained messages at
#      once, while it answers the subscription; 20 go on their way (max_inflight_messages), 1,000 wait (max_queued_messages),
#      the others are dropped. The client gets no error: SUBACK grants the QoS. Only the broker's log has a line.
#   3. With one subscription for each group of 500, made one after the other has come: 3,000 messages with QoS 1.
# So who reads the versions of a fleet from retained messages takes QoS 0, or groups, or raises max_queued_messages.
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
printf 'listener 14240 127.0.0.1\nallow_anonymous true\n' >configuration
run sbin/mosquitto -c configuration 2>log &
until (exec 3<>/dev/tcp/127.0.0.1/14240) 2>/dev/null; do sleep 0.1; done
cat >fleet.cjs <<'JS'
const mqtt = require('mqtt');
const devices = 3000;
const group = 500;
const connect = () => mqtt.connectAsync('mqtt://127.0.0.1:14240');

// The number of states that one client gets. A mark is published behind each subscription; it comes behind the states.
async function read(topics, qos) {
  const client = await connect();
  let states = 0;
  let reached;
  client.on('message', (topic, message) => (topic === 'mark' ? reached(String(message)) : states++));
  await client.subscribeAsync('mark', { qos });
  for (const topic of topics) {
    const granted = await client.subscribeAsync(topic, { qos });
    if (granted[0].qos !== qos) throw new Error('another QoS was granted');
    // A mark that finds a full queue is dropped as well, so it is sent until one arrives.
    const arrived = new Promise((resolve) => { reached = (name) => name === topic && resolve(); });
    const timer = setInterval(() => client.publish('mark', topic, { qos }), 500);
    await arrived;
    clearInterval(timer);
  }
  await client.endAsync();
  return states;
}

(async () => {
  const fleet = await connect();
  const all = Array.from({ length: devices }, (_, i) =>
    fleet.publishAsync(`fleet/${Math.floor(i / group)}/${i}`, 'version 1.0', { qos: 1, retain: true }));
  await Promise.all(all);
  const groups = Array.from({ length: devices / group }, (_, i) => `fleet/${i}/+`);
  for (const qos of [0, 1, 2, 1]) console.log(`one subscription, QoS ${qos}: ${await read(['fleet/+/+'], qos)} of ${devices}`);
  console.log(`a subscription for each group, QoS 1: ${await read(groups, 1)} of ${devices}`);
  await fleet.endAsync();
})();
JS
node fleet.cjs >seen
echo "in the log: $(grep -c 'messages are being dropped' log) times that messages were dropped" >>seen
cat >expected <<'TEXT'
one subscription, QoS 0: 3000 of 3000
one subscription, QoS 1: 1020 of 3000
one subscription, QoS 2: 1020 of 3000
one subscription, QoS 1: 1020 of 3000
a subscription for each group, QoS 1: 3000 of 3000
in the log: 3 times that messages were dropped
TEXT
{ (run sbin/mosquitto -h) || true; } | sed -n 1p
cat seen
diff expected seen && echo 'as described'
