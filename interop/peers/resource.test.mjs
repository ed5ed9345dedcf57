// oauth4webapi and openid-client as a resource server sees the vault: introspection and RFC 9728.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { OPENAI, info, saw } from '../harness/desk.mjs';
import { LOCAL, challenged, chat, client, discover, tokens } from './vault.mjs';

const DETAILS = [{ ...OPENAI, limits: { monthly_spend: '5.00' } }];
const SERVERS = info.resource_servers;

let app;
before(async () => { app = await discover(); });

describe('introspection', () => {
  for (const { id, secret } of SERVERS) {
    test(`by ${JSON.stringify(id)}`, async () => {
      const server = await discover(client.ClientSecretBasic(secret), id);
      const answer = await tokens(app, DETAILS);
      const found = await client.tokenIntrospection(server, answer.access_token);
      await saw(found);
      assert.equal(found.active, true);
      assert.equal(found.token_type, 'Bearer');
      assert.equal(found.client_id, LOCAL);
      assert.equal(found.iss, info.vault);
      assert.equal(found.grant_id, answer.grant_id);
      assert(found.exp - found.iat <= 3600);
      assert.deepEqual(found.authorization_details, answer.authorization_details);
      const renewal = await client.tokenIntrospection(server, answer.refresh_token, { token_type_hint: 'refresh_token' });
      assert.equal(renewal.active, true);
      await client.tokenRevocation(app, answer.access_token);
      for (const token of [answer.access_token, answer.refresh_token, 'nothing']) {
        assert.deepEqual({ ...(await client.tokenIntrospection(server, token)) }, { active: false });
      }
    });
  }

  test('of a bound token names its key', async () => {
    const [{ id, secret }] = SERVERS;
    const server = await discover(client.ClientSecretBasic(secret), id);
    const DPoP = client.getDPoPHandle(app, await client.randomDPoPKeyPair());
    const { access_token } = await tokens(app, DETAILS, { DPoP });
    const found = await client.tokenIntrospection(server, access_token);
    assert.equal(found.token_type, 'DPoP');
    assert.equal(found.cnf.jkt, await DPoP.calculateThumbprint());
  });

  test('is for those alone that the owner knows', async () => {
    const [{ id, secret }] = SERVERS;
    const { access_token } = await tokens(app, DETAILS);
    const ask = async (auth, name) => client.tokenIntrospection(await discover(auth, name), access_token);
    for (const [auth, name] of [
      [client.ClientSecretBasic(`${secret}x`), id],
      [client.ClientSecretBasic(secret), 'another'],
    ]) await challenged(() => ask(auth, name), 'basic', undefined);
    // other ways to authenticate are not taken, and Basic is offered
    for (const [auth, name] of [[client.None(), id], [client.ClientSecretPost(secret), id]]) {
      await challenged(() => ask(auth, name), 'basic', undefined);
    }
    assert.equal((await ask(client.ClientSecretBasic(secret), id)).active, true);
  });
});

describe('protected resource metadata', () => {
  test('a client finds the vault from a refusal', async () => {
    const challenge = await challenged(() => chat(app, 'okap_at_nothing'), 'bearer', 'invalid_token');
    const named = new URL(challenge.resource_metadata);
    const resource = new URL(`${info.vault}/v1/openai`);
    const options = { [oauth.allowInsecureRequests]: true };
    const answer = await oauth.resourceDiscoveryRequest(resource, options);
    assert.equal(answer.url, named.href);
    const found = await oauth.processResourceDiscoveryResponse(resource, answer);
    assert.deepEqual(found.authorization_servers, [info.vault]);
    assert.deepEqual(found.bearer_methods_supported, ['header']);
    assert(app.serverMetadata().protected_resources.includes(found.resource));
    const unknown = await oauth.resourceDiscoveryRequest(new URL(`${info.vault}/v1/nobody`), options);
    assert.equal(unknown.status, 404);
  });

  test('the models of the grant are listed', async () => {
    const { access_token } = await tokens(app, DETAILS);
    const listed = await client.fetchProtectedResource(app, access_token, new URL(`${info.vault}/v1/openai/models`), 'GET');
    const ids = (await listed.json()).data.map((one) => one.id).sort();
    assert.deepEqual(ids, [...OPENAI.models].sort());
  });
});
