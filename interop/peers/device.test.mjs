// openid-client: the device flow (RFC 8628), with a user who types the code.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { OPENAI, desk, info, saw, sleep } from '../harness/desk.mjs';
import { chat, client, discover, refused } from './vault.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const DETAILS = JSON.stringify([{ ...OPENAI, limits: { monthly_spend: '5.00' } }]);

let config;
before(async () => { config = await discover(); });

const begin = async (more = {}) => {
  const begun = await client.initiateDeviceAuthorization(config, {
    client_name: 'A foreign device', authorization_details: DETAILS, ...more,
  });
  await saw(begun);
  return begun;
};
const poll = (begun, more, options) => client.genericGrantRequest(config, DEVICE, { device_code: begun.device_code, ...more }, options);

describe('the device flow', () => {
  test('the answer is what the library takes', async () => {
    assert.equal(config.serverMetadata().device_authorization_endpoint, `${info.vault}/okap/device_authorization`);
    const begun = await begin();
    assert.match(begun.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    assert.equal(begun.verification_uri, `${info.vault}/okap/device`);
    assert.equal(new URL(begun.verification_uri_complete).searchParams.get('user_code'), begun.user_code);
    assert.equal(begun.interval, 5);
    assert.equal(begun.expires_in, 600);
    await desk('follow', { url: begun.verification_uri, code: begun.user_code, action: 'deny' });
  });

  test('the user types the code, however it is written', async () => {
    const begun = await begin();
    const typed = ` ${begun.user_code.toLowerCase().replace('-', ' ')}`;
    const polled = client.pollDeviceAuthorizationGrant(config, begun);
    await desk('follow', { url: begun.verification_uri, code: typed, action: 'allow' });
    const answer = await polled;
    assert.equal(answer.token_type, 'bearer');
    assert.equal(answer.authorization_details[0].base_url, `${info.vault}/v1/openai`);
    assert.equal((await chat(config, answer.access_token)).status, 200);
    const renewed = await client.refreshTokenGrant(config, answer.refresh_token);
    assert.equal((await chat(config, renewed.access_token)).status, 200);
    await refused(() => poll(begun), 'invalid_grant');
  });

  test('the complete address has the code typed', async () => {
    const begun = await begin();
    await desk('follow', { url: begun.verification_uri_complete, code: '', action: 'allow' });
    // another client gets nothing and spoils nothing
    const other = await discover(client.None(), 'somebody');
    const stolen = () => client.genericGrantRequest(other, DEVICE, { device_code: begun.device_code });
    await refused(stolen, 'invalid_client', 401);
    const wider = JSON.stringify([{ ...OPENAI, models: ['gpt-4o'] }]);
    await refused(() => poll(begun, { authorization_details: wider }), 'invalid_authorization_details');
    await poll(begun);
  });

  test('a denial ends it', async () => {
    const begun = await begin();
    await desk('follow', { url: begun.verification_uri, code: begun.user_code, action: 'deny' });
    await refused(() => poll(begun), 'access_denied');
  });

  test('whoever polls too fast is told so, and waits longer from then on', async () => {
    const begun = await begin();
    await refused(() => poll(begun), 'authorization_pending');
    await refused(() => poll(begun), 'slow_down');
    await sleep(6_000);
    // ten seconds by now
    await refused(() => poll(begun), 'slow_down');
    await desk('follow', { url: begun.verification_uri, code: begun.user_code, action: 'deny' });
  });

  test('the library polls through a slow_down', async () => {
    const begun = await begin();
    const seen = [];
    const watched = await discover();
    watched[client.customFetch] = async (...args) => {
      const answer = await fetch(...args);
      seen.push((await answer.clone().json()).error);
      // the user decides between two polls
      if (seen.length === 1) await desk('follow', { url: begun.verification_uri, code: begun.user_code, action: 'allow' });
      return answer;
    };
    await refused(() => poll(begun), 'authorization_pending');
    const answer = await client.pollDeviceAuthorizationGrant(watched, { ...begun, interval: 1 });
    assert.deepEqual(seen, ['slow_down', undefined]);
    assert.equal((await chat(config, answer.access_token)).status, 200);
  });

  test('with a key', async () => {
    const begun = await begin();
    await desk('follow', { url: begun.verification_uri, code: begun.user_code, action: 'allow' });
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair());
    const answer = await poll(begun, undefined, { DPoP });
    assert.equal(answer.token_type, 'dpop');
    assert.equal((await chat(config, answer.access_token, { DPoP })).status, 200);
  });

  test('a device code of nobody', async () => {
    await refused(() => poll({ device_code: 'nothing' }), 'invalid_grant');
    await refused(() => begin({ authorization_details: '[]' }), 'invalid_authorization_details');
    await refused(() => begin({ authorization_details: '' }), 'invalid_request');
  });
});
