// SPDX-License-Identifier: Apache-2.0
// ota-ws mqtt: real devices, a real broker (mosquitto) and Debian's own client in the place of Home Assistant.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { freePort } from './browsers/processes.js';
import { cliOn, environment, objects, PASSWORD } from './cli_tools.js';
import { Device, explain, freshPath, makeImage, root, run, tools, until } from './harness.js';

const OLD = makeImage({ version: '1.0.0' });
const NEW = makeImage({ version: '2.0.0', seed: 2, size: '100K' });
const LARGE = makeImage({ version: '2.0.0', seed: 2, size: '400K' });
const OTHER_CHIP = makeImage({ version: '1.0.0', chip: 'esp32s3' });
const BROKER_PASSWORD = 'häuschen';

const privateFile = (text) => {
  const file = freshPath('.pw');
  fs.writeFileSync(file, `${text}\n`, { mode: 0o600 });
  return file;
};
const passwordFile = privateFile(PASSWORD);
const brokerPasswordFile = privateFile(BROKER_PASSWORD);

// ---- the broker

/** A line of mosquitto's password file. */
function passwordLine(user, password) {
  const salt = crypto.randomBytes(12);
  const hash = crypto.pbkdf2Sync(password, salt, 101, 64, 'sha512');
  return `${user}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`;
}

class Broker {
  static async start(port, more = '') {
    const broker = new Broker();
    broker.port = port ?? (await freePort());
    broker.more = more;
    await broker.start();
    return broker;
  }

  async start() {
    const users = freshPath('.users');
    const config = freshPath('.conf');
    fs.writeFileSync(users, passwordLine('ha', BROKER_PASSWORD), { mode: 0o600 });
    fs.writeFileSync(config, `user root\nlistener ${this.port} 127.0.0.1\nallow_anonymous false\npassword_file ${users}\n${this.more}`);
    this.log = '';
    this.process = spawn(path.join(root, 'build/servers/mosquitto'), ['-c', config], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.exited = once(this.process, 'close');
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on('data', (text) => (this.log += text));
    }
    this.process.on('close', () => (this.ended = true));
    this.ended = false;
    await until(() => /mosquitto version \S+ running/.test(this.log) || this.ended, 'the broker');
    assert.ok(!this.ended, this.log);
  }

  get url() {
    return `mqtt://ha@127.0.0.1:${this.port}`;
  }

  get login() {
    return ['-h', '127.0.0.1', '-p', String(this.port), '-u', 'ha', '-P', BROKER_PASSWORD];
  }

  async kill() {
    this.process.kill('SIGKILL');
    await this.exited;
  }

  async publish(topic, text, ...options) {
    const { code, stderr } = await run('mosquitto_pub', [...this.login, '-t', topic, '-m', text, '-q', '1', ...options]);
    assert.equal(code, 0, stderr);
  }

  /** Sees all messages from now on, those that were kept first: `{ retained, topic, text }`. */
  async listen() {
    await this.publish('test/kept', 'yes', '-r');
    const child = spawn('mosquitto_sub', [...this.login, '-t', '#', '-q', '1', '-F', '%r %t %p']);
    const listener = { text: '', child };
    child.stdout.on('data', (text) => (listener.text += text));
    Object.defineProperty(listener, 'messages', {
      get: () =>
        listener.text.split('\n').flatMap((line) => {
          const found = /^([01]) (\S+) (.*)$/.exec(line);
          return found === null ? [] : [{ retained: found[1] === '1', topic: found[2], text: found[3] }];
        }),
    });
    /** The newest message of a topic, as an object where it is JSON. */
    listener.last = (topic) => {
      const text = listener.messages.findLast((message) => message.topic === topic)?.text;
      return text?.startsWith('{') ? JSON.parse(text) : text;
    };
    await until(() => listener.last('test/kept'), 'the subscription');
    return listener;
  }
}

// ---- the program

