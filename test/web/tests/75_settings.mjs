/*
 * Dark or light, UTC or local: what one has chosen holds, also tomorrow.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same } from '../report.mjs';

export default async function settings({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world, { timezoneId: 'Asia/Tokyo' })).logIn('viewer', `/jobs/site_daily/${world.start}`);
  const { page } = visitor;
  const begins = () => page.getByRole('definition').filter({ has: page.getByRole('time') }).first().innerText();
  const utc = await begins();
  ok(/ 00:00:00$/.test(utc), 'a day begins at midnight UTC', utc);
  await page.getByRole('button', { name: /^UTC/ }).click();
  await comes('in Tokyo that is nine hours later', async () => / 09:00:00$/.test(await begins()));
  ok((await page.getByRole('time').first().getAttribute('title')).includes('UTC'), 'the other zone is in its title');
  ok(await page.getByRole('heading', { level: 1 }).getByText(world.start.slice(0, 4)).isVisible(), 'timeperiods stay what they are');

  const brightness = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0));
  ok(await brightness() > 600, 'it is light where the system is');
  await page.getByRole('button', { name: /^Light/ }).click();
  await comes('it can be dark', async () => (await brightness()) < 150);
  await page.reload();
  await visitor.isThere();
  ok(await brightness() < 150, 'it stays dark');
  ok(/ 09:00:00$/.test(await begins()), 'times stay local');
  await page.getByRole('button', { name: /^Dark/ }).click();
  await page.getByRole('button', { name: /^Local/ }).click();
  await comes('and back', async () => (await brightness()) > 600 && (await begins()) === utc);
  same(visitor.said(), [], 'no complaints on the way');
}
