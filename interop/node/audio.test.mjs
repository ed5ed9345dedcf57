// OpenAI's SDK speaks, and writes down what is said, in one piece and as events.

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import OpenAI, { toFile } from 'openai';
import { desk, grant, info, saw } from '../harness/desk.mjs';
import { refused } from './refused.mjs';

const AUDIO = {
  type: 'ai_model_access',
  provider: 'openai',
  models: ['tts-1', 'gpt-4o-mini-tts', 'whisper-1', 'gpt-4o-transcribe'],
  capabilities: ['audio'],
};
const only = (model) => ({ ...AUDIO, models: [model] });
const client = (granted) => new OpenAI({ baseURL: granted.base_urls.openai, apiKey: granted.token });

/** A WAV file of so many seconds: sixteen-bit samples, 8,000 in a second. */
function recording(seconds) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(16_000, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(seconds * 16_000, 40);
  return toFile(Buffer.concat([head, Buffer.alloc(seconds * 16_000)]), 'words.wav', { type: 'audio/wav' });
}

describe('sound works', () => {
  const limits = { monthly_spend: '5.00' };
  const speak = { model: 'gpt-4o-mini-tts', input: 'Hello', voice: 'alloy' };
  let ai;
  before(async () => { ai = client(await desk('grant', { client: 'sound', details: [{ ...AUDIO, limits }] })); });

  test('speech', async () => {
    for (const model of ['tts-1', 'gpt-4o-mini-tts']) {
      const answer = await ai.audio.speech.create({ ...speak, model });
      assert.equal((await answer.arrayBuffer()).byteLength, 5 * 512);
    }
  });

  test('speech as events', async () => {
    const answer = await ai.audio.speech.create({ ...speak, stream_format: 'sse' });
    assert.match(answer.headers.get('content-type'), /^text\/event-stream/);
    const events = (await answer.text()).split('\n\n').filter(Boolean);
    const read = events.map((one) => JSON.parse(one.split('data: ')[1]));
    const delta = Array(5).fill('speech.audio.delta');
    assert.deepEqual(read.map((one) => one.type), [...delta, 'speech.audio.done']);
    assert.equal(read.at(-1).usage.output_tokens, 5);
  });

  test('transcription, a form', async () => {
    const answer = await ai.audio.transcriptions.create({ file: await recording(2), model: 'whisper-1' });
    assert.equal(answer.text, 'You said: something');
    assert.equal(answer.usage.seconds, 2);
    await saw(answer);
  });

  test('transcription streams', async () => {
    const events = [];
    const form = { file: await recording(2), model: 'gpt-4o-transcribe', prompt: info.prompt, stream: true };
    for await (const event of await ai.audio.transcriptions.create(form)) events.push(event);
    assert.equal(events.at(-1).type, 'transcript.text.done');
    assert.equal(events.at(-1).usage.input_tokens, 20);
  });

  test('translation', async () => {
    const answer = await ai.audio.translations.create({ file: await recording(1), model: 'whisper-1' });
    assert.equal(answer.text, 'You said: something');
  });
});

describe('sound is refused', () => {
  const forbidden = { status: 403, code: 'model_not_allowed' };

  test('speech of another model', async (t) => {
    const ai = client(await grant(t, only('tts-1')));
    const ask = () => ai.audio.speech.create({ model: 'tts-1-hd', input: 'a', voice: 'alloy' });
    await refused(OpenAI.PermissionDeniedError, ask, { ...forbidden, says: 'tts-1', path: '/audio/speech' });
  });

  test('a recording for another model', async (t) => {
    const ai = client(await grant(t, only('whisper-1')));
    const file = await recording(1);
    const ask = () => ai.audio.transcriptions.create({ file, model: 'gpt-4o-transcribe' });
    const wanted = { ...forbidden, says: 'whisper-1', path: '/audio/transcriptions' };
    await refused(OpenAI.PermissionDeniedError, ask, wanted);
  });

  test('a recording whose length nobody can tell, under a money limit', async (t) => {
    const ai = client(await grant(t, only('whisper-1'), { monthly_spend: '5.00' }));
    const file = await toFile(Buffer.from('OggS'), 'words.ogg', { type: 'audio/ogg' });
    const ask = () => ai.audio.transcriptions.create({ file, model: 'whisper-1' });
    const wanted = { status: 400, code: 'unsupported_parameter', says: 'wav and mp3', path: '/audio/transcriptions' };
    await refused(OpenAI.BadRequestError, ask, wanted);
  });
});
