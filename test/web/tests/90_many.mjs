/*
 * Two hundred timetables and a year of 8760 hours: what an update and a step down cost the browser.
 */
import { Visitor } from '../browser.mjs';
import { note, ok, pause, same, until } from '../report.mjs';
import { periodText } from '../text.mjs';

const TREES = 200;
const LIMIT_MS = 200;

export async function makeWorld(world) {
  const hour = await world.period('hourly', 24);
  const year = await world.period('yearly', 1);
  const setUp = [`SELECT synergy.register_timetable(format('tree_%s', lpad(k::text, 3, '0')), '{}', '${hour}') FROM generate_series(1, ${TREES}) k`,
    `SELECT synergy.register_process(format('tree_%s_hourly', lpad(k::text, 3, '0')), 'hourly', NULL, 'notify', tree_name => format('tree_%s', lpad(k::text, 3, '0')), trigger_frequency => 'every 1 hour', options => '{"concurrency": 50}') FROM generate_series(1, ${TREES}) k`];
  for (const statement of setUp) await world.database.run(statement);
  await world.timetable('long', year);
  for (const qualifier of ['yearly', 'monthly', 'daily', 'hourly']) await world.process(`long_${qualifier}`, qualifier, 'long', 'notify', null);
  await world.database.run(`SELECT synergy.trigger_now(process_name) FROM synergy.process WHERE time_qualifier = 'hourly'`);
  await until(async () => Number(await world.database.value(`SELECT count(*) FROM synergy.job WHERE process_name = 'long_hourly' AND timeperiod >= '${year}'`)) >= 8760, 60000);
  world.year = year;
  return world;
}

export default async function many({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world)).logIn('operator');
  const { page } = visitor;
  const session = await visitor.context.newCDPSession(page);
  await session.send('Performance.enable');
  /* milliseconds of the main thread so far */
  const cost = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return 1000 * (of('ScriptDuration') + of('LayoutDuration') + of('RecalcStyleDuration'));
  };
  const spend = async (what, times, deed) => {
    const costs = [];
    for (let i = 0; i < times; i++) {
      await pause(1100);
      const before = await cost();
      await deed(i);
      costs.push(await cost() - before);
    }
    costs.sort((a, b) => a - b);
    const middle = costs[Math.floor(times / 2)];
    note(`${what}: ${middle.toFixed(0)} ms of the main thread (median of ${times}, longest ${costs.at(-1).toFixed(0)})`);
    ok(middle < LIMIT_MS, `${what} costs less than ${LIMIT_MS} ms`, costs.map(Math.round).join(' '));
  };

  same(await page.getByRole('article').count(), TREES + 1, 'all timetables are in the overview');
  const card = page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'tree_001', exact: true }) });
  await spend('a change in the overview', 5, async (i) => {
    const unit = await world.take('tree_001_hourly', await world.period('hourly', 20 - i));
    await world.complete(unit);
    if (!(await until(() => card.getByRole('link', { name: `${periodText(unit.timeperiod)}: processed`, exact: true }).isVisible()))) throw new Error('the tile does not change');
  });
  await page.getByLabel('Filter').fill('tree_19');
  await until(async () => (await page.getByRole('article').count()) === 10);
  same(await page.getByRole('article').count(), 10, 'the filter leaves ten of them');

  const year = world.year.slice(0, 4);
  await visitor.open('/timetables/long');
  const main = page.getByRole('main');
  const steps = [year, `${year}-12`, `${year}-12-31`];
  await spend('a step down', 3, async (i) => {
    if (!i) await until(async () => (await main.innerText()).replaceAll(/\D/g, '').includes('8760') , 5000);
    await main.getByRole('table', { name: 'Periods' }).getByRole('link', { name: steps[i], exact: true }).click();
    await page.getByRole('heading', { level: 1, name: `long ${steps[i]}`, exact: true }).waitFor();
    await visitor.isThere();
  });
  same(await main.getByText(new RegExp(`${year}-12-31 \\d\\dh`)).count(), 24, 'a day has 24 hours');
  same(visitor.said(), [], 'no complaints on the way');
}
