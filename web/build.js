// SPDX-License-Identifier: Apache-2.0
// Makes the page: src/ in, one gzip file out, the same bytes on every machine (zopfli as WebAssembly: what Node's own
// zlib makes depends on version and processor). usage: node build.js [FILE]; without it dist/ota.html.gz.

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { gzipAsync } from '@gfx/zopfli';
import { build } from 'esbuild';

const LIMIT = 10240;

/** @param {string} path */
const beside = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Packs words.js: names, English and Russian each in one piece are smaller by 2 % of the page than pairs of both. */
const wordPacker = {
  name: 'words',
  /** @param {import('esbuild').PluginBuild} build */
  setup(build) {
    build.onLoad({ filter: /words\.js$/ }, async ({ path }) => {
      const { wordsIn } = await import(path);
      const languages = [0, 1].map((language) => Object.values(wordsIn(language)).join('\n'));
      const contents = `
        const names = ${JSON.stringify(Object.keys(wordsIn(0)).join('\n'))}.split('\\n');
        export const wordsIn = (language) => Object.fromEntries(
          ${JSON.stringify(languages)}[language].split('\\n').map((words, i) => [names[i], words]));`;
      return { contents };
    });
  },
};

/** Bundles one entry into one text. @param {string} path */
async function bundle(path) {
  const { outputFiles } = await build({
    entryPoints: [beside(path)],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    charset: 'utf8',
    legalComments: 'none',
    plugins: [wordPacker],
  });
  return outputFiles[0].text.trim();
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

async function main() {
  let html = squeeze(await readFile(beside('src/page.html'), 'utf8'));
  html = insert(html, 'style', await bundle('src/page.css'));
  html = insert(html, 'script', escape(await bundle('src/main.js')));
  const bytes = encode(html);
  const page = await gzipAsync(bytes, {});
  await writeFile(process.argv[2] ?? beside('dist/ota.html.gz'), page);
  console.log(`page: ${page.length} bytes gzip, ${bytes.length} plain, limit ${LIMIT}`);
  if (page.length > LIMIT) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error.message); // the compressor's own handler would print its source
  process.exitCode = 1;
});
