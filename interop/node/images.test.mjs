// OpenAI's SDK makes and changes images, in one piece and as events.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { desk, fault, grant, info, saw } from '../harness/desk.mjs';
import { refused, sawError } from './refused.mjs';

const MODEL = 'gpt-image-1';
const PATH = '/images/generations';
const IMAGES = { type: 'ai_model_access', provider: 'openai', models: [MODEL], capabilities: ['images'] };
const client = (granted) => new OpenAI({ baseURL: granted.base_urls.openai, apiKey: granted.token });

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe('images work', () => {
  const limits = { monthly_spend: '5.00' };
  const ask = { model: MODEL, prompt: `${info.prompt} a cat` };
  const image = () => toFile(Buffer.from('not really'), 'cat.png', { type: 'image/png' });
  let ai;
  before(async () => { ai = client(await desk('grant', { client: 'images', details: [{ ...IMAGES, limits }] })); });

  test('generate', async () => {
    const answer = await ai.images.generate({ ...ask, n: 2, size: '1024x1024' });
    assert.equal(answer.data.length, 2);
    assert.equal(answer.usage.output_tokens, 2 * 1056);
    await saw(answer);
  });

  test('edit, a form', async () => {
    const answer = await ai.images.edit({ ...ask, image: await image() });
    assert.equal(answer.data.length, 1);
    assert.equal(answer.usage.output_tokens, 1056);
  });

  test('generate streams early looks, and the usage with the image', async () => {
    const events = await all(await ai.images.generate({ ...ask, stream: true, partial_images: 2 }));
    const early = 'image_generation.partial_image';
    assert.deepEqual(events.map((one) => one.type), [early, early, 'image_generation.completed']);
    assert.equal(events.at(-1).usage.output_tokens, 1056 + 2 * 100);
    await saw(events);
  });

  test('edit streams', async () => {
    const events = await all(await ai.images.edit({ ...ask, image: await image(), stream: true }));
    assert.deepEqual(events.map((one) => one.type), ['image_edit.completed']);
  });
});

describe('images are refused', () => {
  const ask = (ai, more) => () => ai.images.generate({ model: MODEL, prompt: 'a cat', ...more });

  test('of another model', async (t) => {
    const ai = client(await grant(t, IMAGES));
    const wanted = { status: 403, code: 'model_not_allowed', says: MODEL, path: PATH };
    await refused(OpenAI.PermissionDeniedError, ask(ai, { model: 'dall-e-3' }), wanted);
  });

  test('two in one stream', async (t) => {
    const ai = client(await grant(t, IMAGES));
    const wanted = { status: 400, code: 'invalid_request', says: 'leave out n', path: PATH };
    await refused(OpenAI.BadRequestError, ask(ai, { n: 2, stream: true }), wanted);
  });

  test('that the money cannot pay', async (t) => {
    const ai = client(await grant(t, IMAGES, { monthly_spend: '0.10' }));
    const wanted = { status: 402, code: 'spend_limit_exceeded', says: 'resets', path: PATH };
    await refused(OpenAI.APIError, ask(ai, { stream: true }), wanted);
  });

  test('a stream of an image that is cut raises', async (t) => {
    const ai = client(await grant(t, IMAGES));
    await fault({ times: 1, fault: { kind: 'cut', after: 1 } });
    const stream = await ask(ai, { stream: true, partial_images: 2 })();
    await sawError(await all(stream).then(() => assert.fail('it was not cut'), (error) => error));
  });
});
