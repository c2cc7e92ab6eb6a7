// SPDX-License-Identifier: Apache-2.0
// Would the device refuse this image? The rules of src/policy.c and src/version.c, so that the user hears of it before
// the upload. The device decides again; this is a courtesy, not a guard.

/** @import { Failure, Image, State } from './types.js' */

/** Of esp_chip_id_t. @type {Record<number, string>} */
const chips = {
  0x00: 'ESP32',
  0x02: 'ESP32-S2',
  0x05: 'ESP32-C3',
  0x09: 'ESP32-S3',
  0x0c: 'ESP32-C2',
  0x0d: 'ESP32-C6',
  0x10: 'ESP32-H2',
  0x12: 'ESP32-P4',
  0x14: 'ESP32-C61',
  0x17: 'ESP32-C5',
  0x19: 'ESP32-H21',
  0x1c: 'ESP32-H4',
  0x20: 'ESP32-S31',
};

/** @param {number} id */
export const chipName = (id) => chips[id] ?? `chip ${id}`;

/** 301 is "3.1". @param {number} revision */
export const revisionName = (revision) => `${Math.floor(revision / 100)}.${revision % 100}`;

/**
 * Semver with an optional "v", also shortened, also as `git describe` writes it ("1.4.1-2-g0296947-dirty": two commits
 * after 1.4.1), as a text that sorts as versions do: numbers padded; a pre-release with its identifiers, numbers before
 * words, sorts before "~", a release with its commits.
 * @param {string} version
 */
function sortable(version) {
  const [, core, commits = '', pre] =
    /^v?(\d+(?:\.\d+){0,2})(?:(?:-(\d+)-g[\da-f]*)?(?:-dirty)?|-([^+]+)(?:\+.*)?|\+.*)$/.exec(version) ?? [];
  const pad = (/** @type {string} */ digits) => digits.padStart(9, '0');
  const word = (/** @type {string} */ id) => (/\D/.test(id) ? `a${id}` : pad(id));
  const end = pre ? pre.split('.').map(word).join(' ') : `~${pad(commits)}`;
  return core && [...core.split('.'), '', ''].slice(0, 3).map(pad) + end;
}

/** @param {string} a @param {string} b false when one of them is no such version */
export function isOlder(a, b) {
  const [left, right] = [a, b].map(sortable);
  return !!left && !!right && left < right;
}

/** @param {Image} image @param {State} device */
function revisionFailure(image, device) {
  const limited = image.maxRevision !== 0 && image.maxRevision !== 0xffff;
  if (device.revision >= image.minRevision && !(limited && device.revision > image.maxRevision)) return undefined;
  const range = revisionName(image.minRevision) + (limited ? `–${revisionName(image.maxRevision)}` : '+');
  return { name: 'wrong_revision', image: range, device: revisionName(device.revision) };
}

/**
 * @param {Image} image
 * @param {State} device
 * @returns {Failure | undefined} the first thing for which the device would refuse the image. `older_version` is the last
 *   of them: the user may allow that one.
 */
export function judge(image, device) {
  if (image.size > device.slot_size) return { name: 'too_large', image: `${image.size}`, device: `${device.slot_size}` };
  if (image.chipId !== device.chip_id) return { name: 'wrong_chip', image: chipName(image.chipId), device: device.chip };
  const revision = revisionFailure(image, device);
  if (revision) return revision;
  if (image.secureVersion < device.secure_version) {
    return { name: 'older_secure_version', image: `${image.secureVersion}`, device: `${device.secure_version}` };
  }
  if (device.check_project && image.project !== device.project) {
    return { name: 'wrong_project', image: image.project, device: device.project };
  }
  if (isOlder(image.version, device.version)) {
    return { name: 'older_version', image: image.version, device: device.version };
  }
  return undefined;
}
