// What an SDK makes of a refusal, and what it shows of it.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { requests, saw } from '../harness/desk.mjs';

/** Everything that an exception shows to whoever logs it. */
export async function sawError(error) {
  const headers = error.headers ? [...error.headers] : [];
  const shown = [String(error), inspect(error, { depth: 6 }), JSON.stringify(error.error ?? null), JSON.stringify(headers)];
  assert(!shown.join().includes('okap_at_'), 'no token in an exception');
  await saw(...shown);
  return shown.join(' ');
}

/** The call fails with this type, status, code and words, after a single request. */
export async function refused(Kind, call, { status, code, says, path }) {
  const before = path && (await requests(path));
  const error = await call().then(() => assert.fail('it was not refused'), (error) => error);
  const shown = await sawError(error);
  assert(error instanceof Kind, `${error?.constructor?.name} is no ${Kind.name}: ${shown}`);
  assert.equal(error.status, status);
  assert(shown.includes(code), `${code} in ${shown}`);
  assert(error.message.toLowerCase().includes(says), `${says} in ${error.message}`);
  if (path) assert.equal((await requests(path)) - before, 1, 'requests, so 0 retries');
  return error;
}
