// openid-client: discovery, pushed requests, the code flow, refresh, revocation, exchange.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { OPENAI, ANTHROPIC, info, saw, sleep } from '../harness/desk.mjs';
import {
  LOCAL, REDIRECT, at, authorize, challenged, chat, client, discover, refused, resource, tokens,
} from './vault.mjs';

let config;
before(async () => { config = await discover(); });

const DETAILS = [{ ...OPENAI, limits: { monthly_spend: '5.00' } }];

describe('discovery', () => {
  test('the metadata say what the library needs', () => {
    const server = config.serverMetadata();
    assert.equal(server.issuer, info.vault);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.equal(server.require_pushed_authorization_requests, true);
    assert(server.supportsPKCE('S256'));
    assert(server.dpop_signing_alg_values_supported.includes('ES256'));
    assert(server.authorization_details_types_supported.includes('ai_model_access'));
    for (const [name, value] of Object.entries(server)) {
      if (name.endsWith('_endpoint')) assert(value.startsWith(`${info.vault}/okap/`), name);
    }
  });

  test('another issuer is refused by the library', async () => {
    const other = new URL(info.vault);
    other.hostname = 'localhost';
    const options = {
      algorithm: 'oauth2',
      execute: [client.allowInsecureRequests],
      // whose name it is does not matter to where it leads
      [client.customFetch]: (url, rest) => fetch(url.replace('//localhost', '//127.0.0.1'), rest),
    };
    const discovered = client.discovery(other, LOCAL, undefined, client.None(), options);
    await assert.rejects(discovered, { code: 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED' });
  });
});

describe('the code flow', () => {
  test('a pushed request is granted', async () => {
    const { url, back, checks } = await authorize(config, DETAILS);
    assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'request_uri']);
    assert.match(url.searchParams.get('request_uri'), /^urn:ietf:params:oauth:request_uri:/);
    assert.equal(back.origin + back.pathname, REDIRECT);
    assert.equal(back.searchParams.get('iss'), info.vault);
    const answer = await client.authorizationCodeGrant(config, back, checks);
    assert.equal(answer.token_type, 'bearer');
    assert(answer.expiresIn() > 3590 && answer.expiresIn() <= 3600);
    const [granted] = answer.authorization_details;
    assert.equal(granted.type, 'ai_model_access');
    assert.deepEqual(granted.models, OPENAI.models);
    assert.equal(granted.limits.monthly_spend, '5.00');
    assert.equal(granted.base_url, `${info.vault}/v1/openai`);
    const said = await (await chat(config, answer.access_token)).json();
    assert.equal(said.usage.completion_tokens, 3);
    await saw(answer, said);
  });

  test('two providers at once', async () => {
    const answer = await tokens(config, [OPENAI, ANTHROPIC]);
    assert.deepEqual(answer.authorization_details.map((one) => one.provider), ['openai', 'anthropic']);
  });

  test('less at the token endpoint than was granted', async () => {
    const { back, checks } = await authorize(config, DETAILS);
    const less = [{ ...OPENAI, models: ['gpt-4o-mini'], capabilities: ['chat'] }];
    const wider = [{ ...OPENAI, models: ['gpt-4o'] }];
    const redeem = (details) => client.authorizationCodeGrant(
      config, back, checks, { authorization_details: JSON.stringify(details) },
    );
    await refused(() => redeem(wider), 'invalid_authorization_details');
    const answer = await redeem(less);
    assert.deepEqual(answer.authorization_details[0].models, ['gpt-4o-mini']);
  });

  test('a denial comes back as the authorization response error', async () => {
    const { back, checks } = await authorize(config, DETAILS, { action: 'deny' });
    assert.equal(back.searchParams.get('iss'), info.vault);
    await refused(
      () => client.authorizationCodeGrant(config, back, checks), 'access_denied', 0, client.AuthorizationResponseError,
    );
  });

  test('a callback without iss, of another issuer or state goes nowhere', async () => {
    const { back, checks } = await authorize(config, DETAILS);
    for (const [edit, says] of [
      [(url) => url.searchParams.delete('iss'), /"iss" \(issuer\) missing/],
      [(url) => url.searchParams.set('iss', 'https://other.example'), /"iss" \(issuer\)/],
      [(url) => url.searchParams.set('state', 'another'), /"state"/],
    ]) {
      const changed = new URL(back);
      edit(changed);
      const redeemed = client.authorizationCodeGrant(config, changed, checks);
      await assert.rejects(redeemed, (error) => says.test(error.cause?.message ?? error.message));
    }
    // none of them ended the attempt
    await client.authorizationCodeGrant(config, back, checks);
  });

  test('a wrong verifier leaves the code good, a second use revokes', async () => {
    const { back, checks } = await authorize(config, DETAILS);
    const wrong = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
    await refused(() => client.authorizationCodeGrant(config, back, wrong), 'invalid_grant');
    await refused(() => client.authorizationCodeGrant(config, back, { ...checks, pkceCodeVerifier: 'short' }), 'invalid_request');
    const { access_token } = await client.authorizationCodeGrant(config, back, checks);
    await refused(() => client.authorizationCodeGrant(config, back, checks), 'invalid_grant');
    await challenged(() => resource(config, access_token, '/okap/limits'), 'bearer', 'invalid_token');
  });
});

