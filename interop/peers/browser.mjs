// A browser without a window: cookies, redirects, and forms that are sent as they stand.

/** One user's browser at one server. */
export class Browser {
  #cookies = new Map();

  async #send(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...options.headers, ...(cookie && { cookie }) };
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const set of answer.headers.getSetCookie()) {
      const [pair] = set.split(';');
      const at = pair.indexOf('=');
      this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  /** Follows redirects until there is a page. */
  async open(url, options) {
    let at = new URL(url);
    let answer = await this.#send(at, options);
    for (let hops = 0; answer.status >= 300 && answer.status < 400; hops += 1) {
      if (hops > 15) throw new Error(`redirected for ever: ${at}`);
      at = new URL(answer.headers.get('location'), at);
      answer = await this.#send(at);
    }
    return { url: at, status: answer.status, text: await answer.text() };
  }

  /** Sends the first form of a page, with changes. */
  submit(page, edits = {}) {
    const action = /<form[^>]*action="([^"]+)"/.exec(page.text)[1].replaceAll('&amp;', '&');
    const fields = new URLSearchParams();
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const of = (name) => new RegExp(`\\s${name}="([^"]*)"`).exec(input)?.[1];
      if (of('name') && of('type') !== 'submit') fields.set(of('name'), of('value') ?? '');
    }
    for (const [name, value] of Object.entries(edits)) fields.set(name, value);
    return this.open(new URL(action, page.url), { method: 'POST', body: fields });
  }
}
