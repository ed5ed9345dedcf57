/**
 * A client of OKAP 1.0 without dependencies, written from spec/okap.md alone.
 *
 *     const okap = new Client('http://127.0.0.1:8787', { name: 'Notes' });
 *     const asked = await okap.ask([{ type: 'ai_model_access', provider: 'openai' }]);
 *     if (asked instanceof Asked) console.log(asked.uri, asked.userCode);
 *     const access = asked instanceof Asked ? await okap.wait(asked) : asked;
 *
 * A comment with an identifier names the rule of the specification that the code beside it keeps.
 */
import { Access, Asked, type Details, type Granted, Secret, type State } from './access.js';
import { type Answer, checkIssuer, checkWithin, errorFrom, OkapError, printable, text } from './checks.js';
import { type DpopKey, random, sha256 } from './dpop.js';
import { listen } from './loopback.js';

export { Access, Asked, type Details, type Granted, Secret } from './access.js';
export { errorFrom, OkapError, printable } from './checks.js';
export { DpopKey } from './dpop.js';

type Form = Record<string, string | undefined>;
type Call = {
  body?: unknown; form?: Form; headers?: Record<string, string>; timeout?: number;
  /** With a proof, and of which token. */
  prove?: boolean; token?: string;
};
export type Options = { narrow?: Details[]; timeout?: number };

const LOCAL_APP = 'http://localhost';
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:';

/** One app at one vault. Without a `clientId` it is a local app that has only a name. */
export class Client {
  readonly name: string;
  readonly clientId: string;
  readonly #dpop: DpopKey | undefined;
  #nonce: string | undefined;
  #metadata: Answer | undefined;

  constructor(readonly issuer: string, app: { name: string; clientId?: string; dpop?: DpopKey }) {
    checkIssuer(issuer);
    this.name = app.name;
    this.clientId = app.clientId ?? LOCAL_APP;
    this.#dpop = app.dpop;
  }

