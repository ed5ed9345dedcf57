// openid-client: tokens bound to a key (RFC 9449).

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { OPENAI, info } from '../harness/desk.mjs';
import { authorize, challenged, chat, client, discover, refused, resource, tokens } from './vault.mjs';

const DETAILS = [{ ...OPENAI, limits: { monthly_spend: '5.00' } }];
const LIMITS = '/okap/limits';

let config;
before(async () => { config = await discover(); });

const key = (alg = 'ES256') => client.randomDPoPKeyPair(alg);
/** A handle; `edit` may change the header and claims of every proof. */
const handle = async (edit = undefined, pair = undefined) => client.getDPoPHandle(
  config, pair ?? await key(), edit && { [client.modifyAssertion]: edit },
);

describe('bound tokens', () => {
  test('from the pushed request to the call', async () => {
    const DPoP = await handle();
    const answer = await tokens(config, DETAILS, { DPoP });
    assert.equal(answer.token_type, 'dpop');
    const limits = await (await resource(config, answer.access_token, LIMITS, { DPoP })).json();
    assert.equal(limits.grant_id, answer.grant_id);
    assert.equal(limits.limits[0].limits.monthly_spend.limit, '5.00');
    const said = await (await chat(config, answer.access_token, { DPoP })).json();
    assert.equal(said.usage.completion_tokens, 3);
    const after = await (await resource(config, answer.access_token, LIMITS, { DPoP })).json();
    assert(Number(after.limits[0].limits.monthly_spend.used) > 0);
  });

  test('by dpop_jkt alone in the pushed request', async () => {
    const DPoP = await handle();
    const { back, checks } = await authorize(config, DETAILS, { parameters: { dpop_jkt: await DPoP.calculateThumbprint() } });
    const redeem = (more) => client.authorizationCodeGrant(config, back, checks, undefined, more);
    await refused(() => redeem(), 'invalid_grant');
    await refused(async () => redeem({ DPoP: await handle() }), 'invalid_grant');
    const answer = await redeem({ DPoP });
    assert.equal(answer.token_type, 'dpop');
  });

  test('by a proof at the token endpoint alone', async () => {
    const { back, checks } = await authorize(config, DETAILS);
    const DPoP = await handle();
    const answer = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP });
    assert.equal(answer.token_type, 'dpop');
    assert.equal((await chat(config, answer.access_token, { DPoP })).status, 200);
  });

  test('a thumbprint and a proof that differ', async () => {
    const other = await (await handle()).calculateThumbprint();
    const DPoP = await handle();
    await refused(() => authorize(config, DETAILS, { DPoP, parameters: { dpop_jkt: other } }), 'invalid_request');
  });

  test('are refused without their key', async () => {
    const DPoP = await handle();
    const { access_token } = await tokens(config, DETAILS, { DPoP });
    const other = await handle();
    for (const path of [LIMITS, '/v1/openai/models']) {
      const call = (more) => () => resource(config, access_token, path, more);
      // the error is in the scheme that was used, and the other one is offered
      await challenged(call({}), 'bearer', 'invalid_token');
      const offered = await challenged(call({}), 'dpop', undefined);
      assert.equal(offered.algs, 'ES256');
      await challenged(call({ DPoP: other }), 'dpop', 'invalid_dpop_proof');
      assert.equal((await call({ DPoP })()).status, 200);
    }
  });

  test('an unbound token is none for DPoP', async () => {
    const { access_token } = await tokens(config, DETAILS);
    const DPoP = await handle();
    await challenged(() => resource(config, access_token, LIMITS, { DPoP }), 'dpop', 'invalid_token');
    assert.equal((await resource(config, access_token, LIMITS)).status, 200);
  });

  test('are renewed by their key alone', async () => {
    const DPoP = await handle();
    const first = await tokens(config, DETAILS, { DPoP });
    const renew = (token, more) => client.refreshTokenGrant(config, token, undefined, more);
    await refused(() => renew(first.refresh_token), 'invalid_grant');
    await refused(async () => renew(first.refresh_token, { DPoP: await handle() }), 'invalid_grant');
    const second = await renew(first.refresh_token, { DPoP });
    assert.equal(second.token_type, 'dpop');
    const again = await renew(first.refresh_token, { DPoP });
    assert.equal(again.refresh_token, second.refresh_token);
    assert.equal((await chat(config, second.access_token, { DPoP })).status, 200);
  });

  test('are handed on with a proof, to the key of another', async () => {
    const DPoP = await handle();
    const { access_token } = await tokens(config, DETAILS, { DPoP });
    const delegate = await handle();
    const exchange = (parameters, more) => client.genericGrantRequest(
      config,
      'urn:ietf:params:oauth:grant-type:token-exchange',
      { subject_token: access_token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', ...parameters },
      more,
    );
    const dpop_jkt = await delegate.calculateThumbprint();
    await refused(() => exchange({ dpop_jkt }), 'invalid_request');
    const child = await exchange({ dpop_jkt }, { DPoP });
    assert.equal(child.token_type, 'dpop');
    await challenged(() => chat(config, child.access_token, { DPoP }), 'dpop', 'invalid_dpop_proof');
    assert.equal((await chat(config, child.access_token, { DPoP: delegate })).status, 200);
  });

  test('are revoked by whoever holds them', async () => {
    const DPoP = await handle();
    const { access_token } = await tokens(config, DETAILS, { DPoP });
    await client.tokenRevocation(config, access_token);
    await challenged(() => chat(config, access_token, { DPoP }), 'dpop', 'invalid_token');
  });
});

