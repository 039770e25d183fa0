/*
 * Who may only look finds no button to act with, and is refused what he makes by hand.
 */
import { Visitor } from '../browser.mjs';
import { allPages } from '../pages.mjs';
import { ok, same } from '../report.mjs';

const ACTS = /^(skip|reprocess|trigger now|change|switch|backfill|cancel|new freerun|delete|start|stop|choose|register|save)/i;
const ACTIONS = {
  trigger: { process_name: 'site_daily' }, activate: { process_name: 'site_daily' }, deactivate: { process_name: 'site_daily' },
  change_trigger: { process_name: 'site_daily', trigger_frequency: 'every 1 hour' }, skip: { process_name: 'site_daily', timeperiod: '2026010100' },
  reprocess: { process_name: 'site_daily', timeperiod: '2026010100' }, cancel: { unit_of_work_id: 1 }, backfill: { process_name: 'site_daily', from_timeperiod: '2020010100' },
  start_daemon: { process_name: 'collector' }, stop_daemon: { process_name: 'collector' },
  register_freerun: { process_name: 'a', entry_name: 'b', trigger_frequency: 'every 1 d', command: 'SELECT 1' }, unregister_freerun: { process_name: 'cleanup', entry_name: 'nightly' },
};

export default async function viewer({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world)).logIn('viewer');
  const { page } = visitor;
  const found = [];
  let looked = 0;
  for (const address of await allPages(world)) {
    await visitor.open(address);
    const names = await page.getByRole('main').evaluate((main) => [...main.querySelectorAll('button, a.button, input')].map((element) => (element.ariaLabel ?? element.textContent).trim()));
    looked += names.length;
    found.push(...names.filter((name) => ACTS.test(name)).map((name) => `${address}: ${name}`));
  }
  ok(looked > 0, 'there are buttons that do nothing');
  same(found, [], 'no page has a button to act with');
  same(visitor.said().filter((line) => !/404/.test(line)), [], 'no page complains when it is loaded by its address');
  const statuses = await page.evaluate(async (actions) => {
    const { csrf_token: token } = await (await fetch('/api/v1/session')).json();
    const answers = {};
    for (const [action, body] of Object.entries(actions)) {
      const answer = await fetch(`/api/v1/actions/${action}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token }, body: JSON.stringify(body) });
      answers[action] = `${answer.status} ${(await answer.json()).error?.sqlstate}`;
    }
    return answers;
  }, ACTIONS);
  same(statuses, Object.fromEntries(Object.keys(ACTIONS).map((action) => [action, '403 42501'])), 'what he makes by hand is refused by PostgreSQL');
}
