// The official SDKs of OpenAI and Anthropic, with only baseURL and apiKey set.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ANTHROPIC, OPENAI, desk, fault, grant, info, requests, saw, sleep } from '../harness/desk.mjs';
import { refused, sawError } from './refused.mjs';

const CHAT = '/chat/completions';
const MESSAGES = '/v1/messages';

const openai = (granted, more) =>
  new OpenAI({ baseURL: granted.base_urls.openai, apiKey: granted.token, ...more });
const anthropic = (granted, more) =>
  new Anthropic({ baseURL: granted.base_urls.anthropic, apiKey: granted.token, ...more });
const say = (words = 4) => [{ role: 'user', content: `${info.prompt} say ${words} words` }];

describe('openai works', () => {
  let ai;
  before(async () => { ai = openai(await desk('grant', { client: 'works with openai', details: [OPENAI] })); });

  test('chat', async () => {
    const answer = await ai.chat.completions.create({ model: 'gpt-4o-mini', messages: say() });
    assert.match(answer.choices[0].message.content, /^You said:/);
    assert.equal(answer.usage.completion_tokens, 4);
    await saw(answer);
  });

  test('chat streams without a chunk that has no choice', async () => {
    let text = '';
    for await (const chunk of await ai.chat.completions.create({ model: 'gpt-4o-mini', messages: say(6), stream: true })) {
      // as most apps are written
      text += chunk.choices[0].delta.content ?? '';
    }
    assert.equal(text.split(' ').length, 6);
    await saw(text);
  });

  test('chat streams usage where the app asks for it', async () => {
    const chunks = [];
    const body = { model: 'gpt-4o-mini', messages: say(5), stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await ai.chat.completions.create(body)) chunks.push(chunk);
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 5);
  });

  test('responses', async () => {
    const answer = await ai.responses.create({ model: 'gpt-4o-mini', input: say()[0].content });
    assert.match(answer.output_text, /^You said:/);
    await saw(answer);
  });

  test('responses stream', async () => {
    const events = [];
    const body = { model: 'gpt-4o-mini', input: say()[0].content, stream: true };
    for await (const event of await ai.responses.create(body)) events.push(event);
    const text = events.filter((one) => one.type === 'response.output_text.delta').map((one) => one.delta).join('');
    assert.match(text, /^You said:/);
    assert.equal(events.at(-1).type, 'response.completed');
    assert.equal(events.at(-1).response.usage.output_tokens, 4);
  });

  test('embeddings', async () => {
    const answer = await ai.embeddings.create({ model: 'text-embedding-3-small', input: [info.prompt, 'two'] });
    assert.equal(answer.data.length, 2);
    assert.equal(typeof answer.data[0].embedding[0], 'number');
  });

  test('models are those of the grant', async () => {
    const listed = [];
    for await (const model of ai.models.list()) listed.push(model.id);
    assert.deepEqual(listed.sort(), [...OPENAI.models].sort());
    assert.equal((await ai.models.retrieve('gpt-4o-mini')).id, 'gpt-4o-mini');
  });

  test('an app that hangs up mid-stream has its call cancelled at the provider', async () => {
    await fault({ times: 1, words: 400, chunk_delay_ms: 25 });
    const messages = [{ role: 'user', content: 'hang up' }];
    const stream = await ai.chat.completions.create({ model: 'gpt-4o-mini', messages, stream: true });
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    stream.controller.abort();
    let call;
    for (let tries = 0; tries < 60 && call?.state !== 'cancelled'; tries += 1) {
      await sleep(50);
      const { calls } = await (await fetch(`${info.provider}/__provider/ledger`)).json();
      call = calls.find((one) => JSON.stringify(one.body).includes('hang up'));
    }
    assert.equal(call.state, 'cancelled');
    assert(call.completion_tokens < 400);
  });
});

