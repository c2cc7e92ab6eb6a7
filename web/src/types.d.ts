// SPDX-License-Identifier: Apache-2.0
// What travels (docs/protocol.md) and what the page's modules hand to each other. Types only; nothing of it is in the
// page.

import type { makeUpdate } from './update.js';

/** Something went wrong: a name of src/status.h and the two values that do not agree. */
export interface Failure {
    name: string;
    text?: string;
    image?: string;
    device?: string;
    wait_s?: number;
}

export interface Ticket {
    version: number;
    ticket: string;
    login: 'scram-sha-256' | 'none';
    ws: string;
}

/** The message `state`. */
export interface State {
    type: 'state';
    device: string;
    boot: string;
    chip: string;
    chip_id: number;
    revision: number;
    project: string;
    version: string;
    built: string;
    idf: string;
    elf_sha256: string;
    secure_version: number;
    slot: string;
    slot_size: number;
    image: 'valid' | 'trial' | 'unconfirmed' | 'unwatched' | 'factory';
    trial_left_s?: number;
    other_slot?: string;
    other_version?: string;
    other_project?: string;
    other_elf_sha256?: string;
    other_image?: 'valid' | 'trial' | 'unconfirmed' | 'unwatched' | 'factory' | 'rolled_back' | 'aborted' | 'none';
    can_roll_back: boolean;
    update: 'idle' | 'receiving' | 'verifying' | 'ready';
    yours?: boolean;
    size?: number;
    received?: number;
    written?: number;
    new_version?: string; // of the image that is being written
    encrypted?: boolean; // it takes encrypted images only
    check_project: boolean;
}

export interface Ready {
    type: 'ready';
    offset: number;
    chunk: number;
    credit: number;
}

export interface Progress {
    type: 'progress';
    received: number;
    written: number;
    size: number;
}

export interface Done {
    type: 'done';
    slot: string;
    project: string;
    version: string;
    elf_sha256: string;
}

export type Message =
    | State
    | Ready
    | Progress
    | Done
    | { type: 'challenge'; version: number; scram: string }
    | { type: 'welcome'; version: number; scram?: string }
    | { type: 'restarting' }
    | { type: 'pong' }
    | ({ type: 'failed' | 'error' } & Failure);

/** What a client may say. */
export type Request =
    | { type: 'hello'; version: number; ticket: string; scram?: string }
    | { type: 'proof'; scram: string }
    | { type: 'begin'; size: number; sha256: string; allow_downgrade?: boolean }
    | { type: 'cancel' | 'restart' | 'confirm' | 'rollback' | 'ping' };

/** What openSession() gives. All of it does nothing once the session is over. */
export interface Session {
    isOpen: boolean; // the device asks nobody for a password
    send: (message: Request) => void;
    sendData: (offset: number, bytes: Blob) => void;
    waiting: () => number; // bytes in the browser
}

/** A firmware file, in the words of src/image.h and of `state`, as its head and segment table tell. */
export interface Image {
    chip_id: number;
    min_revision: number;
    max_revision: number;
    hash_appended: boolean;
    segments: { offset: number; length: number }[];
    length: number;
    is_signed: boolean;
    secure_version: number;
    version: string;
    project: string;
    built: string;
    idf: string;
    elf_sha256: string;
}

/** A file, and what is known of it so far. */
export interface Chosen {
    file: File;
    image?: Image | undefined; // none when it is encrypted, or no application
    problem?: string | undefined; // a failure's name
    sha256?: string; // it was read to its end
}

/** All that the page knows. */
export interface Model {
    asksPassword: boolean;
    session: Session | undefined; // none while the device is out of reach
    device: State | undefined; // its last word
    chosen: Chosen | undefined;
    update: ReturnType<typeof makeUpdate> | undefined; // ours
    bar: { received: number; written: number; size: number }; // of our update or another client's
    rate: number; // bytes a second, 0 when unknown
    trialEnd: number; // of performance.now(); past when there is no limit
}