describe('a pushed request is refused', () => {
  const push = (details, parameters) => () => authorize(config, details, { parameters });

  test('details that the vault does not know', async () => {
    for (const [details, parameters] of [
      [[{ type: 'payment_initiation' }]],
      [[{ ...OPENAI, models: ['*'] }]],
      [[{ ...OPENAI, model: 'gpt-4o-mini' }]],
      [[]],
      [[], { authorization_details: '{' }],
    ]) await refused(push(details, parameters), 'invalid_authorization_details');
  });

  test('parameters that are not as they should be', async () => {
    for (const [parameters, code] of [
      [{ code_challenge_method: 'plain' }, 'invalid_request'],
      [{ code_challenge: '' }, 'invalid_request'],
      [{ redirect_uri: 'http://attacker.example/cb' }, 'invalid_request'],
      [{ redirect_uri: 'http://localhost/cb' }, 'invalid_request'],
      [{ response_type: 'token' }, 'unsupported_response_type'],
      [{ resource: 'https://other.example' }, 'invalid_target'],
      [{ request_uri: 'urn:example' }, 'invalid_request'],
      [{ authorization_details: '' }, 'invalid_request'],
    ]) await refused(push(DETAILS, parameters), code);
    // the twin
    await authorize(config, DETAILS, { parameters: { resource: `${info.vault}/v1/openai` } });
  });

  test('a client that nobody knows', async () => {
    for (const id of ['https://127.0.0.1/client.json', 'somebody', 'http://other.example/c.json']) {
      const stranger = await discover(client.None(), id);
      await refused(() => authorize(stranger, DETAILS, { parameters: { client_name: '' } }), 'invalid_client', 401);
    }
  });

  test('a client that sends a secret', async () => {
    const basic = await discover(client.ClientSecretBasic('secret'));
    await refused(() => authorize(basic, DETAILS), 'invalid_request');
  });
});

describe('refresh', () => {
  const renew = (token, parameters) => client.refreshTokenGrant(config, token, parameters);

  test('rotates; the same again within the grace, nothing after it', async () => {
    const first = await tokens(config, DETAILS);
    const second = await renew(first.refresh_token);
    const again = await renew(first.refresh_token);
    assert.notEqual(second.refresh_token, first.refresh_token);
    assert.equal(again.refresh_token, second.refresh_token);
    assert.notEqual(again.access_token, second.access_token);
    assert.deepEqual(second.authorization_details, first.authorization_details);
    assert.equal((await chat(config, again.access_token)).status, 200);
    await sleep(10_500);
    await refused(() => renew(first.refresh_token), 'invalid_grant');
    // whoever came late has ended it for all
    await refused(() => renew(second.refresh_token), 'invalid_grant');
    await challenged(() => chat(config, again.access_token), 'bearer', 'invalid_token');
  });

  test('the old one after its successor was used', async () => {
    const first = await tokens(config, DETAILS);
    const second = await renew(first.refresh_token);
    const third = await renew(second.refresh_token);
    await refused(() => renew(first.refresh_token), 'invalid_grant');
    await refused(() => renew(third.refresh_token), 'invalid_grant');
  });

  test('less for one access token, all at the next', async () => {
    const first = await tokens(config, DETAILS);
    const less = JSON.stringify([{ ...OPENAI, models: ['gpt-4o-mini'] }]);
    const second = await renew(first.refresh_token, { authorization_details: less });
    assert.deepEqual(second.authorization_details[0].models, ['gpt-4o-mini']);
    const third = await renew(second.refresh_token);
    assert.deepEqual(third.authorization_details[0].models, OPENAI.models);
    const wider = JSON.stringify([{ ...OPENAI, models: ['gpt-4o'] }]);
    await refused(() => renew(third.refresh_token, { authorization_details: wider }), 'invalid_authorization_details');
    await renew(third.refresh_token);
  });

  test('an access token is no refresh token', async () => {
    const { access_token } = await tokens(config, DETAILS);
    await refused(() => renew(access_token), 'invalid_grant');
    await refused(() => renew('nothing'), 'invalid_grant');
    assert.equal((await chat(config, access_token)).status, 200);
  });
});

