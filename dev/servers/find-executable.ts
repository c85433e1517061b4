import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { loadConfig } from '../../platform/config.ts';
import { searchSchema } from '../dev-config.ts';

/** Where PATH has a command of this name, or undefined. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const folder of loadConfig(searchSchema).PATH.split(delimiter)) {
    // An empty entry means the working folder, where a server is not to be looked for.
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

export const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
