// SPDX-License-Identifier: Apache-2.0
// The dashboard of a rollout for tests: its address as `ota-ws` prints it, and requests as any program may send them.
import http from 'node:http';
import { freePort } from './browsers/processes.js';
import { start } from './fleets.js';
import { until } from './harness.js';

/** The link on the standard error of a process: `{ link, code, port, origin }` */
export async function dashboardOf(run) {
  const pattern = /Dashboard: (http:\/\/127\.0\.0\.1:(\d+))\/(?:#code=(\S+))?\n/;
  const found = await until(() => pattern.exec(run.errors) ?? (run.code !== undefined && 'ended'), 'the link to the dashboard');
  const [line, origin, port, code] = found;
  return { link: line.slice('Dashboard: '.length).trim(), origin, port: Number(port), code };
}

/** `ota-ws fleet run --dashboard`, with a port of its own. */
export async function startWithDashboard(fleet, ...rest) {
  const run = start(fleet, `--dashboard=${await freePort()}`, ...rest);
  run.dashboard = await dashboardOf(run);
  return run;
}

/** One request: `{ status, headers, text, json }` */
export function ask({ port }, path, { method, token, body, headers = {} } = {}) {
  const data = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const options = {
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    method: method ?? (data === undefined ? 'GET' : 'POST'),
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(data !== undefined && { 'content-length': Buffer.byteLength(data) }), ...headers },
  };
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part) => (text += part));
      response.on('end', () => {
        const isJson = response.headers['content-type'] === 'application/json' && text !== '';
        resolve({ status: response.statusCode, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined });
      });
    });
    request.on('error', reject);
    request.end(data);
  });
}

export const logIn = async (dashboard, code = dashboard.code) => (await ask(dashboard, '/login', { body: { code } })).json.token;
