// SPDX-License-Identifier: Apache-2.0
// What an image is called. Arduino and Rust give one project name and one version to everything that they build: such
// names say nothing, and neither do two equal versions. Build date and hash stand in their place then.

import { FULL } from './variant.js';
import { date, list } from './text.js';

/** @import { State } from './protocol.js' */
/** @import { Image } from './types.js' */

const HASH_DIGITS = 8;

/** Does the project's name come from the build tool (arduino-esp32's libraries, Rust's esp-idf-sys)?
 * @param {string} project */
export const isToolName = (project) => /^(arduino-lib-builder|libespidf)$/.test(project);

/** @param {State | Image} image */
const build = ({ built, elf_sha256 }) => list(date(built), elf_sha256?.slice(0, HASH_DIGITS));

/** How to call `image`, so that nobody takes it for the `other` one.
 * @param {State | Image} image @param {State | Image} [other] */
export function nameOf(image, other) {
  if (!FULL) return image.version;
  if (isToolName(image.project)) return build(image);
  return image.built && image.version === other?.version ? `${image.version} (${build(image)})` : image.version;
}

/** Is it the very build that the device runs? @param {Image | undefined} image @param {State} device */
export const isRunning = (image, device) =>
  !!image && /[^0]/.test(device.elf_sha256) && image.elf_sha256.startsWith(device.elf_sha256);
