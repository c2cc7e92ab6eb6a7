// SPDX-License-Identifier: Apache-2.0
// The programs of an earlier commit, to measure ours beside them: built once from its archive, kept in build/bench/.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { root } from './measure.js';

export const COMMIT = '0f19d39';
const TARGETS = ['ota-ws-device', 'ota-ws'];

/** Its virtual flash is made as slow as ours is: by the same code. */
const FLASH_FILES = ['nor_timing.c', 'nor_timing.h'];

/** For `programs` of bench/measure.js. */
export function earlierPrograms() {
  const folder = path.join(root, 'build/bench', COMMIT);
  const [source, build, archive] = ['source', 'build', 'source.tar'].map((name) => path.join(folder, name));
  if (!fs.existsSync(source)) {
    fs.mkdirSync(folder, { recursive: true });
    execFileSync('git', ['archive', '--prefix', 'source/', '--output', archive, COMMIT], { cwd: root });
    execFileSync('tar', ['-xf', archive, '-C', folder]);
  }
  for (const name of FLASH_FILES) fs.copyFileSync(path.join(root, 'host', name), path.join(source, 'host', name));
  const options = ['-DTESTS=OFF', '-DCMAKE_BUILD_TYPE=RelWithDebInfo'];
  execFileSync('cmake', ['-S', path.join(source, 'host'), '-B', build, ...options], { stdio: 'ignore' });
  execFileSync('cmake', ['--build', build, '-j', String(os.cpus().length), '--target', ...TARGETS], { stdio: 'ignore' });
  return { device: path.join(build, 'ota-ws-device'), cli: path.join(build, 'cli/ota-ws') };
}