describe('a proof is refused', () => {
  let stranger;
  before(async () => {
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', (await key()).publicKey);
    stranger = { kty, crv, x, y };
  });

  const EDITS = {
    'of another method': (_, claims) => { claims.htm = 'PUT'; },
    'of another address': (_, claims) => { claims.htu = `${info.vault}/okap/other`; },
    'from the past': (_, claims) => { claims.iat -= 301; },
    'from the future': (_, claims) => { claims.iat += 120; },
    'without a jti': (_, claims) => { delete claims.jti; },
    'of another type': (header) => { header.typ = 'JWT'; },
    'that marks something critical': (header) => { header.crit = ['b64']; header.b64 = true; },
    'that shows another key': (header) => { header.jwk = stranger; },
  };
  for (const [name, edit] of Object.entries(EDITS)) {
    test(name, async () => {
      const pair = await key();
      const good = await handle(undefined, pair);
      const { back, checks } = await authorize(config, DETAILS);
      const DPoP = await handle(edit, pair);
      const redeem = (with_) => client.authorizationCodeGrant(config, back, checks, undefined, { DPoP: with_ });
      await refused(() => redeem(DPoP), 'invalid_dpop_proof');
      const { access_token } = await redeem(good);
      await challenged(() => resource(config, access_token, LIMITS, { DPoP }), 'dpop', 'invalid_dpop_proof');
      await challenged(() => chat(config, access_token, { DPoP }), 'dpop', 'invalid_dpop_proof');
      assert.equal((await chat(config, access_token, { DPoP: good })).status, 200);
    });
  }

  test('of another algorithm', async () => {
    for (const alg of ['Ed25519', 'ES384', 'PS256']) {
      const DPoP = await handle(undefined, await key(alg));
      await refused(() => authorize(config, DETAILS, { DPoP }), 'invalid_dpop_proof');
    }
  });

  test('that names no token or another', async () => {
    const pair = await key();
    const { access_token } = await tokens(config, DETAILS, { DPoP: await handle(undefined, pair) });
    for (const edit of [(_, claims) => { delete claims.ath; }, (_, claims) => { claims.ath = 'A'.repeat(43); }]) {
      const DPoP = await handle(edit, pair);
      await challenged(() => resource(config, access_token, LIMITS, { DPoP }), 'dpop', 'invalid_dpop_proof');
    }
  });

  test('that was used before', async () => {
    const pair = await key();
    const { access_token } = await tokens(config, DETAILS, { DPoP: await handle(undefined, pair) });
    const DPoP = await handle((_, claims) => { claims.jti = 'the same'; }, pair);
    const call = () => resource(config, access_token, LIMITS, { DPoP });
    assert.equal((await call()).status, 200);
    await challenged(call, 'dpop', 'invalid_dpop_proof');
  });
});

describe('without a nonce', () => {
  test('nothing asks for one', async () => {
    const seen = [];
    const watched = await discover();
    watched[client.customFetch] = async (...args) => {
      const answer = await fetch(...args);
      seen.push(answer.headers.get('dpop-nonce'));
      return answer;
    };
    const DPoP = client.getDPoPHandle(watched, await key());
    await tokens(watched, DETAILS, { DPoP });
    assert.deepEqual(seen, [null, null]);
  });
});
