// SPDX-License-Identifier: Apache-2.0
// `make install` and `make deb`: what is installed, where, and that real shells complete with it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { GIVE_UP_MS, freshPath, root, run, workDir } from './harness.js';

const installed = path.join(workDir, 'installed');
const prefix = path.join(installed, 'opt/ota');
const share = path.join(prefix, 'share');
const inRoot = (command, ...args) => execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const filesIn = (folder) => fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.path, entry.name))).sort();

before(() => inRoot('make', 'install', `DESTDIR=${installed}`, 'PREFIX=/opt/ota'));

test('make install writes below DESTDIR and PREFIX only', async () => {
  assert.deepEqual(filesIn(installed).map((file) => file.replace(/^opt\/ota\//, '')), [
    'bin/ota-ws', 'bin/ota-ws-device', 'share/bash-completion/completions/ota-ws',
    'share/fish/vendor_completions.d/ota-ws.fish', 'share/man/man1/ota-ws.1', 'share/zsh/site-functions/_ota-ws',
  ]);
  for (const program of ['ota-ws', 'ota-ws-device']) {
    const { stdout } = await run(path.join(prefix, 'bin', program), ['--version']);
    assert.match(stdout, new RegExp(`^${program} \\d+\\.\\d+\\.\\d+ \\(protocol version 1\\)\n$`));
  }
});

test('the man page has every command, without a warning', async () => {
  const { code, stdout, stderr } = await run('man', ['--warnings', '-l', path.join(share, 'man/man1/ota-ws.1')],
    { env: { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8' } });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  const help = await run(path.join(prefix, 'bin/ota-ws'), ['help']);
  const commands = [...help.stdout.matchAll(/^ {2}([a-z]+) .* {2}/gm)].map((match) => match[1]);
  assert.ok(commands.length >= 10, help.stdout);
  for (const command of commands) {
    assert.match(stdout, new RegExp(`^ {3}${command}( |$)`, 'm'));
  }
  assert.match(stdout, /--allow-downgrade/);
});

// ---- each shell gives the words that it would show for what was typed

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

async function bash(typed) {
  const words = typed.split(' ');
  const script = `source ${quoted(path.join(share, 'bash-completion/completions/ota-ws'))}
    COMP_WORDS=(${words.map(quoted).join(' ')}) COMP_CWORD=${words.length - 1}
    _ota_ws; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = await run('bash', ['--norc', '-c', script], { cwd: workDir });
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean);
}

async function fish(typed) {
  const script = `source ${quoted(path.join(share, 'fish/vendor_completions.d/ota-ws.fish'))}; complete -C ${quoted(typed)}`;
  const { stdout, stderr } = await run('fish', ['--no-config', '-c', script], { cwd: workDir, env: { ...process.env, HOME: workDir } });
  assert.equal(stderr, '');
  return stdout.split('\n').filter(Boolean).map((line) => line.split('\t')[0]);
}

// A shell in a terminal of its own: completion of zsh works nowhere else. Ctrl-X says that the list was shown. The prompt
// and what was typed may stand there once more.
async function zsh(typed) {
  const folder = freshPath('.zsh');
  fs.mkdirSync(folder);
  fs.writeFileSync(path.join(folder, '.zshrc'), `fpath=(${quoted(path.join(share, 'zsh/site-functions'))} $fpath)
    autoload -Uz compinit && compinit -D -u
    zstyle ':completion:*' verbose no
    bindkey '^I' list-choices
    end-of-list() { zle -I; print -r -- '<end>' }
    zle -N end-of-list && bindkey '^X' end-of-list
    PS1='<begin>'`);
  fs.writeFileSync(path.join(folder, 'ask'), `zmodload zsh/zpty
    zpty shell env COLUMNS=200 ZDOTDIR=${quoted(folder)} zsh -i
    all=
    while [[ $all != *'<begin>'* ]] && zpty -r shell piece '*<begin>*'; do all+=$piece; done
    zpty -w -n shell ${quoted(typed)}$'\\t\\C-x'
    zpty -r shell piece '*<end>*'
    print -r -- "$piece"`);
  const { stdout } = await run('zsh', ['-f', path.join(folder, 'ask')], { cwd: workDir, timeout: GIVE_UP_MS });
  // eslint-disable-next-line no-control-regex
  const lines = stdout.replace(/\x1b\[[0-9;?]*[a-zA-Z]|<begin>/g, '').split(/[\r\n]+/);
  const end = lines.findIndex((line) => line.includes('<end>'));
  return lines.slice(1, end).flatMap((line) => line.split(/\s+/)).filter((word) => !['', ...typed.split(' ')].includes(word));
}

for (const [name, complete] of Object.entries({ bash, zsh, fish })) {
  test(`${name} completes commands, options, values and files`, async () => {
    fs.writeFileSync(path.join(workDir, 'firmware 2.bin'), '');
    assert.deepEqual(await complete('ota-ws re'), ['restart']);
    assert.deepEqual((await complete('ota-ws push --co')).sort(), ['--compress', '--confirm']);
    assert.deepEqual((await complete('ota-ws push --compress a')).sort(), ['always', 'auto']);
    assert.deepEqual((await complete('ota-ws info --co')), []);
    const files = (await complete('ota-ws inspect fir')).join(' ').replaceAll('\\', '');
    assert.equal(files, 'firmware 2.bin');
  });
}

test('make deb builds a package with its dependencies', async () => {
  const file = path.join(root, inRoot('make', '--no-print-directory', 'deb').trim().split('\n').at(-1));
  const control = inRoot('dpkg-deb', '--field', file);
  assert.match(control, /^Package: ota-ws$/m);
  assert.match(control, /^Depends: .*libwebsockets\d+.*/m);
  const folder = freshPath('.deb');
  inRoot('dpkg-deb', '-x', file, folder);
  assert.match((await run(path.join(folder, 'usr/bin/ota-ws'), ['--version'])).stdout, /^ota-ws \d/);
  assert.ok(fs.existsSync(path.join(folder, 'usr/share/zsh/vendor-completions/_ota-ws')));
  assert.ok(fs.existsSync(path.join(folder, 'usr/share/man/man1/ota-ws.1.gz')));
});
