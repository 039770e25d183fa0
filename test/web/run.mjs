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

/*
 * Tests run in the order of their files' names, most of them in one world. Those in a world of their own that measure
 * nothing (BESIDE) have a browser of their own, too, and run beside the first ones (FIRST), which take longest.
 */
const FIRST = ['login', 'pages'];
const BESIDE = ['names', 'empty'];
const files = Object.fromEntries(readdirSync(new URL('tests', import.meta.url)).filter((file) => file.endsWith('.mjs')).sort()
  .map((file) => [file.replace(/^\d+_|\.mjs$/g, ''), file]).filter(([name]) => !values.only || values.only.split(',').includes(name)));
const namesOf = (isWanted) => Object.keys(files).filter(isWanted);

const worlds = [];
async function keep(making) {
  const world = await making;
  worlds.push(world);
  return world;
}

let usual = null;
async function run(names) {
  if (!names.length) return;
  const browser = await launch();
  for (const name of names) {
    const began = Date.now();
    try {
      const test = await import(`./tests/${files[name]}`);
      const world = test.makeWorld
        ? await test.makeWorld(await keep(new World(options, `synergy_web_${name}`).begin()))
        : (usual ??= await keep(usualWorld(options)));
      await test.default({ browser, world });
    } catch (error) {
      ok(false, `${name} runs`, error.stack);
    }
    for (const context of browser.contexts()) await context.close();
    note(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s`);
  }
  await browser.close();
}

const first = namesOf((name) => FIRST.includes(name));
/* roles are made by the first world that begins */
if (first.length) usual = await keep(usualWorld(options));
await Promise.all([run(first), run(namesOf((name) => BESIDE.includes(name)))]);
await run(namesOf((name) => !FIRST.includes(name) && !BESIDE.includes(name)));
for (const world of worlds) await world.end();
process.exit(failures() ? 1 : 0);
