// A vault as an OAuth client library meets it. The pieces that all tests share.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import * as client from 'openid-client';
import { desk, info, saw } from '../harness/desk.mjs';

export const LOCAL = 'http://localhost';
export const REDIRECT = 'http://127.0.0.1:51004/callback';
export const ISSUER = new URL(info.vault);
export const at = (path) => new URL(info.vault + path);

/** The library set up for this vault; `more` is client metadata. */
export async function discover(auth = client.None(), id = LOCAL, more = undefined) {
  const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] };
  return client.discovery(ISSUER, id, more, auth, options);
}

/** Pushes a request and opens it in the user's browser; the address that the app's listener would get. */
export async function authorize(config, details, { parameters = {}, action = 'allow', DPoP } = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    client_name: 'A foreign client',
    redirect_uri: REDIRECT,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    authorization_details: JSON.stringify(details),
    ...parameters,
  }, DPoP && { DPoP });
  const { location } = await desk('authorize', { url: url.href, action });
  const checks = { pkceCodeVerifier: verifier, expectedState: state };
  return { url, back: new URL(location), checks };
}

/** Tokens of the code flow. */
export async function tokens(config, details, { DPoP, ...more } = {}) {
  const { back, checks } = await authorize(config, details, { DPoP, ...more });
  const answer = await client.authorizationCodeGrant(config, back, checks, undefined, DPoP && { DPoP });
  await saw(answer);
  return answer;
}

/** The call fails as the library says that servers refuse: its class, its code and the status. */
export async function refused(call, code, status = 400, Kind = client.ResponseBodyError) {
  const error = await call().then((got) => assert.fail(`it was not refused: ${inspect(got)}`), (error) => error);
  await saw(inspect(error, { depth: 6 }));
  assert(error instanceof Kind, `no ${Kind.name}: ${inspect(error)}`);
  assert.equal(error.error, code, inspect(error));
  if (status) assert.equal(error.status, status);
  if (Kind === client.ResponseBodyError) assert.match(error.error_description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  return error;
}

/** A call of a protected resource is refused with this challenge. */
export async function challenged(call, scheme, code, status = 401) {
  const error = await call().then((got) => assert.fail(`it was not refused: ${got.status}`), (error) => error);
  await saw(inspect(error, { depth: 6 }));
  assert(error instanceof client.WWWAuthenticateChallengeError, inspect(error));
  assert.equal(error.status, status);
  const found = error.cause.find((one) => one.scheme === scheme);
  assert(found, `no ${scheme} in ${inspect(error.cause)}`);
  assert.equal(found.parameters.error, code);
  return found.parameters;
}

/** Calls a protected resource with the library. */
export function resource(config, token, path, { method = 'GET', body, DPoP } = {}) {
  const headers = new Headers(body ? { 'content-type': 'application/json' } : {});
  const text = body && JSON.stringify(body);
  return client.fetchProtectedResource(config, token, at(path), method, text, headers, DPoP && { DPoP });
}

/** A chat of a few words through the vault. */
export const chat = (config, token, more = {}) => resource(config, token, '/v1/openai/chat/completions', {
  method: 'POST',
  body: { model: 'gpt-4o-mini', messages: [{ role: 'user', content: `${info.prompt} say 3 words` }] },
  ...more,
});

export { client };
