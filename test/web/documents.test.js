// SPDX-License-Identifier: Apache-2.0
// The documents: what they point to is there, and README's demo minds its neighbours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import { root } from '../e2e/harness.js';

/** All documents below a folder of the project. */
function documentsIn(folder) {
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    if (entry.isDirectory()) return /^(node_modules|build.*|managed_components|\..*)$/.test(entry.name) ? [] : documentsIn(name);
    return name.endsWith('.md') ? [name] : [];
  });
}

const documents = documentsIn('');

/** As GitHub makes it of a heading. */
const anchorOf = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

function assertTarget(from, target) {
  const [file, anchor] = target.split('#');
  const full = file === '' ? path.join(root, from) : path.resolve(root, path.dirname(from), file);
  assert.ok(fs.existsSync(full), `${from}: ${target} is not there`);
  if (anchor === undefined) return;
  const headings = [...fs.readFileSync(full, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading));
  assert.ok(headings.includes(anchor), `${from}: ${target} is no heading there`);
}

test('every link inside the documents leads somewhere', () => {
  assert.ok(documents.length > 10);
  for (const from of documents) {
    const text = fs.readFileSync(path.join(root, from), 'utf8').replace(/```[^]*?```/g, '');
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (!/^[a-z]+:/.test(target)) assertTarget(from, target);
    }
  }
});

test('every test that a document names is there', () => {
  for (const from of documents) {
    const text = fs.readFileSync(path.join(root, from), 'utf8');
    for (const [, file] of text.matchAll(/`(test\/[\w./-]+)`/g)) {
      assert.ok(fs.existsSync(path.join(root, file)), `${from}: ${file} is not there`);
    }
  }
});

test('component, Python package and changelog name one release', () => {
  const find = (file, pattern) => fs.readFileSync(path.join(root, file), 'utf8').match(pattern)?.[1];
  const release = find('idf_component.yml', /^version: "(.+)"$/m);
  assert.equal(find('python/pyproject.toml', /^version = "(.+)"$/m), release);
  assert.equal(find('python/ota_ws/__init__.py', /^__version__ = '(.+)'$/m), release);
  assert.equal(find('CHANGELOG.md', /^## (?:Unreleased \()?([\d.]+)/m), release);
});

test('a demo whose port is in use leaves the other one alone', async () => {
  const other = net.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  const flash = path.join(root, `demo/flash-${port}.bin`);
  fs.mkdirSync(path.dirname(flash), { recursive: true });
  fs.writeFileSync(flash, 'in use');
  const demo = spawnSync('test/demo.sh', ['build/none'], { cwd: root, env: { ...process.env, PORT: `${port}` }, encoding: 'utf8' });
  other.close();
  assert.match(demo.stderr, new RegExp(`^Port ${port} .* make demo PORT=${port + 1}\n$`));
  assert.equal(demo.status, 1);
  assert.equal(fs.readFileSync(flash, 'utf8'), 'in use');
  fs.rmSync(flash);
});
