// The client in examples/typescript-client, written from the specification alone, in every flow.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import test from 'node:test';
import { within } from '../../examples/typescript-client/dist/checks.js';
import { listen } from '../../examples/typescript-client/dist/loopback.js';
import { Access, Asked, Client, DpopKey, errorFrom, printable } from '../../examples/typescript-client/dist/okap-client.js';
import { desk, info, sleep } from '../harness/desk.mjs';

const OPENAI = { type: 'ai_model_access', provider: 'openai', models: ['gpt-4o-mini'], capabilities: ['chat'],
  limits: { monthly_spend: '10.00', requests_per_minute: 60 } };
const TWO_MODELS = { ...OPENAI, models: ['gpt-4o-mini', 'text-embedding-3-small'], capabilities: ['chat', 'embeddings'] };
const ANTHROPIC = { type: 'ai_model_access', provider: 'anthropic', models: ['claude-sonnet-5'] };
const LESS = [{ type: 'ai_model_access', provider: 'openai', limits: { monthly_spend: '1.00' } }];

const client = (t, more = {}) => new Client(info.vault, { name: t.name.slice(0, 60), ...more });
const browser = (action = 'allow') => (url) => { desk('follow', { url, action }); };
const refused = (work, code, status) => assert.rejects(work, (error) => {
  assert.equal(error.code, code, error.message);
  if (status) assert.equal(error.status, status);
  return true;
});

