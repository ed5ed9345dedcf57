/** What is asked and granted, and what a client checks before it believes a vault. */
import type { Details, Granted, Limits } from './access.js';

/** A refusal. Decide by `code` and `status` (OKAP-R-364); our own codes begin with `client_`. */
export class OkapError extends Error {
  constructor(readonly code: string, readonly description = '', readonly status = 0) {
    super(printable(`${code}: ${description}`));
  }
}

/** The error of a vault's answer; that of a proxied call has `okap` beside the provider's shape. */
export async function errorFrom(answer: Response): Promise<OkapError> {
  const body = await answer.json().catch(() => ({})) ?? {}; // a gateway's page, say
  const code = body.okap?.code ?? (typeof body.error === 'string' ? body.error : `http_${answer.status}`);
  return new OkapError(String(code), String(body.error?.message ?? body.error_description ?? ''), answer.status);
}

/** An https address, or http on a loopback address (OKAP-R-005), with nothing behind its path. */
export function checkIssuer(issuer: string): void {
  if (!URL.canParse(issuer) || /[@?#]|\/$/.test(issuer)) {
    throw new OkapError('client_bad_issuer', 'an issuer has no userinfo, query, fragment or last slash');
  }
  const at = new URL(issuer);
  const loopback = /^127(\.\d+){3}$/.test(at.hostname) || at.hostname === '[::1]';
  if (at.protocol !== 'https:' && !(at.protocol === 'http:' && loopback)) {
    throw new OkapError('client_insecure', 'a vault is reached over https, or http on loopback');
  }
}

/** Every granted object lies within one asked object of its own (OKAP-R-045). */
export function checkWithin(asked: Details[], granted: Granted[]): void {
  if (!Array.isArray(granted) || !granted.every((it) => it?.models && it.capabilities && Date.parse(it.expires))) {
    throw new OkapError('client_bad_answer', "the vault's answer lacks what was granted");
  }
  const free = [...asked].sort((a, b) => Number(!a.models?.length) - Number(!b.models?.length));
  for (const one of granted) {
    const at = free.findIndex((it) => within(it, one));
    if (at < 0) throw new OkapError('client_wider_grant', `${one.provider} is wider than what was asked`);
    free.splice(at, 1);
  }
}

/** What is absent or empty was left to the user; a limit may be lower, never gone. */
export function within(asked: Details, granted: Granted): boolean {
  const part = (few: string[], all: string[] = []) => all.length === 0 || few.every((it) => all.includes(it));
  const limits = Object.entries(asked.limits ?? {}) as Array<[keyof Limits, string | number]>;
  const lower = (now: string | number | undefined, most: string | number) =>
    now !== undefined && micros(now) <= micros(most);
  return asked.provider === granted.provider
    && part(granted.models, asked.models) && part(granted.capabilities, asked.capabilities)
    && limits.every(([name, most]) => lower(granted.limits?.[name], most))
    && (asked.expires === undefined || Date.parse(granted.expires) <= Date.parse(asked.expires));
}

export type Answer = Record<string, unknown>;

/** A member of an answer that has to be a text. */
export function text(answer: Answer, name: string): string {
  const found = answer?.[name];
  if (typeof found !== 'string') throw new OkapError('client_bad_answer', `the vault's answer lacks ${name}`);
  return found;
}

/** An amount by its digits, never as a binary fraction. */
function micros(amount: string | number): bigint {
  const [, whole, part = ''] = /^(\d+)(?:\.(\d{1,6}))?$/.exec(String(amount)) ?? [];
  if (whole === undefined) throw new OkapError('client_bad_answer', 'an amount has the form of none');
  return BigInt(whole + part.padEnd(6, '0'));
}

/** Without what a terminal would obey (OKAP-R-147). */
export const printable = (said: string) => said.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '');
