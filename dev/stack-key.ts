import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  type KeyObject,
} from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StackConfig } from './dev-config.ts';
import { makeOpenFolder } from './servers/cache.ts';
import { hasCode } from './servers/process-identity.ts';
import { StartError } from './servers/progress.ts';

/** Whom the stack's own tokens come from and are meant for. */
export const STACK_ISSUER = 'urn:durable-orders:npm-start';
export const STACK_AUDIENCE = 'durable-orders';

const keyFileOf = (dataDir: string): string => join(dataDir, 'auth', 'private-key.pem');

/**
 * How the APIs of a stack find out who asks: with a token, by the stack's own key, which is made at the first start;
 * without one, it is the demo user. With an identity provider of one's own, all of it is inherited.
 */
export async function stackAuthentication(
  config: Pick<StackConfig, 'AUTH_ISSUER'>,
  dataDir: string,
): Promise<Record<string, string>> {
  if (config.AUTH_ISSUER !== undefined) return {};
  await makeKey(dataDir);
  const publicKey = createPublicKey(await readStackKey(dataDir));
  return {
    AUTH_DEMO: 'true',
    AUTH_ISSUER: STACK_ISSUER,
    AUTH_AUDIENCE: STACK_AUDIENCE,
    AUTH_PUBLIC_KEY: String(publicKey.export({ type: 'spki', format: 'pem' })),
    AUTH_ALGORITHMS: 'ES256',
  };
}

/** The key that signs a stack's tokens. @throws StartError when that stack has never been started */
export async function readStackKey(dataDir: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(keyFileOf(dataDir)));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    throw new StartError(`there is no key to sign a token with in ${dataDir}; run npm start first`);
  }
}

/** Whole or not at all, and once: of two that make one at the same time, the first is kept. */
async function makeKey(dataDir: string): Promise<void> {
  const file = keyFileOf(dataDir);
  await makeOpenFolder(dataDir);
  // Unlike what lies beside it, which the user of PostgreSQL must be able to enter.
  await mkdir(join(dataDir, 'auth'), { recursive: true, mode: 0o700 });
  const made = `${file}.${randomUUID()}`;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(made, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  try {
    await link(made, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error; // it was made at an earlier start
  } finally {
    await rm(made);
  }
}
