/*
 * Every button does what it says, and what was done is in the event log with the role of who did it.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same, until } from '../report.mjs';
import { ROLES } from '../world.mjs';

/* who last did this to that */
const doer = (world, event, process) => world.database.value(`SELECT role_name FROM synergy.event_log WHERE event = '${event}' AND process_name = '${process}' ORDER BY event_id DESC LIMIT 1`);

/* Asks by the button, looks at what the dialog says, goes back, asks again and confirms. */
async function dryRun(visitor, world, { action, button, process, period, title, label }) {
  const { page } = visitor;
  const would = await world.database.rows(`SELECT process_name, timeperiod FROM synergy.${action}('${process}', '${period}', dry_run => true)`);
  const jobs = would.length === 1 ? '1 job' : `${would.length} jobs`;
  await visitor.open(`/jobs/${process}/${period}`);
  const before = await world.jobState(process, period);
  const open = async () => {
    await page.getByRole('main').getByRole('button', { name: button, exact: true }).click();
    const dialog = page.getByRole('dialog', { name: title });
    await dialog.waitFor();
    return dialog;
  };
  let dialog = await open();
  same(await dialog.getByRole('listitem').count(), would.length, `${action}: its dialog lists the jobs that would change`);
  ok(await dialog.getByText(process, { exact: true }).first().isVisible(), `${action}: the job itself among them`);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await comes(`${action}: the dialog closes`, async () => !(await dialog.isVisible()));
  ok(await page.getByRole('main').getByRole('button', { name: button, exact: true }).evaluate((element) => element === document.activeElement), `${action}: the focus is back on the button`);
  same(await world.jobState(process, period), before, `${action}: who goes back has changed nothing`);
  dialog = await open();
  await page.keyboard.press('Escape');
  await comes(`${action}: Escape closes it, too`, async () => !(await dialog.isVisible()));
  dialog = await open();
  await dialog.getByRole('button', { name: `${label} ${jobs}` }).click();
  await comes(`${action}: it is said that it is done`, () => page.getByRole('status').getByText(jobs).isVisible());
  same(await doer(world, action, process), ROLES.author, `${action}: the log has the role`);
}

async function processes(visitor, world) {
  const { page } = visitor;
  await visitor.open('/processes/site_monthly');
  const main = page.getByRole('main');
  await main.getByRole('button', { name: 'Trigger now' }).click();
  await comes('trigger now: it is said', () => page.getByText('Triggered site_monthly').isVisible());
  const isOn = () => world.database.value(`SELECT is_on FROM synergy.process WHERE process_name = 'site_monthly'`);
  await main.getByRole('button', { name: 'Switch off' }).click();
  await comes('switch off: the page shows it', () => main.getByText('off', { exact: true }).first().isVisible());
  same(await isOn(), 'f', 'switch off: it is so');
  await main.getByRole('button', { name: 'Switch on' }).click();
  await comes('switch on: the button turns', () => main.getByRole('button', { name: 'Switch off' }).isVisible());
  same(await isOn(), 't', 'switch on: it is so');

  await visitor.open('/processes/own_monthly');
  await main.getByRole('button', { name: 'Change trigger' }).click();
  const dialog = page.getByRole('dialog');
  const field = dialog.getByLabel('Trigger frequency');
  await field.fill('every never');
  const words = await world.database.run(`SELECT synergy.change_trigger('own_monthly', 'every never')`).then(() => '', (error) => error.message.split(': SELECT')[0].trim());
  await comes('an invalid trigger: what PostgreSQL says of it', () => dialog.getByText(words).isVisible());
  ok(await dialog.getByRole('button', { name: 'Change trigger' }).isDisabled(), 'an invalid trigger cannot be chosen');
  same(visitor.said().filter((line) => !/400/.test(line)), [], 'nothing but 400 is complained of');
  await field.fill('every 20 minutes');
  await comes('a valid one: when it would fire', async () => (await dialog.getByRole('listitem').count()) === 5);
  await dialog.getByRole('button', { name: 'Change trigger' }).click();
  await comes('change trigger: the page shows it', () => main.getByText('every 20 minutes').first().isVisible());
  same(await doer(world, 'change_trigger', 'own_monthly'), ROLES.author, 'change trigger: the log has the role');

  await visitor.open('/processes/site_monthly');
  await main.getByRole('button', { name: 'Change trigger' }).click();
  await field.fill('every 20 minutes');
  await dialog.getByRole('button', { name: 'Change trigger' }).click();
  await comes('that of somebody else cannot be changed, and the dialog says why', () => dialog.getByRole('alert').getByText('must be owner of "site_monthly"').isVisible());
  same(visitor.said().filter((line) => !/403/.test(line)), [], 'nothing but 403 is complained of');

  await visitor.open('/processes/broken_hourly');
  const from = await world.period('hourly', 6);
  await main.getByRole('button', { name: 'Backfill' }).click();
  await dialog.getByLabel('From timeperiod').fill(from);
  await dialog.getByRole('button', { name: 'Backfill' }).click();
  await comes('backfill: the jobs are there', async () => (await world.database.value(`SELECT min(timeperiod) FROM synergy.job WHERE process_name = 'broken_hourly'`)) === from);
  await comes('backfill: it is said', () => page.getByText('Backfill: 3 jobs made').isVisible());
  await main.getByRole('button', { name: 'Backfill' }).click();
  await dialog.getByLabel('From timeperiod').fill('2026130000');
  await dialog.getByRole('button', { name: 'Backfill' }).click();
  await comes('a backfill from nowhere: the dialog says what PostgreSQL says', async () => (await dialog.getByRole('alert').innerText()).includes('2026130000'));
  same(visitor.said().filter((line) => !/400/.test(line)), [], 'nothing but 400 is complained of');
  await page.keyboard.press('Escape');

  const unit = await world.database.value(`SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = 'broken_hourly' AND state = 'invalid' ORDER BY 1 DESC LIMIT 1`);
  await visitor.open(`/units/${unit}`);
  await main.getByRole('button', { name: 'Cancel unit' }).click();
  await dialog.getByRole('button', { name: `Cancel unit ${unit}` }).click();
  await comes('cancel: the page shows it', () => main.getByText('canceled', { exact: true }).first().isVisible());
  same(await world.database.value(`SELECT state FROM synergy.unit_of_work WHERE unit_of_work_id = ${unit}`), 'canceled', 'cancel: it is so');
}

