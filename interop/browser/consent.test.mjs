// The consent page in a real browser.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { OPENAI, desk, device, handOn, info, polled, sleep } from '../harness/desk.mjs';
import { launch } from './chromium.mjs';
import { selfSending, site } from './site.mjs';

const ASKED = {
  ...OPENAI,
  models: ['gpt-4o-mini', 'gpt-4o'],
  capabilities: ['chat', 'embeddings'],
  limits: { monthly_spend: '10', requests_per_minute: 60 },
  reason: 'Summarise your notes',
};

let browser;
before(async () => { browser = await launch(); }, { timeout: 120_000 });
after(() => browser?.close());

/** A browser of its own, logged in unless told otherwise. */
async function user(t, { loggedIn = true, ...options } = {}) {
  const context = await browser.newContext({ ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  if (loggedIn) await login(page);
  return page;
}

async function login(page) {
  if (!page.url().includes('/login')) await page.goto(`${info.vault}/login`);
  await page.fill('[name=password]', info.passphrase);
  await page.click('main button');
  await page.waitForURL((url) => !url.pathname.endsWith('/login'));
}

const ask = (t, details = ASKED) => desk('ask', { client: t.name.slice(0, 60), details: [details] });
const outcome = (asked, wait = 3) => desk('fetch', { asked, wait });
const allow = (page) => page.click('button[name=action][value=allow]');
const deny = (page) => page.click('button[name=action][value=deny]');

async function stillWaits(asked) {
  const { status, body } = await outcome(asked, 0);
  assert.equal(status, 202, JSON.stringify(body));
  assert.equal(body.status, 'pending');
}

/** The grant as the command line lists it. */
async function listed(id) {
  const { status, stdout, stderr } = await desk('cli', { args: ['grants', 'list', '--json'] });
  assert.equal(status, 0, stderr);
  const found = JSON.parse(stdout);
  const grants = Array.isArray(found) ? found : found.grants;
  const grant = grants.find((one) => [one.id, one.grant_id].includes(id));
  assert(grant, `${id} in ${stdout}`);
  return grant;
}

/** Unticks a model and lowers the cap. */
async function narrow(page) {
  await page.uncheck('input[name="model.0"][value="gpt-4o"]');
  await page.uncheck('input[name="capability.0"][value="embeddings"]');
  await page.fill('input[name="monthly_spend.0"]', '2.50');
  await page.fill('input[name="requests_per_minute.0"]', '7');
}

function isNarrow(details) {
  assert.deepEqual(details.models, ['gpt-4o-mini']);
  assert.deepEqual(details.capabilities, ['chat']);
  assert.equal(Number(details.limits.monthly_spend), 2.5);
  assert.equal(details.limits.requests_per_minute, 7);
}

describe('the user decides', () => {
  for (const javaScriptEnabled of [true, false]) {
    test(`what the user lowers is what the app gets, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async (t) => {
      const page = await user(t, { javaScriptEnabled, loggedIn: false });
      const asked = await ask(t);
      await page.goto(asked.interaction_uri);
      assert.match(page.url(), /\/login/, 'a stranger sees no request');
      await login(page);
      assert.equal(page.url(), asked.interaction_uri, 'and comes back to it');

      const text = await page.innerText('main');
      for (const words of [t.name.slice(0, 40), 'OpenAI', 'gpt-4o-mini', 'gpt-4o', 'Summarise your notes', asked.user_code, 'unverified']) {
        assert(text.toLowerCase().includes(words.toLowerCase()), `${words} in ${text}`);
      }
      assert.equal(Number(await page.inputValue('input[name="monthly_spend.0"]')), 10);
      await narrow(page);
      await allow(page);
      await page.waitForSelector('h1:has-text("Allowed")');

      const { status, body } = await outcome(asked);
      assert.equal(status, 200);
      isNarrow(body.authorization_details[0]);
      const grant = await listed(body.grant_id);
      const shown = JSON.stringify(grant);
      assert(shown.includes('gpt-4o-mini') && !shown.replaceAll('gpt-4o-mini', '').includes('"gpt-4o"],'), shown);
      assert.match(shown, /2\.50?\b/);

      // a second look decides nothing
      await page.goto(asked.interaction_uri);
      assert.match(await page.innerText('main'), /already/);
    });
  }

  test('deny gives denied', async (t) => {
    const page = await user(t);
    const asked = await ask(t);
    await page.goto(asked.interaction_uri);
    await deny(page);
    await page.waitForSelector('h1:has-text("Denied")');
    const { status, body } = await outcome(asked);
    assert.equal(status, 403);
    assert.deepEqual([body.status, body.error], ['denied', 'access_denied']);
  });

  test('the keyboard is enough, and nothing is allowed by Enter in a field', async (t) => {
    const page = await user(t, { loggedIn: false });
    const asked = await ask(t);
    await page.goto(asked.interaction_uri);
    const { keyboard } = page;
    const focus = (selector) => page.evaluate((selector) => document.activeElement?.matches(selector), selector);
    const tabTo = async (selector, key = 'Tab') => {
      for (let steps = 0; steps < 60; steps += 1) {
        if (await focus(selector)) return;
        await keyboard.press(key);
      }
      assert.fail(`${selector} cannot be reached`);
    };
    await tabTo('[name=password]');
    await keyboard.type(info.passphrase);
    await keyboard.press('Enter');
    await page.waitForURL(asked.interaction_uri);

    // a browser gives the focus a moment behind the load
    await page.waitForFunction(() => document.activeElement?.matches('[name=action][value=deny]'));
    await tabTo('input[name="model.0"][value="gpt-4o"]', 'Shift+Tab');
    await keyboard.press('Space');
    await tabTo('input[name="capability.0"][value="embeddings"]');
    await keyboard.press('Space');
    await tabTo('input[name="monthly_spend.0"]');
    await keyboard.press('Control+A');
    await keyboard.type('2.5');
    await Promise.all([page.waitForEvent('load'), keyboard.press('Enter')]);
    await stillWaits(asked);
    assert.equal(await page.isChecked('input[name="model.0"][value="gpt-4o"]'), false, 'what was typed stays');
    assert.equal(await page.inputValue('input[name="monthly_spend.0"]'), '2.5');
    await tabTo('input[name="requests_per_minute.0"]', 'Shift+Tab');
    await keyboard.press('Control+A');
    await keyboard.type('7');
    await tabTo('[name=action][value=allow]');
    await keyboard.press('Enter');
    await page.waitForSelector('h1:has-text("Allowed")');
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    isNarrow((await outcome(asked)).body.authorization_details[0]);
  });

  test('a slip is shown beside its field and nothing typed is lost', async (t) => {
    const page = await user(t, { javaScriptEnabled: false });
    const asked = await ask(t);
    await page.goto(asked.interaction_uri);
    for (const model of ASKED.models) await page.uncheck(`input[name="model.0"][value="${model}"]`);
    await page.fill('input[name="requests_per_minute.0"]', '7');
    await allow(page);
    await page.waitForSelector('[role=alert]');
    assert.equal(await page.inputValue('input[name="requests_per_minute.0"]'), '7');
    await stillWaits(asked);
    await page.check('input[name="model.0"][value="gpt-4o-mini"]');
    await allow(page);
    await page.waitForSelector('h1:has-text("Allowed")');
  });

  test('revoking on the page stops the app', async (t) => {
    const page = await user(t);
    const granted = await desk('grant', { client: t.name, details: [ASKED] });
    const models = () => fetch(`${granted.base_urls.openai}/models`, { headers: { authorization: `Bearer ${granted.token}` } });
    assert.equal((await models()).status, 200);
    await page.goto(`${info.vault}/grants/${granted.grant_id}`);
    await page.click('main button.danger');
    await page.waitForSelector('input[name=confirm]', { state: 'attached' });
    await page.click('main button.danger');
    await page.waitForURL(`${info.vault}/grants/${granted.grant_id}`);
    const refused = await models();
    assert.equal(refused.status, 401);
    assert.equal((await refused.json()).error.code, 'token_revoked');
  });
});

describe('nobody else decides', () => {
  /** What the page would send, with the session's own csrf: more than an attacker can know. */
  async function fields(page) {
    const form = await page.$eval('form:has([name=shown])', (form) => [...new FormData(form)]);
    return { ...Object.fromEntries(form), action: 'allow' };
  }

  for (const host of ['127.0.0.1', 'localhost']) {
    test(`a page at ${host}, another port, sends a form and gets nothing`, async (t) => {
      const page = await user(t);
      const asked = await ask(t);
      await page.goto(asked.interaction_uri);
      const stolen = await fields(page);
      const evil = await site(() => selfSending(asked.interaction_uri, stolen));
      t.after(evil.close);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.goto(`http://${host}:${evil.port}/`).catch(() => {});
      assert([303, 403].includes((await answered).status()), String((await answered).status()));
      await stillWaits(asked);
      // its twin: the same form from the vault's own page
      await page.goto(asked.interaction_uri);
      await allow(page);
      await page.waitForSelector('h1:has-text("Allowed")');
    });
  }

  test('a script of another page fetches and posts nothing', async (t) => {
    const page = await user(t);
    const asked = await ask(t);
    await page.goto(asked.interaction_uri);
    const stolen = await fields(page);
    const evil = await site(() => '<h1>fun</h1>');
    t.after(evil.close);
    await page.goto(evil.url);
    const seen = await page.evaluate(async ({ url, stolen, vault }) => {
      const body = new URLSearchParams(stolen);
      const tries = [
        fetch(url, { credentials: 'include' }),
        fetch(url, { method: 'POST', body, credentials: 'include' }),
        fetch(url, { method: 'POST', body, credentials: 'include', mode: 'no-cors' }),
        fetch(`${vault}/login`, { method: 'POST', body: 'password=guess', credentials: 'include', mode: 'no-cors' }),
      ];
      const read = async (one) => one.then((answer) => answer.text(), (error) => `refused: ${error.message}`);
      return Promise.all(tries.map(read));
    }, { url: asked.interaction_uri, stolen, vault: info.vault });
    for (const text of seen) assert(text === '' || text.startsWith('refused:'), text.slice(0, 200));
    await stillWaits(asked);
  });

  test('the page cannot be put into a frame', async (t) => {
    const page = await user(t);
    const asked = await ask(t);
    const evil = await site(() => `<iframe src="${asked.interaction_uri}"></iframe>`);
    t.after(evil.close);
    await page.goto(evil.url);
    await page.waitForTimeout(300);
    for (const frame of page.frames().slice(1)) {
      assert.equal(await frame.locator('[name=shown]').count(), 0);
    }
  });

  const tampered = {
    'another model in the place of one asked': () => {
      document.querySelector('input[name="model.0"][value="gpt-4o"]').value = 'gpt-4.1';
    },
    'a higher cap': () => {
      const input = document.querySelector('input[name="monthly_spend.0"]');
      input.removeAttribute('max');
      input.value = '10000';
    },
    'a capability that was not asked for': () => {
      document.querySelector('input[name="capability.0"]').value = 'images';
    },
    'a field that the page does not have': () => {
      const form = document.querySelector('form:has([name=shown])');
      form.insertAdjacentHTML('beforeend', '<input type="hidden" name="models_any.0" value="1">');
    },
    'a later end': () => {
      const input = document.querySelector('input[name="expires.0"]');
      input.removeAttribute('max');
      input.value = '2999-01-01';
    },
    'what another page showed': () => {
      document.querySelector('[name=shown]').value = 'A'.repeat(43);
    },
    'the csrf of another session': () => {
      document.querySelector('form:has([name=shown]) [name=csrf]').value = 'A'.repeat(43);
    },
  };
  for (const [what, change] of Object.entries(tampered)) {
    test(`a form with ${what} gives nothing`, async (t) => {
      const page = await user(t);
      const asked = await ask(t);
      await page.goto(asked.interaction_uri);
      await page.evaluate(change);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await allow(page);
      const status = (await answered).status();
      assert([400, 403, 409, 422].includes(status), `status ${status}`);
      await stillWaits(asked);
    });
  }
});

describe('the browser goes back to the app', () => {
  /** Pushes a request as an app on this computer does. */
  async function push(t) {
    const app = await site((url) => (url.pathname === '/callback' ? '<h1>Back in the app</h1>' : undefined));
    t.after(app.close);
    const verifier = randomBytes(32).toString('base64url');
    const state = randomBytes(16).toString('base64url');
    const redirect_uri = `${app.url}/callback`;
    const answer = await fetch(`${info.vault}/okap/par`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'http://localhost',
        client_name: t.name.slice(0, 60),
        response_type: 'code',
        redirect_uri,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        authorization_details: JSON.stringify([ASKED]),
        state,
      }),
    });
    assert.equal(answer.status, 201, await answer.clone().text());
    const { request_uri } = await answer.json();
    const link = `${info.vault}/okap/authorize?${new URLSearchParams({ client_id: 'http://localhost', request_uri })}`;
    const visit = () => app.visits.find((one) => one.url.startsWith('/callback'));
    return { app, verifier, state, redirect_uri, link, visit };
  }

  test('with a code after Allow, and without its session', async (t) => {
    const page = await user(t, { javaScriptEnabled: false });
    const pushed = await push(t);
    await page.goto(pushed.link);
    assert((await page.innerText('main')).includes(`127.0.0.1:${pushed.app.port}`), 'it says where the browser goes');
    await narrow(page);
    await allow(page);
    await page.waitForSelector('h1:has-text("Back in the app")');
    const { url, headers } = pushed.visit();
    const query = new URL(url, pushed.app.url).searchParams;
    assert.deepEqual([...query.keys()].sort(), ['code', 'iss', 'state']);
    assert.equal(query.get('state'), pushed.state);
    const metadata = await (await fetch(`${info.vault}/.well-known/oauth-authorization-server`)).json();
    assert.equal(query.get('iss'), metadata.issuer);
    assert.equal(headers.referer, undefined);

    const form = {
      grant_type: 'authorization_code',
      client_id: 'http://localhost',
      redirect_uri: pushed.redirect_uri,
      code: query.get('code'),
      code_verifier: pushed.verifier,
    };
    const redeem = (change) => fetch(`${info.vault}/okap/token`, { method: 'POST', body: new URLSearchParams({ ...form, ...change }) });
    assert.equal((await redeem({ code_verifier: randomBytes(32).toString('base64url') })).status, 400);
    const answer = await redeem();
    assert.equal(answer.status, 200);
    const token = await answer.json();
    isNarrow(token.authorization_details[0]);
    const models = await fetch(`${token.authorization_details[0].base_url}/models`, {
      headers: { authorization: `Bearer ${token.access_token}` },
    });
    assert.deepEqual((await models.json()).data.map((model) => model.id), ['gpt-4o-mini']);

    // the app's listener shares the vault's host, so a cookie that it was sent must be worth nothing
    const replayed = await fetch(`${info.vault}/grants`, { headers: { cookie: headers.cookie ?? '' }, redirect: 'manual' });
    assert.equal(replayed.status, 303);
  });

  test('with access_denied after Deny', async (t) => {
    const page = await user(t);
    const pushed = await push(t);
    await page.goto(pushed.link);
    await deny(page);
    await page.waitForSelector('h1:has-text("Back in the app")');
    const query = new URL(pushed.visit().url, pushed.app.url).searchParams;
    assert.equal(query.get('error'), 'access_denied');
    assert.equal(query.get('state'), pushed.state);
    assert(query.get('iss'));
    assert.equal(query.get('code'), null);
  });

  test('a link works once', async (t) => {
    const page = await user(t);
    const pushed = await push(t);
    await page.goto(pushed.link);
    await page.waitForSelector('[name=shown]', { state: 'attached' });
    assert.equal((await page.goto(pushed.link)).status(), 400);
  });
});

