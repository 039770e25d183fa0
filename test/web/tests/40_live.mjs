/*
 * What happens is on the open pages without reload: how long after the commit, and without moving anything.
 */
import { Visitor } from '../browser.mjs';
import { comes, note, ok, pause, same, until } from '../report.mjs';
import { periodText } from '../text.mjs';

const TIMES = 10;
const FEWER = 3;
const LIMIT_MS = 1000;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/* the hours from so many ago on: of the newest 24 the overview has tiles */
let ago = 22;

/* Completes so many units, each when the page is at rest, and measures when the page shows it. */
async function measure(world, what, times, isShown, prepare = async () => {}) {
  const took = [];
  for (let i = 0; i < times; i++) {
    const unit = await world.take('site_hourly', await world.period('hourly', ago--));
    if (!unit) break;
    await prepare(unit);
    await pause(1200);
    await world.complete(unit);
    const began = performance.now();
    const seen = await until(() => isShown(unit), 10000);
    took.push(seen ? performance.now() - began : Infinity);
  }
  note(`${what}: median ${median(took).toFixed(0)} ms, longest ${Math.max(...took).toFixed(0)} ms of ${took.length}`);
  ok(took.length === times && median(took) < LIMIT_MS && Math.max(...took) < 5 * LIMIT_MS, `${what}: within ${LIMIT_MS} ms`, took.map(Math.round).join(' '));
}

export default async function live({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world, { height: 500 })).logIn('operator');
  const { page } = visitor;
  const isSame = async () => page.evaluate(() => window.isSame === true);
  const mark = () => page.evaluate(() => { window.isSame = true; });
  await comes('the page says that it is live', () => page.getByText('live', { exact: true }).isVisible());

  const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'site', exact: true }) });
  await mark();
  const keep = card.getByRole('link', { name: 'site_daily', exact: true });
  await keep.focus();
  await page.evaluate(() => scrollBy(0, 150));
  const where = () => keep.evaluate((element) => Math.round(element.getBoundingClientRect().top));
  const before = await where();
  await measure(world, 'a tile of the overview', TIMES, (unit) => card.getByRole('link', { name: `${periodText(unit.timeperiod)}: processed`, exact: true }).isVisible());
  ok(await page.evaluate(() => scrollY) > 0, 'the page was scrolled');
  same(await where(), before, 'what one looks at has not moved');
  ok(await keep.evaluate((element) => element === document.activeElement), 'the focus has stayed');
  ok(await isSame(), 'it was not loaded again');

  await measure(world, 'a node of the timetable', FEWER, (unit) => page.getByRole('main').getByRole('listitem').filter({ hasText: periodText(unit.timeperiod) }).getByRole('link', { name: 'processed' }).isVisible(),
    (unit) => visitor.open(`/timetables/site?within=${unit.timeperiod.slice(0, 8)}00`));

  await measure(world, 'the page of a job', FEWER, (unit) => page.getByRole('heading', { level: 2, name: 'Why is it so?' }).isVisible(),
    (unit) => visitor.open(`/jobs/site_hourly/${unit.timeperiod}`));
  same(visitor.said(), [], 'no complaints on the way');

  await output(visitor, world);
}

/* Lines of a command are there while it writes. */
async function output(visitor, world) {
  const { page } = visitor;
  await world.database.run(`SELECT synergy.trigger_now('counter', 'slow')`);
  const unit = await until(() => world.database.value(`SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'counter' AND state = 'in_progress'`));
  await visitor.open(`/units/${unit}`);
  const log = page.getByRole('log');
  await comes('the first line is there while it runs', async () => (await log.innerText()).includes('line 1 of the output'), 4000);
  const early = await log.innerText();
  ok(!early.includes('line 8'), 'before the last one', early);
  await comes('the last line comes', async () => (await log.innerText()).includes('line 8 of the output'), 8000);
  await comes('and that it has ended', () => page.getByRole('main').getByText('processed', { exact: true }).first().isVisible());
  const lines = (await log.innerText()).match(/line \d of the output/g);
  same(lines, [1, 2, 3, 4, 5, 6, 7, 8].map((i) => `line ${i} of the output`), 'all lines once, in order');
  ok(await page.getByText('8 lines', { exact: true }).isVisible(), 'they are counted');
  ok(!(await page.getByRole('button', { name: 'From the beginning' }).isVisible()), 'what is whole has no other beginning');
  same(visitor.said(), [], 'no complaints');
}
