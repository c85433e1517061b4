import type { ProcessName } from './processes.ts';
import type { System } from './system.ts';

/** What docs/operations.md tells an operator to set before its commands. */
export const addressesOf = (urls: Readonly<Record<ProcessName, string>>): Record<string, string> => ({
  COMMAND_API: urls['command-api'],
  QUERY_API: urls['query-api'],
  WORKER: urls.worker,
  // Without an identity provider no token is asked for; one that is sent is not read.
  TOKEN: '',
});

/** The environment of an operator's shell in front of a system. */
export const operatorsShell = ({
  ownerEnv,
  urls,
}: Pick<System, 'ownerEnv' | 'urls'>): Record<string, string> => ({
  ...ownerEnv,
  ...addressesOf(urls),
});
