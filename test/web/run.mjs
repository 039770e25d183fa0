/*
 * run.mjs: the console's pages in a real browser, before a real server with a scheduler, an agent and a console.
 *
 *	node run.mjs --dsn DSN --address HOST:PORT --bindir DIR --program PATH [--only NAME]
 *
 * DSN: a superuser, who needs no password; HOST:PORT: where everybody else does. Tests find things as people do: by what
 * is written there, and by roles.
 */
import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';
import { failures, note, ok } from './report.mjs';
import { World, usualWorld } from './world.mjs';

const { values } = parseArgs({ options: Object.fromEntries(['dsn', 'address', 'bindir', 'program', 'only'].map((name) => [name, { type: 'string' }])) });
const [host, serverPort] = values.address.split(':');
const options = { dsn: values.dsn, host, serverPort, bindir: values.bindir, program: values.program };

/* each test gets the browser and its world; of the usual one there is one for all, in the order of the files' names */
const tests = readdirSync(new URL('tests', import.meta.url)).filter((file) => file.endsWith('.mjs')).sort();
const browser = await launch();
const worlds = {};
async function worldOf(kind, make) {
  return (worlds[kind] ??= await make());
}

for (const file of tests) {
  const name = file.replace(/\.mjs$/, '').replace(/^\d+_/, '');
  if (values.only && !values.only.split(',').includes(name)) continue;
  const began = Date.now();
  try {
    const test = await import(`./tests/${file}`);
    const world = test.makeWorld
      ? await worldOf(name, async () => test.makeWorld(await new World(options, `synergy_web_${name}`).begin()))
      : await worldOf('usual', () => usualWorld(options));
    await test.default({ browser, world });
  } catch (error) {
    ok(false, `${name} runs`, error.stack);
  }
  for (const context of browser.contexts()) await context.close();
  note(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
}
await browser.close();
for (const world of Object.values(worlds)) await world.end();
process.exit(failures() ? 1 : 0);
