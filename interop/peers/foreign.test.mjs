// okap-client before an authorization server by other hands (foreign_as.mjs).

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';
import { Browser } from './browser.mjs';
import { PUBLISHED, serve } from './foreign_as.mjs';

const ASK = [{ type: 'ai_model_access', provider: 'openai', models: ['gpt-4o-mini', 'gpt-4o'], capabilities: ['chat'] }];
const LESS = [{ ...ASK[0], models: ['gpt-4o-mini'] }];

/** okap-client as a program; see okap-client/examples/driven.rs. */
class Driven {
  constructor(settings) {
    this.program = spawn(process.env.OKAP_DRIVEN, [JSON.stringify(settings)], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.program.stdout })[Symbol.asyncIterator]();
  }

  async line() {
    const { value, done } = await this.lines.next();
    assert(!done, 'the program ended');
    return JSON.parse(value);
  }

  async say(order) {
    this.program.stdin.write(`${JSON.stringify(order)}\n`);
    return this.line();
  }

  async ok(order) {
    const answer = await this.say(order);
    assert('ok' in answer, JSON.stringify(answer));
    return answer.ok;
  }

  async fails(word, order) {
    const answer = await this.say(order);
    assert(answer.error?.includes(word), `${word} in ${JSON.stringify(answer)}`);
    return answer.text;
  }

  /** Asks in a browser. */
  async code(ask = ASK) {
    const { open, ...failed } = await this.say({ do: 'code', ask });
    if (!open) return failed;
    const [answer, page] = await Promise.all([this.line(), new Browser().open(open)]);
    assert.equal(page.status, 200, page.text);
    return answer;
  }

  async access(ask) {
    const answer = await this.code(ask);
    assert('ok' in answer, JSON.stringify(answer));
    return answer.ok;
  }

  /** Asks on another device; the user types the code. */
  async device(ask = ASK) {
    const shown = await this.say({ do: 'device', ask });
    if (!shown.type) return shown;
    const [answer] = await Promise.all([this.line(), type(shown)]);
    return answer;
  }

  async call(path, method = 'GET') {
    const url = new URL(path, this.url).href;
    return fetch(url, { method, headers: await this.ok({ do: 'headers', method, url }) });
  }

  end() { this.program.stdin.end(); }
}

async function type({ type: code, at }) {
  const user = new Browser();
  const typed = await user.submit(await user.open(at), { user_code: code });
  assert(typed.text.includes(code), typed.text);
  return user.submit(typed, { confirm: 'yes' });
}

let server;
let apps = [];
const app = (more) => {
  const driven = new Driven({ vault: server.issuer, ...more });
  driven.url = server.issuer;
  apps.push(driven);
  return driven;
};
afterEach(() => {
  Object.assign(server.state, { action: 'allow', wider: false, calls: [] });
  for (const one of apps) one.end();
  apps = [];
});

