/*
 * build.mjs OUT_DIR: bundles the console, and writes it as files and as a C file with all their bytes.
 *
 * Scripts and styles carry a hash of their content in their names, so that browsers may keep them for ever; the two
 * pages that name them do not. The same sources make the same bytes: nothing here looks at a clock.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const TYPES = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
};
const NOTICE = '/* Synergy console, BSD 3-Clause. With Preact, (c) Jason Miller, and uPlot, (c) Leon Sorokin: MIT License. */';

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 12).toUpperCase();

/* Bundles one entry; its name in the pages' markers is NAME.EXT. */
async function bundle(entry, name, ext) {
  const result = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    outdir: here,
    format: ext === 'js' ? 'esm' : undefined,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    legalComments: 'none',
    banner: { [ext]: NOTICE },
    logLevel: 'warning',
  });
  const data = Buffer.from(result.outputFiles[0].contents);
  return { name: `${name}.${ext}`, path: `/${name}-${hash(data)}.${ext}`, data, isImmutable: true };
}

/* A page, or another file that is served as it is, once the markers {{name.ext}} are the paths of what was bundled. */
function plain(file, bundled) {
  const text = readFileSync(join(here, file), 'utf8').replace(/\{\{([a-z.]+)\}\}/g, (_, name) => {
    const found = bundled.find((asset) => asset.name === name);
    if (!found) throw new Error(`${file} names ${name}, which is not built`);
    return found.path;
  });
  return { name: file, path: `/${file}`, data: Buffer.from(text), isImmutable: false };
}

/* A C string literal, in short lines. Octal escapes end by themselves, and ?s are escaped because of trigraphs. */
function cString(bytes) {
  const lines = [];
  let line = '';
  for (const byte of bytes) {
    const isPlain = byte >= 32 && byte < 127 && byte !== 34 && byte !== 92 && byte !== 63;
    line += isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
    if (line.length >= 110) {
      lines.push(`"${line}"`);
      line = '';
    }
  }
  lines.push(`"${line}"`);
  return lines.join('\n\t');
}

function cFile(assets) {
  const out = ['/* Written by src/mx/web/build.mjs. */', '#include "mx/asset.h"', ''];
  assets.forEach((asset, i) => {
    out.push(`/* ${asset.name} */`);
    out.push(`static const unsigned char data_${i}[] =\n\t${cString(asset.data)};`);
    out.push(`static const unsigned char gzip_${i}[] =\n\t${cString(asset.gzip)};`, '');
  });
  out.push('const Asset mx_assets[] = {');
  assets.forEach((asset, i) => {
    const type = TYPES[asset.path.split('.').pop()];
    out.push(`\t{"${asset.path}", "${type}", "\\"${hash(asset.data)}\\"", ${asset.isImmutable}, ` +
      `data_${i}, ${asset.data.length}, gzip_${i}, ${asset.gzip.length}},`);
  });
  out.push('\t{NULL, NULL, NULL, false, NULL, 0, NULL, 0}', '};', '');
  for (const [variable, name] of [['mx_index_page', 'index.html'], ['mx_login_page', 'login.html']])
    out.push(`const Asset *const ${variable} = &mx_assets[${assets.findIndex((asset) => asset.name === name)}];`);
  return `${out.join('\n')}\n`;
}

export async function buildAssets() {
  const bundled = [
    await bundle('main.jsx', 'app', 'js'),
    await bundle('theme.js', 'theme', 'js'),
    await bundle('styles/app.css', 'app', 'css'),
  ];
  const assets = [...bundled, ...['index.html', 'login.html', 'favicon.svg'].map((file) => plain(file, bundled))];
  for (const asset of assets) asset.gzip = gzipSync(asset.data, { level: 9 });
  return assets;
}

const outDir = process.argv[2];
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!outDir) {
    console.error('usage: node build.mjs OUT_DIR');
    process.exit(2);
  }
  const assets = await buildAssets();
  rmSync(outDir, { recursive: true, force: true });
  mkdirSync(outDir, { recursive: true });
  for (const asset of assets) writeFileSync(join(outDir, asset.path), asset.data);
  writeFileSync(join(outDir, 'asset_data.c'), cFile(assets));
  for (const asset of assets) console.log(`${asset.path}  ${asset.data.length}  gzip ${asset.gzip.length}`);
}
