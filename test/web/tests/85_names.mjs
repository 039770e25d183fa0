/*
 * Names and errors that would be markup, addresses or riddles elsewhere are text here, on every page, and links to them work.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same, until } from '../report.mjs';
import { quote } from '../psql.mjs';
import { HOSTILE } from '../world.mjs';

export async function makeWorld(world) {
  const period = await world.period('hourly', 1);
  for (const name of HOSTILE) {
    await world.timetable(name, period);
    await world.process(name, 'hourly', name, 'sql', `DO $do$ BEGIN RAISE EXCEPTION USING MESSAGE = ${quote(`error: ${name}`)}; END $do$`);
    await world.freerun(name, name, 'every 1 d', 'SELECT 1', 'sql', name);
    await world.database.run(`SELECT synergy.register_daemon(${quote(`d ${name}`.slice(0, 60))}, ${quote(`exec sleep 1000 # ${name}`)}, is_on => false)`);
    await world.trigger(name);
    await world.database.run(`SELECT synergy.trigger_now(${quote(name)}, ${quote(name)})`);
  }
  await until(async () => (await world.database.value(`SELECT count(*) FROM synergy.unit_of_work WHERE state = 'invalid'`)) === String(HOSTILE.length), 30000);
  return world;
}

export default async function names({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world)).logIn('author');
  const { page } = visitor;
  const main = page.getByRole('main');
  const text = () => main.innerText();
  for (const address of ['/', '/processes', '/freeruns', '/units', '/boxes', '/garbage', '/events']) {
    await visitor.open(address);
    await until(async () => (await text()).includes(HOSTILE[0]), 3000);
    const shown = await text();
    same(HOSTILE.filter((name) => !shown.includes(name)), [], `${address} shows all names as they are`);
  }
  for (const name of HOSTILE) {
    const said = [];
    const heading = (wanted) => until(async () => (await page.getByRole('heading', { level: 1 }).innerText()).includes(wanted), 5000);
    const arrives = async (what, wanted = name) => (await heading(wanted)) || said.push(`${what}: ${page.url()}`);
    await visitor.step('/processes');
    await main.getByRole('link', { name, exact: true }).first().click();
    await arrives('process');
    await main.getByRole('link', { name, exact: true }).first().click();
    await arrives('timetable');
    const unit = (await world.database.rows(`SELECT unit_of_work_id AS id, timeperiod FROM synergy.unit_of_work WHERE process_name = ${quote(name)} AND state = 'invalid'`))[0];
    await visitor.step(`/units/${unit.id}`);
    if (!(await text()).includes(`error: ${name}`)) said.push('the error is not shown');
    // by key: the unit is tried again meanwhile, and what that adds to its output would push the link from under a pointer
    await main.getByRole('link', { name: `${unit.timeperiod.slice(0, 4)}-${unit.timeperiod.slice(4, 6)}-${unit.timeperiod.slice(6, 8)} ${unit.timeperiod.slice(8)}h` }).first().press('Enter');
    await arrives('job');
    await page.reload();
    await arrives('job, loaded again');
    await visitor.step('/freeruns');
    await main.getByRole('link', { name: `${name} / ${name}`, exact: true }).click();
    await arrives('freerun', `${name} / ${name}`);
    await page.reload();
    await arrives('freerun, loaded again', `${name} / ${name}`);
    await main.getByRole('button', { name: 'Switch off' }).click();
    await comes(`an action reaches ${name}`, () => main.getByRole('button', { name: 'Switch on' }).isVisible());
    same([...said, ...visitor.said()], [], `links to ${name}`);
  }
  ok(await page.evaluate(() => !document.querySelector('img[src="x"]')), 'no name has become an element');
}