describe('a code of another device', () => {
  const begin = (t) => device(t.name.slice(0, 60), [ASKED]);

  async function pending(asked) {
    const { status, body } = await polled(asked);
    assert.deepEqual([status, body.error], [400, 'authorization_pending']);
  }

  /** Long enough for the next poll not to come too soon. */
  const pause = (asked) => sleep(asked.interval * 1_000);

  test('is typed on a phone, and the device gets what the user left of it', async (t) => {
    const asked = await begin(t);
    await pending(asked);
    const page = await user(t, {
      javaScriptEnabled: false, loggedIn: false, viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true,
    });
    await page.goto(asked.verification_uri);
    assert.match(page.url(), /\/login/, 'a stranger types no code');
    await login(page);
    assert.equal(page.url(), asked.verification_uri, 'and comes back to it');

    await page.fill('[name=user_code]', 'bbbb bbbb');
    await page.click('main button');
    assert.match(await page.innerText('[role=alert]'), /No device waits with this code/);
    assert.equal(await page.inputValue('[name=user_code]'), 'BBBB-BBBB', 'what was typed stays');

    await page.fill('[name=user_code]', ` ${asked.user_code.toLowerCase().replace('-', ' ')}`);
    await page.click('main button');
    await page.waitForSelector('[name=shown]', { state: 'attached' });
    const text = await page.innerText('main');
    for (const words of [asked.user_code, '127.0.0.1', t.name.slice(0, 40), 'gpt-4o-mini', 'Somebody else may have sent you']) {
      assert(text.includes(words), `${words} in ${text}`);
    }
    await narrow(page);
    await allow(page);
    await page.waitForSelector('h1:has-text("Allowed")');
    assert.match(await page.innerText('main'), /Go back to your device/);

    await pause(asked);
    const { status, body } = await polled(asked);
    assert.equal(status, 200, JSON.stringify(body));
    isNarrow(body.authorization_details[0]);
    assert.match(body.refresh_token, /^okap_rt_/);
    assert.deepEqual((await polled(asked)).body.error, 'invalid_grant', 'once');
  });

  test('in a link fills the field in and decides nothing; denied is denied', async (t) => {
    const asked = await begin(t);
    const page = await user(t);
    await page.goto(asked.verification_uri_complete);
    assert.equal(await page.inputValue('[name=user_code]'), asked.user_code);
    await pending(asked);
    await page.click('main button');
    await page.waitForSelector('[name=shown]', { state: 'attached' });
    await pause(asked);
    await pending(asked);
    await deny(page);
    await page.waitForSelector('h1:has-text("Denied")');
    await pause(asked);
    const { status, body } = await polled(asked);
    assert.deepEqual([status, body.error], [400, 'access_denied']);
  });

  test('is not taken from another page, nor shown on the list', async (t) => {
    const asked = await begin(t);
    const page = await user(t);
    await page.goto(`${info.vault}/grants`);
    assert(!(await page.innerText('main')).includes(asked.user_code));
    await page.goto(asked.verification_uri_complete);
    const csrf = await page.inputValue('main [name=csrf]');
    const evil = await site(() => selfSending(asked.verification_uri, { csrf, user_code: asked.user_code }));
    t.after(evil.close);
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.goto(evil.url).catch(() => {});
    assert.equal((await answered).status(), 403);
    await pending(asked);
  });
});

