// SPDX-License-Identifier: Apache-2.0
// What travels (docs/protocol.md). build.js leaves these names as they are; every other property gets a short one.

/** Something went wrong: a name of src/status.h and the two values that do not agree. */
export interface Failure {
    name: string;
    text?: string;
    image?: string | number;
    device?: string | number;
    wait_s?: number;
}

export interface Ticket {
    version: number;
    ticket: string;
    login: 'scram-sha-256' | 'none';
    ws: string;
    page?: string; // the path that it was asked by, as the device sees it
    code?: boolean; // the password is the pairing code
}

/** The message `state`. */
export interface State {
    type: 'state';
    device: string;
    id?: string; // the same always, other for each device
    boot: string;
    chip: string;
    chip_id: number;
    revision: number;
    efuse_revision?: number; // that images must fit
    mmu_page_size?: number; // that images must be built for
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
    sha256?: string; // of the file that is written, or was: the first 16 digits
    peer?: string; // address of the client that sends it
    new_project?: string;
    new_version?: string; // of the image that is being written
    kept?: number; // bytes of an upload that was not finished; of its file:
    kept_size?: number;
    kept_sha256?: string; // the first 16 digits
    kept_project?: string;
    kept_version?: string;
    encrypted?: boolean; // it takes encrypted images only
    check_project: boolean;
    deflate?: boolean; // it takes compressed uploads
    early?: number; // bytes that may follow `begin` at once
    signed_by?: string; // digits of the key's digest
    last_outcome?: string; // of the newest update
    last_from?: string;
    last_to?: string;
    last_reset?: string;
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

/** What has become of an update. */
export interface Past {
    outcome?: string | undefined;
    from?: string | undefined;
    to?: string | undefined;
    reset?: string | undefined;
    when?: number | undefined;
    peer?: string | undefined;
}

export interface History extends Past {
    type: 'history';
    updates: number; // that the device remembers; this is one of them
    index?: number; // 0: the newest
}

export type Message =
    | State
    | Ready
    | Progress
    | Done
    | History
    | { type: 'challenge'; version: number; scram: string }
    | { type: 'welcome'; version: number; scram?: string }
    | { type: 'restarting' }
    | { type: 'pong' }
    | ({ type: 'failed' | 'error' } & Failure);

/** What a client may say. */
export type Request =
    | { type: 'hello'; version: number; ticket: string; scram?: string | undefined }
    | { type: 'proof'; scram: string }
    | { type: 'begin'; size: number; sha256: string; allow_downgrade?: boolean | undefined; deflate?: boolean | undefined; early?: number | undefined }
    | { type: 'cancel' | 'end' | 'history' | 'restart' | 'confirm' | 'rollback' | 'ping' };
