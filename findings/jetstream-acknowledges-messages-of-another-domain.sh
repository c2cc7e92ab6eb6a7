#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NATS JetStream (Debian 12: nats-server 2.9.10; npm: nats 2.29.3): a hub and two leaf nodes.
#
# Each leaf node has a JetStream domain of its own ("north", "south"), a stream JOBS with the WorkQueue policy and a consumer
# "worker". Domains keep the API of the servers apart, so one expects that the two queues have nothing to do with each
# other. Each has one job, and its worker takes it. Seen:
#   1. North acknowledges its job. The job of south is removed from south's queue too, although its worker has not
#      acknowledged it and never will: nothing waits for an acknowledgement any more.
#   2. With different names of the consumers ("worker-north", "worker-south") south's job stays.
# The cause: the subject of an acknowledgement, "$JS.ACK.JOBS.worker.1.1.1....", has no domain and goes through the leaf
# nodes to all servers of the account. A server that has a stream and a consumer of these names takes it for its own
# message with the same number. A negative acknowledgement or "in progress" goes the same way.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
servers=()
trap '[ "${#servers[@]}" -eq 0 ] || kill "${servers[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q nats-server=2.9.10-1+b3 >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q nats-server=2.9.10-1+b3 >/dev/null; }
dpkg -x nats-server_*.deb debian
npm init -y >/dev/null
npm install --silent --no-fund --no-audit nats@2.29.3
start() { # name port more
    printf 'server_name: %s\nhost: 127.0.0.1\nport: %s\njetstream { domain: %s, store_dir: "%s/%s" }\nleafnodes { %s }\n' \
        "$1" "$2" "$1" "$folder" "$1" "$3" >"$1.conf"
    debian/usr/sbin/nats-server -c "$1.conf" >"$1.log" 2>&1 &
    servers+=($!)
    until (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; do sleep 0.1; done
}
start hub 14241 'host: 127.0.0.1, port: 14244'
start north 14242 'remotes: [ { url: "nats-leaf://127.0.0.1:14244" } ]'
start south 14243 'remotes: [ { url: "nats-leaf://127.0.0.1:14244" } ]'
sleep 2
cat >steps.mjs <<'JS'
import { connect } from 'nats';
const sites = {};
for (const [name, port] of [['north', 14242], ['south', 14243]]) {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  sites[name] = { connection, manager: await connection.jetstreamManager(), stream: connection.jetstream() };
}
const round = async (what, stream, worker) => {
  const jobs = {};
  for (const [name, site] of Object.entries(sites)) {
    await site.manager.streams.add({ name: stream, subjects: [`${name}.${stream}.*`], retention: 'workqueue' });
    await site.manager.consumers.add(stream, { durable_name: worker(name), ack_policy: 'explicit', ack_wait: 60e9 });
    await site.stream.publish(`${name}.${stream}.one`, 'text');
    jobs[name] = await (await site.stream.consumers.get(stream, worker(name))).next({ expires: 2000 });
  }
  jobs.north.ack();
  await sites.north.connection.flush();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const { state } = await sites.south.manager.streams.info(stream);
  const { num_ack_pending } = await sites.south.manager.consumers.info(stream, worker('south'));
  console.log(`${what}: in south's queue ${state.messages}, not acknowledged ${num_ack_pending}`);
};
await round('the same name', 'JOBS', () => 'worker');
await round('names of their own', 'JOBS2', (name) => `worker-${name}`);
for (const { connection } of Object.values(sites)) await connection.close();
JS
node steps.mjs >seen
cat >expected <<'TEXT'
the same name: in south's queue 0, not acknowledged 0
names of their own: in south's queue 1, not acknowledged 1
TEXT
debian/usr/sbin/nats-server --version
cat seen
diff expected seen && echo 'as described'
