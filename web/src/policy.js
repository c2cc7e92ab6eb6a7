// SPDX-License-Identifier: Apache-2.0
// Would the device refuse this image? The rules of src/image/policy.c and src/image/version.c, so that the user knows before the
// upload. The device decides again; this is a courtesy, not a guard, and leaves out what is rare: eFuse revision and page size.

/** @import { State } from './protocol.js' */
/** @import { Chosen, Failure } from './types.js' */

/** Of esp_chip_id_t, what follows "ESP32". @type {Record<number, string>} */
const chips = {
  0x00: '',
  0x02: '-S2',
  0x05: '-C3',
  0x09: '-S3',
  0x0c: '-C2',
  0x0d: '-C6',
  0x10: '-H2',
  0x12: '-P4',
  0x14: '-C61',
  0x17: '-C5',
  0x19: '-H21',
  0x1c: '-H4',
  0x1f: '-E22',
  0x20: '-S31',
};

/** @param {number} id */
export const chipName = (id) => (id in chips ? `ESP32${chips[id]}` : `chip ${id}`);

/** 301 is "3.1". @param {number} revision */
export const revisionName = (revision) => `${(revision / 100) | 0}.${revision % 100}`;

/**
 * The range in which a device's revision does not lie; no limit when `max` is 0 or 65535.
 * @param {number} revision @param {number} min @param {number} max
 */
function missedRange(revision, min, max) {
  const isLimited = max && max < 0xffff;
  if (revision >= min && (!isLimited || revision <= max)) return undefined;
  return revisionName(min) + (isLimited ? `–${revisionName(max)}` : '+');
}

/** @typedef {[numbers: string[], preRelease: string[] | undefined, commits: string]} Version */

/** A number sorts by its length, then by its digits, and before words. @param {string} identifier */
function sortable(identifier) {
  if (!/^\d+$/.test(identifier)) return `1${identifier}`;
  const digits = identifier.replace(/^0+(?=.)/, '');
  return `0${`${digits.length}`.padStart(2, '0')}${digits}`;
}

/** A text that sorts as versions do: numbers, then the identifiers of a pre-release or "~" after all of these, then
 * commits. The end of a list sorts before what goes on. @param {string} version @returns {string | undefined} */
function sortKey(version) {
  const text = /** @type {string} */ (version.split('+')[0]).replace(/-dirty$/, '');
  const [, rest = '', commits = '0'] = /^(.*?)(?:-(\d{1,9})-g[\da-f]*)?$/.exec(text) ?? [];
  const [, core, pre] = /^v?(\d{1,9}(?:\.\d{1,9}){0,2})(?:-(.+))?$/.exec(rest) ?? [];
  const identifiers = pre?.split('.') ?? [];
  if (!core || /^\d{7}$/.test(text) || identifiers.includes('')) return undefined;
  const numbers = `${core}.0.0`.split('.').slice(0, 3).map(sortable).join('');
  return `${numbers}${identifiers.map(sortable).join('\x01') || '~'}\0${sortable(commits)}`;
}

/**
 * The rule of src/image/version.h: semver.org, and what `git describe` writes.
 * @param {string} a @param {string} b
 * @returns {number} -1, 0 or 1; 2 when one of them is no version
 */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map(sortKey);
  return left && right ? +(left > right) - +(left < right) : 2;
}

/** @param {string} a @param {string} b */
export const isOlder = (a, b) => compareVersions(a, b) === -1;

/**
 * @param {Chosen} chosen
 * @param {State} device
 * @returns {Failure | undefined} the first thing for which the device would refuse the file. `older_version` is the
 *   last of them: the user may allow that one.
 */
export function judge({ file: { size }, image, problem }, device) {
  /** @param {string} name @param {string | number} theirs @param {string | number} ours */
  const failure = (name, theirs, ours) => ({ name, image: theirs, device: ours });
  const isEncrypted = problem === 'encrypted_image';
  if (device.encrypted && !isEncrypted && (image || problem)) return { name: 'not_encrypted' };
  if (problem && !(device.encrypted && isEncrypted)) return { name: problem };
  if (size > device.slot_size) return failure('too_large', size, device.slot_size);
  if (!image) return undefined;

  const { chip_id, min_revision, max_revision, secure_version, project, version } = image;
  if (chip_id !== device.chip_id) return failure('wrong_chip', chipName(chip_id), device.chip);
  const range = missedRange(device.revision, min_revision, max_revision);
  if (range) return failure('wrong_revision', range, revisionName(device.revision));
  if (secure_version < device.secure_version) {
    return failure('older_secure_version', secure_version, device.secure_version);
  }
  if (device.check_project && device.project && project !== device.project) return failure('wrong_project', project, device.project);
  if (isOlder(version, device.version)) return failure('older_version', version, device.version);
  return undefined;
}