  /** The vault's metadata, fetched once and checked. */
  async metadata(): Promise<Answer> {
    if (this.#metadata) return this.#metadata;
    const at = new URL(this.issuer);
    const path = at.pathname === '/' ? '' : at.pathname;
    const { answer } = await this.#send('GET', `${at.origin}/.well-known/oauth-authorization-server${path}`);
    if (answer['issuer'] !== this.issuer) { // OKAP-R-052
      throw new OkapError('client_wrong_issuer', 'the vault has another name than its address');
    }
    for (const name of Object.keys(answer)) {
      if (name.endsWith('_endpoint')) this.#atVault(text(answer, name)); // OKAP-R-053
    }
    return this.#metadata = answer;
  }

  /** Asks by direct JSON. Access comes at once only where the owner's policy decides. */
  async ask(details: Details[]): Promise<Asked | Access> {
    const client = { name: this.name, ...(this.clientId === LOCAL_APP ? {} : { client_id: this.clientId }) };
    const body = { okap: '1.0', authorization_details: details, client };
    return this.#outcome(details, await this.#send('POST', await this.#endpoint('okap_direct_endpoint'), { body }));
  }

  /** Begins the device flow: the user opens `uri` elsewhere and types `userCode`. */
  async askByDevice(details: Details[]): Promise<Asked> {
    const form = { ...this.#identity(), authorization_details: JSON.stringify(details) };
    const { answer } = await this.#send('POST', await this.#endpoint('device_authorization_endpoint'), { form });
    const uri = text(answer, 'verification_uri');
    const complete = String(answer['verification_uri_complete'] ?? uri);
    return new Asked(this.#atVault(uri), printable(text(answer, 'user_code')), Number(answer['expires_in']),
      Number(answer['interval'] ?? 5), details, new Secret(text(answer, 'device_code')),
      undefined, this.#atVault(complete));
  }

  /** Polls until the user has decided; throws `access_denied` where they deny. */
  async wait(asked: Asked, { narrow, timeout = 600 }: Options = {}): Promise<Access> {
    const deadline = performance.now() + 1000 * Math.min(timeout, asked.expiresIn);
    let interval = 1000 * asked.interval;
    while (performance.now() + interval < deadline) {
      await sleep(interval); // OKAP-R-152, OKAP-R-181
      try {
        const outcome = await this.#poll(asked, narrow, (deadline - performance.now()) / 1000);
        if (outcome instanceof Access) return outcome;
      } catch (error) {
        const code = error instanceof OkapError ? error.code : '';
        if (code !== 'authorization_pending' && code !== 'slow_down') throw error;
        if (code === 'slow_down') interval += 5000;
      }
    }
    throw new OkapError('client_timeout', 'the user has not decided');
  }

  async #poll(asked: Asked, narrow: Details[] | undefined, left: number): Promise<Asked | Access> {
    if (asked.pollUri === undefined) {
      const device_code = asked.secret.expose();
      const form = { grant_type: `${GRANT_TYPE}device_code`, device_code, client_id: this.clientId };
      return this.#token(form, asked.details, narrow);
    }
    const hold = Math.max(1, Math.min(30, Math.floor(left)));
    const headers = { authorization: `Bearer ${asked.secret.expose()}`, prefer: `wait=${hold}` };
    return this.#outcome(asked.details, await this.#send('POST', asked.pollUri, { headers, timeout: hold + 15 }));
  }

  #outcome(details: Details[], { status, answer }: { status: number; answer: Answer }): Asked | Access {
    if (!String(answer['okap']).startsWith('1.')) throw new OkapError('client_bad_answer', 'another major version', status); // OKAP-R-448
    const said = `${status} ${answer['status']}`;
    if (said === '200 granted') {
      return this.#access(answer, details, details, this.clientId === LOCAL_APP ? undefined : this.clientId, false);
    }
    if (said !== '202 pending') throw new OkapError('client_bad_answer', said, status); // OKAP-R-158
    const poll = answer['continue'] as Answer;
    return new Asked(this.#atVault(text(answer, 'interaction_uri')), printable(text(answer, 'user_code')),
      Number(answer['expires_in']), Number(answer['interval']), details,
      new Secret(text(poll, 'access_token')), this.#atVault(text(poll, 'uri'))); // OKAP-R-145
  }

  /** Code flow: `open` shows the consent page in the browser, the answer comes to a loopback port. */
  async authorizeInBrowser(
    details: Details[], open: (url: string) => unknown, { narrow, timeout = 300 }: Options = {},
  ): Promise<Access> {
    const found = await this.metadata();
    const methods = found['code_challenge_methods_supported'];
    if (!Array.isArray(methods) || !methods.includes('S256')
      || found['authorization_response_iss_parameter_supported'] !== true) {
      throw new OkapError('client_unsupported', 'the vault lacks S256 or iss'); // OKAP-R-054
    }
    const [verifier, state] = [random(), random()]; // OKAP-R-122
    const listener = await listen(this.issuer, state, timeout);
    try {
      const both = { client_id: this.clientId, redirect_uri: listener.redirectUri };
      const form = {
        ...this.#identity(), ...both, response_type: 'code', state,
        code_challenge: await sha256(verifier), code_challenge_method: 'S256',
        authorization_details: JSON.stringify(details), dpop_jkt: this.#dpop?.thumbprint,
      };
      const par = await this.#endpoint('pushed_authorization_request_endpoint');
      const { answer } = await this.#send('POST', par, { form });
      const query = new URLSearchParams({ client_id: this.clientId, request_uri: text(answer, 'request_uri') });
      open(`${await this.#endpoint('authorization_endpoint')}?${query}`);
      const code = await listener.code;
      const redeem = { grant_type: 'authorization_code', code, code_verifier: verifier, ...both };
      return await this.#token(redeem, details, narrow);
    } finally {
      listener.close();
    }
  }

  /** Renews the access in place. On `invalid_grant` ask the user again (OKAP-R-209). */
  async refresh(access: Access): Promise<Access> {
    const { token, details, ends } = await this.narrow(access, undefined);
    return Object.assign(access, { token, details, ends });
  }

  /** A second token of the same grant that may do less; `access` keeps its own. */
  narrow(access: Access, details: Details[] | undefined): Promise<Access> {
    const work = async () => {
      if (!access.refreshToken) throw new OkapError('client_no_refresh', 'this access has no refresh token');
      const refresh_token = access.refreshToken.expose();
      const form = { grant_type: 'refresh_token', refresh_token, client_id: this.clientId };
      const fresh = await this.#token(form, access.asked, details);
      access.refreshToken = fresh.refreshToken ?? access.refreshToken; // OKAP-R-208
      fresh.refreshToken = undefined;
      return fresh;
    };
    const turn = access.turn.then(work, work); // OKAP-R-207
    access.turn = turn.catch(() => undefined);
    return turn;
  }

  /** A grant below this one, for another program; its key may be named where tokens are bound. */
  delegate(access: Access, details: Details[], name: string, thumbprint?: string): Promise<Access> {
    return this.#token({
      grant_type: `${GRANT_TYPE}token-exchange`, subject_token: access.token.expose(),
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      client_name: name, client_id: access.clientId, dpop_jkt: thumbprint,
    }, access.details, details, access.bound || thumbprint !== undefined);
  }

