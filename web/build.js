// SPDX-License-Identifier: Apache-2.0
// Makes the two pages of the device, and the dashboard of fleets: src/ and fleet/ in, gzip files out, the same bytes on every machine (zopfli as WebAssembly: what Node's
// own zlib makes depends on version and processor). usage: node build.js [FOLDER]; without it dist.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { gzipAsync } from '@gfx/zopfli';
import { build } from 'esbuild';
import { minify } from 'terser';

/** The full page has both languages, the small one English (src/variant.js).
 * @typedef {{ isFull: boolean, file: string, limit: number }} Variant */

/** @type {Variant[]} */
const variants = [
  { isFull: true, file: 'ota.html.gz', limit: 13312 },
  { isFull: false, file: 'small/ota.html.gz', limit: 8192 },
];

/** @param {string} path */
const beside = (path) => fileURLToPath(new URL(path, import.meta.url));

/** @param {RegExp} pattern @param {string[]} texts */
const namesIn = (pattern, ...texts) => texts.flatMap((text) => Array.from(text.matchAll(pattern), ([, name]) => name));

/** @param {string} html */
const idsIn = (html) => namesIn(/id="(\w+)"/g, html);

/** Fills in variant.js, and packs words.js: a language in one piece is smaller than pairs of both, and the elements' names
 * stand in the page already. @param {string} html @param {boolean} isFull */
const packer = (html, isFull) => ({
  name: 'packer',
  /** @param {import('esbuild').PluginBuild} build */
  setup(build) {
    build.onLoad({ filter: /variant\.js$/ }, () => ({ contents: `export const FULL = ${isFull};` }));
    build.onLoad({ filter: /words\.js$/ }, async ({ path }) => {
      const { wordsIn } = await import(path);
      const ids = idsIn(html);
      const others = Object.keys(wordsIn(0, isFull)).filter((name) => !ids.includes(name));
      const languages = (isFull ? [0, 1] : [0]).map((language) =>
        [...ids, ...others].map((name) => wordsIn(language, isFull)[name]).join('|'),
      );
      const contents = `
        const names = [...document.querySelectorAll('[id]')].map(({ id }) => id).concat(${JSON.stringify(others.join(' '))}.split(' '));
        export const wordsIn = (language) => Object.fromEntries(
          ${JSON.stringify(languages)}[language].split('|').map((words, i) => [names[i], words]));`;
      return { contents };
    });
  },
});

/** Bundles one entry into one text. @param {string} path @param {Partial<import('esbuild').BuildOptions>} options */
async function bundle(path, options) {
  const { outputFiles } = await build({
    entryPoints: [beside(path)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    ...options,
  });
  return outputFiles[0].text.trim();
}

/** Properties that nobody else knows: types.d.ts has them, and they neither travel nor are elements, words or values.
 * @param {string} html */
async function ownProperties(html) {
  const { wordsIn } = await import('./src/words.js');
  const [ours, wire] = await Promise.all(['types', 'protocol'].map((name) => readFile(beside(`src/${name}.d.ts`), 'utf8')));
  const known = new Set([
    ...namesIn(/(\w+)\??:/g, wire),
    ...idsIn(html),
    ...namesIn(/{(\w+)}/g, ...Object.values(wordsIn(0))),
    ...Object.keys(wordsIn(0)),
  ]);
  return namesIn(/(\w+)\??:/g, ours).filter((name) => !known.has(name));
}

/** Shortens names and drops what has no effect. @param {string} script @param {string} html */
async function shorten(script, html) {
  const own = await ownProperties(html);
  const { code = '' } = await minify(script, {
    module: true,
    ecma: 2020,
    compress: { passes: 4, unsafe: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, keep_fargs: false, lhs_constants: false },
    mangle: { properties: { regex: new RegExp(`^(_.*|${own.join('|')})$`) } },
    format: { comments: false },
  });
  return code;
}

/** Leaves out what only people read: comments, line ends, quotes, tags that close themselves. @param {string} html */
const squeeze = (html) =>
  html
    .replace(/<!--.*?-->|<\/(dt|dd|body|html)>|<\/?head>|<body>/gs, '')
    .replace(/\s*\n\s*/g, '')
    .replace(/="([\w-]+)"/g, '=$1');

/** @param {string} html @param {string} name @param {string} content */
function insert(html, name, content) {
  if (/<\/(style|script)/i.test(content)) throw new Error(`${name} would end too early`);
  return html.replace(`@${name}@`, () => content);
}

// One byte a letter, Cyrillic ones too: gzip makes a page of it that is smaller by 3 %.
const decoder = new TextDecoder('windows-1251');
const letters = Array.from({ length: 256 }, (_, byte) => decoder.decode(Uint8Array.of(byte)));

/** Letters that the encoding lacks, as JavaScript escapes. @param {string} script */
const escape = (script) =>
  script.replace(/[^\0-~]/g, (letter) =>
    letters.includes(letter) ? letter : `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** @param {string} html */
function encode(html) {
  const bytes = Uint8Array.from(html, (letter) => letters.indexOf(letter));
  if (decoder.decode(bytes) !== html) throw new Error('page.html or page.css has letters that windows-1251 lacks');
  return bytes;
}

/** @param {boolean} isFull @returns {Promise<Uint8Array>} the page, not packed */
async function makePage(isFull) {
  let source = await readFile(beside('src/page.html'), 'utf8');
  if (!isFull) source = source.replace(/<!--full-->.*?<!--\/full-->/gs, '');
  const styles = await Promise.all((isFull ? ['page', 'full'] : ['page']).map((name) => bundle(`src/${name}.css`, { minify: true, charset: 'ascii' })));
  const script = await shorten(await bundle('src/main.js', { minifySyntax: true, plugins: [packer(source, isFull)] }), source);
  return encode(insert(insert(squeeze(source), 'style', styles.join('')), 'script', escape(script)));
}

/** @param {Variant} variant @param {string} folder */
async function packPage({ isFull, file, limit }, folder) {
  const bytes = await makePage(isFull);
  const page = await gzipAsync(bytes, { numiterations: 200 });
  const target = path.join(folder, file);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, page);
  console.log(`${file}: ${page.length} bytes gzip, ${bytes.length} plain, limit ${limit}`);
  if (page.length > limit) process.exitCode = 1;
}

/** The dashboard: three files, because its Content-Security-Policy allows no script and no style inside the page. ota-ws
 * has space, so what browsers do not see is left out and nothing else. @param {string} folder */
async function packDashboard(folder) {
  const files = {
    html: squeeze(await readFile(beside('fleet/fleet.html'), 'utf8')),
    css: await bundle('fleet/fleet.css', { minify: true }),
    js: await bundle('fleet/main.js', { minify: true }),
  };
  await mkdir(path.join(folder, 'fleet'), { recursive: true });
  for (const [kind, content] of Object.entries(files)) {
    const packed = await gzipAsync(Buffer.from(content), { numiterations: 50 });
    await writeFile(path.join(folder, `fleet/fleet.${kind}.gz`), packed);
    console.log(`fleet/fleet.${kind}.gz: ${packed.length} bytes gzip, ${content.length} plain`);
  }
}

async function main() {
  const folder = process.argv[2] ?? beside('dist');
  for (const variant of variants) await packPage(variant, folder);
  await packDashboard(folder);
}

main().catch((error) => {
  console.error(error.message); // the compressor's own handler would print its source
  process.exitCode = 1;
});
