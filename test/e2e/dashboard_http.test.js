// SPDX-License-Identifier: Apache-2.0
// The dashboard without a browser: who gets in, what is refused by its name, and what orders do to a real rollout.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { freePort } from './browsers/processes.js';
import { cli, objects } from './cli_tools.js';
import { ask, dashboardOf, logIn, startWithDashboard } from './dashboards.js';
import { EXIT, finishes, fleetCli, OLD, OTHER_CHIP, PASSWORD_FILE, start, statesOf, withFleet, writePlan } from './fleets.js';
import { freshPath, until } from './harness.js';

/** A rollout that waits for the approval of its first wave, and somebody who is logged in. */
async function withWaiting(images, body, plan = {}) {
  await withFleet(images, async (fleet) => {
    writePlan(fleet, { approve: [1], ...plan });
    const run = await startWithDashboard(fleet);
    const token = await logIn(run.dashboard);
    try {
      await body({ fleet, run, dashboard: run.dashboard, token });
    } finally {
      run.child.kill('SIGKILL');
      await run.ended;
    }
  });
}

const statusOf = async (dashboard, token, since = '') => (await ask(dashboard, `/status?since=${since}`, { token })).json;

// ---- who gets in

test('without a token nothing is shown and nothing is done', async () => {
  await withWaiting([OLD], async ({ dashboard, token, fleet }) => {
    const orders = ['pause', 'resume', 'abort', 'approve', 'retry'];
    for (const wrong of [undefined, '', 'nonsense', token.replace(/./g, '0'), `${token}0`, token.slice(1)]) {
      for (const path of ['status', ...orders]) {
        const answer = await ask(dashboard, `/${path}`, { token: wrong, ...(path !== 'status' && { body: { wave: 1 } }) });
        assert.deepEqual([answer.status, answer.json.error], [401, 'no_login'], path);
        assert.ok(!answer.text.includes(fleet.hosts[0]));
      }
    }
    assert.equal((await statusOf(dashboard, token)).phase, 'approval');
    const cookie = await ask(dashboard, '/status', { headers: { cookie: `token=${token}` } });
    assert.equal(cookie.status, 401);
  });
});

test('a wrong code has to wait, and who is in does not', async () => {
  await withWaiting([OLD], async ({ dashboard, token }) => {
    const tryIt = (code) => ask(dashboard, '/login', { body: { code } });
    const wrong = await tryIt('AAAA-AAAA-AAAA');
    assert.deepEqual([wrong.status, wrong.json.error, wrong.json.wait_s], [403, 'wrong_code', 1]);
    assert.equal((await statusOf(dashboard, token)).phase, 'approval');
    const again = await until(async () => {
      const answer = await tryIt('AAAA-AAAA-AAAB'); // put off, or looked at: both are told
      return answer.json.error === 'wrong_code' ? answer : assert.equal(answer.status, 429);
    });
    assert.equal(again.json.wait_s, 2);
    assert.equal((await until(async () => ((await tryIt(dashboard.code)).status === 200 ? { ok: true } : false), 'the login')).ok, true);
    for (const body of ['', '[]', 'nonsense', '{"code":7}', `{"code":"${'A'.repeat(200)}"}`]) {
      const answer = await ask(dashboard, '/login', { body });
      assert.deepEqual([answer.status, answer.json.error], [400, 'bad_body'], body);
    }
  });
});

test('a password file in the place of the code', async () => {
  const file = freshPath('.pw');
  fs.writeFileSync(file, 'the dashboard\n', { mode: 0o600 });
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet, { approve: [1] });
    const run = await startWithDashboard(fleet, '--dashboard-password-file', file);
    assert.equal(run.dashboard.code, undefined);
    const token = await logIn(run.dashboard, 'the dashboard');
    assert.equal((await statusOf(run.dashboard, token)).devices, 1);
    assert.ok(!`${run.text}${run.errors}`.includes('the dashboard'));
    await run.kill();
    fs.chmodSync(file, 0o644);
    const open = await fleetCli('run', fleet, '--json', `--dashboard=${await freePort()}`, '--dashboard-password-file', file);
    assert.deepEqual([open.code, objects(open.stdout).at(-1).error], [EXIT.login, 'password_file_open']);
  });
});

