/** Where the browser brings the answer of the code flow. */
import { createServer } from 'node:http';
import { OkapError } from './checks.js';

/** Takes the redirect of one attempt; a callback that does not fit changes nothing (OKAP-R-120). */
export async function listen(issuer: string, state: string, timeout: number) {
  let done: (query: URLSearchParams) => void = () => undefined;
  const answer = new Promise<URLSearchParams>((resolve) => { done = resolve; });
  const server = createServer((request, response) => {
    const at = new URL(request.url ?? '/', 'http://127.0.0.1');
    const query = at.searchParams;
    const fits = at.pathname === '/callback' && new Set(query.keys()).size === [...query.keys()].length
      && query.get('iss') === issuer && query.get('state') === state // OKAP-R-118, OKAP-R-119
      && (query.has('code') || query.has('error'));
    response.writeHead(fits ? 200 : 400, { 'content-type': 'text/plain', connection: 'close' });
    response.end(fits ? 'Done: you can close this page.' : 'Not the answer to our question.');
    if (fits) done(query);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready)); // OKAP-R-075
  const timer = setTimeout(() => done(new URLSearchParams({ error: 'client_timeout' })), 1000 * timeout);
  const code = answer.then((query) => {
    const error = query.get('error');
    if (error !== null) throw new OkapError(error, query.get('error_description') ?? '');
    return query.get('code') ?? '';
  });
  code.catch(() => undefined); // whoever waits for it hears of it
  const close = () => {
    clearTimeout(timer);
    server.close();
  };
  return { redirectUri: `http://127.0.0.1:${server.address().port}/callback`, code, close };
}
