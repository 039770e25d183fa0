/*
 * look.mjs URL OUT_DIR [ROLE [PAGE,PAGE...]]: visits every page of the console at several widths in both themes, takes
 * pictures, and complains of what no page may do: be wider than its window, or write to the browser's console.
 *
 * LOOK_VIEWS='[[390, 844, "dark"]]' is for fewer of them. It wants a mock server (node src/mx/web/mock.mjs) and a Chromium (CHROMIUM, else /usr/bin/chromium).
 */
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [url, outDir, role = 'operator', only] = process.argv.slice(2);
const name = encodeURIComponent;
const hostile = '<script>alert(1)</script>';
const PAGES = {
  overview: '/',
  timetable: '/timetables/client',
  months: '/timetables/site?within=2026000000',
  days: '/timetables/client?within=2026110000',
  hours: '/timetables/site?within=2026112500',
  hostile: `/timetables/${name(hostile)}`,
  job: '/jobs/site_monthly/2026110000',
  jobs: '/jobs?process=site_hourly',
  processes: '/processes',
  process: '/processes/site_daily',
  freeruns: '/freeruns',
  freerun: `/freeruns/mail/${name('digest/"daily"')}`,
  freerun_new: '/freeruns/new',
  units: '/units',
  unit: '/units/5',
  boxes: '/boxes',
  blocked: '/blocked',
  late: '/late',
  garbage: '/garbage',
  events: '/events',
  lost: '/no/such/page',
};
const VIEWS = process.env.LOOK_VIEWS
  ? JSON.parse(process.env.LOOK_VIEWS)
  : [[390, 844, 'dark'], [768, 1000, 'light'], [1600, 1000, 'light'], [1600, 1000, 'dark']];

mkdirSync(outDir, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let complaints = 0;
const complain = (text) => {
  complaints++;
  console.log(text);
};

for (const [width, height, colorScheme] of VIEWS) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme });
  const page = await context.newPage();
  let where = 'login';
  page.on('console', (message) => complain(`${where} ${width}: console ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complain(`${where} ${width}: ${error.stack}`));
  page.on('dialog', (dialog) => { complain(`${where}: a dialog said ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(`${url}/login`);
  if (!only) await page.screenshot({ path: `${outDir}/login-${width}-${colorScheme}.png` });
  await page.fill('#role', role);
  await page.click('button[type=submit]');
  for (const [key, path] of Object.entries(PAGES)) {
    if (only && !only.split(',').includes(key)) continue;
    where = key;
    await page.goto(url + path);
    await page.waitForSelector('main h1');
    await page.waitForFunction(() => !document.querySelector('.skeleton'), null, { timeout: 5000 }).catch(() => complain(`${where}: still loading`));
    await page.waitForTimeout(300);
    const wide = await page.evaluate(() => {
      const limit = innerWidth;
      if (document.documentElement.scrollWidth <= limit) return null;
      return [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > limit + 1).slice(0, 4).map((one) => `${one.tagName}.${one.className}`).join(' ');
    });
    if (wide !== null) complain(`${key} ${width}: wider than its window: ${wide}`);
    await page.screenshot({ path: `${outDir}/${key}-${width}-${colorScheme}.png`, fullPage: width !== 768 && key !== 'events' });
  }
  await context.close();
}
await browser.close();
console.log(complaints ? `${complaints} complaints` : 'no complaint');
process.exit(complaints ? 1 : 0);
