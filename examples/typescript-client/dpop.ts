/** Keys that tokens can be bound to, and the encodings that they need. */

/** A key that tokens can be bound to (DPoP, ES256). */
export class DpopKey {
  private constructor(private readonly key: CryptoKey, private readonly jwk: object, readonly thumbprint: string) {}

  static async generate(): Promise<DpopKey> {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    return new DpopKey(pair.privateKey, { kty, crv, x, y }, await sha256(JSON.stringify({ crv, kty, x, y })));
  }

  /** A proof for one request (OKAP-R-270: every time a new `jti`). */
  async proof(method: string, url: string, token?: string, nonce?: string): Promise<string> {
    const claims = {
      jti: random(), htm: method, htu: url.split(/[?#]/)[0], iat: Math.floor(Date.now() / 1000),
      ath: token && await sha256(token), nonce,
    };
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: this.jwk };
    const parts = [header, claims].map((it) => base64url(utf8(JSON.stringify(it))));
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, this.key, utf8(parts.join('.')));
    return [...parts, base64url(new Uint8Array(signature))].join('.');
  }
}

const utf8 = (said: string) => new TextEncoder().encode(said);
const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
export const sha256 = async (said: string) =>
  base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(said))));
export const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));
