import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { SignJWT } from 'jose';

/** A pair of keys for tests. */
export interface SigningKey {
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const signingKey = (alg: 'RS256' | 'ES256' | 'EdDSA' = 'ES256'): SigningKey => {
  if (alg === 'RS256') return { alg, ...generateKeyPairSync('rsa', { modulusLength: 2_048 }) };
  if (alg === 'EdDSA') return { alg, ...generateKeyPairSync('ed25519') };
  return { alg, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
};

/** What tests ask of a token. */
export const issuer = 'https://login.test';
export const audience = 'durable-orders';

export const inOneHour = (): number => Math.floor(Date.now() / 1_000) + 3_600;

export type Claims = Readonly<Record<string, unknown>>;

/** Of customer-1, good for an hour; `undefined` takes a claim out. */
export function sign(
  { alg, privateKey }: Pick<SigningKey, 'alg' | 'privateKey'>,
  claims: Claims = {},
  header: object = {},
): Promise<string> {
  const all = {
    iss: issuer,
    aud: audience,
    sub: 'maria',
    exp: inOneHour(),
    roles: ['customer'],
    customer_id: 'customer-1',
    ...claims,
  };
  return new SignJWT(JSON.parse(JSON.stringify(all)) as Record<string, unknown>)
    .setProtectedHeader({ alg, ...header })
    .sign(privateKey);
}

/** A request with these `Authorization` headers, as far as authentication looks at it. */
export const requestWith = (...authorization: string[]): Request => {
  const request: Pick<IncomingMessage, 'headersDistinct'> = {
    headersDistinct: authorization.length === 0 ? {} : { authorization },
  };
  return request as Request;
};

/** The header of a request with this token. */
export const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` });
