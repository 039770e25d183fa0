/*
 * console_walk.mjs: how long do the documents of each page of the console take in a browser, on a database made by
 * console_db.sql? Each page in a login of its own, so that the first questions of new sessions count; at 390 and 1600
 * pixels, where nothing may stick out, and nothing be complained of.
 *
 *	node bench/console_walk.mjs --url http://127.0.0.1:8080 --role ROLE --password PASSWORD     (npm ci in test/web first)
 *
 * Prints for each page its slowest document: milliseconds until its first byte, with what the browser and the console
 * take. Ends with 1 when one took more than 300, or something was wrong. With 2.04 million jobs, two processors and nothing
 * else at work: 282 at most; 2.2 s for what a server that has just been started reads from the disk first.
 */
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../test/web/package.json', import.meta.url));
const { chromium } = await import(pathToFileURL(require.resolve('playwright-core')).href).then((m) => m.default ?? m);
const { values } = parseArgs({ options: Object.fromEntries(['url', 'role', 'password'].map((name) => [name, { type: 'string' }])) });
const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const LIMIT = 300;

const year = new Date().getUTCFullYear();
const month = `${year}${String(new Date().getUTCMonth() + 1).padStart(2, '0')}`;
const PAGES = [
  '/', '/?troubled=1', '/timetables/site_03', `/timetables/site_03?within=${year}000000`, `/timetables/site_03?within=${year - 2}000000`,
  `/timetables/site_03?within=${month}0000`, `/timetables/site_03?within=${month}0100`, '/jobs?process=site_03_hourly', `/jobs/site_03_hourly/${month}0100`,
  '/processes', '/processes/site_03_hourly', '/freeruns', '/units', '/units?state=invalid', '/units?text=no+such+text', '/boxes', '/blocked', '/garbage', '/events',
];

async function walk(browser, path, width) {
  const context = await browser.newContext({ baseURL: values.url, reducedMotion: 'reduce', viewport: { width, height: 900 } });
  const page = await context.newPage();
  const wrong = [];
  const documents = [];
  page.on('console', (message) => wrong.push(message.text()));
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('response', (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`));
  page.on('requestfinished', (request) => {
    const { requestStart, responseStart } = request.timing();
    if (request.url().includes('/api/') && !request.url().includes('/live')) documents.push({ url: request.url(), took: responseStart - requestStart });
  });
  await page.goto(`/login?next=${encodeURIComponent(path)}`);
  await page.getByLabel('Role').fill(values.role);
  await page.getByLabel('Password').fill(values.password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector('[role="status"][aria-label="Loading"]'));
  const sticks = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (sticks > 0) wrong.push(`${sticks} pixels stick out`);
  await context.close();
  const slowest = documents.sort((a, b) => b.took - a.took)[0];
  console.log(`${slowest.took.toFixed(0).padStart(6)} ms  ${String(width).padStart(4)}  ${path}  ${slowest.url.replace(values.url, '')}${wrong.map((text) => `\n    ${text}`).join('')}`);
  return slowest.took > LIMIT || wrong.length > 0;
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ARGUMENTS });
let bad = 0;
for (const path of PAGES) for (const width of [1600, 390]) bad += await walk(browser, path, width);
await browser.close();
process.exit(bad ? 1 : 0);
