// SPDX-License-Identifier: Apache-2.0
// One session with the device: ticket, socket, login, then messages and data (docs/protocol.md). A password in, a
// session that tells a listener what the device says out. Knows nothing of updates.

import { firstMessage, mac, prove } from './scram.js';

/** @import { Failure, Message, Ticket } from './protocol.js' */
/** @import { Proof, Session } from './types.js' */
/** Hears each message from `welcome` on. @typedef {(message: Message, session: Session) => void} Tell */

const VERSION = 1;
const PING_MS = 20000; // a peer that says nothing for so long is dead

/** Not this device, or not its own words. @type {Failure} */
const falseDevice = { name: 'false_device' };

/** A message with its count and mac. @param {string} text @param {number} count @param {Uint8Array} key */
function seal(text, count, key) {
  const signed = `${text.slice(0, -1)},"count":${count}`;
  return `${signed},"mac":"${mac(key, signed)}"}`;
}

/**
 * @param {Ticket} ticket
 * @param {string} password
 * @param {Tell} tell
 * @param {(failure: Failure) => void} end called once, when the session is over: why
 */
export function openSession({ ticket, login, ws }, password, tell, end) {
  const socket = new WebSocket(location.origin.replace('http', 'ws') + ws);
  const first = firstMessage();
  /** @type {Proof | undefined} */ let proof;
  let isWelcome = false;
  let isAlive = true;
  let sent = 0;
  let received = 0;
  let saidAt = 0;

  /** @type {Session} */
  const session = {
    isOpen: login === 'none',
    roundTripMs: Infinity,
    waiting: () => socket.bufferedAmount,
    send(message) {
      const text = JSON.stringify(message);
      saidAt = performance.now();
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
      proof = prove(password, first, message.scram);
      if (!proof) return close(falseDevice);
      session.send({ type: 'proof', scram: proof.message });
    } else if (message.type === 'welcome') {
      isWelcome = session.isOpen || (!!proof && message.scram === proof.answer);
      if (!isWelcome) return close(falseDevice);
    }
    if (isWelcome) tell(message, session);
  }

  socket.onclose = () => close();
  socket.onmessage = ({ data }) => {
    isAlive = true;
    session.roundTripMs = Math.min(session.roundTripMs, performance.now() - saidAt);
    if (isGenuine(data)) take(JSON.parse(data));
    else close(falseDevice);
  };
  socket.onopen = () => {
    session.send({ type: 'hello', version: VERSION, ticket, scram: session.isOpen ? undefined : first });
  };
}

/**
 * One session, from the ticket to its end.
 * @param {string} password "" when none is known yet
 * @param {Tell} tell
 * @returns {Promise<Failure>} why it has ended; `password_needed` when there is no session without one
 */
export async function attend(password, tell) {
  try {
    const response = await fetch(location.pathname, { method: 'POST', signal: AbortSignal.timeout(PING_MS) });
    /** @type {Ticket & Failure} */
    const ticket = await response.json();
    if (!response.ok) return ticket;
    if (ticket.version !== VERSION) return { name: 'wrong_version' };
    if (ticket.login !== 'none' && !password) return { name: 'password_needed' };
    return await new Promise((end) => openSession(ticket, password, tell, end));
  } catch {
    return { name: 'unreachable' };
  }
}
