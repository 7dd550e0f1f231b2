// A browser for tests, driven by puppeteer: the commands are at the end. It hangs on a pipe to this process and ends when this process does, however
// that comes about.
import puppeteer from 'puppeteer-core';
import {serve} from '../node/peer.mjs';

const pages = new Map(); // by number: {page, context, errors, dialogs}
let browser;

const find = (n) => {
  const found = pages.get(n);
  if (!found) {
    throw new Error(`no page ${n}`);
  }
  return found;
};

// launch starts the browser with everything it writes in the folder dir, and returns its process.
const launch = async ({chromium, dir}) => {
  browser = await puppeteer.launch({
    executablePath: chromium,
    headless: true,
    pipe: true,
    userDataDir: `${dir}/profile`,
    env: {...process.env, HOME: dir, XDG_CONFIG_HOME: dir, XDG_CACHE_HOME: dir},
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-breakpad', '--no-first-run'],
  });
  return browser.process().pid;
};

// open opens a page in a window of its own.
const open = async ({page: n, url}) => {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const entry = {page, context, errors: [], dialogs: []};
  page.on('pageerror', (e) => entry.errors.push(String(e)));
  page.on('console', (m) => m.type() === 'error' && !m.text().startsWith('Failed to load resource') && entry.errors.push(m.text()));
  page.on('dialog', (d) => {
    entry.dialogs.push(d.type());
    d.dismiss();
  });
  pages.set(n, entry);
  await page.goto(url);
};

// look returns what a page shows.
const look = async ({page: n}) => {
  const {page, errors, dialogs} = find(n);
  const shown = await page.evaluate(() => {
    const $ = (id) => document.getElementById(id);
    const texts = (selector) => [...document.querySelectorAll(selector)].map((e) => e.textContent);
    const focus = document.activeElement;
    return {
      state: $('state').value,
      notice: $('notice').textContent,
      title: $('title').textContent,
      rooms: texts('#list a'),
      cells: [...document.querySelectorAll('.field')].map((f) => ({
        place: f.place,
        text: f.textContent,
        note: f.parentElement.dataset.note ?? '',
        lost: f.parentElement.title,
      })),
      focus: focus.place ?? [focus.id],
      caret: focus.place ? getSelection().focusOffset : 0,
      peers: $('peers').textContent,
      conflicts: $('conflicts').hidden ? [] : texts('#conflicts li'),
      log: texts('#log li'),
      form: [$('where').value, $('what').value],
    };
  });
  return {...shown, errors, dialogs};
};

// click clicks into the cell of a place, or on an element. What it clicks at must not move away.
const click = async ({page: n, place, selector}) => {
  const {page} = find(n);
  const field = await page.evaluateHandle(
    (at, selector) => (selector ? document.querySelector(selector) : [...document.querySelectorAll('.field')].find((f) => f.at === at)) ?? null,
    JSON.stringify(place),
    selector ?? '',
  );
  const element = field.asElement();
  if (!element) {
    throw new Error(`nothing at ${selector ?? JSON.stringify(place)}`);
  }
  await element.click();
  if (!(await element.evaluate((e) => e === document.activeElement || !e.place))) {
    throw new Error(`the click at ${JSON.stringify(place)} came down elsewhere`);
  }
};

// keys types texts and presses keys, which are written as {key: 'Enter'}.
const keys = async ({page: n, keys}) => {
  const {keyboard} = find(n).page;
  for (const k of keys) {
    await (typeof k === 'string' ? keyboard.type(k) : keyboard.press(k.key));
  }
};

serve({
  launch,
  open,
  look,
  click,
  keys,
  leave: ({page}) => find(page).page.close({runBeforeUnload: true}),
  resize: ({page, width, height}) => find(page).page.setViewport({width, height}),
  widths: ({page}) => find(page).page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]),
  close: async ({page}) => {
    const {context} = find(page);
    pages.delete(page);
    await context.close();
  },
  end: () => browser?.close(),
});
