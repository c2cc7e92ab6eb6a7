// SPDX-License-Identifier: Apache-2.0
// One session with the device: ticket, socket, login, then messages and data (docs/protocol.md). A secret in, a
// session that gives a listener what the device says out. Knows nothing of updates.

import { FULL } from './variant.js';
import { unbase64 } from './bytes.js';
import { firstMessage, mac, prove } from './scram.js';
import { seal } from './seal.js';
import { pairingCode } from './secret.js';

/** @import { Message, Request, Ticket } from './protocol.js' */
/** @import { Failure, Proof, Secret, Session } from './types.js' */
/** Gets each message from `welcome` on. @typedef {(message: Message, session: Session) => void} OnMessage */

const VERSION = 1;
const PING_MS = 20000; // a peer that says nothing for so long is dead

/** Not this device, or not its own words. @type {Failure} */
const falseDevice = { name: 'false_device' };

/** Something that is in the way. @param {string} device what came in place of it @returns {Failure} */
const notTheDevice = (device) => ({ name: 'not_the_device', device });

/** Where the WebSocket is, also when a proxy has put a prefix before the device's paths. @param {Ticket} ticket */
function socketAddress({ ws, page = ' ' }) {
  const { origin, pathname } = location;
  const prefix = pathname.endsWith(page) ? pathname.slice(0, -page.length) : '';
  return origin.replace('http', 'ws') + prefix + ws;
}

/**
 * @param {Ticket} ticket
 * @param {Secret} secret
 * @param {OnMessage} onMessage
 * @param {(failure: Failure) => void} end called once, when the session is over: why
 */
export function openSession(ticket, secret, onMessage, end) {
  const socket = new WebSocket(socketAddress(ticket));
  const first = firstMessage();
  /** @type {Proof | undefined} */ let proof;
  let isWelcome = false;
  let isAlive = true;
  const counts = { client: 0, device: 0 }; // of the macs
  let saidAt = 0;
  /** @type {boolean | undefined} */ let seals; // what the device and this page can do
  let begun = 0; // count of the last `begin`
  let start = 0; // offset of its `ready`
  let queued = 0; // bytes of data
  /** Reading and sealing take time; what is said meanwhile waits. @type {any} */
  let queue = FULL && Promise.resolve();

  /** A message with its count and mac, once there are keys. @param {string} text @param {'client' | 'device'} sender */
  function addMac(text, sender) {
    if (!isWelcome || !proof) return text;
    const signed = `${text.slice(0, -1)},"count":${++counts[sender]}`;
    return `${signed},"mac":"${mac(proof.keyOf(sender), signed)}"}`;
  }

  /** @param {Request} message */
  function say(message) {
    if (FULL) {
      saidAt = Date.now();
      if (message.type === 'begin') begun = counts.client + 1;
      // The data, and what a failed firmware has left: nobody else is to read them.
      if (/beg|log|cra/.test(message.type)) /** @type {{ sealed?: boolean | undefined }} */ (message).sealed = seals;
    }
    socket.send(addMac(JSON.stringify(message), 'client'));
  }

  /** @param {number} offset @param {BlobPart} bytes */ // every machine with a browser is little-endian
  const sendFrame = (offset, bytes) => socket.send(new Blob([Uint32Array.of(offset), bytes]));

  /** @param {() => unknown} job */
  const later = (job) => (queue = queue.then(job).catch(() => close()));

  /** @type {Session} */
  const session = {
    isOpen: ticket.login === 'none',
    roundTripMs: Infinity,
    waiting: () => socket.bufferedAmount + (FULL ? queued : 0),
    send(message) {
      if (FULL && message.type === 'begin') start = 0; // what follows at once comes before `ready`
      if (FULL && queued) later(() => say(message));
      else say(message);
    },
    sendData(offset, bytes) {
      const from = start; // `ready` may come before the bytes have been read
      if (!FULL || !seals || !proof) return sendFrame(offset, bytes);
      const key = proof.keyOf('data');
      queued += bytes.size;
      later(async () => {
        const data = new Uint8Array(await bytes.arrayBuffer());
        queued -= data.length;
        sendFrame(offset, seal(key, begun, from, offset, data));
      });
    },
  };

  const timer = setInterval(() => {
    if (!isAlive) close();
    isAlive = false;
    if (isWelcome) session.send({ type: 'ping' });
  }, PING_MS);

  /** Over, now: a socket may take minutes to notice that its peer has gone. @param {Failure} [failure] */
  function close(failure = { name: 'unreachable' }) {
    clearInterval(timer);
    socket.onmessage = socket.onclose = null;
    socket.close();
    end(failure);
  }

  /** Is it the device's next message, unchanged? @param {string} text */
  const isGenuine = (text) => text === addMac(text.replace(/,"count".*/, '}'), 'device');

  /** @param {Message} message */
  function take(message) {
    if (FULL && message.type === 'sealed') {
      const key = /** @type {Proof} */ (proof).keyOf('answers'); // without one there is no such message
      const bytes = seal(key, counts.device, 0, 0, unbase64(message.message));
      message = JSON.parse(new TextDecoder().decode(bytes));
    }
    if (message.type === 'error') return close(message);
    if (message.type === 'challenge') {
      proof = prove(secret, first, /** @type {string} */ (message.scram));
      if (!proof) return close(secret.password ? falseDevice : { name: 'password_needed' });
      session.send({ type: 'proof', scram: proof.message });
    } else if (message.type === 'welcome') {
      isWelcome = session.isOpen || (!!proof && message.scram === proof.answer);
      if (!isWelcome) return close(falseDevice);
    }
    if (FULL && message.type === 'state') seals = location.protocol === 'http:' ? message.seals : undefined;
    if (FULL && message.type === 'ready') start = message.offset;
    if (isWelcome) onMessage(message, session);
  }

  socket.onclose = () => close(notTheDevice('No WebSocket'));
  socket.onmessage = ({ data }) => {
    isAlive = true;
    if (FULL) session.roundTripMs = Math.min(session.roundTripMs, Date.now() - saidAt);
    if (isGenuine(data)) take(JSON.parse(data));
    else close(falseDevice);
  };
  socket.onopen = () => {
    socket.onclose = () => close();
    session.send({ type: 'hello', version: VERSION, ticket: ticket.ticket, scram: session.isOpen ? undefined : first });
  };
}

/** @returns {Promise<Ticket | Failure>} */
async function askTicket() {
  const response = await fetch(location.pathname, {
    method: 'POST',
    redirect: 'manual',
    signal: AbortSignal.timeout(PING_MS),
  });
  const { status } = response;
  const answer = await response.json().catch(() => undefined);
  if (answer?.ticket || answer?.name) return answer;
  return status === 431 ? { name: 'http_431' } : notTheDevice(`HTTP ${status || '3xx'}`); // 0 is a redirection
}

/**
 * One session, from the ticket to its end.
 * @param {Secret} secret without password and what is kept of it when none is known yet
 * @param {OnMessage} onMessage
 * @returns {Promise<Failure>} why it has ended; `password_needed` when there is no session without one
 */
export async function attend(secret, onMessage) {
  try {
    const ticket = await askTicket();
    if ('name' in ticket) return ticket;
    if (ticket.version !== VERSION) return { name: 'wrong_version' };
    if (ticket.login !== 'none' && !secret.password && !secret.kept) return { name: 'password_needed' };
    if (ticket.code) secret.password = pairingCode(secret.password);
    return await new Promise((end) => openSession(ticket, secret, onMessage, end));
  } catch {
    return { name: 'unreachable' };
  }
}
