// How the pages look, at a desk and on a phone, by day and by night: pictures, and what can be
// measured. The pictures are for a person to look at.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { ANTHROPIC, OPENAI, desk, device, handOn, info } from '../harness/desk.mjs';
import { launch } from './chromium.mjs';

const folder = process.env.OKAP_SCREENSHOTS ?? 'screenshots';
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const ASKED = [
  {
    ...OPENAI,
    models: ['gpt-4o-mini', 'gpt-4o', 'text-embedding-3-small'],
    limits: { monthly_spend: '10', daily_spend: '1.5', requests_per_minute: 60 },
    reason: 'Summarise your notes every evening, and find the ones that belong together',
  },
  { ...ANTHROPIC, limits: { monthly_spend: '5' } },
];
const OPEN = [{ type: 'ai_model_access', provider: 'openai' }];

let browser;
let asked;
let open;
let published;
let television;
let granted;
let child;
before(async () => {
  mkdirSync(folder, { recursive: true });
  browser = await launch();
  asked = await desk('ask', { client: 'Notes', details: ASKED });
  open = await desk('ask', { client: 'OpenAl', details: OPEN });
  published = await desk('ask', { client: 'Scribble', details: ASKED.slice(1) });
  await desk('as_published', {
    asked: published, client_id: 'https://scribble.example.org/okap/client.json', redirect_uri: 'https://login.example.net/cb',
  });
  television = await device('Television', ASKED.slice(1));
  granted = await desk('grant', { client: 'Notes', details: ASKED });
  const chat = (model) => fetch(`${granted.base_urls.openai}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${granted.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: `${info.prompt} say 9 words` }] }),
  });
  for (const model of ['gpt-4o-mini', 'gpt-4o', 'gpt-4o-mini']) await (await chat(model)).text();
  await desk('grant', { client: 'Notes', details: [OPENAI] });
  child = await handOn(granted.token, 'Evening summary');
  const old = await desk('grant', { client: 'Mail sorter', details: [OPENAI] });
  await desk('revoke', { grant_id: old.grant_id });
}, { timeout: 120_000 });
after(() => browser?.close());

/** Types a code on the page for other devices. */
async function type(page, code) {
  await page.goto(`${info.vault}/okap/device`);
  await page.fill('[name=user_code]', code);
  await page.click('main button');
  await page.waitForSelector('[role=alert], [name=shown]', { state: 'attached' });
  await page.waitForLoadState();
}

const PAGES = {
  device: (page) => page.goto(`${info.vault}/okap/device`),
  'device-link': (page) => page.goto(television.verification_uri_complete),
  'device-slip': (page) => type(page, 'wrong'),
  'consent-device': (page) => type(page, television.user_code),
  'consent-published': (page) => page.goto(published.interaction_uri),
  apps: (page) => page.goto(`${info.vault}/apps`),
  'apps-revoke': async (page) => {
    await page.goto(`${info.vault}/apps`);
    await page.click('main button.danger');
    await page.waitForSelector('input[name=confirm]', { state: 'attached' });
  },
  'grant-handed-on': (page) => page.goto(`${info.vault}/grants/${child.grant_id}`),
  consent: (page) => page.goto(asked.interaction_uri),
  'consent-open': (page) => page.goto(open.interaction_uri),
  'consent-slip': async (page) => {
    await page.goto(asked.interaction_uri);
    for (const box of await page.locator('input[name="model.0"]').all()) await box.uncheck();
    await page.click('button[name=action][value=allow]');
    await page.waitForSelector('[role=alert]');
  },
  grants: (page) => page.goto(`${info.vault}/grants`),
  grant: (page) => page.goto(`${info.vault}/grants/${granted.grant_id}`),
  revoke: async (page) => {
    await page.goto(`${info.vault}/grants/${granted.grant_id}`);
    await page.click('main button.danger');
    await page.waitForSelector('input[name=confirm]', { state: 'attached' });
  },
  nothing: (page) => page.goto(`${info.vault}/consent/${'A'.repeat(43)}`),
};

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    describe(`${size} ${colorScheme}`, () => {
      let context;
      let page;
      before(async () => {
        context = await browser.newContext({ viewport, colorScheme, isMobile: size === 'phone', hasTouch: size === 'phone' });
        page = await context.newPage();
        page.setDefaultTimeout(10_000);
      });
      after(() => context?.close());

      async function look(name) {
        const picture = (end) => page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}${end}.png`) });
        await picture('');
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        if (height > viewport.height) {
          // what sticks to the edge of the window would cover the middle of a picture of all
          await page.setViewportSize({ ...viewport, height });
          await picture('-whole');
          await page.setViewportSize(viewport);
        }
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        assert(wide <= 0, `${name} is ${wide} pixels too wide`);
        const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
        const found = violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(' ').slice(0, 300)}`);
        assert.deepEqual(found, [], name);
      }

      test('login', async () => {
        await page.goto(`${info.vault}/login`);
        await look('login');
        await page.fill('[name=password]', info.passphrase);
        await page.click('main button');
        await page.waitForURL(`${info.vault}/grants`);
      });
      for (const [name, visit] of Object.entries(PAGES)) {
        test(name, async () => {
          await visit(page);
          await look(name);
        });
      }
    });
  }
}
