/*
 * Who logs in comes to the page that was asked for; who does not, does not.
 */
import { Visitor } from '../browser.mjs';
import { ROLES } from '../world.mjs';
import { comes, ok, same } from '../report.mjs';

export default async function login({ browser, world }) {
  const visitor = await Visitor.come(browser, world);
  const { page } = visitor;
  await page.goto('/processes/site_hourly');
  same(new URL(page.url()).pathname, '/login', 'who has not logged in comes to the login');
  same(await page.title(), 'Log in · Synergy', 'the login has a title');
  same(visitor.said(), [], 'the login complains of nothing');

  await visitor.fillLogin(ROLES.viewer, 'wrong');
  await comes('a wrong password is said', () => page.getByText('Role or password is wrong').isVisible());
  same(new URL(page.url()).pathname, '/login', 'a wrong password leads nowhere');
  same(await page.getByLabel('Role').inputValue(), ROLES.viewer, 'the role stays');
  same(visitor.said().filter((line) => !/401/.test(line)), [], 'nothing but 401 is complained of');
  await visitor.fillLogin('nobody at all');
  await comes('an unknown role is not told from a wrong password', () => page.getByText('Role or password is wrong').isVisible());
  visitor.said();

  await visitor.fillLogin(ROLES.viewer);
  await visitor.isThere();
  same(new URL(page.url()).pathname, '/processes/site_hourly', 'the right one leads to what was asked for');
  ok(await page.getByText(ROLES.viewer, { exact: true }).isVisible(), 'the page says who one is');
  ok(await page.getByText('read only').isVisible(), 'and that a viewer only reads');
  const cookies = await visitor.context.cookies();
  ok(cookies.length > 0 && cookies.every((cookie) => cookie.httpOnly && cookie.sameSite !== 'None'), 'cookies are HttpOnly and SameSite', JSON.stringify(cookies));
  same(await page.evaluate(() => document.cookie), '', 'scripts see none');

  await page.goto('/login?next=%2Funits');
  await visitor.isThere();
  same(new URL(page.url()).pathname, '/units', 'who has logged in does not have to again');

  await page.getByRole('button', { name: 'Log out' }).click();
  await comes('who logs out is at the login', () => new URL(page.url()).pathname === '/login');
  await page.goto('/units');
  same(new URL(page.url()).pathname, '/login', 'and has to log in again');
  await page.goto(`/login?next=${encodeURIComponent('//evil.example/x')}`);
  await visitor.fillLogin(ROLES.viewer);
  await visitor.isThere();
  same(new URL(page.url()).origin, world.url, 'a login does not lead elsewhere');
  same(visitor.said(), [], 'no complaints on the way');
}
