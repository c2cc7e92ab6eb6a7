// SPDX-License-Identifier: Apache-2.0
// What GET /status sends; docs/fleet.md.

export type Counts = Record<string, number>;

export interface Device {
  n: number;
  host: string;
  wave: number;
  state: string;
  attempts: number;
  id?: string;
  labels?: string;
  reason?: string;
  version?: string;
  percent?: number;
}

export interface Wave {
  wave: number;
  soak_s: number;
  counts: Counts;
  approval?: 'needed' | 'given';
}

export interface Failure {
  state: string;
  reason: string;
  devices: number;
}

export interface Status {
  leads: boolean;
  change: string;
  list: Device[];
  rollout: string;
  project: string;
  version: string;
  phase: string;
  reason: string;
  wave: number;
  devices: number;
  counts: Counts;
  waves: Wave[];
  failures: Failure[];
  all?: boolean;
  approve?: number;
  left_s?: number;
}

/** An answer that is no success: the name and the sentence of the server. */
export interface Refusal {
  error: string;
  text: string;
  wait_s?: number;
}
