// SPDX-License-Identifier: Apache-2.0
// An image that is in the slot already, and an update while others look on.
import http from 'node:http';
import { RATE } from './floor.js';
import { median, packages, runCli, startDevice, startLink, updateOf } from './measure.js';

const WebSocket = packages('ws');

const link = { rtt: 10, window: 5760, rate: RATE };
const near = { rtt: 3, window: 23040, rate: RATE }; // where the flash counts, not the network
const VIEWERS = 8;

async function push(device, image, settings = link) {
  const own = await startLink(device.port, settings);
  try {
    await runCli(['push', '--no-restart', '--compress', 'never', image, `127.0.0.1:${own.port}`]);
    return await updateOf(own);
  } finally {
    await own.stop();
  }
}

/** The same image twice; it is taken back in between. Over a good link, and over none. */
export async function measureAgain(settings) {
  return { near: await measureTwice(near, settings), open: await measureTwice({}, settings) };
}

async function measureTwice(link, { base, holds, image, runs }) {
  const first = [];
  const second = [];
  for (let run = 0; run < runs; run++) {
    const device = await startDevice({ base, holds });
    first.push((await push(device, image, link)).time_ms);
    await runCli(['cancel', `127.0.0.1:${device.port}`]);
    second.push((await push(device, image, link)).time_ms);
    await device.stop();
  }
  return { ...link, first_ms: median(first), second_ms: median(second) };
}

const ask = (port, method) =>
  new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port, path: '/ota', method, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (bytes) => (body += bytes));
      answer.on('end', () => resolve(body));
    });
    request.on('error', reject);
    request.end();
  });

/** Logs in to a device without a password, and counts what it hears. */
async function view(port) {
  const { ticket, ws } = JSON.parse(await ask(port, 'POST'));
  const socket = new WebSocket(`ws://127.0.0.1:${port}${ws}`);
  const viewer = { socket, received: 0 };
  await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', version: 1, ticket })));
    socket.on('message', (text) => {
      viewer.received++;
      if (JSON.parse(text).type === 'state') resolve();
    });
  });
  return viewer;
}

/** The viewers, and somebody who loads the page all the time, come through a link as good as the update's. */
async function pushInCrowd(device, image) {
  const crowd = await startLink(device.port, link);
  const viewers = [];
  for (let i = 0; i < VIEWERS; i++) viewers.push(await view(crowd.port));
  let loads = 0;
  let goes = true;
  const loading = (async () => {
    while (goes) {
      await ask(crowd.port, 'GET');
      loads++;
    }
  })();
  const { time_ms } = await push(device, image);
  goes = false;
  await loading;
  const received = median(viewers.map((viewer) => viewer.received));
  for (const { socket } of viewers) socket.terminate();
  await crowd.stop();
  return { time_ms, loads, received };
}

export async function measureCrowd({ base, holds, image, runs }) {
  const alone = [];
  const crowded = [];
  for (let run = 0; run < runs; run++) {
    const devices = [await startDevice({ base, holds }), await startDevice({ base, holds })];
    const [one, other] = await Promise.all([push(devices[0], image), pushInCrowd(devices[1], image)]);
    alone.push(one.time_ms);
    crowded.push(other);
    await Promise.all(devices.map((device) => device.stop()));
  }
  return {
    viewers: VIEWERS,
    alone_ms: median(alone),
    crowded_ms: median(crowded.map((result) => result.time_ms)),
    page_loads: median(crowded.map((result) => result.loads)),
    messages_each: median(crowded.map((result) => result.received)),
  };
}