describe('what an app has', () => {
  const models = async (granted, token) => {
    const answer = await fetch(`${granted.base_urls.openai}/models`, { headers: { authorization: `Bearer ${token}` } });
    return { status: answer.status, code: answer.ok ? null : (await answer.json()).error.code };
  };

  test('ends at once, with what it handed on', async (t) => {
    const page = await user(t, { javaScriptEnabled: false });
    const client = t.name.slice(0, 60);
    const [one, two] = [await desk('grant', { client, details: [ASKED] }), await desk('grant', { client, details: [ASKED] })];
    const other = await desk('grant', { client: 'Somebody else', details: [ASKED] });
    const child = await handOn(one.token, 'Summariser');
    const tokens = [one.token, two.token, child.access_token];
    for (const token of tokens) assert.equal((await models(one, token)).status, 200);

    await page.goto(`${info.vault}/grants/${child.grant_id}`);
    assert.match(await page.innerText('main'), /Handed on by .* to Summariser/);
    await page.click('main a:has-text("this grant")');
    await page.waitForURL(`${info.vault}/grants/${one.grant_id}`);
    assert.match(await page.innerText('main'), /Summariser/);

    await page.click('nav a:has-text("Apps")');
    const card = page.locator('.card', { hasText: client });
    assert.equal(await card.count(), 1, 'two grants of one app are one app');
    await card.locator('button').click();
    await page.waitForSelector('input[name=confirm]', { state: 'attached' });
    assert.match(await page.innerText('main'), /Its 2 active grants end, and with them what was handed on \(1\)/);
    for (const token of tokens) assert.equal((await models(one, token)).status, 200, 'asked first');
    await page.click('main button.danger');
    await page.waitForURL(/\/apps/);
    for (const token of tokens) assert.deepEqual(await models(one, token), { status: 401, code: 'token_revoked' });
    assert.equal((await models(other, other.token)).status, 200, 'others go on');
    assert.equal((await listed(child.grant_id)).parent, one.grant_id);
  });

  test('a request that waits is found on the list', async (t) => {
    const asked = await ask(t);
    const page = await user(t);
    await page.goto(`${info.vault}/grants`);
    await page.click(`main a[href="${new URL(asked.interaction_uri).pathname}"]`);
    await page.waitForURL(asked.interaction_uri);
    await deny(page);
    await page.waitForSelector('h1:has-text("Denied")');
  });
});