// ---- pages and programs from elsewhere

test('a name that leads here, and a page of another origin, are refused', async () => {
  await withWaiting([OLD], async ({ dashboard, token, fleet }) => {
    const { port } = dashboard;
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', 'localhost', `localhost:${port}0`, `[::1]:${port}`, `127.0.0.1.evil.example:${port}`]) {
      for (const path of ['/', '/status', '/pause']) {
        const answer = await ask(dashboard, path, { token, headers: { host }, ...(path === '/pause' && { body: {} }) });
        assert.deepEqual([answer.status, answer.json.error], [403, 'wrong_host'], `${host} ${path}`);
      }
    }
    for (const origin of ['http://evil.example', 'null', `https://127.0.0.1:${port}`, `http://localhost:${port}`, `http://127.0.0.1:${port}.evil.example`]) {
      const answer = await ask(dashboard, '/abort', { token, body: {}, headers: { origin } });
      assert.deepEqual([answer.status, answer.json.error], [403, 'wrong_origin'], origin);
      const login = await ask(dashboard, '/login', { body: { code: dashboard.code }, headers: { origin } });
      assert.equal(login.json.error, 'wrong_origin');
    }
    assert.equal((await statesOf(fleet)).rollout.phase, 'approval');
    for (const host of [`LOCALHOST:${port}`, `127.0.0.1:${port}`]) {
      const answer = await ask(dashboard, '/status', { token, headers: { host, origin: `http://${host}` } });
      assert.equal(answer.status, 200, host);
    }
  });
});

test('it listens on 127.0.0.1 and nowhere else', async () => {
  await withWaiting([OLD], async ({ dashboard }) => {
    for (const host of ['127.0.0.2', '::1']) {
      const socket = net.connect(dashboard.port, host);
      const code = await once(socket, 'connect').then(() => 'connected', (error) => error.code);
      socket.destroy();
      assert.match(`${code}`, /ECONNREFUSED|EADDRNOTAVAIL/, host);
    }
  });
});