function start(plan, broker, ...rest) {
  const url = typeof broker === 'string' ? broker : broker.url;
  const user = url.includes('@') ? ['--broker-password-file', brokerPasswordFile] : [];
  const child = spawn(tools.cli, ['mqtt', plan, '--broker', url, ...user, '--json', ...rest], { env: environment() });
  const bridge = { child, text: '', errors: '' };
  child.stdout.on('data', (text) => (bridge.text += text));
  child.stderr.on('data', (text) => (bridge.errors += text));
  bridge.ended = once(child, 'close').then(([code, signal]) => Object.assign(bridge, { code, signal }));
  Object.defineProperty(bridge, 'lines', { get: () => bridge.text.split('\n').slice(0, -1).map((line) => JSON.parse(line)) });
  const isOver = (what) => bridge.code !== undefined && assert.fail(`${what}: ended with ${bridge.code}\n${bridge.text}${bridge.errors}`);
  bridge.says = (name) => until(() => bridge.lines.find(({ error }) => error === name) ?? isOver(name), name);
  bridge.connects = () => until(() => /Connected to the broker/.test(bridge.text) || isOver('connected'), 'the connection');
  bridge.reaches = async (state) => (await until(() => bridge.lines.find((line) => line.state === state) ?? isOver(state), state)).host;
  bridge.isOver = () => until(() => bridge.code !== undefined, 'the end of ota-ws');
  bridge.stop = async () => {
    child.kill('SIGINT');
    await bridge.ended;
    assert.deepEqual([bridge.code, bridge.errors], [0, ''], bridge.text);
  };
  bridge.kill = async () => {
    child.kill('SIGKILL');
    await bridge.ended;
  };
  return bridge;
}

/**
 * Devices (`images`: one each) and a plan, a broker and its listener, and ota-ws mqtt unless `begin` is false. `more`
 * goes into the plan.
 */
async function withHome(images, body, { options = {}, more = {}, begin = true } = {}) {
  const folder = freshPath('.home');
  fs.mkdirSync(folder);
  const home = { plan: path.join(folder, 'plan.json'), folder, bridges: [] };
  const settings = (image) => ({ image: image.path, options: { passwordFile, trialTimeout: 600, ...options } });
  [home.broker, ...home.devices] = await Promise.all([Broker.start(), ...images.map((image) => Device.start(settings(image)))]);
  home.hosts = home.devices.map((device) => device.url.host);
  fs.writeFileSync(path.join(folder, 'devices.txt'), home.hosts.map((host) => `${host}\n`).join(''));
  home.write = (members) =>
    fs.writeFileSync(
      home.plan,
      JSON.stringify({
        rollout: 'lamp',
        image: NEW.path,
        select: { devices: 'devices.txt' },
        waves: [{ percent: 100 }],
        retry: { attempts: 2, backoff_s: [0] },
        asleep: { look_s: 1 },
        confirm: 'now',
        passwords: { file: passwordFile },
        ...members,
      }),
    );
  home.write(more);
  home.startAt = (...settings) => {
    home.bridges.push(start(home.plan, ...settings));
    return home.bridges.at(-1);
  };
  home.start = (...rest) => home.startAt(home.broker, ...rest);
  home.topic = (device, what) => `ota_ws/lamp/${device.id}/${what}`;
  home.state = (device) => home.listener.last(home.topic(device, 'state'));
  home.states = (device) => home.listener.messages.filter(({ topic }) => topic === home.topic(device, 'state')).map(({ text }) => JSON.parse(text));
  home.install = (device, text = 'install', ...rest) => home.broker.publish(home.topic(device, 'install'), text, ...rest);
  home.isAvailable = (device) =>
    ['ota_ws/lamp/availability', home.topic(device, 'availability')].every((topic) => home.listener.last(topic) === 'online');
  home.available = (device) => until(() => home.isAvailable(device) && home.state(device) !== undefined, 'the entity');
  home.gone = (device) => until(() => !home.isAvailable(device), 'the end of it');
  home.installed = (device, version) =>
    until(() => home.state(device)?.installed_version === version && !home.state(device).in_progress, `${version} in Home Assistant`);
  try {
    home.listener = await home.broker.listen();
    for (const device of home.devices) {
      device.id = (await stateOf(device)).id;
    }
    if (begin) {
      home.bridge = home.start();
      for (const device of home.devices) {
        await home.available(device);
      }
    }
    await body(home);
    for (const bridge of home.bridges.filter(({ code, signal }) => code === undefined && !signal)) {
      await bridge.stop();
    }
    const seen = home.listener.text + home.bridges.map(({ text, errors }) => text + errors).join('');
    assert.ok(!seen.includes(PASSWORD) && !seen.includes(BROKER_PASSWORD), 'a password was said');
  } catch (error) {
    explain(error, home.bridges.map(({ text, errors }) => `--- ota-ws mqtt\n${text}${errors}`).join('\n'));
    throw error;
  } finally {
    for (const { child } of [...home.bridges, { child: home.listener?.child }, { child: home.broker.process }]) {
      child?.kill('SIGKILL');
    }
    for (const device of home.devices) {
      device.process.kill('SIGKILL');
    }
  }
}

/** Devices whose own health confirms the image when the test says so. */
async function withPatients(images, body) {
  const health = freshPath('.health');
  fs.writeFileSync(health, 'wait');
  await withHome(images, (home) => body(home, () => fs.writeFileSync(health, 'good')), { options: { health }, more: { confirm: 'device' } });
}

