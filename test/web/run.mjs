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

/* Most tests are about one world, and so come one after the other; what has a world of its own runs beside them, but not
 * beside `live`, which measures time. */
const LANES = [[['login', 'pages'], ['names', 'empty']], [['live']], [['drill', 'actions', 'viewer', 'keyboard', 'settings', 'away'], ['many']]];
const files = Object.fromEntries(readdirSync(new URL('tests', import.meta.url)).filter((file) => file.endsWith('.mjs')).sort()
  .map((file) => [file.replace(/^\d+_|\.mjs$/g, ''), file]).filter(([name]) => !values.only || values.only.split(',').includes(name)));

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

const wanted = (names) => names.filter((name) => files[name]);
const forgotten = Object.keys(files).filter((name) => !LANES.flat(2).includes(name));
ok(!forgotten.length, 'all tests have their turn', forgotten.join(' '));
/* roles are made by the first world that begins */
if (LANES.some(([names]) => wanted(names).length)) usual = await keep(usualWorld(options));
for (const lanes of LANES) await Promise.all(lanes.map((names) => run(wanted(names))));
for (const world of worlds) await world.end();
process.exit(failures() ? 1 : 0);
