/*
 * A database without anything: each page says what to do.
 */
import { Visitor } from '../browser.mjs';
import { comes, same } from '../report.mjs';

const SAYS = {
  '/': ['There are no timetables yet', 'synergy.register_timetable'], '/processes': ['There are no processes yet', 'synergy.register_process'],
  '/freeruns': ['There are no freeruns yet', 'synergy.register_freerun'], '/units': ['There are no such units'], '/boxes': ['There are no boxes', 'synergy agent', 'synergy.register_daemon'],
  '/blocked': ['Nothing is blocked'], '/late': ['Nothing is late'], '/garbage': ['The queue is empty'], '/events': ['events'], '/jobs': ['Of which process?'],
};

export const makeWorld = (world) => world;

export default async function empty({ browser, world }) {
  const visitor = await (await Visitor.come(browser, world)).logIn('viewer');
  const { page } = visitor;
  for (const [address, words] of Object.entries(SAYS)) {
    await visitor.open(address);
    for (const word of words) await comes(`${address} says: ${word}`, async () => (await page.getByRole('main').innerText()).toLowerCase().includes(word.toLowerCase()), 3000);
  }
  same(visitor.said(), [], 'no complaints');
  const missing = { '/timetables/none': 404, '/processes/none': 404, '/jobs/none/2026010100': 404, '/units/1': 404, '/freeruns/no/such': 404 };
  for (const address of Object.keys(missing)) {
    await visitor.open(address);
    await comes(`${address} says that there is none`, async () => (await page.getByRole('main').getByRole('alert').count()) === 1);
  }
  same(visitor.said().filter((line) => !/404/.test(line)), [], 'nothing but 404 is complained of');
}
