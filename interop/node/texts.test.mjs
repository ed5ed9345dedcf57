// OpenAI's SDK beyond chat: plain completions, embeddings, moderations, responses.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { desk, grant, info, saw } from '../harness/desk.mjs';
import { refused } from './refused.mjs';

const TEXTS = {
  type: 'ai_model_access',
  provider: 'openai',
  models: ['gpt-3.5-turbo-instruct', 'text-embedding-3-small', 'omni-moderation-latest', 'gpt-4o-mini'],
  capabilities: ['completions', 'embeddings', 'moderation', 'chat'],
};
const only = (model, capability) => ({ ...TEXTS, models: [model], capabilities: [capability] });
const client = (granted) => new OpenAI({ baseURL: granted.base_urls.openai, apiKey: granted.token });

describe('texts work', () => {
  const limits = { monthly_spend: '1.00' };
  const prompt = `${info.prompt} say 5 words`;
  let ai;
  before(async () => { ai = client(await desk('grant', { client: 'texts', details: [{ ...TEXTS, limits }] })); });

  test('completions', async () => {
    const answer = await ai.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt, n: 2, max_tokens: 9 });
    assert.equal(answer.choices.length, 2);
    assert.equal(answer.usage.completion_tokens, 10);
    await saw(answer);
  });

  test('completions stream', async () => {
    let text = '';
    const body = { model: 'gpt-3.5-turbo-instruct', prompt, stream: true, max_tokens: 9 };
    for await (const chunk of await ai.completions.create(body)) text += chunk.choices[0].text;
    assert.equal(text.split(' ').length, 5);
    await saw(text);
  });

  test('embeddings of many texts, as numbers and in base64', async () => {
    const input = [info.prompt, 'two', 'three'];
    for (const encoding_format of [undefined, 'float']) {
      const answer = await ai.embeddings.create({ model: 'text-embedding-3-small', input, encoding_format });
      assert.equal(answer.data.length, 3);
      assert.equal(typeof answer.data[2].embedding[0], 'number');
      assert(answer.usage.prompt_tokens > 0);
    }
  });

  test('moderations, with a model and without', async () => {
    for (const model of ['omni-moderation-latest', undefined]) {
      const answer = await ai.moderations.create({ model, input: info.prompt });
      assert.equal(answer.results[0].flagged, false);
      await saw(answer);
    }
  });

  test('responses call a tool of the app', async () => {
    const tools = [{ type: 'function', name: 'add', strict: false, parameters: { type: 'object', properties: {} } }];
    const answer = await ai.responses.create({ model: 'gpt-4o-mini', input: 'use the tool', tools });
    assert.equal(answer.output.find((one) => one.type === 'function_call').name, 'add');
  });
});

describe('texts are refused', () => {
  const forbidden = { status: 403, code: 'model_not_allowed' };

  test('completions of another model', async (t) => {
    const ai = client(await grant(t, only('gpt-4o-mini', 'completions')));
    const ask = () => ai.completions.create({ model: 'gpt-3.5-turbo-instruct', prompt: 'a' });
    await refused(OpenAI.PermissionDeniedError, ask, { ...forbidden, says: 'gpt-4o-mini', path: '/completions' });
  });

  test('embeddings of another model', async (t) => {
    const model = 'text-embedding-3-small';
    const ai = client(await grant(t, only(model, 'embeddings')));
    const ask = () => ai.embeddings.create({ model: 'text-embedding-3-large', input: 'a' });
    await refused(OpenAI.PermissionDeniedError, ask, { ...forbidden, says: model, path: '/embeddings' });
  });

  test('moderations without the capability', async (t) => {
    const ai = client(await grant(t, only('omni-moderation-latest', 'chat')));
    const wanted = { status: 403, code: 'capability_not_allowed', says: 'moderation', path: '/moderations' };
    await refused(OpenAI.PermissionDeniedError, () => ai.moderations.create({ input: 'a' }), wanted);
  });

  test('responses of another model, and those that go on from a stored one', async (t) => {
    const ai = client(await grant(t, only('gpt-4o-mini', 'chat')));
    const ask = (more) => () => ai.responses.create({ model: 'gpt-4o-mini', input: 'a', ...more });
    const wanted = { ...forbidden, says: 'gpt-4o-mini', path: '/responses' };
    await refused(OpenAI.PermissionDeniedError, ask({ model: 'gpt-4o' }), wanted);
    const stored = { status: 400, code: 'unsupported_parameter', says: 'previous_response_id', path: '/responses' };
    await refused(OpenAI.BadRequestError, ask({ previous_response_id: 'resp_1' }), stored);
  });
});
