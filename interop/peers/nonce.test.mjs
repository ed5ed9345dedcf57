// openid-client at a vault whose proofs need a nonce (RFC 9449 section 8).

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { OPENAI } from '../harness/desk.mjs';
import { challenged, chat, client, discover, refused, resource, tokens } from './vault.mjs';

const DETAILS = [{ ...OPENAI, limits: { monthly_spend: '5.00' } }];

let config;
const seen = [];
before(async () => {
  config = await discover();
  config[client.customFetch] = async (url, options) => {
    const answer = await fetch(url, options);
    seen.push({ path: new URL(url).pathname, status: answer.status, nonce: answer.headers.get('dpop-nonce'), cache: answer.headers.get('cache-control') });
    return answer;
  };
});

describe('with a nonce', () => {
  test('the library takes the nonce from the refusal and goes on', async () => {
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
    const answer = await tokens(config, DETAILS, { DPoP });
    assert.equal(answer.token_type, 'dpop');
    const [first, second] = seen;
    assert.deepEqual([first.path, first.status, second.path, second.status], ['/okap/par', 400, '/okap/par', 201]);
    assert.match(first.nonce, /^[\x21\x23-\x5b\x5d-\x7e]+$/);
    assert.equal(first.cache, 'no-store');
    assert.equal(seen.filter((one) => one.status >= 400).length, 1, 'one nonce is good for the next endpoint too');
    assert.equal((await chat(config, answer.access_token, { DPoP })).status, 200);
    const renewed = await client.refreshTokenGrant(config, answer.refresh_token, undefined, { DPoP });
    assert.equal((await resource(config, renewed.access_token, '/okap/limits', { DPoP })).status, 200);
  });

  test('a resource asks for one too', async () => {
    const pair = await client.randomDPoPKeyPair();
    const { access_token } = await tokens(config, DETAILS, { DPoP: client.getDPoPHandle(config, pair) });
    for (const path of ['/okap/limits', '/v1/openai/models']) {
      // knows no nonce yet
      const DPoP = client.getDPoPHandle(config, pair);
      const from = seen.length;
      assert.equal((await resource(config, access_token, path, { DPoP })).status, 200);
      assert.deepEqual(seen.slice(from).map((one) => one.status), [401, 200]);
      assert(seen[from].nonce);
    }
  });

  test('a nonce of nobody is refused, and the right one is in the refusal', async () => {
    const pair = await client.randomDPoPKeyPair();
    const { access_token } = await tokens(config, DETAILS, { DPoP: client.getDPoPHandle(config, pair) });
    const wrong = client.getDPoPHandle(config, pair, { [client.modifyAssertion]: (_, claims) => { claims.nonce = 'mine'; } });
    await challenged(() => resource(config, access_token, '/okap/limits', { DPoP: wrong }), 'dpop', 'use_dpop_nonce');
    await refused(() => tokens(config, DETAILS, { DPoP: wrong }), 'use_dpop_nonce');
  });

  test('whoever binds nothing needs none', async () => {
    const from = seen.length;
    const answer = await tokens(config, DETAILS);
    assert.equal((await chat(config, answer.access_token)).status, 200);
    assert(seen.slice(from).every((one) => one.status < 300));
  });
});
