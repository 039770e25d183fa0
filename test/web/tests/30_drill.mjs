/*
 * Down from the years to an hour by clicking, what its page says, and back.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same } from '../report.mjs';

export default async function drill({ browser, world }) {
  const { start } = world;
  const [year, month, day, hour] = [start.slice(0, 4), start.slice(4, 6), start.slice(6, 8), '05'];
  const visitor = await (await Visitor.come(browser, world)).logIn('viewer');
  const { page } = visitor;
  const heading = (name) => page.getByRole('heading', { level: 1, name, exact: true });
  const main = page.getByRole('main');

  await main.getByRole('link', { name: 'site', exact: true }).first().click();
  await heading('site').waitFor();
  for (const text of [year, `${year}-${month}`, `${year}-${month}-${day}`]) {
    await main.getByRole('table', { name: 'Periods' }).getByRole('link', { name: text, exact: true }).click();
    await comes(`a click leads down to ${text}`, () => heading(`site ${text}`).isVisible());
    ok(await heading(`site ${text}`).evaluate((element) => element === document.activeElement), `the focus is on its heading`);
  }
  const text = `${year}-${month}-${day} ${hour}h`;
  const item = main.getByRole('listitem').filter({ hasText: text });
  await item.getByRole('link').first().click();
  await comes('and to an hour', () => heading(`site_hourly ${text}`).isVisible());
  await comes('it says why it waits', () => page.getByRole('heading', { name: 'Why does it wait?' }).isVisible());
  await comes('it has units', () => page.getByRole('table', { name: 'Units of work' }).getByRole('row').nth(1).isVisible());
  await comes('and events', () => page.getByRole('table', { name: 'Events' }).getByRole('row').nth(1).isVisible());
  ok((await page.title()).startsWith(`site_hourly ${text}`), 'the title is of the job');

  for (const name of [`site ${year}-${month}-${day}`, `site ${year}-${month}`, `site ${year}`, 'site']) {
    await page.goBack();
    await comes(`back to ${name}`, () => heading(name).isVisible());
  }

  /* an hour of the client's day: its explanation names what it waits for, down to the hours of the other timetable */
  await visitor.open(`/jobs/client_daily/${start}`);
  const why = page.getByRole('region', { name: 'Why does it wait?' });
  await comes('a job says what it waits for', () => why.getByRole('link', { name: 'site_daily', exact: true }).first().isVisible());
  await comes('and what that waits for', () => why.getByRole('link', { name: 'site_hourly', exact: true }).first().isVisible());
  await why.getByRole('button', { name: 'What client_daily waits for' }).press('Enter');
  await comes('the tree can be folded by the keyboard', async () => !(await why.getByRole('link', { name: 'site_daily', exact: true }).first().isVisible()));
  await visitor.open('/blocked');
  await comes('it is among the blocked ones', () => page.getByRole('row').filter({ hasText: 'client_daily' }).filter({ hasText: 'site_daily' }).first().isVisible());

  /* a job that is late: told on the overview, in a list, and on its own page */
  await visitor.open('/late');
  await comes('nothing is late', () => page.getByText('Nothing is late').isVisible());
  await world.database.run(`INSERT INTO synergy.late_job SELECT process_id, '${start}', now() - interval '2 hours', now() FROM synergy.process WHERE process_name = 'client_daily'`);
  // what a round writes is told to who watches; what is put there by hand is with the next thing that is
  await world.database.run("SELECT synergy.activate('client_daily')");
  await visitor.open('/');
  // by key: a notice that comes or goes above would move the tile from under a pointer
  await main.getByRole('link', { name: /^1\s*late/ }).press('Enter');
  await comes('the tile leads to the list', () => page.getByRole('heading', { level: 1, name: 'Late' }).isVisible());
  const late = main.getByRole('table', { name: 'Late jobs' }).getByRole('row').filter({ hasText: 'client_daily' });
  await comes('a late job is in the list, with what it waits for', () => late.filter({ hasText: '2 h' }).filter({ hasText: 'site_daily' }).isVisible());
  await late.getByRole('link', { name: `${year}-${month}-${day}` }).click();
  await comes('its page has a badge', () => main.getByText('late', { exact: true }).isVisible());
  await world.database.run('DELETE FROM synergy.late_job');
  await visitor.open('/timetables/site');
  await comes('a timetable has a forecast', () => main.getByRole('table', { name: 'Forecast' }).getByRole('row').filter({ hasText: 'site_hourly' }).isVisible());
  await visitor.open('/processes/site_hourly');
  await comes('a process says how long it takes', () => main.getByRole('heading', { name: 'How long it takes' }).isVisible());
  same(visitor.said(), [], 'no complaints on the way');
}
