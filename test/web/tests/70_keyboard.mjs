/*
 * Without a mouse: logs in, opens a job, skips it. What has the focus can be seen, everywhere.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same } from '../report.mjs';
import { PASSWORD, ROLES } from '../world.mjs';

const focused = (page) => page.evaluate(() => {
  const element = document.activeElement;
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  return {
    name: (element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent).trim(),
    /* behind the last one, the window itself has it */
    isSeen: element === document.body || (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none',
    isInside: box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    isBehind: element !== document.body && !element.closest('dialog'),
  };
});

export default async function keyboard({ browser, world }) {
  const visitor = await Visitor.come(browser, world);
  const { page } = visitor;
  const unseen = [];
  const press = (key) => page.keyboard.press(key);
  /* Tab, until one is there; false when one is not in reach */
  const reach = async (wanted, limit = 150) => {
    for (let i = 0; i < limit; i++) {
      await press('Tab');
      const at = await focused(page);
      if (!at.isSeen || !at.isInside) unseen.push(`${new URL(page.url()).pathname}: ${JSON.stringify(at)}`);
      if (wanted(at)) return true;
    }
    return false;
  };

  await page.goto('/login');
  same((await focused(page)).name, 'Role', 'the login begins in the field for the role');
  await page.keyboard.type(ROLES.operator);
  await press('Tab');
  await page.keyboard.type(PASSWORD);
  await press('Enter');
  await visitor.isThere();
  await press('Tab');
  ok(/Skip to content|Overview/.test((await focused(page)).name), 'Tab begins at the top', JSON.stringify(await focused(page)));

  const period = await world.period('hourly', 0);
  const isLastTile = ({ name }) => name.startsWith(`${period.slice(0, 4)}-${period.slice(4, 6)}-${period.slice(6, 8)} ${period.slice(8)}h: `);
  ok(await reach(isLastTile), 'Tab comes to a strip of hours', JSON.stringify(await focused(page)));
  await press('ArrowLeft');
  await press('ArrowRight');
  ok(isLastTile(await focused(page)), 'arrows go along it');
  await press('Enter');
  await page.getByRole('heading', { level: 1, name: /site_hourly/ }).waitFor();
  await comes('the focus is on the heading of the job', () => page.getByRole('heading', { level: 1 }).evaluate((element) => element === document.activeElement));

  ok(await reach(({ name }) => name === 'Skip'), 'Tab comes to Skip');
  await press('Enter');
  await page.getByRole('dialog').waitFor();
  const behind = [];
  for (let i = 0; i < 6; i++) {
    const at = await focused(page);
    if (at.isBehind) behind.push(at.name);
    await press('Tab');
  }
  same(behind, [], 'the focus stays in the dialog');
  ok(await reach(({ name }) => /^Skip 1 job/.test(name), 8), 'Tab comes to the deed');
  await press('Enter');
  await comes('the job is skipped', async () => (await world.jobState('site_hourly', period)) === 'skipped');
  await comes('the dialog is gone', async () => (await page.getByRole('dialog').count()) === 0);
  await press('g');
  await press('u');
  await comes('g and u lead to the units', () => page.getByRole('heading', { level: 1, name: 'Units of work' }).isVisible());
  await press('/');
  same((await focused(page)).name, 'Error text', 'a slash leads to the filter');
  await page.getByRole('heading', { level: 1 }).focus();
  await press('?');
  await comes('a question mark tells the keys', () => page.getByRole('dialog', { name: 'Keys' }).isVisible());
  await press('Escape');

  for (const address of ['/processes', '/freeruns/new', '/timetables/site', '/garbage']) {
    await visitor.open(address);
    await reach(() => false, 40);
  }
  same(unseen, [], 'what has the focus is seen');
  same(visitor.said(), [], 'no complaints on the way');
}
