/*
 * screenshots.mjs: takes the pictures of the documentation; see scripts/screenshots.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Visitor, launch } from './browser.mjs';
import { pause } from './report.mjs';
import { shop } from './shop.mjs';

const { values } = parseArgs({ options: Object.fromEntries(['dsn', 'address', 'bindir', 'program', 'out', 'wait'].map((name) => [name, { type: 'string' }])) });
const [host, serverPort] = values.address.split(':');
const world = await shop({ dsn: values.dsn, host, serverPort, bindir: values.bindir, program: values.program });
mkdirSync(values.out, { recursive: true });
const browser = await launch();

async function take(name, address, { theme = 'light', width = 1440, height = 900, prepare } = {}) {
  const visitor = await (await Visitor.come(browser, world, { theme, width, height })).logIn('alice', address);
  await pause(1500);
  await prepare?.(visitor.page);
  await pause(300);
  await visitor.page.screenshot({ path: join(values.out, `${name}.png`) });
  await visitor.go();
}

const month = `${(await world.period('daily', 0)).slice(0, 6)}0000`;
const yesterday = await world.period('daily', 1);
await take('console-overview-light', '/');
await take('console-overview-dark', '/', { theme: 'dark' });
await take('console-timetable', `/timetables/stock?within=${month}`);
await take('console-job', `/jobs/supply_daily/${yesterday}`);
await take('console-narrow', '/', { width: 390, height: 844 });
await browser.close();
await world.end();
process.exit(0);
