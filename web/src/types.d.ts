// SPDX-License-Identifier: Apache-2.0
// What the page's modules hand to each other. Types only; nothing of it is in the page.

import type { makeUpdate } from './update.js';
import type { Past, Request, State } from './protocol.js';

/** What openSession() gives. All of it does nothing once the session is over. */
export interface Session {
    roundTripMs: number; // the shortest that was seen
    isOpen: boolean; // the device asks nobody for a password
    send: (message: Request) => void;
    sendData: (offset: number, bytes: Blob) => void;
    waiting: () => number; // bytes in the browser
}

/** What the client's side of the login has come to. */
export interface Proof {
    message: string; // the final message
    answer: string; // what a device that knows the password says to it
    clientKey: Uint8Array; // of the mac of our messages
    deviceKey: Uint8Array; // of the mac of the device's messages
}

/** A firmware file, in the words of src/image.h and of `state`, as its head and segment table tell. */
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
    min_efuse_revision: number; // 0: not limited
    max_efuse_revision: number; // 0 and 65535: not limited
    mmu_page_size: number; // 0: not known
    end: number; // where it ends in the file, with its signature
}

/** A file, and what is known of it so far. */
export interface Chosen {
    file: File;
    image?: Image | undefined; // none when it is encrypted, or no application
    problem?: string | undefined; // a failure's name
    left_out?: number; // bytes 0xFF behind the image, which are not sent
    sha256?: string; // it was read to its end
}

/** All that the page knows. */
export interface Model {
    asksPassword: boolean;
    session?: Session | undefined; // none while the device is out of reach
    device?: State | undefined; // its last word
    updates: Past[]; // that it remembers, the newest one first
    chosen?: Chosen | undefined;
    update?: ReturnType<typeof makeUpdate> | undefined; // ours
    bar: { written: number; size: number }; // of our update or another client's
    start?: { written: number; at: number } | undefined; // its first word, at a performance.now()
    trialEnd: number; // of performance.now(); past when there is no limit
}