  /** What is left: one entry for each details object. */
  async limits(access: Access): Promise<Array<{ provider: string; models: string[]; limits: Record<string, State> }>> {
    return (await this.#own(access, await this.#endpoint('okap_limits_endpoint')))['limits'] as never;
  }

  /** The grant as the vault has it: its `status`, end and details. */
  async grant(access: Access): Promise<Answer> {
    return this.#own(access, `${await this.#endpoint('okap_grants_endpoint')}/${access.grantId}`);
  }

  /** Gives the grant back, with all its tokens and children. */
  async revoke(access: Access): Promise<void> {
    const form = { token: access.token.expose(), client_id: access.clientId };
    await this.#send('POST', await this.#endpoint('revocation_endpoint'), { form });
  }

  /** A `fetch` for calls of models, for an SDK that takes one: adds the token, and its proof where it is bound. */
  fetch(access: Access): (to: string | URL, init?: RequestInit) => Promise<Response> {
    return async (to, init = {}) => {
      const url = String(to);
      if (!access.details.some((it) => url.startsWith(`${it.base_url}/`))) {
        throw new OkapError('client_foreign_address', 'a token goes to its own vault alone');
      }
      const headers = new Headers(init.headers);
      const token = access.token.expose();
      headers.set('authorization', `${access.bound ? 'DPoP' : 'Bearer'} ${token}`);
      return this.#fetch(url, { ...init, headers }, access.bound, token);
    };
  }

  #identity(): Form {
    return { client_id: this.clientId, client_name: this.clientId === LOCAL_APP ? this.name : undefined }; // OKAP-R-073
  }

  async #token(form: Form, asked: Details[], narrow?: Details[], bound = this.#dpop !== undefined): Promise<Access> {
    const prove = this.#dpop !== undefined && bound;
    const all = { ...form, authorization_details: narrow && JSON.stringify(narrow) };
    const { answer } = await this.#send('POST', await this.#endpoint('token_endpoint'), { form: all, prove });
    return this.#access(answer, asked, narrow ?? asked, form['client_id'], bound);
  }

  #access(answer: Answer, asked: Details[], most: Details[], clientId: string | undefined, bound: boolean): Access {
    if (text(answer, 'token_type').toLowerCase() !== (bound ? 'dpop' : 'bearer')) { // OKAP-R-132
      throw new OkapError('client_bad_answer', 'the token is of a type that was not asked for');
    }
    const details = answer['authorization_details'] as Granted[];
    checkWithin(most, details);
    for (const one of details) this.#atVault(one.base_url); // OKAP-R-047
    const refresh = answer['refresh_token'] === undefined ? undefined : new Secret(text(answer, 'refresh_token'));
    return new Access(new Secret(text(answer, 'access_token')), refresh, text(answer, 'grant_id'), details, asked,
      clientId, bound, performance.now() + 1000 * Number(answer['expires_in']));
  }

  async #endpoint(name: string): Promise<string> {
    const found = await this.metadata();
    if (!(name in found)) throw new OkapError('client_unsupported', `the vault has no ${name}`);
    return text(found, name);
  }

  async #own(access: Access, url: string): Promise<Answer> {
    const token = access.token.expose();
    const headers = { authorization: `${access.bound ? 'DPoP' : 'Bearer'} ${token}` };
    return (await this.#send('GET', url, { headers, token, prove: access.bound })).answer;
  }

  #atVault(url: string): string {
    if (!URL.canParse(url) || new URL(url).origin !== new URL(this.issuer).origin) {
      throw new OkapError('client_foreign_address', 'the vault names an address that is not its own');
    }
    return printable(url);
  }

  /** One request: the status and the JSON of a success, or the vault's error thrown. */
  async #send(method: string, url: string, call: Call = {}): Promise<{ status: number; answer: Answer }> {
    const headers = new Headers(call.headers);
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(1000 * (call.timeout ?? 30)) };
    if (call.form) {
      const said = Object.entries(call.form).filter((it): it is [string, string] => it[1] !== undefined);
      init.body = new URLSearchParams(said);
    } else if (call.body) {
      headers.set('content-type', 'application/json');
      init.body = JSON.stringify(call.body);
    }
    try {
      const answer = await this.#fetch(url, init, call.prove ?? false, call.token);
      if (!answer.ok) throw await errorFrom(answer);
      const said = await answer.text();
      return { status: answer.status, answer: said ? JSON.parse(said) : {} };
    } catch (error) {
      if (error instanceof OkapError) throw error;
      throw new OkapError('client_no_answer', error instanceof Error ? error.name : '');
    }
  }

  /** With a proof where it is asked for, and once more where the vault wants its nonce in it (OKAP-R-269). */
  async #fetch(url: string, init: RequestInit, prove: boolean, token?: string): Promise<Response> {
    for (let again = false; ; again = true) {
      const headers = new Headers(init.headers);
      const method = init.method ?? 'GET';
      if (prove && this.#dpop) headers.set('dpop', await this.#dpop.proof(method, url, token, this.#nonce));
      const answer = await fetch(url, { ...init, headers, redirect: 'manual' }); // OKAP-R-006
      const nonce = answer.headers.get('dpop-nonce');
      if (nonce) this.#nonce = nonce;
      if (!prove || again || !nonce || answer.ok) return answer;
      if ((await errorFrom(answer.clone())).code !== 'use_dpop_nonce') return answer;
    }
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
