// SPDX-License-Identifier: Apache-2.0
// Rollouts over NATS in which each process is killed (-9) between any two of its steps (test/e2e/fleet_kills.js). Prints
// how often each point was reached, and what was not as it must be.
//   node bench/fleet_kills.js [ROUNDS=5]
import { killAtEachPoint, points } from '../test/e2e/fleet_kills.js';

const rounds = Number(process.argv[2]?.replace('ROUNDS=', '') ?? 5);
const count = new Map(points.map(({ name }) => [name, 0]));
let violations = 0;
for (let round = 0; round < rounds; round++) {
  const { reached, wrong } = await killAtEachPoint();
  reached.forEach((name) => count.set(name, count.get(name) + 1));
  violations += wrong.length;
  wrong.forEach((sentence) => console.log(sentence));
}
console.log('killed at                            times');
count.forEach((times, name) => console.log(`${name.padEnd(36)} ${times}`));
console.log(`violations: ${violations}`);
process.exit(violations === 0 && [...count.values()].every((times) => times === rounds) ? 0 : 1);
