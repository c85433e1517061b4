import { startSystem, type System } from './system.ts';
import { audience, issuer, sign, signingKey } from './tokens.ts';

interface Operated {
  readonly system: System;
  /** The environment of an operator's shell, as docs/operations.md tells to set it. */
  readonly shell: Readonly<Record<string, string>>;
}

/** A system, and an operator in front of it. @param options as of `startSystem` */
export async function startOperated(options: Parameters<typeof startSystem>[0] = {}): Promise<Operated> {
  const login = signingKey();
  const system = await startSystem({
    ...options,
    env: {
      AUTH_ISSUER: issuer,
      AUTH_AUDIENCE: audience,
      AUTH_PUBLIC_KEY: String(login.publicKey.export({ type: 'spki', format: 'pem' })),
      ...options.env,
    },
  });
  const shell = {
    ...system.ownerEnv,
    COMMAND_API: system.urls['command-api'],
    QUERY_API: system.urls['query-api'],
    WORKER: system.urls.worker,
    TOKEN: await sign(login, { sub: 'maria', roles: ['operator'] }),
  };
  return { system, shell };
}
