/** What an app asks for, the request that waits, and what the user granted. */
import { OkapError } from './checks.js';

export type Limits = Partial<Record<'monthly_spend' | 'daily_spend', string>> &
  Partial<Record<'requests_per_minute' | 'requests_per_day' | 'tokens_per_request', number>>;

export interface Details {
  type: 'ai_model_access';
  provider: string;
  models?: string[];
  capabilities?: string[];
  limits?: Limits;
  expires?: string;
  reason?: string;
}

export interface Granted extends Details {
  models: string[];
  capabilities: string[];
  expires: string;
  base_url: string;
  models_refused?: string[];
}

/** One limit and what is left of it. */
export interface State {
  limit: string | number;
  used?: string | number;
  remaining?: string | number;
  resets_at?: string;
}

/** A token, which no printout shows. */
export class Secret {
  #text: string;
  constructor(text: string) { this.#text = text; }
  expose(): string { return this.#text; }
}

/** A request that waits for the user. Show `uri` and `userCode` together (OKAP-R-146). */
export class Asked {
  constructor(readonly uri: string, readonly userCode: string, readonly expiresIn: number, readonly interval: number,
    readonly details: Details[], readonly secret: Secret, readonly pollUri?: string, readonly completeUri?: string) {}
}

/** What the user granted. `ends` is on the steady clock of `performance.now()` (OKAP-R-198). */
export class Access {
  /** One refresh at a time. */
  turn: Promise<unknown> = Promise.resolve();
  constructor(public token: Secret, public refreshToken: Secret | undefined, readonly grantId: string,
    public details: Granted[], readonly asked: Details[], readonly clientId: string | undefined,
    readonly bound: boolean, public ends: number) {}

  /** What to give the provider's SDK as its base address. */
  baseUrl(provider: string): string {
    const one = this.details.find((it) => it.provider === provider);
    if (!one) throw new OkapError('client_not_granted', provider);
    return one.base_url;
  }
}
