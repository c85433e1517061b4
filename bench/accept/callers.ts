import { audience, issuer, sign, signingKey } from '../../test/support/tokens.ts';

/** Whose orders are placed, and how the APIs know them. */
export interface Callers {
  /** Signed for one customer each. */
  readonly tokens: readonly string[];
  /** Signed for somebody who may see all sales. */
  readonly analyst: string;
  /** Settings by which the APIs take these tokens. */
  readonly settings: Readonly<Record<string, string>>;
}

export async function createCallers(count: number): Promise<Callers> {
  const key = signingKey('RS256');
  const tokens = await Promise.all(
    Array.from({ length: count }, (_, n) => sign(key, { sub: `caller-${n}`, customer_id: `customer-${n}` })),
  );
  return {
    tokens,
    analyst: await sign(key, { sub: 'analyst', roles: ['analyst'], customer_id: undefined }),
    settings: {
      AUTH_ISSUER: issuer,
      AUTH_AUDIENCE: audience,
      AUTH_PUBLIC_KEY: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      // Counted, and never reached.
      RATE_LIMIT_PER_MINUTE: '1000000000',
    },
  };
}
