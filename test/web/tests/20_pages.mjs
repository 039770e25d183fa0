/*
 * Every page, dark and light, on a telephone, a tablet and a desk: nothing is complained of, nothing sticks out, and the
 * rules of accessibility hold, those of axe-core and some that it leaves to people.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Visitor } from '../browser.mjs';
import { allPages } from '../pages.mjs';
import { same } from '../report.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
/* what can differ in the dark */
const DARK_RULES = ['color-contrast', 'link-in-text-block'];

/* runs in the page: what is wrong with it, in words */
function faults() {
  const found = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  if (all('h1').length !== 1) found.push(`${all('h1').length} headings of level 1`);
  if (all('main').length !== 1) found.push(`${all('main').length} main landmarks`);
  let level = 0;
  for (const heading of all('h1, h2, h3, h4, h5, h6')) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) found.push(`${heading.textContent}: level ${own} after ${level}`);
    level = own;
  }
  for (const cell of all('th')) if (!cell.scope) found.push(`column ${cell.textContent} has no scope`);
  for (const input of all('input:not([type=hidden]), select, textarea')) if (!input.labels?.length && !input.ariaLabel) found.push(`no label: ${input.outerHTML}`);
  for (const button of all('button, a[href]')) if (!(button.textContent.trim() || button.ariaLabel || button.querySelector('img[alt]:not([alt=""])'))) found.push(`no name: ${button.outerHTML}`);
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) found.push(`the id ${id} twice`);
  if (!document.title.includes(' · Synergy')) found.push(`title: ${document.title}`);
  if (document.documentElement.lang !== 'en') found.push('no language');
  return found;
}

/* runs in the page: what sticks out on the right */
function overflow() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return null;
  const wide = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > width + 1);
  return `${document.documentElement.scrollWidth} > ${width}: ${wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)).join(' | ')}`;
}

async function axe(page, rules) {
  await page.evaluate(`window.axe || (() => { ${AXE} })()`);
  const { violations } = await page.evaluate((runOnly) => window.axe.run(document, { runOnly, resultTypes: ['violations'] }), rules);
  return violations.map(({ id, nodes }) => `${id} (${nodes.length}): ${nodes[0].html.slice(0, 160)} ${nodes[0].any[0]?.message ?? ''}`);
}

async function look(browser, world, theme, addresses) {
  const isDark = theme === 'dark';
  const visitor = await (await Visitor.come(browser, world, { theme, width: 1600, height: 900 })).logIn('author');
  visitor.said();
  const { page } = visitor;
  for (const address of addresses) {
    const wrong = [];
    await page.setViewportSize({ width: 1600, height: 900 });
    await visitor.step(address);
    /* in the dark only colours differ */
    for (const width of isDark ? [1600] : [1600, 768, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const out = await page.evaluate(overflow);
      if (out) wrong.push(`at ${width} px: ${out}`);
      if (width !== 768) wrong.push(...await page.evaluate(faults));
      if (width === (isDark ? 1600 : 390)) wrong.push(...await axe(page, isDark ? DARK_RULES : RULES));
    }
    const said = visitor.said().filter((line) => !(address.startsWith('/no/') && line.startsWith('404')));
    same([...wrong, ...said], [], `${theme} ${address.replace(/\d{3,}/g, '…')}`);
  }
  await visitor.go();
}

export default async function pages({ browser, world }) {
  const addresses = await allPages(world);
  await Promise.all(['light', 'dark'].map((theme) => look(browser, world, theme, addresses)));
  const visitor = await Visitor.come(browser, world);
  await visitor.page.goto('/login');
  same([...await visitor.page.evaluate(faults), ...await axe(visitor.page, RULES)].concat(visitor.said()), [], 'the login page');
}