/** One streamed call, its events as text. */
async function chat(okap, access, fetch = okap.fetch(access)) {
  const body = { model: 'gpt-4o-mini', messages: [{ role: 'user', content: info.prompt }], stream: true, max_tokens: 50 };
  const answer = await fetch(`${access.baseUrl('openai')}/chat/completions`, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (!answer.ok) throw await errorFrom(answer);
  return answer.text();
}

async function direct(okap, details = [OPENAI]) {
  const asked = await okap.ask(details);
  await desk('decide', { page: asked.uri, action: 'allow' });
  return okap.wait(asked);
}
const browsed = (okap, details = [OPENAI], narrow) => okap.authorizeInBrowser(details, browser(), { ...(narrow && { narrow }) });

test('discovery reads the metadata', async (t) => {
  assert.ok((await client(t).metadata()).okap_profiles_supported.includes('core'));
});

test('an address that is no issuer is not called', (t) => {
  for (const address of ['http://vault.example', 'ftp://127.0.0.1', 'http://u@127.0.0.1:1', `${info.vault}/`, `${info.vault}?a`, 'vault']) {
    assert.throws(() => new Client(address, { name: t.name }), { code: /^client_/ }, address);
  }
});

test('a direct request is granted and used', async (t) => {
  const okap = client(t);
  const asked = await okap.ask([OPENAI, ANTHROPIC]);
  assert.ok(asked instanceof Asked);
  assert.match(asked.userCode, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  setTimeout(() => desk('decide', { page: asked.uri, action: 'allow' }), 1000);
  const access = await okap.wait(asked);
  assert.ok(access instanceof Access);
  assert.match(await chat(okap, access), /data:/);
  for (const shown of [inspect([access, asked]), JSON.stringify([access, asked])]) assert.doesNotMatch(shown, /okap_/);
  await refused(okap.wait(asked), 'invalid_token', 401);
});

test('a direct request is denied', async (t) => {
  const okap = client(t);
  const asked = await okap.ask([OPENAI]);
  await desk('decide', { page: asked.uri, action: 'deny' });
  await refused(okap.wait(asked), 'access_denied', 403);
});

test('a direct request waits while nobody decides', async (t) => {
  const okap = client(t);
  const asked = await okap.ask([OPENAI]);
  await refused(okap.wait(asked, { timeout: 4 }), 'client_timeout');
  await desk('decide', { page: asked.uri, action: 'allow' });
  await okap.wait(asked);
});

test('a bad request is refused by its code', (t) =>
  refused(client(t).ask([{ ...OPENAI, model: 'x' }]), 'invalid_authorization_details', 400));

test('the code flow is granted and used', async (t) => {
  const okap = client(t);
  const access = await browsed(okap);
  assert.match(await chat(okap, access), /data:/);
  assert.ok(access.refreshToken);
});

test('the code flow is denied', (t) =>
  refused(client(t).authorizeInBrowser([OPENAI], browser('deny')), 'access_denied'));

test('a callback that does not fit changes nothing', async () => {
  const listener = await listen(info.vault, 'right', 10);
  const statuses = [];
  for (const [path, state, iss, more] of [['', 'wrong', info.vault, '&code=c'], ['', 'right', 'http://127.0.0.1:1', '&code=c'],
    ['/other', 'right', info.vault, '&code=c'], ['', 'right', info.vault, '&code=c&code=d'], ['', 'right', info.vault, ''],
    ['', 'right', info.vault, '&code=good']]) {
    statuses.push((await fetch(`${listener.redirectUri}${path}?state=${state}&iss=${iss}${more}`)).status);
  }
  listener.close();
  assert.equal(await listener.code, 'good');
  assert.deepEqual(statuses, [400, 400, 400, 400, 400, 200]);
});

test('a code is redeemed for less', async (t) => {
  const okap = client(t);
  const access = await browsed(okap, [TWO_MODELS], [{ ...OPENAI, limits: { monthly_spend: '1.00' } }]);
  assert.deepEqual(access.details[0].models, ['gpt-4o-mini']);
  assert.equal(access.details[0].limits.monthly_spend, '1.00');
  assert.equal((await okap.refresh(access)).details[0].limits.monthly_spend, '10.00');
});

test('a refresh renews in place', async (t) => {
  const okap = client(t);
  const access = await browsed(okap);
  const before = [access.token.expose(), access.refreshToken.expose()];
  assert.equal(await okap.refresh(access), access);
  assert.notDeepEqual([access.token.expose(), access.refreshToken.expose()], before);
  await Promise.all([1, 2, 3, 4].map(() => okap.refresh(access)));
  assert.match(await chat(okap, access), /data:/);
});

test('a narrower token may do less', async (t) => {
  const okap = client(t);
  const access = await browsed(okap, [TWO_MODELS]);
  const only = (model) => [{ type: 'ai_model_access', provider: 'openai', models: [model] }];
  const less = await okap.narrow(access, only('text-embedding-3-small'));
  await refused(chat(okap, less), 'model_not_allowed', 403);
  await refused(okap.narrow(access, only('gpt-4')), 'invalid_authorization_details', 400);
  assert.match(await chat(okap, await okap.refresh(access)), /data:/);
});

for (const [flow, get] of [['code flow', browsed], ['direct request', direct]]) {
  test(`a delegate of a ${flow} gets a grant below`, async (t) => {
    const okap = client(t);
    const access = await get(okap);
    const child = await okap.delegate(access, LESS, 'Summariser');
    assert.match(await chat(okap, child), /data:/);
    assert.equal((await okap.grant(child)).parent_grant_id, access.grantId);
    const grandchild = await okap.delegate(child, LESS, 'Summariser of the summariser');
    await okap.revoke(child);
    await refused(chat(okap, grandchild), 'token_revoked', 401);
    await refused(chat(okap, child), 'token_revoked', 401);
    assert.match(await chat(okap, access), /data:/);
  });

  test(`a revoked access of a ${flow} is refused at once`, async (t) => {
    const okap = client(t);
    const access = await get(okap);
    await okap.revoke(access);
    await refused(chat(okap, access), 'token_revoked', 401);
    assert.equal((await okap.grant(access)).status, 'revoked');
    await refused(okap.refresh(access), access.refreshToken ? 'invalid_grant' : 'client_no_refresh');
  });
}

test('the limits say what is left', async (t) => {
  const okap = client(t);
  const access = await direct(okap);
  await chat(okap, access);
  const [entry] = await okap.limits(access);
  assert.equal(entry.limits.requests_per_minute.used, 1);
  assert.equal(entry.limits.monthly_spend.limit, '10.00');
});

test('a bound access goes with its key alone', async (t) => {
  const okap = client(t, { dpop: await DpopKey.generate() });
  const access = await browsed(okap);
  assert.equal(access.bound, true);
  assert.match(await chat(okap, access), /data:/);
  assert.equal((await okap.limits(access))[0].limits.requests_per_minute.used, 1);
  assert.equal((await okap.grant(access)).status, 'active');
  await okap.refresh(access);
  assert.match(await chat(okap, access), /data:/);
  const bearer = (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${access.token.expose()}` } });
  await refused(chat(okap, access, bearer), 'invalid_token', 401);
  const thief = client(t, { dpop: await DpopKey.generate() });
  await refused(chat(thief, access), 'invalid_dpop_proof', 401);
  await refused(thief.refresh(new Access(access.token, access.refreshToken, access.grantId, access.details, access.asked,
    access.clientId, true, access.ends)), 'invalid_grant', 400);
  await okap.refresh(access);
  await okap.revoke(access);
  await refused(chat(okap, access), 'token_revoked', 401);
});

test('a bound access is delegated to another key', async (t) => {
  const okap = client(t, { dpop: await DpopKey.generate() });
  const access = await browsed(okap);
  const key = await DpopKey.generate();
  const delegate = client(t, { dpop: key });
  const child = await okap.delegate(access, LESS, 'Summariser', key.thumbprint);
  assert.match(await chat(delegate, child), /data:/);
  await refused(chat(okap, child), 'invalid_dpop_proof', 401);
  assert.match(await chat(okap, await okap.delegate(access, LESS, 'Own summariser')), /data:/);
});

test('a direct request of a client with a key yields a bearer token', async (t) => {
  const okap = client(t, { dpop: await DpopKey.generate() });
  const access = await direct(okap);
  assert.equal(access.bound, false);
  assert.match(await chat(okap, access), /data:/);
});

test('the demo tells its story', async () => {
  const program = new URL('../../examples/typescript-client/dist/demo.js', import.meta.url).pathname;
  const demo = spawn(process.execPath, [program, info.vault], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => { demo.on('close', resolve); });
  let said = '';
  for await (const part of demo.stdout) {
    const asked = said.includes('\n');
    said += part;
    if (!asked && said.includes('\n')) await desk('decide', { page: /http\S+/.exec(said)[0], action: 'allow' });
  }
  assert.equal(await ended, 0);
  assert.match(said, /openai requests_per_minute: 1 of 10\n(.*\n)*Given back.\n$/);
  assert.doesNotMatch(said, /okap_/);
});

test('a device is allowed', async (t) => {
  const okap = client(t, { dpop: await DpopKey.generate() });
  const asked = await okap.askByDevice([OPENAI]);
  await desk('follow', { url: asked.uri, action: 'allow', code: asked.userCode.toLowerCase().replace('-', ' ') });
  const access = await okap.wait(asked);
  assert.match(await chat(okap, access), /data:/);
  assert.match(await chat(okap, await okap.refresh(access)), /data:/);
});

test('a device is denied', async (t) => {
  const okap = client(t);
  const asked = await okap.askByDevice([OPENAI]);
  await desk('follow', { url: asked.completeUri, action: 'deny', code: asked.userCode });
  await refused(okap.wait(asked), 'access_denied', 400);
});

test('a device waits while nobody decides', async (t) => {
  const okap = client(t);
  const asked = await okap.askByDevice([OPENAI]);
  await refused(okap.wait(asked, { timeout: asked.interval + 3 }), 'client_timeout');
  await sleep(1000 * asked.interval);
  await desk('follow', { url: asked.completeUri, action: 'allow', code: asked.userCode });
  await okap.wait(asked);
});

const ASKED = { type: 'ai_model_access', provider: 'openai', models: ['gpt-4o-mini'], capabilities: ['chat'],
  limits: { monthly_spend: '10.00' }, expires: '2027-01-01' };
const flows = {
  discover: (okap) => okap.metadata(),
  browser: (okap) => okap.authorizeInBrowser([ASKED], () => assert.fail('a browser was opened')),
  ask: (okap) => okap.ask([ASKED]),
  wait: async (okap) => okap.wait(await okap.ask([ASKED])),
  device: async (okap) => okap.wait(await okap.askByDevice([ASKED])),
  refresh: async (okap) => {
    const access = await flows.device(okap);
    try {
      await okap.refresh(access);
    } finally {
      assert.equal(access.refreshToken.expose(), 'okap_rt_x');
    }
  },
};
const read = (file) => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'));

test('what does not fit is noticed', { concurrency: 8 }, async (t) => {
  await Promise.all(read('lies.json').cases.map(({ name, flow, code, answers, metadata, never, apart, at = '' }) => t.test(name, async () => {
    const { url } = await desk('liar', { answers, metadata });
    const okap = new Client(url + at, { name: 'Stranger' });
    if (code) await refused(flows[flow](okap), code);
    else await flows[flow](okap);
    const heard = await desk('heard', { url });
    assert.ok(!heard.some((one) => one.path === never));
    if (apart) assert.ok(heard.at(-1).at - heard.at(-2).at > apart);
  })));
});

test('a nonce is put into one more proof', async (t) => {
  const granted = { type: 'ai_model_access', provider: 'openai', models: ['gpt-4o-mini'], capabilities: ['chat'],
    limits: { monthly_spend: '10.00' }, expires: '2027-01-01T00:00:00Z', base_url: '{url}/v1/openai' };
  const tokens = { access_token: 'okap_at_x', token_type: 'DPoP', expires_in: 60, grant_id: 'g_1', authorization_details: [granted] };
  const asks = (status, nonce) => [status, { error: 'use_dpop_nonce' }, { 'dpop-nonce': nonce }];
  const { url } = await desk('liar', { answers: {
    '/okap/device_authorization': [[200, { device_code: 'd', user_code: 'WDJB-MJHT', verification_uri: '{url}/d', expires_in: 60, interval: 0.1 }]],
    '/okap/token': [asks(400, 'one'), [200, tokens]],
    '/okap/limits': [asks(401, 'two'), [200, { limits: [] }], asks(401, 'three'), asks(401, 'four')],
  } });
  const okap = new Client(url, { name: t.name, dpop: await DpopKey.generate() });
  const access = await flows.device(okap);
  await okap.limits(access);
  await refused(okap.limits(access), 'use_dpop_nonce', 401);
  const proofs = (await desk('heard', { url })).flatMap(({ headers }) => headers.dpop ?? headers.Dpop ?? headers.DPoP ?? [])
    .map((proof) => JSON.parse(Buffer.from(proof.split('.')[1], 'base64url')));
  assert.deepEqual(proofs.map((it) => it.nonce), [undefined, 'one', 'one', 'two', 'two', 'three']);
  assert.equal(new Set(proofs.map((it) => it.jti)).size, proofs.length);
  assert.deepEqual(proofs.map((it) => it.ath !== undefined), [false, false, true, true, true, true]);
});

test('what a terminal would obey is taken out', () => {
  assert.equal(printable('BDWP\x1b[2J-HQ\u202eXK\r\n'), 'BDWP[2J-HQXK');
});

test('a wider grant is seen', () => {
  for (const { name, asked, approved, granted, latest } of read('../../spec/vectors/consent.json').cases) {
    // these two a client cannot see
    if (approved.capabilities.length === 0 || Date.parse(approved.expires) > Date.parse(latest)) continue;
    assert.equal(within(asked, { provider: asked.provider, ...approved }), granted, name);
  }
});