describe('openai is refused', () => {
  const chat = (ai, more) => () => ai.chat.completions.create({ model: 'gpt-4o-mini', messages: say(), ...more });

  test('revoked', async (t) => {
    const granted = await grant(t, OPENAI);
    const ai = openai(granted);
    await chat(ai)();
    await desk('revoke', { grant_id: granted.grant_id });
    await refused(OpenAI.AuthenticationError, chat(ai), { status: 401, code: 'token_revoked', says: 'revoked', path: CHAT });
  });

  test('a token of nobody', async (t) => {
    const granted = await grant(t, OPENAI);
    const ai = openai(granted, { apiKey: 'okap_garbage' });
    const wanted = { status: 401, code: 'invalid_token', says: 'ask the user for access', path: CHAT };
    await refused(OpenAI.AuthenticationError, chat(ai), wanted);
  });

  test('another model', async (t) => {
    const ai = openai(await grant(t, OPENAI));
    const wanted = { status: 403, code: 'model_not_allowed', says: 'gpt-4o-mini', path: CHAT };
    await refused(OpenAI.PermissionDeniedError, chat(ai, { model: 'gpt-4o' }), wanted);
  });

  test('money used up is 402 and never tried again', async (t) => {
    const ai = openai(await grant(t, OPENAI, { monthly_spend: '0.0002' }));
    for (let calls = 0; calls < 20; calls += 1) {
      const error = await chat(ai, { messages: say(100), max_tokens: 200 })().then(() => null, (error) => error);
      if (error) break;
    }
    const wanted = { status: 402, code: 'spend_limit_exceeded', says: 'resets', path: CHAT };
    const error = await refused(OpenAI.APIError, chat(ai, { max_tokens: 200 }), wanted);
    assert.equal(error.headers.get('x-should-retry'), 'false');
    assert.equal(error.headers.get('retry-after'), null);
  });

  test('the rate is 429 with the true wait', async (t) => {
    const ai = openai(await grant(t, OPENAI, { requests_per_minute: 2 }), { maxRetries: 0 });
    await chat(ai)();
    await chat(ai)();
    const wanted = { status: 429, code: 'rate_limit_exceeded', says: 'try again in', path: CHAT };
    const error = await refused(OpenAI.RateLimitError, chat(ai), wanted);
    const wait = Number(error.headers.get('retry-after'));
    assert(wait >= 50 && wait <= 60, `retry-after ${wait}`);
  });

  test('the rate of the provider is waited out', async (t) => {
    const ai = openai(await grant(t, OPENAI));
    const before = await requests(CHAT);
    await fault({ times: 1, fault: { kind: 'status', status: 429 } });
    const begun = performance.now();
    await chat(ai)();
    assert(performance.now() - begun > 900);
    assert.equal((await requests(CHAT)) - before, 2);
  });

  test('a route that is not forwarded', async (t) => {
    const ai = openai(await grant(t, OPENAI));
    const wanted = { status: 404, code: 'route_not_supported', says: 'supported', path: '/files' };
    await refused(OpenAI.NotFoundError, () => ai.files.list(), wanted);
  });

  test('a provider that refuses the key', async (t) => {
    const ai = openai(await grant(t, OPENAI));
    await fault({ times: 1, fault: { kind: 'status', status: 401, echo: true } });
    const wanted = { status: 502, code: 'upstream_credential_error', says: 'its owner has to replace it', path: CHAT };
    await refused(OpenAI.InternalServerError, chat(ai), wanted);
  });

  test('a stream that is cut raises', async (t) => {
    const ai = openai(await grant(t, OPENAI));
    await fault({ times: 1, fault: { kind: 'cut', after: 2 } });
    let cut;
    await assert.rejects(async () => {
      for await (const chunk of await chat(ai, { stream: true })()) await saw(chunk);
    }, (error) => { cut = error; return true; });
    await sawError(cut);
  });
});