describe('the end of a grant', () => {
  test('a revoked token is refused at the next call', async () => {
    const answer = await tokens(config, DETAILS);
    assert.equal((await chat(config, answer.access_token)).status, 200);
    await client.tokenRevocation(config, answer.access_token, { token_type_hint: 'access_token' });
    await challenged(() => chat(config, answer.access_token), 'bearer', 'invalid_token');
    await refused(() => client.refreshTokenGrant(config, answer.refresh_token), 'invalid_grant');
    // RFC 7009 section 2.2: a token that is dead is as good as revoked
    await client.tokenRevocation(config, answer.access_token);
    await client.tokenRevocation(config, 'never-was-one');
  });

  test('by its refresh token', async () => {
    const answer = await tokens(config, DETAILS);
    await client.tokenRevocation(config, answer.refresh_token, { token_type_hint: 'refresh_token' });
    await challenged(() => chat(config, answer.access_token), 'bearer', 'invalid_token');
  });

  test('not by another client', async () => {
    const answer = await tokens(config, DETAILS);
    const other = await discover(client.None(), 'https://other.example/client.json');
    await refused(() => client.tokenRevocation(other, answer.access_token), 'unauthorized_client');
    assert.equal((await chat(config, answer.access_token)).status, 200);
  });
});

describe('token exchange', () => {
  const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';
  const exchange = (token, more = {}) => client.genericGrantRequest(config, EXCHANGE, {
    subject_token: token, subject_token_type: ACCESS, client_name: 'A delegate', ...more,
  });
  const LESS = JSON.stringify([{ ...OPENAI, models: ['gpt-4o-mini'], limits: { monthly_spend: '1.00' } }]);

  test('a narrower child, that ends with its parent', async () => {
    const parent = await tokens(config, DETAILS);
    const child = await exchange(parent.access_token, { authorization_details: LESS });
    await saw(child);
    assert.equal(child.issued_token_type, ACCESS);
    assert.equal(child.token_type, 'bearer');
    assert.equal(child.refresh_token, undefined);
    assert.notEqual(child.grant_id, parent.grant_id);
    assert.equal(child.authorization_details[0].limits.monthly_spend, '1.00');
    assert.equal((await chat(config, child.access_token)).status, 200);
    await client.tokenRevocation(config, parent.access_token);
    await challenged(() => chat(config, child.access_token), 'bearer', 'invalid_token');
  });

  test('is refused where it is wider or not ours', async () => {
    const parent = await tokens(config, DETAILS);
    const wider = JSON.stringify([{ ...OPENAI, limits: { monthly_spend: '6.00' } }]);
    await refused(() => exchange(parent.access_token, { authorization_details: wider }), 'invalid_authorization_details');
    await refused(() => exchange(parent.refresh_token), 'invalid_request');
    await refused(() => exchange('nothing'), 'invalid_request');
    await refused(() => exchange(parent.access_token, { actor_token: 'x', actor_token_type: ACCESS }), 'invalid_request');
    await refused(() => exchange(parent.access_token, { requested_token_type: 'urn:ietf:params:oauth:token-type:jwt' }), 'invalid_request');
    await exchange(parent.access_token);
  });
});

describe('grants that the vault does not know', () => {
  test('are unsupported', async () => {
    await refused(() => client.clientCredentialsGrant(config), 'unsupported_grant_type');
    await refused(() => client.genericGrantRequest(config, 'password', { username: 'a', password: 'b' }), 'unsupported_grant_type');
  });

  test('a token endpoint without parameters', async () => {
    const answer = await fetch(at('/okap/token'), { method: 'POST', body: new URLSearchParams() });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error, 'invalid_request');
  });
});