/** The members of `state`. ota-ws mqtt looks at the devices meanwhile, and a device may have no place for one client more. */
function stateOf(device) {
  return until(async () => objects((await cliOn(device, 'info', '--json')).stdout).find(({ type }) => type === 'state'), 'the state');
}

/** What a device says of itself. */
async function runsOf(device) {
  const { version, image } = await stateOf(device);
  return `${version} ${image}`;
}

// ---- entities

test('each device gets an entity, by the discovery of Home Assistant', async () => {
  await withHome([OLD, NEW], async (home) => {
    for (const device of home.devices) {
      const config = home.listener.last(`homeassistant/update/ota_ws_${device.id}/config`);
      assert.match(config.origin.sw_version, /^\d/);
      delete config.origin.sw_version;
      assert.deepEqual(config, {
        name: 'Firmware',
        unique_id: device.id,
        device_class: 'firmware',
        title: 'demo',
        state_topic: `ota_ws/lamp/${device.id}/state`,
        command_topic: `ota_ws/lamp/${device.id}/install`,
        payload_install: 'install',
        qos: 1,
        availability: [{ topic: 'ota_ws/lamp/availability' }, { topic: `ota_ws/lamp/${device.id}/availability` }],
        availability_mode: 'all',
        device: {
          identifiers: [device.id],
          name: (await stateOf(device)).device,
          model: 'ESP32-C3',
          sw_version: device === home.devices[0] ? '1.0.0' : '2.0.0',
          configuration_url: device.page,
        },
        origin: { name: 'ota-ws' },
      });
    }
    const state = { latest_version: '2.0.0', release_summary: '', in_progress: false, update_percentage: null };
    assert.deepEqual(home.state(home.devices[0]), { installed_version: '1.0.0', ...state });
    assert.deepEqual(home.state(home.devices[1]), { installed_version: '2.0.0', ...state });
    const late = await home.broker.listen(); // who comes later finds all of it
    const kept = () => late.messages.filter(({ retained, topic }) => retained && !topic.startsWith('test')).length;
    await until(() => kept() === 7, '7 messages that are kept');
    late.child.kill('SIGKILL');
  });
});

test('a device that is away becomes unavailable, and comes back', async () => {
  await withHome([OLD, OLD], async (home) => {
    const [device, other] = home.devices;
    const { port } = device.url;
    await device.kill();
    await home.gone(device);
    await home.bridge.says('no_connection');
    home.devices[0] = Object.assign(await Device.start({ flash: device.flashPath, options: { passwordFile, port } }), { id: device.id });
    await home.available(device);
    assert.ok(home.isAvailable(other));
  });
});

test('Ctrl-C: the entities become unavailable; the next start says who is there', async () => {
  await withHome([OLD, OLD], async (home) => {
    const [device, other] = home.devices;
    await home.bridge.stop();
    await until(() => home.listener.last('ota_ws/lamp/availability') === 'offline', 'the farewell');
    assert.equal(home.listener.last(home.topic(device, 'availability')), 'online'); // as it was
    await device.kill();
    home.start();
    await home.available(other);
    await until(() => home.listener.last(home.topic(device, 'availability')) === 'offline', 'the one that is off');
  });
});

test('kill -9: the last will makes the entities unavailable', async () => {
  await withHome([OLD], async (home) => {
    await home.bridge.kill();
    await until(() => home.listener.last('ota_ws/lamp/availability') === 'offline', 'the last will');
  });
});

// ---- installing

test('an install from Home Assistant: progress, and done when it is confirmed', async () => {
  const options = { timing: 'w25q32jv' };
  await withHome([OLD, OLD], async (home) => {
    const [device, other] = home.devices;
    await home.install(device);
    await home.installed(device, '2.0.0');
    assert.equal(await runsOf(device), '2.0.0 valid');
    assert.equal(await runsOf(other), '1.0.0 valid');
    const states = home.states(device);
    const percents = states.map((state) => state.update_percentage).filter((percent) => percent !== null);
    assert.ok(percents.some((percent) => percent > 0 && percent < 100), percents.join());
    assert.deepEqual(percents, [...percents].sort((a, b) => a - b));
    for (const state of states) {
      assert.ok(state.in_progress || state.update_percentage === null);
      assert.deepEqual(Object.keys(state), ['installed_version', 'latest_version', 'release_summary', 'in_progress', 'update_percentage']);
    }
  }, { options, more: { image: LARGE.path } });
});

