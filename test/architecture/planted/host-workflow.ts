import { readFileSync } from 'node:fs';

/** What no workflow may do: it would run again, differently, at each replay. Bundled by a test to see it refused. */
export function hostWorkflow(): Promise<string> {
  return Promise.resolve(readFileSync('/etc/hostname', 'utf8'));
}