describe('okap-client at a foreign authorization server', () => {
  before(async () => { server = await serve(); });
  after(() => server.close());

  test('the code flow, with what was asked', async () => {
    const okap = app();
    const access = await okap.access();
    assert.deepEqual([access.bound, access.renewable, access.differences], [false, true, []]);
    assert(access.expires_in > 3590);
    assert.equal(access.granted[0].base_url, `${server.issuer}/v1/openai`);
    const called = await okap.call('/v1/openai/models');
    assert.deepEqual(await called.json(), { bound: null, models: ['gpt-4o-mini', 'gpt-4o'] });
    await okap.ok({ do: 'check_resources' });
    assert(server.state.calls.includes('POST /request 201'), server.state.calls.join());
  });

  test('the user says no', async () => {
    server.state.action = 'deny';
    assert((await app().code()).error.includes('denied'));
  });

  test('details that the server does not take', async () => {
    const answer = await app().code([{ ...ASK[0], provider: 'anthropic' }]);
    assert(answer.error.includes('invalid_request'), JSON.stringify(answer));
    assert.match(answer.text, /invalid_authorization_details: no such provider here/);
  });

  test('a grant that is wider than the ask is thrown away', async () => {
    server.state.wider = true;
    assert((await app().code()).error.includes('wider'));
  });

  test('another address of the same server is another vault', async () => {
    const okap = app({ vault: server.issuer.replace('127.0.0.1', 'localhost') });
    assert((await okap.code()).error.includes('untrusted'));
  });

  test('renews with rotation; an old refresh token ends it', async () => {
    const okap = app();
    const first = await okap.access();
    const second = await okap.ok({ do: 'refresh' });
    assert.equal(second.grant_id, first.grant_id);
    assert.equal((await okap.call('/v1/openai/models')).status, 200);
    await okap.fails('reauthorize', { do: 'refresh_old' });
    await okap.fails('reauthorize', { do: 'refresh' });
  });

  test('narrows, and has all again at the next refresh', async () => {
    const okap = app();
    await okap.access();
    const less = await okap.ok({ do: 'narrow', ask: LESS });
    assert.deepEqual(less.granted[0].models, ['gpt-4o-mini']);
    assert.deepEqual((await (await okap.call('/v1/openai/models')).json()).models, ['gpt-4o-mini']);
    assert.deepEqual((await okap.ok({ do: 'refresh' })).granted[0].models, ['gpt-4o-mini', 'gpt-4o']);
    await okap.fails('invalid_request', { do: 'narrow', ask: [{ ...ASK[0], models: ['o3'] }] });
    // this server rotates before it looks at the details: the refusal has used the token up
    await okap.fails('reauthorize', { do: 'refresh' });
  });

  test('gives access back', async () => {
    const okap = app();
    await okap.access();
    // its access tokens are JWTs, which it cannot revoke: the client says so, after the rest is done
    assert.match(await okap.fails('invalid_request', { do: 'revoke' }), /unsupported_token_type/);
    await okap.fails('reauthorize', { do: 'refresh' });
  });

  test('tokens bound to a key', async () => {
    const okap = app({ bind: true });
    const access = await okap.access();
    assert.equal(access.bound, true);
    const called = await (await okap.call('/v1/openai/models')).json();
    assert.match(called.bound, /^[\w-]{43}$/);
    assert.equal((await okap.call('/v1/openai/chat/completions', 'POST')).status, 200);
    const renewed = await okap.ok({ do: 'refresh' });
    assert.equal(renewed.bound, true);
    assert.equal((await (await okap.call('/v1/openai/models')).json()).bound, called.bound);
    const headers = await okap.ok({ do: 'headers', method: 'GET', url: `${server.issuer}/v1/openai/models` });
    const other = await fetch(`${server.issuer}/v1/openai/other`, { headers });
    assert.equal(other.status, 401, 'a proof is for one address');
  });

  test('the device flow', async () => {
    const okap = app();
    const { ok: access } = await okap.device();
    assert.deepEqual([access.bound, access.renewable], [false, true]);
    assert.equal((await okap.call('/v1/openai/models')).status, 200);
    await okap.ok({ do: 'refresh' });
  });

  test('the device flow with a key', async () => {
    const okap = app({ bind: true });
    const { ok: access } = await okap.device();
    assert.equal(access.bound, true);
    assert.equal((await okap.call('/v1/openai/models')).status, 200);
  });

  test('the user says no on another device', async () => {
    server.state.action = 'deny';
    assert((await app().device()).error.includes('denied'));
  });

  test('an app that signs who it is', async () => {
    const okap = app({ document: PUBLISHED, key: server.key, bind: true });
    const access = await okap.access();
    assert.equal(access.bound, true);
    assert.equal((await okap.ok({ do: 'refresh' })).bound, true);
    assert.match((await okap.say({ do: 'revoke' })).text, /unsupported_token_type/);
    const stranger = app({ document: PUBLISHED });
    assert.match((await stranger.code()).text, /invalid_client/);
  });

  test('what the server has not is said to be missing', async () => {
    const okap = app();
    await okap.access();
    for (const [order, missing] of [
      [{ do: 'limits' }, 'okap_limits_endpoint'],
      [{ do: 'grant' }, 'okap_grants_endpoint'],
      [{ do: 'start', ask: ASK }, 'okap_direct_endpoint'],
    ]) assert((await okap.fails('vault', order)).includes(missing));
    assert.match((await okap.say({ do: 'delegate', ask: LESS })).text, /unsupported_grant_type/);
  });
});

describe('okap-client at a foreign authorization server that wants nonces', () => {
  before(async () => { server = await serve({ nonce: true }); });
  after(() => server.close());

  test('takes the nonce from the refusal', async () => {
    const okap = app({ bind: true });
    const access = await okap.access();
    assert.equal(access.bound, true);
    const refusals = server.state.calls.filter((call) => call.endsWith('use_dpop_nonce'));
    assert.equal(refusals.length, 1, server.state.calls.join());
    assert.equal((await okap.ok({ do: 'refresh' })).bound, true);
  });
});