test('a device that goes back is reported, and is no success', async () => {
  const health = freshPath('.health');
  fs.writeFileSync(health, 'bad');
  await withHome([OLD], async (home) => {
    const [device] = home.devices;
    await home.install(device);
    assert.equal(await home.bridge.reaches('rolled_back'), home.hosts[0]);
    await home.installed(device, '1.0.0');
    assert.match(home.state(device).release_summary, /^The last installation has failed: rolled_back \(\w+\)/);
    assert.equal(await runsOf(device), '1.0.0 valid');
  }, { options: { health }, more: { confirm: 'device' } });
});

test('an image for another chip is not offered, and refused', async () => {
  await withHome([OTHER_CHIP], async (home) => {
    const [device] = home.devices;
    await home.bridge.says('wrong_chip');
    assert.equal(home.state(device).latest_version, '1.0.0');
    await home.install(device);
    await home.bridge.reaches('refused');
    await until(() => /refused \(wrong_chip\)\. .*ESP32-S3/.test(home.state(device).release_summary), 'the reason');
    assert.equal(home.state(device).in_progress, false);
    assert.equal(device.boots, 1);
  });
});

test('what is no install is ignored, with a sentence', async () => {
  await withHome([OLD], async (home) => {
    const [device] = home.devices;
    await home.install(device, 'erase\u001b[31m everything');
    assert.match((await home.bridge.says('not_install')).text, /'erase\?\[31m everything'/);
    await home.install({ id: '0123456789ab' });
    await home.bridge.says('unknown_device');
    await home.broker.publish(`ota_ws/lamp/${device.id}/install`, 'x'.repeat(100_000));
    await home.broker.publish(`ota_ws/lamp/${device.id}/state`, '{"in_progress":true}'); // not what the broker has kept
    await home.bridge.stop();
    await home.install(device, 'install', '-r');
    const again = home.start();
    await again.says('retained_install');
    await home.install(device, ''); // the listener has seen it: all that came before was read, too
    await until(() => again.lines.some(({ text }) => /^'' is no order/.test(text)), 'the last message');
    assert.ok(!`${home.bridge.text}${again.text}`.includes('"lease"'));
    assert.equal(device.boots, 1);
  });
});

test('an install while one is running is ignored', async () => {
  await withPatients([OLD], async (home, recover) => {
    const [device] = home.devices;
    await home.install(device);
    await home.bridge.reaches('on_trial');
    await home.install(device);
    await home.bridge.says('install_running');
    assert.equal(home.state(device).in_progress, true);
    recover();
    await home.installed(device, '2.0.0');
    assert.deepEqual([device.boots, await runsOf(device)], [2, '2.0.0 valid']);
    const during = home.states(device).filter((state) => state.in_progress);
    assert.deepEqual(new Set(during.map((state) => state.installed_version)), new Set(['1.0.0'])); // on trial is not installed
    assert.equal(home.bridge.lines.filter(({ event }) => event === 'lease').length, 1);
  });
});

test('kill -9 during a trial: the next start brings it to its end', async () => {
  await withHome([OLD, OLD], async (home) => {
    const [device, other] = home.devices;
    await home.install(device);
    await home.bridge.reaches('on_trial');
    await home.bridge.kill();
    home.start();
    await home.installed(device, '2.0.0');
    assert.deepEqual([device.boots, await runsOf(device)], [2, '2.0.0 valid']);
    assert.equal(await runsOf(other), '1.0.0 valid');
  }, { more: { confirm: 'soak', waves: [{ count: 1 }, { percent: 100, soak_s: 2 }] } });
});

test('a new image file is offered, and installed', async () => {
  const image = freshPath('.bin');
  fs.copyFileSync(NEW.path, image);
  await withHome([NEW], async (home) => {
    const [device] = home.devices;
    assert.equal(home.state(device).latest_version, '2.0.0');
    fs.writeFileSync(image, NEW.bytes.subarray(0, 50_000));
    await home.bridge.says('truncated');
    fs.copyFileSync(makeImage({ version: '3.0.0', seed: 3 }).path, image);
    await until(() => home.state(device).latest_version === '3.0.0', 'the new version');
    await home.install(device);
    await home.installed(device, '3.0.0');
  }, { more: { image } });
});

// ---- brokers

