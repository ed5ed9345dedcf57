// Google's own SDK, with only httpOptions.baseUrl and apiKey set.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ApiError, GoogleGenAI } from '@google/genai';
import { GOOGLE, desk, fault, grant, info, saw } from '../harness/desk.mjs';
import { refused, sawError } from './refused.mjs';

const MODEL = 'gemini-2.5-flash';
const EMBEDDING = 'gemini-embedding-001';
const PATH = `${MODEL}:generateContent`;
const google = (granted) =>
  new GoogleGenAI({ apiKey: granted.token, httpOptions: { baseUrl: granted.base_urls.google } });
const contents = (words = 4) => `${info.prompt} say ${words} words`;

describe('google works', () => {
  const limits = { monthly_spend: '1.00' };
  let ai;
  before(async () => { ai = google(await desk('grant', { client: 'google', details: [{ ...GOOGLE, limits }] })); });

  test('generateContent', async () => {
    const answer = await ai.models.generateContent({ model: MODEL, contents: contents() });
    assert.match(answer.text, /^You said:/);
    assert.equal(answer.usageMetadata.candidatesTokenCount, 4);
    await saw(answer);
  });

  test('generateContentStream', async () => {
    let text = '';
    let last;
    for await (const chunk of await ai.models.generateContentStream({ model: MODEL, contents: contents(6) })) {
      text += chunk.text ?? '';
      last = chunk;
    }
    assert.equal(text.split(' ').length, 6);
    assert.equal(last.usageMetadata.candidatesTokenCount, 6);
    await saw(text);
  });

  test('embedContent', async () => {
    const answer = await ai.models.embedContent({ model: EMBEDDING, contents: [info.prompt, 'two'] });
    assert.equal(answer.embeddings.length, 2);
    assert.equal(typeof answer.embeddings[0].values[0], 'number');
  });

  test('countTokens', async () => {
    const answer = await ai.models.countTokens({ model: MODEL, contents: contents() });
    assert(answer.totalTokens > 0);
  });

  test('models are those of the grant (google)', async () => {
    const listed = [];
    for await (const model of await ai.models.list()) listed.push(model.name);
    assert.deepEqual(listed.sort(), GOOGLE.models.map((name) => `models/${name}`).sort());
  });

  test('the token travels in a header and in no address', async () => {
    await ai.models.generateContent({ model: MODEL, contents: contents() });
    const paths = (await desk('requests')).map((one) => one.path).filter((path) => path.includes('/v1/google/'));
    assert(paths.length > 0);
    assert(paths.every((path) => !path.includes('key=') && !path.includes('okap_')), paths.join(' '));
  });
});

describe('google is refused', () => {
  const ask = (ai) => () => ai.models.generateContent({ model: MODEL, contents: contents() });

  test('another model (google)', async (t) => {
    const ai = google(await grant(t, { ...GOOGLE, models: [EMBEDDING] }));
    await refused(ApiError, ask(ai), { status: 403, code: 'MODEL_NOT_ALLOWED', says: EMBEDDING, path: PATH });
  });

  test('embeddings without the capability (google)', async (t) => {
    const ai = google(await grant(t, { ...GOOGLE, capabilities: ['chat'] }));
    const embed = () => ai.models.embedContent({ model: EMBEDDING, contents: 'a' });
    await refused(ApiError, embed, { status: 403, code: 'CAPABILITY_NOT_ALLOWED', says: 'embeddings' });
  });

  test('revoked (google)', async (t) => {
    const granted = await grant(t, GOOGLE);
    const ai = google(granted);
    await ask(ai)();
    await desk('revoke', { grant_id: granted.grant_id });
    await refused(ApiError, ask(ai), { status: 401, code: 'TOKEN_REVOKED', says: 'revoked', path: PATH });
  });

  test('money used up (google)', async (t) => {
    const ai = google(await grant(t, GOOGLE, { monthly_spend: '0.000001' }));
    await refused(ApiError, ask(ai), { status: 402, code: 'SPEND_LIMIT_EXCEEDED', says: 'resets', path: PATH });
  });

  test('a stream that is cut raises (google)', async (t) => {
    const ai = google(await grant(t, GOOGLE));
    await fault({ times: 1, fault: { kind: 'cut', after: 2 } });
    let cut;
    await assert.rejects(async () => {
      const stream = await ai.models.generateContentStream({ model: MODEL, contents: contents() });
      for await (const chunk of stream) await saw(chunk.text ?? '');
    }, (error) => { cut = error; return true; });
    await sawError(cut);
  });
});

test('a token in the address is told of the header', async (t) => {
  const granted = await grant(t, GOOGLE);
  const address = `${granted.base_urls.google}/v1beta/models/${PATH}`;
  const body = JSON.stringify({ contents: [{ role: 'user', parts: [{ text: 'hi' }] }] });
  const post = (url, more) =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...more }, body });
  const inAddress = await post(`${address}?key=${granted.token}`);
  assert.equal(inAddress.status, 400);
  assert.match((await inAddress.json()).error.message, /x-goog-api-key/);
  assert.equal((await post(address, { 'x-goog-api-key': granted.token })).status, 200);
});
