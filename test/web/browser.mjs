/*
 * browser.mjs: Chromium, and people who look through it. What a page complains of is kept: nobody may complain.
 */
import { chromium } from 'playwright-core';
import { PASSWORD, ROLES } from './world.mjs';

const ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-software-rasterizer', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ARGUMENTS });

/* What a page says that it should not; those that fit an expectation are let go. */
function watch(page, complaints) {
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  /* what was given up by leaving the page has not failed */
  page.on('requestfailed', (request) => request.failure().errorText === 'net::ERR_ABORTED' || complaints.push(`failed: ${request.url()} ${request.failure().errorText}`));
  page.on('response', (response) => response.status() >= 400 && complaints.push(`${response.status()}: ${response.url()}`));
}

export class Visitor {
  static async come(browser, world, { theme = 'light', width = 1280, height = 800, ...more } = {}) {
    const visitor = new Visitor();
    visitor.world = world;
    visitor.context = await browser.newContext({ baseURL: world.url, colorScheme: theme, reducedMotion: 'reduce', viewport: { width, height }, ...more });
    visitor.context.setDefaultTimeout(10000);
    visitor.complaints = [];
    visitor.page = await visitor.tab();
    return visitor;
  }

  async tab() {
    const page = await this.context.newPage();
    watch(page, this.complaints);
    return page;
  }

  /* what has been complained of since the last time */
  said() {
    return this.complaints.splice(0);
  }

  async fillLogin(role, password = PASSWORD, page = this.page) {
    await page.getByLabel('Role').fill(role);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
  }

  /* to a page, through the login where it asks */
  async logIn(privilege, path = '/') {
    await this.page.goto(`/login?next=${encodeURIComponent(path)}`);
    await this.fillLogin(ROLES[privilege] ?? privilege);
    await this.isThere();
    return this;
  }

  async open(path, page = this.page) {
    await page.goto(path);
    await this.isThere(page);
  }

  /* the same without loading everything again, as by a link or the way back */
  async step(path) {
    await this.page.evaluate(async (address) => {
      history.pushState(null, '', address);
      dispatchEvent(new PopStateEvent('popstate'));
      for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
    }, path);
    await this.isThere();
  }

  /* a page is there when it has its heading and nothing that is still loading */
  async isThere(page = this.page) {
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.waitForFunction(() => !document.querySelector('[role="status"][aria-label="Loading"]'));
  }

  go() {
    return this.context.close();
  }
}