test('a broker that is killed and started again: nothing is lost', async () => {
  await withPatients([OLD], async (home, recover) => {
    const [device] = home.devices;
    await home.install(device);
    await home.bridge.reaches('on_trial');
    await home.broker.kill();
    await home.bridge.says('broker_lost');
    recover();
    await home.bridge.reaches('confirmed'); // the devices do not need it
    await home.broker.start(); // it has forgotten everything
    home.listener.child.kill('SIGKILL');
    home.listener = await home.broker.listen();
    await home.installed(device, '2.0.0');
    await until(() => home.isAvailable(device), 'its availability');
    assert.equal(home.listener.last(`homeassistant/update/ota_ws_${device.id}/config`).unique_id, device.id);
    await home.install(device, 'nothing');
    await home.bridge.says('not_install');
  });
});

test('a wrong password of the broker ends it, by name', async () => {
  await withHome([OLD], async (home) => {
    for (const [url, file] of [[home.broker.url, privateFile('wrong')], [`mqtt://127.0.0.1:${home.broker.port}`]]) {
      const bridge = home.startAt(url, ...(file === undefined ? [] : ['--broker-password-file', file]));
      await bridge.isOver();
      const { error, text } = bridge.lines.at(-1);
      assert.deepEqual([bridge.code, error], [6, 'broker_login'], bridge.text);
      assert.match(text, file === undefined ? /refuses a client without a user/ : /refuses the user 'ha' with this password/);
    }
    const open = privateFile(BROKER_PASSWORD);
    fs.chmodSync(open, 0o644);
    const bridge = home.start('--broker-password-file', open);
    await bridge.isOver();
    assert.deepEqual([bridge.code, bridge.lines.at(-1).error], [6, 'password_file_open']);
  }, { begin: false });
});

test('a broker that is not there is waited for', async () => {
  await withHome([OLD], async (home) => {
    await home.broker.kill();
    const bridge = home.start();
    assert.match((await bridge.says('broker_unreachable')).text, /127\.0\.0\.1:\d+: Connection refused/);
    await home.broker.start();
    await bridge.connects();
    await bridge.stop();
    const nowhere = home.startAt('mqtt://ha@no-such-broker.invalid');
    assert.match((await nowhere.says('broker_unreachable')).text, /no-such-broker\.invalid:1883: its name is not known/);
  }, { begin: false });
});

test('TLS: a certificate is trusted by --cafile, and not without', async () => {
  const [key, certificate] = [freshPath('.key'), freshPath('.pem')];
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
    '-days', '30', '-subj', '/CN=broker', '-addext', 'subjectAltName=IP:127.0.0.1']);
  assert.equal(made.code, 0, made.stderr);
  await withHome([OLD], async (home) => {
    const port = await freePort();
    const secure = await Broker.start(await freePort(), `listener ${port} 127.0.0.1\ncertfile ${certificate}\nkeyfile ${key}\n`);
    try {
      const url = `mqtts://ha@127.0.0.1:${port}`;
      const trusting = home.startAt(url, '--cafile', certificate);
      await trusting.connects();
      await secure.kill();
      await trusting.says('broker_lost');
      await new Promise((resolve) => setTimeout(resolve, 700)); // it has tried again, most likely
      await secure.start();
      await until(() => trusting.lines.filter(({ text }) => /Connected to/.test(text)).length === 2, 'the second connection');
      await trusting.stop();
      const careful = home.startAt(url);
      await careful.says('broker_tls');
      await careful.stop();
    } finally {
      await secure.kill();
    }
  }, { begin: false });
});

// ---- bad input

test('bad settings are named before anything begins', async () => {
  await withHome([], async (home) => {
    const refused = async (name, code, bridge) => {
      await bridge.isOver();
      assert.deepEqual([bridge.lines.at(-1)?.error, bridge.code], [name, code], bridge.text + bridge.errors);
    };
    await refused('plan_no_devices', 3, home.start());
    fs.writeFileSync(path.join(home.folder, 'devices.txt'), '127.0.0.1:9\n');
    home.write({ image: OLD.path.replace('.bin', '.missing') });
    await refused('cannot_read', 3, home.start());
    home.write({});
    const first = home.start();
    await first.connects();
    await refused('already_run', 1, home.start());
    const usage = async (sentence, ...args) => {
      const { code, stderr } = await run(tools.cli, ['mqtt', home.plan, ...args]);
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    };
    await usage(/needs the broker/);
    await usage(/never an argument/, '--broker', 'mqtt://ha:secret@127.0.0.1');
    await usage(/expected is mqtt:/, '--broker', 'tcp://127.0.0.1');
    await usage(/expected is mqtt:/, '--broker', 'mqtt://127.0.0.1/topic');
    await usage(/is for TLS/, '--broker', 'mqtt://127.0.0.1', '--cafile', 'ca.pem');
    await usage(/needs a user/, '--broker', 'mqtt://127.0.0.1', '--broker-password-file', brokerPasswordFile);
  }, { begin: false });
});
