/*
 * Sessions end, databases are lost, servers are started anew: the page says so, and goes on by itself.
 */
import { Visitor } from '../browser.mjs';
import { comes, ok, same } from '../report.mjs';
import { ROLES } from '../world.mjs';

export default async function away({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world)).logIn('viewer', '/processes/broken_hourly');
  const { page } = visitor;
  const isAtLogin = (at = page) => new URL(at.url()).pathname === '/login';

  /* the session ends behind its back */
  const other = await visitor.tab();
  await visitor.open('/units', other);
  await other.getByRole('button', { name: 'Log out' }).click();
  await comes('a page whose session has ended goes to the login', () => isAtLogin(), 15000);
  await other.close();
  await visitor.fillLogin(ROLES.viewer);
  await visitor.isThere();
  same(new URL(page.url()).pathname, '/processes/broken_hourly', 'and from there back to where it was');
  same(visitor.said().filter((line) => !/401/.test(line)), [], 'nothing but 401 is complained of');

  /* the database refuses everybody */
  await visitor.open('/jobs?process=broken_hourly');
  await page.evaluate(() => { window.isSame = true; });
  await world.server.run(`ALTER DATABASE ${world.name} ALLOW_CONNECTIONS false`);
  await world.server.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${world.name}' AND usename <> 'postgres'`);
  await comes('a lost database is said', () => page.getByRole('alert').getByText('The server has lost its database').isVisible());
  ok(await page.getByRole('link', { name: 'processed' }).or(page.getByRole('link', { name: 'failing' })).first().isVisible(), 'what was known stays');
  await world.server.run(`ALTER DATABASE ${world.name} ALLOW_CONNECTIONS true`);
  await comes('when it is back, so is the stream', async () => (await page.getByText('live', { exact: true }).isVisible()) && !(await page.getByRole('alert').getByText('The server has lost').isVisible()), 40000);
  await world.database.run(`SELECT synergy.deactivate('broken_hourly')`);
  await visitor.open('/processes/broken_hourly');
  await comes('and fresh data', () => page.getByText('off', { exact: true }).first().isVisible());
  visitor.said();

  /* the console is started anew: it knows nobody */
  await world.stopConsole();
  await comes('a lost console is said', () => page.getByRole('alert').getByText('The server cannot be reached').isVisible());
  await world.startConsole();
  await comes('a new one wants to know who one is', () => isAtLogin(), 30000);
  await visitor.fillLogin(ROLES.viewer);
  await visitor.isThere();
  same(new URL(page.url()).pathname, '/processes/broken_hourly', 'and shows where one was');
  await comes('live', () => page.getByText('live', { exact: true }).isVisible());
  await world.database.run(`SELECT synergy.activate('broken_hourly')`);
  await comes('with what happens now', async () => !(await page.getByText('off', { exact: true }).first().isVisible()));
}
