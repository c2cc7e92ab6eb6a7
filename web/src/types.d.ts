// SPDX-License-Identifier: Apache-2.0
// What the page's modules hand to each other. Types only; nothing of it is in the page.

import type { Failed, Message, Request, State } from './protocol.js';

/** Something went wrong: a name of src/schema.def, or of ours (words.js), and the two values that do not agree. */
export interface Failure {
    name: Failed['name'];
    text?: string;
    image?: string | number;
    device?: string | number;
    wait_s?: number;
}

/** What has become of an update. */
export type Past = { [name in 'outcome' | 'from' | 'to' | 'reset' | 'peer']?: string | undefined } & { when?: number | undefined };

/** What openSession() gives. All of it does nothing once the session is over. */
export interface Session {
    roundTripMs: number; // the shortest that was seen
    isOpen: boolean; // the device asks nobody for a password
    send: (message: Request) => void;
    sendData: (offset: number, bytes: Blob) => void;
    waiting: () => number; // bytes in the browser
}

/** What lets a visitor in; one of the two is enough. */
export interface Secret {
    password: string; // as it was typed, or the code in its own form
    kept: string; // salt, rounds and SaltedPassword (RFC 5802)
}

/** What the client's side of the login has come to. */
export interface Proof {
    message: string; // the final message
    answer: string; // what a device that knows the password says to it
    keyOf: (use: 'client' | 'device' | 'data' | 'answers') => Uint8Array; // of macs: ours, the device's; of seals (seal.js)
}

/** A firmware file, in the words of src/image.h and of `state`, as its head and segment table describe it. */
export interface Image {
    chip_id: number;
    min_revision: number;
    max_revision: number;
    hash_appended: boolean;
    sum: number; // xor of all bytes that the checksum covers not
    length: number;
    signed_by: string; // "": by nobody
    secure_version: number;
    version: string;
    project: string;
    built: string;
    idf: string;
    elf_sha256: string;
    end: number; // where it ends in the file, with its signature
}

/** A file, and what is known of it so far. */
export interface Chosen {
    file: File;
    image?: Image | undefined; // none when it is encrypted, or no application
    problem?: string | undefined; // a failure's name
    left_out?: number; // bytes 0xFF behind the image, which are not sent
    sha256?: string; // it was read to its end
    refusal?: Failure; // the device's, which the user may overrule
}

/** Ours, from `begin` to the last byte (update.js). */
export interface Update {
    isResumed: boolean; // it has begun before
    isPacked: boolean; // it travels compressed
    mayPack: boolean;
    offset: number; // from there it was sent last
    failure?: Failure; // why we have given up by ourselves
    start: (next: Session) => Promise<void>; // begins, or begins again
    stop: () => void; // sends no more
    take: (message: Message) => Promise<void>;
}

/** All that the page knows. */
export interface Model {
    asksPassword: boolean;
    currentSession?: Session | undefined; // none while the device is out of reach
    linkFailure: Failure; // why it is
    linkUntil: number; // the next try, at a Date.now()
    isRestarting: boolean; // it has said so
    lastNotice?: { words: string; kind: string } | undefined; // what happened last; it stays until something else happens
    deviceState?: State | undefined; // its last word
    pastUpdates: Past[]; // that it remembers, the newest one first
    lines: string; // what an image that has failed its trial has left: its core dump, its last log lines
    chosen?: Chosen | undefined;
    ownUpdate?: Update | undefined; // ours
    isBySelf?: boolean; // recovery layout: the file is sent after a restart, and a restart follows
    bar: { written: number; size: number }; // of our update or another client's
    barAt: number; // its last word, at a Date.now()
    firstBar?: { written: number; at: number } | undefined; // its first word
    trialEnd: number; // of Date.now(); past when there is no limit
}
