import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { isLoopback, LOOPBACK } from './loopback.ts';
import { credential, flag, whole } from './settings/values.ts';

/**
 * Signatures that can be checked with a public key. HMAC (HS*) is left out on purpose: whoever could check a token
 * could also make one, and a public key must never be taken for a shared secret.
 */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA'],
] as const;

const jwksUrl = z
  .url({ protocol: /^https?$/, error: 'must look like https://login.example.com/keys' })
  .transform((text) => new URL(text))
  .refine((url) => url.protocol === 'https:' || isLoopback(url.hostname), {
    error: 'must begin with https://, because whoever can change the keys on their way can sign any token',
  })
  .refine((url) => url.username === '' && url.password === '', { error: 'must hold no user and password' });

const PUBLIC_KEY = 'must be a public key as PEM (-----BEGIN PUBLIC KEY-----, "\\n" for line ends) or as JWK';
/** RFC 7518, section 3.3. */
const LEAST_RSA_BITS = 2_048;

const publicKey = z.string().transform((text, context): KeyObject => {
  const refuse = (message: string): never => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  try {
    const pem = text.replaceAll('\\n', '\n');
    const jwk = text.trimStart().startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : undefined;
    // Node would take a private key, too; but what verifies should not be able to sign.
    if (jwk ? 'd' in jwk : pem.includes('PRIVATE KEY'))
      return refuse('is a private key; give its public key');
    const key = createPublicKey(jwk ? { key: jwk, format: 'jwk' } : pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? LEAST_RSA_BITS;
    return bits < LEAST_RSA_BITS ? refuse(`has ${bits} bits; RSA needs ${LEAST_RSA_BITS} or more`) : key;
  } catch {
    return refuse(PUBLIC_KEY);
  }
});

/** How the APIs find out who asks: from tokens of an identity provider. */
export const authSettings = {
  /** Whose tokens are taken: their `iss`. */
  AUTH_ISSUER: credential.optional(),
  /** Whom a token must be meant for: its `aud`. */
  AUTH_AUDIENCE: credential.optional(),
  /** Where the issuer publishes its keys. They are fetched when needed, and again when an unknown one is used. */
  AUTH_JWKS_URL: jwksUrl.optional(),
  /** The issuer's one key, in place of AUTH_JWKS_URL. */
  AUTH_PUBLIC_KEY: publicKey.optional(),
  /** Signatures that are taken, whatever a token says of itself. */
  AUTH_ALGORITHMS: z
    .string()
    .default('RS256,ES256,EdDSA')
    .transform((value) => value.split(',').map((part) => part.trim()))
    .pipe(z.array(z.enum(algorithms, { error: `must be a list of ${algorithms.join(', ')}` })).min(1)),
  /** How far the issuer's clock may differ from ours, in s. */
  AUTH_CLOCK_TOLERANCE_S: whole(0, 300).default(5),
  /** Takes whoever sends no token for a demo user with all roles. For development on loopback only. */
  AUTH_DEMO: flag.default(false),
};

type Algorithm = (typeof algorithms)[number];
type AuthConfig = z.infer<z.ZodObject<typeof authSettings>>;

const WHAT_TO_SET = 'set AUTH_ISSUER, AUTH_AUDIENCE and AUTH_JWKS_URL or AUTH_PUBLIC_KEY';

/** Refuses settings under which nobody, or just anybody, would be let in; each message names the fix. */
export function requireAuthentication(
  config: AuthConfig & { readonly HOST: string },
  context: z.RefinementCtx,
): void {
  const fault = (name: keyof AuthConfig, message: string): void => {
    context.addIssue({ code: 'custom', path: [name], message });
  };
  if (config.AUTH_DEMO && !isLoopback(config.HOST))
    fault(
      'AUTH_DEMO',
      `lets everybody in who reaches HOST=${config.HOST}; listen on ${LOOPBACK}, or leave it out and ${WHAT_TO_SET}`,
    );
  if (!checksTokens(config)) {
    if (config.AUTH_DEMO) return;
    fault(
      'AUTH_ISSUER',
      `whose tokens are trusted is not known; ${WHAT_TO_SET} of your identity provider, or, to try things out on this machine alone, AUTH_DEMO=true`,
    );
    return;
  }
  if (config.AUTH_ISSUER === undefined) fault('AUTH_ISSUER', 'is missing; set it to the iss of your tokens');
  if (config.AUTH_AUDIENCE === undefined)
    fault('AUTH_AUDIENCE', 'is missing; set it to the aud of your tokens');
  if (config.AUTH_JWKS_URL === undefined && config.AUTH_PUBLIC_KEY === undefined)
    fault('AUTH_JWKS_URL', 'is missing; set it to where the issuer publishes its keys, or AUTH_PUBLIC_KEY');
  if (config.AUTH_JWKS_URL !== undefined && config.AUTH_PUBLIC_KEY !== undefined)
    fault('AUTH_PUBLIC_KEY', 'is set beside AUTH_JWKS_URL; leave one of them out');
  const key = config.AUTH_PUBLIC_KEY;
  if (key && usableWith(key, config.AUTH_ALGORITHMS).length === 0)
    fault(
      'AUTH_ALGORITHMS',
      `must hold one that fits AUTH_PUBLIC_KEY: ${fitting(key).join(', ') || 'none does'}`,
    );
}

const checksTokens = (config: AuthConfig): boolean =>
  [config.AUTH_ISSUER, config.AUTH_AUDIENCE, config.AUTH_JWKS_URL, config.AUTH_PUBLIC_KEY].some(
    (value) => value !== undefined,
  );

/** How tokens are checked. */
export interface TokenSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly keys: URL | KeyObject;
  readonly algorithms: readonly string[];
  readonly clockToleranceS: number;
}

/** @param config as `requireAuthentication` has let it through */
export function authSettingsOf(config: AuthConfig): {
  /** Absent: no token can be checked. */
  readonly tokens: TokenSettings | undefined;
  readonly demo: boolean;
} {
  const { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience, AUTH_PUBLIC_KEY: key } = config;
  const keys = key ?? config.AUTH_JWKS_URL;
  if (issuer === undefined || audience === undefined || keys === undefined)
    return { tokens: undefined, demo: config.AUTH_DEMO };
  const { AUTH_ALGORITHMS: wanted, AUTH_CLOCK_TOLERANCE_S: clockToleranceS } = config;
  const usable = key ? usableWith(key, wanted) : wanted;
  return { tokens: { issuer, audience, keys, algorithms: usable, clockToleranceS }, demo: config.AUTH_DEMO };
}

const usableWith = (key: KeyObject, wanted: readonly Algorithm[]): Algorithm[] =>
  wanted.filter((algorithm) => fitting(key).includes(algorithm));

const curves: Readonly<Record<string, Algorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/** A token must not choose what a key is used as. */
function fitting({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): Algorithm[] {
  if (type === 'rsa') return algorithms.filter((algorithm) => /^[RP]S/.test(algorithm));
  if (type === 'ed25519') return ['EdDSA'];
  const onCurve = type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  return onCurve === undefined ? [] : [onCurve];
}
