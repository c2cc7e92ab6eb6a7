// SPDX-License-Identifier: Apache-2.0
// One session with the device: ticket, socket, login, then messages and data (docs/protocol.md). A secret in, a
// session that gives a listener what the device says out. Knows nothing of updates.

import { firstMessage, mac, prove } from './scram.js';
import { pairingCode } from './secret.js';

/** @import { Failure, Message, Ticket } from './protocol.js' */
/** @import { Proof, Secret, Session } from './types.js' */
/** Gets each message from `welcome` on. @typedef {(message: Message, session: Session) => void} Tell */

const VERSION = 1;
const PING_MS = 20000; // a peer that says nothing for so long is dead

/** Not this device, or not its own words. @type {Failure} */
const falseDevice = { name: 'false_device' };

/** Something that is in the way. @param {string} device what came in place of it @returns {Failure} */
const notTheDevice = (device) => ({ name: 'not_the_device', device });

/** A message with its count and mac. @param {string} text @param {number} count @param {Uint8Array} key */
function seal(text, count, key) {
  const signed = `${text.slice(0, -1)},"count":${count}`;
  return `${signed},"mac":"${mac(key, signed)}"}`;
}

/** Where the WebSocket is, also when a proxy has put a prefix before the device's paths. @param {Ticket} ticket */
function socketAddress({ ws, page = ' ' }) {
  const { origin, pathname } = location;
  const prefix = pathname.endsWith(page) ? pathname.slice(0, -page.length) : '';
  return origin.replace('http', 'ws') + prefix + ws;
}

/**
 * @param {Ticket} ticket
 * @param {Secret} secret
 * @param {Tell} tell
 * @param {(failure: Failure) => void} end called once, when the session is over: why
 */
export function openSession(ticket, secret, tell, end) {
  const socket = new WebSocket(socketAddress(ticket));
  const first = firstMessage();
  /** @type {Proof | undefined} */ let proof;
  let isWelcome = false;
  let isAlive = true;
  let sent = 0;
  let received = 0;
  let saidAt = 0;

  /** @type {Session} */
  const session = {
    isOpen: ticket.login === 'none',
    roundTripMs: Infinity,
    waiting: () => socket.bufferedAmount,
    send(message) {
      const text = JSON.stringify(message);
      saidAt = Date.now();
      socket.send(isWelcome && proof ? seal(text, ++sent, proof.clientKey) : text);
    },
    sendData(offset, bytes) {
      socket.send(new Blob([Uint32Array.of(offset), bytes])); // every machine with a browser is little-endian
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
  const isGenuine = (text) =>
    !isWelcome || !proof || text === seal(text.replace(/,"count":\d+,"mac":"\w+"}$/, '}'), ++received, proof.deviceKey);

  /** @param {Message} message */
  function take(message) {
    if (message.type === 'error') return close(message);
    if (message.type === 'challenge') {
      proof = prove(secret, first, message.scram);
      if (!proof) return close(secret.password ? falseDevice : { name: 'password_needed' });
      session.send({ type: 'proof', scram: proof.message });
    } else if (message.type === 'welcome') {
      isWelcome = session.isOpen || (!!proof && message.scram === proof.answer);
      if (!isWelcome) return close(falseDevice);
    }
    if (isWelcome) tell(message, session);
  }

  socket.onclose = () => close(notTheDevice('No WebSocket'));
  socket.onmessage = ({ data }) => {
    isAlive = true;
    session.roundTripMs = Math.min(session.roundTripMs, Date.now() - saidAt);
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
 * @param {Tell} tell
 * @returns {Promise<Failure>} why it has ended; `password_needed` when there is no session without one
 */
export async function attend(secret, tell) {
  try {
    const ticket = await askTicket();
    if ('name' in ticket) return ticket;
    if (ticket.version !== VERSION) return { name: 'wrong_version' };
    if (ticket.login !== 'none' && !secret.password && !secret.kept) return { name: 'password_needed' };
    if (ticket.code) secret.password = pairingCode(secret.password);
    return await new Promise((end) => openSession(ticket, secret, tell, end));
  } catch {
    return { name: 'unreachable' };
  }
}