test('unknown paths, wrong methods and long bodies have a name', async () => {
  await withWaiting([OLD], async ({ dashboard, token }) => {
    const cases = [
      ['/nothing', {}, 404, 'not_found'],
      ['/status/', {}, 404, 'not_found'],
      [`/${'a'.repeat(500)}`, {}, 404, 'not_found'],
      ['/status', { method: 'POST', body: '' }, 405, 'wrong_method'],
      ['/', { method: 'DELETE' }, 405, 'wrong_method'],
      ['/pause', {}, 405, 'wrong_method'],
      ['/pause', { method: 'PUT', body: '{}' }, 405, 'wrong_method'],
      ['/retry', { body: 'x'.repeat(4097) }, 413, 'too_long'],
      ['/retry', { body: 'x'.repeat(200_000) }, 413, 'too_long'],
      ['/retry', { body: '{"devices":[]}' }, 400, 'bad_body'],
      ['/retry', { body: '{"devices":[7]}' }, 400, 'bad_body'],
      ['/retry', { body: '{"devices":["127.0.0.1:1"]}' }, 400, 'not_in_rollout'],
      ['/approve', { body: '{}' }, 400, 'bad_body'],
      ['/approve', { body: '{"wave":"1"}' }, 400, 'bad_body'],
      ['/approve', { body: '{"wave":4294967297}' }, 400, 'bad_body'],
      ['/approve', { body: '{"wave":2}' }, 409, 'order_refused'],
      ['/resume', { body: '{}' }, 409, 'order_refused'],
      ['/pause', { body: 'nonsense' }, 400, 'bad_body'],
    ];
    for (const [path, request, status, name] of cases) {
      const answer = await ask(dashboard, path, { token, ...request });
      assert.deepEqual([answer.status, answer.json?.error], [status, name], `${path} ${JSON.stringify(request).slice(0, 60)}`);
      assert.match(answer.json.text, /^[A-Z'"].*\.$/);
    }
    assert.equal((await ask(dashboard, '/pause', {})).headers.allow, 'POST');
  });
});

test('64 connections are served, and no more', async () => {
  await withWaiting([OLD], async ({ dashboard, token }) => {
    const sockets = Array.from({ length: 80 }, () => net.connect(dashboard.port, '127.0.0.1'));
    const ends = sockets.map(async (socket) => {
      socket.on('error', () => {});
      socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${dashboard.port}\r\n\r\n`); // answered, and kept open
      return Promise.race([once(socket, 'data').then(() => 'served'), once(socket, 'close').then(() => 'refused')]);
    });
    const refused = (await Promise.all(ends)).filter((end) => end === 'refused').length;
    assert.ok(refused >= 16, `${refused} refused`);
    sockets.forEach((socket) => socket.destroy());
    await until(() => statusOf(dashboard, token).catch(() => undefined), 'an answer');
  });
});

test('the page comes with a policy that lets in nothing from elsewhere', async () => {
  await withWaiting([OLD], async ({ dashboard }) => {
    for (const [path, type] of [['/', 'text/html'], ['/fleet.js', 'text/javascript'], ['/fleet.css', 'text/css']]) {
      const { status, headers } = await ask(dashboard, path);
      assert.equal(status, 200);
      assert.ok(headers['content-type'].startsWith(type));
      assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
      assert.ok(!/unsafe|\*|http/.test(headers['content-security-policy']));
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal((await ask(dashboard, path, { headers: { 'if-none-match': headers.etag } })).status, 304);
    }
  });
});

// ---- orders

test('approve, pause, resume, abort: the same as the verbs', async () => {
  await withWaiting([OLD, OLD, OLD], async ({ fleet, run, dashboard, token }) => {
    const give = async (order, body = {}) => assert.equal((await ask(dashboard, `/${order}`, { token, body })).status, 200, order);
    const reaches = (phase) => until(async () => (await statusOf(dashboard, token)).phase === phase, phase);
    await give('approve', { wave: 1 });
    await run.sees(({ event, host }) => event === 'done' && host === fleet.hosts[0], 'the first device');
    await reaches('approval');
    await give('pause');
    await reaches('paused');
    assert.equal((await statesOf(fleet)).rollout.phase, 'paused'); // it is in the journal
    await give('approve', { wave: 2 });
    await give('resume');
    await run.sees(({ event, host }) => event === 'done' && host === fleet.hosts[1], 'the second device');
    await reaches('approval');
    await give('abort');
    assert.equal(await finishes(run), EXIT.stopped, run.errors);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'confirmed', 'cancelled']);
  }, { waves: [{ count: 1 }, { count: 1 }, { percent: 100 }], approve: [1, 2, 3] });
});

test('a stop waits for a person; retry names devices', async () => {
  const wrong = freshPath('.pw');
  fs.writeFileSync(wrong, 'not the password\n', { mode: 0o600 });
  await withFleet([OLD, OLD, OTHER_CHIP], async (fleet) => {
    const [, second] = fleet.hosts;
    writePlan(fleet, { waves: [{ count: 1 }, { percent: 100 }], stop: { failed_count: 2 }, passwords: { file: PASSWORD_FILE, device: { [second]: wrong } } });
    const run = await startWithDashboard(fleet);
    const token = await logIn(run.dashboard);
    const status = await until(async () => {
      const now = await statusOf(run.dashboard, token);
      return now.phase === 'stopped' && now.counts.confirmed === 1 && now;
    }, 'the stop');
    assert.deepEqual(status.failures.map(({ reason, devices }) => [reason, devices]).sort(), [['wrong_chip', 1], ['wrong_password', 1]]);
    assert.deepEqual(status.list.map(({ version }) => version), ['2.0.0', undefined, '1.0.0']);
    fs.copyFileSync(PASSWORD_FILE, wrong);
    assert.equal((await ask(run.dashboard, '/retry', { token, body: { devices: [second] } })).status, 200);
    assert.equal((await ask(run.dashboard, '/resume', { token, body: {} })).status, 200);
    assert.equal(await finishes(run), EXIT.device, run.text);
    assert.deepEqual((await statesOf(fleet)).states, ['confirmed', 'confirmed', 'refused']);
  });
});

test('an idle question is answered with nothing, a new one with what is new', async () => {
  await withWaiting([OLD, OLD], async ({ fleet, dashboard, token }) => {
    const all = await statusOf(dashboard, token);
    assert.deepEqual(all.list.map(({ host, state }) => [host, state]), fleet.hosts.map((host) => [host, 'queued']));
    const idle = await ask(dashboard, `/status?since=${all.change}`, { token });
    assert.deepEqual([idle.status, idle.text], [204, '']);
    assert.equal((await ask(dashboard, '/pause', { token, body: {} })).status, 200);
    const next = await until(() => statusOf(dashboard, token, all.change), 'news');
    assert.deepEqual([next.phase, next.list.length], ['paused', 0]);
  });
});

// ---- what else may be there

test('a port in use is named; without --dashboard there is none', async () => {
  const other = http.createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet);
    const result = await fleetCli('run', fleet, '--json', `--dashboard=${port}`);
    const last = objects(result.stdout).at(-1);
    assert.deepEqual([result.code, last.error], [EXIT.trouble, 'dashboard_port']);
    assert.match(last.text, new RegExp(`127\\.0\\.0\\.1, port ${port}: .*in use.*--dashboard=PORT`));
    assert.equal(fleet.devices[0].boots, 1);
    for (const rest of [[], ['--dashboard=0']]) {
      const run = start(fleet, ...rest);
      assert.equal(await finishes(run), EXIT.ok);
      assert.equal(run.errors, '');
    }
  });
  other.close();
});

test('options that make no sense together are refused', async () => {
  const cases = [
    [['status', 'plan.json', '--dashboard'], /'fleet status' has no dashboard/],
    [['run', 'plan.json', '--dashboard-password-file', 'a.pw'], /needs --dashboard/],
    [['run', 'plan.json', '--dashboard=65536'], /not '65536'/],
    [['run', 'plan.json', '--dashboard=x'], /not 'x'/],
  ];
  for (const [args, sentence] of cases) {
    const result = await cli(['fleet', ...args], {});
    assert.equal(result.code, EXIT.usage);
    assert.match(result.stderr, sentence);
  }
});

test('a rollout that has ended is shown to its end, and the command ends', async () => {
  await withWaiting([OLD], async ({ run, dashboard, token }) => {
    assert.equal((await ask(dashboard, '/approve', { token, body: { wave: 1 } })).status, 200);
    let last;
    await until(async () => {
      last = (await statusOf(dashboard, token).catch(() => undefined)) ?? last;
      return run.code !== undefined;
    }, 'the end of the command');
    assert.deepEqual([run.code, last.phase, last.counts.confirmed], [EXIT.ok, 'finished', 1]);
  });
});

test('the link is printed once, to standard error', async () => {
  await withFleet([OLD], async (fleet) => {
    writePlan(fleet);
    const run = start(fleet, `--dashboard=${await freePort()}`, '--quiet');
    const { link, code } = await dashboardOf(run);
    await finishes(run);
    assert.match(code, /^[0-9A-Z]{4}(-[0-9A-Z]{4}){2}$/);
    assert.equal(run.errors, `Dashboard: ${link}\n`);
    assert.ok(!run.text.includes(code));
    for (const name of fs.readdirSync(fleet.folder)) {
      assert.ok(!fs.readFileSync(`${fleet.folder}/${name}`).includes(code), name);
    }
  });
});
