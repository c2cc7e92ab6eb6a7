// SPDX-License-Identifier: Apache-2.0
// The heap that an update takes on the chip: from the defaults in Kconfig, the constants of esp/worker.c, and the sizes of
// the core's structs for rv32imc (size.js).
import fs from 'node:fs';
import path from 'node:path';
import { root } from './measure.js';

const source = (name) => fs.readFileSync(path.join(root, name), 'utf8');
const byDefault = (symbol) => Number(new RegExp(`config ${symbol}\\n[\\s\\S]*?default (\\d+)\\n`).exec(source('Kconfig'))[1]);
const constant = (name) => Number(new RegExp(`#define ${name} (\\d+)`).exec(source('esp/worker.c'))[1]);

/** The default of the chip. */
export const ringSize = byDefault('OTA_RING_SIZE');

export function memoryOf(ring, heap) {
  const stack = byDefault('OTA_WRITER_STACK_SIZE');
  const turns = constant('TURNS');
  const queues = turns * heap.ota_ws_job_t + (turns + 1) * heap.ota_ws_job_result_t + heap.ota_ws_ring_t;
  return { ring, stack, queues, writer: heap.ota_ws_writer_t, all: ring + stack + queues + heap.ota_ws_writer_t };
}
