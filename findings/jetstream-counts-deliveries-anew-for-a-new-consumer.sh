#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# NATS JetStream (Debian 12: nats-server 2.9.10; npm: nats 2.29.3).
#
# A stream with the WorkQueue policy and a durable consumer with max_deliver 2. A worker takes the one job twice and gives it
# back (nak) both times. One expects that the job is removed then, or parked for good: a work queue hands each job to one
# worker, and this job has used its two deliveries. Seen instead:
#   1. The job stays in the stream and counts as one message, but the consumer says that nothing is pending (num_pending 0)
#      and nothing waits for an acknowledgement (num_ack_pending 0): an empty queue by its own numbers.
#   2. The consumer is deleted and made again with the same name and options: the same job comes once more, as delivery 1.
# So max_deliver is no property of the job, and a gateway that recreates its consumer at each start repeats what had failed
# for good.
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
debian/usr/sbin/nats-server -a 127.0.0.1 -p 14223 -js -sd "$folder/store" >"$folder/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    if (exec 3<>/dev/tcp/127.0.0.1/14223) 2>/dev/null; then break; fi
    sleep 0.1
done
cat >steps.mjs <<'JS'
import { connect } from 'nats';
const connection = await connect({ servers: '127.0.0.1:14223' });
const manager = await connection.jetstreamManager();
const stream = connection.jetstream();
await manager.streams.add({ name: 'JOBS', subjects: ['jobs.*'], retention: 'workqueue' });
await stream.publish('jobs.one', 'text');
const options = { durable_name: 'worker', ack_policy: 'explicit', max_deliver: 2, ack_wait: 5e9 };
const take = async (what) => {
  const job = await (await stream.consumers.get('JOBS', 'worker')).next({ expires: 2000 });
  console.log(`${what}: ${job === null ? 'no job' : `delivery ${job.info.redeliveryCount}`}`);
  job?.nak();
  await connection.flush();
};
const count = async () => {
  const { state } = await manager.streams.info('JOBS');
  const worker = await manager.consumers.info('JOBS', 'worker');
  console.log(`in the stream ${state.messages}, pending ${worker.num_pending}, not acknowledged ${worker.num_ack_pending}`);
};
await manager.consumers.add('JOBS', options);
await take('first take');
await take('second take');
await take('third take');
await count();
await manager.consumers.delete('JOBS', 'worker');
await manager.consumers.add('JOBS', options);
await take('after the consumer was made anew');
await connection.close();
JS
node steps.mjs >seen
cat >expected <<'TEXT'
first take: delivery 1
second take: delivery 2
third take: no job
in the stream 1, pending 0, not acknowledged 0
after the consumer was made anew: delivery 1
TEXT
debian/usr/sbin/nats-server --version
cat seen
diff expected seen && echo 'as described'
