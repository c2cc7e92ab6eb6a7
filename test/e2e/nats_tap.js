// SPDX-License-Identifier: Apache-2.0
// Stands between one client and its NATS server, and stops everything at one message of the client: so a process can be
// killed between two steps, to the message.
import { once } from 'node:events';
import net from 'node:net';

/** Messages that a client publishes, cut out of its stream (PUB and HPUB of the NATS protocol); other lines pass as they
 * are. `take({ subject, text })` with the headers in `text`; `raw` is what goes on to the server. */
class Reader {
  constructor(take) {
    this.take = take;
    this.rest = Buffer.alloc(0);
  }

  read(bytes) {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      const end = this.rest.indexOf('\r\n');
      if (end < 0) return;
      const words = this.rest.toString('latin1', 0, end).split(' ');
      const isMessage = words[0] === 'PUB' || words[0] === 'HPUB';
      const length = end + 2 + (isMessage ? Number(words.at(-1)) + 2 : 0);
      if (this.rest.length < length) return;
      const raw = this.rest.subarray(0, length);
      this.rest = this.rest.subarray(length);
      this.take(isMessage ? { subject: words[1], text: raw.toString('latin1', end + 2) } : undefined, raw);
    }
  }
}

/** `point`: `is(message)` chooses the message; with `stored` the server still gets it, and has answered before `reached`.
 * After that nothing passes any more, in either direction. */
export class Tap {
  static async start(port, point) {
    const tap = new Tap();
    tap.reached = new Promise((resolve) => (tap.stop = resolve));
    tap.server = net.createServer((client) => tap.#join(client, net.connect(port, '127.0.0.1'), point));
    tap.server.listen(0, '127.0.0.1').unref();
    await once(tap.server, 'listening');
    tap.url = `nats://127.0.0.1:${tap.server.address().port}`;
    return tap;
  }

  #join(client, server, point) {
    const reader = new Reader((message, raw) => {
      if (this.isStopped) return;
      this.isStopped = message !== undefined && point.is(message);
      if (!this.isStopped || point.stored) server.write(raw);
      if (this.isStopped && !point.stored) this.stop();
    });
    client.on('data', (bytes) => reader.read(bytes));
    server.on('data', (bytes) => (this.isStopped ? this.stop() : client.write(bytes)));
    for (const [socket, other] of [[client, server], [server, client]]) {
      socket.unref();
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
  }
}
