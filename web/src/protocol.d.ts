// SPDX-License-Identifier: Apache-2.0
// What travels. Made from src/schema.def by `make wire`: change it there. build.js leaves these names as they are; every
// other property gets a short one.

export interface Progress {
    type: 'progress';
    received: number;
    written: number;
    size: number;
}

export interface Pong {
    type: 'pong';
}

export interface Ready {
    type: 'ready';
    offset: number;
    chunk: number;
    credit: number;
}

export interface Done {
    type: 'done';
    slot: string;
    project?: string;
    version?: string;
    elf_sha256?: string;
}

export interface Restarting {
    type: 'restarting';
}

export interface Failed {
    type: 'failed' | 'error';
    name: string;
    text?: string;
    image?: string;
    device?: string;
    wait_s?: number;
    page?: string;
}

export interface Challenge {
    type: 'challenge' | 'welcome';
    version: number;
    scram?: string;
}

export interface Ticket {
    type: 'ticket';
    version: number;
    ticket: string;
    login: string;
    salt?: string;
    rounds?: number;
    ws: string;
    page?: string;
    code?: boolean;
}

export interface History {
    type: 'history';
    updates: number;
    index?: number;
    outcome?: 'staged' | 'trial' | 'confirming' | 'confirmed' | 'going_back' | 'rolled_back' | 'expired' | 'aborted' | 'lost' | 'cancelled' | 'failed';
    from?: string;
    to?: string;
    slot?: string;
    elf_sha256?: string;
    when?: number;
    peer?: string;
    reset?: 'unknown' | 'power_on' | 'external' | 'software' | 'panic' | 'watchdog' | 'deep_sleep' | 'brownout';
}

export interface Logs {
    type: 'logs';
    elf_sha256?: string;
    newest?: boolean;
    text?: string;
    more?: boolean;
}

export interface Crash {
    type: 'crash';
    elf_sha256?: string;
    newest?: boolean;
    task?: string;
    reason?: string;
    pc?: string;
    backtrace?: string;
    cause?: number;
    address?: string;
    stack?: string;
    more?: boolean;
}

export interface Sealed {
    type: 'sealed';
    message: string;
}

export interface State {
    type: 'state';
    boot: string;
    reset?: 'unknown' | 'power_on' | 'external' | 'software' | 'panic' | 'watchdog' | 'deep_sleep' | 'brownout';
    id?: string;
    update: 'idle' | 'receiving' | 'verifying' | 'ready';
    yours?: boolean;
    peer?: string;
    size?: number;
    received?: number;
    written?: number;
    sha256?: string;
    new_project?: string;
    new_version?: string;
    chip: string;
    chip_id: number;
    revision: number;
    efuse_revision?: number;
    mmu_page_size?: number;
    project: string;
    version: string;
    built: string;
    idf: string;
    elf_sha256: string;
    secure_version: number;
    signed_by?: string;
    requires_signed?: boolean;
    slot: string;
    image: 'none' | 'valid' | 'trial' | 'unconfirmed' | 'unwatched' | 'factory' | 'rolled_back' | 'aborted' | 'blank';
    unwatched?: boolean;
    trial_left_s?: number;
    slot_size: number;
    check_project?: boolean;
    deflate?: boolean;
    deflate_window?: number;
    base?: string;
    encrypted?: boolean;
    early?: number;
    seals?: boolean;
    other_slot?: string;
    other_image?: 'none' | 'valid' | 'trial' | 'unconfirmed' | 'unwatched' | 'factory' | 'rolled_back' | 'aborted' | 'blank';
    other_project?: string;
    other_version?: string;
    other_elf_sha256?: string;
    logs?: boolean;
    can_roll_back?: boolean;
    prepare?: string;
    device: string;
    kept?: number;
    kept_size?: number;
    kept_sha256?: string;
    kept_project?: string;
    kept_version?: string;
    last_outcome?: 'staged' | 'trial' | 'confirming' | 'confirmed' | 'going_back' | 'rolled_back' | 'expired' | 'aborted' | 'lost' | 'cancelled' | 'failed';
    last_from?: string;
    last_to?: string;
    last_reset?: 'unknown' | 'power_on' | 'external' | 'software' | 'panic' | 'watchdog' | 'deep_sleep' | 'brownout';
    layout?: string;
    mode?: string;
}

/** What a device may say in a session. */
export type Message = Progress | Pong | Ready | Done | Restarting | Failed | Challenge | History | Logs | Crash | Sealed | State;

/** What a client may say. */
export type Request =
    | { type: 'hello'; version: number; ticket: string; scram?: string | undefined }
    | { type: 'proof'; scram: string }
    | { type: 'begin'; size: number; sha256: string; allow_downgrade?: boolean | undefined; deflate?: boolean | undefined; window?: number | undefined; delta?: boolean | undefined; base?: string | undefined; early?: number | undefined; sealed?: boolean | undefined }
    | { type: 'end' }
    | { type: 'cancel' }
    | { type: 'restart'; into?: string | undefined }
    | { type: 'confirm' }
    | { type: 'rollback' }
    | { type: 'prepare'; on?: boolean | undefined }
    | { type: 'ping' }
    | { type: 'history' }
    | { type: 'logs'; sealed?: boolean | undefined }
    | { type: 'crash'; stack?: boolean | undefined; sealed?: boolean | undefined };
