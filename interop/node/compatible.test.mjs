// OpenAI's SDK at the providers that speak its words, with only baseURL and apiKey set.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { desk, info } from '../harness/desk.mjs';
import { refused } from './refused.mjs';

const messages = [{ role: 'user', content: `${info.prompt} say 5 words` }];

for (const [provider, model] of Object.entries({ ...info.compatible, google: 'gemini-2.5-flash' })) {
  describe(`openai at ${provider}`, () => {
    let ai;
    before(async () => {
      const limits = { monthly_spend: '1.00' };
      const one = { type: 'ai_model_access', provider, models: [model], capabilities: ['chat'], limits };
      const { token, base_urls } = await desk('grant', { client: `at ${provider}`, details: [one] });
      ai = new OpenAI({ baseURL: base_urls[provider], apiKey: token });
    });

    test(`chat at ${provider}`, async () => {
      const answer = await ai.chat.completions.create({ model, messages });
      assert.equal(answer.usage.completion_tokens, 5);
    });

    test(`chat streams at ${provider}`, async () => {
      let text = '';
      for await (const chunk of await ai.chat.completions.create({ model, messages, stream: true })) {
        text += chunk.choices[0].delta.content ?? '';
      }
      assert.equal(text.split(' ').length, 5);
    });

    test(`another model is refused at ${provider}`, async () => {
      const ask = () => ai.chat.completions.create({ model: 'gpt-4o-mini', messages });
      const wanted = { status: 403, code: 'model_not_allowed', says: model.toLowerCase(), path: '/chat/completions' };
      await refused(OpenAI.PermissionDeniedError, ask, wanted);
    });
  });
}