describe('anthropic works', () => {
  let ai;
  before(async () => { ai = anthropic(await desk('grant', { client: 'works with anthropic', details: [ANTHROPIC] })); });
  const ask = { model: 'claude-sonnet-5', max_tokens: 50 };

  test('messages', async () => {
    const answer = await ai.messages.create({ ...ask, messages: say() });
    assert.match(answer.content[0].text, /^You said:/);
    assert.equal(answer.usage.output_tokens, 4);
    await saw(answer);
  });

  test('stream helper', async () => {
    const stream = ai.messages.stream({ ...ask, messages: say(6) });
    let text = '';
    stream.on('text', (piece) => { text += piece; });
    const final = await stream.finalMessage();
    assert.equal(text.split(' ').length, 6);
    assert.equal(final.usage.output_tokens, 6);
    await saw(text, final);
  });

  test('count tokens', async () => {
    const answer = await ai.messages.countTokens({ model: ask.model, messages: say() });
    assert(answer.input_tokens > 0);
  });

  test('models are those of the grant', async () => {
    const listed = [];
    for await (const model of ai.models.list()) listed.push(model.id);
    assert.deepEqual(listed, ['claude-sonnet-5']);
    assert.equal((await ai.models.retrieve('claude-sonnet-5')).id, 'claude-sonnet-5');
  });
});

describe('anthropic is refused', () => {
  const ask = (ai, more) => () => ai.messages.create({ model: 'claude-sonnet-5', max_tokens: 50, messages: say(), ...more });

  test('revoked (anthropic)', async (t) => {
    const granted = await grant(t, ANTHROPIC);
    const ai = anthropic(granted);
    await ask(ai)();
    await desk('revoke', { grant_id: granted.grant_id });
    const wanted = { status: 401, code: 'token_revoked', says: 'revoked', path: MESSAGES };
    await refused(Anthropic.AuthenticationError, ask(ai), wanted);
  });

  test('another model (anthropic)', async (t) => {
    const ai = anthropic(await grant(t, ANTHROPIC));
    const wanted = { status: 403, code: 'model_not_allowed', says: 'claude-sonnet-5', path: MESSAGES };
    await refused(Anthropic.PermissionDeniedError, ask(ai, { model: 'claude-opus-5' }), wanted);
  });

  test('money used up is 402 and never tried again (anthropic)', async (t) => {
    const ai = anthropic(await grant(t, ANTHROPIC, { daily_spend: 0.004 }));
    for (let calls = 0; calls < 20; calls += 1) {
      const error = await ask(ai, { messages: say(100), max_tokens: 200 })().then(() => null, (error) => error);
      if (error) break;
    }
    const wanted = { status: 402, code: 'spend_limit_exceeded', says: 'resets', path: MESSAGES };
    await refused(Anthropic.PaymentRequiredError ?? Anthropic.APIError, ask(ai, { max_tokens: 200 }), wanted);
  });

  test('the rate is 429 with the true wait (anthropic)', async (t) => {
    const ai = anthropic(await grant(t, ANTHROPIC, { requests_per_minute: 1 }), { maxRetries: 0 });
    await ask(ai)();
    const wanted = { status: 429, code: 'rate_limit_exceeded', says: 'try again in', path: MESSAGES };
    const error = await refused(Anthropic.RateLimitError, ask(ai), wanted);
    const wait = Number(error.headers.get('retry-after'));
    assert(wait >= 50 && wait <= 60, `retry-after ${wait}`);
  });

  test('a route that is not forwarded (anthropic)', async (t) => {
    const ai = anthropic(await grant(t, ANTHROPIC));
    const wanted = { status: 404, code: 'route_not_supported', says: 'supported', path: '/batches' };
    await refused(Anthropic.NotFoundError, () => ai.messages.batches.list(), wanted);
  });

  test('a provider that refuses the key (anthropic)', async (t) => {
    const ai = anthropic(await grant(t, ANTHROPIC));
    await fault({ times: 1, fault: { kind: 'status', status: 401 } });
    const wanted = { status: 502, code: 'upstream_credential_error', says: 'its owner has to replace it', path: MESSAGES };
    await refused(Anthropic.InternalServerError, ask(ai), wanted);
  });
});
