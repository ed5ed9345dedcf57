// An authorization server by other hands (oidc-provider), as far as it can be a vault: pushed
// requests, authorization_details, DPoP, device flow, rotation, revocation. What OKAP has beyond
// OAuth is added where the comments say so.

import { createServer } from 'node:http';
import { exportPKCS8, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import Provider, { errors } from 'oidc-provider';

export const PUBLISHED = 'https://app.example/client.json';
const LOCAL = 'http://localhost';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const MODELS = ['gpt-4o-mini', 'gpt-4o'];

/** Starts one. `nonce`: whether proofs need one. */
export async function serve({ nonce = false } = {}) {
  const app = await generateKeyPair('ES256', { extractable: true });
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const state = { action: 'allow', wider: false, calls: [] };
  const provider = new Provider(issuer, await configuration(issuer, app, nonce, state));
  provider.use(enrich(state));
  const callback = provider.callback();
  const own = { '/interaction/': decide(provider, state), '/v1/': resource(issuer, provider), '/.well-known/oauth-protected-resource/': describe(issuer) };
  server.on('request', (request, response) => {
    const route = Object.keys(own).find((path) => request.url.startsWith(path));
    const answered = route ? own[route](request, response) : callback(request, response);
    Promise.resolve(answered).catch((error) => {
      state.calls.push(String(error));
      response.writeHead(500).end();
    });
  });
  return {
    issuer,
    state,
    key: await exportPKCS8(app.privateKey),
    close: () => { server.close(); server.closeAllConnections(); },
  };
}

async function configuration(issuer, app, nonce, state) {
  const signing = await generateKeyPair('ES256', { extractable: true });
  const client = {
    application_type: 'native',
    redirect_uris: ['http://127.0.0.1/callback'],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', DEVICE],
    id_token_signed_response_alg: 'ES256',
    authorization_details_types: ['ai_model_access'],
  };
  const jwk = { ...(await exportJWK(app.publicKey)), alg: 'ES256', use: 'sig' };
  return {
    clients: [
      { ...client, client_id: LOCAL, token_endpoint_auth_method: 'none' },
      {
        ...client,
        client_id: PUBLISHED,
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [jwk] },
      },
    ],
    clientAuthMethods: ['none', 'private_key_jwt'],
    jwks: { keys: [{ ...(await exportJWK(signing.privateKey)), alg: 'ES256', use: 'sig' }] },
    cookies: { keys: ['a key for cookies'] },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    responseTypes: ['code'],
    rotateRefreshToken: true,
    issueRefreshToken: (_, asking) => asking.grantTypeAllowed('refresh_token'),
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true },
      dPoP: { enabled: true, ...(nonce && { nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true }) },
      introspection: { enabled: true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => `${issuer}/v1`,
        getResourceServerInfo: (_, audience) => ({
          scope: '', audience, accessTokenFormat: 'jwt', accessTokenTTL: 3600, jwt: { sign: { alg: 'ES256' } },
        }),
      },
      revocation: { enabled: true },
      richAuthorizationRequests: {
        enabled: true,
        types: { ai_model_access: { validate } },
        authorizationDetailsForGrantSource: (context) => context.oidc.entities.Grant.rar,
        authorizationDetailsForAccessToken: (context, _, source) => granted(issuer, context, source, state),
        authorizationDetailsForIntrospection: (_, token) => token.rar,
      },
    },
  };
}

function validate(_, detail) {
  if (detail.provider !== 'openai') throw new errors.InvalidAuthorizationDetails('no such provider here');
}

/** What OKAP's objects have beyond those that were asked for: choices made, and where to call. */
function granted(issuer, context, source, { wider }) {
  const less = context.oidc.params.authorization_details;
  const asked = less ? JSON.parse(less) : source.rar;
  const allowed = new Set(source.rar.flatMap((one) => one.models ?? MODELS));
  return asked.map((one) => {
    const models = one.models ?? MODELS;
    if (!models.every((model) => allowed.has(model))) throw new errors.InvalidAuthorizationDetails('wider');
    return {
      type: one.type,
      provider: one.provider,
      models: wider ? [...models, 'o3'] : models,
      capabilities: one.capabilities ?? ['chat'],
      limits: one.limits ?? {},
      expires: one.expires ?? '2999-01-01T00:00:00Z',
      base_url: `${issuer}/v1/openai`,
      currency: 'USD',
      window: 'utc_calendar',
    };
  });
}

/** The metadata where RFC 8414 has them, and `grant_id` in answers of the token endpoint. */
const enrich = (state) => async (context, next) => {
  if (context.path === '/.well-known/oauth-authorization-server') context.path = '/.well-known/openid-configuration';
  await next();
  state.calls.push(`${context.method} ${context.path} ${context.status} ${context.body?.error ?? ''}`.trim());
  if (context.path === '/token' && context.status === 200) {
    const { AccessToken } = context.oidc.entities;
    context.body = { ...context.body, grant_id: AccessToken.grantId };
  }
};

/** The user: logs in and decides without a page. */
const decide = (provider, state) => async (request, response) => {
  const found = await provider.interactionDetails(request, response);
  const { prompt, params, session } = found;
  if (state.action === 'deny') {
    return provider.interactionFinished(request, response, { error: 'access_denied' }, { mergeWithLastSubmission: false });
  }
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'the user' } }, { mergeWithLastSubmission: false });
  }
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  for (const detail of JSON.parse(params.authorization_details)) grant.addRar(detail);
  const consent = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, consent, { mergeWithLastSubmission: true });
};

/** A protected resource: token and proof are checked by a library, the grant's life by the server. */
const resource = (issuer, provider) => async (request, response) => {
  const url = new URL(request.url, issuer);
  const asked = new Request(url, { method: request.method, headers: request.headers });
  const metadata = await fetch(`${issuer}/.well-known/openid-configuration`);
  const server = await oauth.processDiscoveryResponse(new URL(issuer), metadata);
  const insecure = { [oauth.allowInsecureRequests]: true };
  try {
    const claims = await oauth.validateJwtAccessToken(server, asked, `${issuer}/v1`, insecure);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ bound: claims.cnf?.jkt ?? null, models: claims.authorization_details[0].models }));
  } catch (error) {
    response.writeHead(401, { 'www-authenticate': 'DPoP error="invalid_token"' }).end(String(error));
  }
};

/** RFC 9728, which oidc-provider leaves to resources. */
const describe = (issuer) => async (request, response) => {
  const path = request.url.slice('/.well-known/oauth-protected-resource'.length);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ resource: issuer + path, authorization_servers: [issuer] }));
};
