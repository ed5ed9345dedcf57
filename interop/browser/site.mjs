// Servers beside the vault: an app that waits for its code, and a page that means ill.

import { createServer } from 'node:http';
import { once } from 'node:events';

/** Serves on a free port; `answer` gives the HTML of a path. */
export async function site(answer) {
  const visits = [];
  const server = createServer((request, response) => {
    visits.push({ url: request.url, headers: request.headers });
    const html = answer(new URL(request.url, 'http://site'));
    response.writeHead(html === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return { port, visits, url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');

/** A page that sends a form to `action` as soon as it is open. */
export function selfSending(action, fields) {
  const inputs = Object.entries(fields).map(([name, value]) =>
    `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`);
  return `<form method="post" action="${escaped(action)}">${inputs.join('')}</form><script>document.forms[0].submit()</script>`;
}
