// SPDX-License-Identifier: Apache-2.0
// Would the device refuse this image? The rules of src/policy.c and src/version.c, so that the user knows before the
// upload. The device decides again; this is a courtesy, not a guard.

/** @import { Failure, State } from './protocol.js' */
/** @import { Chosen } from './types.js' */

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
  0x1f: 'ESP32-E22',
  0x20: 'ESP32-S31',
};

/** @param {number} id */
export const chipName = (id) => chips[id] ?? `chip ${id}`;

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

/** @param {string} version @returns {Version | undefined} */
function readVersion(version) {
  const text = /** @type {string} */ (version.split('+')[0]).replace(/-dirty$/, '');
  const [, rest = '', commits = '0'] = /^(.*?)(?:-(\d{1,9})-g[\da-f]*)?$/.exec(text) ?? [];
  const [, core, pre] = /^v?(\d{1,9}(?:\.\d{1,9}){0,2})(?:-(.+))?$/.exec(rest) ?? [];
  const identifiers = pre?.split('.');
  if (!core || /^\d{7}$/.test(text) || identifiers?.includes('')) return undefined;
  return [`${core}.0.0`.split('.').slice(0, 3), identifiers, commits];
}

/** @param {string | undefined} a @param {string | undefined} b numbers come before words @returns {number} */
function compareIdentifiers(a, b) {
  if (a === undefined || b === undefined) return +(a !== undefined) - +(b !== undefined);
  const isNumber = /^\d+$/;
  const order = +isNumber.test(b) - +isNumber.test(a);
  const [left, right] = isNumber.test(a) && !order ? [BigInt(a), BigInt(b)] : [a, b];
  return order || +(left > right) - +(left < right);
}

/** @param {string[]} a @param {string[]} b */
function compareLists(a, b) {
  let order = 0;
  for (let i = 0; !order && i < Math.max(a.length, b.length); i++) order = compareIdentifiers(a[i], b[i]);
  return order;
}

/**
 * The rule of src/version.h: semver.org, and what `git describe` writes.
 * @param {string} a @param {string} b
 * @returns {number} -1, 0 or 1; 2 when one of them is no version
 */
export function compareVersions(a, b) {
  const left = readVersion(a);
  const right = readVersion(b);
  if (!left || !right) return 2;
  const [aPre, bPre] = [left[1], right[1]];
  return (
    compareLists(left[0], right[0]) ||
    (aPre && bPre ? compareLists(aPre, bPre) : +!aPre - +!bPre) || // a release comes after its pre-releases
    compareIdentifiers(left[2], right[2])
  );
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
  const { efuse_revision = -1, mmu_page_size = 0 } = device;
  const { min_efuse_revision: low, max_efuse_revision: high } = image;
  const efuseRange = efuse_revision >= 0 && missedRange(efuse_revision, low < 0xffff ? low : 0, high);
  if (efuseRange) return failure('wrong_efuse_revision', efuseRange, revisionName(efuse_revision));
  if (mmu_page_size && image.mmu_page_size && image.mmu_page_size !== mmu_page_size) {
    return failure('wrong_mmu_page_size', image.mmu_page_size, mmu_page_size);
  }
  if (secure_version < device.secure_version) {
    return failure('older_secure_version', secure_version, device.secure_version);
  }
  if (device.check_project && project !== device.project) return failure('wrong_project', project, device.project);
  if (isOlder(version, device.version)) return failure('older_version', version, device.version);
  return undefined;
}