async function freeruns(visitor, world) {
  const { page } = visitor;
  const main = page.getByRole('main');
  await visitor.open('/freeruns');
  await main.getByRole('link', { name: 'New freerun' }).click();
  await page.getByRole('heading', { level: 1, name: 'New freerun' }).waitFor();
  await main.getByLabel('Process, or family of entries').fill('mail');
  await main.getByLabel('Entry', { exact: true }).fill('digest "daily"');
  await main.getByLabel('Trigger frequency').fill('at 08:00');
  await main.getByLabel('Command').fill('SELECT 40 + 2');
  await main.getByLabel('Arguments').fill('[1]');
  await comes('what is no object is said', () => main.getByText('It has to be a JSON object').isVisible());
  ok(await main.getByRole('button', { name: 'Register' }).isDisabled(), 'and cannot be registered');
  await main.getByLabel('Arguments').fill('{"to": "ops"}');
  await main.getByRole('button', { name: 'Register' }).click();
  await comes('a freerun is created', () => page.getByRole('heading', { level: 1, name: 'mail / digest "daily"' }).isVisible());
  same(await world.database.value(`SELECT arguments FROM synergy.freerun WHERE process_name = 'mail'`), '{"to": "ops"}', 'with its arguments');

  await main.getByRole('button', { name: 'Trigger now' }).click();
  await comes('it runs', () => main.getByRole('table', { name: 'Units of work' }).getByText('processed', { exact: true }).first().isVisible());

  await main.getByRole('link', { name: 'Change', exact: true }).click();
  await main.getByLabel('Description').fill('Tells what has happened');
  await comes('the form knows the trigger', () => main.getByRole('button', { name: 'Save' }).isEnabled());
  await main.getByRole('button', { name: 'Save' }).click();
  await comes('it is changed', () => main.getByText('Tells what has happened').isVisible());

  await main.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await comes('it is deleted', async () => new URL(page.url()).pathname === '/freeruns' && (await world.database.value(`SELECT count(*) FROM synergy.freerun WHERE process_name = 'mail'`)) === '0');
  await comes('and is not in the list', async () => !(await main.getByText('digest "daily"').first().isVisible()));
}

async function daemons(visitor) {
  const { page } = visitor;
  await visitor.open('/boxes');
  const row = page.getByRole('row').filter({ hasText: 'collector' });
  await comes('a daemon runs', () => row.getByText('running', { exact: true }).isVisible(), 20000);
  await row.getByRole('button', { name: 'Stop' }).click();
  await comes('it can be stopped', async () => (await row.getByText('off', { exact: true }).isVisible()) && !(await row.getByText('running', { exact: true }).isVisible()), 20000);
  await row.getByRole('button', { name: 'Start' }).click();
  await comes('and started', () => row.getByText('running', { exact: true }).isVisible(), 20000);
}

/* Several jobs at once, from the list. */
async function many(visitor, world) {
  const { page } = visitor;
  const periods = [await world.period('hourly', 2), await world.period('hourly', 1)];
  await visitor.open('/jobs?process=site_hourly');
  for (const period of periods) await page.getByLabel(`Choose site_hourly ${period}`).check();
  await page.getByRole('main').getByRole('button', { name: 'Skip', exact: true }).click();
  const dialog = page.getByRole('dialog', { name: 'Skip 2 jobs of site_hourly?' });
  await dialog.getByRole('button', { name: 'Skip 2 jobs' }).click();
  await comes('two are skipped at once', async () => (await world.jobState('site_hourly', periods[0])) === 'skipped' && (await world.jobState('site_hourly', periods[1])) === 'skipped');
}

export default async function actions({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world, { height: 900 })).logIn('author');
  visitor.said();
  const { start } = world;
  await dryRun(visitor, world, { action: 'reprocess', button: 'Reprocess', process: 'site_hourly', period: start, title: `Reprocess site_hourly ${start}?`, label: 'Reprocess' });
  const unit = await until(() => world.take('site_hourly', start));
  await world.complete(unit);
  await comes('reprocess: the job runs again and is done', async () => (await world.jobState('site_hourly', start)) === 'processed');
  await dryRun(visitor, world, { action: 'skip', button: 'Skip', process: 'site_daily', period: start, title: `Skip site_daily ${start}?`, label: 'Skip' });
  await comes('skip: the job is skipped', async () => (await world.jobState('site_daily', start)) === 'skipped');
  await many(visitor, world);
  await processes(visitor, world);
  await freeruns(visitor, world);
  await daemons(visitor);
  same(visitor.said(), [], 'no complaints on the way');
}
