import { resolve } from 'node:path';
import { SignJWT } from 'jose';
import { systemClock } from '../platform/clock.ts';
import { ConfigError, loadConfig } from '../platform/config.ts';
import { stackSchema } from './dev-config.ts';
import { cacheRoot } from './servers/cache.ts';
import { StartError } from './servers/progress.ts';
import { readStackKey, STACK_AUDIENCE, STACK_ISSUER } from './stack-key.ts';
import { dataDirOf } from './stack-settings.ts';
import { parseTokenArguments, tokenUsage, type TokenRequest } from './token-arguments.ts';

async function mint({ roles, customerId, subject, expiresInS }: TokenRequest): Promise<string> {
  const config = loadConfig(stackSchema);
  const key = await readStackKey(dataDirOf(config, await cacheRoot(), resolve(import.meta.dirname, '..')));
  const now = Math.floor(systemClock.now().getTime() / 1_000);
  return new SignJWT({ roles, ...(customerId === undefined ? {} : { customer_id: customerId }) })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer(STACK_ISSUER)
    .setAudience(STACK_AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(now + expiresInS)
    .sign(key);
}

try {
  const request = parseTokenArguments(process.argv.slice(2));
  // Nothing else on stdout, so that a shell can take it from there.
  process.stdout.write(`${request ? await mint(request) : tokenUsage}\n`);
} catch (error) {
  if (!(error instanceof StartError || error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
